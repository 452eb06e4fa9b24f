//! Rules that place a workload: the classics that a learned policy is compared with.
//!
//! A rule acts like the agents do. In mode `full`, with one decision a tick, its choice has the highest score and nobody else declines.
//! Where a tick has more decisions than a set of actions can carry, it names itself instead ([`Rule::code`]): the env then
//! asks it for one workload after the other, as the published rules were asked.

use super::{
    components::{Arrivals, Demand, Job, NUM_RESOURCES, Phase},
    nodes::{Fitting, Nodes, at_least_some},
    source::Source,
};
use crate::sim::{Address, Seeds};

/// Actions of nodes lie above this; what lies below names a rule.
const FIRST_CODE: f32 = -2.0;

/// How a node is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Any node, whether or not it has room.
    Blind,
    /// Any node that has room.
    RandomFit,
    /// The next in turn; nobody if that one has no room.
    RoundRobin,
    /// The next in turn that has room.
    NextFit,
    /// The first with room.
    FirstFit,
    /// The one with the least slack after placement.
    BestFit,
    /// The one with the most slack after placement.
    WorstFit,
    /// The one whose free resources point most in the direction of the demand.
    DotProduct,
    /// The one with the largest sum of free amounts, units mixed, as the published rule has it.
    Greedy,
    /// The one whose CPU is least loaded after placement.
    LeastLoaded,
    /// The one from which the future that it knows goes best. In the published modes, in which nothing has a running time, the
    /// one that balances best.
    Lookahead,
    /// The one whose largest share of any resource is least after placement.
    DominantShare,
    /// The same for a workload that is worth the room it takes; nobody for others.
    BidPrice,
    /// The one with the highest weighted sum of features, if the workload's own sum says so.
    Linear,
}

impl Rule {
    /// In the order of their numbers, which recordings know them by.
    pub(super) const ALL: [Self; 14] = [
        Self::Blind,
        Self::RandomFit,
        Self::RoundRobin,
        Self::NextFit,
        Self::FirstFit,
        Self::BestFit,
        Self::WorstFit,
        Self::DotProduct,
        Self::Greedy,
        Self::LeastLoaded,
        Self::Lookahead,
        Self::DominantShare,
        Self::BidPrice,
        Self::Linear,
    ];

    /// The number that names the rule among actions.
    pub(super) fn code(self) -> f32 {
        FIRST_CODE - self as usize as f32
    }

    /// The rule that an action names, if it names one.
    pub(super) fn named(action: f32) -> Option<Self> {
        // Actions that are no numbers name nothing.
        (action <= FIRST_CODE).then(|| Self::ALL.get((FIRST_CODE - action) as usize).copied()).flatten()
    }
}

impl Rule {
    /// The node that costs least among those that fit; the first of equals.
    pub(super) fn least(self, nodes: Nodes<'_>, demand: &[f32; NUM_RESOURCES], fitting: &Fitting) -> Option<usize> {
        let nodes_that_fit = fitting.nodes.iter().map(|node| usize::from(*node));
        let costs = nodes_that_fit.map(|node| (self.cost(nodes, node, demand), node));
        costs.reduce(|best, next| if next.0 < best.0 { next } else { best }).map(|(_, node)| node)
    }

    /// The cost of giving the workload to a node, for rules without memory, chance or foresight; the same for all nodes
    /// under any other rule.
    pub(super) fn cost(self, nodes: Nodes<'_>, node: usize, demand: &[f32; NUM_RESOURCES]) -> f64 {
        match self {
            Self::BestFit => slack(nodes, node, demand),
            Self::WorstFit => -slack(nodes, node, demand),
            Self::DotProduct => -alignment(nodes, node, demand),
            Self::Greedy => -(0..NUM_RESOURCES).map(|k| nodes.free(node, k)).sum::<f64>(),
            Self::LeastLoaded => {
                let wanted = nodes.usage[node].0[0] + f64::from(demand[0]);
                wanted / at_least_some(nodes.machines[node].capacity[0])
            }
            Self::Lookahead => variance_after(nodes, node, demand),
            Self::DominantShare | Self::BidPrice => dominant_share(nodes, node, demand),
            Self::Blind | Self::RandomFit | Self::RoundRobin | Self::NextFit | Self::FirstFit | Self::Linear => 0.0,
        }
    }
}

/// What a rule may know that knows more than the nodes.
#[derive(Clone, Copy)]
pub(super) struct Foresight<'a> {
    pub source: &'a Source,
    pub arrivals: &'a Arrivals,
    pub demands: &'a [Demand],
    pub phases: &'a [Phase],
    pub jobs: &'a [Job],
    /// Row of the workload that is asked about.
    pub row: usize,
}

/// What a rule may look at.
pub(super) struct Question<'a> {
    /// The nodes now.
    pub nodes: Nodes<'a>,
    /// What the workload asks for.
    pub demand: &'a [f32; NUM_RESOURCES],
    /// Those that can take it; at least one.
    pub fitting: &'a Fitting,
    /// Node at which a round robin goes on.
    pub cursor: u16,
    /// Where chance is drawn.
    pub chance: (&'a Seeds, Address),
    /// Everything else that there is to know, for rules that may know it.
    pub foresight: Foresight<'a>,
}

impl Question<'_> {
    /// What else is known of the workload.
    pub(super) fn job(&self) -> &Job {
        &self.foresight.jobs[self.foresight.row]
    }

    /// A node that offers all it has, and the waste of that.
    pub(super) fn whole(&self, node: usize) -> Option<(usize, f64)> {
        Some((node, self.nodes.waste(node, self.demand, |_| 1.0)?))
    }
}

fn slack(nodes: Nodes<'_>, node: usize, demand: &[f32; NUM_RESOURCES]) -> f64 {
    nodes.waste(node, demand, |_| 1.0).unwrap_or(f64::INFINITY)
}

/// The largest share of any resource that is taken after placement (as in Ghodsi et al., Dominant resource fairness, 2011, whose
/// share of a user is that of a node here).
pub(super) fn dominant_share(nodes: Nodes<'_>, node: usize, demand: &[f32; NUM_RESOURCES]) -> f64 {
    let share =
        |k: usize| (nodes.usage[node].0[k] + f64::from(demand[k])) / at_least_some(nodes.machines[node].capacity[k]);
    (0..NUM_RESOURCES).map(share).fold(0.0, f64::max)
}

/// Share of the scarcest resource that is taken, of all nodes that work together.
pub(super) fn busy(nodes: Nodes<'_>) -> f64 {
    let up = || (0..nodes.machines.len()).filter(|node| !nodes.health[*node].is_down);
    let share = |k: usize| {
        let taken: f64 = up().map(|node| nodes.usage[node].0[k]).sum();
        let there: f64 = up().map(|node| f64::from(nodes.machines[node].capacity[k])).sum();
        taken / there.max(1e-6)
    };
    (0..NUM_RESOURCES).map(share).fold(0.0, f64::max)
}

/// What a workload asks for, as the largest share of a mean node.
pub(super) fn size(nodes: Nodes<'_>, demand: &[f32; NUM_RESOURCES]) -> f64 {
    let share = |k: usize| f64::from(demand[k]) / at_least_some(nodes.model.mean_capacity[k]);
    (0..NUM_RESOURCES).map(share).fold(0.0, f64::max)
}

/// Demand times what is free, both in capacities (Grandl et al., Multi-resource packing for cluster schedulers, 2014).
fn alignment(nodes: Nodes<'_>, node: usize, demand: &[f32; NUM_RESOURCES]) -> f64 {
    let share = |k: usize| at_least_some(nodes.machines[node].capacity[k]);
    (0..NUM_RESOURCES).map(|k| f64::from(demand[k]) / share(k) * (nodes.free(node, k) / share(k))).sum()
}

/// Change of the summed squares less that of the squared sum, of which the variance of CPU use consists.
fn variance_after(nodes: Nodes<'_>, node: usize, demand: &[f32; NUM_RESOURCES]) -> f64 {
    let (before, n) = (nodes.used(node, 0), nodes.machines.len() as f64);
    let by = f64::from(demand[0]) / at_least_some(nodes.machines[node].capacity[0]);
    let total = nodes.cpu_moments().0 * n;
    by * (2.0 * before + by) - by * (2.0 * total + by) / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_themselves_outside_of_what_agents_can_say() {
        for rule in Rule::ALL {
            assert_eq!(Rule::named(rule.code()), Some(rule));
        }
        for action in [-1.1, 0.0, 1.0, f32::NAN, f32::INFINITY, -1e30, f32::NEG_INFINITY] {
            assert_eq!(Rule::named(action), None, "{action}");
        }
    }
}
