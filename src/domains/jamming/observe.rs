//! What jammers see. The fields of each layout are declared beside the code that fills them.

use bevy_ecs::{
    query::With,
    system::{Local, Query, Res, ResMut, SystemParam},
};
use glam::Vec2;

use super::{
    components::{Assignment, Centroid, Clusters, Enemy, JamBand, Jammer, Position, Swarm, Velocity},
    lookahead::{Lookahead, Outcome, STEPS, Surroundings},
    model::Model,
    neighbours::{NEAREST_ENEMIES, NEAREST_JAMMERS, Nearest, live_midpoints, nearest_drones, nearest_mates},
    radio::BandBudget,
    scenario::{Band, JammingParams, ObservationLayout},
    systems::{RadioGraphs, overlap},
};
use crate::sim::{Declared, Due, Field, Ports, column, field, kit::Row};

/// Live links that layout `local` shows.
const NEAREST_LINKS: usize = 8;

/// Ticks ahead of which layout `lookahead` shows what steps would do, and the names of that.
const HORIZONS: [(u32, [&str; 2]); 2] = [(1, ["lambda2_1", "links_1"]), (4, ["lambda2_4", "links_4"])];

/// Distances are shown in this unit and speeds in the next, whatever the arena, so that a policy can change arenas.
pub(super) const LENGTH_M: f32 = 100.0;
pub(super) const SPEED_MPS: f32 = 5.0;

/// Numbers of links are shown as n / (n + this).
const HALF_COUNT: f32 = 8.0;

/// Fields of one jammer's observation.
pub(super) fn fields(params: &JammingParams) -> Vec<Field> {
    match params.observation {
        ObservationLayout::Published5 => vec![
            field("centroid_distance", "arena sides", 0.0..=1.0),
            field("centroid_size", "swarms", 0.0..=1.0),
            field("team_distance", "arena sides", 0.0..=1.0),
            field("overlap", "", 0.0..=1.0),
            field("is_on_band", "", 0.0..=1.0),
        ],
        ObservationLayout::Seed5 => vec![
            field("target_dx", "arena sides", -1.0..=1.0),
            field("target_dy", "arena sides", -1.0..=1.0),
            field("vx", "top speeds", -1.0..=1.0),
            field("vy", "top speeds", -1.0..=1.0),
            field("enemy_band", "index / 3", 0.0..=1.0),
        ],
        ObservationLayout::Local => local_fields(params),
        ObservationLayout::Lookahead => {
            let mut fields = local_fields(params);
            for (_, [lambda2, links]) in HORIZONS {
                for i in 0..STEPS.len() {
                    // The outcome of standing still is shown as it is, those of the other steps as differences from it.
                    let low = if i == 0 { 0.0 } else { -1.0 };
                    fields.push(field(format!("step{i}_{lambda2}"), "λ₂/(λ₂ + 1)", low..=1.0));
                    fields.push(field(format!("step{i}_{links}"), "n/(n + 8)", low..=1.0));
                }
            }
            fields
        }
    }
}

/// Name of a layout; a policy trained on one refuses another.
pub(super) fn layout_name(layout: ObservationLayout) -> &'static str {
    match layout {
        ObservationLayout::Published5 => "jamming/published5",
        ObservationLayout::Seed5 => "jamming/seed5",
        ObservationLayout::Local => "jamming/local",
        ObservationLayout::Lookahead => "jamming/lookahead",
    }
}

fn local_fields(params: &JammingParams) -> Vec<Field> {
    let side = params.arena_m as f32 / LENGTH_M;
    let top = params.jammer_speed_mps as f32 / SPEED_MPS;
    let relative = top + params.enemy_speed_mps as f32 / SPEED_MPS;
    let mut fields = vec![
        field("x", "half arenas", -1.0..=1.0),
        field("y", "half arenas", -1.0..=1.0),
        field("vx", "5 m/s", -top..=top),
        field("vy", "5 m/s", -top..=top),
        field("jam_range", "100 m", 0.0..=1.0),
    ];
    for owner in ["own", "enemy"] {
        fields.extend(Band::ALL.iter().map(|band| field(format!("{owner}_band_is_{}", band.label()), "", 0.0..=1.0)));
    }
    for i in 0..NEAREST_ENEMIES {
        for (name, unit, most) in
            [("dx", "100 m", side), ("dy", "100 m", side), ("dvx", "5 m/s", relative), ("dvy", "5 m/s", relative)]
        {
            fields.push(field(format!("enemy{i}_{name}"), unit, -most..=most));
        }
        fields.push(field(format!("enemy{i}_links"), "n/(n + 8)", 0.0..=1.0));
        fields.push(field(format!("enemy{i}_exists"), "", 0.0..=1.0));
    }
    for i in 0..NEAREST_JAMMERS {
        fields.push(field(format!("jammer{i}_dx"), "100 m", -side..=side));
        fields.push(field(format!("jammer{i}_dy"), "100 m", -side..=side));
        fields.push(field(format!("jammer{i}_is_on_band"), "", 0.0..=1.0));
        fields.push(field(format!("jammer{i}_exists"), "", 0.0..=1.0));
    }
    for i in 0..NEAREST_LINKS {
        fields.push(field(format!("link{i}_dx"), "d/(d + jam range)", -1.0..=1.0));
        fields.push(field(format!("link{i}_dy"), "d/(d + jam range)", -1.0..=1.0));
        fields.push(field(format!("link{i}_exists"), "", 0.0..=1.0));
    }
    fields.push(field("links_within_jam_range", "n/(n + 8)", 0.0..=1.0));
    fields.push(field("links_within_two_jam_ranges", "n/(n + 8)", 0.0..=1.0));
    fields
}

/// The tables that observations are made of.
#[derive(SystemParam)]
pub(super) struct Scene<'w, 's> {
    model: Res<'w, Model>,
    graphs: Res<'w, RadioGraphs>,
    declared: Res<'w, Declared>,
    due: Res<'w, Due>,
    envs: Query<'w, 's, (&'static Swarm, &'static Clusters)>,
    drones: Query<'w, 's, &'static Position, With<Enemy>>,
    drone_velocities: Query<'w, 's, &'static Velocity, With<Enemy>>,
    team: Query<'w, 's, &'static Position, With<Jammer>>,
    team_velocities: Query<'w, 's, &'static Velocity, With<Jammer>>,
    bands: Query<'w, 's, &'static JamBand>,
    assignments: Query<'w, 's, &'static Assignment>,
}

#[derive(Default)]
pub(super) struct Scratch {
    midpoints: Vec<Vec2>,
    distances2: Vec<f32>,
    lookahead: Lookahead,
}

/// Writes the observations of the envs that are due.
pub(super) fn observe(scene: Scene, mut ports: ResMut<Ports>, mut scratch: Local<Scratch>) {
    let (port, fields) = (&mut ports.groups[0], &scene.declared.0.groups[0].observation[..]);
    let (drones, drone_velocities) = (column(&scene.drones), column(&scene.drone_velocities));
    let (team, team_velocities) = (column(&scene.team), column(&scene.team_velocities));
    let (bands, assignments) = (column(&scene.bands), column(&scene.assignments));
    let rows = port.observations.chunks_exact_mut(port.agents * port.observation_width);
    let envs = scene.envs.iter().zip(rows).enumerate().filter(|(slot, _)| scene.due.0[*slot]);
    for (slot, ((swarm, clusters), rows)) in envs {
        let (d, j) = (scene.model.drones(slot), scene.model.jammers(slot));
        let view = View {
            model: &scene.model,
            budget: scene.model.budgets.band(swarm.band),
            swarm,
            clusters,
            drones: &drones[d.clone()],
            drone_velocities: &drone_velocities[d],
            team: &team[j.clone()],
            velocities: &team_velocities[j.clone()],
            bands: &bands[j.clone()],
            assignments: &assignments[j],
            links: scene.graphs.links(slot),
        };
        match scene.model.params.observation {
            ObservationLayout::Published5 => view.published5(fields, rows),
            ObservationLayout::Seed5 => Row::each(rows, fields, |agent, row| view.seed5(agent, row)),
            ObservationLayout::Local | ObservationLayout::Lookahead => view.local(fields, rows, &mut scratch),
        }
    }
}

/// One env.
struct View<'a> {
    model: &'a Model,
    budget: &'a BandBudget,
    swarm: &'a Swarm,
    clusters: &'a Clusters,
    drones: &'a [Position],
    drone_velocities: &'a [Velocity],
    team: &'a [Position],
    velocities: &'a [Velocity],
    bands: &'a [JamBand],
    assignments: &'a [Assignment],
    /// Live links as bit rows, `[drones, words]`.
    links: &'a [u64],
}

impl View<'_> {
    fn published5(&self, fields: &[Field], rows: &mut [f32]) {
        let (side, others) = (self.model.arena_m, self.team.len() as f32 - 1.0);
        let overlap = overlap(self.team, self.budget.jam_range_m) as f32;
        Row::each(rows, fields, |agent, row| {
            let own = self.team[agent].0;
            let distance = |c: &&Centroid| c.position.distance(own);
            let nearest = self.clusters.0.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
            let to_team: f32 = self.team.iter().map(|other| other.0.distance(own)).sum();
            row.put(
                ["centroid_distance", "centroid_size", "team_distance"],
                [
                    nearest.map_or(1.0, |c| (distance(&c) / side).min(1.0)),
                    nearest.map_or(0.0, |c| c.size as f32 / self.drones.len() as f32),
                    if others > 0.0 { (to_team / others / side).min(1.0) } else { 0.5 },
                ],
            );
            row.put(["overlap", "is_on_band"], [overlap, flag(self.bands[agent].0 == self.swarm.band)]);
        });
    }

    fn seed5(&self, agent: usize, row: &mut Row<'_>) {
        let (per_side, per_speed) =
            (1.0 / self.model.arena_m, 1.0 / self.model.jammer_speed_mps.max(f32::MIN_POSITIVE));
        let to_target = (self.assignments[agent].target - self.team[agent].0) * per_side;
        let v = self.velocities[agent].0 * per_speed;
        let band = f32::from(self.swarm.band) / (Band::ALL.len() - 1) as f32;
        row.put(["target_dx", "target_dy", "vx", "vy", "enemy_band"], [to_target.x, to_target.y, v.x, v.y, band]);
    }

    /// Layout `local`, and what layout `lookahead` adds to it.
    fn local(&self, fields: &[Field], rows: &mut [f32], scratch: &mut Scratch) {
        live_midpoints(self.links, self.drones, &mut scratch.midpoints);
        Row::each(rows, fields, |agent, row| {
            self.itself(agent, row);
            self.nearest_enemies(agent, &mut scratch.distances2, row);
            self.nearest_jammers(agent, &mut scratch.distances2, row);
            self.nearest_links(agent, &scratch.midpoints, &mut scratch.distances2, row);
            if self.model.params.observation == ObservationLayout::Lookahead {
                self.steps(agent, &mut scratch.lookahead, row);
            }
        });
    }

    /// What layout `lookahead` adds: the outcomes of the nine steps.
    fn steps(&self, agent: usize, lookahead: &mut Lookahead, row: &mut Row<'_>) {
        let around = Surroundings {
            model: self.model,
            band: self.swarm.band,
            drones: self.drones,
            drone_velocities: self.drone_velocities,
            team: self.team,
            bands: self.bands,
        };
        for (ticks, names) in HORIZONS {
            let shown = |outcome: &Outcome| {
                let lambda2 = outcome.lambda2 as f32;
                Vec2::new(lambda2 / (lambda2 + 1.0), squash(outcome.links as u32))
            };
            let outcomes = lookahead.outcomes(around, agent, ticks);
            let standing = shown(&outcomes[0]);
            let others = outcomes[1..].iter().map(|outcome| shown(outcome) - standing);
            let all = std::iter::once(standing).chain(others).map(|step| step.to_array());
            row.put_list("step", 0..STEPS.len(), names, all);
        }
    }

    fn itself(&self, agent: usize, row: &mut Row<'_>) {
        let place = self.team[agent].0 * (2.0 / self.model.arena_m) - Vec2::ONE;
        let v = self.velocities[agent].0 / SPEED_MPS;
        let range = (self.budget.jam_range_m / LENGTH_M).min(1.0);
        row.put(["x", "y", "vx", "vy", "jam_range"], [place.x, place.y, v.x, v.y, range]);
        row.put_all("own_band_is_", one_hot(self.bands[agent].0));
        row.put_all("enemy_band_is_", one_hot(self.swarm.band));
    }

    fn nearest_enemies(&self, agent: usize, distances2: &mut Vec<f32>, row: &mut Row<'_>) {
        let (own, own_velocity) = (self.team[agent].0, self.velocities[agent].0);
        let nearest = nearest_drones(self.drones, own, distances2);
        let enemies = nearest.indices().map(|i| {
            let by = (self.drones[i].0 - own) / LENGTH_M;
            let dv = (self.drone_velocities[i].0 - own_velocity) / SPEED_MPS;
            [by.x, by.y, dv.x, dv.y, squash(degree(self.links, self.drones.len(), i)), 1.0]
        });
        row.put_list("enemy", 0..NEAREST_ENEMIES, DRONE, enemies);
    }

    fn nearest_jammers(&self, agent: usize, distances2: &mut Vec<f32>, row: &mut Row<'_>) {
        let own = self.team[agent].0;
        let nearest = nearest_mates(self.team, agent, distances2);
        let mates = nearest.indices().map(|i| {
            let by = (self.team[i].0 - own) / LENGTH_M;
            [by.x, by.y, flag(self.bands[i].0 == self.swarm.band), 1.0]
        });
        row.put_list("jammer", 0..NEAREST_JAMMERS, ["dx", "dy", "is_on_band", "exists"], mates);
    }

    fn nearest_links(&self, agent: usize, midpoints: &[Vec2], distances2: &mut Vec<f32>, row: &mut Row<'_>) {
        let (own, range) = (self.team[agent].0, self.budget.jam_range_m);
        distances2.clear();
        distances2.extend(midpoints.iter().map(|midpoint| midpoint.distance_squared(own)));
        // `wrapping_add`, because a check for overflow at every link would keep the loop from being vectorised.
        let within = |range: f32| distances2.iter().fold(0_u32, |n, d2| n.wrapping_add((*d2 <= range * range).into()));
        let (within_one, within_two) = (within(range), within(2.0 * range));
        let nearest = Nearest::<NEAREST_LINKS>::among(distances2);
        let links = nearest.indices().map(|i| {
            let by = midpoints[i] - own;
            let squashed = by / (by.length() + range);
            [squashed.x, squashed.y, 1.0]
        });
        row.put_list("link", 0..NEAREST_LINKS, ["dx", "dy", "exists"], links);
        let within = [squash(within_one), squash(within_two)];
        row.put(["links_within_jam_range", "links_within_two_jam_ranges"], within);
    }
}

/// What is shown of a drone.
pub(super) const DRONE: [&str; 6] = ["dx", "dy", "dvx", "dvy", "links", "exists"];

/// How many live links a drone has, of a swarm of this size.
pub(super) fn degree(links: &[u64], num_drones: usize, drone: usize) -> u32 {
    let words = num_drones.div_ceil(64);
    links[drone * words..(drone + 1) * words].iter().map(|word| word.count_ones()).sum()
}

/// 1 for this band, 0 for others.
pub(super) fn one_hot(band: u8) -> [f32; Band::ALL.len()] {
    std::array::from_fn(|other| flag(other == usize::from(band)))
}

pub(super) fn flag(is_so: bool) -> f32 {
    f32::from(u8::from(is_so))
}

/// A count as a number below 1.
pub(super) fn squash(count: u32) -> f32 {
    count as f32 / (count as f32 + HALF_COUNT)
}
