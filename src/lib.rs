//! agon, a live laboratory for multi-agent learning.
pub mod cli;
pub mod domains;
pub mod durable;
pub mod error;
pub mod eval;
pub mod export;
pub mod learn;
pub mod math;
pub mod metrics;
pub mod picture;
pub mod policy;
pub mod raster;
pub mod record;
pub mod session;
pub mod sim;
pub mod traces;
