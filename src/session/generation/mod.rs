//! Checkpoint generations: everything a run needs to go on, in one file per step, so that one rename commits it all.
//!
//! What the sections mean is their owners' business. The layout of the file is in `format.rs`; read with
//! [`durable`], which brings bytes to disk.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    durable::{self, Durability},
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
pub fn save(dir: &Path, step: u64, generation: &Generation, keep: usize) -> Result<Saved> {
    let path = dir.join(file_name(step));
    let (prefix, bytes) = generation.prefix(step).map_err(|error| error.in_file(&path))?;
    let folder = durable::create_dir(dir)?;
    let file = durable::write_atomic_with(&path, |out| {
        out.write_all(&prefix)?;
        generation.write_sections(out)
    })?;
    let mut saved = Saved { path, bytes, durability: folder.and(file), retired: Vec::new(), warnings: Vec::new() };
    let verified = format::verify(&saved.path, step).map(|found| found == prefix);
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
                let _ = fs::remove_file(&saved.path);
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
pub fn load_latest(dir: &Path) -> Result<Loaded> {
    let (mut steps, mut warnings) = (Vec::new(), Vec::new());
    for path in durable::files_in(dir)? {
        match step_of(&path) {
            Some(step) => steps.push((step, path)),
            None if path.extension().is_some_and(|extension| extension == EXTENSION) => {
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
pub fn load_nearest(dir: &Path, step: u64) -> Result<Loaded> {
    let all = steps(dir)?;
    let (before, after) = all.split_at(all.partition_point(|&other| other <= step));
    let nearest = before.iter().rev().chain(after).map(|&step| (step, dir.join(file_name(step))));
    load_first(dir, nearest, Vec::new())
}

/// Reads the first good one of the generations at these steps and paths.
fn load_first(
    dir: &Path,
    candidates: impl Iterator<Item = (u64, PathBuf)>,
    mut warnings: Vec<String>,
) -> Result<Loaded> {
    for (step, path) in candidates {
        match load(&path) {
            Ok(loaded) if loaded.step == step => return Ok(Loaded { warnings, ..loaded }),
            Ok(loaded) => warnings.push(misnamed(&path, loaded.step).to_string()),
            Err(error) if error.kind() == ErrorKind::Input => warnings.push(format!("passed over: {error}")),
            Err(error) => return Err(error),
        }
    }
    let what = match warnings.as_slice() {
        [] => "this folder holds no checkpoint".to_owned(),
        found => format!("this folder holds no checkpoint that can be used ({})", found.join(" | ")),
    };
    Err(Error::input(what).in_file(dir).hint("name the checkpoints folder of another run, or start a new run"))
}

/// Reads the generation in the file at `path`, whatever the file is called.
///
/// # Errors
/// A file that is missing, damaged, foreign, too long or from a newer agon; or a failure of the machine.
pub fn load(path: &Path) -> Result<Loaded> {
    let bytes = durable::read_capped(path, MAX_FILE_BYTES)?;
    let (step, generation) = Generation::decode(&bytes).map_err(|error| error.in_file(path))?;
    Ok(Loaded { step, generation, path: path.to_owned(), warnings: Vec::new() })
}

/// The steps of all generations in `dir`, good or not, oldest first.
///
/// # Errors
/// What the file system reports.
pub fn steps(dir: &Path) -> Result<Vec<u64>> {
    let mut steps: Vec<u64> = durable::files_in(dir)?.iter().filter_map(|path| step_of(path)).collect();
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
pub fn rewind(dir: &Path, step: u64) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for later in steps(dir)?.into_iter().rev().take_while(|&later| later > step) {
        let path = dir.join(file_name(later));
        match format::is_ours(&path) {
            Ok(true) => {}
            Ok(false) => {
                warnings.push(format!("{}: stays, this agon did not write it", path.display()));
                continue;
            }
            // Should the disk find it again, it would be a future of another past.
            Err(error) if error.kind() == ErrorKind::Input => warnings.push(format!("removed: {error}")),
            Err(error) => return Err(error),
        }
        fs::remove_file(&path).map_err(|error| durable::failed("cannot remove", &path, &error))?;
    }
    // Only when the removal is on disk can a power cut not bring that future back.
    match durable::sync_dir(dir) {
        Durability::Promised => Ok(warnings),
        Durability::Uncertain(error) => Err(error),
    }
}

/// Removes generations older than the newest `keep` good ones, the one of `step` counted as the newest.
///
/// Good ones are found by looking, not by arithmetic on steps: a failed save would make the latter drop the best of them.
fn retire(dir: &Path, step: u64, all: &[u64], keep: usize, saved: &mut Saved) {
    if let Some(newest) = all.last().filter(|&&newest| newest > step) {
        saved.warnings.push(format!(
            "{}: checkpoints up to step {newest} are newer than this one of step {step} and would be resumed instead",
            dir.display()
        ));
    }
    let mut good = 1;
    for older in all.iter().copied().rev().skip_while(|&older| older >= step) {
        let path = dir.join(file_name(older));
        if good < keep {
            match format::verify(&path, older) {
                Ok(_) => good += 1,
                Err(error) => saved.warnings.push(format!("not counted as a checkpoint: {error}")),
            }
            continue;
        }
        match format::is_ours(&path) {
            Ok(true) => match fs::remove_file(&path) {
                Ok(()) => saved.retired.push(path),
                Err(error) => saved.warnings.push(durable::failed("cannot remove", &path, &error).to_string()),
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
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn sample(step: u64) -> Generation {
        let section = |name: &str, len: u64| (name.to_owned(), (0..len).map(|at| (at * step) as u8).collect());
        Generation { sections: [section("weights", 700), section("rng", 40), section("empty", 0)].into() }
    }

    /// A folder that holds the generations of these steps.
    fn folder(steps: &[u64]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for &step in steps {
            let saved = save(dir.path(), step, &sample(step), steps.len()).unwrap();
            assert!(saved.durability.is_promised() && saved.warnings.is_empty(), "{saved:?}");
        }
        dir
    }

    /// Changes one bit, counted from the start of the file.
    fn flip(dir: &Path, step: u64, bit: usize) {
        let path = dir.join(file_name(step));
        let mut bytes = fs::read(&path).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn what_is_saved_is_loaded_bit_for_bit() {
        let dir = folder(&[5, 10]);
        let loaded = load_latest(dir.path()).unwrap();
        assert_eq!((loaded.step, &loaded.generation), (10, &sample(10)));
        assert!(loaded.warnings.is_empty());
        assert_eq!(loaded.generation.section("rng").unwrap().len(), 40);
        assert!(loaded.generation.section("weigths").unwrap_err().to_string().contains("`weights`?"));
        assert_eq!(load(&dir.path().join("000000000005.agon")).unwrap().generation, sample(5));
    }

    #[test]
    fn content_has_one_encoding() {
        let bytes = sample(3).encode(3).unwrap();
        assert_eq!(Generation::decode(&bytes).unwrap(), (3, sample(3)));
        let dir = folder(&[3]);
        assert_eq!(fs::read(dir.path().join(file_name(3))).unwrap(), bytes);
        for name in ["", "two words", "tab\t", "größe", &"x".repeat(256)] {
            let bad = Generation { sections: [(name.to_owned(), Vec::new())].into() };
            assert!(bad.encode(1).is_err(), "{name:?}");
        }
        let many = Generation { sections: (0..4097).map(|index| (format!("{index}"), Vec::new())).collect() };
        assert!(many.encode(1).unwrap_err().to_string().contains("4096 sections"));
        let huge = Generation { sections: [("huge".to_owned(), vec![0; 1 << 30])].into() };
        assert!(huge.encode(1).unwrap_err().to_string().contains("1073741824 bytes"));
    }

    #[test]
    fn the_newest_good_ones_are_kept_and_never_fewer_than_two() {
        let dir = tempfile::tempdir().unwrap();
        for step in 1..=6 {
            save(dir.path(), step, &sample(step), 3).unwrap();
        }
        assert_eq!(steps(dir.path()).unwrap(), [4, 5, 6]);
        let saved = save(dir.path(), 7, &sample(7), 0).unwrap();
        assert_eq!(saved.retired, [dir.path().join(file_name(5)), dir.path().join(file_name(4))]);
        assert_eq!(steps(dir.path()).unwrap(), [6, 7]);
    }

    #[test]
    fn a_damaged_generation_does_not_count_as_one_that_is_kept() {
        let dir = folder(&[1, 2, 3]);
        flip(dir.path(), 3, 2000);
        let saved = save(dir.path(), 4, &sample(4), 2).unwrap();
        assert!(saved.warnings[0].contains("000000000003.agon"), "{saved:?}");
        assert_eq!(steps(dir.path()).unwrap(), [2, 3, 4], "2 is the fallback of 4, 1 is not needed any more");
        save(dir.path(), 5, &sample(5), 2).unwrap();
        assert_eq!(steps(dir.path()).unwrap(), [4, 5], "the damaged one goes with its elders");
    }

    #[test]
    fn a_copy_under_another_step_does_not_count_either() {
        let dir = folder(&[1, 2, 3]);
        fs::copy(dir.path().join(file_name(2)), dir.path().join(file_name(3))).unwrap();
        let saved = save(dir.path(), 4, &sample(4), 2).unwrap();
        assert!(saved.warnings[0].contains("its step, 2"), "{saved:?}");
        assert_eq!(steps(dir.path()).unwrap(), [2, 3, 4]);
    }

    #[test]
    fn loading_passes_over_what_is_damaged_foreign_or_from_the_future() {
        let dir = folder(&[1, 2, 3, 4, 5]);
        flip(dir.path(), 5, 3000);
        fs::write(dir.path().join(file_name(4)), b"PK\x03\x04 something else").unwrap();
        flip(dir.path(), 3, 8 * 8 + 4);
        fs::copy(dir.path().join(file_name(1)), dir.path().join(file_name(9))).unwrap();
        fs::remove_file(dir.path().join(file_name(1))).unwrap();
        fs::write(dir.path().join("best.agon"), b"").unwrap();
        fs::write(dir.path().join(".000000000006.agon.tmp"), b"half").unwrap();
        let before = durable::files_in(dir.path()).unwrap();
        let loaded = load_latest(dir.path()).unwrap();
        assert_eq!((loaded.step, loaded.generation), (2, sample(2)));
        let expected = ["best.agon", "its step, 1", "checksum", "not an agon checkpoint", "version 17"];
        assert_eq!(loaded.warnings.len(), expected.len(), "{:?}", loaded.warnings);
        for (warning, expected) in loaded.warnings.iter().zip(expected) {
            assert!(warning.contains(expected), "{warning}");
        }
        assert_eq!(durable::files_in(dir.path()).unwrap(), before, "loading deletes nothing");
    }

    #[test]
    fn the_nearest_generation_is_the_last_before_or_else_the_first_after() {
        let dir = folder(&[3, 5, 8]);
        for (step, expected) in [(8, 8), (99, 8), (7, 5), (5, 5), (4, 3), (2, 3), (0, 3)] {
            assert_eq!(load_nearest(dir.path(), step).unwrap().step, expected, "nearest to {step}");
        }
        flip(dir.path(), 5, 3000);
        let loaded = load_nearest(dir.path(), 7).unwrap();
        assert!(loaded.step == 3 && loaded.warnings[0].contains("000000000005.agon"), "{:?}", loaded.warnings);
        assert!(load_nearest(&dir.path().join("nowhere"), 7).is_err());
    }

    #[test]
    fn a_folder_without_a_usable_checkpoint_is_named_with_what_was_found() {
        let dir = tempfile::tempdir().unwrap();
        let error = load_latest(&dir.path().join("checkpoints")).unwrap_err();
        assert!(error.to_string().contains("holds no checkpoint;"), "{error}");
        fs::write(dir.path().join(file_name(1)), b"x").unwrap();
        let error = load_latest(dir.path()).unwrap_err();
        assert!(error.to_string().contains("000000000001.agon: this is not an agon checkpoint"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn files_of_a_newer_agon_are_never_removed() {
        let dir = folder(&[1, 2, 3]);
        flip(dir.path(), 1, 8 * 8 + 1);
        flip(dir.path(), 3, 8 * 8 + 1);
        let warnings = rewind(dir.path(), 2).unwrap();
        assert!(warnings[0].contains("000000000003.agon: stays"), "{warnings:?}");
        for step in 4..=6 {
            save(dir.path(), step, &sample(step), 2).unwrap();
        }
        assert_eq!(steps(dir.path()).unwrap(), [1, 3, 5, 6]);
    }

    #[test]
    fn going_on_from_an_older_step_needs_its_future_removed_and_says_so() {
        let dir = folder(&[10, 20, 30]);
        let saved = save(dir.path(), 15, &sample(15), 2).unwrap();
        assert!(saved.warnings[0].contains("step 30"), "{saved:?}");
        assert_eq!(steps(dir.path()).unwrap(), [10, 15, 20, 30]);
        assert!(rewind(dir.path(), 15).unwrap().is_empty());
        assert_eq!(steps(dir.path()).unwrap(), [10, 15]);
        assert_eq!(load_latest(dir.path()).unwrap().step, 15);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_of_the_machine() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("checkpoints"), b"").unwrap();
        let error = save(&dir.path().join("checkpoints"), 1, &sample(1), 2).unwrap_err();
        assert!(error.to_string().contains("checkpoints: this is a file"), "{error}");
    }
}
