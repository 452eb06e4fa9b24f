//! agon, a live laboratory for multi-agent learning.
pub mod error;
