//! Who lives in an env, and where they are when an episode begins.

use bevy_app::App;
use bevy_ecs::{
    query::With,
    system::{Local, Query, Res, ResMut},
};
use glam::Vec2;

use super::{
    components::{Assignment, Clusters, Enemy, JamBand, Jammer, Position, Swarm, TurnRate, Velocity},
    model::Model,
    scenario::{Band, JammerStart, Motion, Placement},
    systems::{RadioGraphs, Sensing},
};
use crate::sim::{Address, Clock, DeclareState, Due, Purpose, Seeds, Stream, column, column_mut, kit::Populate};

const BAND: Purpose = Purpose::new("jamming.band");
const SWARM: Purpose = Purpose::new("jamming.swarm_placement");
const JAMMERS: Purpose = Purpose::new("jamming.jammer_placement");

/// Placements tried before the best is kept.
const ATTEMPTS: usize = 100;

/// Jammers that start at a centroid are at most this far from it per axis, in m.
const START_SCATTER_M: f32 = 10.0;

/// Spawns the drones and jammers of the envs and declares which of their components are state.
pub(super) fn spawn(app: &mut App, num_enemies: usize, num_jammers: usize) {
    app.declare_state::<Swarm>("swarm")
        .declare_state::<Clusters>("clusters")
        .declare_state::<Position>("position")
        .declare_state::<Velocity>("velocity")
        .declare_state::<TurnRate>("turn_rate")
        .declare_state::<JamBand>("jam_band")
        .declare_state::<Assignment>("assignment");
    app.give_envs((Swarm::default(), Clusters::default()))
        .spawn_each(num_enemies, (Enemy, Position::default(), Velocity::default(), TurnRate::default()))
        .spawn_each(
            num_jammers,
            (Jammer, Position::default(), Velocity::default(), JamBand::default(), Assignment::default()),
        );
}

/// Draws the swarm's band and placement for the envs that begin an episode.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(super) fn place_swarm(
    model: Res<Model>,
    seeds: Res<Seeds>,
    due: Res<Due>,
    mut graphs: ResMut<RadioGraphs>,
    mut envs: Query<(&Clock, &mut Swarm)>,
    mut positions: Query<&mut Position, With<Enemy>>,
    mut velocities: Query<&mut Velocity, With<Enemy>>,
    mut turns: Query<&mut TurnRate, With<Enemy>>,
    mut best: Local<Vec<Position>>,
) {
    let (positions, velocities) = (column_mut(&mut positions), column_mut(&mut velocities));
    let turns = column_mut(&mut turns);
    for (slot, (clock, mut swarm)) in envs.iter_mut().enumerate().filter(|(slot, _)| due.0[*slot]) {
        let rows = model.drones(slot);
        let address = Address { tick: 0, ..clock.address() };
        let bands = &model.params.enemy_bands;
        let band = bands[seeds.stream(BAND, address).below(bands.len())];
        let band = Band::ALL.iter().position(|b| *b == band).expect("ALL lists every band") as u8;

        let mut stream = seeds.stream(SWARM, address);
        let drones = &mut positions[rows.clone()];
        let mut lambda2_start = -1.0;
        for _ in 0..ATTEMPTS {
            place(&model, &mut stream, drones);
            let lambda2 = graphs.unjammed_lambda2(&model, band, drones);
            if lambda2 > lambda2_start {
                lambda2_start = lambda2;
                best.clear();
                best.extend_from_slice(drones);
            }
            if lambda2 >= model.params.min_start_lambda2 {
                break;
            }
        }
        drones.copy_from_slice(&best);
        if !model.enemies_at.is_empty() {
            // Places were drawn all the same, so that everything else is drawn as it would be without given places.
            put(&model.enemies_at, drones);
            lambda2_start = graphs.unjammed_lambda2(&model, band, drones);
        }
        head(&model, &mut stream, &mut velocities[rows.clone()], &mut turns[rows]);
        *swarm = Swarm { band, first_band: band, lambda2_start, jammed_ticks: 0, fragmented_at: None };
    }
}

/// Places and tunes the jammers of the envs that begin an episode. The swarm has been clustered by now.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(super) fn place_jammers(
    model: Res<Model>,
    seeds: Res<Seeds>,
    due: Res<Due>,
    clocks: Query<&Clock>,
    mut positions: Query<&mut Position, With<Jammer>>,
    mut velocities: Query<&mut Velocity, With<Jammer>>,
    mut bands: Query<&mut JamBand>,
    assignments: Query<&Assignment>,
) {
    let (positions, velocities) = (column_mut(&mut positions), column_mut(&mut velocities));
    let (bands, assignments) = (column_mut(&mut bands), column(&assignments));
    for (slot, clock) in clocks.iter().enumerate().filter(|(slot, _)| due.0[*slot]) {
        let mut stream = seeds.stream(JAMMERS, Address { tick: 0, ..clock.address() });
        for row in model.jammers(slot) {
            positions[row].0 = match model.params.jammer_start {
                JammerStart::Uniform => anywhere(&mut stream, model.arena_m),
                JammerStart::Centroid => {
                    let mut scatter = || stream.uniform(-START_SCATTER_M, START_SCATTER_M);
                    let offset = Vec2::new(scatter(), scatter());
                    (assignments[row].target + offset).clamp(Vec2::ZERO, Vec2::splat(model.arena_m))
                }
            };
            velocities[row].0 = Vec2::ZERO;
            bands[row].0 = stream.below(Band::ALL.len()) as u8;
        }
        put(&model.jammers_at, &mut positions[model.jammers(slot)]);
    }
}

/// Puts the agents of an env where their scenario says, if it does.
fn put(places: &[Vec2], agents: &mut [Position]) {
    for (agent, place) in agents.iter_mut().zip(places) {
        agent.0 = *place;
    }
}

/// Uniform in the inner 80 % of the arena's sides.
fn anywhere(stream: &mut Stream, arena_m: f32) -> Vec2 {
    let mut inner = || stream.uniform(0.1 * arena_m, 0.9 * arena_m);
    Vec2::new(inner(), inner())
}

fn place(model: &Model, stream: &mut Stream, drones: &mut [Position]) {
    match model.params.placement {
        Placement::Uniform => drones.iter_mut().for_each(|drone| drone.0 = anywhere(stream, model.arena_m)),
        Placement::Clustered => place_clustered(model, stream, drones),
        Placement::Grid | Placement::Line | Placement::Circle | Placement::Vee => {
            place_formation(model, stream, drones);
        }
    }
}

/// Discs around centres that keep two radii from the border where the arena allows it.
fn place_clustered(model: &Model, stream: &mut Stream, drones: &mut [Position]) {
    let radius = model.params.cluster_radius_m as f32;
    let margin = (2.0 * radius).min(0.5 * model.arena_m);
    let centres: Vec<Vec2> = (0..model.params.num_clusters)
        .map(|_| {
            let mut inner = || stream.uniform(margin, model.arena_m - margin);
            Vec2::new(inner(), inner())
        })
        .collect();
    for (i, drone) in drones.iter_mut().enumerate() {
        let direction = direction(stream);
        let offset = direction * stream.uniform(0.0, radius);
        drone.0 = (centres[i % centres.len()] + offset).clamp(Vec2::ZERO, Vec2::splat(model.arena_m));
    }
}

/// A formation around a random centre, shrunk to the inner 80 % of the arena, with 5 % of its spacing as noise.
fn place_formation(model: &Model, stream: &mut Stream, drones: &mut [Position]) {
    let n = drones.len();
    for (i, drone) in drones.iter_mut().enumerate() {
        drone.0 = formation_offset(model.params.placement, i, n);
    }
    let low = drones.iter().fold(Vec2::INFINITY, |low, drone| low.min(drone.0));
    let high = drones.iter().fold(Vec2::NEG_INFINITY, |high, drone| high.max(drone.0));
    let room = 0.8 * model.arena_m;
    let spacing = (model.params.spacing_m as f32).min(room / (high - low).max_element().max(1.0));
    let half = 0.5 * spacing * (high - low);
    let centre = Vec2::new(
        stream.uniform(0.1 * model.arena_m + half.x, 0.9 * model.arena_m - half.x),
        stream.uniform(0.1 * model.arena_m + half.y, 0.9 * model.arena_m - half.y),
    );
    let middle = 0.5 * (low + high);
    for drone in drones {
        let noise = 0.05 * spacing * Vec2::new(stream.normal(), stream.normal());
        let place = centre + spacing * (drone.0 - middle) + noise;
        drone.0 = place.clamp(Vec2::ZERO, Vec2::splat(model.arena_m));
    }
}

/// Place of drone `i` of `n` in a formation whose neighbours are one apart.
fn formation_offset(placement: Placement, i: usize, n: usize) -> Vec2 {
    match placement {
        Placement::Line => Vec2::new(i as f32, 0.0),
        Placement::Circle => {
            let step = std::f32::consts::TAU / n as f32;
            let (sin, cos) = libm::sincosf(i as f32 * step);
            // Neighbours on a circle of radius r are 2 r sin(π/n) apart.
            Vec2::new(cos, sin) / (2.0 * libm::sinf(0.5 * step)).max(1e-3)
        }
        Placement::Vee => {
            let arm = i.div_ceil(2) as f32;
            Vec2::new(if i.is_multiple_of(2) { arm } else { -arm }, -arm) * std::f32::consts::FRAC_1_SQRT_2
        }
        Placement::Grid | Placement::Uniform | Placement::Clustered => {
            let side = (1..).find(|side| side * side >= n).expect("some square is large enough");
            Vec2::new((i % side) as f32, (i / side) as f32)
        }
    }
}

/// Initial headings and turn rates.
fn head(model: &Model, stream: &mut Stream, velocities: &mut [Velocity], turns: &mut [TurnRate]) {
    let half_turn = 0.5 * model.params.max_turn_radps as f32;
    let common = direction(stream);
    for (velocity, turn) in velocities.iter_mut().zip(turns) {
        let heading = match model.params.motion {
            Motion::Formation => common,
            Motion::Static => Vec2::ZERO,
            Motion::RandomWalk | Motion::CoordinatedTurn => direction(stream),
        };
        velocity.0 = heading * model.enemy_speed_mps;
        turn.0 = stream.uniform(-half_turn, half_turn);
    }
}

/// A unit vector in a uniform direction.
fn direction(stream: &mut Stream) -> Vec2 {
    let (sin, cos) = libm::sincosf(stream.uniform(0.0, std::f32::consts::TAU));
    Vec2::new(cos, sin)
}

/// Clusters the swarms of the envs that begin an episode and assigns their jammers.
pub(super) fn cluster_anew(
    model: Res<Model>,
    due: Res<Due>,
    mut sensing: ResMut<Sensing>,
    positions: Query<&Position, With<Enemy>>,
    mut clusters: Query<&mut Clusters>,
    mut assignments: Query<&mut Assignment>,
) {
    let (positions, assignments) = (column(&positions), column_mut(&mut assignments));
    for (slot, mut clusters) in clusters.iter_mut().enumerate().filter(|(slot, _)| due.0[*slot]) {
        sensing.cluster(&model, &positions[model.drones(slot)], &mut clusters.0);
        sensing.assign(&clusters.0, &mut assignments[model.jammers(slot)]);
    }
}
