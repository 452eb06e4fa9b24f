//! Every file from which the fuzzer starts, or that once broke a reader, goes through the target whose seed it is.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[allow(unreachable_pub, dead_code, reason = "the library of the fuzzer, whose targets are called here by their names")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::{
    collections::BTreeSet,
    env, fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use agon::{
    durable::files_in,
    sim::{Address, Purpose, Seeds},
};
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

/// What the fuzzer does, without its knowledge of what it has reached; for it, see scripts/fuzz.sh.
#[test]
fn what_mutation_makes_of_seeds_breaks_no_target() {
    let mutations: usize = env::var("AGON_MUTATIONS").map_or(100, |number| number.parse().unwrap());
    for (name, target) in TARGETS {
        for file in files_in(&seeds().join(name)).unwrap() {
            let seed = fs::read(&file).unwrap();
            for number in 0..mutations {
                let bytes = mutated(&seed, number as u64);
                let breaks = || format!("{name} breaks on mutation {number} of {}", file.display());
                catch_unwind(|| target(&bytes)).unwrap_or_else(|_| panic!("{}", breaks()));
            }
        }
    }
}

/// The seed with up to four changes: another byte, a cut, a byte in between, a part that is there twice.
fn mutated(seed: &[u8], number: u64) -> Vec<u8> {
    let mut stream = Seeds::new(number).stream(Purpose::new("test.mutation"), Address { env: 0, episode: 0, tick: 0 });
    let mut below = |n: usize| stream.below(n.max(1));
    let mut bytes = seed.to_vec();
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        match below(5) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << below(8)),
            2 => bytes.truncate(at + 1),
            3 => bytes.insert(at, b"0123456789-e.,:;\"{}[]()\n\0\xff"[below(26)]),
            _ => {
                let part: Vec<u8> = bytes[at..].iter().copied().take(1 + below(40)).collect();
                let to = below(bytes.len());
                bytes.splice(to..to, part);
            }
        }
    }
    bytes
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
