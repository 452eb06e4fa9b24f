//! What is told where no window can be opened, or nothing can be shown in it.

use crate::refused;
#[cfg(feature = "window")]
use crate::{program, stderr};

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
