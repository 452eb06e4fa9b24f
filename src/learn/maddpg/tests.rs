//! Games whose answers are known, and what a run promises beside learning.

#![allow(clippy::unwrap_used, reason = "tests")]

mod games;
mod promises;

use super::*;

/// Small and quick, for games of one number.
fn quick(algo: Algo) -> PpoParams {
    PpoParams {
        algo,
        parameter_sharing: false,
        num_envs: 8,
        envs_per_world: 4,
        num_steps: 50,
        hidden: 32,
        norm_obs: false,
        learning_rate: 1e-3,
        critic_learning_rate: 3e-3,
        final_lr_fraction: 0.1,
        batch_size: 64,
        learning_starts: 2_000,
        ..PpoParams::default()
    }
}
