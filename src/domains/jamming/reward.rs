//! Reward terms of the jamming domain. Read with `systems/measure.rs`; the table in `mod.rs` lists them.

use bevy_ecs::{
    query::With,
    system::{Query, Res, ResMut},
};

use super::{
    components::{Assignment, JamBand, Jammer, Position, Swarm, Velocity},
    scenario::RewardMode,
    systems::{Measure, Measures, Model, RadioGraphs},
};
use crate::sim::{Ports, RewardTerm, column};

/// Terms, in the order in which they are paid.
pub(super) const TERMS: [RewardTerm; 6] = [
    RewardTerm { name: "lambda2", doc: "reduction of lambda-2 against its reference, 0 to 1" },
    RewardTerm { name: "band", doc: "share of the jammers on the swarm's band" },
    RewardTerm { name: "proximity", doc: "exp(-κ d) of the distance to the assigned centroid, mean over jammers" },
    RewardTerm { name: "energy", doc: "minus speed squared over top speed squared, mean over jammers" },
    RewardTerm { name: "overlap", doc: "minus the share of pairs of jammers closer than twice the jam range" },
    RewardTerm { name: "contribution", doc: "reduction of lambda-2 that would be missing without the jammer" },
];

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
    let all_terms = ports.groups[0].terms.chunks_exact_mut(model.num_jammers * TERMS.len());
    for (slot, (swarm, terms)) in swarms.iter().zip(all_terms).enumerate() {
        let measure = &measures.0[slot];
        let shared = params.w_lambda2 * measure.reduction;
        let overlap = -params.w_overlap * measure.overlap;
        let agents = terms.chunks_exact_mut(TERMS.len());
        for (row, paid) in model.jammers(slot).zip(agents) {
            let distance = positions[row].0.distance(assignments[row].target);
            let is_on_band = bands[row].0 == swarm.band;
            paid.copy_from_slice(&[
                shared as f32,
                params.w_band as f32 * f32::from(u8::from(is_on_band)),
                params.w_proximity as f32 * libm::expf(-decay * distance),
                -params.w_energy as f32 * velocities[row].0.length_squared() * per_top_speed2,
                overlap as f32,
                (params.w_contribution * contribution(&graphs, measure, slot, row)) as f32,
            ]);
        }
        if params.reward == RewardMode::Team {
            share(terms, model.num_jammers);
        }
    }
}

/// The share of the reference that lambda-2 would be higher without the jammer in this row.
fn contribution(graphs: &RadioGraphs, measure: &Measure, slot: usize, row: usize) -> f64 {
    if measure.reference > 0.0 { (graphs.contribution(slot, row) / measure.reference).clamp(0.0, 1.0) } else { 0.0 }
}

/// Gives every jammer the mean of the team's terms.
fn share(terms: &mut [f32], num_jammers: usize) {
    let mut mean = [0.0; TERMS.len()];
    for paid in terms.chunks_exact(TERMS.len()) {
        for (sum, term) in mean.iter_mut().zip(paid) {
            *sum += term / num_jammers as f32;
        }
    }
    for paid in terms.chunks_exact_mut(TERMS.len()) {
        paid.copy_from_slice(&mean);
    }
}
