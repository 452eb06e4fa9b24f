//! Rules for covering landmarks.

use glam::Vec2;

use super::{Rule, Situation, assignment, scripted};
use crate::{domains::particles::model::DT_S, sim::Policy};

/// Each agent goes to the landmark nearest to it, whoever else does.
pub(super) fn nearest() -> Box<dyn Policy> {
    scripted(|| Nearest)
}

/// Landmarks are shared out, ways as short as possible all together, and agents keep from touching.
pub(super) fn assign() -> Box<dyn Policy> {
    scripted(|| Assign)
}

/// Lead of the controller: agents brake late. This and what follows was chosen on development episodes of `spread`.
const LEAD_S: f32 = 0.15;

/// From this much more than touching on, agents turn away from each other.
const MARGIN_M: f32 = 0.2;
/// How hard they turn away where they touch, in full thrusts.
const AVERSION: f32 = 4.0;

struct Nearest;

impl Rule for Nearest {
    fn command(&mut self, _group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>) {
        for (agent, place) in situation.agents.iter().enumerate() {
            let far = |landmark: &Vec2| landmark.distance_squared(place.0);
            let landmarks = situation.landmarks.iter().map(|landmark| landmark.0);
            let target = landmarks.min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(place.0);
            thrusts.push(situation.towards(agent, target, LEAD_S));
        }
    }
}

struct Assign;

impl Rule for Assign {
    fn command(&mut self, _group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>) {
        situation.share_out(thrusts);
    }
}

impl Situation<'_> {
    /// Thrusts of all agents by the rule `assign`.
    pub(super) fn share_out(&self, thrusts: &mut Vec<Vec2>) {
        let distance = |agent: usize, landmark: usize| self.agents[agent].0.distance(self.landmarks[landmark].0);
        let targets = assignment::assign(self.agents.len(), self.landmarks.len(), distance);
        for (agent, landmark) in targets.into_iter().enumerate() {
            let target = landmark.map_or(self.agents[agent].0, |landmark| self.landmarks[landmark].0);
            thrusts.push(self.towards(agent, target, LEAD_S) + self.away_from_others(agent));
        }
    }

    /// What keeps an agent from touching others, as seen from where it is after this tick.
    fn away_from_others(&self, agent: usize) -> Vec2 {
        let place = self.agents[agent].0 + self.velocities[agent].0 * DT_S;
        let push = |(other, at): (usize, Vec2)| {
            let (way, reach) = (place - at, self.model.touch_m(agent, other) + MARGIN_M);
            way.normalize_or_zero() * (AVERSION * (1.0 - way.length() / reach).max(0.0) * reach / MARGIN_M)
        };
        let others = self.agents.iter().map(|other| other.0).enumerate().filter(|(other, _)| *other != agent);
        others.map(push).sum()
    }
}
