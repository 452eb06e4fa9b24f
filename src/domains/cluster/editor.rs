//! What a person can point at in a cluster: its nodes, which stay in their racks.

use bevy_ecs::{entity::Entity, query::With, world::World};
use glam::Vec2;

use super::{ClusterParams, components::Node, view::middle_of};
use crate::{
    error::{Error, Result},
    sim::{Editor, EntityKind, EnvSlot},
};

/// Nodes are the agents of the only group.
const KINDS: [EntityKind; 1] = [EntityKind { name: "node", count: Some("num_nodes"), places: None, group: Some(0) }];

impl Editor for ClusterParams {
    fn kinds(&self) -> &'static [EntityKind] {
        &KINDS
    }

    fn kind_of(&self, world: &World, who: Entity) -> Option<usize> {
        world.get_entity(who).ok()?.contains::<Node>().then_some(0)
    }

    fn places(&self, world: &World, slot: usize, kind: usize) -> Vec<(Entity, Vec2)> {
        let Some(mut nodes) = world.try_query_filtered::<(Entity, &EnvSlot), With<Node>>() else { return Vec::new() };
        let of_env = nodes.iter(world).filter(|(_, at)| at.0 as usize == slot && kind == 0).map(|(who, _)| who);
        let of_env: Vec<Entity> = of_env.collect();
        let count = of_env.len();
        of_env.into_iter().enumerate().map(|(node, who)| (who, middle_of(node, count))).collect()
    }

    fn move_to(&self, _world: &mut World, who: Entity, _at: Vec2) -> Result<()> {
        Err(Error::input(format!("{who} cannot be moved")).hint("a node stays in its rack"))
    }
}
