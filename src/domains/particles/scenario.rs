//! Configuration of the particles.

use crate::{
    error::{Error, Result},
    sim::params::{choices, params},
};

choices! {
    /// What the agents are there for.
    pub enum Task {
        /// They cover landmarks together.
        Spread = "spread",
        /// Adversaries catch good agents.
        Tag = "tag",
    }
}

choices! {
    /// How agents say what they do.
    pub enum Actions {
        /// One of five: nothing, left, right, down, up.
        Discrete = "discrete",
        /// Five numbers, 0 to 1, for the same five.
        Continuous = "continuous",
        /// Two numbers, -1 to 1, along x and y.
        Force = "force",
    }
}

choices! {
    /// Whose laws of motion hold.
    pub enum Physics {
        /// Those of mpe2.
        Mpe2 = "mpe2",
        /// Those of VMAS, for task `spread`.
        Vmas = "vmas",
    }
}

choices! {
    /// What agents see in task `spread`; what they see in `tag` does not depend on it.
    pub enum ObservationLayout {
        /// What mpe2 shows.
        Mpe2 = "mpe2",
        /// What VMAS shows.
        Vmas = "vmas",
    }
}

choices! {
    /// Who is paid for what in task `spread`.
    pub enum RewardMode {
        /// Each its share of the distances and its own collisions, as in mpe2.
        Mixed = "mixed",
        /// All the sum of what all would get without weights, as in VMAS.
        Shared = "shared",
    }
}

params! {
    /// Configuration of the particles.
    pub struct ParticlesParams {
        /// What the agents are there for.
        task: Task = Task::Spread, choice, next_reset;
        /// Agents (task `spread`).
        num_agents: usize = 3, range 1..=100, next_reset;
        /// Landmarks to cover (task `spread`).
        num_landmarks: usize = 3, range 1..=100, next_reset;
        /// Adversaries (task `tag`).
        num_adversaries: usize = 3, range 1..=100, next_reset;
        /// Good agents (task `tag`).
        num_good: usize = 1, range 1..=100, next_reset;
        /// Obstacles (task `tag`).
        num_obstacles: usize = 2, range 0..=100, next_reset;

        /// How agents say what they do.
        actions: Actions = Actions::Discrete, choice, next_reset;
        /// Whose laws of motion hold.
        physics: Physics = Physics::Mpe2, choice, next_reset;
        /// What agents see in task `spread`.
        observation: ObservationLayout = ObservationLayout::Mpe2, choice, next_reset;

        /// Who is paid for what in task `spread`.
        reward: RewardMode = RewardMode::Mixed, choice, next_reset;
        /// Weight of an agent's own collisions; 1 minus it is that of the distances (reward `mixed`).
        local_ratio: f64 = 0.5, range 0.0..=1.0, live;

        /// Where each agent starts, x and y in turn; empty: anywhere (task `spread`).
        agents_at_m: Vec<f64> = vec![], list 0..=200, unit "m", range -10.0..=10.0, next_reset;
        /// Where each landmark is, x and y in turn; empty: anywhere (task `spread`).
        landmarks_at_m: Vec<f64> = vec![], list 0..=200, unit "m", range -10.0..=10.0, next_reset;
        /// Where each adversary starts, x and y in turn; empty: anywhere (task `tag`).
        adversaries_at_m: Vec<f64> = vec![], list 0..=200, unit "m", range -10.0..=10.0, next_reset;
        /// Where each good agent starts, x and y in turn; empty: anywhere (task `tag`).
        good_at_m: Vec<f64> = vec![], list 0..=200, unit "m", range -10.0..=10.0, next_reset;
        /// Where each obstacle is, x and y in turn; empty: anywhere (task `tag`).
        obstacles_at_m: Vec<f64> = vec![], list 0..=200, unit "m", range -10.0..=10.0, next_reset;
    }
}

impl ParticlesParams {
    /// Agents of all groups in an env.
    pub fn num_movers(&self) -> usize {
        match self.task {
            Task::Spread => self.num_agents,
            Task::Tag => self.num_adversaries + self.num_good,
        }
    }

    /// Landmarks or obstacles in an env.
    pub fn num_places(&self) -> usize {
        match self.task {
            Task::Spread => self.num_landmarks,
            Task::Tag => self.num_obstacles,
        }
    }

    /// Agents of an env that are adversaries; they come first.
    pub fn num_hunters(&self) -> usize {
        match self.task {
            Task::Spread => 0,
            Task::Tag => self.num_adversaries,
        }
    }
}

/// Whether parameters go together.
pub(super) fn check(params: &ParticlesParams) -> Result<()> {
    if params.task == Task::Tag && params.physics == Physics::Vmas {
        return Err(Error::input("`physics` must be `mpe2` where `task` is `tag`")
            .hint("VMAS is reproduced in task `spread` alone"));
    }
    let lists = [
        ("agents_at_m", &params.agents_at_m, "num_agents", params.num_agents),
        ("landmarks_at_m", &params.landmarks_at_m, "num_landmarks", params.num_landmarks),
        ("adversaries_at_m", &params.adversaries_at_m, "num_adversaries", params.num_adversaries),
        ("good_at_m", &params.good_at_m, "num_good", params.num_good),
        ("obstacles_at_m", &params.obstacles_at_m, "num_obstacles", params.num_obstacles),
    ];
    match lists.into_iter().find(|(_, at_m, _, count)| !at_m.is_empty() && at_m.len() != 2 * count) {
        Some((name, at_m, of, count)) => Err(Error::input(format!(
            "`{name}` must have {} entries where `{of}` is {count}, found {}",
            2 * count,
            at_m.len()
        ))
        .hint("list x and y of each in turn, or leave the list empty")),
        None => Ok(()),
    }
}
