//! The entities of the particles: agents and landmarks.
//!
//! Agents of an env lie in one table, adversaries first, because all of them push each other. Values that are read from
//! a file are checked here, so that no impossible state gets into a world.

use bevy_ecs::component::Component;
use glam::Vec2;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Marks an agent.
#[derive(Component, Clone, Copy, Debug)]
pub struct Agent;

/// Marks a landmark; in task `tag` it is an obstacle.
#[derive(Component, Clone, Copy, Debug)]
pub struct Landmark;

/// Where it is, in metres from the middle of the arena.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position(#[serde(deserialize_with = "vector")] pub Vec2);

/// How fast it moves, in m/s.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Velocity(#[serde(deserialize_with = "vector")] pub Vec2);

/// Largest number that is accepted from a file. Nobody gets as far, or as fast, in episodes that end.
const FAR: f32 = 1e6;

fn vector<'de, D: Deserializer<'de>>(source: D) -> Result<Vec2, D::Error> {
    let vector = Vec2::deserialize(source)?;
    let is_near = vector.abs().max_element() <= FAR && !vector.is_nan();
    is_near.then_some(vector).ok_or_else(|| D::Error::custom("expected a vector within reach"))
}
