//! Allocation of workloads to the nodes of a cluster.
//!
//! **The question.** Workloads arrive and want CPU, memory, bandwidth and storage for a while; they wait until a node takes
//! them, and fail when that takes too long. Nodes differ in what they have, fill up in one resource while another lies
//! idle, are near or far, and fail. Which node should take which workload, so that few fail now and few later?
//!
//! **Agents.** One group, `nodes`. Every tick each says how much it wants the workload at hand.
//!
//! | action | numbers | what it does |
//! |---|---|---|
//! | `scores` | 1 | the highest score among the nodes with room wins; a score of -0.9 or less declines |
//! | `bids` | 4 | fractions of what is free; the smallest offer that suffices wins: the published auction |
//!
//! | observation | numbers | for |
//! |---|---|---|
//! | `nodes` | 37 | learning: itself, the workload at hand, the queue, a summary of the others, whatever their number |
//! | `published8` | 8 | comparison with the published system, whose agents do not see what they bid for |
//!
//! | reward term | weight | pays for |
//! |---|---|---|
//! | `success` | `w_success` | priority of each workload that the node got; taken back when the node fails under it |
//! | `efficiency` | `w_efficiency` | 1 - waste of the offer that won |
//! | `failure` | -`w_failure` | priority of each workload that failed, shared by all nodes |
//! | `balance` | -`w_balance` | variance over the nodes of the share of CPU in use |
//!
//! **Amounts** of resources have whatever unit the scenario counts in; [`amounts`] says how finely they are compared.
//!
//! **Three sets of rules.** `full` is the product. `repaired` is the published system with its two crashing defects
//! repaired (nodes no longer multiply, the queue is emptied): one attempt per workload, no running times, usage that drains
//! by a thousandth of the capacity per tick. `published` keeps the queue as it was, so that every workload is tried again
//! in every tick, and counts as many idle nodes again in every mean.
//!
//! References: R. Lowe et al., Multi-agent actor-critic for mixed cooperative-competitive environments, NeurIPS (2017), for
//! the learner the published system is built on; R. Grandl et al., Multi-resource packing for cluster schedulers, SIGCOMM
//! (2014), for the dot product; O. Hadary et al., Protean: VM allocation service at scale, OSDI (2020), for rules in use.

pub mod amounts;
mod baselines;
pub mod components;
mod dispatcher;
mod editor;
pub mod linear;
mod lookahead;
mod model;
mod nodes;
mod observe;
pub mod offline;
pub mod placer;
mod queue;
mod reward;
mod rules;
pub mod scenario;
mod source;
mod spawn;
mod systems;
#[cfg(test)]
mod tests;
mod view;

use bevy_app::App;
use bevy_ecs::schedule::IntoScheduleConfigs;

pub use baselines::linear_scorer;
pub use scenario::ClusterParams;

use self::{
    model::Model,
    scenario::{ActionKind, Mode},
    source::Source,
    systems::{Outcomes, arrive, live, measure, place},
};
use crate::{
    error::Result,
    sim::{
        ActionSpace, Baseline, Domain, Editor, GroupSpec, Refresh, Reset, Showcase, Spec, Stratum, Tick, TickSystems,
        View, field,
    },
};

impl Domain for ClusterParams {
    fn id(&self) -> &'static str {
        "cluster"
    }

    fn spec(&self, max_steps: u32) -> Spec {
        Spec {
            groups: vec![GroupSpec {
                name: "nodes",
                agents: self.num_nodes,
                layout: observe::layout_name(self),
                observation: observe::fields(self),
                action: self.action_space(),
                reward_terms: reward::Terms::SPECS.to_vec(),
                reward_clip: None,
                is_masked: false,
                default: "dominant_share",
                reference: Some("lookahead"),
            }],
            metrics: systems::metrics(self),
            // Results of one mode say nothing about another, so every table and file names it.
            stratum: Some(Stratum { name: "mode", labels: Mode::NAMES.to_vec() }),
            state: Vec::new(),
            max_steps,
        }
    }

    fn dt_s(&self) -> f64 {
        self.dt_s
    }

    fn check(&self) -> Result<()> {
        self.consistent()
    }

    fn install(&self, app: &mut App, envs: usize) {
        let model = Model::new(self);
        app.insert_resource(Outcomes::new(&model, envs)).insert_resource(Source::new(&model)).insert_resource(model);
        app.add_systems(
            Tick,
            (
                (place::place, measure::weigh).chain().in_set(TickSystems::Act),
                (live::fail, live::go_on, arrive::arrive).chain().in_set(TickSystems::Move),
                measure::measure.in_set(TickSystems::Measure),
                reward::pay.in_set(TickSystems::Reward),
                observe::observe.in_set(TickSystems::Observe),
            ),
        );
        app.add_systems(Reset, (spawn::set_up, arrive::arrive_first).chain());
        app.add_systems(Refresh, (measure::tell_mode, observe::observe).chain());
        spawn::spawn(app, self.num_nodes, self.max_workloads);
    }

    fn baselines(&self) -> Vec<Baseline> {
        baselines::all()
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }

    fn showcase(&self) -> Showcase {
        Showcase {
            first: &["default", "heavy", "latency", "failures", "spikes", "scale-50", "trace-small"],
            defects: &["repaired", "as-published"],
        }
    }

    fn view(&self) -> Option<&dyn View> {
        Some(self)
    }
}

impl ClusterParams {
    /// What one node may do.
    fn action_space(&self) -> ActionSpace {
        let continuous = match self.action {
            ActionKind::Scores => vec![field("score", "", -1.0..=1.0)],
            ActionKind::Bids => {
                self.resources.names().map(|name| field(format!("bid_{name}"), "of what is free", 0.0..=1.0)).to_vec()
            }
        };
        ActionSpace { continuous, discrete: Vec::new() }
    }
}
