//! Editors: how a person changes an env by hand, and a scenario so that its episodes begin that way.

use bevy_ecs::{entity::Entity, world::World};
use glam::Vec2;

use crate::error::Result;

/// How a person changes an env by hand.
pub trait Editor: Send + Sync {
    /// Kinds of entities that can be placed, moved and taken away.
    fn kinds(&self) -> &'static [EntityKind];

    /// Index into [`kinds`](Self::kinds) of what `who` is; none for what cannot be moved.
    fn kind_of(&self, world: &World, who: Entity) -> Option<usize>;

    /// The entities of a kind in the env at `slot`, in their order (for a group of agents: that of its rows in the ports),
    /// with their places in metres; none for a kind or an env that is not there.
    fn places(&self, world: &World, slot: usize, kind: usize) -> Vec<(Entity, Vec2)>;

    /// Puts `who` at `at`, or as near to it as the arena allows. The caller [refreshes](super::Lane::refresh) its env.
    ///
    /// # Errors
    /// It cannot be moved, or `at` is not a place.
    fn move_to(&self, world: &mut World, who: Entity, at: Vec2) -> Result<()>;
}

/// Entities of one kind, and the parameters that say how many begin an episode and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityKind {
    /// Singular noun, such as `drone`.
    pub name: &'static str,
    /// Name of the parameter that says how many there are; none if their number is not for a person to choose.
    pub count: Option<&'static str>,
    /// Name of the parameter that lists where they begin: x and y of each in turn, in metres; an empty list leaves it
    /// to the domain. None for entities that cannot be moved.
    pub places: Option<&'static str>,
    /// Group of the spec whose agents they are, in the order of its rows; none for what does not act.
    pub group: Option<usize>,
}
