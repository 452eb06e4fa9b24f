//! Generations are kept, found, passed over and removed as promised.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use super::*;

fn opened(dir: &tempfile::TempDir) -> Folder {
    Folder::open(dir.path()).unwrap()
}

fn sample(step: u64) -> Generation {
    let section = |name: &str, len: u64| (name.to_owned(), (0..len).map(|at| (at * step) as u8).collect());
    Generation { sections: [section("weights", 700), section("rng", 40), section("empty", 0)].into() }
}

/// A folder that holds the generations of these steps.
fn folder(steps: &[u64]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for &step in steps {
        let saved = save(&opened(&dir), step, &sample(step), steps.len()).unwrap();
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
    let loaded = load_latest(&opened(&dir)).unwrap();
    assert_eq!((loaded.step, &loaded.generation), (10, &sample(10)));
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.generation.section("rng").unwrap().len(), 40);
    assert!(loaded.generation.section("weigths").unwrap_err().to_string().contains("`weights`?"));
    assert_eq!(load(&opened(&dir), 5).unwrap().generation, sample(5));
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
        save(&opened(&dir), step, &sample(step), 3).unwrap();
    }
    assert_eq!(steps(&opened(&dir)).unwrap(), [4, 5, 6]);
    let saved = save(&opened(&dir), 7, &sample(7), 0).unwrap();
    assert_eq!(saved.retired, [dir.path().join(file_name(5)), dir.path().join(file_name(4))]);
    assert_eq!(steps(&opened(&dir)).unwrap(), [6, 7]);
}

#[test]
fn a_damaged_generation_does_not_count_as_one_that_is_kept() {
    let dir = folder(&[1, 2, 3]);
    flip(dir.path(), 3, 2000);
    let saved = save(&opened(&dir), 4, &sample(4), 2).unwrap();
    assert!(saved.warnings[0].contains("000000000003.agon"), "{saved:?}");
    assert_eq!(steps(&opened(&dir)).unwrap(), [2, 3, 4], "2 is the fallback of 4, 1 is not needed any more");
    save(&opened(&dir), 5, &sample(5), 2).unwrap();
    assert_eq!(steps(&opened(&dir)).unwrap(), [4, 5], "the damaged one goes with its elders");
}

#[test]
fn a_copy_under_another_step_does_not_count_either() {
    let dir = folder(&[1, 2, 3]);
    fs::copy(dir.path().join(file_name(2)), dir.path().join(file_name(3))).unwrap();
    let saved = save(&opened(&dir), 4, &sample(4), 2).unwrap();
    assert!(saved.warnings[0].contains("its step, 2"), "{saved:?}");
    assert_eq!(steps(&opened(&dir)).unwrap(), [2, 3, 4]);
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
    let before = opened(&dir).names().unwrap();
    let loaded = load_latest(&opened(&dir)).unwrap();
    assert_eq!((loaded.step, loaded.generation), (2, sample(2)));
    let expected = ["best.agon", "its step, 1", "checksum", "not an agon checkpoint", "version 17"];
    assert_eq!(loaded.warnings.len(), expected.len(), "{:?}", loaded.warnings);
    for (warning, expected) in loaded.warnings.iter().zip(expected) {
        assert!(warning.contains(expected), "{warning}");
    }
    assert_eq!(opened(&dir).names().unwrap(), before, "loading deletes nothing");
}

#[test]
fn the_nearest_generation_is_the_last_before_or_else_the_first_after() {
    let dir = folder(&[3, 5, 8]);
    for (step, expected) in [(8, 8), (99, 8), (7, 5), (5, 5), (4, 3), (2, 3), (0, 3)] {
        assert_eq!(load_nearest(&opened(&dir), step).unwrap().step, expected, "nearest to {step}");
    }
    flip(dir.path(), 5, 3000);
    let loaded = load_nearest(&opened(&dir), 7).unwrap();
    assert!(loaded.step == 3 && loaded.warnings[0].contains("000000000005.agon"), "{:?}", loaded.warnings);
}

#[test]
fn a_folder_without_a_usable_checkpoint_is_named_with_what_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let error = load_latest(&opened(&dir)).unwrap_err();
    assert!(error.to_string().contains("holds no checkpoint;"), "{error}");
    fs::write(dir.path().join(file_name(1)), b"x").unwrap();
    let error = load_latest(&opened(&dir)).unwrap_err();
    assert!(error.to_string().contains("000000000001.agon: this is not an agon checkpoint"), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn files_of_a_newer_agon_are_never_removed() {
    let dir = folder(&[1, 2, 3]);
    flip(dir.path(), 1, 8 * 8 + 1);
    flip(dir.path(), 3, 8 * 8 + 1);
    let warnings = rewind(&opened(&dir), 2).unwrap();
    assert!(warnings[0].contains("000000000003.agon: stays"), "{warnings:?}");
    for step in 4..=6 {
        save(&opened(&dir), step, &sample(step), 2).unwrap();
    }
    assert_eq!(steps(&opened(&dir)).unwrap(), [1, 3, 5, 6]);
}

#[test]
fn going_on_from_an_older_step_needs_its_future_removed_and_says_so() {
    let dir = folder(&[10, 20, 30]);
    let saved = save(&opened(&dir), 15, &sample(15), 2).unwrap();
    assert!(saved.warnings[0].contains("step 30"), "{saved:?}");
    assert_eq!(steps(&opened(&dir)).unwrap(), [10, 15, 20, 30]);
    assert!(rewind(&opened(&dir), 15).unwrap().is_empty());
    assert_eq!(steps(&opened(&dir)).unwrap(), [10, 15]);
    assert_eq!(load_latest(&opened(&dir)).unwrap().step, 15);
}

/// Nothing is read or removed where a link leads, and no link counts as a checkpoint.
#[test]
fn a_checkpoint_that_is_a_link_is_passed_over_and_what_it_leads_to_kept() {
    let (dir, outside) = (folder(&[1, 2]), tempfile::tempdir().unwrap());
    let kept = outside.path().join("kept");
    fs::write(&kept, sample(9).encode(9).unwrap()).unwrap();
    std::os::unix::fs::symlink(&kept, dir.path().join(file_name(9))).unwrap();
    let loaded = load_latest(&opened(&dir)).unwrap();
    assert_eq!(loaded.step, 2);
    assert!(loaded.warnings[0].contains("000000000009.agon: this is a link"), "{:?}", loaded.warnings);
    rewind(&opened(&dir), 2).unwrap();
    assert_eq!(steps(&opened(&dir)).unwrap(), [1, 2]);
    assert_eq!(fs::read(kept).unwrap(), sample(9).encode(9).unwrap());
}
