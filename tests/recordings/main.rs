//! A recording plays back what was played, to the last bit, from any tick; what damages it is noticed and costs nothing that
//! lies before the damage; and other programs can read it.
//!
//! Each file here makes one claim; what they share is a way to play, live and recorded at once.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod bombs;
mod commands;
mod damage;
mod disorder;
mod edits;
mod foreign;
mod forgeries;
mod forgery;
#[path = "../needs/mod.rs"]
mod needs;
mod readers;
mod round_trip;
mod stories;
mod writers;

use std::path::Path;

use agon::{
    domains::Scenario,
    record::{Opening, Recorder},
    sim::{EpisodeRecord, Lane, Policy, Seeds},
};

/// A shipped scenario with some parameters changed.
fn scenario(name: &str, changes: &[(&str, &str)]) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/jamming/{name}.ron"));
    let mut scenario = Scenario::parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap();
    for (name, value) in changes {
        scenario.set(name, value).unwrap();
    }
    scenario.check().unwrap();
    scenario
}

fn policy(scenario: &Scenario, name: &str) -> Box<dyn Policy> {
    let baselines = scenario.domain.domain().baselines();
    baselines.into_iter().find(|baseline| baseline.name == name).unwrap().policy
}

/// What is played: env `env` under `seed`, in a world where two envs live on either side of it.
#[derive(Clone, Debug)]
struct Game {
    scenario: Scenario,
    seed: u64,
    env: u64,
    ticks: u64,
    keyframe_ticks: u32,
}

/// What one env shows after a tick, bit for bit.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    state: u64,
    numbers: Vec<u32>,
    metrics: Vec<u64>,
    ends: (bool, bool),
    finished: Vec<EpisodeRecord>,
    stratum: u8,
}

impl Game {
    fn new(changes: &[(&str, &str)], ticks: u64) -> Self {
        Self { scenario: scenario("skirmish", changes), seed: 7, env: 1 << 63, ticks, keyframe_ticks: 10 }
    }

    fn lane(&self) -> Lane {
        let numbers = self.env - 2..self.env + 3;
        Lane::new(self.scenario.domain.domain(), self.scenario.max_steps, Seeds::new(self.seed), numbers)
    }

    fn opening(&self) -> Opening<'_> {
        Opening {
            scenario: &self.scenario,
            seed: self.seed,
            env: self.env,
            policies: vec!["random".to_owned()],
            keyframe_ticks: self.keyframe_ticks,
        }
    }

    /// The recording, and what was shown at each of its ticks; nothing has been measured at tick 0.
    fn play(&self) -> (Vec<u8>, Vec<Shown>) {
        let (mut lane, mut policy) = (self.lane(), policy(&self.scenario, "random"));
        let mut recorder = Recorder::start(Vec::new(), &self.opening(), lane.world(), SLOT).unwrap();
        let mut played = vec![shown(&lane, SLOT)];
        for _ in 0..self.ticks {
            lane.act(&mut *policy, 0).unwrap();
            lane.step();
            recorder.tick(lane.world(), SLOT).unwrap();
            played.push(shown(&lane, SLOT));
        }
        (recorder.finish().unwrap(), played)
    }
}

/// Where the env that is recorded lives in its world.
const SLOT: usize = 2;

/// What the env at `slot` shows.
fn shown(lane: &Lane, slot: usize) -> Shown {
    let ports = lane.ports();
    let mut numbers = Vec::new();
    for group in &ports.groups {
        let mut rows = |values: &[f32], width: usize| {
            let part = &values[slot * group.agents * width..(slot + 1) * group.agents * width];
            numbers.extend(part.iter().map(|number| number.to_bits()));
        };
        rows(&group.observations, group.observation_width);
        rows(&group.actions, group.action_width);
        rows(&group.terms, group.num_terms);
        rows(&group.rewards, 1);
    }
    let width = ports.metrics.len() / ports.envs;
    let env = lane.first_env() + slot as u64;
    Shown {
        state: lane.hash(slot),
        numbers,
        metrics: ports.metrics[slot * width..(slot + 1) * width].iter().map(|value| value.to_bits()).collect(),
        ends: (ports.terminated[slot], ports.truncated[slot]),
        finished: ports.finished.iter().filter(|record| record.env == env).cloned().collect(),
        stratum: ports.stratum[slot],
    }
}
