//! Reward terms of the jamming domain. Read with `systems/measure.rs`; the table in `mod.rs` lists them.

use bevy_ecs::{
    query::With,
    system::{Query, Res, ResMut},
};

use super::{
    components::{Assignment, JamBand, Jammer, Position, Swarm, Velocity},
    model::Model,
    scenario::RewardMode,
    systems::{Measure, Measures, RadioGraphs},
};
use crate::sim::{Ports, column, kit::declare_terms};

declare_terms! {
    /// What jammers are paid for.
    pub(super) struct Terms {
        lambda2: "reduction of lambda-2 against its reference, 0 to 1";
        band: "share of the jammers on the swarm's band";
        proximity: "exp(-κ d) of the distance to the assigned centroid, mean over jammers";
        energy: "minus speed squared over top speed squared, mean over jammers";
        overlap: "minus the share of pairs of jammers closer than twice the jam range";
        contribution: "reduction of lambda-2 that would be missing without the jammer";
    }
}

/// A team's total is clipped to this.
pub(super) const TEAM_CLIP: (f32, f32) = (-10.0, 10.0);

/// Pays every jammer.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(super) fn pay(
    model: Res<Model>,
    measures: Res<Measures>,
    graphs: Res<RadioGraphs>,
    mut ports: ResMut<Ports>,
    swarms: Query<&Swarm>,
    positions: Query<&Position, With<Jammer>>,
    velocities: Query<&Velocity, With<Jammer>>,
    bands: Query<&JamBand>,
    assignments: Query<&Assignment>,
) {
    let (positions, velocities) = (column(&positions), column(&velocities));
    let (bands, assignments) = (column(&bands), column(&assignments));
    let params = &model.params;
    let decay = params.proximity_decay_per_m as f32;
    let per_top_speed2 = 1.0 / (model.jammer_speed_mps * model.jammer_speed_mps).max(f32::MIN_POSITIVE);
    let (all_terms, _) = ports.groups[0].terms.as_chunks_mut();
    for (slot, (swarm, terms)) in swarms.iter().zip(all_terms.chunks_exact_mut(model.num_jammers)).enumerate() {
        let measure = &measures.0[slot];
        let shared = params.w_lambda2 * measure.reduction;
        let overlap = -params.w_overlap * measure.overlap;
        for (row, paid) in model.jammers(slot).zip(&mut *terms) {
            let distance = positions[row].0.distance(assignments[row].target);
            let is_on_band = bands[row].0 == swarm.band;
            let paid_for = Terms {
                lambda2: shared as f32,
                band: params.w_band as f32 * f32::from(u8::from(is_on_band)),
                proximity: params.w_proximity as f32 * libm::expf(-decay * distance),
                energy: -params.w_energy as f32 * velocities[row].0.length_squared() * per_top_speed2,
                overlap: overlap as f32,
                contribution: (params.w_contribution * contribution(&graphs, measure, slot, row)) as f32,
            };
            *paid = paid_for.numbers();
        }
        if params.reward == RewardMode::Team {
            share(terms);
        }
    }
}

/// The share of the reference that lambda-2 would be higher without the jammer in this row.
fn contribution(graphs: &RadioGraphs, measure: &Measure, slot: usize, row: usize) -> f64 {
    if measure.reference > 0.0 { (graphs.contribution(slot, row) / measure.reference).clamp(0.0, 1.0) } else { 0.0 }
}

/// Gives every jammer the mean of the team's terms.
fn share<const N: usize>(terms: &mut [[f32; N]]) {
    let mut mean = [0.0; N];
    for paid in &*terms {
        for (sum, term) in mean.iter_mut().zip(paid) {
            *sum += term / terms.len() as f32;
        }
    }
    terms.fill(mean);
}
