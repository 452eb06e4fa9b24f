//! `tests.jsonl`: every time the policy of a run has played test episodes, one line.
//!
//! Test episodes are for tables. Who looks at them often, and changes what is trained after each look, has chosen by
//! them; the number of looks says how far a table can be trusted.

use std::{
    io::{Read, Write},
    path::Path,
};

use serde::Serialize;

use super::folder::PLAN_FILE;
use crate::{
    durable::{Folder, Kind, failed},
    error::{Error, Result},
};

/// Name of the file in a run folder.
pub const TRIALS_FILE: &str = "tests.jsonl";

/// No such file is longer.
const MAX_BYTES: u64 = 16 << 20;

/// Test episodes that a policy has played, as a line of [`TRIALS_FILE`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Date and time, with time zone.
    pub at: String,
    /// Version of agon.
    pub agon: &'static str,
    /// What was played: the run folder or a file in it, as it was named.
    pub policy: String,
    /// Name of the scenario.
    pub scenario: String,
    /// SHA-256 of the scenario with every default filled in.
    pub scenario_sha256: String,
    /// Run seed of the episodes.
    pub seed: u64,
    /// How many.
    pub episodes: u64,
    /// What policies were compared by.
    pub score: String,
    /// Its mean.
    pub mean: f64,
}

/// The run folder that a policy named by this path is of; none if it is of no run.
fn run_of(policy: &Path) -> Option<Folder> {
    // A folder, a file in it, or a checkpoint one folder deeper.
    let folders = policy.ancestors().take(3).filter(|path| !path.as_os_str().is_empty() && path.is_dir());
    let mut opened = folders.filter_map(|path| Folder::open(path).ok());
    opened.find(|folder| matches!(folder.kind(PLAN_FILE), Ok(Some(Kind::File))))
}

/// Notes a trial in the run folder that the policy is of, and returns how many there are now; none for a policy of no run.
///
/// # Errors
/// A file that is no list of trials, is a link or too long, or what the file system reports.
pub fn note(policy: &Path, trial: &Trial) -> Result<Option<usize>> {
    let Some(folder) = run_of(policy) else { return Ok(None) };
    let path = folder.path_of(TRIALS_FILE);
    let mut file = match folder.open_to_change(TRIALS_FILE)? {
        Some(file) => file,
        None => folder.create(TRIALS_FILE)?,
    };
    let mut text = String::new();
    (&file).take(MAX_BYTES).read_to_string(&mut text).map_err(|error| failed("cannot be read", &path, &error))?;
    if text.len() as u64 == MAX_BYTES {
        return Err(Error::input("is too long").in_file(&path).hint("move it elsewhere"));
    }
    // A line that was torn by a full disk gets an end of its own.
    let torn = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let line = serde_json::to_string(trial).map_err(|error| Error::input(error.to_string()))?;
    let written = file.write_all(format!("{torn}{line}\n").as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| failed("cannot be written", &path, &error))?;
    let is_trial = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok_and(|value| value.is_object());
    Ok(Some(text.lines().filter(is_trial).count() + 1))
}

/// Now, for [`Trial::at`].
pub fn now() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn trial() -> Trial {
        Trial {
            at: now(),
            agon: "1",
            policy: "p".to_owned(),
            scenario: "s".to_owned(),
            scenario_sha256: String::new(),
            seed: 1,
            episodes: 2,
            score: "reward".to_owned(),
            mean: 0.5,
        }
    }

    #[test]
    fn trials_are_counted_per_run_whatever_file_of_it_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        std::fs::create_dir_all(run.join("checkpoints")).unwrap();
        assert_eq!(note(&run, &trial()).unwrap(), None, "no run yet");
        std::fs::write(run.join("run.ron"), "").unwrap();
        std::fs::write(run.join("checkpoints/1.agon"), "").unwrap();
        for (number, named) in ["", "policy.safetensors", "checkpoints/1.agon"].iter().enumerate() {
            let named = run.join(named);
            assert_eq!(note(&named, &trial()).unwrap(), Some(number + 1));
        }
        std::fs::write(run.join(TRIALS_FILE), "{\"a\": 1}\n{\"torn").unwrap();
        assert_eq!(note(&run, &trial()).unwrap(), Some(2));
        let text = std::fs::read_to_string(run.join(TRIALS_FILE)).unwrap();
        assert_eq!(text.lines().count(), 3);
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((last["episodes"].as_u64(), last["mean"].as_f64()), (Some(2), Some(0.5)));
    }

    #[test]
    fn a_link_in_its_place_is_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("run.ron"), "").unwrap();
        std::fs::write(dir.path().join("mine"), "untouched").unwrap();
        std::os::unix::fs::symlink("mine", dir.path().join(TRIALS_FILE)).unwrap();
        note(dir.path(), &trial()).unwrap_err();
        assert_eq!(std::fs::read_to_string(dir.path().join("mine")).unwrap(), "untouched");
    }
}
