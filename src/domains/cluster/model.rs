//! Configuration of the env and what follows from it.

use std::ops::Range;

use bevy_ecs::resource::Resource;

use super::{
    amounts,
    components::{Job, Machine, NUM_RESOURCES},
    scenario::{ClusterParams, Mode},
};
use crate::sim::kit::rows_of;

/// Configuration of the env and what follows from it.
#[derive(Resource, Clone, Debug)]
pub(super) struct Model {
    pub params: ClusterParams,
    pub num_nodes: usize,
    pub num_workloads: usize,
    pub dt_s: f32,
    /// Capacities of a mean node.
    pub mean_capacity: [f32; NUM_RESOURCES],
    /// Factor up to which each resource is given away.
    overcommit: [f64; NUM_RESOURCES],
}

impl Model {
    pub(super) fn new(params: &ClusterParams) -> Self {
        Self {
            num_nodes: params.num_nodes,
            num_workloads: params.max_workloads,
            dt_s: params.dt_s as f32,
            mean_capacity: mean_capacity(params),
            overcommit: [params.cpu_overcommit, 1.0, 1.0, 1.0],
            params: params.clone(),
        }
    }

    /// Whether workloads last, wait and come back.
    pub(super) fn is_full(&self) -> bool {
        self.params.mode == Mode::Full
    }

    /// Most that a machine gives of resource `k`.
    pub(super) fn limit(&self, machine: &Machine, k: usize) -> f64 {
        f64::from(machine.capacity[k]) * self.overcommit[k]
    }

    /// Speed of workloads on a machine of whose CPU this much is asked for; 1 is full speed.
    pub(super) fn speed(&self, machine: &Machine, cpu_used: f64) -> f32 {
        let capacity = f64::from(machine.capacity[0]);
        if amounts::suffices(capacity, cpu_used, capacity) { 1.0 } else { (capacity / cpu_used) as f32 }
    }

    /// How long a workload has waited when it is tried in tick `tick`, in s.
    pub(super) fn waited_s(&self, job: &Job, tick: u32) -> f32 {
        tick.saturating_sub(1).saturating_sub(job.since) as f32 * self.dt_s
    }

    /// The round trip that a workload can afford when it is tried in tick `tick`, in s; any in the modes without deadlines.
    pub(super) fn budget_s(&self, job: &Job, tick: u32) -> f32 {
        if self.is_full() { job.patience_s - self.waited_s(job, tick) } else { f32::INFINITY }
    }

    /// Rows of the nodes of the env at `slot`.
    pub(super) fn nodes(&self, slot: usize) -> Range<usize> {
        rows_of(slot, self.num_nodes)
    }

    /// Rows of the workloads of the env at `slot`.
    pub(super) fn workloads(&self, slot: usize) -> Range<usize> {
        rows_of(slot, self.num_workloads)
    }
}

fn mean_capacity(params: &ClusterParams) -> [f32; NUM_RESOURCES] {
    let n = params.trace.num_nodes();
    let of_trace = |k: usize| (0..n).map(|node| params.trace.node(node)[k]).sum::<f64>() / n as f64;
    let of_draws = |k: usize| params.node_capacity.get(k).copied().unwrap_or_default();
    std::array::from_fn(|k| if n > 0 { of_trace(k) as f32 } else { of_draws(k) as f32 })
}
