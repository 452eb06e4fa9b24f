//! The plugin of agon that trains through libtorch: a shared object that offers one function, `agon_torch`.
//!
//! agon never links libtorch; it opens this file when a run asks for it. Names of parameters, checks and initial numbers are
//! agon's; here is what needs libtorch: the networks, their optimisers, and what the results depend on.
//!
//! # Repeatability
//! libtorch runs on one thread: its results depend on the number of threads, and its thread pool stalls when cores are
//! shared. Its settings, in `threads`, name what else they depend on.

mod border;
mod half;
#[path = "../../src/learn/nets/torch/interface.rs"]
#[allow(dead_code, reason = "the names of parameters are for agon")]
mod interface;
mod network;
mod threads;
