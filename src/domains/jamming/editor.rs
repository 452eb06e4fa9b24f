//! Drones and jammers can be moved by hand, and a scenario can say where each of them begins.

use bevy_ecs::{
    entity::Entity,
    query::{QueryFilter, With},
    world::World,
};
use glam::Vec2;

use super::{
    JammingParams,
    components::{Enemy, Jammer, Position},
    model::Model,
};
use crate::{
    error::{Error, Result},
    sim::{Editor, EntityKind, EnvSlot},
};

const DRONE: usize = 0;
const JAMMER: usize = 1;

const KINDS: [EntityKind; 2] = [
    EntityKind { name: "drone", count: Some("num_enemies"), places: Some("enemies_at_m"), group: None },
    EntityKind { name: "jammer", count: Some("num_jammers"), places: Some("jammers_at_m"), group: Some(0) },
];

impl Editor for JammingParams {
    fn kinds(&self) -> &'static [EntityKind] {
        &KINDS
    }

    fn kind_of(&self, world: &World, who: Entity) -> Option<usize> {
        let who = world.get_entity(who).ok()?;
        match (who.contains::<Enemy>(), who.contains::<Jammer>()) {
            (true, _) => Some(DRONE),
            (_, true) => Some(JAMMER),
            _ => None,
        }
    }

    fn places(&self, world: &World, slot: usize, kind: usize) -> Vec<(Entity, Vec2)> {
        match kind {
            DRONE => places::<With<Enemy>>(world, slot),
            JAMMER => places::<With<Jammer>>(world, slot),
            _ => Vec::new(),
        }
    }

    fn move_to(&self, world: &mut World, who: Entity, at: Vec2) -> Result<()> {
        if !at.is_finite() {
            return Err(Error::input(format!("there is no place at x {} and y {}", at.x, at.y)));
        }
        if self.kind_of(world, who).is_none() {
            return Err(Error::input(format!("{who} cannot be moved")).hint("drones and jammers can"));
        }
        let arena = Vec2::splat(world.resource::<Model>().arena_m);
        if let Some(mut position) = world.get_mut::<Position>(who) {
            position.0 = at.clamp(Vec2::ZERO, arena);
        }
        Ok(())
    }
}

fn places<F: QueryFilter>(world: &World, slot: usize) -> Vec<(Entity, Vec2)> {
    let Some(mut rows) = world.try_query_filtered::<(Entity, &EnvSlot, &Position), F>() else { return Vec::new() };
    let of_env =
        |(who, at, position): (Entity, &EnvSlot, &Position)| (at.0 as usize == slot).then_some((who, position.0));
    rows.iter(world).filter_map(of_env).collect()
}
