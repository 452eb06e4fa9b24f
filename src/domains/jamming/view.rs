//! How an env of the jamming domain looks.
//!
//! Drones of the swarm are small shapes, coloured by what the viewer asks for; jammers are larger, with an outline, and
//! their shape and colour say on which band they transmit. Links have the colour of the swarm's band, so that a jammer
//! of that colour is one that can cut them; its reach has a rim and little within, that of a jammer on another band is only a
//! dashed rim.

mod colouring;
mod facts;
mod graph;
mod links;

use bevy_ecs::{
    entity::Entity,
    query::{QueryFilter, With},
    world::World,
};
use glam::Vec2;

use self::{colouring::Colouring, links::links};
use super::{
    JammingParams,
    components::{Assignment, Clusters, Enemy, JamBand, Jammer, Position, Swarm, Velocity},
    scenario::Band,
    systems::{Model, RadioGraphs},
};
use crate::{
    picture::{
        Arena, Captions, Colour, Dash, Form, Glyph, Legend, LegendItem, Length, Level, Mark, Picture, Sign, Stroke,
        Token,
    },
    sim::{Description, EnvSlot, Graph, LayerSpec, View, ViewOptions, ViewSpec, clock_of},
};

/// Radius of a jammer's glyph in a team of up to so many; more of them are smaller.
const JAMMER_PX: f32 = 8.5;
const FEW_JAMMERS: f32 = 12.0;
/// Radius of a drone's glyph in a swarm of up to so many; more of them are smaller.
const DRONE_PX: f32 = 5.5;
const FEW_DRONES: f32 = 40.0;
/// Opacity of what a jammer reaches, and the most that the reaches of all of them come to where they lie one over the other:
/// links are seen through them.
const REACH: f32 = 0.05;
const REACH_OF_ALL: f32 = 0.2;
/// Arrow of a jammer at top speed, as a part of the arena's side.
const ARROW: f32 = 0.055;
/// Arrows shorter than this part of the longest say nothing and are left out.
const SHORTEST_ARROW: f32 = 0.15;

/// Who is connected with whom. Links that were cut fade.
const LINKS: LayerSpec = LayerSpec { is_lingering: true, ..LayerSpec::new("links", "links of the swarm") };
/// How far jammers reach.
const AREAS: LayerSpec = LayerSpec::new("areas", "reach of jammers");
/// Where jammers mean to go.
const GOALS: LayerSpec = LayerSpec::new("goals", "goals of jammers");
/// Velocities.
const ARROWS: LayerSpec = LayerSpec::new("arrows", "velocities");

impl View for JammingParams {
    fn declared(&self) -> ViewSpec {
        ViewSpec {
            colour_by: colouring::CHOICES.to_vec(),
            layers: vec![LINKS, AREAS, GOALS, ARROWS, LayerSpec::TRAILS],
            headline: vec!["reduction", "lambda2", "components", "reachability", "band_match", "energy"],
            tick_s: self.dt_s,
        }
    }

    fn draw(&self, world: &World, slot: usize, options: &ViewOptions) -> Picture {
        let (model, graphs) = (world.resource::<Model>(), world.resource::<RadioGraphs>());
        let scene = Scene::read(world, slot);
        let colouring = Colouring::new(options.colour_by, graphs.links(slot), &scene, model);
        let tick = clock_of(world, slot).map_or(0, |clock| clock.tick);
        let mut marks = Vec::new();
        if options.shows(&AREAS) {
            scene.add_areas(model, &mut marks);
        }
        if options.shows(&LINKS) {
            links(model, graphs.links(slot), &scene, &colouring, &mut marks);
        }
        if options.shows(&GOALS) {
            scene.add_goals(&mut marks);
        }
        if options.shows(&ARROWS) {
            scene.add_arrows(model, &mut marks);
        }
        scene.add_agents(&colouring, &mut marks);
        Picture {
            arena: Arena::square(model.arena_m),
            marks,
            legend: scene.legend(options, &colouring),
            captions: Captions { tick, time_s: f64::from(tick) * model.params.dt_s, ..Captions::default() },
        }
    }

    fn describe(&self, world: &World, who: Entity) -> Option<Description> {
        facts::of_drone(world, who).or_else(|| facts::of_jammer(world, who))
    }

    fn describe_link(&self, world: &World, ends: [Entity; 2]) -> Option<Description> {
        facts::of_link(world, ends)
    }

    fn graph(&self, world: &World, slot: usize) -> Option<Graph> {
        graph::of_env(world, slot)
    }
}

/// What an env holds, read once.
struct Scene {
    swarm: Swarm,
    centroids: Clusters,
    drones: Vec<(Entity, Vec2, Vec2)>,
    jammers: Vec<(Entity, Vec2, Vec2)>,
    bands: Vec<u8>,
    goals: Vec<Vec2>,
}

impl Scene {
    fn read(world: &World, slot: usize) -> Self {
        let env = world.try_query::<(&EnvSlot, &Swarm, &Clusters)>();
        let of_env = |(at, swarm, clusters): (&EnvSlot, &Swarm, &Clusters)| {
            (at.0 as usize == slot).then(|| (*swarm, clusters.clone()))
        };
        let (swarm, centroids) = env.and_then(|mut env| env.iter(world).find_map(of_env)).unwrap_or_default();
        let team = world.try_query::<(&EnvSlot, &JamBand, &Assignment)>();
        let of_team = |(at, band, goal): (&EnvSlot, &JamBand, &Assignment)| {
            (at.0 as usize == slot).then_some((band.0, goal.target))
        };
        let (bands, goals) = team.map(|mut team| team.iter(world).filter_map(of_team).unzip()).unwrap_or_default();
        Self {
            swarm,
            centroids,
            drones: moving::<With<Enemy>>(world, slot),
            jammers: moving::<With<Jammer>>(world, slot),
            bands,
            goals,
        }
    }

    /// Bands are categories, in the order of their frequencies.
    fn band_colour(band: u8) -> Colour {
        Colour::Category(usize::from(band))
    }

    /// What jammers reach: a rim, and a breath of colour within where it can cut links; a dashed rim alone on another band than
    /// the swarm's.
    fn add_areas(&self, model: &Model, marks: &mut Vec<Mark>) {
        let fill = REACH.min(REACH_OF_ALL / self.jammers.len().max(1) as f32);
        for ((who, at, _), band) in self.jammers.iter().zip(&self.bands) {
            let radius = Length::Metres(model.budgets.band(*band).jam_range_m);
            let colour = Self::band_colour(*band);
            let is_on_band = *band == self.swarm.band;
            let stroke = Stroke::solid(1.5).dashed(if is_on_band { Dash::Solid } else { Dash::Dashed });
            if is_on_band {
                marks.push(Mark::new(Level::Ground, Form::Disc { centre: *at, radius }, colour, fill).of(*who));
            }
            let rim = Form::Ring { centre: *at, radius, stroke };
            marks.push(Mark::new(Level::Ground, rim, colour, if is_on_band { 0.85 } else { 0.45 }).of(*who));
        }
    }

    /// Centroids of clusters, and which jammer is assigned to which.
    fn add_goals(&self, marks: &mut Vec<Mark>) {
        let colour = Colour::Token(Token::Goal);
        for ((who, from, _), to) in self.jammers.iter().zip(&self.goals) {
            let stroke = Stroke::solid(1.1).dashed(Dash::Dotted);
            marks.push(Mark::new(Level::Beneath, Form::Segment { from: *from, to: *to, stroke }, colour, 0.6).of(*who));
        }
        for centroid in self.centroids.0.iter().filter(|centroid| self.goals.contains(&centroid.position)) {
            let form =
                Form::Glyph { at: centroid.position, shape: Glyph::Plus, radius: Length::Pixels(6.0), outlined: false };
            marks.push(Mark::new(Level::Beneath, form, colour, 0.95));
        }
    }

    fn add_arrows(&self, model: &Model, marks: &mut Vec<Mark>) {
        let top_mps = model.jammer_speed_mps.max(model.enemy_speed_mps).max(f32::MIN_POSITIVE);
        let longest_m = ARROW * model.arena_m;
        for (who, at, velocity) in self.drones.iter().chain(&self.jammers) {
            let arrow_m = *velocity * (longest_m / top_mps);
            if arrow_m.length() > SHORTEST_ARROW * longest_m {
                let form = Form::Arrow { from: *at, to: *at + arrow_m, stroke: Stroke::solid(1.1) };
                marks.push(Mark::new(Level::Beneath, form, Colour::Token(Token::Muted), 0.75).of(*who));
            }
        }
    }

    fn add_agents(&self, colouring: &Colouring, marks: &mut Vec<Mark>) {
        let shrunk = |px: f32, few: f32, count: usize| px * (few / count as f32).clamp(0.3, 1.0).sqrt();
        let size = shrunk(DRONE_PX, FEW_DRONES, self.drones.len());
        for (i, (who, at, _)) in self.drones.iter().enumerate() {
            let radius = Length::Pixels(size * colouring.scale(i));
            let form = Form::Glyph { at: *at, shape: colouring.shape(i), radius, outlined: false };
            marks.push(Mark::new(Level::Agents, form, colouring.colour(i), 1.0).of(*who));
        }
        for ((who, at, _), band) in self.jammers.iter().zip(&self.bands) {
            let radius = Length::Pixels(shrunk(JAMMER_PX, FEW_JAMMERS, self.jammers.len()));
            let form = Form::Glyph { at: *at, shape: band_glyph(*band), radius, outlined: true };
            marks.push(Mark::new(Level::Agents, form, Self::band_colour(*band), 1.0).of(*who));
        }
    }

    fn legend(&self, options: &ViewOptions, colouring: &Colouring) -> Legend {
        let mut items = colouring.legend();
        let mut item = |sign, text: String| items.push(LegendItem { sign, text });
        let label = |band: u8| Band::ALL.get(usize::from(band)).map_or("", |band| band.label());
        let swarm = Self::band_colour(self.swarm.band);
        for band in 0..Band::ALL.len() as u8 {
            let sign = Sign::Glyph { shape: band_glyph(band), colour: Self::band_colour(band), outlined: true };
            item(sign, format!("jammer on {}", label(band)));
        }
        if options.shows(&LINKS) {
            if let Some(LegendItem { sign, text }) = colouring.link_legend() {
                item(sign, text);
            }
            item(Sign::Line { colour: swarm, dash: Dash::Solid }, format!("link on {}", label(self.swarm.band)));
            item(
                Sign::Line { colour: Colour::Token(Token::Broken), dash: Dash::Dashed },
                "link that is cut".to_owned(),
            );
        }
        if options.shows(&AREAS) {
            item(Sign::Area { colour: swarm }, "reach of a jammer".to_owned());
        }
        if options.shows(&GOALS) {
            let colour = Colour::Token(Token::Goal);
            item(Sign::Glyph { shape: Glyph::Plus, colour, outlined: false }, "assigned centroid".to_owned());
        }
        Legend { items, ramp: colouring.ramp() }
    }
}

/// Entities, places and velocities of one kind in an env, in the order of their rows.
fn moving<F: QueryFilter>(world: &World, slot: usize) -> Vec<(Entity, Vec2, Vec2)> {
    let query = world.try_query_filtered::<(Entity, &EnvSlot, &Position, &Velocity), F>();
    let of_env = |(who, at, position, velocity): (Entity, &EnvSlot, &Position, &Velocity)| {
        (at.0 as usize == slot).then_some((who, position.0, velocity.0))
    };
    query.map(|mut query| query.iter(world).filter_map(of_env).collect()).unwrap_or_default()
}

/// The shape that stands for a band.
fn band_glyph(band: u8) -> Glyph {
    [Glyph::Triangle, Glyph::Square, Glyph::Diamond, Glyph::Pentagon][usize::from(band) % Band::ALL.len()]
}
