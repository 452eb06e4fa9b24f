//! The entities of the jamming domain: drones of the swarm, jammers, and what is kept per env.
//!
//! Values that are read from a file are checked here, so that no impossible state gets into a world.

use bevy_ecs::component::Component;
use glam::Vec2;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected},
};

use super::scenario::Band;

/// Marks a drone of the communicating swarm.
#[derive(Component, Clone, Copy, Debug)]
pub struct Enemy;

/// Marks a jammer.
#[derive(Component, Clone, Copy, Debug)]
pub struct Jammer;

/// Where it is, in metres from the lower left corner of the arena.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position(#[serde(deserialize_with = "vector")] pub Vec2);

/// How fast it moves, in m/s. For a jammer, what was ordered after clipping to its top speed per axis.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Velocity(#[serde(deserialize_with = "vector")] pub Vec2);

/// Turn rate of a drone in a coordinated turn, in rad/s.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnRate(#[serde(deserialize_with = "number")] pub f32);

/// Band a jammer transmits on, index into [`Band::ALL`](super::scenario::Band::ALL).
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JamBand(#[serde(deserialize_with = "band")] pub u8);

/// The centroid a jammer is assigned to.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Label of the cluster, as in [`Centroid::label`].
    pub label: i32,
    /// Where the centroid was at the last clustering, in metres.
    #[serde(deserialize_with = "vector")]
    pub target: Vec2,
}

/// State of the swarm as a whole; lives on the env's entity.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Swarm {
    /// Band the swarm talks on, index into [`Band::ALL`](super::scenario::Band::ALL).
    #[serde(deserialize_with = "band")]
    pub band: u8,
    /// Band it talked on when the episode began.
    #[serde(deserialize_with = "band")]
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
    #[serde(deserialize_with = "vector")]
    pub position: Vec2,
    /// Number of members.
    pub size: u32,
}

/// Largest number that is accepted from a file. It lies beyond the largest arena, in m, and beyond any speed or rate.
const FAR: f32 = 1e6;

fn number<'de, D: Deserializer<'de>>(source: D) -> Result<f32, D::Error> {
    let number = f32::deserialize(source)?;
    let is_near = number.abs() <= FAR;
    is_near
        .then_some(number)
        .ok_or_else(|| D::Error::invalid_value(Unexpected::Float(number.into()), &"a finite number"))
}

fn vector<'de, D: Deserializer<'de>>(source: D) -> Result<Vec2, D::Error> {
    let vector = Vec2::deserialize(source)?;
    let is_near = vector.abs().max_element() <= FAR && !vector.is_nan();
    is_near.then_some(vector).ok_or_else(|| D::Error::custom("expected a place within reach"))
}

fn band<'de, D: Deserializer<'de>>(source: D) -> Result<u8, D::Error> {
    let band = u8::deserialize(source)?;
    let is_band = usize::from(band) < Band::ALL.len();
    is_band.then_some(band).ok_or_else(|| D::Error::invalid_value(Unexpected::Unsigned(band.into()), &"a band"))
}
