//! agon, a live laboratory for multi-agent learning.
pub mod cli;
pub mod domains;
pub mod durable;
pub mod error;
pub mod eval;
pub mod learn;
pub mod math;
pub mod metrics;
pub mod policy;
pub mod record;
pub mod session;
pub mod sim;
