//! Games whose answers are known, and what a run promises beside learning.

#![allow(clippy::unwrap_used, reason = "tests")]

mod games;
mod promises;

use super::*;

/// Small and quick, for games of one number.
fn quick(algo: Algo) -> Hyperparameters {
    Hyperparameters::default().with(|params| {
        params.run.algo = algo;
        params.ddpg.parameter_sharing = false;
        params.run.num_envs = 8;
        params.run.envs_per_world = 4;
        params.run.num_steps = 50;
        params.run.hidden = 32;
        params.run.norm_obs = false;
        params.run.learning_rate = 1e-3;
        params.run.critic_learning_rate = 3e-3;
        params.run.final_lr_fraction = 0.1;
        params.ddpg.batch_size = 64;
        params.ddpg.learning_starts = 2_000;
    })
}
