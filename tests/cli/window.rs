//! What is told where no window can be opened, or nothing can be shown in it.

use crate::refused;
#[cfg(feature = "window")]
use crate::{program, stderr};
#[cfg(feature = "window")]
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

#[test]
fn what_cannot_be_shown_is_told_before_a_window_opens() {
    #[cfg(feature = "window")]
    {
        refused(&["run", "skirmsh"], &["unknown scenario `skirmsh`", "did you mean `skirmish`?"]);
        refused(&["replay", "no-such.mcap"], &["no-such.mcap", "no such file"]);
    }
    #[cfg(not(feature = "window"))]
    refused(&["run", "skirmish"], &["without the feature `window`", "--features window"]);
}

#[cfg(feature = "window")]
#[test]
fn without_a_display_a_sentence_says_so() {
    for display in ["", ":12345"] {
        let output = program(&["run", "skirmish"]).env("DISPLAY", display).output().unwrap();
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("display") && told.contains("xvfb-run"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
    }
}

#[cfg(feature = "window")]
#[test]
fn without_a_display_the_gallery_becomes_training_in_the_terminal() {
    // Runs go below the current folder, and scenarios are looked for there.
    let folder = tempfile::tempdir().unwrap();
    let scenarios = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    std::os::unix::fs::symlink(scenarios, folder.path().join("scenarios")).unwrap();
    let mut program = program(&[]);
    program.current_dir(folder.path()).env("DISPLAY", "").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    // It would go on for a minute; that its run is under way is enough.
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    child.kill().unwrap();
    let told = stderr(&child.wait_with_output().unwrap());
    assert!(first.contains("runs/"), "{first}{told}");
    assert!(told.contains("display") && told.contains("training in the terminal instead"), "{told}");
    assert!(!told.contains("panicked"), "{told}");
    assert!(folder.path().join("runs").read_dir().unwrap().next().is_some());
}
