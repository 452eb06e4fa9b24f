//! Everything that is measured each tick.

use bevy_ecs::system::{Query, Res, ResMut};

use super::{Model, Outcomes};
use crate::{
    domains::cluster::{
        components::{Cause, Counts, NUM_RESOURCES, Phase},
        nodes::{Nodes, Park},
        scenario::{ClusterParams, Mode},
    },
    sim::{Due, MetricSpec, Ports, column, kit::declare_metrics},
};

/// Upper ends of the classes of the histogram of CPU use, the last one left out.
const CLASSES: [f64; 4] = [0.2, 0.4, 0.6, 0.8];

declare_metrics! {
    /// What is measured.
    struct Metrics {
        completion: "%", Last, Higher, "workloads done, of those whose fate is known";
        sla_violations: "%", Last, Lower, "workloads not started in time, of those whose fate is known";
        reward: "", Sum, Higher, "reward of all nodes together, over the episode";
        utilisation: "%", Mean, Higher, "CPU in use, mean over nodes and time";
        utilisation_end: "%", Last, Neither, "CPU in use at the end, mean over nodes";
        memory_utilisation: "%", Mean, Higher, "memory in use, mean over nodes and time";
        bandwidth_utilisation: "%", Mean, Higher, "bandwidth in use, mean over nodes and time";
        storage_utilisation: "%", Mean, Higher, "storage in use, mean over nodes and time";
        load_variance: "", Mean, Lower, "variance over the nodes of the share of CPU in use";
        queue_wait: "s", Last, Lower, "wait of the workloads started, way to the node included";
        queue_length: "", Mean, Lower, "workloads that wait";
        running: "", Mean, Neither, "workloads placed";
        arrived: "", Last, Neither, "workloads whose fate is known";
        lost: "", Last, Lower, "workloads lost with their node and queued anew";
        nodes_up: "%", Mean, Neither, "nodes that work";
        nodes_at_0_20: "%", Mean, Neither, "nodes with up to 20 % of their CPU in use";
        nodes_at_20_40: "%", Mean, Neither, "nodes with 20 to 40 % of their CPU in use";
        nodes_at_40_60: "%", Mean, Neither, "nodes with 40 to 60 % of their CPU in use";
        nodes_at_60_80: "%", Mean, Neither, "nodes with 60 to 80 % of their CPU in use";
        nodes_at_80_100: "%", Mean, Neither, "nodes with more than 80 % of their CPU in use";
        completion_1: "%", Last, Higher, "completion of workloads of priority 1";
        completion_2: "%", Last, Higher, "completion of workloads of priority 2";
        completion_3: "%", Last, Higher, "completion of workloads of priority 3";
        failed_no_room: "%", Last, Lower, "violations because no node had room in time";
        failed_spike: "%", Last, Lower, "the same, of workloads that arrived in a spike";
        failed_node: "%", Last, Lower, "violations after a node was lost";
        failed_latency: "%", Last, Lower, "violations because only nodes too far away had room";
    }
}

/// The metrics of a cluster with these resources.
pub(in super::super) fn metrics(params: &ClusterParams) -> Vec<MetricSpec> {
    let third = params.resources.names()[2];
    let named = Metrics::SPECS.iter().map(|metric| match (metric.name, third) {
        ("bandwidth_utilisation", "gpu") => {
            MetricSpec { name: "gpu_utilisation", doc: "GPUs in use, mean over nodes and time", ..*metric }
        }
        _ => *metric,
    });
    named.collect()
}

/// Weighs the load after placement, before anything is given back.
pub(in super::super) fn weigh(park: Park, mut outcomes: ResMut<Outcomes>) {
    let all = park.nodes();
    for (slot, load) in outcomes.load.iter_mut().enumerate() {
        let (mean, variance) = all.env(slot).cpu_moments();
        *load = match park.model.params.mode {
            Mode::Full | Mode::Repaired => (mean, variance),
            // As many nodes again stand idle: the mean halves, and its square is spread over both halves.
            Mode::Published => (0.5 * mean, 0.5 * (variance + 0.5 * mean * mean)),
        };
    }
}

/// Tells in which mode the episodes that begin are.
pub(in super::super) fn tell_mode(model: Res<Model>, due: Res<Due>, mut ports: ResMut<Ports>) {
    let mode = model.params.mode as u8;
    ports.stratum.iter_mut().zip(&due.0).filter(|(_, due)| **due).for_each(|(stratum, _)| *stratum = mode);
}

/// Writes the metrics of every env.
pub(in super::super) fn measure(
    park: Park,
    outcomes: Res<Outcomes>,
    mut ports: ResMut<Ports>,
    envs: Query<&Counts>,
    phases: Query<&Phase>,
) {
    let (all, phases) = (park.nodes(), column(&phases));
    let all_metrics = ports.metrics.chunks_exact_mut(Metrics::SPECS.len());
    for (slot, (counts, metrics)) in envs.iter().zip(all_metrics).enumerate() {
        let phases = &phases[park.model.workloads(slot)];
        metrics.copy_from_slice(&Metrics::of(slot, counts, all.env(slot), phases, &outcomes).numbers());
    }
}

impl Metrics {
    fn of(slot: usize, counts: &Counts, nodes: Nodes<'_>, phases: &[Phase], outcomes: &Outcomes) -> Self {
        let (waiting, placed) = crowd(phases);
        let (load, variance) = outcomes.load[slot];
        let uses = Uses::of(nodes, nodes.model.params.mode);
        let resolved = counts.resolved();
        let completed: u32 = counts.completed.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let completion = share(completed, resolved, 1.0);
        let of_priority = |priority: usize| {
            let (done, failed) = (counts.completed[priority - 1], counts.failed[priority - 1]);
            100.0 * share(done, done.saturating_add(failed), 1.0)
        };
        let failed = |cause: Cause| 100.0 * share(counts.by_cause[cause.index()], resolved, 0.0);
        let [up_to_20, up_to_40, up_to_60, up_to_80, up_to_100] = uses.classes;
        Metrics {
            completion: 100.0 * completion,
            sla_violations: 100.0 * (1.0 - completion),
            reward: reward(nodes.model, outcomes, slot),
            utilisation: 100.0 * load,
            utilisation_end: 100.0 * load,
            memory_utilisation: uses.mean[1],
            bandwidth_utilisation: uses.mean[2],
            storage_utilisation: uses.mean[3],
            load_variance: variance,
            queue_wait: counts.waited_s / f64::from(counts.started.max(1)),
            queue_length: f64::from(waiting),
            running: f64::from(placed),
            arrived: f64::from(resolved),
            lost: f64::from(counts.lost),
            nodes_up: uses.up,
            nodes_at_0_20: up_to_20,
            nodes_at_20_40: up_to_40,
            nodes_at_40_60: up_to_60,
            nodes_at_60_80: up_to_80,
            nodes_at_80_100: up_to_100,
            completion_1: of_priority(1),
            completion_2: of_priority(2),
            completion_3: of_priority(3),
            failed_no_room: failed(Cause::Insufficient),
            failed_spike: failed(Cause::Spike),
            failed_node: failed(Cause::NodeFailure),
            failed_latency: failed(Cause::Latency),
        }
    }
}

/// `part` of `whole`, or `otherwise` where there is nothing yet.
fn share(part: u32, whole: u32, otherwise: f64) -> f64 {
    if whole == 0 { otherwise } else { f64::from(part) / f64::from(whole) }
}

/// How many wait and how many are placed.
fn crowd(phases: &[Phase]) -> (u32, u32) {
    phases.iter().fold((0, 0), |(waiting, placed), phase| {
        (waiting + u32::from(*phase == Phase::Queued), placed + u32::from(phase.node().is_some()))
    })
}

/// Uses of an env's nodes, in percent.
struct Uses {
    mean: [f64; NUM_RESOURCES],
    classes: [f64; CLASSES.len() + 1],
    up: f64,
}

impl Uses {
    fn of(nodes: Nodes<'_>, mode: Mode) -> Self {
        let num_nodes = nodes.machines.len();
        // As many nodes again stand idle in the published mode.
        let each = 100.0 / num_nodes as f64 * if mode == Mode::Published { 0.5 } else { 1.0 };
        let mut uses = Self { mean: [0.0; NUM_RESOURCES], classes: [0.0; CLASSES.len() + 1], up: 0.0 };
        for node in 0..num_nodes {
            for (k, mean) in uses.mean.iter_mut().enumerate() {
                *mean += each * nodes.used(node, k);
            }
            uses.classes[CLASSES.iter().filter(|end| nodes.is_above(node, 0, **end)).count()] += each;
            uses.up += if nodes.health[node].is_down { 0.0 } else { 100.0 / num_nodes as f64 };
        }
        if mode == Mode::Published {
            uses.classes[0] += 50.0;
        }
        uses
    }
}

/// Reward of all nodes of an env together in the last tick.
fn reward(model: &Model, outcomes: &Outcomes, slot: usize) -> f64 {
    let params = &model.params;
    let sum = |of: &[f32]| of[model.nodes(slot)].iter().map(|x| f64::from(*x)).sum::<f64>();
    params.w_success * sum(&outcomes.success) + params.w_efficiency * sum(&outcomes.efficiency)
        - params.w_failure * f64::from(outcomes.failure[slot])
        - params.w_balance * model.num_nodes as f64 * balance(model, outcomes, slot)
}

/// The variance that a cluster of more than one node pays for.
pub(in super::super) fn balance(model: &Model, outcomes: &Outcomes, slot: usize) -> f64 {
    if model.num_nodes > 1 { outcomes.load[slot].1 } else { 0.0 }
}
