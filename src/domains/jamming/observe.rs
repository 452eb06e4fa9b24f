//! What jammers see. The fields of each layout are declared beside the code that fills them.

use std::ops::Range;

use bevy_ecs::{
    query::With,
    system::{Local, Query, Res, ResMut, SystemParam},
};
use glam::Vec2;

use super::{
    components::{Assignment, Clusters, Enemy, JamBand, Jammer, Position, Swarm, Velocity},
    lookahead::{Lookahead, Outcome, STEPS, Surroundings},
    neighbours::{NEAREST_ENEMIES, NEAREST_JAMMERS, Nearest, live_midpoints, nearest_drones, nearest_mates},
    radio::BandBudget,
    scenario::{Band, JammingParams, ObservationLayout},
    systems::{Model, RadioGraphs, overlap},
};
use crate::sim::{Due, Field, Ports, column, field};

/// Live links that layout `local` shows.
const NEAREST_LINKS: usize = 8;

/// Ticks ahead of which layout `lookahead` shows what steps would do.
const HORIZONS: [u32; 2] = [1, 4];

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
            for ticks in HORIZONS {
                for i in 0..STEPS.len() {
                    // The outcome of standing still is shown as it is, those of the other steps as differences from it.
                    let low = if i == 0 { 0.0 } else { -1.0 };
                    fields.push(field(format!("step{i}_lambda2_{ticks}"), "λ₂/(λ₂ + 1)", low..=1.0));
                    fields.push(field(format!("step{i}_links_{ticks}"), "n/(n + 8)", low..=1.0));
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
    envs: Query<'w, 's, (&'static Swarm, &'static Clusters)>,
    drones: Query<'w, 's, &'static Position, With<Enemy>>,
    drone_velocities: Query<'w, 's, &'static Velocity, With<Enemy>>,
    team: Query<'w, 's, &'static Position, With<Jammer>>,
    team_velocities: Query<'w, 's, &'static Velocity, With<Jammer>>,
    bands: Query<'w, 's, &'static JamBand>,
    assignments: Query<'w, 's, &'static Assignment>,
}

/// Writes the observations of all envs.
pub(super) fn observe(scene: Scene, mut ports: ResMut<Ports>, mut scratch: Local<Scratch>) {
    scene.write(&mut ports, &mut scratch, |_| true);
}

/// Writes the observations of the envs that are due.
pub(super) fn observe_due(scene: Scene, due: Res<Due>, mut ports: ResMut<Ports>, mut scratch: Local<Scratch>) {
    scene.write(&mut ports, &mut scratch, |slot| due.0[slot]);
}

#[derive(Default)]
pub(super) struct Scratch {
    midpoints: Vec<Vec2>,
    distances2: Vec<f32>,
    lookahead: Lookahead,
}

impl Scene<'_, '_> {
    fn write(&self, ports: &mut Ports, scratch: &mut Scratch, is_due: impl Fn(usize) -> bool) {
        let port = &mut ports.groups[0];
        let (drones, drone_velocities) = (column(&self.drones), column(&self.drone_velocities));
        let (team, team_velocities) = (column(&self.team), column(&self.team_velocities));
        let (bands, assignments) = (column(&self.bands), column(&self.assignments));
        let rows = port.observations.chunks_exact_mut(port.agents * port.observation_width);
        for (slot, ((swarm, clusters), rows)) in self.envs.iter().zip(rows).enumerate().filter(|(s, _)| is_due(*s)) {
            let (d, j): (Range<usize>, Range<usize>) = (self.model.drones(slot), self.model.jammers(slot));
            let view = View {
                model: &self.model,
                budget: self.model.budgets.band(swarm.band),
                swarm,
                clusters,
                drones: &drones[d.clone()],
                drone_velocities: &drone_velocities[d],
                team: &team[j.clone()],
                velocities: &team_velocities[j.clone()],
                bands: &bands[j.clone()],
                assignments: &assignments[j],
            };
            match self.model.params.observation {
                ObservationLayout::Published5 => view.published5(rows),
                ObservationLayout::Seed5 => view.seed5(rows),
                ObservationLayout::Local => view.local(self.graphs.links(slot), scratch, rows, |_, _, _| {}),
                ObservationLayout::Lookahead => view.local(self.graphs.links(slot), scratch, rows, View::steps),
            }
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
}

impl View<'_> {
    fn published5(&self, rows: &mut [f32]) {
        let (side, others) = (self.model.arena_m, self.team.len() as f32 - 1.0);
        let overlap = overlap(self.team, self.budget.jam_range_m) as f32;
        for ((row, own), band) in rows.chunks_exact_mut(5).zip(self.team).zip(self.bands) {
            let distance = |c: &&super::components::Centroid| c.position.distance(own.0);
            let nearest = self.clusters.0.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
            let to_team: f32 = self.team.iter().map(|other| other.0.distance(own.0)).sum();
            row.copy_from_slice(&[
                nearest.map_or(1.0, |c| (distance(&c) / side).min(1.0)),
                nearest.map_or(0.0, |c| c.size as f32 / self.drones.len() as f32),
                if others > 0.0 { (to_team / others / side).min(1.0) } else { 0.5 },
                overlap,
                f32::from(u8::from(band.0 == self.swarm.band)),
            ]);
        }
    }

    fn seed5(&self, rows: &mut [f32]) {
        let (per_side, per_speed) =
            (1.0 / self.model.arena_m, 1.0 / self.model.jammer_speed_mps.max(f32::MIN_POSITIVE));
        let band = f32::from(self.swarm.band) / (Band::ALL.len() - 1) as f32;
        let agents = self.team.iter().zip(self.velocities).zip(self.assignments);
        for (row, ((own, velocity), assignment)) in rows.chunks_exact_mut(5).zip(agents) {
            let to_target = (assignment.target - own.0) * per_side;
            let v = velocity.0 * per_speed;
            row.copy_from_slice(&[to_target.x, to_target.y, v.x, v.y, band]);
        }
    }

    /// Layout `local`, and behind it what `more` adds to the row of an agent.
    fn local(
        &self,
        links: &[u64],
        scratch: &mut Scratch,
        rows: &mut [f32],
        more: impl Fn(&Self, (usize, &mut Lookahead), &mut Row<'_>),
    ) {
        live_midpoints(links, self.drones, &mut scratch.midpoints);
        let width = rows.len() / self.team.len();
        for (agent, row) in rows.chunks_exact_mut(width).enumerate() {
            let mut row = Row { numbers: row, at: 0 };
            self.itself(agent, &mut row);
            self.nearest_enemies(agent, links, &mut scratch.distances2, &mut row);
            self.nearest_jammers(agent, &mut scratch.distances2, &mut row);
            self.nearest_links(agent, &scratch.midpoints, &mut scratch.distances2, &mut row);
            more(self, (agent, &mut scratch.lookahead), &mut row);
        }
    }

    /// What layout `lookahead` adds: the outcomes of the nine steps.
    fn steps(&self, (agent, lookahead): (usize, &mut Lookahead), row: &mut Row<'_>) {
        let around = Surroundings {
            model: self.model,
            band: self.swarm.band,
            drones: self.drones,
            drone_velocities: self.drone_velocities,
            team: self.team,
            bands: self.bands,
        };
        for ticks in HORIZONS {
            let shown = |outcome: &Outcome| {
                let lambda2 = outcome.lambda2 as f32;
                Vec2::new(lambda2 / (lambda2 + 1.0), squash(outcome.links as u32))
            };
            let outcomes = lookahead.outcomes(around, agent, ticks);
            let standing = shown(&outcomes[0]);
            row.push(&standing.to_array());
            for outcome in &outcomes[1..] {
                row.push(&(shown(outcome) - standing).to_array());
            }
        }
    }

    fn itself(&self, agent: usize, row: &mut Row<'_>) {
        let place = self.team[agent].0 * (2.0 / self.model.arena_m) - Vec2::ONE;
        let v = self.velocities[agent].0 / SPEED_MPS;
        row.push(&[place.x, place.y, v.x, v.y, (self.budget.jam_range_m / LENGTH_M).min(1.0)]);
        for band in [self.bands[agent].0, self.swarm.band] {
            let mut one_hot = [0.0; Band::ALL.len()];
            one_hot[usize::from(band)] = 1.0;
            row.push(&one_hot);
        }
    }

    fn nearest_enemies(&self, agent: usize, links: &[u64], distances2: &mut Vec<f32>, row: &mut Row<'_>) {
        let words = self.drones.len().div_ceil(64);
        let (own, own_velocity) = (self.team[agent].0, self.velocities[agent].0);
        let nearest = nearest_drones(self.drones, own, distances2);
        for i in nearest.indices() {
            let by = (self.drones[i].0 - own) / LENGTH_M;
            let dv = (self.drone_velocities[i].0 - own_velocity) / SPEED_MPS;
            let degree = links[i * words..(i + 1) * words].iter().map(|word| word.count_ones()).sum();
            row.push(&[by.x, by.y, dv.x, dv.y, squash(degree), 1.0]);
        }
        row.skip(6 * (NEAREST_ENEMIES - nearest.len));
    }

    fn nearest_jammers(&self, agent: usize, distances2: &mut Vec<f32>, row: &mut Row<'_>) {
        let own = self.team[agent].0;
        let nearest = nearest_mates(self.team, agent, distances2);
        for i in nearest.indices() {
            let by = (self.team[i].0 - own) / LENGTH_M;
            row.push(&[by.x, by.y, f32::from(u8::from(self.bands[i].0 == self.swarm.band)), 1.0]);
        }
        row.skip(4 * (NEAREST_JAMMERS - nearest.len));
    }

    fn nearest_links(&self, agent: usize, midpoints: &[Vec2], distances2: &mut Vec<f32>, row: &mut Row<'_>) {
        let (own, range) = (self.team[agent].0, self.budget.jam_range_m);
        distances2.clear();
        distances2.extend(midpoints.iter().map(|midpoint| midpoint.distance_squared(own)));
        // `wrapping_add`, because a check for overflow at every link would keep the loop from being vectorised.
        let within = |range: f32| distances2.iter().fold(0_u32, |n, d2| n.wrapping_add((*d2 <= range * range).into()));
        let (within_one, within_two) = (within(range), within(2.0 * range));
        let nearest = Nearest::<NEAREST_LINKS>::among(distances2);
        for i in nearest.indices() {
            let by = midpoints[i] - own;
            let squashed = by / (by.length() + range);
            row.push(&[squashed.x, squashed.y, 1.0]);
        }
        row.skip(3 * (NEAREST_LINKS - nearest.len));
        row.push(&[squash(within_one), squash(within_two)]);
    }
}

/// A count as a number below 1.
pub(super) fn squash(count: u32) -> f32 {
    count as f32 / (count as f32 + HALF_COUNT)
}

/// Fills one observation from left to right; what is skipped is 0.
pub(super) struct Row<'a> {
    pub(super) numbers: &'a mut [f32],
    pub(super) at: usize,
}

impl Row<'_> {
    pub(super) fn push(&mut self, numbers: &[f32]) {
        self.numbers[self.at..self.at + numbers.len()].copy_from_slice(numbers);
        self.at += numbers.len();
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.numbers[self.at..self.at + count].fill(0.0);
        self.at += count;
    }
}
