//! Reward terms of the cluster domain. Read with `systems/place.rs`; the table in `mod.rs` lists them.

use bevy_ecs::system::{Res, ResMut};

use super::systems::{Model, Outcomes, balance};
use crate::sim::{Ports, RewardTerm};

/// Terms, in the order in which they are paid.
pub(super) const TERMS: [RewardTerm; 4] = [
    RewardTerm {
        name: "success",
        doc: "priority of each workload that the node got, taken back when it fails under it",
    },
    RewardTerm { name: "efficiency", doc: "one less the waste of each offer that won, in capacities" },
    RewardTerm { name: "failure", doc: "minus priority of each workload that failed, shared by all nodes" },
    RewardTerm { name: "balance", doc: "minus the variance over the nodes of the share of CPU in use" },
];

/// Pays every node.
pub(super) fn pay(model: Res<Model>, outcomes: Res<Outcomes>, mut ports: ResMut<Ports>) {
    let params = &model.params;
    let [w_success, w_efficiency, team] = [params.w_success, params.w_efficiency, params.team_share].map(|w| w as f32);
    let per_node = 1.0 / model.num_nodes as f32;
    let all_terms = ports.groups[0].terms.chunks_exact_mut(model.num_nodes * TERMS.len());
    for (slot, terms) in all_terms.enumerate() {
        let nodes = model.nodes(slot);
        let failure = -params.w_failure as f32 * outcomes.failure[slot] * per_node;
        let balance = (-params.w_balance * balance(&model, &outcomes, slot)) as f32;
        let own = outcomes.success[nodes.clone()].iter().zip(&outcomes.efficiency[nodes]);
        let mut sums = [0.0; 2];
        for (paid, (success, efficiency)) in terms.chunks_exact_mut(TERMS.len()).zip(own) {
            let (success, efficiency) = (w_success * success, w_efficiency * efficiency);
            paid.copy_from_slice(&[success, efficiency, failure, balance]);
            sums[0] += success;
            sums[1] += efficiency;
        }
        if team > 0.0 {
            for paid in terms.chunks_exact_mut(TERMS.len()) {
                for (term, sum) in paid.iter_mut().zip(sums) {
                    *term = (1.0 - team) * *term + team * per_node * sum;
                }
            }
        }
    }
}
