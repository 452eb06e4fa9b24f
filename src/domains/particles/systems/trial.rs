//! What would become of an env of task `spread` under eight different plans.

use glam::Vec2;

use super::{
    Model,
    block::{Block, LANES, Lanes},
    measure, motion,
};
use crate::{
    domains::particles::{
        components::{Position, Velocity},
        scenario::RewardMode,
    },
    math::simd::{Kernel, Simd, dispatch},
};

/// How many futures of an env are tried at once.
pub(in super::super) const FUTURES: usize = LANES;

/// One env in eight futures.
#[derive(Default)]
pub(in super::super) struct Trial {
    block: Block,
    rewards: Lanes,
}

impl Trial {
    /// Puts an env as it is into all lanes.
    pub(in super::super) fn begin(
        &mut self,
        model: &Model,
        agents: &[Position],
        velocities: &[Velocity],
        landmarks: &[Position],
    ) {
        self.block.resize(model.num_agents(), model.num_landmarks);
        self.rewards = [0.0; LANES];
        for (to, from) in self.block.positions.iter_mut().zip(agents) {
            (to.x, to.y) = ([from.0.x; LANES], [from.0.y; LANES]);
        }
        for (to, from) in self.block.velocities.iter_mut().zip(velocities) {
            (to.x, to.y) = ([from.0.x; LANES], [from.0.y; LANES]);
        }
        for (to, from) in self.block.landmarks.iter_mut().zip(landmarks) {
            (to.x, to.y) = ([from.0.x; LANES], [from.0.y; LANES]);
        }
    }

    /// Places and velocities of the agents in the first lane.
    pub(in super::super) fn state(&self) -> (Vec<Position>, Vec<Velocity>) {
        let Block { positions, velocities, .. } = &self.block;
        let places = positions.iter().map(|p| Position(Vec2::new(p.x[0], p.y[0])));
        let speeds = velocities.iter().map(|v| Velocity(Vec2::new(v.x[0], v.y[0])));
        (places.collect(), speeds.collect())
    }

    /// A tick in which `thrust` says, by lane and agent, how hard everybody thrusts.
    pub(in super::super) fn step(&mut self, model: &Model, thrust: impl Fn(usize, usize) -> Vec2) {
        for (agent, (force, body)) in self.block.forces.iter_mut().zip(&model.bodies).enumerate() {
            for lane in 0..LANES {
                (force.x[lane], force.y[lane]) = (thrust(lane, agent) * body.thrust_n).into();
            }
        }
        dispatch(Ahead { model, block: &mut self.block });
        self.pay(model);
    }

    /// Rewards of a mean agent so far, by lane.
    pub(in super::super) fn rewards(&self) -> Lanes {
        self.rewards
    }

    fn pay(&mut self, model: &Model) {
        let local = model.params.local_ratio as f32;
        let agents = model.num_agents() as f32;
        let (distance, touch) = match model.params.reward {
            RewardMode::Mixed => (1.0 - local, local * 2.0 / agents),
            RewardMode::Shared => (agents, 2.0),
        };
        for lane in 0..LANES {
            self.rewards[lane] -= distance * self.block.distance_m[lane] + touch * self.block.num_touches[lane];
        }
    }
}

/// One tick, as a kernel.
struct Ahead<'a> {
    model: &'a Model,
    block: &'a mut Block,
}

impl Kernel for Ahead<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        motion::push_each_other(self.model, self.block);
        motion::integrate(self.model, self.block);
        measure::spread(self.model, self.block);
    }
}
