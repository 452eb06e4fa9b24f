//! The process that is attacked, and what must be true of the folder that it leaves.
//!
//! It is this test binary itself, started again with only the ignored test [`victim`] selected and told by environment
//! variables what to do.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use agon::{
    durable::{self, Durability, Folder},
    error::Result,
    session::generation::{self, Generation, Saved},
};

use super::errors;

/// Generations that the victim keeps.
pub(crate) const KEEP: usize = 2;
/// The folder of checkpoints, inside the victim's own.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// The small file that is replaced after each generation.
pub(crate) const CARD: &str = "card.ron";
/// The log that grows by a line in front of each generation.
pub(crate) const LOG: &str = "metrics.jsonl";

const FOLDER: &str = "AGON_VICTIM_FOLDER";
const STEPS: &str = "AGON_VICTIM_STEPS";
const BYTES: &str = "AGON_VICTIM_BYTES";
/// The error to live through instead of working; see [`errors::attack`].
pub(crate) const FAULT: &str = "AGON_VICTIM_FAULT";

/// What a victim said it may be relied upon for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Promised {
    /// The step of the last generation.
    pub(crate) committed: u64,
    /// The step of the last card.
    pub(crate) exported: u64,
}

/// Content that only `step` has, with one section of `bytes` bytes.
pub(crate) fn sample(step: u64, bytes: usize) -> Generation {
    let content =
        |salt: u64| (0..bytes as u64).map(move |at| ((at ^ step).wrapping_mul(0x9E37_79B1 + salt) >> 13) as u8);
    let sections = [
        ("logs", (log(step).len() as u64).to_le_bytes().to_vec()),
        ("rng", content(1).take(90).collect()),
        ("weights", content(0).collect()),
    ];
    Generation { sections: BTreeMap::from(sections.map(|(name, content)| (name.to_owned(), content))) }
}

pub(crate) fn card(step: u64) -> String {
    format!("(step: {step})")
}

/// The log up to and with `step`.
pub(crate) fn log(step: u64) -> String {
    (1..=step).map(log_line).collect()
}

fn log_line(step: u64) -> String {
    format!("{{\"step\":{step}}}\n")
}

/// A test only so that this binary can start it.
#[test]
#[ignore = "started by the other tests"]
fn victim() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let number = |name: &str| env::var(name).unwrap().parse().unwrap();
    match env::var(FAULT) {
        Ok(fault) => errors::attack(&folder, &fault),
        Err(_) => work(&folder, 1, number(STEPS), number(BYTES) as usize, tell),
    }
}

/// Logs, saves and exports step after step, telling each that is promised.
pub(crate) fn work(folder: &Path, from: u64, to: u64, bytes: usize, tell: fn(&str)) {
    for step in from..=to {
        append_log(folder, step);
        let (made, saved) = save(folder, step, &sample(step, bytes)).unwrap();
        assert!(made.is_promised(), "{made:?}");
        assert!(saved.durability.is_promised() && saved.warnings.is_empty(), "{saved:?}");
        tell(&format!("committed {step}"));
        assert_eq!(durable::write_atomic(&folder.join(CARD), card(step).as_bytes()), Ok(Durability::Promised));
        tell(&format!("exported {step}"));
    }
}

/// Saves a generation as a run does, in a folder that is made where it is missing.
pub(crate) fn save(folder: &Path, step: u64, content: &Generation) -> Result<(Durability, Saved)> {
    let (checkpoints, made) = Folder::open(folder)?.make_folder(CHECKPOINTS)?;
    Ok((made, generation::save(&checkpoints, step, content, KEEP)?))
}

/// The checkpoints below `folder`; none where there are none yet.
fn checkpoints(folder: &Path) -> Option<Folder> {
    Folder::open(folder).unwrap().folder(CHECKPOINTS).unwrap()
}

/// A log is brought to disk before the checkpoint that counts its bytes.
fn append_log(folder: &Path, step: u64) {
    let mut file = OpenOptions::new().append(true).create(true).open(folder.join(LOG)).unwrap();
    file.write_all(log_line(step).as_bytes()).unwrap();
    file.sync_all().unwrap();
    assert!(durable::sync_dir(folder).is_promised());
}

/// Tells the process that started this victim.
pub(crate) fn tell(promise: &str) {
    std::io::stdout().write_all(format!("{promise}\n").as_bytes()).unwrap();
}

/// A command that lets the victim work in `folder`, under `wrapper` (a program and its arguments; may be empty).
pub(crate) fn command(wrapper: &[&str], folder: &Path, steps: u64, bytes: usize) -> Command {
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
        .args(["victim::victim", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(STEPS, steps.to_string())
        .env(BYTES, bytes.to_string());
    command
}

/// The number behind the last of these words that a victim told; 0 when it told none.
pub(crate) fn last_told(output: &Output, word: &str) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // The test runner's own words stand in front of the first.
    let told = text.lines().filter_map(|line| line.rsplit_once(word)?.1.trim().parse().ok());
    told.max().unwrap_or(0)
}

impl Promised {
    pub(crate) fn by(output: &Output) -> Self {
        Self { committed: last_told(output, "committed "), exported: last_told(output, "exported ") }
    }
}

/// What a resuming process finds in a folder, put in order as it would; the last step that is there.
///
/// # Errors
/// Something promised is lost, or something half-written can be seen.
pub(crate) fn resume(folder: &Path, promised: Promised, bytes: usize) -> std::result::Result<u64, String> {
    let Promised { committed, exported } = promised;
    let checkpoints = checkpoints(folder);
    let steps = checkpoints.as_ref().map_or(Ok(Vec::new()), generation::steps).map_err(|error| error.to_string())?;
    let step = if committed == 0 && steps.is_empty() {
        0
    } else {
        let checkpoints = checkpoints.ok_or("the checkpoints are gone")?;
        let loaded = generation::load_latest(&checkpoints).map_err(|error| error.to_string())?;
        if !loaded.warnings.is_empty() {
            return Err(format!("visible, but unreadable: {:?}", loaded.warnings));
        } else if loaded.step < committed {
            return Err(format!("step {committed} was promised, {} is there", loaded.step));
        } else if loaded.generation != sample(loaded.step, bytes) {
            return Err(format!("step {} is not what was saved", loaded.step));
        }
        loaded.step
    };
    let held = Folder::open(folder).map_err(|error| error.to_string())?;
    durable::truncate_log(&held, LOG, log(step).len() as u64).map_err(|error| error.to_string())?;
    match fs::read_to_string(folder.join(LOG)) {
        Ok(text) if text == log(step) => {}
        Err(_) if step == 0 => {}
        other => return Err(format!("the log of step {step} is {other:?}")),
    }
    // The card of a step is written after its generation.
    match fs::read_to_string(folder.join(CARD)) {
        Ok(text) if (exported.max(1)..=step).any(|step| text == card(step)) => Ok(step),
        Err(_) if exported == 0 => Ok(step),
        other => Err(format!("the card of step {exported} was promised: {other:?}")),
    }
}

/// Removes what a killed writer left, here and among the checkpoints.
pub(crate) fn clean_stale(folder: &Path) -> Result<Vec<PathBuf>> {
    let held = Folder::open(folder)?;
    let checkpoints = held.folder(CHECKPOINTS)?;
    let inner = checkpoints.map_or(Ok(Vec::new()), |checkpoints| checkpoints.clean_stale())?;
    Ok([held.clean_stale()?, inner].concat())
}

/// Resumes and works on; checks that nothing is lost on the way and nothing piles up.
pub(crate) fn check_leftovers(folder: &Path, promised: Promised, bytes: usize) {
    let temps = clean_stale(folder).unwrap();
    assert!(temps.len() <= 1, "one writer leaves one temporary file at the most: {temps:?}");
    let step = resume(folder, promised, bytes).unwrap();
    work(folder, step + 1, step + 1, bytes, |_| {});
    let promised = Promised { committed: step + 1, exported: step + 1 };
    assert_eq!(resume(folder, promised, bytes), Ok(step + 1));
    assert!(generation::steps(&checkpoints(folder).unwrap()).unwrap().len() <= KEEP, "old generations pile up");
    assert_eq!(durable::files_in(folder).unwrap().len(), 3, "files pile up");
}
