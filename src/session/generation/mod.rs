//! Checkpoint generations: everything a run needs to go on, in one file per step, so that one rename commits it all.
//!
//! What the sections mean is their owners' business. The layout of the file is in `format.rs`; read with
//! [`durable`](crate::durable), which brings bytes to disk.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    durable::{Durability, Folder, Kind},
    error::{Error, ErrorKind, Result},
};

mod format;

pub use format::MAX_FILE_BYTES;

const EXTENSION: &str = "agon";

/// The content of a checkpoint: named sections of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Section contents by name, such as `weights` or `rng`. Names have 1 to 255 printable ASCII characters.
    pub sections: BTreeMap<String, Vec<u8>>,
}

/// What [`save`] did.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The file that holds the generation.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Whether it survives a power cut. While it is uncertain nothing older is removed.
    pub durability: Durability,
    /// Older generations that were removed.
    pub retired: Vec<PathBuf>,
    /// What a person should know although the generation is saved.
    pub warnings: Vec<String>,
}

/// A generation that was read back.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The step at which it was saved.
    pub step: u64,
    /// Its content, bit for bit.
    pub generation: Generation,
    /// The file it came from.
    pub path: PathBuf,
    /// One line for each newer file that could not be used.
    pub warnings: Vec<String>,
}

/// Saves `generation` in `dir` as that of `step` and removes what is older than the newest `keep` good ones (at least 2).
///
/// The new file is read back and verified before anything older is removed. A generation of the same step is replaced.
///
/// # Errors
/// What the file system reports, content that is too large, or a disk that does not give back what was written. All older
/// generations are still there then.
pub fn save(dir: &Folder, step: u64, generation: &Generation, keep: usize) -> Result<Saved> {
    let name = file_name(step);
    let path = dir.path_of(&name);
    let (prefix, bytes) = generation.prefix(step).map_err(|error| error.in_file(&path))?;
    let durability = dir.replace_with(&name, |out| {
        out.write_all(&prefix)?;
        generation.write_sections(out)
    })?;
    let mut saved = Saved { path, bytes, durability, retired: Vec::new(), warnings: Vec::new() };
    let verified = format::verify(dir, &name, step).map(|found| found == prefix);
    match (verified, &saved.durability) {
        (Ok(true), Durability::Promised) => match steps(dir) {
            Ok(all) => retire(dir, step, &all, keep.max(2), &mut saved),
            Err(error) => saved.warnings.push(format!("{error}; older checkpoints are kept")),
        },
        (Ok(true), Durability::Uncertain(error)) => saved.warnings.push(format!("{error}; older checkpoints are kept")),
        // The file may well be good: it could not be opened, or there was no memory.
        (Err(error), _) if error.kind() == ErrorKind::System => {
            saved.warnings.push(format!("{error}; older checkpoints are kept"));
        }
        (verified, _) => {
            // A damaged file would only be in the way. A good one that is not the new one is the old one of this step.
            if verified.is_err() {
                let _ = dir.remove(&name);
            }
            return Err(Error::system("the disk does not give back what was written to it")
                .in_file(saved.path)
                .hint("older checkpoints are untouched; use another disk"));
        }
    }
    Ok(saved)
}

/// Reads the newest good generation of `dir`, with a warning for each newer file that is damaged, foreign or from the
/// future. Nothing is changed on disk.
///
/// # Errors
/// No usable generation, or a failure of the machine (memory, permissions) after which trying again may find the newest.
pub fn load_latest(dir: &Folder) -> Result<Loaded> {
    let (mut steps, mut warnings) = (Vec::new(), Vec::new());
    for name in dir.names()? {
        let path = Path::new(&name);
        match step_of(path) {
            Some(step) => steps.push(step),
            None if path.extension().is_some_and(|extension| extension == EXTENSION) => {
                let path = dir.path_of(&name);
                warnings.push(format!("{}: passed over, its name is not that of a checkpoint", path.display()));
            }
            None => {}
        }
    }
    steps.sort();
    load_first(dir, steps.into_iter().rev(), warnings)
}

/// Reads the last good generation of `dir` up to `step`, or else the first good one after it, with a warning for each
/// nearer one that could not be used.
///
/// # Errors
/// As [`load_latest`].
pub fn load_nearest(dir: &Folder, step: u64) -> Result<Loaded> {
    let all = steps(dir)?;
    let (before, after) = all.split_at(all.partition_point(|&other| other <= step));
    load_first(dir, before.iter().rev().chain(after).copied(), Vec::new())
}

/// Reads the first good one of the generations of these steps.
fn load_first(dir: &Folder, candidates: impl Iterator<Item = u64>, mut warnings: Vec<String>) -> Result<Loaded> {
    for step in candidates {
        match load(dir, step) {
            Ok(loaded) if loaded.step == step => return Ok(Loaded { warnings, ..loaded }),
            Ok(loaded) => warnings.push(misnamed(&loaded.path, loaded.step).to_string()),
            Err(error) if error.kind() == ErrorKind::Input => warnings.push(format!("passed over: {error}")),
            Err(error) => return Err(error),
        }
    }
    let what = match warnings.as_slice() {
        [] => "this folder holds no checkpoint".to_owned(),
        found => format!("this folder holds no checkpoint that can be used ({})", found.join(" | ")),
    };
    Err(Error::input(what).in_file(dir.path()).hint("name the folder of another run, or start a new run"))
}

/// Reads the generation in the file that is called after `step`, whatever it holds.
fn load(dir: &Folder, step: u64) -> Result<Loaded> {
    let path = dir.path_of(file_name(step));
    let bytes = dir.read(file_name(step), MAX_FILE_BYTES)?;
    let (step, generation) = Generation::decode(&bytes).map_err(|error| error.in_file(&path))?;
    Ok(Loaded { step, generation, path, warnings: Vec::new() })
}

/// The steps of all generations in `dir`, good or not, oldest first.
///
/// # Errors
/// What the file system reports.
pub fn steps(dir: &Folder) -> Result<Vec<u64>> {
    let mut steps: Vec<u64> = dir.names()?.iter().filter_map(|name| step_of(Path::new(name))).collect();
    steps.sort_unstable();
    Ok(steps)
}

/// Removes all generations after `step`, because a run that goes on from there no longer has that future; returns a line
/// for each that was not there to be resumed from anyway.
///
/// The newest goes first, so that what an interruption leaves is still a history. Files of a newer agon stay.
///
/// # Errors
/// What the file system reports.
pub fn rewind(dir: &Folder, step: u64) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for name in steps(dir)?.into_iter().rev().take_while(|&later| later > step).map(file_name) {
        // A link goes without a look at what it leads to.
        match if dir.kind(&name)? == Some(Kind::Link) { Ok(true) } else { format::is_ours(dir, &name) } {
            Ok(true) => {}
            Ok(false) => {
                warnings.push(format!("{}: stays, this agon did not write it", dir.path_of(&name).display()));
                continue;
            }
            // Should the disk find it again, it would be a future of another past.
            Err(error) if error.kind() == ErrorKind::Input => warnings.push(format!("removed: {error}")),
            Err(error) => return Err(error),
        }
        dir.remove(&name)?;
    }
    // Only when the removal is on disk can a power cut not bring that future back.
    match dir.sync() {
        Durability::Promised => Ok(warnings),
        Durability::Uncertain(error) => Err(error),
    }
}

/// Removes generations older than the newest `keep` good ones, the one of `step` counted as the newest.
///
/// Good ones are found by looking, not by arithmetic on steps: a failed save would make the latter drop the best of them.
fn retire(dir: &Folder, step: u64, all: &[u64], keep: usize, saved: &mut Saved) {
    if let Some(newest) = all.last().filter(|&&newest| newest > step) {
        saved.warnings.push(format!(
            "{}: checkpoints up to step {newest} are newer than this one of step {step} and would be resumed instead",
            dir.path().display()
        ));
    }
    let mut good = 1;
    for older in all.iter().copied().rev().skip_while(|&older| older >= step) {
        let name = file_name(older);
        if good < keep {
            match format::verify(dir, &name, older) {
                Ok(_) => good += 1,
                Err(error) => saved.warnings.push(format!("not counted as a checkpoint: {error}")),
            }
            continue;
        }
        match format::is_ours(dir, &name) {
            Ok(true) => match dir.remove(&name) {
                Ok(()) => saved.retired.push(dir.path_of(&name)),
                Err(error) => saved.warnings.push(error.to_string()),
            },
            Ok(false) => {}
            Err(error) => saved.warnings.push(error.to_string()),
        }
    }
}

/// Zero-padded, so that a listing by name is one by step.
fn file_name(step: u64) -> String {
    format!("{step:012}.{EXTENSION}")
}

/// Whether a generation may be called so.
pub(super) fn is_name(name: &str) -> bool {
    step_of(Path::new(name)).is_some()
}

/// The step that the name of a generation tells; `None` for any name that [`file_name`] would not give.
fn step_of(path: &Path) -> Option<u64> {
    let step = path.file_stem()?.to_str()?.parse().ok()?;
    (path.file_name()?.to_str()? == file_name(step)).then_some(step)
}

fn misnamed(path: &Path, step: u64) -> Error {
    Error::input(format!("its name does not tell its step, {step}"))
        .in_file(path)
        .hint(format!("rename it to {}", file_name(step)))
}

#[cfg(test)]
mod tests;
