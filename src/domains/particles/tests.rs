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
use crate::sim::{Lane, Seeds};

/// Envs whose agents and landmarks a test can put where it wants them.
struct Stage {
    lane: Lane,
    params: ParticlesParams,
}

impl Stage {
    /// One env without a time limit.
    fn new(params: &ParticlesParams) -> Self {
        Self::sized(params, u32::MAX, 1)
    }

    fn sized(params: &ParticlesParams, max_steps: u32, envs: u64) -> Self {
        Self { lane: Lane::new(params, max_steps, Seeds::new(1), 0..envs), params: params.clone() }
    }

    /// Puts agents, `[envs, agents]`, adversaries first.
    fn put_agents(&mut self, places: &[Vec2]) {
        self.put::<With<Agent>>(places);
    }

    fn put_landmarks(&mut self, places: &[Vec2]) {
        self.put::<With<Landmark>>(places);
    }

    fn put<F: QueryFilter>(&mut self, places: &[Vec2]) {
        let world = self.lane.world_mut();
        let mut rows = world.query_filtered::<&mut Position, F>();
        assert_eq!(rows.iter(world).count(), places.len());
        rows.iter_mut(world).zip(places).for_each(|(mut row, place)| row.0 = *place);
        (0..self.lane.envs()).for_each(|slot| self.lane.refresh(slot));
    }

    fn put_velocities(&mut self, velocities: &[Vec2]) {
        let world = self.lane.world_mut();
        let mut rows = world.query::<&mut Velocity>();
        assert_eq!(rows.iter(world).count(), velocities.len());
        rows.iter_mut(world).zip(velocities).for_each(|(mut row, velocity)| row.0 = *velocity);
        (0..self.lane.envs()).for_each(|slot| self.lane.refresh(slot));
    }

    fn agents(&mut self) -> Vec<Vec2> {
        self.places::<With<Agent>>()
    }

    fn landmarks(&mut self) -> Vec<Vec2> {
        self.places::<With<Landmark>>()
    }

    fn places<F: QueryFilter>(&mut self) -> Vec<Vec2> {
        let world = self.lane.world_mut();
        world.query_filtered::<&Position, F>().iter(world).map(|position| position.0).collect()
    }

    fn velocities(&mut self) -> Vec<Vec2> {
        let world = self.lane.world_mut();
        world.query::<&Velocity>().iter(world).map(|velocity| velocity.0).collect()
    }

    /// A tick in which the agents of the first group do this and all others nothing.
    fn step(&mut self, actions: &[f32]) {
        self.lane.ports_mut().groups[0].actions.copy_from_slice(actions);
        self.lane.step();
    }

    /// What was measured in the last tick of the first env.
    fn metric(&self, name: &str) -> f64 {
        self.lane.ports().metrics[self.lane.spec().metric(name).unwrap()]
    }

    /// A reward term of an agent of the first env.
    fn term(&self, group: usize, agent: usize, name: &str) -> f32 {
        let terms = &self.lane.spec().groups[group].reward_terms;
        let at = terms.iter().position(|term| term.name == name).unwrap();
        self.lane.ports().groups[group].terms[agent * terms.len() + at]
    }

    /// What an agent of the first env sees under this name.
    fn seen(&self, group: usize, agent: usize, name: &str) -> f32 {
        let fields = &self.lane.spec().groups[group].observation;
        let at = fields.iter().position(|field| field.name == name).unwrap_or_else(|| panic!("no field `{name}`"));
        self.lane.ports().groups[group].observations[agent * fields.len() + at]
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
