//! Rules for catching and for not being caught.

use glam::Vec2;

use super::{Rule, Situation, WAYS, scripted};
use crate::{
    domains::particles::{
        model::{DT_S, OBSTACLE_M},
        reward::fine,
        scenario::Actions,
    },
    sim::Policy,
};

/// Each adversary goes to where the good agent nearest to it is.
pub(super) fn chase() -> Box<dyn Policy> {
    scripted(|| Chase { ahead_s: 0.0, apart_m: 0.0 })
}

/// Each adversary goes to where a good agent will be when it gets there, those farther away around it.
pub(super) fn intercept() -> Box<dyn Policy> {
    scripted(|| Chase { ahead_s: 0.4, apart_m: 0.6 })
}

/// Good agents try each way of thrusting for some ticks and take the one that keeps them safest. Its weights were chosen on
/// development episodes of `tag` against both rules for adversaries.
pub(super) fn flee() -> Box<dyn Policy> {
    scripted(|| Flee)
}

/// Lead of the controller: adversaries run into their prey at full speed.
const LEAD_S: f32 = 0.1;

struct Chase {
    /// Longest time by which the prey's way is foreseen.
    ahead_s: f32,
    /// How far beside the prey's way those who come from the same side aim.
    apart_m: f32,
}

impl Rule for Chase {
    fn command(&mut self, _group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>) {
        let good = situation.model.members(1);
        for adversary in situation.model.members(0) {
            let place = situation.agents[adversary].0;
            let far = |prey: &usize| situation.agents[*prey].0.distance_squared(place);
            let Some(prey) = good.clone().min_by(|a, b| far(a).total_cmp(&far(b))) else {
                thrusts.push(Vec2::ZERO);
                continue;
            };
            let (at, velocity) = (situation.agents[prey].0, situation.velocities[prey].0);
            let time_s = (at.distance(place) / situation.model.bodies[adversary].top_speed_mps).min(self.ahead_s);
            let side = at + velocity * time_s;
            let target = side + self.beside(situation, adversary, side);
            thrusts.push(situation.towards(adversary, target, LEAD_S));
        }
    }
}

impl Chase {
    /// Where an adversary aims beside the prey: away from the other adversaries, less the nearer it is.
    fn beside(&self, situation: Situation<'_>, adversary: usize, prey: Vec2) -> Vec2 {
        let place = situation.agents[adversary].0;
        let others = situation.model.members(0).filter(|other| *other != adversary);
        let away: Vec2 = others.map(|other| (place - situation.agents[other].0).normalize_or_zero()).sum();
        away.clamp_length_max(1.0) * self.apart_m * (place.distance(prey) - 0.3).clamp(0.0, 1.0)
    }
}

struct Flee;

/// Ticks for which a way is tried.
const AHEAD_TICKS: usize = 6;
/// Directions that are tried where thrust has any direction.
const DIRECTIONS: u8 = 16;

impl Rule for Flee {
    fn command(&mut self, _group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>) {
        for agent in situation.model.members(1) {
            let danger = |thrust: Vec2| situation.danger(agent, thrust);
            let around = (0..DIRECTIONS).map(|step| {
                let (sin, cos) = libm::sincosf(f32::from(step) * std::f32::consts::TAU / f32::from(DIRECTIONS));
                Vec2::new(cos, sin)
            });
            let is_discrete = situation.model.params.actions == Actions::Discrete;
            let ways = WAYS.into_iter().chain(around.filter(|_| !is_discrete));
            let tried = ways.map(|way| (danger(way), way));
            let best = tried.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(Vec2::ZERO, |(_, way)| way);
            thrusts.push(best);
        }
    }
}

impl Situation<'_> {
    /// What it costs a good agent to thrust one way for some ticks while adversaries come straight at it: how near they get, and
    /// the fines for leaving the bounds.
    fn danger(&self, agent: usize, thrust: Vec2) -> f32 {
        /// Distance at which an adversary is half as dangerous as when it touches.
        const NEAR_M: f32 = 0.05;
        /// Weights of fines, and of each metre that an obstacle is too near.
        const FINES: f32 = 0.35;
        const OBSTACLES_PER_M: f32 = 4.0;
        let (mut place, mut velocity) = (self.agents[agent].0, self.velocities[agent].0);
        let mut danger = 0.0;
        for tick in 1..=AHEAD_TICKS {
            (place, velocity) = self.after(agent, (place, velocity), thrust);
            for adversary in self.model.members(0) {
                // Half of what it could come: it has to turn and to speed up first.
                let comes_m = 0.5 * self.model.bodies[adversary].top_speed_mps * DT_S * tick as f32;
                let gap_m = self.agents[adversary].0.distance(place) - self.model.touch_m(adversary, agent) - comes_m;
                danger += NEAR_M / (NEAR_M + gap_m.max(0.0));
            }
            for obstacle in self.landmarks {
                let free_m = obstacle.0.distance(place) - OBSTACLE_M - 2.0 * self.model.bodies[agent].radius_m;
                danger += OBSTACLES_PER_M * (-free_m).max(0.0);
            }
            danger += FINES * (fine(place.x) + fine(place.y));
        }
        danger
    }
}
