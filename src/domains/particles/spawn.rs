//! Who lives in an env, and where they are when an episode begins.

use bevy_app::App;
use bevy_ecs::{
    query::With,
    system::{Query, Res},
};
use glam::Vec2;

use super::{
    components::{Agent, Landmark, Position, Velocity},
    model::Model,
};
use crate::sim::{Address, Clock, DeclareState, Due, Purpose, Seeds, Stream, column_mut, kit::Populate};

const PLACES: Purpose = Purpose::new("particles.placement");

/// Spawns the agents and landmarks of the envs and declares which of their components are state.
pub(super) fn spawn(app: &mut App, num_agents: usize, num_landmarks: usize) {
    app.declare_state::<Position>("position").declare_state::<Velocity>("velocity");
    app.spawn_each(num_agents, (Agent, Position::default(), Velocity::default()));
    app.spawn_each(num_landmarks, (Landmark, Position::default()));
}

/// Places the agents, at rest, and the landmarks of the envs that begin an episode.
pub(super) fn place(
    model: Res<Model>,
    seeds: Res<Seeds>,
    due: Res<Due>,
    clocks: Query<&Clock>,
    mut agents: Query<&mut Position, With<Agent>>,
    mut velocities: Query<&mut Velocity>,
    mut landmarks: Query<&mut Position, (With<Landmark>, bevy_ecs::query::Without<Agent>)>,
) {
    let (agents, velocities) = (column_mut(&mut agents), column_mut(&mut velocities));
    let landmarks = column_mut(&mut landmarks);
    for (slot, clock) in clocks.iter().enumerate().filter(|(slot, _)| due.0[*slot]) {
        let mut stream = seeds.stream(PLACES, Address { tick: 0, ..clock.address() });
        scatter(&mut stream, model.start_m, &mut agents[model.agents(slot)]);
        scatter(&mut stream, model.landmark_start_m, &mut landmarks[model.landmarks(slot)]);
        put(&model.agents_at, &mut agents[model.agents(slot)]);
        put(&model.landmarks_at, &mut landmarks[model.landmarks(slot)]);
        velocities[model.agents(slot)].fill(Velocity::default());
    }
}

/// Uniform in the square around the middle whose sides are at `half_m`.
fn scatter(stream: &mut Stream, half_m: f32, entities: &mut [Position]) {
    for entity in entities {
        entity.0 = Vec2::new(stream.uniform(-half_m, half_m), stream.uniform(-half_m, half_m));
    }
}

/// Puts entities of an env where their scenario says, if it does. Places were drawn all the same, so that given places
/// of some change nothing about those of others.
fn put(places: &[Option<Vec2>], entities: &mut [Position]) {
    for (entity, place) in entities.iter_mut().zip(places) {
        entity.0 = place.unwrap_or(entity.0);
    }
}
