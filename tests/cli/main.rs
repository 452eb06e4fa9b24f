//! The program as a user meets it: arguments in, text and exit codes out.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod decide;
mod errors;
mod evaluation;
mod export;
mod groups;
mod listing;
#[path = "../needs/mod.rs"]
mod needs;
mod paths;
mod pipes;
mod policies;
mod torch;
mod traces;
mod window;

use std::{
    path::Path,
    process::{Command, Output},
};

/// The program, run from the folder of the repository.
fn agon(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

fn program(args: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_agon"));
    program.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    program
}

/// What a command prints that must succeed.
#[track_caller]
fn stdout(args: &[&str]) -> String {
    let output = agon(args);
    assert!(output.status.success(), "agon {}: {}", args.join(" "), stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json(args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&stdout(args)).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A command that must be refused as bad input: exit code 2, one line that says all of `because`, nothing on stdout.
#[track_caller]
fn refused(args: &[&str], because: &[&str]) {
    let output = agon(args);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "agon {}: {told}", args.join(" "));
    assert!(output.stdout.is_empty(), "agon {}", args.join(" "));
    assert!(told.starts_with("error: ") && told.trim_end().lines().count() == 1, "{told}");
    for because in because {
        assert!(told.contains(because), "agon {}: expected `{because}` in: {told}", args.join(" "));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
