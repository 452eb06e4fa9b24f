//! How a disc that coasts gets to a place.

use glam::Vec2;

use super::Situation;
use crate::domains::particles::{
    model::{DAMPING, DT_S},
    scenario::Physics,
};

impl Situation<'_> {
    /// The thrust after which an agent is at `target` if it goes on at its new velocity for `lead_s`: a controller of position and
    /// velocity. An agent that only coasts from then on goes on for 0.4 s of its velocity, so a shorter lead goes faster
    /// and has to brake.
    pub(super) fn towards(&self, agent: usize, target: Vec2, lead_s: f32) -> Vec2 {
        let (place, velocity) = (self.agents[agent].0, self.velocities[agent].0);
        // With mpe2 the old velocity still moves the agent in this tick.
        let moved = if self.model.params.physics == Physics::Mpe2 { place + velocity * DT_S } else { place };
        let wanted = (target - moved) / lead_s;
        (wanted - velocity * (1.0 - DAMPING)) / (self.model.bodies[agent].thrust_n * DT_S)
    }

    /// Place and velocity of a lone agent after a tick with this thrust.
    pub(super) fn after(&self, agent: usize, (place, velocity): (Vec2, Vec2), thrust: Vec2) -> (Vec2, Vec2) {
        let body = &self.model.bodies[agent];
        let new = velocity * (1.0 - DAMPING) + thrust * (body.thrust_n * DT_S);
        let new = new.clamp_length_max(body.top_speed_mps);
        let moving = if self.model.params.physics == Physics::Mpe2 { velocity } else { new };
        (place + moving * DT_S, new)
    }
}
