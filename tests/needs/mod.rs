//! What a test needs besides a compiler: a test that lacks it says so and passes, so that `cargo test` works on a fresh
//! clone. Where the environment variable `CI` is `true`, nothing may be lacking that `scripts/setup.sh` installs.

#![allow(dead_code, reason = "each test crate uses a part of this")]

use std::{env, io::Write, path::Path, process::Command};

/// Whether there is this program, which `package` brings.
#[track_caller]
pub(crate) fn program(name: &str, package: &str) -> bool {
    let is_there = Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let need = format!("{name} (apt-get install {package})");
    assert!(is_there || !env::var("CI").is_ok_and(|ci| ci == "true"), "CI=true needs {need}");
    is_there || lacks(&need)
}

/// Whether there is this device or file of the system.
pub(crate) fn file(path: &str) -> bool {
    Path::new(path).exists() || lacks(path)
}

/// A Python that has `module`, which `package` brings: the one that `AGON_PYTHON` names, which must have it, or `python3`.
#[track_caller]
pub(crate) fn python(module: &str, package: &str) -> Option<String> {
    let chosen = env::var("AGON_PYTHON").ok();
    let python = chosen.clone().unwrap_or_else(|| "python3".to_owned());
    let has_it = Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if has_it.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(chosen.is_none(), "AGON_PYTHON={python} cannot import {module}");
    lacks(&format!("a Python with {package} (pip install {package}, AGON_PYTHON names the interpreter)"));
    None
}

/// Says that the test of this thread did not run for want of `what`; always false.
pub(crate) fn lacks(what: &str) -> bool {
    let thread = std::thread::current();
    say(&format!("SKIPPED: needs {what}: {}", thread.name().unwrap_or("a test")));
    false
}

/// Writes a line that the test runner does not swallow.
pub(crate) fn say(line: &str) {
    // Nobody is left to tell that stderr is closed.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
