//! Updates of MADDPG: ten agents with an actor and a critic of their own, batches of 256, actors 8-256-256-4, critics
//! 120-256-256-1; an update is one step of every critic and every actor, and of all targets.

use std::time::Duration;

use super::{Figure, Unit, Work, meter::seconds_within};
use crate::{
    error::Result,
    learn::{hyperparameters::Hyperparameters, maddpg::Trainer},
    places::load_scenario,
    sim::params::Params,
};

/// CPU time for the updates, after some to warm up.
const BUDGET: Duration = Duration::from_millis(2000);

/// The published system's networks and batch.
const PUBLISHED: [(&str, &str); 10] = [
    ("algo", "maddpg"),
    ("parameter_sharing", "false"),
    ("activation", "relu"),
    ("hidden", "256"),
    ("batch_size", "256"),
    ("num_envs", "16"),
    ("envs_per_world", "16"),
    ("num_steps", "64"),
    ("train_frequency", "64"),
    ("learning_starts", "0"),
];

const AGENTS: f64 = 10.0;
const BATCH: f64 = 256.0;
const HIDDEN: f64 = 256.0;
const ACTOR_IN: f64 = 8.0;
const ACTION: f64 = 4.0;
const CRITIC_IN: f64 = AGENTS * (ACTOR_IN + ACTION);

pub(super) fn figures() -> Vec<Figure> {
    let work = || Ok(Work { flops_f32: 2.0 * multiplications(), ..Work::default() });
    vec![Figure::new("maddpg_update_10_ms", Unit::Millis, [0.47, 0.80], work, || Ok(1e3 * update_seconds()?))]
}

/// CPU seconds of one update.
fn update_seconds() -> Result<f64> {
    let mut scenario = load_scenario("cluster/repaired")?;
    scenario.set("observation", "published8")?;
    let mut params = Hyperparameters::default();
    PUBLISHED.iter().try_for_each(|(name, value)| params.set(name, value))?;
    let mut trainer = Trainer::new(scenario.domain.domain(), scenario.max_steps, 1, &params)?;
    trainer.iterate(0.0)?;
    trainer.learn(0.0)?;
    let mut outcome = Ok(());
    let seconds = seconds_within(BUDGET, || {
        if let Err(error) = trainer.learn(0.0) {
            outcome = Err(error);
        }
    });
    outcome.map(|()| seconds)
}

/// Multiplications, each with an addition, that an update cannot do without.
fn multiplications() -> f64 {
    let actor = ACTOR_IN * HIDDEN + HIDDEN * HIDDEN + HIDDEN * ACTION;
    let critic = CRITIC_IN * HIDDEN + HIDDEN * HIDDEN + HIDDEN;
    // Down through a critic twice, the second time to the action; and through the actor.
    let down = 2.0 * (HIDDEN * HIDDEN + HIDDEN) + HIDDEN * ACTION + HIDDEN * HIDDEN + HIDDEN * ACTION;
    // Actors: target, to learn with the others, with its gradient (twice). Critics: target, value with gradient (twice), slope.
    AGENTS * BATCH * (4.0 * actor + 4.0 * critic + down)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::sim::Domain;

    #[test]
    fn the_recipe_and_the_count_are_those_of_the_published_system() {
        let scenario = {
            let mut scenario = load_scenario("cluster/repaired").unwrap();
            scenario.set("observation", "published8").unwrap();
            scenario
        };
        let domain: &dyn Domain = scenario.domain.domain();
        let group = domain.spec(scenario.max_steps).groups.remove(0);
        assert_eq!((group.agents as f64, group.observation.len() as f64), (AGENTS, ACTOR_IN));
        assert_eq!(group.action.continuous.len() as f64, ACTION);
        let mut params = Hyperparameters::default();
        PUBLISHED.iter().for_each(|(name, value)| params.set(name, value).unwrap());
        assert_eq!((params.ddpg.batch_size as f64, params.run.hidden as f64), (BATCH, HIDDEN));
        assert!((2.1e9..2.3e9).contains(&multiplications()), "{}", multiplications());
    }
}
