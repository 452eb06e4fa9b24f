//! What agents see. The fields of each layout are declared beside the code that fills them.

use bevy_ecs::{
    query::{With, Without},
    system::{Query, Res, ResMut, SystemParam},
};
use glam::Vec2;

use super::{
    components::{Agent, Landmark, Position, Velocity},
    model::{Body, DAMPING, DT_S, Model, STIFFNESS, bodies},
    scenario::{ObservationLayout, ParticlesParams, Task},
};
use crate::sim::{Declared, Due, Field, Ports, column, field, kit::Row};

/// Name of a layout; a policy trained on one refuses another.
pub(super) fn layout_name(params: &ParticlesParams, is_good: bool) -> &'static str {
    match (params.task, params.observation, is_good) {
        (Task::Spread, ObservationLayout::Mpe2, _) => "particles/mpe2",
        (Task::Spread, ObservationLayout::Vmas, _) => "particles/vmas",
        (Task::Tag, _, false) => "particles/adversary",
        (Task::Tag, _, true) => "particles/good",
    }
}

/// Fields of the observation of one agent, in episodes of `max_steps` ticks. In task `tag` those of an adversary or a
/// good agent.
pub(super) fn fields(params: &ParticlesParams, is_good: bool, max_steps: u32) -> Vec<Field> {
    let bodies = bodies(params);
    let far = |body: &Body| farthest_m(body, bodies.len(), max_steps);
    let own = if is_good { bodies.last() } else { bodies.first() };
    let (own_m, own_mps) = own.map_or((0.0, 0.0), |body| (far(body), fastest_mps(body, bodies.len())));
    let way_m = own_m + bodies.iter().map(far).fold(1.0, f32::max);
    let (itself, velocity) = (axes("", "m", own_m), axes("v", "m/s", own_mps));
    let mut fields = match (params.task, params.observation) {
        (Task::Spread, ObservationLayout::Vmas) => [itself, velocity].concat(),
        _ => [velocity, itself].concat(),
    };
    for i in 0..params.num_places() {
        fields.extend(axes(&format!("landmark{i}_d"), "m", own_m + 1.0));
    }
    // Other agents, those last whose words or velocities are seen.
    let others = match params.task {
        Task::Spread => vec![("agent", params.num_agents - 1)],
        Task::Tag => vec![
            ("adversary", params.num_adversaries - usize::from(!is_good)),
            ("good", params.num_good - usize::from(is_good)),
        ],
    };
    for (name, count) in &others {
        for i in 0..*count {
            fields.extend(axes(&format!("{name}{i}_d"), "m", way_m));
        }
    }
    let (name, count) = others.last().copied().unwrap_or_default();
    for i in 0..count {
        match (params.task, params.observation) {
            (Task::Spread, ObservationLayout::Vmas) => {}
            (Task::Spread, ObservationLayout::Mpe2) => {
                fields.extend([0, 1].map(|word| field(format!("{name}{i}_says{word}"), "", 0.0..=0.0)));
            }
            (Task::Tag, _) => {
                let top_mps = bodies.last().map_or(0.0, |body| body.top_speed_mps);
                fields.extend(axes(&format!("{name}{i}_v"), "m/s", top_mps));
            }
        }
    }
    fields
}

/// A field for each axis.
fn axes(name: &str, unit: &'static str, most: f32) -> [Field; 2] {
    ["x", "y"].map(|axis| field(format!("{name}{axis}"), unit, -most..=most))
}

/// The most that an agent moves along an axis, in m/s.
///
/// Where nothing limits its speed, it has what its own thrust gives, and what discs that lie wholly upon it give while they
/// push it away: two ticks of the greatest force, the first damped.
fn fastest_mps(body: &Body, num_agents: usize) -> f32 {
    if body.top_speed_mps.is_finite() {
        return body.top_speed_mps;
    }
    (thrust_mps(body) + kicks_mps(body, num_agents)) as f32
}

/// How far from the middle an agent can get along an axis: it begins within a metre of it and flies the same way to the end. Where
/// nothing limits its speed, all others push it away at once, and it drifts on.
fn farthest_m(body: &Body, num_agents: usize, max_steps: u32) -> f32 {
    let (dt_s, damping) = (f64::from(DT_S), f64::from(DAMPING));
    let time_s = dt_s * f64::from(max_steps);
    let way_m = if body.top_speed_mps.is_finite() {
        time_s * f64::from(body.top_speed_mps)
    } else {
        time_s * thrust_mps(body) + kicks_mps(body, num_agents) * dt_s / damping
    };
    (1.0 + way_m) as f32
}

/// Speed at which damping takes as much as full thrust gives.
fn thrust_mps(body: &Body) -> f64 {
    f64::from(body.thrust_n) * f64::from(DT_S) / f64::from(DAMPING)
}

fn kicks_mps(body: &Body, num_agents: usize) -> f64 {
    let greatest_n = f64::from(STIFFNESS) * 2.0 * f64::from(body.radius_m);
    (2.0 - f64::from(DAMPING)) * greatest_n * f64::from(DT_S) * (num_agents - 1) as f64
}

/// The tables that observations are made of.
#[derive(SystemParam)]
pub(super) struct Scene<'w, 's> {
    model: Res<'w, Model>,
    declared: Res<'w, Declared>,
    due: Res<'w, Due>,
    agents: Query<'w, 's, &'static Position, With<Agent>>,
    velocities: Query<'w, 's, &'static Velocity, With<Agent>>,
    landmarks: Query<'w, 's, &'static Position, (With<Landmark>, Without<Agent>)>,
}

/// Writes the observations of the envs that are due. The sizes of the shipped scenarios are compiled in: loops of a known length
/// write an observation in two thirds of the time.
pub(super) fn observe(scene: Scene, mut ports: ResMut<Ports>) {
    let Model { num_adversaries, num_landmarks, .. } = *scene.model;
    match (num_adversaries, scene.model.num_agents(), num_landmarks) {
        (0, 3, 3) => scene.write((0, 3), 3, &mut ports),
        (3, 4, 2) => scene.write((3, 4), 2, &mut ports),
        (adversaries, agents, landmarks) => scene.write((adversaries, agents), landmarks, &mut ports),
    }
}

impl Scene<'_, '_> {
    #[inline(always)]
    fn write(&self, (num_adversaries, num_agents): (usize, usize), num_landmarks: usize, ports: &mut Ports) {
        let (agents, velocities) = (column(&self.agents), column(&self.velocities));
        let landmarks = column(&self.landmarks);
        for (group, (port, declared)) in ports.groups.iter_mut().zip(&self.declared.0.groups).enumerate() {
            let members = self.model.members(group);
            let teams = port.observations.chunks_exact_mut(port.agents * port.observation_width);
            for (slot, rows) in teams.enumerate().filter(|(slot, _)| self.due.0[*slot]) {
                let env = Env {
                    model: &self.model,
                    num_adversaries,
                    agents: &agents[slot * num_agents..][..num_agents],
                    velocities: &velocities[slot * num_agents..][..num_agents],
                    landmarks: &landmarks[slot * num_landmarks..][..num_landmarks],
                };
                // A loop and no closure: the compiler takes the one apart for each of the sizes above, and calls the other.
                for (agent, row) in members.clone().zip(rows.chunks_exact_mut(declared.observation.len())) {
                    let mut row = Row::new(row, &declared.observation);
                    env.show(agent, &mut row);
                    row.finish();
                }
            }
        }
    }
}

/// One env.
struct Env<'a> {
    model: &'a Model,
    num_adversaries: usize,
    agents: &'a [Position],
    velocities: &'a [Velocity],
    landmarks: &'a [Position],
}

impl Env<'_> {
    /// Writes what an agent sees.
    #[inline(always)]
    fn show(&self, agent: usize, row: &mut Row<'_>) {
        let (own, [vx, vy]) = (self.agents[agent].0, self.velocities[agent].0.to_array());
        let is_spread = self.model.params.task == Task::Spread;
        match self.model.params.observation {
            ObservationLayout::Vmas if is_spread => row.put(["x", "y", "vx", "vy"], [own.x, own.y, vx, vy]),
            _ => row.put(["vx", "vy", "x", "y"], [vx, vy, own.x, own.y]),
        }
        self.ways("landmark", own, 0, self.landmarks, row);
        let (adversaries, good) = self.agents.split_at(self.num_adversaries);
        if is_spread {
            self.ways_to_others("agent", agent, 0, good, row);
            if self.model.params.observation == ObservationLayout::Mpe2 {
                row.put_list("agent", 0..self.agents.len() - 1, ["says0", "says1"], []);
            }
            return;
        }
        self.ways_to_others("adversary", agent, 0, adversaries, row);
        self.ways_to_others("good", agent, adversaries.len(), good, row);
        let num_others = good.len() - usize::from(agent >= self.num_adversaries);
        let others = (self.num_adversaries..self.agents.len()).filter(|other| *other != agent);
        row.put_list("good", 0..num_others, ["vx", "vy"], others.map(|other| self.velocities[other].0.to_array()));
    }

    /// The ways to those of `places` that are not its own; the first of them is that of agent `first`.
    #[inline(always)]
    fn ways_to_others(&self, name: &str, agent: usize, first: usize, places: &[Position], row: &mut Row<'_>) {
        let own = self.agents[agent].0;
        match agent.checked_sub(first).filter(|at| *at < places.len()) {
            Some(at) => {
                self.ways(name, own, 0, &places[..at], row);
                self.ways(name, own, at, &places[at + 1..], row);
            }
            None => self.ways(name, own, 0, places, row),
        }
    }

    /// The ways from `own` to each of `places`, of which the first has this number.
    #[inline(always)]
    fn ways(&self, name: &str, own: Vec2, number: usize, places: &[Position], row: &mut Row<'_>) {
        let ways = places.iter().map(|place| (place.0 - own).to_array());
        row.put_list(name, number..number + places.len(), ["dx", "dy"], ways);
    }
}
