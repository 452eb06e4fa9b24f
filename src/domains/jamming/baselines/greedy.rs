//! The step that lowers lambda-2 of a jammer's own view most.

use glam::Vec2;

use super::{Order, Rule, Situation, scripted};
use crate::{
    domains::jamming::lookahead::{Lookahead, Outcome, STEPS},
    sim::Policy,
};

/// Each jammer for itself takes the step after which the drones it sees are connected least. Ties go to the step that
/// leaves fewest links, then to the one nearest to a live link.
pub(super) fn greedy() -> Box<dyn Policy> {
    scripted(Greedy::default)
}

/// How far a step is looked at.
const TICKS: u32 = 1;

#[derive(Default)]
struct Greedy {
    lookahead: Lookahead,
}

impl Rule for Greedy {
    fn command(&mut self, _slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        for jammer in 0..situation.around.team.len() {
            let outcomes = self.lookahead.outcomes(situation.around, jammer, TICKS);
            let best = (0..STEPS.len()).min_by(|a, b| compare(&outcomes[*a], &outcomes[*b])).unwrap_or_default();
            let velocity_mps = Vec2::from(STEPS[best]) * situation.around.model.jammer_speed_mps;
            orders.push(Order { velocity_mps, band: situation.swarm.band });
        }
    }
}

fn compare(a: &Outcome, b: &Outcome) -> std::cmp::Ordering {
    let by_lambda2 = a.lambda2.total_cmp(&b.lambda2);
    by_lambda2.then(a.links.cmp(&b.links)).then(a.nearest_link_m.total_cmp(&b.nearest_link_m))
}
