//! Drones obey: the swarm hops, then it moves.

use bevy_ecs::{
    query::With,
    resource::Resource,
    system::{Query, Res, ResMut},
};
use glam::Vec2;

use super::INDEX;
use crate::{
    domains::jamming::{
        components::{Enemy, Position, Swarm, Velocity},
        model::Model,
        scenario::Band,
        systems::{finite, fly},
    },
    sim::{Ports, column_mut},
};

/// Whether the swarm of each env has hopped in this tick.
#[derive(Resource)]
pub(super) struct Hops(pub(super) Vec<bool>);

/// A swarm hops to the band that more than half of its drones vote for.
pub(super) fn hop(model: Res<Model>, ports: Res<Ports>, mut hops: ResMut<Hops>, mut swarms: Query<&mut Swarm>) {
    let actions = ports.groups[INDEX].actions.chunks_exact(3 * model.num_enemies);
    for ((mut swarm, has_hopped), actions) in swarms.iter_mut().zip(&mut hops.0).zip(actions) {
        let mut votes = [0; Band::ALL.len()];
        for action in actions.chunks_exact(3) {
            votes[(action[2].max(0.0) as usize).min(Band::ALL.len() - 1)] += 1;
        }
        let winner = votes.iter().position(|votes| 2 * votes > model.num_enemies);
        let is_ours = |band: &usize| model.params.enemy_bands.contains(&Band::ALL[*band]);
        let next = winner.filter(is_ours).filter(|band| *band != usize::from(swarm.band));
        *has_hopped = next.is_some();
        if let Some(band) = next {
            swarm.band = band as u8;
            swarm.jammed_ticks = 0;
        }
    }
}

/// Drones fly as ordered, within their top speed per axis, and are reflected at the border.
pub(super) fn move_drones(
    model: Res<Model>,
    ports: Res<Ports>,
    mut positions: Query<&mut Position, With<Enemy>>,
    mut velocities: Query<&mut Velocity, With<Enemy>>,
) {
    let top = Vec2::splat(model.enemy_speed_mps);
    let rows = column_mut(&mut positions).iter_mut().zip(column_mut(&mut velocities));
    for ((position, velocity), action) in rows.zip(ports.groups[INDEX].actions.chunks_exact(3)) {
        velocity.0 = finite(Vec2::new(action[0], action[1])).clamp(-top, top);
        fly(&model, position, velocity);
    }
}
