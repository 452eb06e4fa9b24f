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
    let folder = tempfile::tempdir().unwrap();
    let mut program = program(&[]);
    program.current_dir(folder.path()).env("DISPLAY", "").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (mut told, mut seen) = (told.fuse(), String::new());
    // It would go on for a minute; that its run is under way is enough.
    while !seen.contains("runs/") {
        let line = told.next().unwrap_or_else(|| panic!("it ended before it trained:\n{seen}"));
        seen = format!("{seen}{line}\n");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen.contains("display") && seen.contains("training in the terminal instead"), "{seen}");
    assert!(!seen.contains("panicked"), "{seen}");
    assert!(folder.path().join("runs").read_dir().unwrap().next().is_some());
}
