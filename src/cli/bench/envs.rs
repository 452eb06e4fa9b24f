//! The simulation: one world of 64 envs on one thread, random actions, rewards, observations and exact lambda-2 every tick.
//!
//! Whole episodes are timed, so what a reset costs is in. Actions are drawn beforehand: it is the envs that are measured.

use std::time::Duration;

use super::{Figure, meter::seconds_within};
use crate::{
    error::Result,
    places::load_scenario,
    sim::{ActionSpace, Address, Lane, Purpose, Seeds},
};

const ENVS: u64 = 64;
/// Sets of actions that are used in turn.
const ACTION_SETS: u32 = 8;
/// Ticks before anything is timed.
const WARM_UP_TICKS: u32 = 10;
/// CPU time per figure, as long as an episode is shorter than that.
const BUDGET: Duration = Duration::from_millis(400);

pub(super) fn figures() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (layout, suffix, share) in [("seed5", "", 1.0), ("local", "_local", 0.5)] {
        for (size, scenario, must, aim, original) in [
            ("4_10", "jamming/skirmish", 400e3, 1.5e6, 2_089.0),
            ("6_30", "jamming/published", 60e3, 250e3, 1_011.0),
            ("40_100", "jamming/swarm-40-100", 5e3, 13e3, 33.0),
        ] {
            let name = format!("env_jamming_{size}{suffix}_sps");
            let figure = Figure::rate(name, share * must, share * aim, move || steps_per_s(scenario, layout));
            figures.push(figure.peer(original, "the published system"));
        }
    }
    figures
}

/// Env-steps per CPU second.
fn steps_per_s(scenario: &str, layout: &str) -> Result<f64> {
    let mut scenario = load_scenario(scenario)?;
    scenario.set("observation", layout)?;
    let mut lane = Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(1), 0..ENVS);
    let sets = action_sets(&lane.spec().groups[0].action, lane.ports().groups[0].actions.len());
    let mut next = sets.iter().cycle();
    let mut play = |ticks: u32| {
        for actions in next.by_ref().take(ticks as usize) {
            lane.ports_mut().groups[0].actions.copy_from_slice(actions);
            lane.step();
        }
    };
    play(WARM_UP_TICKS);
    let seconds = seconds_within(BUDGET, || play(scenario.max_steps));
    Ok(f64::from(scenario.max_steps) * ENVS as f64 / seconds)
}

/// Uniform actions, `len` numbers a set.
fn action_sets(space: &ActionSpace, len: usize) -> Vec<Vec<f32>> {
    let set = |tick: u32| {
        let address = Address { env: 0, episode: 0, tick };
        let mut stream = Seeds::new(1).stream(Purpose::new("bench.actions"), address);
        let mut actions = Vec::with_capacity(len);
        while actions.len() < len {
            actions
                .extend(space.continuous.iter().map(|axis| stream.uniform(*axis.bounds.start(), *axis.bounds.end())));
            actions.extend(space.discrete.iter().map(|choice| stream.below(choice.choices.len()) as f32));
        }
        actions
    };
    (0..ACTION_SETS).map(set).collect()
}
