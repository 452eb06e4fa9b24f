//! Training: whole iterations (rollout and update) with the network that trains by default.

use std::fs;

use super::{Better, Figure, meter::cpu_time};
use crate::{
    cli::places::load_scenario,
    error::{Error, Result},
    learn::{hyperparameters::PpoParams, mappo::Trainer},
    sim::params::Params,
};

/// Iterations that the rate is the median of, after one that is not counted.
const ITERATIONS: usize = 5;

pub(super) fn figures() -> Vec<Figure> {
    let original = Figure::rate("train_published_sps", 8.0 * 274.0, 40.0 * 274.0, || {
        // The published system's recipe; the early stop is off so that all epochs count.
        rate("jamming/published", &[("observation", "published5")], &PUBLISHED, |trainer| trainer.counters().env_steps)
    });
    let recipe = Figure::rate("train_mappo_128_agent_sps", 35e3, 88e3, || {
        rate("jamming/skirmish", &[], &BENCHMARL, |trainer| trainer.counters().agent_steps)
    });
    let memory = Figure {
        name: "train_swarm_peak_mb".to_owned(),
        unit: "MB",
        better: Better::Lower,
        must: 2000.0,
        aim: 500.0,
        peer: None,
        measure: Box::new(swarm_peak_mb),
    };
    vec![original.peer(274.0, "the published system"), recipe.peer(34_841.0, "BenchMARL, simple_spread"), memory]
}

const PUBLISHED: [(&str, &str); 7] = [
    ("hidden", "64"),
    ("activation", "relu"),
    ("num_envs", "8"),
    ("num_steps", "128"),
    ("minibatch_size", "128"),
    ("update_epochs", "15"),
    ("target_kl", "None"),
];

const BENCHMARL: [(&str, &str); 6] = [
    ("hidden", "128"),
    ("num_envs", "128"),
    ("num_steps", "64"),
    ("minibatch_size", "4096"),
    ("update_epochs", "5"),
    ("target_kl", "None"),
];

fn trainer(scenario: &str, changes: &[(&str, &str)], recipe: &[(&str, &str)]) -> Result<Trainer> {
    let mut scenario = load_scenario(scenario)?;
    changes.iter().try_for_each(|(name, value)| scenario.set(name, value))?;
    let mut params = PpoParams::default();
    recipe.iter().try_for_each(|(name, value)| params.set(name, value))?;
    Trainer::new(scenario.domain.domain(), scenario.max_steps, 1, &params)
}

/// Steps, as `count` counts them, per CPU second.
fn rate(
    scenario: &str,
    changes: &[(&str, &str)],
    recipe: &[(&str, &str)],
    count: fn(&Trainer) -> u64,
) -> Result<f64> {
    let mut trainer = trainer(scenario, changes, recipe)?;
    trainer.iterate(0.0)?;
    let mut rates = Vec::with_capacity(ITERATIONS);
    for _ in 0..ITERATIONS {
        let (steps, start) = (count(&trainer), cpu_time());
        trainer.iterate(0.0)?;
        rates.push((count(&trainer) - steps) as f64 / (cpu_time() - start).as_secs_f64());
    }
    Ok(crate::math::statistics::median(&rates))
}

/// Largest resident memory of this process while it trains the swarm in 64 envs, in MB.
fn swarm_peak_mb() -> Result<f64> {
    // Forgets the peak of whatever was measured before.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let mut trainer = trainer("jamming/swarm-40-100", &[], &[("num_envs", "64")])?;
    trainer.iterate(0.0)?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    peak.map(|kilobytes| kilobytes * 1024.0 / 1e6)
        .ok_or_else(|| Error::system("this system does not tell the peak memory of a process").in_file("/proc/self/status"))
}
