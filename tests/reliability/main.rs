//! Storage under attack: killed at every system call, failed by every kind of error, cut from power at every moment, and
//! fed with damaged and hostile files.
//!
//! Each file here makes one claim. What is attacked is a process that keeps a log, saves checkpoints and exports a small
//! file: [`victim`].

#![allow(clippy::unwrap_used, reason = "tests")]

mod allocations;
mod errors;
mod hostile;
mod kills;
mod names;
#[path = "../needs/mod.rs"]
mod needs;
mod power_cuts;
mod victim;
