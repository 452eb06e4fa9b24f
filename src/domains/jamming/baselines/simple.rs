//! Baselines of a line or two.

use glam::Vec2;

use super::{Order, Rule, Situation, scripted};
use crate::sim::Policy;

/// Holds its position on the band that was right when the episode began.
pub(super) fn hold() -> Box<dyn Policy> {
    scripted(|| Fixed(|s, _| Order { velocity_mps: Vec2::ZERO, band: s.swarm.first_band }))
}

/// Holds its position, always on the right band.
pub(super) fn follow() -> Box<dyn Policy> {
    scripted(|| Fixed(|s, _| Order { velocity_mps: Vec2::ZERO, band: s.swarm.band }))
}

/// Flies to the assigned centroid, always on the right band.
pub(super) fn nearest() -> Box<dyn Policy> {
    scripted(|| {
        Fixed(|s, jammer| Order {
            velocity_mps: s.towards(s.around.team[jammer].0, s.assignments[jammer].target),
            band: s.swarm.band,
        })
    })
}

/// A rule without memory or chance.
struct Fixed(fn(&Situation<'_>, usize) -> Order);

impl Rule for Fixed {
    fn command(&mut self, _slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        orders.extend((0..situation.around.team.len()).map(|jammer| (self.0)(situation, jammer)));
    }
}
