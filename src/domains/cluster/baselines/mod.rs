//! Scripted nodes to compare with: the rules of `rules.rs` as policies.
//!
//! All but the lookahead use only what layout `nodes` shows: free and total resources of the nodes and the workload at hand.

use bevy_ecs::system::{Query, Res, ResMut, SystemParam};

use super::{
    components::{Arrivals, Demand, Job, Phase},
    dispatcher::Dispatcher,
    linear::{TUNED, Weights},
    model::Model,
    nodes::{Fitting, Park},
    observe::at_hand,
    queue::Queue,
    rules::{Foresight, Question, Rule},
    scenario::ActionKind,
    source::Source,
};
use crate::sim::{Address, Baseline, Clock, Policy, Ports, Purpose, Seeds, column, kit};

pub(super) const RANDOM: Purpose = Purpose::new("cluster.policy.random");

/// All baselines, roughly from the weakest to the strongest.
pub(super) fn all() -> Vec<Baseline> {
    let baseline = |&(name, doc, script): &(_, _, Script)| Baseline {
        name,
        doc,
        group: "nodes",
        privileged: script.is_privileged(),
        policy: match script {
            Script::Random => kit::uniform(RANDOM),
            Script::AllOnes => kit::scripted(|| AllOnes),
            Script::Rule(rule) => ruled(rule, TUNED),
        },
    };
    SCRIPTS.iter().map(baseline).collect()
}

/// Name, sentence and script of each.
const SCRIPTS: [(&str, &str, Script); 16] = [
    ("random", "uniform scores or bids", Script::Random),
    ("blind", "any node, whether or not it has room", Script::Rule(Rule::Blind)),
    ("round_robin", "the next node in turn; nobody if that one has no room", Script::Rule(Rule::RoundRobin)),
    ("all_ones", "every node offers all it has, so the tightest offer wins", Script::AllOnes),
    ("first_fit", "the first node with room", Script::Rule(Rule::FirstFit)),
    ("best_fit", "the node with the least slack after placement", Script::Rule(Rule::BestFit)),
    ("random_fit", "any node with room", Script::Rule(Rule::RandomFit)),
    (
        "greedy",
        "the node with the largest sum of free amounts, units mixed: the published rule",
        Script::Rule(Rule::Greedy),
    ),
    ("next_fit", "the next node in turn that has room", Script::Rule(Rule::NextFit)),
    (
        "dot_product",
        "the node whose free resources point most in the direction of the demand: the packing score of Tetris",
        Script::Rule(Rule::DotProduct),
    ),
    ("worst_fit", "the node with the most slack after placement", Script::Rule(Rule::WorstFit)),
    ("least_loaded", "the node whose CPU is least loaded after placement", Script::Rule(Rule::LeastLoaded)),
    (
        "dominant_share",
        "the node whose largest share of any resource is least after placement",
        Script::Rule(Rule::DominantShare),
    ),
    (
        "bid_price",
        "the same, and declines a workload whose priority is below the price of its room, which rises with the load",
        Script::Rule(Rule::BidPrice),
    ),
    (
        "linear",
        "the node with the highest weighted sum of features; the weights were tuned on development episodes",
        Script::Rule(Rule::Linear),
    ),
    (
        "lookahead",
        "a rollout: knows arrivals, running times and failures to come, and plays two rules through them for every choice",
        Script::Rule(Rule::Lookahead),
    ),
];

/// What a policy does.
#[derive(Clone, Copy)]
pub(super) enum Script {
    Random,
    AllOnes,
    Rule(Rule),
}

impl Script {
    /// The script of a baseline.
    pub(super) fn named(name: &str) -> Option<Self> {
        SCRIPTS.iter().find(|(own, ..)| *own == name).map(|(.., script)| *script)
    }

    /// Whether it knows more than nodes see.
    pub(super) fn is_privileged(self) -> bool {
        matches!(self, Self::Rule(Rule::Lookahead))
    }
}

/// The linear rule with other weights, for envs in which one decision is made per tick.
pub fn linear_scorer(weights: Weights) -> Box<dyn Policy> {
    ruled(Rule::Linear, weights)
}

/// A rule as a policy; `weights` are those of the linear one.
fn ruled(rule: Rule, weights: Weights) -> Box<dyn Policy> {
    kit::scripted(move || Ruled {
        rule,
        queue: Queue::default(),
        fitting: Fitting::default(),
        dispatcher: Dispatcher::weighing(weights),
    })
}

struct AllOnes;

impl kit::Script for AllOnes {
    type Tables = ResMut<'static, Ports>;

    fn act(&mut self, mut ports: ResMut<'_, Ports>, group: usize) {
        ports.groups[group].actions.fill(1.0);
    }
}

/// The tables that rules read, and the ports they write.
#[derive(SystemParam)]
struct Tables<'w, 's> {
    park: Park<'w, 's>,
    source: Res<'w, Source>,
    seeds: Res<'w, Seeds>,
    ports: ResMut<'w, Ports>,
    envs: Query<'w, 's, (&'static Clock, &'static Arrivals)>,
    demands: Query<'w, 's, &'static Demand>,
    phases: Query<'w, 's, &'static Phase>,
    jobs: Query<'w, 's, &'static Job>,
}

/// A rule; all it keeps is scratch.
struct Ruled {
    rule: Rule,
    queue: Queue,
    fitting: Fitting,
    dispatcher: Dispatcher,
}

impl kit::Script for Ruled {
    type Tables = Tables<'static, 'static>;

    fn act(&mut self, mut tables: Tables<'_, '_>, group: usize) {
        let model = &tables.park.model;
        // One set of actions carries one decision; where a tick has more, the rule is asked for each.
        if model.is_full() && model.params.decisions_per_tick == 1 {
            self.decide(&mut tables, group);
        } else {
            tables.ports.groups[group].actions.fill(self.rule.code());
        }
    }
}

impl Ruled {
    /// The node that the rule chooses for the workload at hand wants it most; the others would still take it, so that the mean of
    /// what a rule does is led by the node it chooses most often. Where the rule wants nobody, all decline.
    fn decide(&mut self, tables: &mut Tables<'_, '_>, group: usize) {
        let Self { rule, queue, fitting, dispatcher } = self;
        let (all, model) = (tables.park.nodes(), &*tables.park.model);
        let (demands, phases, jobs) = (column(&tables.demands), column(&tables.phases), column(&tables.jobs));
        let port = &mut tables.ports.groups[group];
        let all_actions = port.actions.chunks_exact_mut(port.agents * port.action_width);
        for (slot, ((clock, arrivals), actions)) in tables.envs.iter().zip(all_actions).enumerate() {
            actions.fill(lowest(model));
            let (nodes, w) = (all.env(slot), model.workloads(slot));
            let (demands, phases, jobs) = (&demands[w.clone()], &phases[w.clone()], &jobs[w]);
            // What is decided now takes effect in the next tick, and is drawn at its address.
            let address = Address { tick: clock.tick.saturating_add(1), ..clock.address() };
            queue.gather(model, phases, jobs);
            let Some(row) = at_hand(nodes, queue, (demands, jobs), address.tick, fitting) else { continue };
            if !fitting.any() {
                continue;
            }
            let question = Question {
                nodes,
                demand: &demands[row].0,
                fitting,
                cursor: arrivals.cursor,
                chance: (&tables.seeds, address),
                foresight: Foresight { source: &tables.source, arrivals, demands, phases, jobs, row },
            };
            if let Some(node) = dispatcher.choose(*rule, &question) {
                let width = actions.len() / model.num_nodes;
                actions.fill(0.0);
                actions[node * width..(node + 1) * width].fill(1.0);
            }
        }
    }
}

/// The lowest action: a score that declines, or an offer of nothing.
fn lowest(model: &Model) -> f32 {
    match model.params.action {
        ActionKind::Scores => -1.0,
        ActionKind::Bids => 0.0,
    }
}
