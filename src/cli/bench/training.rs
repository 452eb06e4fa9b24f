//! Training: whole iterations, rollout and update, on as many threads as there are cores.
//!
//! The early stop is off, so that the number of epochs is that of the recipe.

use std::time::Duration;

use super::{Figure, meter::seconds_within};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    learn::{hyperparameters::PpoParams, mappo::Trainer},
    places::load_scenario,
    sim::params::Params,
};

/// CPU time per rate, after an iteration to warm up.
const BUDGET: Duration = Duration::from_millis(1000);

/// The published system's recipe: rollouts of 1,024 env-steps, two layers of 64, minibatches of 128, 15 epochs.
const PUBLISHED: [(&str, &str); 6] = [
    ("num_envs", "16"),
    ("envs_per_world", "8"),
    ("num_steps", "64"),
    ("hidden", "64"),
    ("minibatch_size", "128"),
    ("update_epochs", "15"),
];
/// What BenchMARL's figure was measured with.
const MAPPO: [(&str, &str); 3] = [("hidden", "128"), ("minibatch_size", "4096"), ("update_epochs", "5")];
/// Sixty-four envs, everything else as it comes.
const SWARM: [(&str, &str); 1] = [("num_envs", "64")];

pub(super) fn figures() -> Vec<Figure> {
    let team = Figure::rate("train_mappo_128_agent_sps", 35e3, 88e3, || {
        Ok(iteration(&load_scenario("jamming/skirmish")?, &MAPPO)?.agent_steps_per_s)
    });
    let peak = Figure::millis("train_swarm_peak_mb", 2000.0, 500.0, swarm_peak_mb);
    vec![
        Figure::rate("train_published_sps", 8.0 * 274.0, 40.0 * 274.0, || {
            let mut scenario = load_scenario("jamming/published")?;
            scenario.set("observation", "published5")?;
            Ok(iteration(&scenario, &PUBLISHED)?.env_steps_per_s)
        })
        .peer(274.0, "the published system"),
        Figure { unit: "agent-steps/s", ..team }.peer(34_841.0, "BenchMARL 1.5 on VMAS"),
        Figure { unit: "MB", ..peak },
    ]
}

/// Rates of an iteration, per core-second.
struct Rates {
    env_steps_per_s: f64,
    agent_steps_per_s: f64,
}

fn iteration(scenario: &Scenario, recipe: &[(&str, &str)]) -> Result<Rates> {
    let mut trainer = trainer(scenario, recipe)?;
    let mut outcome = Ok(());
    trainer.iterate(0.0)?;
    let before = trainer.counters();
    let seconds = seconds_within(BUDGET, || {
        if let Err(error) = trainer.iterate(0.0) {
            outcome = Err(error);
        }
    });
    outcome?;
    let after = trainer.counters();
    let iterations = (after.iterations - before.iterations) as f64;
    let rate = |steps: u64| steps as f64 / iterations / seconds;
    Ok(Rates {
        env_steps_per_s: rate(after.env_steps - before.env_steps),
        agent_steps_per_s: rate(after.agent_steps - before.agent_steps),
    })
}

/// Peak of this process's memory while it trains the swarm, in MB.
fn swarm_peak_mb() -> Result<f64> {
    forget_peak();
    let mut trainer = trainer(&load_scenario("jamming/swarm-40-100")?, &SWARM)?;
    trainer.iterate(0.0)?;
    peak_mb()
}

fn trainer(scenario: &Scenario, recipe: &[(&str, &str)]) -> Result<Trainer> {
    let mut params = PpoParams { target_kl: None, ..PpoParams::default() };
    recipe.iter().try_for_each(|(name, value)| params.set(name, value))?;
    Trainer::new(scenario.domain.domain(), scenario.max_steps, 1, &params)
}

/// Lets the kernel count the peak from here on. Where it does not, earlier figures may raise this one, never lower it.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Largest resident memory of this process so far.
fn peak_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| {
        Error::system(format!("cannot read this process's memory: {error}")).in_file("/proc/self/status")
    })?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0 / 1e6)
        .ok_or_else(|| Error::system("the kernel does not tell this process's peak memory"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_peak_holds_what_was_used_and_freed() {
        let before = peak_mb().unwrap();
        let used = std::hint::black_box(vec![1_u8; 300_000_000]);
        drop(used);
        assert!(peak_mb().unwrap() >= before.max(300.0));
    }

    #[test]
    fn every_recipe_is_made_of_hyperparameters_that_exist() {
        for recipe in [&PUBLISHED[..], &MAPPO[..], &SWARM[..]] {
            let mut params = PpoParams::default();
            recipe.iter().for_each(|(name, value)| params.set(name, value).unwrap());
        }
    }
}
