//! Every instruction set that this CPU has comes to the same bits, of the simulation and of what is learned in it.
//!
//! `AGON_SIMD` keeps a process from the higher ones, and it is read once: so each has a process of its own.

use std::{env, path::Path, process::Command};

use agon::{
    math::{
        gemm::Isa,
        simd::{LIMIT_VARIABLE, Level},
    },
    policy::card,
    sim::{Batch, Seeds},
};

use super::{Dice, Print, changed, prints};

/// The instruction sets that this process could have used instead of its own.
fn lower() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| *level < Level::detect())
}

#[test]
fn kernels_keep_to_the_limit() {
    let limit = match env::var(LIMIT_VARIABLE) {
        Ok(limit) => Level::ALL.into_iter().find(|level| level.name() == limit).unwrap(),
        Err(_) => Level::Avx512,
    };
    assert!(Level::detect() <= limit);
    let allowed = ["portable", "avx2+fma", "avx512f"][..=limit as usize].to_vec();
    assert!(allowed.contains(&Isa::best().name()), "{} under {limit:?}", Isa::best().name());
}

/// Marks the lines that [`process_with_a_limit`] prints.
const MARK: &str = "print of";

/// Both kernels of lambda-2 are in these, that for eight small graphs and that for one larger one; and the other domains.
fn lines() -> Vec<String> {
    let names = ["jamming/skirmish", "jamming/swarm-40-100", "cluster/default", "particles/spread", "particles/tag"];
    let told = names.into_iter().flat_map(|name| {
        let scenario = changed(name, &[]);
        let mut batch = Batch::new(scenario.domain.domain(), 12, Seeds::new(1), 0..3, 3);
        let dice = Dice::new(batch.spec(), 1);
        let mut tick = move || {
            batch.lanes_mut().iter_mut().for_each(|lane| dice.roll(lane));
            batch.step();
            batch.lanes().iter().flat_map(prints).collect::<Vec<Print>>()
        };
        (1..=15).map(|number| format!("{MARK} {name}, tick {number}: {:x?}", tick())).collect::<Vec<_>>()
    });
    told.collect()
}

/// The limit is checked here as well, so that nothing passes by using the highest after all.
#[test]
#[ignore = "the second process of every_instruction_set_simulates_the_same_bits"]
fn process_with_a_limit() {
    kernels_keep_to_the_limit();
    lines().iter().for_each(|line| println!("{line}"));
}

#[test]
fn every_instruction_set_simulates_the_same_bits() {
    let expected = lines();
    for level in lower() {
        let told = tests_under(level, &["--ignored", "--nocapture", "instructions::process_with_a_limit"]);
        let found: Vec<&str> = told.lines().filter_map(|line| line.find(MARK).map(|at| &line[at..])).collect();
        assert_eq!(found.len(), expected.len(), "{level:?}:\n{told}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{level:?}");
        }
    }
}

#[test]
#[ignore = "make torture"]
fn every_instruction_set_comes_to_the_pinned_hashes() {
    for level in lower() {
        let told = tests_under(level, &["golden::every_scenario_comes_to_its_pinned_hash"]);
        assert!(told.contains("1 passed"), "{told}");
    }
}

/// Runs tests of this program in a process of their own and returns what they print.
fn tests_under(level: Level, args: &[&str]) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(args)
        .args(["--exact", "--test-threads=1"])
        .env(LIMIT_VARIABLE, level.name())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{level:?}:\n{told}");
    told
}

#[test]
fn every_instruction_set_learns_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    for (algo, scenario) in [("mappo", "jamming/skirmish"), ("maddpg", "cluster/default")] {
        let expected = learned(folder.path(), (algo, scenario), Level::detect());
        for level in lower() {
            let found = learned(folder.path(), (algo, scenario), level);
            assert!(found == expected, "{algo}: other weights under {level:?}");
        }
    }
}

/// The bits of the policy that a small run of the program comes to.
fn learned(folder: &Path, (algo, scenario): (&str, &str), level: Level) -> Vec<u32> {
    let out = folder.join(format!("{algo}-{}", level.name()));
    let of_all = [&format!("algo={algo}"), "max_steps=20", "hidden=20", "num_steps=8"];
    let of_replays: &[&str] = if algo == "mappo" { &[] } else { &["learning_starts=20", "batch_size=16"] };
    let output = Command::new(env!("CARGO_BIN_EXE_agon"))
        .args(["train", scenario, "--steps", "160", "--seed", "7", "--envs", "4", "--threads", "2", "--out"])
        .arg(&out)
        .args(of_all.iter().chain(of_replays).flat_map(|value| ["--set", value]))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env(LIMIT_VARIABLE, level.name())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tensors = card::load(&out).unwrap().network.tensors();
    tensors.into_iter().flat_map(|tensor| tensor.data).map(f32::to_bits).collect()
}
