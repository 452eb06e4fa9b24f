//! Stdout that is closed or full.

use std::{fs::OpenOptions, io::Read, process::Stdio};

use crate::{needs, program, stderr};

#[test]
fn a_closed_pipe_ends_quietly() {
    let commands: [&[&str]; 4] = [
        &["list"],
        &["completions", "bash"],
        &["--help"],
        &[
            "eval",
            "skirmish",
            "--policy",
            "hold",
            "--episodes",
            "1",
            "--set",
            "max_steps=2",
            "--no-reference",
            "--json",
        ],
    ];
    for args in commands {
        let mut child = program(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(child.wait().unwrap().success(), "{args:?}: {told}");
        assert_eq!(told, "", "{args:?}");
    }
}

#[test]
fn a_full_disk_is_an_error_of_the_machine() {
    if !needs::file("/dev/full") {
        return;
    }
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program(&["list"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot write to stdout"), "{}", stderr(&output));
}
