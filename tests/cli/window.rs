//! What is told where no window can be opened, or nothing can be shown in it.

use crate::refused;
#[cfg(not(feature = "window"))]
use crate::stdout;
#[cfg(feature = "window")]
use crate::{program, stderr};

#[test]
fn what_cannot_be_shown_is_told_before_a_window_opens() {
    refused(&["run", "skirmsh"], &["unknown scenario `skirmsh`", "did you mean `skirmish`?"]);
    refused(&["run", "skirmish", "--policy", "planer"], &["unknown policy `planer`", "did you mean `planner`?"]);
    refused(&["run", "skirmish", "--policy-b", "planer"], &["unknown policy `planer`", "did you mean `planner`?"]);
    refused(&["run", "skirmish", "--policy", "hold,nearest"], &["2 policies are named", "`jammers=extrapolate`"]);
    refused(&["run", "skirmish", "--record", "Cargo.toml"], &["Cargo.toml", "there already"]);
    #[cfg(feature = "window")]
    refused(&["replay", "no-such.mcap"], &["no-such.mcap", "no such file"]);
    #[cfg(not(feature = "window"))]
    refused(
        &["run", "skirmish", "--policy", "hold"],
        &["without the feature `window`", "cargo run --release --features window -- run skirmish`"],
    );
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

#[cfg(not(feature = "window"))]
#[test]
fn agon_alone_says_what_it_can_do_and_trains_nothing() {
    let page = stdout(&[]);
    for expected in ["agon quickstart", "agon list", "agon explain", "agon eval", "agon export", "--features window"] {
        assert!(page.contains(expected), "{expected} in\n{page}");
    }
}

#[cfg(feature = "window")]
#[test]
fn without_a_display_agon_alone_says_why_and_what_else_it_can_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = program(&[]).current_dir(folder.path()).env("DISPLAY", "").output().unwrap();
    let (page, told) = (String::from_utf8_lossy(&output.stdout), stderr(&output));
    assert!(output.status.success() && told.contains("display"), "{told}");
    assert!(page.contains("agon quickstart"), "{page}");
    assert!(folder.path().read_dir().unwrap().next().is_none(), "nothing is trained unasked");
}
