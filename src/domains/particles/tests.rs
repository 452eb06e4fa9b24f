//! Laws of the particles. Each file here holds those of one part; what they share is a [`Stage`].

#![allow(clippy::unwrap_used, reason = "tests")]

mod baselines;
mod editing;
mod motion;
mod observations;
mod rewards;
mod vectors;
mod view;

use bevy_ecs::query::{QueryFilter, With};
use glam::Vec2;

use super::{
    components::{Agent, Landmark, Position, Velocity},
    scenario::{Actions, ObservationLayout, ParticlesParams, Physics, RewardMode, Task},
};
use crate::sim::{Lane, Seeds, kit};

/// Envs whose agents and landmarks a test can put where it wants them.
type Stage = kit::Stage<ParticlesParams>;

impl Stage {
    /// Puts agents, `[envs, agents]`, adversaries first.
    fn put_agents(&mut self, places: &[Vec2]) {
        self.put_at::<With<Agent>>(places);
    }

    fn put_landmarks(&mut self, places: &[Vec2]) {
        self.put_at::<With<Landmark>>(places);
    }

    fn put_at<F: QueryFilter>(&mut self, places: &[Vec2]) {
        self.put::<_, F>(&places.iter().map(|place| Position(*place)).collect::<Vec<_>>());
        self.refresh();
    }

    fn put_velocities(&mut self, velocities: &[Vec2]) {
        self.put::<_, ()>(&velocities.iter().map(|velocity| Velocity(*velocity)).collect::<Vec<_>>());
        self.refresh();
    }

    fn agents(&mut self) -> Vec<Vec2> {
        self.all::<Position, With<Agent>>().iter().map(|position| position.0).collect()
    }

    fn landmarks(&mut self) -> Vec<Vec2> {
        self.all::<Position, With<Landmark>>().iter().map(|position| position.0).collect()
    }

    fn velocities(&mut self) -> Vec<Vec2> {
        self.all::<Velocity, ()>().iter().map(|velocity| velocity.0).collect()
    }
}

fn spread() -> ParticlesParams {
    ParticlesParams::default()
}

fn tag() -> ParticlesParams {
    ParticlesParams { task: Task::Tag, ..ParticlesParams::default() }
}

/// Vectors from x and y.
fn at<const N: usize>(places: [(f32, f32); N]) -> [Vec2; N] {
    places.map(Vec2::from)
}
