//! Plans the next ticks of all agents of task `spread` together.

use glam::Vec2;

use super::{Script, Situation, WAYS, nearest_way, scripted};
use crate::{
    domains::particles::systems::Trial,
    sim::Policy,
};

/// Begins with what the rule `assign` would do and improves it: one thrust of one agent at one tick after the other is tried
/// anew, all else being equal, and the best is kept.
pub(super) fn planner() -> Box<dyn Policy> {
    scripted(Planner::default())
}

/// Ticks that are planned.
const AHEAD_TICKS: usize = 8;
/// Ticks after the plan that count at most, as if everybody rested then.
const TICKS_AT_REST: f32 = 3.0;
/// How often every thrust is tried anew.
const SWEEPS: usize = 2;

#[derive(Default)]
struct Planner {
    trial: Trial,
    /// `[ticks, agents]`.
    plan: Vec<Vec2>,
    order: Vec<Vec2>,
}

impl Script for Planner {
    const GROUP: Option<usize> = Some(0);

    fn command(&mut self, _group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>) {
        let ticks = AHEAD_TICKS.min(situation.ticks_left as usize);
        self.follow_rule(situation, ticks);
        let agents = situation.agents.len();
        for _ in 0..SWEEPS {
            for place in 0..ticks * agents {
                self.improve(situation, place);
            }
        }
        thrusts.extend_from_slice(&self.plan[..agents]);
    }

    fn forget(&self) -> Box<dyn Policy> {
        planner()
    }
}

impl Planner {
    /// Plans what the rule `assign` does.
    fn follow_rule(&mut self, situation: Situation<'_>, ticks: usize) {
        self.plan.clear();
        self.trial.begin(situation.model, situation.agents, situation.velocities, situation.landmarks);
        for _ in 0..ticks {
            let (agents, velocities) = self.trial.state();
            self.order.clear();
            Situation { agents: &agents, velocities: &velocities, ..situation }.share_out(&mut self.order);
            let ways = self.order.iter().map(|thrust| WAYS[usize::from(nearest_way(*thrust))]);
            self.plan.extend(ways);
            let now = &self.plan[self.plan.len() - agents.len()..];
            self.trial.step(situation.model, |_, agent| now[agent]);
        }
    }

    /// Tries every thrust at one place of the plan and keeps the best.
    fn improve(&mut self, situation: Situation<'_>, place: usize) {
        let agents = situation.agents.len();
        self.trial.begin(situation.model, situation.agents, situation.velocities, situation.landmarks);
        for (tick, now) in self.plan.chunks_exact(agents).enumerate() {
            self.trial.step(situation.model, |lane, agent| match WAYS.get(lane) {
                Some(way) if tick * agents + agent == place => *way,
                _ => now[agent],
            });
        }
        let ticks_after = situation.ticks_left as f32 - (self.plan.len() / agents) as f32;
        self.trial.rest(situation.model, ticks_after.min(TICKS_AT_REST));
        let rewards = self.trial.rewards();
        // The plan as it is runs in the lanes past the ways: it is kept unless another one is better.
        let best = (0..WAYS.len()).fold(WAYS.len(), |best, lane| if rewards[lane] > rewards[best] { lane } else { best });
        if let Some(way) = WAYS.get(best) {
            self.plan[place] = *way;
        }
    }
}
