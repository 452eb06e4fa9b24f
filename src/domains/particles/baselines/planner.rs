//! Plans the next ticks of all agents of task `spread` together.

use glam::Vec2;

use super::{Rule, Situation, WAYS, nearest_way, scripted};
use crate::{
    domains::particles::{
        scenario::Actions,
        systems::{FUTURES, Trial},
    },
    sim::Policy,
};

/// Begins with what the rule `assign` would do and improves it: one thrust of one agent at one tick after the other is tried
/// anew, all else being equal, and the best is kept.
pub(super) fn planner() -> Box<dyn Policy> {
    scripted(Planner::default)
}

/// Ticks that are planned.
const AHEAD_TICKS: usize = 10;
/// How often every thrust is tried anew.
const SWEEPS: usize = 2;
/// The future in which the plan stays as it is.
const AS_IT_IS: usize = FUTURES - 1;

#[derive(Default)]
struct Planner {
    trial: Trial,
    /// `[ticks, agents]`.
    plan: Vec<Vec2>,
    orders: Vec<Vec2>,
}

impl Rule for Planner {
    fn command(&mut self, _group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>) {
        let agents = situation.agents.len();
        let ticks = AHEAD_TICKS.min(situation.ticks_left as usize);
        self.follow_rule(situation, ticks);
        for _ in 0..SWEEPS {
            for place in 0..ticks * agents {
                self.improve(situation, place);
            }
        }
        thrusts.extend_from_slice(&self.plan[..agents]);
    }
}

impl Planner {
    /// Plans what the rule `assign` does.
    fn follow_rule(&mut self, situation: Situation<'_>, ticks: usize) {
        let is_discrete = situation.model.params.actions == Actions::Discrete;
        self.plan.clear();
        self.begin(situation);
        for _ in 0..ticks {
            let (agents, velocities) = self.trial.state();
            self.orders.clear();
            Situation { agents: &agents, velocities: &velocities, ..situation }.share_out(&mut self.orders);
            for order in &mut self.orders {
                let within = order.clamp(Vec2::NEG_ONE, Vec2::ONE);
                *order = if is_discrete { WAYS[usize::from(nearest_way(*order))] } else { within };
            }
            self.trial.step(situation.model, |_, agent| self.orders[agent]);
            self.plan.extend_from_slice(&self.orders);
        }
    }

    /// Tries other thrusts at one place of the plan and keeps the best.
    fn improve(&mut self, situation: Situation<'_>, place: usize) {
        let agents = situation.agents.len();
        let tried = futures(situation.model.params.actions, self.plan[place]);
        self.begin(situation);
        for (tick, now) in self.plan.chunks_exact(agents).enumerate() {
            self.trial.step(
                situation.model,
                |future, agent| {
                    if tick * agents + agent == place { tried[future] } else { now[agent] }
                },
            );
        }
        let rewards = self.trial.rewards();
        let better = |best: usize, future: usize| if rewards[future] > rewards[best] { future } else { best };
        self.plan[place] = tried[(0..FUTURES).fold(AS_IT_IS, better)];
    }

    fn begin(&mut self, situation: Situation<'_>) {
        self.trial.begin(situation.model, situation.agents, situation.velocities, situation.landmarks);
    }
}

/// What is tried instead of a thrust; it is itself among them.
fn futures(actions: Actions, thrust: Vec2) -> [Vec2; FUTURES] {
    let mut tried = [thrust; FUTURES];
    let Vec2 { x, y } = thrust;
    let others = [(1.0, y), (-1.0, y), (0.0, y), (x, 1.0), (x, -1.0), (x, 0.0), (0.0, 0.0)].map(Vec2::from);
    let others = if actions == Actions::Discrete { &WAYS[..] } else { &others };
    tried.iter_mut().zip(others).for_each(|(to, other)| *to = *other);
    tried
}
