//! How an env of particles looks: discs as large as they are, landmarks as crosses, obstacles as grey ground.

use bevy_ecs::{entity::Entity, query::With, world::World};
use glam::Vec2;

use super::{
    ParticlesParams,
    components::{Agent, Landmark, Position, Velocity},
    editor::places,
    scenario::Task,
    systems::{Body, COVERED_M, LANDMARK_M, Model, OBSTACLE_M},
};
use crate::{
    picture::{
        Arena, Captions, Colour, Form, Glyph, Legend, LegendItem, Length, Level, Mark, Picture, Ramp, Sign, Stroke,
        Token,
    },
    sim::{ColourBy, Description, Domain, EnvSlot, Fact, LayerSpec, View, ViewOptions, ViewSpec, clock_of, number_of},
};

/// Half the side of the ground that is shown as long as everybody is on it; it doubles until everybody is.
const HALF_M: f32 = 1.5;
/// Arrow of an agent, per m/s.
const ARROW_S: f32 = 0.2;
/// Slower agents have no arrow.
const SLOW_MPS: f32 = 0.05;
/// Speed that is shown by the end of the colour map where nothing limits speeds.
const FAST_MPS: f32 = 2.0;

const CHOICES: [ColourBy; 2] = [
    ColourBy { name: "group", doc: "group of the agent" },
    ColourBy { name: "speed", doc: "how fast the agent moves" },
];

/// How near an agent has to come to a landmark.
const AREAS: LayerSpec = LayerSpec::new("areas", "ground near landmarks");
/// Velocities.
const ARROWS: LayerSpec = LayerSpec::new("arrows", "velocities");

impl View for ParticlesParams {
    fn declared(&self) -> ViewSpec {
        let (layers, headline) = match self.task {
            Task::Spread => {
                (vec![AREAS, ARROWS, LayerSpec::TRAILS], vec!["covered", "landmark_distance", "collisions"])
            }
            // Obstacles are no layer: they are part of the ground.
            Task::Tag => (vec![ARROWS, LayerSpec::TRAILS], vec!["catches", "adversary_distance"]),
        };
        ViewSpec { colour_by: CHOICES.to_vec(), layers, headline, tick_s: self.dt_s() }
    }

    fn draw(&self, world: &World, slot: usize, options: &ViewOptions) -> Picture {
        let scene = Scene::read(world, slot, options.colour_by == 1);
        let tick = clock_of(world, slot).map_or(0, |clock| clock.tick);
        let mut marks = Vec::new();
        // Agents are larger than landmarks, which lie on top to be seen.
        scene.add_agents(options, &mut marks);
        scene.add_landmarks(options, &mut marks);
        Picture {
            arena: scene.arena(),
            marks,
            legend: scene.legend(),
            captions: Captions { tick, time_s: f64::from(tick) * self.dt_s(), ..Captions::default() },
        }
    }

    fn describe(&self, world: &World, who: Entity) -> Option<Description> {
        self.describe_agent(world, who).or_else(|| self.describe_landmark(world, who))
    }
}

impl ParticlesParams {
    fn describe_agent(&self, world: &World, who: Entity) -> Option<Description> {
        let (slot, number) = number_of::<With<Agent>>(world, who)?;
        let model = world.get_resource::<Model>()?;
        let velocity = world.get::<Velocity>(who)?.0;
        let agents = places::<With<Agent>>(world, slot);
        let at = agents.get(number)?.1;
        let others = agents.iter().enumerate().filter(|(other, _)| *other != number);
        let touches = others.filter(|(other, (_, place))| place.distance(at) < model.touch_m(*other, number)).count();
        let is_good = self.task == Task::Tag && number >= model.num_adversaries;
        let title = match self.task {
            Task::Spread => format!("agent {number}"),
            Task::Tag if is_good => format!("good agent {}", number - model.num_adversaries),
            Task::Tag => format!("adversary {number}"),
        };
        let mut facts = vec![Fact::new("speed", velocity.length(), "m/s"), Fact::count("agents it touches", touches)];
        let (name, nearest_m) = match self.task {
            Task::Spread => ("to the nearest landmark", nearest_m(at, &places::<With<Landmark>>(world, slot))),
            Task::Tag if is_good => ("to the nearest adversary", nearest_m(at, &agents[model.members(0)])),
            Task::Tag => ("to the nearest good agent", nearest_m(at, &agents[model.members(1)])),
        };
        facts.extend(nearest_m.map(|nearest_m| Fact::new(name, nearest_m, "m")));
        Some(Description { title, facts, ..Description::default() })
    }

    fn describe_landmark(&self, world: &World, who: Entity) -> Option<Description> {
        let (slot, number) = number_of::<With<Landmark>>(world, who)?;
        let nearest_m = nearest_m(world.get::<Position>(who)?.0, &places::<With<Agent>>(world, slot))?;
        let (title, state) = match self.task {
            Task::Spread if nearest_m < COVERED_M => (format!("landmark {number}"), "covered"),
            Task::Spread => (format!("landmark {number}"), "not covered"),
            Task::Tag => (format!("obstacle {number}"), ""),
        };
        let facts = vec![Fact::new("to the nearest agent", nearest_m, "m")];
        Some(Description { title, state: state.to_owned(), facts, ..Description::default() })
    }
}

/// Distance to the nearest of some entities.
fn nearest_m(at: Vec2, others: &[(Entity, Vec2)]) -> Option<f32> {
    others.iter().map(|(_, place)| place.distance(at)).min_by(f32::total_cmp)
}

/// What an env holds, read once.
struct Scene<'w> {
    model: &'w Model,
    agents: Vec<(Entity, Vec2, Vec2)>,
    landmarks: Vec<(Entity, Vec2)>,
    /// Whether agents are coloured by their speeds.
    shows_speed: bool,
}

impl<'w> Scene<'w> {
    fn read(world: &'w World, slot: usize, shows_speed: bool) -> Self {
        let query = world.try_query_filtered::<(Entity, &EnvSlot, &Position, &Velocity), With<Agent>>();
        let of_env = |(who, at, position, velocity): (Entity, &EnvSlot, &Position, &Velocity)| {
            (at.0 as usize == slot).then_some((who, position.0, velocity.0))
        };
        Self {
            model: world.resource::<Model>(),
            agents: query.map(|mut query| query.iter(world).filter_map(of_env).collect()).unwrap_or_default(),
            landmarks: places::<With<Landmark>>(world, slot),
            shows_speed,
        }
    }

    /// The ground around the middle, large enough for everybody.
    fn arena(&self) -> Arena {
        let places = self.agents.iter().map(|(_, at, _)| at).chain(self.landmarks.iter().map(|(_, at)| at));
        let farthest_m = places.map(|at| at.abs().max_element()).fold(0.0, f32::max);
        let mut half_m = HALF_M;
        while half_m < farthest_m && half_m.is_finite() {
            half_m *= 2.0;
        }
        Arena { low: Vec2::splat(-half_m), high: Vec2::splat(half_m), is_to_scale: true }
    }

    fn add_landmarks(&self, options: &ViewOptions, marks: &mut Vec<Mark>) {
        for (who, at) in &self.landmarks {
            if self.model.has_obstacles {
                let form = Form::Disc { centre: *at, radius: Length::Metres(OBSTACLE_M) };
                marks.push(Mark::new(Level::Ground, form, Colour::Token(Token::Neutral), 0.6).of(*who));
                continue;
            }
            let goal = Colour::Token(Token::Goal);
            if options.shows(&AREAS) {
                let form = Form::Ring { centre: *at, radius: Length::Metres(COVERED_M), stroke: Stroke::solid(1.0) };
                marks.push(Mark::new(Level::Ground, form, goal, 0.6).of(*who));
            }
            let radius = Length::Metres(LANDMARK_M);
            let form = Form::Glyph { at: *at, shape: Glyph::Plus, radius, outlined: false };
            marks.push(Mark::new(Level::Agents, form, goal, 1.0).of(*who));
        }
    }

    fn add_agents(&self, options: &ViewOptions, marks: &mut Vec<Mark>) {
        for ((index, (who, at, velocity)), body) in self.agents.iter().enumerate().zip(&self.model.bodies) {
            if options.shows(&ARROWS) && velocity.length() > SLOW_MPS {
                let form = Form::Arrow { from: *at, to: *at + *velocity * ARROW_S, stroke: Stroke::solid(1.1) };
                marks.push(Mark::new(Level::Beneath, form, Colour::Token(Token::Muted), 0.75).of(*who));
            }
            let radius = Length::Metres(body.radius_m);
            let form = Form::Glyph { at: *at, shape: Glyph::Disc, radius, outlined: true };
            marks.push(Mark::new(Level::Agents, form, self.colour(index, *velocity, body), 1.0).of(*who));
        }
    }

    fn colour(&self, agent: usize, velocity: Vec2, body: &Body) -> Colour {
        if self.shows_speed {
            return Colour::Sequential((velocity.length() / body.top_speed_mps.min(FAST_MPS)).min(1.0));
        }
        Colour::Category(usize::from(agent < self.model.num_adversaries))
    }

    fn legend(&self) -> Legend {
        let glyph = |shape, colour, outlined| Sign::Glyph { shape, colour, outlined };
        let mut items = Vec::new();
        let mut item = |sign, text: &str| items.push(LegendItem { sign, text: text.to_owned() });
        let kind = |category| {
            let colour = if self.shows_speed { Colour::Sequential(0.5) } else { Colour::Category(category) };
            glyph(Glyph::Disc, colour, true)
        };
        if self.model.has_obstacles {
            item(kind(1), "adversary");
            item(kind(0), "good agent");
            item(Sign::Area { colour: Colour::Token(Token::Neutral) }, "obstacle");
        } else {
            item(kind(0), "agent");
            item(glyph(Glyph::Plus, Colour::Token(Token::Goal), false), "landmark");
        }
        let ramp = self.shows_speed.then(|| Ramp {
            title: "speed".to_owned(),
            is_diverging: false,
            low: "0".to_owned(),
            high: "top".to_owned(),
        });
        Legend { items, ramp }
    }
}
