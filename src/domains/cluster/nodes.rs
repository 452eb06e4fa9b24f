//! Who has room: the nodes of one env as a placement looks at them.

use bevy_ecs::system::{Query, Res, SystemParam};

use super::{
    amounts,
    components::{Health, Machine, NUM_RESOURCES, Usage},
    model::Model,
};
use crate::sim::column;

/// The tables of the nodes of all envs, for systems that only look at them.
#[derive(SystemParam)]
pub(super) struct Park<'w, 's> {
    pub model: Res<'w, Model>,
    machines: Query<'w, 's, &'static Machine>,
    usage: Query<'w, 's, &'static Usage>,
    health: Query<'w, 's, &'static Health>,
}

impl Park<'_, '_> {
    /// The nodes of all envs; [`Nodes::env`] gives those of one.
    pub(super) fn nodes(&self) -> Nodes<'_> {
        let (machines, usage, health) = (column(&self.machines), column(&self.usage), column(&self.health));
        Nodes { model: &self.model, machines, usage, health }
    }
}

/// The nodes of one env.
#[derive(Clone, Copy)]
pub(super) struct Nodes<'a> {
    pub model: &'a Model,
    pub machines: &'a [Machine],
    pub usage: &'a [Usage],
    pub health: &'a [Health],
}

impl<'a> Nodes<'a> {
    /// Of the nodes of all envs, those of the env at `slot`.
    pub(super) fn env(self, slot: usize) -> Nodes<'a> {
        let n = self.model.nodes(slot);
        let (machines, usage, health) = (&self.machines[n.clone()], &self.usage[n.clone()], &self.health[n]);
        Nodes { model: self.model, machines, usage, health }
    }

    /// What of resource `k` a node has to give.
    pub(super) fn free(&self, node: usize, k: usize) -> f64 {
        self.model.limit(&self.machines[node], k) - self.usage[node].0[k]
    }

    /// Share of the resource that is taken.
    pub(super) fn used(&self, node: usize, k: usize) -> f64 {
        self.usage[node].0[k] / at_least_some(self.machines[node].capacity[k])
    }

    /// Whether a node works and has room for `demand`.
    #[inline]
    pub(super) fn has_room(&self, node: usize, demand: &[f32; NUM_RESOURCES]) -> bool {
        !self.health[node].is_down && self.lacking(node, demand).is_none()
    }

    /// The first resource of which a node has less to give than `demand` asks for.
    #[inline]
    pub(super) fn lacking(&self, node: usize, demand: &[f32; NUM_RESOURCES]) -> Option<usize> {
        let (machine, Usage(used)) = (&self.machines[node], &self.usage[node]);
        (0..NUM_RESOURCES).find(|&k| {
            let limit = self.model.limit(machine, k);
            !amounts::suffices(limit - used[k], f64::from(demand[k]), limit)
        })
    }

    /// Whether more of a resource is taken than this share of what the node has.
    pub(super) fn is_above(&self, node: usize, k: usize, share: f64) -> bool {
        let capacity = f64::from(self.machines[node].capacity[k]);
        !amounts::suffices(share * capacity, self.usage[node].0[k], capacity)
    }

    /// Mean over the resources of what would be left of an offer of this part of what is free, in capacities; none if the
    /// offer does not suffice. `share` 1 offers everything.
    pub(super) fn waste(
        &self,
        node: usize,
        demand: &[f32; NUM_RESOURCES],
        share: impl Fn(usize) -> f64,
    ) -> Option<f64> {
        let mut waste = 0.0;
        for (k, demand) in demand.iter().enumerate() {
            let (offer, demand) = (share(k) * self.free(node, k).max(0.0), f64::from(*demand));
            let left = if offer < demand {
                let limit = self.model.limit(&self.machines[node], k);
                amounts::suffices(offer, demand, limit).then_some(0.0)?
            } else {
                offer - demand
            };
            waste += left / at_least_some(self.machines[node].capacity[k]);
        }
        Some(waste / NUM_RESOURCES as f64)
    }

    /// Mean and population variance over the nodes of the share of CPU that is taken.
    pub(super) fn cpu_moments(&self) -> (f64, f64) {
        let n = self.machines.len() as f64;
        let (mut sum, mut squares) = (0.0, 0.0);
        for node in 0..self.machines.len() {
            let used = self.used(node, 0);
            sum += used;
            squares += used * used;
        }
        let mean = sum / n;
        (mean, (squares / n - mean * mean).max(0.0))
    }
}

/// A capacity that can be divided by.
pub(super) fn at_least_some(capacity: f32) -> f64 {
    f64::from(capacity).max(1e-6)
}

/// Finds the nodes that can take a workload; scratch only.
#[derive(Default)]
pub(super) struct Fitting {
    /// Nodes with room from which the workload would start in time, in their order.
    pub nodes: Vec<u16>,
    /// Some node has room, however far away it is.
    pub has_room: bool,
}

impl Fitting {
    /// Looks at all nodes; `budget_s` is the round trip that a workload can still afford.
    pub(super) fn find(&mut self, nodes: Nodes<'_>, demand: &[f32; NUM_RESOURCES], budget_s: f32) {
        self.nodes.clear();
        self.has_room = false;
        for node in 0..nodes.machines.len() {
            if nodes.has_room(node, demand) {
                self.has_room = true;
                if nodes.machines[node].rtt_s <= budget_s {
                    self.nodes.push(node as u16);
                }
            }
        }
    }

    /// Whether one of the nodes can take it.
    pub(super) fn any(&self) -> bool {
        !self.nodes.is_empty()
    }
}
