//! How an env of the cluster domain looks.
//!
//! Left, the workloads that wait, in the order of their turn; right, one rack per node with a bar for each resource. A
//! workload that was placed flies from the queue to its rack and stays below its bars; when it is done it rises and fades.
//! Shape is priority. What failed is shown for a while below the queue, by its cause. A place has no meaning beyond that:
//! the arena is a sheet.

mod facts;
mod layout;

use bevy_ecs::{entity::Entity, world::World};
use glam::Vec2;

use self::layout::Sheet;
use super::{
    ClusterParams,
    components::{Cause, Counts, Health, Job, Machine, NUM_PRIORITIES, NUM_RESOURCES, Phase, Usage},
    nodes::at_least_some,
    queue::Queue,
    systems::Model,
};
use crate::{
    picture::{
        Captions, Colour, Dash, Form, Glyph, Legend, LegendItem, Length, Level, Mark, Picture, Ramp, Sign, Stroke,
        Token,
    },
    sim::{ColourBy, Description, EnvSlot, LayerSpec, View, ViewOptions, ViewSpec, clock_of},
};

/// What the bars can be coloured by.
const CHOICES: [ColourBy; 2] = [
    ColourBy { name: "resource", doc: "which resource a bar stands for" },
    ColourBy { name: "use", doc: "share of the resource that is taken" },
];

/// How high a bar can be.
const AREAS: LayerSpec = LayerSpec::new("areas", "capacities");
/// Whose turn it is in the queue.
const GOALS: LayerSpec = LayerSpec::new("goals", "next in the queue");
/// Where workloads were placed just now.
const ARROWS: LayerSpec = LayerSpec::new("arrows", "placements");

/// Ticks for which a workload is seen flying or rising.
const FLIGHT: u32 = 4;
/// Ticks for which a failed workload is seen.
const REGRET: u32 = 40;
/// Height of the name of a cause.
const CAUSE_PX: f32 = 9.0;
/// Nodes up to which racks have names.
const NAMED: usize = 60;

impl View for ClusterParams {
    fn declared(&self) -> ViewSpec {
        ViewSpec {
            colour_by: CHOICES.to_vec(),
            layers: vec![AREAS, GOALS, ARROWS, LayerSpec::TRAILS],
            headline: vec!["completion", "sla_violations", "utilisation", "load_variance", "queue_length", "reward"],
            tick_s: self.dt_s,
        }
    }

    fn draw(&self, world: &World, slot: usize, options: &ViewOptions) -> Picture {
        let model = world.resource::<Model>();
        let tick = clock_of(world, slot).map_or(0, |clock| clock.tick);
        let scene = Scene::read(world, slot, model, tick, options);
        let mut marks = Vec::new();
        scene.add_racks(&mut marks);
        scene.add_workloads(&mut marks);
        Picture {
            arena: scene.sheet.arena(),
            marks,
            legend: scene.legend(),
            captions: Captions { tick, time_s: f64::from(tick) * self.dt_s, ..Captions::default() },
        }
    }

    fn describe(&self, world: &World, who: Entity) -> Option<Description> {
        facts::of_node(world, who).or_else(|| facts::of_workload(world, who))
    }
}

/// What an env holds, read once.
struct Scene<'a> {
    model: &'a Model,
    options: &'a ViewOptions,
    tick: u32,
    sheet: Sheet,
    nodes: Vec<(Entity, Machine, Usage, Health)>,
    workloads: Vec<(Entity, Phase, Job)>,
    queue: Queue,
    counts: Counts,
}

impl<'a> Scene<'a> {
    fn read(world: &World, slot: usize, model: &'a Model, tick: u32, options: &'a ViewOptions) -> Self {
        let nodes = world.try_query::<(Entity, &EnvSlot, &Machine, &Usage, &Health)>().map(|mut query| {
            let of_env = query.iter(world).filter(|(_, at, ..)| at.0 as usize == slot);
            of_env.map(|(who, _, machine, usage, health)| (who, *machine, *usage, *health)).collect()
        });
        let workloads = world.try_query::<(Entity, &EnvSlot, &Phase, &Job)>().map(|mut query| {
            let of_env = query.iter(world).filter(|(_, at, ..)| at.0 as usize == slot);
            of_env.map(|(who, _, phase, job)| (who, *phase, *job)).collect::<Vec<_>>()
        });
        let workloads = workloads.unwrap_or_default();
        let (phases, jobs): (Vec<Phase>, Vec<Job>) = workloads.iter().map(|(_, phase, job)| (*phase, *job)).unzip();
        let mut queue = Queue::default();
        queue.gather(model, &phases, &jobs);
        let nodes: Vec<_> = nodes.unwrap_or_default();
        let counts = world.try_query::<(&EnvSlot, &Counts)>().and_then(|mut query| {
            let of_env = query.iter(world).find(|(at, _)| at.0 as usize == slot);
            of_env.map(|(_, counts)| *counts)
        });
        let counts = counts.unwrap_or_default();
        Self { model, options, tick, sheet: Sheet::new(nodes.len()), nodes, workloads, queue, counts }
    }

    /// Bars and frames of the nodes.
    fn add_racks(&self, marks: &mut Vec<Mark>) {
        for (node, (who, machine, usage, health)) in self.nodes.iter().enumerate() {
            let rack = self.sheet.rack(node);
            let frame = if health.is_down { Token::Broken } else { Token::Muted };
            let dash = if health.is_down { Dash::Dashed } else { Dash::Solid };
            let stroke = Stroke::solid(1.2).dashed(dash);
            let outline = Form::Polyline { points: rack.outline().to_vec(), stroke };
            marks.push(Mark::new(Level::Agents, outline, Colour::Token(frame), 0.8).of(*who));
            for k in 0..NUM_RESOURCES {
                let used = (usage.0[k] / at_least_some(machine.capacity[k])) as f32;
                let width = Length::Metres(rack.bar_width());
                let bar = |share: f32| {
                    let [from, to] = rack.bar(k, share);
                    Form::Segment { from, to, stroke: Stroke { width, dash: Dash::Solid } }
                };
                if self.options.shows(&AREAS) {
                    marks.push(Mark::new(Level::Ground, bar(1.0), Colour::Token(Token::Muted), 0.14).of(*who));
                }
                if used > 0.0 {
                    let (colour, opacity) = (self.bar_colour(k, used), if health.is_down { 0.3 } else { 0.95 });
                    marks.push(Mark::new(Level::Beneath, bar(used.min(1.0)), colour, opacity).of(*who));
                }
            }
            if health.is_down {
                let radius = Length::Metres(0.3 * rack.width());
                let cross = Form::Glyph { at: rack.middle(), shape: Glyph::Plus, radius, outlined: true };
                marks.push(Mark::new(Level::Agents, cross, Colour::Token(Token::Broken), 1.0).of(*who));
            }
            if self.nodes.len() <= NAMED {
                let text = format!("node {node}{}", if health.is_down { " down" } else { "" });
                let label = Form::Label { at: rack.name(), text, size_px: self.sheet.font_px() };
                marks.push(Mark::new(Level::Labels, label, Colour::Token(Token::Muted), 0.9));
            }
        }
    }

    fn bar_colour(&self, k: usize, used: f32) -> Colour {
        if self.is_by_use() { Colour::Sequential(used.clamp(0.0, 1.0)) } else { Colour::Category(k) }
    }

    fn is_by_use(&self) -> bool {
        CHOICES.get(self.options.colour_by).is_some_and(|choice| choice.name == "use")
    }

    /// Workloads where they are, or on their way.
    fn add_workloads(&self, marks: &mut Vec<Mark>) {
        let turns: Vec<usize> = self.queue.rows().collect();
        let mut seats = vec![0; self.nodes.len()];
        let mut num_failed = [0; Cause::ALL.len()];
        for (row, (who, phase, job)) in self.workloads.iter().enumerate() {
            let age = self.tick.saturating_sub(job.since);
            let faded = |ticks: u32| 1.0 - age as f32 / ticks as f32;
            let shape = shape_of(job.priority);
            let (at, shape, colour, opacity) = match phase {
                Phase::Queued => {
                    let turn = turns.iter().position(|other| *other == row).unwrap_or_default();
                    let at = self.sheet.seat_in_queue(turn);
                    if self.options.shows(&GOALS) && turn == 0 {
                        self.add_ring(*who, at, marks);
                    }
                    (at, shape, Token::Goal, 1.0)
                }
                Phase::Placed(node) => {
                    let Some(seat) = seats.get_mut(usize::from(*node)) else { continue };
                    let home = self.sheet.rack(usize::from(*node)).seat(*seat);
                    *seat += 1;
                    let from = self.sheet.seat_in_queue(0);
                    if self.options.shows(&ARROWS) && age < FLIGHT {
                        let arrow = Form::Arrow { from, to: home, stroke: Stroke::solid(1.1) };
                        marks.push(Mark::new(Level::Beneath, arrow, Colour::Token(Token::Muted), 0.6).of(*who));
                    }
                    (from.lerp(home, 1.0 - faded(FLIGHT).max(0.0)), shape, Token::Neutral, 1.0)
                }
                Phase::Done(node) if age < FLIGHT && usize::from(*node) < self.nodes.len() => {
                    let rack = self.sheet.rack(usize::from(*node));
                    let at = rack.name().lerp(rack.middle(), faded(FLIGHT));
                    (at, shape, Token::Neutral, 0.7 * faded(FLIGHT))
                }
                Phase::Failed(cause) if age < REGRET => {
                    let number = &mut num_failed[cause.index()];
                    let at = self.sheet.seat_of_failed(cause.index(), *number);
                    *number += 1;
                    (at, sign_of(*cause), Token::Broken, 0.9 * faded(REGRET))
                }
                Phase::Unused | Phase::Done(_) | Phase::Failed(_) => continue,
            };
            let radius = Length::Metres(self.sheet.workload_radius());
            let form = Form::Glyph { at, shape, radius, outlined: opacity == 1.0 };
            marks.push(Mark::new(Level::Agents, form, Colour::Token(colour), opacity).of(*who));
        }
        self.name_causes(marks);
    }

    /// Writes above the workloads that have failed why they did, and how many did in the episode: the row of one that has
    /// failed may be taken before it has been seen.
    fn name_causes(&self, marks: &mut Vec<Mark>) {
        for (cause, count) in Cause::ALL.into_iter().zip(self.counts.by_cause).filter(|(_, count)| *count > 0) {
            let (at, text) = (self.sheet.name_of_failed(cause.index()), format!("{}: {count}", cause.label()));
            let label = Form::Label { at, text, size_px: CAUSE_PX };
            marks.push(Mark::new(Level::Labels, label, Colour::Token(Token::Muted), 0.9));
        }
    }

    /// Sets off the workload whose turn it is.
    fn add_ring(&self, who: Entity, centre: Vec2, marks: &mut Vec<Mark>) {
        let radius = Length::Metres(1.7 * self.sheet.workload_radius());
        let ring = Form::Ring { centre, radius, stroke: Stroke::solid(1.5) };
        marks.push(Mark::new(Level::Beneath, ring, Colour::Token(Token::Goal), 0.9).of(who));
    }

    fn legend(&self) -> Legend {
        let glyph =
            |shape, colour, outlined, text: String| LegendItem { sign: Sign::Glyph { shape, colour, outlined }, text };
        let mut items = Vec::new();
        if !self.is_by_use() {
            for (k, name) in self.model.params.resources.names().into_iter().enumerate() {
                let sign = Sign::Line { colour: Colour::Category(k), dash: Dash::Solid };
                items.push(LegendItem { sign, text: format!("{name} in use") });
            }
        }
        for priority in (1..=NUM_PRIORITIES as u8).rev() {
            let (shape, colour) = (shape_of(priority), Colour::Token(Token::Neutral));
            items.push(glyph(shape, colour, true, format!("workload of priority {priority}")));
        }
        for cause in Cause::ALL {
            let text = format!("failed: {}", cause.label());
            items.push(glyph(sign_of(cause), Colour::Token(Token::Broken), false, text));
        }
        let ramp = self.is_by_use().then(|| Ramp {
            title: "in use".to_owned(),
            is_diverging: false,
            low: "0 %".to_owned(),
            high: "100 %".to_owned(),
        });
        items.push(glyph(Glyph::Plus, Colour::Token(Token::Broken), true, "node that has failed".to_owned()));
        Legend { items, ramp }
    }
}

/// Middle of the rack of one of so many nodes.
pub(super) fn middle_of(node: usize, num_nodes: usize) -> Vec2 {
    Sheet::new(num_nodes).rack(node).middle()
}

/// The shape that stands for a priority.
fn shape_of(priority: u8) -> Glyph {
    [Glyph::Disc, Glyph::Disc, Glyph::Square, Glyph::Triangle][usize::from(priority).min(NUM_PRIORITIES)]
}

/// The shape that stands for a cause.
fn sign_of(cause: Cause) -> Glyph {
    [Glyph::Donut, Glyph::Star, Glyph::Plus, Glyph::Wedge][cause.index()]
}
