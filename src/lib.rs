//! agon, a live laboratory for multi-agent learning.
pub mod domains;
pub mod error;
pub mod math;
pub mod sim;
