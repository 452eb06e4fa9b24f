//! agon, a live laboratory for multi-agent learning.
pub mod domains;
pub mod error;
pub mod learn;
pub mod math;
pub mod policy;
pub mod sim;
