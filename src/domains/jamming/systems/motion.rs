//! Jammers obey, the swarm responds and moves.

use bevy_ecs::{
    query::With,
    system::{Query, Res},
};
use glam::Vec2;

use super::Model;
use crate::{
    domains::jamming::{
        components::{Enemy, JamBand, Jammer, Position, Swarm, TurnRate, Velocity},
        scenario::{Band, Motion, Response},
    },
    sim::{Clock, Ports, Purpose, Seeds, Stream, column_mut},
};

const HOP: Purpose = Purpose::new("jamming.hop");
const MOTION: Purpose = Purpose::new("jamming.motion");

/// A swarm that has been jammed for long enough hops to another of its bands.
pub(in super::super) fn respond(model: Res<Model>, seeds: Res<Seeds>, mut swarms: Query<(&Clock, &mut Swarm)>) {
    if !matches!(model.params.response, Response::Hop | Response::HopAndSpread) {
        return;
    }
    for (clock, mut swarm) in &mut swarms {
        if (swarm.jammed_ticks as usize) < model.params.response_ticks {
            continue;
        }
        let current = Band::ALL[usize::from(swarm.band)];
        let others: Vec<Band> = model.params.enemy_bands.iter().copied().filter(|band| *band != current).collect();
        if let Some(next) = others.get(seeds.stream(HOP, clock.address()).below(others.len().max(1))) {
            swarm.band = Band::ALL.iter().position(|band| band == next).unwrap_or_default() as u8;
            swarm.jammed_ticks = 0;
        }
    }
}

/// Jammers fly as ordered, within their top speed per axis and the arena, and switch band at once.
pub(in super::super) fn take_orders(
    model: Res<Model>,
    ports: Res<Ports>,
    mut positions: Query<&mut Position, With<Jammer>>,
    mut velocities: Query<&mut Velocity, With<Jammer>>,
    mut bands: Query<&mut JamBand>,
) {
    let top = Vec2::splat(model.jammer_speed_mps);
    let arena = Vec2::splat(model.arena_m);
    let rows = column_mut(&mut positions).iter_mut().zip(column_mut(&mut velocities)).zip(column_mut(&mut bands));
    for (((position, velocity), band), action) in rows.zip(ports.groups[0].actions.chunks_exact(3)) {
        velocity.0 = finite(Vec2::new(action[0], action[1])).clamp(-top, top);
        position.0 = (position.0 + velocity.0 * model.dt_s).clamp(Vec2::ZERO, arena);
        band.0 = (action[2].max(0.0) as u8).min(Band::ALL.len() as u8 - 1);
    }
}

/// An order that is not a number is no order.
pub(in super::super) fn finite(order: Vec2) -> Vec2 {
    if order.is_finite() { order } else { Vec2::ZERO }
}

/// The swarm moves as its scenario says.
pub(in super::super) fn move_swarm(
    model: Res<Model>,
    seeds: Res<Seeds>,
    swarms: Query<(&Clock, &Swarm)>,
    mut positions: Query<&mut Position, With<Enemy>>,
    mut velocities: Query<&mut Velocity, With<Enemy>>,
    mut turns: Query<&mut TurnRate, With<Enemy>>,
) {
    let (positions, velocities) = (column_mut(&mut positions), column_mut(&mut velocities));
    let turns = column_mut(&mut turns);
    let spreads = matches!(model.params.response, Response::Spread | Response::HopAndSpread);
    for (slot, (clock, swarm)) in swarms.iter().enumerate() {
        let rows = model.drones(slot);
        let (positions, velocities) = (&mut positions[rows.clone()], &mut velocities[rows.clone()]);
        if spreads && swarm.jammed_ticks as usize >= model.params.response_ticks {
            spread(&model, positions, velocities);
            continue;
        }
        match model.params.motion {
            Motion::Static => {}
            Motion::RandomWalk => {
                random_walk(&model, &mut seeds.stream(MOTION, clock.address()), positions, velocities);
            }
            Motion::CoordinatedTurn => {
                let mut stream = seeds.stream(MOTION, clock.address());
                coordinated_turn(&model, &mut stream, positions, velocities, &mut turns[rows]);
            }
            Motion::Formation => keep_formation(&model, positions, velocities),
        }
    }
}

fn random_walk(model: &Model, stream: &mut Stream, positions: &mut [Position], velocities: &mut [Velocity]) {
    let noise = model.params.walk_noise_mps as f32;
    for (position, velocity) in positions.iter_mut().zip(velocities) {
        let v = velocity.0 + noise * Vec2::new(stream.normal(), stream.normal());
        velocity.0 = v * (model.enemy_speed_mps / v.length().max(1e-6));
        fly(model, position, velocity);
    }
}

/// Constant turn: the exact solution over dt, then noise on the rate. Positions wrap around.
fn coordinated_turn(
    model: &Model,
    stream: &mut Stream,
    positions: &mut [Position],
    velocities: &mut [Velocity],
    turns: &mut [TurnRate],
) {
    let (dt, max) = (model.dt_s, model.params.max_turn_radps as f32);
    for ((position, velocity), turn) in positions.iter_mut().zip(velocities).zip(turns) {
        let (w, v) = (turn.0, velocity.0);
        let (sin, cos) = libm::sincosf(w * dt);
        let step = if w.abs() < 1e-6 {
            v * dt
        } else {
            Vec2::new(sin * v.x - (1.0 - cos) * v.y, (1.0 - cos) * v.x + sin * v.y) / w
        };
        let moved = position.0 + step;
        position.0 = Vec2::new(wrap(moved.x, model.arena_m), wrap(moved.y, model.arena_m));
        velocity.0 = Vec2::new(cos * v.x - sin * v.y, sin * v.x + cos * v.y);
        turn.0 = (w + model.params.turn_noise_radps as f32 * stream.normal()).clamp(-max, max);
    }
}

/// All keep one velocity; when one drone would leave the arena, all turn back on that axis.
fn keep_formation(model: &Model, positions: &mut [Position], velocities: &mut [Velocity]) {
    let Some(velocity) = velocities.first().map(|v| v.0) else { return };
    let step = velocity * model.dt_s;
    let leaves =
        |axis: fn(Vec2) -> f32| positions.iter().any(|p| axis(p.0 + step) < 0.0 || axis(p.0 + step) > model.arena_m);
    let turned = Vec2::new(
        if leaves(|v| v.x) { -velocity.x } else { velocity.x },
        if leaves(|v| v.y) { -velocity.y } else { velocity.y },
    );
    for (position, velocity) in positions.iter_mut().zip(velocities) {
        velocity.0 = turned;
        fly(model, position, velocity);
    }
}

/// Drones fly away from their common centre at their speed.
fn spread(model: &Model, positions: &mut [Position], velocities: &mut [Velocity]) {
    let centre = positions.iter().map(|p| p.0).sum::<Vec2>() / positions.len() as f32;
    for (position, velocity) in positions.iter_mut().zip(velocities) {
        let away = position.0 - centre;
        if away.length() > 1e-6 {
            velocity.0 = away * (model.enemy_speed_mps / away.length());
        }
        fly(model, position, velocity);
    }
}

/// One step straight on, reflected at the border.
pub(in super::super) fn fly(model: &Model, position: &mut Position, velocity: &mut Velocity) {
    let moved = position.0 + velocity.0 * model.dt_s;
    let (x, vx) = reflect(moved.x, velocity.0.x, model.arena_m);
    let (y, vy) = reflect(moved.y, velocity.0.y, model.arena_m);
    (position.0, velocity.0) = (Vec2::new(x, y), Vec2::new(vx, vy));
}

fn reflect(x: f32, v: f32, size: f32) -> (f32, f32) {
    if x < 0.0 {
        ((-x).min(size), -v)
    } else if x > size {
        ((2.0 * size - x).max(0.0), -v)
    } else {
        (x, v)
    }
}

fn wrap(x: f32, size: f32) -> f32 {
    let wrapped = x - size * (x / size).floor();
    // Rounding can put a tiny negative x exactly on the far border.
    if wrapped >= size { 0.0 } else { wrapped }
}
