//! Storage under attack: killed at every system call, failed by every kind of error, cut from power at every moment, and
//! fed with damaged and hostile files.
//!
//! Each file here makes one claim. The attacked program is this test binary itself, started again with only the ignored
//! test [`victim`] selected and told by environment variables what to do.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use agon::session::{
    durable,
    generation::{self, Generation},
};

mod allocations;
mod errors;
mod hostile;
mod kills;
mod power_cuts;

/// Generations that the victim keeps.
const KEEP: usize = 2;
/// The folder, inside the one that [`FOLDER`] names, which the victim makes and fills.
const CHECKPOINTS: &str = "checkpoints";

/// Environment variables that tell the victim what to do.
const FOLDER: &str = "AGON_VICTIM_FOLDER";
const STEPS: &str = "AGON_VICTIM_STEPS";
const BYTES: &str = "AGON_VICTIM_BYTES";
const FAULTS: &str = "AGON_VICTIM_FAULTS";

/// Content that only `step` has, with one section of `bytes` bytes.
fn sample(step: u64, bytes: usize) -> Generation {
    let content =
        |salt: u64| (0..bytes as u64).map(move |at| ((at ^ step).wrapping_mul(0x9E37_79B1 + salt) >> 13) as u8);
    let small = content(1).take(90).collect();
    Generation { sections: BTreeMap::from([("rng".to_owned(), small), ("weights".to_owned(), content(0).collect())]) }
}

/// The small file that the victim exports after each generation.
fn card(step: u64) -> String {
    format!("(step: {step})")
}

/// Saves generation after generation, telling each that is promised: a test only so that this binary can start it.
#[test]
#[ignore = "started by the other tests"]
fn victim() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    if let Ok(fault) = env::var(FAULTS) {
        return errors::attack(&folder, &fault);
    }
    let number = |name: &str| env::var(name).unwrap().parse().unwrap();
    let (steps, bytes): (u64, u64) = (number(STEPS), number(BYTES));
    for step in 1..=steps {
        save(&folder, step, bytes as usize);
        tell(&format!("committed {step}"));
        export(&folder, step);
        tell(&format!("exported {step}"));
    }
}

fn save(folder: &Path, step: u64, bytes: usize) {
    let saved = generation::save(&folder.join(CHECKPOINTS), step, &sample(step, bytes), KEEP).unwrap();
    assert!(saved.durability.is_promised() && saved.warnings.is_empty(), "{saved:?}");
}

fn export(folder: &Path, step: u64) {
    let exported = durable::write_atomic(&folder.join("card.ron"), card(step).as_bytes()).unwrap();
    assert!(exported.is_promised(), "{exported:?}");
}

/// Tells the test that started this victim what it may rely on.
fn tell(promise: &str) {
    std::io::stdout().write_all(format!("{promise}\n").as_bytes()).unwrap();
}

/// A command that runs the victim under `wrapper` (a program and its arguments; may be empty).
fn victim_command(wrapper: &[&str], folder: &Path, steps: u64, bytes: usize) -> Command {
    let binary = env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(binary),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary);
            command
        }
    };
    command
        .args(["victim", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(STEPS, steps.to_string())
        .env(BYTES, bytes.to_string());
    command
}

/// The last step that a victim told with this word, 0 when none.
fn last_told(output: &Output, word: &str) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // The test runner's own words stand in front of the first.
    let told = text.lines().filter_map(|line| line.rsplit_once(word)?.1.trim().parse().ok());
    told.max().unwrap_or(0)
}

/// Checks what a victim left: nothing promised is lost, nothing half-written is read, nothing piles up, work goes on.
fn check_leftovers(folder: &Path, committed: u64, exported: u64, bytes: usize) {
    let checkpoints = folder.join(CHECKPOINTS);
    let temps = [durable::clean_stale(folder).unwrap(), durable::clean_stale(&checkpoints).unwrap()].concat();
    assert!(temps.len() <= 1, "one writer leaves one temporary file at the most: {temps:?}");
    let mut next = 1;
    if committed > 0 || !generation::steps(&checkpoints).unwrap().is_empty() {
        let loaded = generation::load_latest(&checkpoints).unwrap();
        assert!(loaded.warnings.is_empty(), "nothing unreadable is visible: {:?}", loaded.warnings);
        assert!(loaded.step >= committed, "lost: step {committed} was promised, {} is there", loaded.step);
        assert!(loaded.generation == sample(loaded.step, bytes), "step {} is not what was saved", loaded.step);
        next = loaded.step + 1;
    }
    if let Ok(text) = fs::read_to_string(folder.join("card.ron")) {
        assert!((exported..next).any(|step| text == card(step)), "{text} although {exported} was promised");
    } else {
        assert_eq!(exported, 0, "the card is lost");
    }
    save(folder, next, bytes);
    export(folder, next);
    assert!(generation::steps(&checkpoints).unwrap().len() <= KEEP, "old generations pile up");
    assert_eq!(durable::files_in(folder).unwrap().len(), 2, "files pile up");
}

/// Tells loudly that a test did not run because this machine lacks a tool.
fn skip(test: &str, tool: &str) {
    say(&format!("SKIPPED: {test}: `{tool}` is not installed or may not be used here"));
}

/// A line that the test runner does not swallow.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Whether a tool can be started.
fn is_installed(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
}
