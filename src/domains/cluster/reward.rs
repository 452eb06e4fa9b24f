//! Reward terms of the cluster domain. Read with `systems/place.rs`; the table in `mod.rs` lists them.

use bevy_ecs::system::{Res, ResMut};

use super::{
    model::Model,
    systems::{Outcomes, balance},
};
use crate::sim::{Ports, kit::declare_terms};

declare_terms! {
    /// What nodes are paid for.
    pub(super) struct Terms {
        success: "priority of each workload that the node got, taken back when it fails under it";
        efficiency: "one less the waste of each offer that won, in capacities";
        failure: "minus priority of each workload that failed, shared by all nodes";
        balance: "minus the variance over the nodes of the share of CPU in use";
    }
}

/// Pays every node.
pub(super) fn pay(model: Res<Model>, outcomes: Res<Outcomes>, mut ports: ResMut<Ports>) {
    let params = &model.params;
    let [w_success, w_efficiency, team] = [params.w_success, params.w_efficiency, params.team_share].map(|w| w as f32);
    let per_node = 1.0 / model.num_nodes as f32;
    let (all_terms, _) = ports.groups[0].terms.as_chunks_mut();
    for (slot, terms) in all_terms.chunks_exact_mut(model.num_nodes).enumerate() {
        let nodes = model.nodes(slot);
        let failure = -params.w_failure as f32 * outcomes.failure[slot] * per_node;
        let balance = (-params.w_balance * balance(&model, &outcomes, slot)) as f32;
        let own = outcomes.success[nodes.clone()].iter().zip(&outcomes.efficiency[nodes]);
        let mut sums = [0.0; 2];
        for (paid, (success, efficiency)) in terms.iter_mut().zip(own) {
            let (success, efficiency) = (w_success * success, w_efficiency * efficiency);
            *paid = Terms { success, efficiency, failure, balance }.numbers();
            sums[0] += success;
            sums[1] += efficiency;
        }
        if team > 0.0 {
            for paid in terms {
                for (term, sum) in paid.iter_mut().zip(sums) {
                    *term = (1.0 - team) * *term + team * per_node * sum;
                }
            }
        }
    }
}
