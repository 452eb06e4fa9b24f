//! The window, really: under a display, drawn by whatever draws there, it goes through every scenario by itself.
//!
//! `make smoke` brings a virtual display and a driver that draws on the processor. Pictures of each state stay in `target/smoke`.

#![cfg(feature = "window")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::{fs, path::Path, process::Command};

/// What every scenario goes through.
const STATES: [&str; 7] = ["playing", "training", "paused", "swapped", "compared", "replayed", "forked"];

#[test]
#[ignore = "needs a display: make smoke"]
fn every_scenario_opens_trains_pauses_swaps_compares_records_and_replays() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (pictures, work) = (root.join("target/smoke"), root.join("target/smoke-work"));
    // Runs go below the current folder, which is one of their own.
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).unwrap();
    let mut agon = Command::new(env!("CARGO_BIN_EXE_agon"));
    let output = agon.arg("smoke").arg("--out").arg(&pictures).current_dir(&work).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("panicked") && !told.contains("ERROR"), "{told}");
    for domain in fs::read_dir(root.join("scenarios")).unwrap().map(|entry| entry.unwrap().path()) {
        for scenario in fs::read_dir(&domain).unwrap().map(|entry| entry.unwrap().path()) {
            if scenario.extension().is_none_or(|ending| ending != "ron") {
                continue;
            }
            let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
            for state in STATES {
                let picture = pictures.join(format!("{}-{}-{state}.png", name(&domain), name(&scenario)));
                assert!(picture.is_file(), "{} is missing", picture.display());
            }
        }
    }
    assert!(pictures.join("jamming-skirmish-edited.png").is_file());
    fs::remove_dir_all(&work).unwrap();
}
