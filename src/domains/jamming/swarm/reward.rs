//! What drones are paid for.

use bevy_ecs::{
    query::With,
    system::{Query, Res, ResMut},
};

use super::{INDEX, orders::Hops};
use crate::{
    domains::jamming::{
        components::{Enemy, Position},
        model::Model,
        systems::Measures,
    },
    sim::{Ports, column, kit::declare_terms},
};

declare_terms! {
    /// What drones are paid for.
    pub(super) struct Terms {
        lambda2: "lambda-2 against its reference, 0 to 1";
        formation: "minus the deviation from the spacing to the nearest other drone, in spacings";
        hop: "minus the hops to another band";
    }
}

/// Pays every drone.
pub(super) fn pay(
    model: Res<Model>,
    measures: Res<Measures>,
    hops: Res<Hops>,
    mut ports: ResMut<Ports>,
    drones: Query<&Position, With<Enemy>>,
) {
    let (drones, params) = (column(&drones), &model.params);
    let per_spacing = 1.0 / params.spacing_m as f32;
    let (all_terms, _) = ports.groups[INDEX].terms.as_chunks_mut();
    for (slot, terms) in all_terms.chunks_exact_mut(model.num_enemies).enumerate() {
        let connectivity = params.w_swarm_lambda2 * (1.0 - measures.0[slot].reduction);
        let hop = params.w_swarm_hop * f64::from(u8::from(hops.0[slot]));
        let drones = &drones[model.drones(slot)];
        for (own, paid) in terms.iter_mut().enumerate() {
            let others = drones.iter().enumerate().filter(|(other, _)| *other != own);
            let nearest2 = others.map(|(_, other)| other.0.distance_squared(drones[own].0)).fold(f32::MAX, f32::min);
            let deviation = (nearest2.sqrt() * per_spacing - 1.0).abs().min(1.0);
            let formation = -params.w_swarm_formation as f32 * deviation;
            *paid = Terms { lambda2: connectivity as f32, formation, hop: -hop as f32 }.numbers();
        }
    }
}
