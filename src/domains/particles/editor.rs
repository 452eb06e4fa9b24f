//! Agents and landmarks can be moved by hand, and a scenario can say where each of them begins.

use bevy_ecs::{
    entity::Entity,
    query::{QueryFilter, With},
    world::World,
};
use glam::Vec2;

use super::{
    ParticlesParams,
    components::{Agent, Landmark, Position},
    model::Model,
    scenario::Task,
};
use crate::{
    error::{Error, Result},
    sim::{Editor, EntityKind, EnvSlot, number_of},
};

const SPREAD: [EntityKind; 2] = [
    EntityKind { name: "agent", count: Some("num_agents"), places: Some("agents_at_m"), group: Some(0) },
    EntityKind { name: "landmark", count: Some("num_landmarks"), places: Some("landmarks_at_m"), group: None },
];

const TAG: [EntityKind; 3] = [
    EntityKind { name: "adversary", count: Some("num_adversaries"), places: Some("adversaries_at_m"), group: Some(0) },
    EntityKind { name: "good agent", count: Some("num_good"), places: Some("good_at_m"), group: Some(1) },
    EntityKind { name: "obstacle", count: Some("num_obstacles"), places: Some("obstacles_at_m"), group: None },
];

/// Nobody is put farther from the middle than this on an axis, as in a scenario.
const FAR_M: f32 = 10.0;

impl Editor for ParticlesParams {
    fn kinds(&self) -> &'static [EntityKind] {
        match self.task {
            Task::Spread => &SPREAD,
            Task::Tag => &TAG,
        }
    }

    fn kind_of(&self, world: &World, who: Entity) -> Option<usize> {
        if world.get_entity(who).ok()?.contains::<Landmark>() {
            return Some(self.kinds().len() - 1);
        }
        let (_, number) = number_of::<With<Agent>>(world, who)?;
        let model = world.get_resource::<Model>()?;
        Some(usize::from(self.task == Task::Tag && number >= model.num_adversaries))
    }

    fn places(&self, world: &World, slot: usize, kind: usize) -> Vec<(Entity, Vec2)> {
        let Some(model) = world.get_resource::<Model>() else { return Vec::new() };
        let num_kinds = self.kinds().len();
        if kind + 1 == num_kinds {
            return places::<With<Landmark>>(world, slot);
        }
        let members = if kind < num_kinds { model.members(kind) } else { 0..0 };
        let agents = places::<With<Agent>>(world, slot);
        agents.get(members).map_or_else(Vec::new, <[_]>::to_vec)
    }

    fn move_to(&self, world: &mut World, who: Entity, at: Vec2) -> Result<()> {
        if !at.is_finite() {
            return Err(Error::input(format!("there is no place at x {} and y {}", at.x, at.y)));
        }
        if self.kind_of(world, who).is_none() {
            return Err(Error::input(format!("{who} cannot be moved")).hint("agents and landmarks can"));
        }
        if let Some(mut position) = world.get_mut::<Position>(who) {
            position.0 = at.clamp(Vec2::splat(-FAR_M), Vec2::splat(FAR_M));
        }
        Ok(())
    }
}

/// Entities of an env that pass `F`, in the order of their rows, with their places.
pub(super) fn places<F: QueryFilter>(world: &World, slot: usize) -> Vec<(Entity, Vec2)> {
    let Some(mut rows) = world.try_query_filtered::<(Entity, &EnvSlot, &Position), F>() else { return Vec::new() };
    let of_env =
        |(who, at, position): (Entity, &EnvSlot, &Position)| (at.0 as usize == slot).then_some((who, position.0));
    rows.iter(world).filter_map(of_env).collect()
}
