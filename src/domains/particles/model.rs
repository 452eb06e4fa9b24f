//! What the particles of an env are like, as it follows from the scenario.

use std::ops::Range;

use bevy_ecs::resource::Resource;
use glam::Vec2;

use super::scenario::{ParticlesParams, Physics, Task};
use crate::sim::kit::rows_of;

/// Length of a tick.
pub(super) const DT_S: f32 = 0.1;
/// What a tick takes of a velocity.
pub(super) const DAMPING: f32 = 0.25;
/// Contact force per metre of overlap, in N/m.
pub(super) const STIFFNESS: f32 = 100.0;
/// Length over which contact forces are softened.
pub(super) const SOFTNESS_M: f32 = 1e-3;

/// Radius of an obstacle.
pub(super) const OBSTACLE_M: f32 = 0.2;
/// Radius of a landmark to cover, which nobody feels.
pub(super) const LANDMARK_M: f32 = 0.05;

/// What an agent is like. Its mass is 1 kg.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Body {
    pub radius_m: f32,
    /// Force of full thrust along an axis.
    pub thrust_n: f32,
    /// Infinite where nothing but damping limits it.
    pub top_speed_mps: f32,
}

/// Configuration of the env and what follows from it.
#[derive(Resource, Clone, Debug)]
pub(super) struct Model {
    pub params: ParticlesParams,
    /// Agents of an env in order, adversaries first.
    pub bodies: Vec<Body>,
    pub num_landmarks: usize,
    /// Agents of an env that are adversaries; they come first.
    pub num_adversaries: usize,
    /// Whether landmarks are obstacles.
    pub has_obstacles: bool,
    /// Agents start within this distance of the middle on each axis, landmarks within the next.
    pub start_m: f32,
    pub landmark_start_m: f32,
    /// Where agents and landmarks start, of each that the scenario says it of.
    pub agents_at: Vec<Option<Vec2>>,
    pub landmarks_at: Vec<Option<Vec2>>,
}

/// Bodies of the agents of an env, in order.
pub(super) fn bodies(params: &ParticlesParams) -> Vec<Body> {
    let adversary = Body { radius_m: 0.075, thrust_n: 3.0, top_speed_mps: 1.0 };
    let good = Body { radius_m: 0.05, thrust_n: 4.0, top_speed_mps: 1.3 };
    let thrust_n = if params.physics == Physics::Vmas { 1.0 } else { 5.0 };
    let agent = Body { radius_m: 0.15, thrust_n, top_speed_mps: f32::INFINITY };
    match params.task {
        Task::Spread => vec![agent; params.num_agents],
        Task::Tag => [vec![adversary; params.num_adversaries], vec![good; params.num_good]].concat(),
    }
}

impl Model {
    pub(super) fn new(params: &ParticlesParams) -> Self {
        let (agents_at, landmarks_at, landmark_start_m) = match params.task {
            Task::Spread => (
                places(&params.agents_at_m, params.num_agents),
                places(&params.landmarks_at_m, params.num_landmarks),
                1.0,
            ),
            Task::Tag => {
                let adversaries = places(&params.adversaries_at_m, params.num_adversaries);
                let good = places(&params.good_at_m, params.num_good);
                ([adversaries, good].concat(), places(&params.obstacles_at_m, params.num_obstacles), 0.9)
            }
        };
        Self {
            bodies: bodies(params),
            num_landmarks: params.num_places(),
            num_adversaries: params.num_hunters(),
            has_obstacles: params.task == Task::Tag,
            start_m: 1.0,
            landmark_start_m,
            agents_at,
            landmarks_at,
            params: params.clone(),
        }
    }

    /// Agents of an env.
    pub(super) fn num_agents(&self) -> usize {
        self.bodies.len()
    }

    /// Rows of the agents of the env at `slot`.
    pub(super) fn agents(&self, slot: usize) -> Range<usize> {
        rows_of(slot, self.num_agents())
    }

    /// Rows of the landmarks of the env at `slot`.
    pub(super) fn landmarks(&self, slot: usize) -> Range<usize> {
        rows_of(slot, self.num_landmarks)
    }

    /// Agents of a group, counted within their env.
    pub(super) fn members(&self, group: usize) -> Range<usize> {
        match (self.params.task, group) {
            (Task::Spread, _) => 0..self.num_agents(),
            (Task::Tag, 0) => 0..self.num_adversaries,
            (Task::Tag, _) => self.num_adversaries..self.num_agents(),
        }
    }

    /// Distance below which two agents of an env touch.
    pub(super) fn touch_m(&self, one: usize, other: usize) -> f32 {
        self.bodies[one].radius_m + self.bodies[other].radius_m
    }
}

/// Places of `count` entities from x and y in turn; none where the list is empty.
fn places(at_m: &[f64], count: usize) -> Vec<Option<Vec2>> {
    let place = |i: usize| Some(Vec2::new(*at_m.get(2 * i)? as f32, *at_m.get(2 * i + 1)? as f32));
    (0..count).map(place).collect()
}
