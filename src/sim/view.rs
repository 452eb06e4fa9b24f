//! Views: how a domain shows one env.

use bevy_ecs::{
    entity::Entity,
    query::{QueryFilter, With},
    world::World,
};

use super::{
    description::Description,
    graph::Graph,
    ports::Ports,
    tick::{Clock, Declared, Env, EnvSlot},
};
use crate::picture::{Picture, Quantity};

/// How a domain shows one env. A view only reads.
pub trait View: Send + Sync {
    /// What it can show.
    fn declared(&self) -> ViewSpec;

    /// A picture of the env at `slot`. Its captions name the moment; [`picture_of`] adds what was measured.
    fn draw(&self, world: &World, slot: usize, options: &ViewOptions) -> Picture;

    /// What can be said of `who`, whom marks of a picture may stand for; none for what is not there.
    fn describe(&self, world: &World, who: Entity) -> Option<Description>;

    /// What can be said of the link between two entities, of which a picture may have a mark; none for what is not there,
    /// or in a domain that says nothing of links.
    fn describe_link(&self, world: &World, ends: [Entity; 2]) -> Option<Description> {
        let _ = (world, ends);
        None
    }

    /// Who is joined to whom in the env at `slot`; none in a domain whose entities are not joined.
    fn graph(&self, world: &World, slot: usize) -> Option<Graph> {
        let _ = (world, slot);
        None
    }
}

/// What a view can show.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewSpec {
    /// What agents may be coloured by; the first is the default.
    pub colour_by: Vec<ColourBy>,
    /// Names of the metrics that say most, most important first.
    pub headline: Vec<&'static str>,
    /// Length of a tick in seconds.
    pub tick_s: f64,
}

/// One thing to colour agents by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColourBy {
    /// Name, as given to `--colour-by`.
    pub name: &'static str,
    /// What it says.
    pub doc: &'static str,
}

/// What to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewOptions {
    /// Index into [`ViewSpec::colour_by`]; past its end, the first.
    pub colour_by: usize,
    /// Whether to show who is connected with whom. The host lets links that were cut fade, by its
    /// [`Fading`](crate::picture::Fading).
    pub links: bool,
    /// Whether to show how far agents reach.
    pub areas: bool,
    /// Whether to show where agents mean to go.
    pub goals: bool,
    /// Whether to show velocities.
    pub arrows: bool,
    /// Whether to show where agents have been. Views ignore it: the host adds its [`Trails`](crate::picture::Trails).
    pub trails: bool,
}

impl Default for ViewOptions {
    fn default() -> Self {
        Self { colour_by: 0, links: true, areas: true, goals: true, arrows: true, trails: true }
    }
}

/// The env at `slot` as its domain shows it, with the view's headline metrics.
///
/// # Panics
/// The world has no env at `slot`.
pub fn picture_of(view: &dyn View, world: &World, slot: usize, options: &ViewOptions) -> Picture {
    let (spec, ports) = (&world.resource::<Declared>().0, world.resource::<Ports>());
    let mut picture = view.draw(world, slot, options);
    // In the first moment of an episode the ports still hold the last one of the episode before.
    let is_measured = clock_of(world, slot).is_some_and(|clock| clock.tick > 0);
    let now = &ports.metrics[slot * spec.metrics.len()..(slot + 1) * spec.metrics.len()];
    let headline = view.declared().headline;
    let quantities = headline.iter().filter_map(|name| spec.metric(name)).map(|index| Quantity {
        name: spec.metrics[index].name.to_owned(),
        unit: spec.metrics[index].unit,
        value: is_measured.then_some(now[index]),
    });
    picture.captions.metrics.extend(quantities);
    picture
}

/// Where the env at `slot` is in its life.
pub fn clock_of(world: &World, slot: usize) -> Option<Clock> {
    let mut envs = world.try_query_filtered::<(&EnvSlot, &Clock), With<Env>>()?;
    envs.iter(world).find(|(at, _)| at.0 as usize == slot).map(|(_, clock)| *clock)
}

/// Slot of the env of `who`, and its number among the entities of that env that pass `F`, from 0; none if it does not
/// pass `F`.
pub fn number_of<F: QueryFilter>(world: &World, who: Entity) -> Option<(usize, usize)> {
    let slot = world.get_entity(who).ok()?.get::<EnvSlot>()?;
    let mut rows = world.try_query_filtered::<(Entity, &EnvSlot), F>()?;
    let number = rows.iter(world).filter(|(_, at)| *at == slot).position(|(other, _)| other == who)?;
    Some((slot.0 as usize, number))
}
