//! What a person is told who gave something that cannot be used, and that nothing is written over then.

use std::{collections::BTreeMap, fs};

use agon::policy::{card::Card, tensors::to_safetensors};

use crate::{policies, refused, text};

#[test]
fn wrong_names_get_the_nearest_right_one() {
    refused(&["eval", "skirmsh"], &["unknown scenario `skirmsh`", "did you mean `skirmish`?"]);
    refused(&["eval", "jamming/skirmsh"], &["did you mean `skirmish`?"]);
    refused(&["eval", "skirmish", "--policy", "planer"], &["unknown policy `planer`", "did you mean `planner`?"]);
    refused(
        &["eval", "skirmish", "--set", "num_jamers=3"],
        &["unknown parameter `num_jamers`", "did you mean `num_jammers`?"],
    );
    refused(&["eval", "skirmish", "--set", "motion=walk"], &["`motion` cannot be `walk`"]);
    refused(&["bench", "--only", "lamda2"], &["no figure begins like `lamda2`", "did you mean `lambda2"]);
}

#[test]
fn wrong_values_get_what_was_expected() {
    refused(
        &["eval", "skirmish", "--set", "num_jammers=0"],
        &["`num_jammers` must be a whole number from 1 to 1000, found `0`"],
    );
    refused(
        &["eval", "skirmish", "--set", "num_jammers=four"],
        &["`num_jammers` must be a whole number", "found `four`"],
    );
    refused(&["eval", "skirmish", "--set", "arena_m=NaN"], &["`arena_m` must be a number", "found `NaN`"]);
    refused(&["eval", "skirmish", "--set", "max_steps=0"], &["`max_steps`"]);
}

#[test]
fn numbers_beyond_their_range_are_refused_and_never_made_to_fit() {
    for (args, told) in [
        ("eval skirmish --episodes 0", "0 is not in 1..=1000000"),
        ("eval skirmish --seed 18446744073709551616", "--seed"),
        ("eval skirmish --set seed=18446744073709551616", "`seed` must be a whole number"),
        ("eval skirmish --threads 0", "1 to 1024"),
        ("train skirmish --envs 0", "0 is not in 1..=65536"),
        ("train skirmish --minutes nan", "above 0, at most a million"),
        ("train skirmish --minutes inf", "above 0, at most a million"),
        ("train skirmish --minutes=-1", "above 0, at most a million"),
        ("train skirmish --set hidden=5000", "`hidden` must be a whole number from 1 to 4096, found `5000`"),
        ("train skirmish --algo maddpg --set train_frequency=65", "`train_frequency` is 65"),
        ("train skirmish --envs 65536 --set num_steps=65536", "of memory"),
        ("train skirmish --algo maddpg --set save_replay=false --set buffer_size=1073741824", "smaller `buffer_size`"),
        ("train skirmish --set buffer_size=1000", "`buffer_size` is for maddpg, matd3 and ddpg"),
        ("train skirmish --algo ddpg --set clip_coef=0.1", "`clip_coef` is for mappo and ippo"),
        ("train skirmish --set gamma=1.1", "`gamma` must be a number from 0 to 1, found `1.1`"),
        ("record skirmish --policy hold --ticks 0", "0 is not in 1..=4294967295"),
        ("record skirmish --policy hold --keyframes 0", "--keyframes"),
        ("export skirmish --policy hold --to a.gif --fps 0", "0 is not in 1..=100"),
        ("export skirmish --policy hold --to a.png --size 0x0", "0x0"),
        ("export skirmish --policy hold --to a.png --size 1000000x1000000", "1000000x1000000"),
        ("export skirmish --policy hold --to a.png --speed nan", "above 0, at most a million"),
        ("bench --window --seconds 0", "above 0, at most a million"),
        ("export skirmish --policy all --to a.png", "`all` is many policies"),
        ("report cluster --policy all", "`all` is many policies"),
        ("list skirmish", "unexpected argument 'skirmish'"),
        ("report", "<DOMAIN>"),
    ] {
        let output = crate::agon(&args.split(' ').collect::<Vec<_>>());
        let found = crate::stderr(&output);
        assert_eq!(output.status.code(), Some(2), "agon {args}: {found}");
        assert!(found.contains(told) && output.stdout.is_empty(), "agon {args}: {found}");
    }
}

#[test]
fn missing_and_damaged_scenario_files_are_told_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("own.ron");
    refused(&["eval", text(&path)], &["own.ron", "there is no such file"]);
    refused(&["eval", text(dir.path())], &["this is a folder, not a scenario"]);
    let whole = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/jamming/skirmish.ron")).unwrap();
    for (from, to, because) in [
        ("num_jammers: 4", "num_jamers: 4", "did you mean `num_jammers`?"),
        ("num_jammers: 4", "num_jammers: -4", "a whole number from 1 to 1000"),
        ("Jamming((", "Jaming((", "Jamming"),
        ("version: 1", "version: 9", "newer than this agon"),
    ] {
        fs::write(&path, whole.replace(from, to)).unwrap();
        let line = whole.lines().position(|line| line.contains(from)).unwrap() + 1;
        refused(&["eval", text(&path)], &[&format!("own.ron:{line}:"), because]);
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    refused(&["eval", text(&path)], &["own.ron:"]);
    fs::write(&path, [0xff; 100]).unwrap();
    refused(&["eval", text(&path)], &["not text in UTF-8"]);
}

#[test]
fn missing_truncated_and_foreign_policies_are_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, weights) = (dir.path().join("run"), dir.path().join("run/policy.safetensors"));
    let eval = |policy: &str, because: &[&str]| refused(&["eval", "skirmish", "--policy", policy], because);
    eval("runs/nowhere", &["runs/nowhere", "no such file or folder"]);
    eval("nowhere.safetensors", &["no such file or folder"]);
    eval(text(dir.path()), &["no policy is here"]);
    policies::write(&folder, "skirmish", &[]);
    let whole = fs::read(&weights).unwrap();
    for len in [0, 7, 300, whole.len() - 5] {
        fs::write(&weights, &whole[..len]).unwrap();
        eval(text(&folder), &["policy.safetensors: "]);
        eval(text(&weights), &["policy.safetensors: "]);
        assert_eq!(fs::read(&weights).unwrap(), whole[..len]);
    }
    let mut flipped = whole.clone();
    flipped[whole.len() - 100] ^= 4;
    fs::write(&weights, &flipped).unwrap();
    eval(text(&folder), &["checksum does not match"]);
    fs::write(&weights, b"\x80\x04 a pickle, which could run anything").unwrap();
    eval(text(&folder), &["not a safetensors file"]);
    fs::write(&weights, &whole).unwrap();
    fs::write(folder.join("card.ron"), "(version: 1, name: \"cut").unwrap();
    eval(text(&folder), &["card.ron:1:", "not a card"]);
}

#[test]
fn weights_with_a_number_that_is_none_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let card = policies::card_for("skirmish", &[]);
    // As another tool would write it: without agon's checksum.
    let tensors = policies::weights(&card);
    let bytes = to_safetensors(&tensors, &BTreeMap::new()).unwrap();
    let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..end].to_vec()).unwrap();
    let begin = header.find("\"__metadata__\"").unwrap();
    let rest = header[begin..].find("},").unwrap() + begin + 2;
    let header = format!("{}{}", &header[..begin], header[rest..].trim_end());
    let mut foreign = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[end..]].concat();
    let last = foreign.len() - 4;
    foreign[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let path = dir.path().join("policy.safetensors");
    fs::write(&path, &foreign).unwrap();
    let card = Card { sha256: "0".repeat(64), ..card };
    fs::write(dir.path().join("card.ron"), card.to_ron().unwrap()).unwrap();
    refused(
        &["eval", "skirmish", "--policy", text(dir.path())],
        &["policy.safetensors", "`normaliser.std` is not finite"],
    );
}

#[test]
fn a_policy_of_another_action_space_or_to_start_from_on_another_layout_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    policies::write(&dir.path().join("seed5"), "skirmish", &[("observation", "seed5")]);
    policies::write(&dir.path().join("fast"), "skirmish", &[("jammer_speed_mps", "50")]);
    let seed5 = dir.path().join("seed5");
    let recording = dir.path().join("a.mcap");
    let fast = dir.path().join("fast");
    for command in [&["eval", "skirmish"][..], &["record", "skirmish", "--out", text(&recording)]] {
        let why = &["`vx` goes from -50 to 50 m/s", "allows -5 to 5"];
        refused(&[command, &["--policy", text(&fast)]].concat(), why);
    }
    let other = ["train", "skirmish", "--init", text(&seed5), "--set", "observation=published5"];
    refused(&other, &["layout `jamming/seed5` (5 numbers)", "layout `jamming/published5` (5 numbers)"]);
    assert!(!recording.exists());
    let args = ["eval", "skirmish", "--policy", text(&seed5), "--set", "observation=seed5", "--set", "max_steps=2"];
    assert!(crate::agon(&[&args[..], &["--episodes", "1", "--no-reference"]].concat()).status.success());
}

#[test]
fn what_a_policy_to_start_from_decides_cannot_be_set_to_something_else() {
    let dir = tempfile::tempdir().unwrap();
    policies::write(&dir.path().join("small"), "skirmish", &[]);
    let (small, run) = (dir.path().join("small"), dir.path().join("run"));
    let train = ["train", "skirmish", "--init", text(&small), "--out", text(&run), "--set"];
    refused(&[&train[..], &["hidden=32"]].concat(), &["`hidden` cannot be 32", "has 16"]);
    assert!(!run.exists());
}
