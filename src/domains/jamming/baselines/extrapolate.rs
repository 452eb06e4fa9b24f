//! Greedy for the swarm that must be out there, judging by what a jammer sees of it.

use super::{Order, Rule, Situation, formation, scripted, two_horizon::Costs};
use crate::{
    domains::jamming::{
        lookahead::{Lookahead, STEPS},
        neighbours::NEAREST_ENEMIES,
    },
    sim::Policy,
};

/// Each jammer for itself takes the step that costs least over some ticks, like `two_horizon`, but by lambda-2 of a swarm
/// that is completed: stand-ins for unseen drones have the links that lead out of what the jammer sees. A drone that hangs
/// on few links is the one to cut off, and all jammers near it see that it is.
///
/// Where every drone hears every other and more links lead out of the view than there can be within, most of what counts
/// is out of sight, and the jammer also keeps near its place in the formation.
pub(super) fn extrapolate() -> Box<dyn Policy> {
    scripted(Extrapolate::default)
}

const HORIZONS: [u32; 3] = [1, 2, 4];

/// Weight of the share of links left alive against lambda-2 per drone.
const LINK_WEIGHT: f64 = 0.01;

/// Weight of the distance to the place in the formation, in arena sides.
const PLACE_WEIGHT: f64 = 0.8;

/// Links that there can be among the drones that a jammer sees.
const PAIRS_SEEN: usize = NEAREST_ENEMIES * (NEAREST_ENEMIES - 1) / 2;

#[derive(Default)]
struct Extrapolate {
    lookahead: Lookahead,
}

impl Rule for Extrapolate {
    fn command(&mut self, _slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        let around = situation.around;
        let budget = around.model.budgets.band(around.band);
        let all_hear_all = budget.link_range_m >= std::f32::consts::SQRT_2 * around.model.arena_m;
        for (jammer, own) in around.team.iter().enumerate() {
            let outside = self.lookahead.outside(around, jammer, |drone| situation.degree(drone));
            let place = formation::place(around, jammer);
            let keeps_place = all_hear_all && outside.iter().sum::<usize>() > PAIRS_SEEN;
            let mut costs = Costs::new(LINK_WEIGHT);
            for ticks in HORIZONS {
                costs.add(around, &self.lookahead.outcomes_within(around, jammer, ticks, &outside));
                if keeps_place {
                    for (cost, step) in costs.of_step.iter_mut().zip(STEPS) {
                        let there = around.after(own.0, step, ticks);
                        *cost += PLACE_WEIGHT * f64::from(there.distance(place) / around.model.arena_m);
                    }
                }
            }
            orders.push(costs.cheapest(situation));
        }
    }
}
