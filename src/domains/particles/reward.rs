//! Reward terms of the particles. Read with `systems/measure.rs`; the table in `mod.rs` lists them.

use bevy_ecs::{
    query::With,
    system::{Query, Res, ResMut},
};

use super::{
    components::{Agent, Position},
    model::Model,
    scenario::{RewardMode, Task},
    systems::Measures,
};
use crate::sim::{GroupPort, Ports, column, kit::declare_terms};

declare_terms! {
    /// What agents of task `spread` are paid for.
    pub(super) struct SpreadTerms {
        distance: "minus the distance of each landmark to the nearest agent";
        collisions: "minus the agents that it touches";
    }
}

declare_terms! {
    /// What adversaries are paid for.
    pub(super) struct AdversaryTerms {
        catches: "10 for each touch of an adversary and a good agent, paid to all adversaries";
    }
}

declare_terms! {
    /// What good agents are paid for.
    pub(super) struct GoodTerms {
        caught: "-10 for each adversary that touches it";
        bounds: "minus a fine for each axis on which it is beyond 0.9 m";
    }
}

/// What a touch of an adversary and a good agent is worth.
const CATCH: f32 = 10.0;

/// Pays everybody.
pub(super) fn pay(
    model: Res<Model>,
    measures: Res<Measures>,
    mut ports: ResMut<Ports>,
    positions: Query<&Position, With<Agent>>,
) {
    match (model.params.task, &mut ports.groups[..]) {
        (Task::Spread, [agents]) => match model.params.reward {
            RewardMode::Mixed => pay_mixed(&model, &measures, agents),
            RewardMode::Shared => pay_shared(&model, &measures, agents),
        },
        (Task::Tag, [adversaries, good]) => {
            pay_adversaries(&model, &measures, adversaries);
            pay_good(&model, &measures, column(&positions), good);
        }
        _ => {}
    }
}

/// Own collisions and the team's distances, weighted.
fn pay_mixed(model: &Model, measures: &Measures, port: &mut GroupPort) {
    let local = model.params.local_ratio as f32;
    let (terms, _) = port.terms.as_chunks_mut();
    let teams = terms.chunks_exact_mut(model.num_agents()).zip(measures.touches.chunks_exact(model.num_agents()));
    for ((terms, touches), measure) in teams.zip(&measures.envs) {
        let distance = -(1.0 - local) * measure.distance_m;
        for (paid, touches) in terms.iter_mut().zip(touches) {
            *paid = SpreadTerms { distance, collisions: -local * touches }.numbers();
        }
    }
}

/// The sum over all agents, to all of them. Each touch is in it twice, the distances once per agent.
fn pay_shared(model: &Model, measures: &Measures, port: &mut GroupPort) {
    let (terms, _) = port.terms.as_chunks_mut();
    for (terms, measure) in terms.chunks_exact_mut(model.num_agents()).zip(&measures.envs) {
        let distance = -(model.num_agents() as f32) * measure.distance_m;
        terms.fill(SpreadTerms { distance, collisions: -2.0 * measure.num_touches }.numbers());
    }
}

fn pay_adversaries(model: &Model, measures: &Measures, port: &mut GroupPort) {
    let (terms, _) = port.terms.as_chunks_mut();
    for (terms, measure) in terms.chunks_exact_mut(model.num_adversaries).zip(&measures.envs) {
        terms.fill(AdversaryTerms { catches: CATCH * measure.num_touches }.numbers());
    }
}

fn pay_good(model: &Model, measures: &Measures, positions: &[Position], port: &mut GroupPort) {
    let (terms, _) = port.terms.as_chunks_mut();
    let (each, good) = (model.num_agents(), model.members(1));
    let envs = measures.touches.chunks_exact(each).zip(positions.chunks_exact(each));
    for (terms, (touches, positions)) in terms.chunks_exact_mut(good.len()).zip(envs) {
        let agents = touches[good.clone()].iter().zip(&positions[good.clone()]);
        for (paid, (touches, position)) in terms.iter_mut().zip(agents) {
            let bounds = -(fine(position.0.x) + fine(position.0.y));
            *paid = GoodTerms { caught: -CATCH * touches, bounds }.numbers();
        }
    }
}

/// What it costs a good agent to be at `x_m` on an axis.
pub(super) fn fine(x_m: f32) -> f32 {
    let x_m = x_m.abs();
    if x_m < 0.9 {
        0.0
    } else if x_m < 1.0 {
        10.0 * (x_m - 0.9)
    } else {
        libm::expf(2.0 * x_m - 2.0).min(10.0)
    }
}
