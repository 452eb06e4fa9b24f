//! Views: how a domain shows one env.

use std::collections::BTreeSet;

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
use crate::{
    error::{Error, Result},
    picture::{Picture, Quantity},
};

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
    /// Parts of its pictures that can be shown or hidden, in the order in which hosts list them.
    pub layers: Vec<LayerSpec>,
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

/// A part of a picture that can be shown or hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSpec {
    /// Name, as given to `--hide` and in scripts: one word in lower case.
    pub name: &'static str,
    /// What it is called where it is switched, in a few words.
    pub title: &'static str,
    /// Whether it is shown where nobody has chosen.
    pub is_shown: bool,
    /// Whether it tells of ticks before: hosts then look at every tick, also at those between two of their pictures.
    pub is_lingering: bool,
}

impl LayerSpec {
    /// Where agents have been. A domain whose agents move declares it; what it shows is the host's
    /// [`Trails`](crate::picture::Trails), and views ignore it.
    pub const TRAILS: Self = Self { is_lingering: true, ..Self::new("trails", "trails") };

    /// A layer that is shown at first and tells of one tick alone.
    pub const fn new(name: &'static str, title: &'static str) -> Self {
        Self { name, title, is_shown: true, is_lingering: false }
    }
}

impl ViewSpec {
    /// The layer of this name, whose case does not matter.
    ///
    /// # Errors
    /// There is none.
    pub fn layer(&self, name: &str) -> Result<&LayerSpec> {
        self.layers.iter().find(|layer| layer.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names = self.layers.iter().map(|layer| layer.name);
            Error::input(format!("the picture has no layer `{}`", name.escape_debug())).did_you_mean(name, names)
        })
    }

    /// Whether the host has trails to show.
    pub fn has_trails(&self, options: &ViewOptions) -> bool {
        self.layers.iter().any(|layer| layer.name == LayerSpec::TRAILS.name && options.shows(layer))
    }

    /// Whether something that is shown tells of ticks before.
    pub fn is_lingering(&self, options: &ViewOptions) -> bool {
        self.layers.iter().any(|layer| layer.is_lingering && options.shows(layer))
    }
}

/// What to show; by default everything that is shown at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewOptions {
    /// Index into [`ViewSpec::colour_by`]; past its end, the first.
    pub colour_by: usize,
    /// Names of the layers that are hidden and were shown at first, or the other way round.
    pub toggled: BTreeSet<&'static str>,
}

impl ViewOptions {
    /// Whether this layer is to be shown.
    pub fn shows(&self, layer: &LayerSpec) -> bool {
        layer.is_shown != self.toggled.contains(layer.name)
    }

    /// Shows this layer if it is hidden, hides it if it is shown.
    pub fn toggle(&mut self, layer: &LayerSpec) {
        if !self.toggled.remove(layer.name) {
            self.toggled.insert(layer.name);
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SHOWN: LayerSpec = LayerSpec::new("shown", "what is shown");
    const HIDDEN: LayerSpec = LayerSpec { is_shown: false, ..LayerSpec::new("hidden", "what is hidden") };

    fn spec(layers: &[LayerSpec]) -> ViewSpec {
        ViewSpec { colour_by: vec![], layers: layers.to_vec(), headline: vec![], tick_s: 1.0 }
    }

    #[test]
    fn a_layer_is_shown_as_declared_until_it_is_toggled_and_again_after_a_second_time() {
        let mut options = ViewOptions::default();
        for expected in [[true, false], [false, true], [true, false]] {
            assert_eq!([SHOWN, HIDDEN].map(|layer| options.shows(&layer)), expected);
            [SHOWN, HIDDEN].iter().for_each(|layer| options.toggle(layer));
        }
    }

    #[test]
    fn a_layer_is_found_by_its_name_in_any_case_and_a_wrong_name_is_told_with_the_nearest() {
        let spec = spec(&[SHOWN, HIDDEN]);
        assert_eq!(["shown", "Shown", "HIDDEN"].map(|name| *spec.layer(name).unwrap()), [SHOWN, SHOWN, HIDDEN]);
        let told = spec.layer("show").unwrap_err().to_string();
        assert!(told.contains("no layer `show`") && told.contains("`shown`"), "{told}");
    }

    #[test]
    fn trails_are_the_hosts_only_where_they_are_declared_and_shown() {
        let (with, without) = (spec(&[SHOWN, LayerSpec::TRAILS]), spec(&[SHOWN]));
        let mut options = ViewOptions::default();
        assert_eq!([&with, &without].map(|spec| spec.has_trails(&options)), [true, false]);
        assert_eq!([&with, &without].map(|spec| spec.is_lingering(&options)), [true, false]);
        options.toggle(&LayerSpec::TRAILS);
        assert!(!with.has_trails(&options) && !with.is_lingering(&options));
        let asleep = spec(&[LayerSpec { is_shown: false, ..LayerSpec::TRAILS }]);
        assert!(asleep.has_trails(&options) && !asleep.has_trails(&ViewOptions::default()));
    }
}
