//! What is told of a drone, a jammer or a link that a person points at.

use bevy_ecs::{entity::Entity, query::With, world::World};

use super::{Scene, links::margin_db};
use crate::{
    domains::jamming::{
        components::{Assignment, Enemy, JamBand, Jammer, Position, TurnRate, Velocity},
        scenario::Band,
        structure::Links,
        systems::{Model, RadioGraphs},
    },
    sim::{Description, Fact, number_of},
};

/// A drone of the swarm: whom it still hears, what becomes of the swarm without it, and how it moves.
pub(super) fn of_drone(world: &World, who: Entity) -> Option<Description> {
    let (slot, number) = number_of::<With<Enemy>>(world, who)?;
    let (velocity, turning) = world.get_entity(who).ok()?.get_components::<(&Velocity, &TurnRate)>().ok()?;
    let (num_drones, links) = links_of(world, slot)?;
    let (degree, pieces) = (links.degree(number), links.without_drone(number));
    let num_others = num_drones.saturating_sub(1) as u32;
    let num_reached = pieces.iter().map(|piece| piece.drones).sum();
    let mut facts = vec![
        Fact::count("live links", degree).of(num_others),
        Fact::count("drones it reaches", num_reached).of(num_others),
    ];
    if degree > 0 {
        // A piece that a single link joins to the drone hangs on that link alone.
        facts.push(Fact::count("links that are bridges", pieces.iter().filter(|piece| piece.links == 1).count()));
        facts.push(Fact::count("pieces without it", pieces.len()));
    }
    facts.push(Fact::new("speed", velocity.0.length(), "m/s"));
    facts.push(Fact::new("turns at", turning.0, "rad/s"));
    let state = match pieces[..] {
        [] => "cut off".to_owned(),
        [_] => "linked".to_owned(),
        _ => {
            let sizes: Vec<String> = pieces.iter().map(|piece| piece.drones.to_string()).collect();
            let whole = whole(num_reached + 1, num_drones);
            format!("linked; without it {whole} falls into {} pieces: {}", sizes.len(), listed(&sizes))
        }
    };
    Some(Description { title: format!("drone {number}"), state, facts, ..Description::default() })
}

/// A link between two drones: whether it is alive, and what becomes of the swarm when it is cut.
pub(super) fn of_link(world: &World, ends: [Entity; 2]) -> Option<Description> {
    let (slot, one) = number_of::<With<Enemy>>(world, ends[0])?;
    let (other_slot, other) = number_of::<With<Enemy>>(world, ends[1])?;
    if slot != other_slot || one == other {
        return None;
    }
    let place = |who: Entity| Some(world.get_entity(who).ok()?.get::<Position>()?.0);
    let distance_m = place(ends[0])?.distance(place(ends[1])?);
    let range_m = world.get_resource::<Model>()?.budgets.band(Scene::read(world, slot).swarm.band).link_range_m;
    let (num_drones, links) = links_of(world, slot)?;
    let state = if links.has(one, other) {
        match links.without_link([one, other]) {
            Some([fewer, more]) => {
                format!("a bridge: cutting it splits {} into {fewer} and {more}", whole(fewer + more, num_drones))
            }
            None => "alive; without it the drones still reach each other".to_owned(),
        }
    } else if distance_m <= range_m {
        "cut by jamming".to_owned()
    } else {
        "out of range".to_owned()
    };
    let facts = vec![Fact::new("margin without jamming", margin_db(distance_m, range_m), "dB")];
    let title = format!("link from drone {} to drone {}", one.min(other), one.max(other));
    Some(Description { title, state, facts, ..Description::default() })
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

/// How many drones the swarm of an env has, and its live links.
fn links_of(world: &World, slot: usize) -> Option<(usize, Links<'_>)> {
    let num_drones = world.get_resource::<Model>()?.num_enemies;
    Some((num_drones, Links::new(num_drones, world.get_resource::<RadioGraphs>()?.links(slot))))
}

/// What a component of so many drones is called.
fn whole(num_drones: usize, of: usize) -> &'static str {
    if num_drones == of { "the swarm" } else { "its part of the swarm" }
}

/// Numbers in a row: `12, 9 and 8`.
fn listed(numbers: &[String]) -> String {
    match numbers {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => numbers.concat(),
    }
}
