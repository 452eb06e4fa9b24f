//! Every file from which the fuzzer starts, or that once broke a reader, goes through the target whose seed it is.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[allow(unreachable_pub, dead_code, reason = "the library of the fuzzer, whose targets are called here by their names")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use agon::durable::files_in;
use targets::TARGETS;

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

#[test]
fn every_target_has_seeds_and_takes_some_and_refuses_some() {
    for (name, target) in TARGETS {
        let files = files_in(&seeds().join(name)).unwrap();
        let is_accepted = |file: &PathBuf| {
            let bytes = fs::read(file).unwrap();
            catch_unwind(|| target(&bytes)).unwrap_or_else(|_| panic!("{name} breaks on {}", file.display()))
        };
        let accepted = files.iter().filter(|file| is_accepted(file)).count();
        assert!(accepted > 0 && accepted < files.len(), "{name} takes {accepted} of {} seeds", files.len());
    }
}

#[test]
fn no_folder_of_seeds_lacks_its_target() {
    let folders = files_in(&seeds()).unwrap();
    let folders: BTreeSet<&str> = folders.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(folders, TARGETS.iter().map(|(name, _)| *name).collect());
}

/// Of the files that no editor writes: states, plans and checkpoints of today, and damaged copies of them.
#[test]
#[ignore = "writes the seeds anew, after a change of a format"]
fn seeds_are_written_anew() {
    let write = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(seeds().join(target)).unwrap();
        fs::write(seeds().join(target).join(name), bytes).unwrap();
    };
    let write_with_damage = |target: &str, name: &str, bytes: &[u8]| {
        write(target, name, bytes);
        write(target, &format!("{name}-cut"), &bytes[..bytes.len() * 2 / 3]);
    };
    for (number, state) in (0_u8..).zip(targets::beginnings()) {
        write_with_damage("keyframe", &format!("domain-{number}"), &[&[number], &state[..]].concat());
    }
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    targets::run_to_the_end(&run);
    write_with_damage("run_plan", "run.ron", &fs::read(run.join("run.ron")).unwrap());
    let newest = files_in(&run.join("checkpoints")).unwrap().pop().unwrap();
    write_with_damage("sections", "run.agon", &fs::read(newest).unwrap());
    write_with_damage("card", "card.ron", &fs::read(run.join("card.ron")).unwrap());
    write_with_damage("safetensors", "run.safetensors", &fs::read(run.join("policy.safetensors")).unwrap());
}
