//! Scripted agents to compare with.
//!
//! Rules use what layout `mpe2` shows, and like the learned policy they know how discs move. Those of task `spread` are for
//! agents, those of task `tag` for one of its groups.

mod assignment;
mod planner;
mod spread;
mod steering;
mod tag;

use bevy_ecs::{
    query::{With, Without},
    system::{Query, Res, ResMut, SystemParam},
};
use glam::Vec2;

use super::{
    components::{Agent, Landmark, Position, Velocity},
    model::Model,
    scenario::{Actions, Task},
};
use crate::sim::{
    Baseline, Clock, Declared, Policy, Ports, Purpose, column,
    kit::{self, Script},
};

const RANDOM: Purpose = Purpose::new("particles.policy.random");

/// All baselines of a task, roughly weakest first.
pub(super) fn all(task: Task) -> Vec<Baseline> {
    let rule = |group, name, doc, policy| Baseline { name, doc, group, privileged: false, policy };
    let random = |group| rule(group, "random", "uniform actions", kit::uniform(RANDOM));
    let still = |group| rule(group, "still", "does nothing", still());
    match task {
        Task::Spread => vec![
            random("agents"),
            still("agents"),
            rule("agents", "nearest", "goes to the landmark nearest to it", spread::nearest()),
            rule(
                "agents",
                "assign",
                "shares the landmarks out so that ways are short, and keeps its distance",
                spread::assign(),
            ),
            Baseline {
                name: "planner",
                doc: "knows velocities too, and improves the next ticks of all agents together",
                group: "agents",
                privileged: true,
                policy: planner::planner(),
            },
        ],
        Task::Tag => vec![
            random("adversaries"),
            random("good"),
            still("adversaries"),
            still("good"),
            rule("adversaries", "chase", "goes to where the nearest good agent is", tag::chase()),
            rule(
                "adversaries",
                "intercept",
                "goes to where a good agent will be, from several sides",
                tag::intercept(),
            ),
            rule("good", "flee", "keeps away from adversaries and within the bounds", tag::flee()),
        ],
    }
}

/// The tables that scripts read, and the ports they write.
#[derive(SystemParam)]
struct Tables<'w, 's> {
    model: Res<'w, Model>,
    declared: Res<'w, Declared>,
    ports: ResMut<'w, Ports>,
    clocks: Query<'w, 's, &'static Clock>,
    agents: Query<'w, 's, &'static Position, With<Agent>>,
    velocities: Query<'w, 's, &'static Velocity, With<Agent>>,
    landmarks: Query<'w, 's, &'static Position, (With<Landmark>, Without<Agent>)>,
}

/// One env as a script sees it.
#[derive(Clone, Copy)]
struct Situation<'a> {
    model: &'a Model,
    agents: &'a [Position],
    velocities: &'a [Velocity],
    landmarks: &'a [Position],
    /// Ticks until the episode is cut, the next one included.
    ticks_left: u32,
}

/// A rule that commands the agents of a group in one env.
trait Rule: Send + Sync + 'static {
    /// Writes one thrust per agent of the group, along x and y in units of full thrust; more than that can be wanted.
    fn command(&mut self, group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>);
}

/// The policy of a rule.
fn scripted<R: Rule>(fresh: impl Fn() -> R + Clone + Send + Sync + 'static) -> Box<dyn Policy> {
    kit::scripted(move || Ruled { rule: fresh(), thrusts: Vec::new() })
}

struct Ruled<R> {
    rule: R,
    thrusts: Vec<Vec2>,
}

impl<R: Rule> Script for Ruled<R> {
    type Tables = Tables<'static, 'static>;

    fn act(&mut self, tables: Tables<'_, '_>, group: usize) {
        let Tables { model, declared, mut ports, clocks, agents, velocities, landmarks } = tables;
        let (agents, velocities, landmarks) = (column(&agents), column(&velocities), column(&landmarks));
        let port = &mut ports.groups[group];
        let actions = port.actions.chunks_exact_mut(port.agents * port.action_width);
        for (slot, (clock, actions)) in clocks.iter().zip(actions).enumerate() {
            let situation = Situation {
                model: &model,
                agents: &agents[model.agents(slot)],
                velocities: &velocities[model.agents(slot)],
                landmarks: &landmarks[model.landmarks(slot)],
                ticks_left: declared.0.max_steps.saturating_sub(clock.tick).max(1),
            };
            self.thrusts.clear();
            self.rule.command(group, situation, &mut self.thrusts);
            for (action, thrust) in actions.chunks_exact_mut(port.action_width).zip(&self.thrusts) {
                order(model.params.actions, *thrust, action);
            }
        }
    }
}

/// Does nothing.
fn still() -> Box<dyn Policy> {
    scripted(|| Still)
}

struct Still;

impl Rule for Still {
    fn command(&mut self, group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>) {
        thrusts.resize(situation.model.members(group).len(), Vec2::ZERO);
    }
}

/// Writes the action that comes nearest to a thrust.
fn order(actions: Actions, thrust: Vec2, action: &mut [f32]) {
    let within = thrust.clamp(Vec2::NEG_ONE, Vec2::ONE);
    match actions {
        Actions::Discrete => action[0] = f32::from(nearest_way(thrust)),
        Actions::Continuous => {
            let [x, y] = within.to_array();
            action.copy_from_slice(&[0.0, (-x).max(0.0), x.max(0.0), (-y).max(0.0), y.max(0.0)]);
        }
        Actions::Force => action.copy_from_slice(&within.to_array()),
    }
}

/// The five ways of a discrete action as thrusts.
const WAYS: [Vec2; 5] = [Vec2::ZERO, Vec2::NEG_X, Vec2::X, Vec2::NEG_Y, Vec2::Y];

/// The discrete action whose thrust is nearest to this one.
fn nearest_way(thrust: Vec2) -> u8 {
    let far = |way: u8| WAYS[usize::from(way)].distance_squared(thrust);
    (1..5).fold(0, |best, way| if far(way) < far(best) { way } else { best })
}
