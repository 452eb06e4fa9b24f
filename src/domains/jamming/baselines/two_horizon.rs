//! Greedy that also looks where a step leads if the jammer flies on.

use glam::Vec2;

use super::{Order, Rule, Situation, scripted};
use crate::{
    domains::jamming::{
        lookahead::{Lookahead, Outcome, STEPS, Surroundings},
        neighbours::NEAREST_ENEMIES,
    },
    sim::Policy,
};

/// Each jammer for itself takes the step that costs least after one tick and after four. A step costs lambda-2 of the
/// drones that the jammer sees, per drone, and a weighted share of the links that it leaves alive.
pub(super) fn two_horizon() -> Box<dyn Policy> {
    scripted(TwoHorizon::default)
}

const HORIZONS: [u32; 2] = [1, 4];

/// Weight of the share of links left alive against lambda-2 per drone.
const LINK_WEIGHT: f64 = 0.1;

/// Weight of the distance to the nearest live link in jam ranges: decides where there is nothing to cut.
const DISTANCE_WEIGHT: f64 = 1e-5;

#[derive(Default)]
struct TwoHorizon {
    lookahead: Lookahead,
}

impl Rule for TwoHorizon {
    fn command(&mut self, _slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        for jammer in 0..situation.around.team.len() {
            let mut costs = Costs::new(LINK_WEIGHT);
            for ticks in HORIZONS {
                costs.add(situation.around, &self.lookahead.outcomes(situation.around, jammer, ticks));
            }
            orders.push(costs.cheapest(situation));
        }
    }
}

/// What the nine steps cost, summed over horizons.
pub(super) struct Costs {
    pub of_step: [f64; STEPS.len()],
    link_weight: f64,
}

impl Costs {
    pub(super) fn new(link_weight: f64) -> Self {
        Self { of_step: [0.0; STEPS.len()], link_weight }
    }

    /// Adds what the steps cost at one horizon.
    pub(super) fn add(&mut self, around: Surroundings<'_>, outcomes: &[Outcome; STEPS.len()]) {
        let seen = around.drones.len().min(NEAREST_ENEMIES) as f64;
        let pairs = 0.5 * seen * (seen - 1.0);
        let range = f64::from(around.model.budgets.band(around.band).jam_range_m);
        for (cost, outcome) in self.of_step.iter_mut().zip(outcomes) {
            // Without a live link none is near.
            let distance = if outcome.links == 0 { 0.0 } else { f64::from(outcome.nearest_link_m) / range };
            *cost +=
                outcome.lambda2 / seen + self.link_weight * outcome.links as f64 / pairs + DISTANCE_WEIGHT * distance;
        }
    }

    /// The order to take the cheapest step; standing still comes first.
    pub(super) fn cheapest(&self, situation: &Situation<'_>) -> Order {
        let best = (0..STEPS.len()).min_by(|a, b| self.of_step[*a].total_cmp(&self.of_step[*b])).unwrap_or_default();
        let velocity_mps = Vec2::from(STEPS[best]) * situation.around.model.jammer_speed_mps;
        Order { velocity_mps, band: situation.swarm.band }
    }
}
