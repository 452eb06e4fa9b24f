//! Storage under attack: killed at every system call, failed by every kind of error, cut from power at every moment, and
//! fed with damaged and hostile files.
//!
//! Each file here makes one claim. What is attacked is a process that keeps a log, saves checkpoints and exports a small
//! file: [`victim`].

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{io::Write, process::Command};

mod allocations;
mod errors;
mod hostile;
mod kills;
mod power_cuts;
mod victim;

/// Whether a test that needs these programs can run here; if not, says so loudly.
fn has_tools(test: &str, tools: &[&str]) -> bool {
    let is_missing = |tool: &&&str| !Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success());
    match tools.iter().find(is_missing) {
        Some(tool) => skip(test, &format!("`{tool}` is not installed")),
        None => true,
    }
}

/// Says that a test did not run, and why; always false.
fn skip(test: &str, why: &str) -> bool {
    say(&format!("SKIPPED: {test}: {why}"));
    false
}

/// Writes a line that the test runner does not swallow.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
