//! Baselines of a line or two.

use glam::Vec2;

use super::{Order, Script, Situation, scripted};
use crate::{
    domains::jamming::scenario::Band,
    sim::{Policy, Purpose},
};

const RANDOM: Purpose = Purpose::new("jamming.policy.random");

/// Uniform velocities and bands.
pub(super) fn random() -> Box<dyn Policy> {
    scripted(Random)
}

/// Holds its position on the band that was right when the episode began.
pub(super) fn hold() -> Box<dyn Policy> {
    scripted(Fixed { fresh: hold, order: |s, _| Order { velocity_mps: Vec2::ZERO, band: s.swarm.first_band } })
}

/// Holds its position, always on the right band.
pub(super) fn follow() -> Box<dyn Policy> {
    scripted(Fixed { fresh: follow, order: |s, _| Order { velocity_mps: Vec2::ZERO, band: s.swarm.band } })
}

/// Flies to the assigned centroid, always on the right band.
pub(super) fn nearest() -> Box<dyn Policy> {
    scripted(Fixed {
        fresh: nearest,
        order: |s, jammer| Order {
            velocity_mps: s.towards(s.around.team[jammer].0, s.assignments[jammer].target),
            band: s.swarm.band,
        },
    })
}

struct Random;

impl Script for Random {
    fn command(&mut self, _slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        let mut stream = situation.seeds.stream(RANDOM, situation.clock.address());
        let top = situation.around.model.jammer_speed_mps;
        orders.extend(situation.around.team.iter().map(|_| Order {
            velocity_mps: Vec2::new(stream.uniform(-top, top), stream.uniform(-top, top)),
            band: stream.below(Band::ALL.len()) as u8,
        }));
    }

    fn forget(&self) -> Box<dyn Policy> {
        random()
    }
}

/// A rule without memory or chance.
struct Fixed {
    fresh: fn() -> Box<dyn Policy>,
    order: fn(&Situation<'_>, usize) -> Order,
}

impl Script for Fixed {
    fn command(&mut self, _slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        orders.extend((0..situation.around.team.len()).map(|jammer| (self.order)(situation, jammer)));
    }

    fn forget(&self) -> Box<dyn Policy> {
        (self.fresh)()
    }
}
