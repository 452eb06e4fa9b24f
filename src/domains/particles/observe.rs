//! What agents see. The fields of each layout are declared beside the code that fills them.

use bevy_ecs::{
    query::{With, Without},
    system::{Query, Res, ResMut, SystemParam},
};
use glam::Vec2;

use super::{
    components::{Agent, Landmark, Position, Velocity},
    scenario::{ObservationLayout, ParticlesParams, Task},
    systems::{Body, DAMPING, DT_S, Model, STIFFNESS, bodies},
};
use crate::sim::{Due, Field, GroupPort, Ports, column, field};

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
    agents: Query<'w, 's, &'static Position, With<Agent>>,
    velocities: Query<'w, 's, &'static Velocity, With<Agent>>,
    landmarks: Query<'w, 's, &'static Position, (With<Landmark>, Without<Agent>)>,
}

/// Writes the observations of all envs.
pub(super) fn observe(scene: Scene, mut ports: ResMut<Ports>) {
    scene.write(&mut ports, |_| true);
}

/// Writes the observations of the envs that are due.
pub(super) fn observe_due(scene: Scene, due: Res<Due>, mut ports: ResMut<Ports>) {
    scene.write(&mut ports, |slot| due.0[slot]);
}

impl Scene<'_, '_> {
    /// The sizes of the shipped scenarios are compiled in: loops of a known length write an observation in two thirds of the time.
    fn write(&self, ports: &mut Ports, is_due: impl Fn(usize) -> bool) {
        match (self.model.num_agents(), self.model.num_landmarks) {
            (3, 3) => self.write_sized(3, 3, ports, is_due),
            (4, 2) => self.write_sized(4, 2, ports, is_due),
            (agents, landmarks) => self.write_sized(agents, landmarks, ports, is_due),
        }
    }

    #[inline(always)]
    fn write_sized(&self, num_agents: usize, num_landmarks: usize, ports: &mut Ports, is_due: impl Fn(usize) -> bool) {
        let (agents, velocities) = (column(&self.agents), column(&self.velocities));
        let landmarks = column(&self.landmarks);
        for (group, port) in ports.groups.iter_mut().enumerate() {
            let members = self.model.members(group);
            let GroupPort { observations, agents: each, observation_width: width, .. } = port;
            let teams = observations.chunks_exact_mut(*each * *width);
            for (slot, rows) in teams.enumerate().filter(|(slot, _)| is_due(*slot)) {
                let env = Env {
                    model: &self.model,
                    agents: &agents[slot * num_agents..][..num_agents],
                    velocities: &velocities[slot * num_agents..][..num_agents],
                    landmarks: &landmarks[slot * num_landmarks..][..num_landmarks],
                };
                for (agent, row) in members.clone().zip(rows.chunks_exact_mut(*width)) {
                    env.show(agent, row);
                }
            }
        }
    }
}

/// One env.
struct Env<'a> {
    model: &'a Model,
    agents: &'a [Position],
    velocities: &'a [Velocity],
    landmarks: &'a [Position],
}

impl Env<'_> {
    /// Writes what an agent sees.
    #[inline(always)]
    fn show(&self, agent: usize, row: &mut [f32]) {
        let (own, velocity) = (self.agents[agent].0, self.velocities[agent].0);
        let (pairs, _) = row.as_chunks_mut::<2>();
        let Some((itself, rest)) = pairs.split_first_chunk_mut::<2>() else { return };
        let is_spread = self.model.params.task == Task::Spread;
        *itself = match self.model.params.observation {
            ObservationLayout::Vmas if is_spread => [own.to_array(), velocity.to_array()],
            _ => [velocity.to_array(), own.to_array()],
        };
        let (to_landmarks, rest) = rest.split_at_mut(self.landmarks.len());
        ways(own, self.landmarks, to_landmarks);
        let (before, rest) = rest.split_at_mut(agent);
        ways(own, &self.agents[..agent], before);
        let after = &self.agents[agent + 1..];
        let (to_after, rest) = rest.split_at_mut(after.len());
        ways(own, after, to_after);
        if is_spread {
            rest.fill([0.0; 2]);
            return;
        }
        let good = self.model.members(1).filter(|other| *other != agent);
        for (to, other) in rest.iter_mut().zip(good) {
            *to = self.velocities[other].0.to_array();
        }
    }
}

/// Ways from `own` to each of `places`.
#[inline(always)]
fn ways(own: Vec2, places: &[Position], into: &mut [[f32; 2]]) {
    for (way, place) in into.iter_mut().zip(places) {
        *way = (place.0 - own).to_array();
    }
}
