//! Tunes the weights of the cluster's rule `linear` by the cross-entropy method, on development episodes.
//!
//! ```sh
//! cargo run --release --example tune_linear                      # prints the weights for src/domains/cluster/linear.rs
//! ```
//!
//! Every iteration draws candidates from a Gaussian per weight, plays each on the same episodes at several arrival rates, and moves
//! the Gaussians to the best eighth (de Boer et al., A tutorial on the cross-entropy method, 2005). What counts is the reward above
//! `least_loaded`, in shares of what `lookahead` is above it.
#![allow(clippy::print_stdout, reason = "an example tells what it finds")]

use std::error::Error;

use agon::{
    domains::{
        Scenario,
        cluster::{
            linear::{NUM_WEIGHTS, Weights},
            linear_scorer,
        },
    },
    eval::{EvalOptions, evaluate},
    places,
    policy::cast::Player,
    sim::{Address, Policy, Purpose, Seeds},
};

const DRAW: Purpose = Purpose::new("example.tune_linear");

const RATES_HZ: [f64; 5] = [1.0, 3.0, 5.0, 8.0, 10.0];
const ITERATIONS: u32 = 30;
const CANDIDATES: usize = 48;
const BEST: usize = 6;
/// Where the search begins: CPU and dominant share, and no workload declined.
const START: [f64; NUM_WEIGHTS] = [-1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
/// How far around each weight it begins, and how narrow it may become.
const FIRST_DEVIATION: f64 = 1.0;
const LEAST_DEVIATION: f64 = 0.02;
const EPISODES: u64 = 32;
/// Run seed of the episodes; the tables use the scenario's.
const SEED: u64 = 1001;
/// Where `lookahead` gains next to nothing, its gain is taken to be this.
const LEAST_GAIN: f64 = 30.0;

/// One arrival rate, and what a candidate is measured by there.
struct Load {
    scenario: Scenario,
    least_loaded: f64,
    gain: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let loads = RATES_HZ.map(load).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut mean = START;
    let mut deviation = [FIRST_DEVIATION; NUM_WEIGHTS];
    println!("start: {}", shown(&score_by_load(&loads, START.map(|weight| weight as f32))?));
    for iteration in 0..ITERATIONS {
        let mut candidates = Vec::new();
        for number in 0..CANDIDATES {
            let weights = if number == 0 { mean } else { draw(iteration, number as u64, &mean, &deviation) };
            let weights: Weights = weights.map(|weight| weight as f32);
            let scores = score_by_load(&loads, weights)?;
            candidates.push((scores.iter().sum::<f64>() / scores.len() as f64, weights));
        }
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
        let best = &candidates[..BEST];
        for at in 0..NUM_WEIGHTS {
            let of = |f: &dyn Fn(f64) -> f64| best.iter().map(|(_, w)| f(f64::from(w[at]))).sum::<f64>() / BEST as f64;
            mean[at] = of(&|weight| weight);
            deviation[at] = of(&|weight| (weight - mean[at]) * (weight - mean[at])).sqrt().max(LEAST_DEVIATION);
        }
        println!("iteration {iteration}: best {:.3}, mean of the best {:.3}", best[0].0, mean_score(best));
    }
    let weights = mean.map(|weight| weight as f32);
    println!("end: {}\n{weights:.3?}", shown(&score_by_load(&loads, weights)?));
    Ok(())
}

fn load(rate_hz: f64) -> Result<Load, Box<dyn Error>> {
    let mut scenario = places::load_scenario("cluster/default")?;
    scenario.set("arrival_rate_hz", &format!("{rate_hz:?}"))?;
    scenario.set("max_workloads", "400")?;
    let baseline = |name: &str| -> Result<f64, Box<dyn Error>> {
        let all = scenario.domain.domain().baselines().into_iter();
        let found = all.into_iter().find(|baseline| baseline.name == name).ok_or("no such baseline")?;
        reward(&scenario, found.policy)
    };
    let (least_loaded, lookahead) = (baseline("least_loaded")?, baseline("lookahead")?);
    Ok(Load { least_loaded, gain: (lookahead - least_loaded).max(LEAST_GAIN), scenario })
}

/// Mean reward of a policy, all nodes together.
fn reward(scenario: &Scenario, policy: Box<dyn Policy>) -> Result<f64, Box<dyn Error>> {
    let name = "candidate".to_owned();
    let player = Player { name: name.clone(), doc: String::new(), privileged: false, layout: None, policy };
    let options = EvalOptions {
        episodes: EPISODES,
        seed: SEED,
        with_reference: false,
        score: Some("reward".to_owned()),
        ..EvalOptions::default()
    };
    let report = evaluate(scenario, vec![player.into()], &options, &|_| {})?;
    Ok(report.interval(&name, "reward").ok_or("no reward was measured")?.mean)
}

fn score_by_load(loads: &[Load], weights: Weights) -> Result<Vec<f64>, Box<dyn Error>> {
    let score = |load: &Load| -> Result<f64, Box<dyn Error>> {
        Ok((reward(&load.scenario, linear_scorer(weights))? - load.least_loaded) / load.gain)
    };
    loads.iter().map(score).collect()
}

fn draw(iteration: u32, number: u64, mean: &[f64; NUM_WEIGHTS], deviation: &[f64; NUM_WEIGHTS]) -> [f64; NUM_WEIGHTS] {
    let address = Address { env: number, episode: 0, tick: iteration };
    let mut stream = Seeds::new(SEED).stream(DRAW, address);
    std::array::from_fn(|at| mean[at] + deviation[at] * f64::from(stream.normal()))
}

fn mean_score(candidates: &[(f64, Weights)]) -> f64 {
    candidates.iter().map(|(score, _)| score).sum::<f64>() / candidates.len() as f64
}

fn shown(scores: &[f64]) -> String {
    RATES_HZ.iter().zip(scores).map(|(rate, score)| format!("{rate}/s {score:+.3}  ")).collect()
}
