//! Who lives in a world: entities of one kind for each env, in the order that tables must have.

use std::ops::Range;

use bevy_app::App;
use bevy_ecs::{
    bundle::{Bundle, NoBundleEffect},
    entity::Entity,
    query::With,
};

use crate::sim::{Env, EnvSlot, Ports};

/// Rows, in the table of a kind of which every env has `each`, of the env at `slot`.
#[inline(always)]
pub fn rows_of(slot: usize, each: usize) -> Range<usize> {
    slot * each..(slot + 1) * each
}

/// Puts entities into the envs of a world.
pub trait Populate {
    /// Spawns `each` entities with these components for every env. They share a table whose rows are in env-major order.
    fn spawn_each<B: Bundle<Effect: NoBundleEffect> + Clone>(&mut self, each: usize, components: B) -> &mut Self;

    /// Gives these components to the entities that stand for the envs.
    fn give_envs<B: Bundle<Effect: NoBundleEffect> + Clone>(&mut self, components: B) -> &mut Self;
}

impl Populate for App {
    fn spawn_each<B: Bundle<Effect: NoBundleEffect> + Clone>(&mut self, each: usize, components: B) -> &mut Self {
        let envs = self.world().resource::<Ports>().envs;
        let slots = (0..envs * each).map(move |row| EnvSlot((row / each) as u32));
        self.world_mut().spawn_batch(slots.map(move |slot| (slot, components.clone())));
        self
    }

    fn give_envs<B: Bundle<Effect: NoBundleEffect> + Clone>(&mut self, components: B) -> &mut Self {
        let world = self.world_mut();
        let mut envs = world.query_filtered::<Entity, With<Env>>();
        let given: Vec<_> = envs.iter(world).map(|env| (env, components.clone())).collect();
        world.insert_batch(given);
        self
    }
}
