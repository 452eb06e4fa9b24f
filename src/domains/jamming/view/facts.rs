//! What is told of a drone or a jammer that a person points at.

use bevy_ecs::{entity::Entity, query::With, world::World};

use crate::{
    domains::jamming::{
        components::{Assignment, Enemy, JamBand, Jammer, Position, TurnRate, Velocity},
        scenario::Band,
        systems::{Model, RadioGraphs},
    },
    sim::{Description, Fact, number_of},
};

/// A drone of the swarm: whom it still hears, and how it moves.
pub(super) fn of_drone(world: &World, who: Entity) -> Option<Description> {
    let (slot, number) = number_of::<With<Enemy>>(world, who)?;
    let (velocity, turning) = world.get_entity(who).ok()?.get_components::<(&Velocity, &TurnRate)>().ok()?;
    let (model, graphs) = (world.get_resource::<Model>()?, world.get_resource::<RadioGraphs>()?);
    let links = num_links(graphs.links(slot), model.num_enemies, number);
    let facts = vec![
        Fact::new("live links", links, "").of(model.num_enemies.saturating_sub(1) as u32),
        Fact::new("speed", velocity.0.length(), "m/s"),
        Fact::new("turns at", turning.0, "rad/s"),
    ];
    let state = if links == 0 { "cut off" } else { "linked" };
    Some(Description { title: format!("drone {number}"), state: state.to_owned(), facts, ..Description::default() })
}

/// A jammer: where it jams, and where it is to go.
pub(super) fn of_jammer(world: &World, who: Entity) -> Option<Description> {
    let (_, number) = number_of::<With<Jammer>>(world, who)?;
    let jammer = world.get_entity(who).ok()?;
    let (position, velocity, band, goal) =
        jammer.get_components::<(&Position, &Velocity, &JamBand, &Assignment)>().ok()?;
    let reach_m = world.get_resource::<Model>()?.budgets.band(band.0).jam_range_m;
    let facts = vec![
        Fact::new("reach", reach_m, "m"),
        Fact::new("speed", velocity.0.length(), "m/s"),
        Fact::new("to its cluster", position.0.distance(goal.target), "m"),
    ];
    let state = format!("jams on {}", Band::ALL.get(usize::from(band.0))?.label());
    Some(Description { title: format!("jammer {number}"), state, facts, ..Description::default() })
}

/// Live links of a drone, of bit rows `[drones, words]`.
fn num_links(rows: &[u64], num_drones: usize, drone: usize) -> u32 {
    let words = num_drones.div_ceil(64).max(1);
    rows.chunks_exact(words).nth(drone).map_or(0, |row| row.iter().map(|word| word.count_ones()).sum())
}
