//! What the fuzzer calls: each reader of agon, and what must hold of everything that it accepts.
//!
//! To add a target: a function in the file of its kind, its line in [`TARGETS`], and valid and damaged files in
//! `seeds/<target>/`. `tests/fuzz_seeds.rs` gives every seed to the same function, so a file that once broke something stays
//! a test when it is kept among the seeds.

mod decide;
mod policies;
mod recordings;
mod runs;
mod scenarios;
mod traces;

use agon::error::{Error, Result};

pub use self::{recordings::beginnings, runs::run_to_the_end};

/// Looks at the bytes of one file; whether something in them was accepted. What must hold of it is asserted.
pub type Target = fn(&[u8]) -> bool;

/// All targets with their names.
pub const TARGETS: &[(&str, Target)] = &[
    ("card", policies::card),
    ("checkpoint", runs::checkpoint),
    ("decide", decide::decide),
    ("keyframe", recordings::keyframe),
    ("recording", recordings::recording),
    ("run_plan", runs::plan),
    ("safetensors", policies::safetensors),
    ("scenario", scenarios::scenario),
    ("sections", runs::sections),
    ("trace_huawei", traces::huawei),
    ("trace_nodes", traces::nodes),
    ("trace_openb", traces::openb),
    ("trace_plain", traces::plain),
    ("trace_swf", traces::swf),
];

/// What was read; of an error, that a terminal can bear it.
fn accepted<T>(read: Result<T>) -> Option<T> {
    read.inspect_err(check_words).ok()
}

fn check_words(error: &Error) {
    let told = error.to_string();
    assert!(told.len() < 4000, "an error of {} bytes", told.len());
    assert!(!told.contains(char::is_control), "{told:?}");
}
