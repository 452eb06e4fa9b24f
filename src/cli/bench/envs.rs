//! The simulation: one world of 64 envs on one thread, with rewards, observations and measures every tick.
//!
//! Whole episodes are timed, so what a reset costs is in. Actions are drawn beforehand: it is the envs that are measured.
//! Figures of the cluster whose name has `rule` in it let a rule decide, whose time is in.

use std::time::Duration;

use super::{Figure, meter::seconds_within};
use crate::{
    domains::Scenario,
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
            let figure = Figure::rate(name, share * must, share * aim, move || {
                let mut scenario = load_scenario(scenario)?;
                scenario.set("observation", layout)?;
                steps_per_s(&scenario, None)
            });
            figures.push(figure.peer(original, "the published system"));
        }
    }
    for (name, scenario, rule, must, aim, original) in [
        ("repaired_10_rule", "cluster/repaired", Some("least_loaded"), 300e3, 2e6, 19_700.0),
        ("repaired_10_actions", "cluster/repaired", None, 150e3, 1e6, 2_889.0),
        ("full_10_rule", "cluster/default", Some("least_loaded"), 300e3, 2e6, 19_700.0),
        ("full_10_actions", "cluster/default", None, 150e3, 1e6, 2_889.0),
    ] {
        let figure = Figure::rate(format!("env_cluster_{name}_sps"), must, aim, move || {
            steps_per_s(&load_scenario(scenario)?, rule)
        });
        figures.push(figure.peer(original, "the published system, repaired"));
    }
    figures
}

/// Env-steps per CPU second of random actions, or of a baseline that decides.
fn steps_per_s(scenario: &Scenario, baseline: Option<&str>) -> Result<f64> {
    let domain = scenario.domain.domain();
    let mut lane = Lane::new(domain, scenario.max_steps, Seeds::new(1), 0..ENVS);
    let sets = action_sets(&lane.spec().groups[0].action, lane.ports().groups[0].actions.len());
    let mut next = sets.iter().cycle();
    let mut policy = domain.baselines().into_iter().find(|it| Some(it.name) == baseline).map(|it| it.policy);
    let mut play = |ticks: u32| -> Result<()> {
        for actions in next.by_ref().take(ticks as usize) {
            match &mut policy {
                Some(policy) => lane.act(&mut **policy, 0)?,
                None => lane.ports_mut().groups[0].actions.copy_from_slice(actions),
            }
            lane.step();
        }
        Ok(())
    };
    play(WARM_UP_TICKS)?;
    let mut outcome = Ok(());
    let seconds = seconds_within(BUDGET, || {
        if let Err(error) = play(scenario.max_steps) {
            outcome = Err(error);
        }
    });
    outcome?;
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
