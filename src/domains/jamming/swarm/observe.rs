//! What a drone's own radio tells it: who it has a link to, what these say of themselves, and how loud each band is.

use bevy_ecs::{
    query::With,
    system::{Query, Res, ResMut, SystemParam},
};
use glam::Vec2;

use super::INDEX;
use crate::{
    domains::jamming::{
        components::{Enemy, JamBand, Jammer, Position, Swarm, Velocity},
        model::Model,
        neighbours::{NEAREST_ENEMIES, nearest_linked},
        observe::{DRONE, LENGTH_M, SPEED_MPS, degree, flag, one_hot, squash},
        radio::watt_to_dbm,
        scenario::{Band, JammingParams},
        systems::RadioGraphs,
    },
    sim::{Declared, Due, Field, Ports, column, field, kit::Row},
};

/// Power that is shown as 0, and what is shown as 1 lies above it, in dBm.
const QUIET_DBM: f32 = -80.0;
const POWER_RANGE_DB: f32 = 100.0;

/// Fields of one drone's observation.
pub(super) fn fields(params: &JammingParams) -> Vec<Field> {
    let side = params.arena_m as f32 / LENGTH_M;
    let top = params.enemy_speed_mps as f32 / SPEED_MPS;
    let mut fields = vec![
        field("x", "half arenas", -1.0..=1.0),
        field("y", "half arenas", -1.0..=1.0),
        field("vx", "5 m/s", -top..=top),
        field("vy", "5 m/s", -top..=top),
    ];
    fields.extend(Band::ALL.iter().map(|band| field(format!("band_is_{}", band.label()), "", 0.0..=1.0)));
    fields
        .extend(Band::ALL.iter().map(|band| field(format!("power_at_{}", band.label()), "(dBm + 80)/100", 0.0..=1.0)));
    fields.push(field("links", "n/(n + 8)", 0.0..=1.0));
    fields.push(field("is_alone", "", 0.0..=1.0));
    for i in 0..NEAREST_ENEMIES {
        for (name, unit, most) in
            [("dx", "100 m", side), ("dy", "100 m", side), ("dvx", "5 m/s", 2.0 * top), ("dvy", "5 m/s", 2.0 * top)]
        {
            fields.push(field(format!("drone{i}_{name}"), unit, -most..=most));
        }
        fields.push(field(format!("drone{i}_links"), "n/(n + 8)", 0.0..=1.0));
        fields.push(field(format!("drone{i}_exists"), "", 0.0..=1.0));
    }
    fields
}

/// The tables that drones see something of.
#[derive(SystemParam)]
pub(super) struct Scene<'w, 's> {
    model: Res<'w, Model>,
    graphs: Res<'w, RadioGraphs>,
    declared: Res<'w, Declared>,
    due: Res<'w, Due>,
    swarms: Query<'w, 's, &'static Swarm>,
    drones: Query<'w, 's, &'static Position, With<Enemy>>,
    velocities: Query<'w, 's, &'static Velocity, With<Enemy>>,
    team: Query<'w, 's, &'static Position, With<Jammer>>,
    bands: Query<'w, 's, &'static JamBand>,
}

/// Writes the observations of the envs that are due.
pub(super) fn observe(scene: Scene, mut ports: ResMut<Ports>) {
    let (port, fields) = (&mut ports.groups[INDEX], &scene.declared.0.groups[INDEX].observation);
    let (drones, velocities) = (column(&scene.drones), column(&scene.velocities));
    let (team, bands) = (column(&scene.team), column(&scene.bands));
    let rows = port.observations.chunks_exact_mut(port.agents * port.observation_width);
    for (slot, (swarm, rows)) in scene.swarms.iter().zip(rows).enumerate().filter(|(slot, _)| scene.due.0[*slot]) {
        let (d, j) = (scene.model.drones(slot), scene.model.jammers(slot));
        let view = View {
            model: &scene.model,
            swarm,
            drones: &drones[d.clone()],
            velocities: &velocities[d],
            links: scene.graphs.links(slot),
            team: &team[j.clone()],
            bands: &bands[j],
        };
        Row::each(rows, fields, |own, row| view.write(own, row));
    }
    if !port.masks.is_empty() {
        let is_ours: [bool; Band::ALL.len()] =
            std::array::from_fn(|band| scene.model.params.enemy_bands.contains(&Band::ALL[band]));
        port.masks.chunks_exact_mut(Band::ALL.len()).for_each(|mask| mask.copy_from_slice(&is_ours));
    }
}

/// One env.
struct View<'a> {
    model: &'a Model,
    swarm: &'a Swarm,
    drones: &'a [Position],
    velocities: &'a [Velocity],
    /// Live links as bit rows, `[drones, words]`.
    links: &'a [u64],
    team: &'a [Position],
    bands: &'a [JamBand],
}

impl View<'_> {
    fn write(&self, own: usize, row: &mut Row<'_>) {
        let (place, velocity) = (self.drones[own].0, self.velocities[own].0);
        let shown = place * (2.0 / self.model.arena_m) - Vec2::ONE;
        row.put(["x", "y", "vx", "vy"], [shown.x, shown.y, velocity.x / SPEED_MPS, velocity.y / SPEED_MPS]);
        row.put_all("band_is_", one_hot(self.swarm.band));
        row.put_all("power_at_", self.power(place));
        let degree = |drone: usize| degree(self.links, self.drones.len(), drone);
        row.put(["links", "is_alone"], [squash(degree(own)), flag(degree(own) == 0)]);
        let nearest = nearest_linked(self.drones, own, self.links);
        let heard = nearest.indices().map(|i| {
            let by = (self.drones[i].0 - place) / LENGTH_M;
            let dv = (self.velocities[i].0 - velocity) / SPEED_MPS;
            [by.x, by.y, dv.x, dv.y, squash(degree(i)), 1.0]
        });
        row.put_list("drone", 0..NEAREST_ENEMIES, DRONE, heard);
    }

    /// Jamming power at `place`, band by band.
    fn power(&self, place: Vec2) -> [f32; Band::ALL.len()] {
        let mut watts = [0.0_f32; Band::ALL.len()];
        for (jammer, band) in self.team.iter().zip(self.bands) {
            // Nearer than a metre the law of distances does not hold.
            let distance2 = jammer.0.distance_squared(place).max(1.0);
            watts[usize::from(band.0)] += self.model.budgets.band(band.0).jam_watt_at_1m / distance2;
        }
        watts.map(|watt| {
            let dbm = watt_to_dbm(f64::from(watt).max(1e-30)) as f32;
            ((dbm - QUIET_DBM) / POWER_RANGE_DB).clamp(0.0, 1.0)
        })
    }
}
