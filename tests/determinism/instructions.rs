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
};

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

/// In each process the limit is checked as well, so that none of them can pass by using the highest after all.
#[test]
fn every_instruction_set_comes_to_the_pinned_hashes() {
    for level in lower() {
        let output = Command::new(env::current_exe().unwrap())
            .args(["golden::every_scenario_comes_to_its_pinned_hash", "instructions::kernels_keep_to_the_limit"])
            .args(["--exact", "--test-threads=1"])
            .env(LIMIT_VARIABLE, level.name())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && told.contains("2 passed"), "{level:?}:\n{told}");
    }
}

#[test]
fn every_instruction_set_learns_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    for algo in ["mappo", "maddpg"] {
        let expected = learned(folder.path(), algo, Level::detect());
        for level in lower() {
            assert!(learned(folder.path(), algo, level) == expected, "{algo}: other weights under {level:?}");
        }
    }
}

/// The bits of the policy that a small run of the program comes to.
fn learned(folder: &Path, algo: &str, level: Level) -> Vec<u32> {
    let out = folder.join(format!("{algo}-{}", level.name()));
    let set =
        [&format!("algo={algo}"), "max_steps=20", "hidden=20", "num_steps=8", "learning_starts=20", "batch_size=16"];
    let output = Command::new(env!("CARGO_BIN_EXE_agon"))
        .args(["train", "jamming/skirmish", "--steps", "320", "--seed", "7", "--envs", "4", "--threads", "2", "--out"])
        .arg(&out)
        .args(set.into_iter().flat_map(|value| ["--set", value]))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env(LIMIT_VARIABLE, level.name())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tensors = card::load(&out).unwrap().network.tensors();
    tensors.into_iter().flat_map(|tensor| tensor.data).map(f32::to_bits).collect()
}
