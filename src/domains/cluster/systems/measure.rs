//! Everything that is measured each tick.

use bevy_ecs::system::{Query, Res, ResMut};

use super::{Model, Outcomes};
use crate::{
    domains::cluster::{
        components::{Cause, Counts, Health, Machine, NUM_PRIORITIES, NUM_RESOURCES, Phase, Usage},
        nodes::Nodes,
        scenario::{ClusterParams, Mode},
    },
    sim::{Aggregate, Better, Due, MetricSpec, Ports, column},
};

/// Upper ends of the classes of the histogram of CPU use, the last one left out.
const CLASSES: [f64; 4] = [0.2, 0.4, 0.6, 0.8];

/// What is measured, in the order in which [`measure`] writes it.
const METRICS: [MetricSpec; 27] = {
    use Aggregate::{Last, Mean, Sum};
    use Better::{Higher, Lower, Neither};
    const fn metric(
        name: &'static str,
        unit: &'static str,
        (aggregate, better): (Aggregate, Better),
        doc: &'static str,
    ) -> MetricSpec {
        MetricSpec { name, unit, doc, aggregate, better }
    }
    [
        metric("completion", "%", (Last, Higher), "workloads done, of those whose fate is known"),
        metric("sla_violations", "%", (Last, Lower), "workloads not started in time, of those whose fate is known"),
        metric("reward", "", (Sum, Higher), "reward of all nodes together, over the episode"),
        metric("utilisation", "%", (Mean, Higher), "CPU in use, mean over nodes and time"),
        metric("utilisation_end", "%", (Last, Neither), "CPU in use at the end, mean over nodes"),
        metric("memory_utilisation", "%", (Mean, Higher), "memory in use, mean over nodes and time"),
        metric("bandwidth_utilisation", "%", (Mean, Higher), "bandwidth in use, mean over nodes and time"),
        metric("storage_utilisation", "%", (Mean, Higher), "storage in use, mean over nodes and time"),
        metric("load_variance", "", (Mean, Lower), "variance over the nodes of the share of CPU in use"),
        metric("queue_wait", "s", (Last, Lower), "wait of the workloads started, way to the node included"),
        metric("queue_length", "", (Mean, Lower), "workloads that wait"),
        metric("running", "", (Mean, Neither), "workloads placed"),
        metric("arrived", "", (Last, Neither), "workloads whose fate is known"),
        metric("lost", "", (Last, Lower), "workloads lost with their node and queued anew"),
        metric("nodes_up", "%", (Mean, Neither), "nodes that work"),
        metric("nodes_at_0_20", "%", (Mean, Neither), "nodes with up to 20 % of their CPU in use"),
        metric("nodes_at_20_40", "%", (Mean, Neither), "nodes with 20 to 40 % of their CPU in use"),
        metric("nodes_at_40_60", "%", (Mean, Neither), "nodes with 40 to 60 % of their CPU in use"),
        metric("nodes_at_60_80", "%", (Mean, Neither), "nodes with 60 to 80 % of their CPU in use"),
        metric("nodes_at_80_100", "%", (Mean, Neither), "nodes with more than 80 % of their CPU in use"),
        metric("completion_1", "%", (Last, Higher), "completion of workloads of priority 1"),
        metric("completion_2", "%", (Last, Higher), "completion of workloads of priority 2"),
        metric("completion_3", "%", (Last, Higher), "completion of workloads of priority 3"),
        metric("failed_no_room", "%", (Last, Lower), "violations because no node had room in time"),
        metric("failed_spike", "%", (Last, Lower), "the same, of workloads that arrived in a spike"),
        metric("failed_node", "%", (Last, Lower), "violations after a node was lost"),
        metric("failed_latency", "%", (Last, Lower), "violations because only nodes too far away had room"),
    ]
};

/// The metrics of a cluster with these resources.
pub(in super::super) fn metrics(params: &ClusterParams) -> Vec<MetricSpec> {
    let third = params.resources.names()[2];
    let named = METRICS.iter().map(|metric| match (metric.name, third) {
        ("bandwidth_utilisation", "gpu") => {
            MetricSpec { name: "gpu_utilisation", doc: "GPUs in use, mean over nodes and time", ..*metric }
        }
        _ => *metric,
    });
    named.collect()
}

/// Weighs the load after placement, before anything is given back.
pub(super) fn weigh(
    model: Res<Model>,
    mut outcomes: ResMut<Outcomes>,
    machines: Query<&Machine>,
    usage: Query<&Usage>,
    health: Query<&Health>,
) {
    let (machines, usage, health) = (column(&machines), column(&usage), column(&health));
    for (slot, load) in outcomes.load.iter_mut().enumerate() {
        let n = model.nodes(slot);
        let nodes =
            Nodes { model: &model, machines: &machines[n.clone()], usage: &usage[n.clone()], health: &health[n] };
        let (mean, variance) = nodes.cpu_moments();
        *load = match model.params.mode {
            Mode::Full | Mode::Repaired => (mean, variance),
            // As many nodes again stand idle: the mean halves, and its square is spread over both halves.
            Mode::Published => (0.5 * mean, 0.5 * (variance + 0.5 * mean * mean)),
        };
    }
}

/// Tells in which mode the episodes that begin are.
pub(super) fn tell_mode(model: Res<Model>, due: Res<Due>, mut ports: ResMut<Ports>) {
    let mode = model.params.mode as u8;
    ports.stratum.iter_mut().zip(&due.0).filter(|(_, due)| **due).for_each(|(stratum, _)| *stratum = mode);
}

/// Writes the metrics of every env.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(super) fn measure(
    model: Res<Model>,
    outcomes: Res<Outcomes>,
    mut ports: ResMut<Ports>,
    envs: Query<&Counts>,
    machines: Query<&Machine>,
    usage: Query<&Usage>,
    health: Query<&Health>,
    phases: Query<&Phase>,
) {
    let (machines, usage, health, phases) = (column(&machines), column(&usage), column(&health), column(&phases));
    let all_metrics = ports.metrics.chunks_exact_mut(METRICS.len());
    for (slot, (counts, metrics)) in envs.iter().zip(all_metrics).enumerate() {
        let n = model.nodes(slot);
        let nodes = Nodes {
            model: &model,
            machines: &machines[n.clone()],
            usage: &usage[n.clone()],
            health: &health[n.clone()],
        };
        let (waiting, placed) = crowd(&phases[model.workloads(slot)]);
        let (load, variance) = outcomes.load[slot];
        let uses = Uses::of(nodes, model.params.mode);
        let resolved = counts.resolved();
        let completed: u32 = counts.completed.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let completion = share(completed, resolved, 1.0);
        let mut row = Row { numbers: metrics, at: 0 };
        row.push(&[100.0 * completion, 100.0 * (1.0 - completion), reward(&model, &outcomes, slot)]);
        row.push(&[100.0 * load, 100.0 * load, uses.mean[1], uses.mean[2], uses.mean[3], variance]);
        row.push(&[counts.waited_s / f64::from(counts.started.max(1)), f64::from(waiting), f64::from(placed)]);
        row.push(&[f64::from(resolved), f64::from(counts.lost), uses.up]);
        row.push(&uses.classes);
        for priority in 0..NUM_PRIORITIES {
            let (done, failed) = (counts.completed[priority], counts.failed[priority]);
            row.push(&[100.0 * share(done, done.saturating_add(failed), 1.0)]);
        }
        for cause in Cause::ALL {
            row.push(&[100.0 * share(counts.by_cause[cause.index()], resolved, 0.0)]);
        }
    }
}

/// Fills one env's metrics from left to right.
struct Row<'a> {
    numbers: &'a mut [f64],
    at: usize,
}

impl Row<'_> {
    fn push(&mut self, numbers: &[f64]) {
        self.numbers[self.at..self.at + numbers.len()].copy_from_slice(numbers);
        self.at += numbers.len();
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
