//! The entities of the jamming domain: drones of the swarm, jammers, and what is kept per env.

use bevy::{ecs::component::Component, math::Vec2};
use serde::{Deserialize, Serialize};

/// Marks a drone of the communicating swarm.
#[derive(Component, Clone, Copy, Debug)]
pub struct Enemy;

/// Marks a jammer.
#[derive(Component, Clone, Copy, Debug)]
pub struct Jammer;

/// Where it is, in metres from the lower left corner of the arena.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position(pub Vec2);

/// How fast it moves, in m/s. For a jammer, what was ordered after clipping to its top speed per axis.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Velocity(pub Vec2);

/// Turn rate of a drone in a coordinated turn, in rad/s.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnRate(pub f32);

/// Band a jammer transmits on, index into [`Band::ALL`](super::scenario::Band::ALL).
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JamBand(pub u8);

/// The centroid a jammer is assigned to.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Label of the cluster, as in [`Centroid::label`].
    pub label: i32,
    /// Where the centroid was at the last clustering, in metres.
    pub target: Vec2,
}

/// State of the swarm as a whole; lives on the env's entity.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Swarm {
    /// Band the swarm talks on, index into [`Band::ALL`](super::scenario::Band::ALL).
    pub band: u8,
    /// Band it talked on when the episode began.
    pub first_band: u8,
    /// Algebraic connectivity without jamming when the episode began.
    pub lambda2_start: f64,
    /// Ticks for which the swarm has been jammed without a break.
    pub jammed_ticks: u32,
    /// Tick at which the swarm first fell apart.
    pub fragmented_at: Option<u32>,
}

/// Clusters of the swarm found at the last clustering; lives on the env's entity.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clusters(pub Vec<Centroid>);

/// A cluster of the swarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Centroid {
    /// Number of the cluster; -1 for drones outside all clusters, which are pooled.
    pub label: i32,
    /// Mean position of the members, in metres.
    pub position: Vec2,
    /// Number of members.
    pub size: u32,
}
