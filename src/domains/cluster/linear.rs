//! A rule that weighs features: the best that a linear function of what nodes see has been tuned to.
//!
//! A node's score is a weighted sum of what the node would be like with the workload; the highest wins. A second sum, of the workload
//! and the load of the cluster, says whether it is placed at all. `examples/tune_linear.rs` finds the weights by the cross-entropy
//! method on development episodes.

use super::{
    nodes::{Nodes, at_least_some},
    rules::{Question, busy, dominant_share, size},
};
use crate::domains::cluster::components::{NUM_PRIORITIES, NUM_RESOURCES};

/// Features of a node, and of a workload.
const NODE_FEATURES: usize = 7;
const WORKLOAD_FEATURES: usize = 9;

/// How many weights there are.
pub const NUM_WEIGHTS: usize = NODE_FEATURES + WORKLOAD_FEATURES;

/// A weight for each feature: those of a node, then those of a workload.
pub type Weights = [f32; NUM_WEIGHTS];

/// The weights of baseline `linear`.
#[rustfmt::skip]
pub const TUNED: Weights = [
    -3.735, -0.338, -0.045, -0.719, -0.524, -0.210, 1.012,
    0.622, -0.048, 0.378, -0.126, 0.435, 0.286, 0.224, 1.514, 0.146,
];

/// Times are shown as t / (t + this), in s.
const HALF_TIME_S: f32 = 0.5;
/// Counts are shown as n / (n + this).
const HALF_COUNT: f32 = 8.0;

/// The rule.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    weights: Weights,
}

impl Default for Linear {
    fn default() -> Self {
        Self::new(TUNED)
    }
}

impl Linear {
    pub(super) fn new(weights: Weights) -> Self {
        Self { weights }
    }

    /// The node with the highest score, the first of equals; nobody for a workload that is not worth it.
    pub(super) fn choose(&self, question: &Question<'_>) -> Option<usize> {
        let (of_node, of_workload) = self.weights.split_at(NODE_FEATURES);
        let busy = busy(question.nodes);
        if sum(of_workload, &workload(question, busy)) < 0.0 {
            return None;
        }
        let nodes = question.fitting.nodes.iter().map(|node| usize::from(*node));
        let scores = nodes.map(|at| (sum(of_node, &node(question, at, busy)), at));
        scores.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, node)| node)
    }
}

fn sum(weights: &[f32], features: &[f64]) -> f64 {
    weights.iter().zip(features).map(|(weight, feature)| f64::from(*weight) * feature).sum()
}

/// What a node would be like with the workload.
fn node(question: &Question<'_>, node: usize, busy: f64) -> [f64; NODE_FEATURES] {
    let Nodes { machines, usage, model, .. } = question.nodes;
    let capacity = |k: usize| at_least_some(machines[node].capacity[k]);
    let after: [f64; NUM_RESOURCES] =
        std::array::from_fn(|k| (usage[node].0[k] + f64::from(question.demand[k])) / capacity(k));
    let dominant = dominant_share(question.nodes, node, question.demand);
    let mean = after.iter().sum::<f64>() / NUM_RESOURCES as f64;
    let variance = after.iter().map(|share| (share - mean) * (share - mean)).sum::<f64>() / NUM_RESOURCES as f64;
    let relative = (0..NUM_RESOURCES).map(|k| capacity(k) / at_least_some(model.mean_capacity[k])).sum::<f64>();
    [after[0], dominant, mean, variance.sqrt(), relative / NUM_RESOURCES as f64, after[0] * busy, dominant * busy]
}

/// What a workload is like, and how full the cluster is.
fn workload(question: &Question<'_>, busy: f64) -> [f64; WORKLOAD_FEATURES] {
    let (nodes, job) = (question.nodes, question.job());
    let priority = f64::from(job.priority) / NUM_PRIORITIES as f64;
    let size = size(nodes, question.demand);
    let left_s = nodes.model.budget_s(job, question.chance.1.tick).clamp(0.0, 1e6);
    let room = question.fitting.nodes.len() as f64 / nodes.machines.len() as f64;
    let declined = f32::from(job.declined);
    [
        1.0,
        priority,
        size,
        busy,
        busy * priority,
        busy * size,
        f64::from(left_s / (left_s + HALF_TIME_S)),
        room,
        f64::from(declined / (declined + HALF_COUNT)),
    ]
}
