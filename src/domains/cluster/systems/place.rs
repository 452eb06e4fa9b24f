//! Workloads go to nodes: the nodes' actions, or a rule, decide for one after the other.

use bevy_ecs::{
    resource::Resource,
    system::{Local, Query, Res, ResMut},
};

use super::Model;
use crate::{
    domains::cluster::{
        components::{Arrivals, Cause, Counts, Demand, Health, Job, Machine, NUM_PRIORITIES, Phase, Usage},
        dispatcher::Dispatcher,
        nodes::{Fitting, Nodes},
        queue::Queue,
        rules::{Foresight, Question, Rule},
        scenario::{ActionKind, Mode},
        source::Source,
    },
    sim::{Clock, Ports, Seeds, column, column_mut},
};

/// A score up to this declines. Far from the middle on purpose: who declines is asked again in the next tick, so that a policy which
/// strays hardly notices when it declines too often, and would wander into it.
const DECLINES: f32 = -0.9;

/// What the last tick came to, for rewards and measures; derived, never state.
#[derive(Resource)]
pub(in super::super) struct Outcomes {
    /// Priorities of the workloads placed on each node, less those lost with it, `[envs, nodes]`.
    pub success: Vec<f32>,
    /// One less the waste of each offer taken, `[envs, nodes]`.
    pub efficiency: Vec<f32>,
    /// Priorities of the workloads that failed, `[envs]`.
    pub failure: Vec<f32>,
    /// Mean share of the CPU in use and its variance over the nodes, after placement, `[envs]`.
    pub load: Vec<(f64, f64)>,
}

impl Outcomes {
    pub(in super::super) fn new(model: &Model, envs: usize) -> Self {
        let nodes = envs * model.num_nodes;
        Self {
            success: vec![0.0; nodes],
            efficiency: vec![0.0; nodes],
            failure: vec![0.0; envs],
            load: vec![(0.0, 0.0); envs],
        }
    }

    fn clear(&mut self) {
        self.success.fill(0.0);
        self.efficiency.fill(0.0);
        self.failure.fill(0.0);
    }

    /// Notes that a workload of the env at `slot` failed.
    pub(super) fn fail(&mut self, slot: usize, counts: &mut Counts, job: &Job, cause: Cause) {
        let failed = &mut counts.failed[rank(job)];
        *failed = failed.saturating_add(1);
        let by_cause = &mut counts.by_cause[cause.index()];
        *by_cause = by_cause.saturating_add(1);
        self.failure[slot] += f32::from(job.priority);
    }
}

/// Index of a workload's priority in tables.
pub(super) fn rank(job: &Job) -> usize {
    usize::from(job.priority).clamp(1, NUM_PRIORITIES) - 1
}

/// Who decides.
#[derive(Clone, Copy)]
pub(in super::super) enum Decider<'a> {
    Rule(Rule),
    Scores(&'a [f32]),
    Bids(&'a [f32]),
}

impl<'a> Decider<'a> {
    /// Whoever speaks by these actions: the nodes, or a rule that names itself.
    pub(in super::super) fn of(kind: ActionKind, actions: &'a [f32]) -> Self {
        match (actions.first().copied().and_then(Rule::named), kind) {
            (Some(rule), _) => Self::Rule(rule),
            (None, ActionKind::Scores) => Self::Scores(actions),
            (None, ActionKind::Bids) => Self::Bids(actions),
        }
    }

    /// The node that gets the workload, and the waste of its offer. What the nodes said is good for one workload: those that have
    /// `won` one in this tick stand back as long as others want the next.
    pub(in super::super) fn choose(
        self,
        dispatcher: &mut Dispatcher,
        question: &Question<'_>,
        won: &[usize],
    ) -> Option<(usize, f64)> {
        let fitting = |has_won: bool| {
            let nodes = question.fitting.nodes.iter().map(|node| usize::from(*node));
            nodes.filter(move |node| won.contains(node) == has_won)
        };
        match self {
            Self::Rule(rule) => dispatcher.choose(rule, question).and_then(|node| question.whole(node)),
            Self::Scores(scores) => {
                let best = highest(scores, fitting(false)).or_else(|| highest(scores, fitting(true)));
                best.and_then(|node| question.whole(node))
            }
            Self::Bids(bids) => {
                tightest(bids, question, fitting(false)).or_else(|| tightest(bids, question, fitting(true)))
            }
        }
    }
}

/// The node with the highest score of those that do not decline.
fn highest(scores: &[f32], nodes: impl Iterator<Item = usize>) -> Option<usize> {
    let willing = nodes.map(|node| (scores[node], node)).filter(|(score, _)| *score > DECLINES);
    willing.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, node)| node)
}

/// The node whose offer wastes least of those that suffice, and that waste.
fn tightest(bids: &[f32], question: &Question<'_>, nodes: impl Iterator<Item = usize>) -> Option<(usize, f64)> {
    let demand = question.demand;
    let offer = |node: usize| {
        let own = &bids[node * demand.len()..(node + 1) * demand.len()];
        let waste = question.nodes.waste(node, demand, |k| f64::from(own[k].clamp(0.0, 1.0)))?;
        Some((node, waste))
    };
    // An offer that is no number suffices for nothing, as no comparison with it holds.
    let offers = nodes.filter_map(offer).filter(|(_, waste)| waste.is_finite());
    offers.reduce(|best, next| if next.1 < best.1 { next } else { best })
}

/// What became of a try.
enum Answer {
    /// This node takes it; the waste of its offer.
    Taken(usize, f64),
    /// Nodes could have taken it, and nobody did.
    Declined,
    /// No node could; whether one could have, had it been nearer.
    Impossible { is_too_far: bool },
}

/// Scratch of [`place`].
#[derive(Default)]
pub(in super::super) struct Scratch {
    queue: Queue,
    fitting: Fitting,
    dispatcher: Dispatcher,
    won: Vec<usize>,
}

/// Tries the workloads that wait, in the order of their turn.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(in super::super) fn place(
    model: Res<Model>,
    source: Res<Source>,
    seeds: Res<Seeds>,
    ports: Res<Ports>,
    mut outcomes: ResMut<Outcomes>,
    mut envs: Query<(&Clock, &mut Arrivals, &mut Counts)>,
    machines: Query<&Machine>,
    mut usage: Query<&mut Usage>,
    health: Query<&Health>,
    demands: Query<&Demand>,
    mut phases: Query<&mut Phase>,
    mut jobs: Query<&mut Job>,
    mut scratch: Local<Scratch>,
) {
    let (machines, usage, health) = (column(&machines), column_mut(&mut usage), column(&health));
    let (demands, phases, jobs) = (column(&demands), column_mut(&mut phases), column_mut(&mut jobs));
    outcomes.clear();
    let port = &ports.groups[0];
    let all_actions = port.actions.chunks_exact(port.agents * port.action_width);
    for (slot, ((clock, mut arrivals, mut counts), actions)) in envs.iter_mut().zip(all_actions).enumerate() {
        let (n, w) = (model.nodes(slot), model.workloads(slot));
        scratch.queue.gather(&model, &phases[w.clone()], &jobs[w.clone()]);
        let mut trial = Trial {
            model: &model,
            source: &source,
            seeds: &seeds,
            clock,
            slot,
            outcomes: &mut outcomes,
            arrivals: &mut arrivals,
            counts: &mut counts,
            machines: &machines[n.clone()],
            usage: &mut usage[n.clone()],
            health: &health[n],
            demands: &demands[w.clone()],
            phases: &mut phases[w.clone()],
            jobs: &mut jobs[w],
        };
        trial.run(Decider::of(model.params.action, actions), &mut scratch);
    }
}

/// One env while its workloads are tried.
struct Trial<'a> {
    model: &'a Model,
    source: &'a Source,
    seeds: &'a Seeds,
    clock: &'a Clock,
    slot: usize,
    outcomes: &'a mut Outcomes,
    arrivals: &'a mut Arrivals,
    counts: &'a mut Counts,
    machines: &'a [Machine],
    usage: &'a mut [Usage],
    health: &'a [Health],
    demands: &'a [Demand],
    phases: &'a mut [Phase],
    jobs: &'a mut [Job],
}

impl Trial<'_> {
    /// Tries one after the other, in mode `full` until the decisions of a tick are made.
    fn run(&mut self, decider: Decider<'_>, scratch: &mut Scratch) {
        let Scratch { queue, fitting, dispatcher, won } = scratch;
        won.clear();
        let mut left = if self.model.is_full() { self.model.params.decisions_per_tick } else { usize::MAX };
        for row in queue.rows() {
            if left == 0 {
                break;
            }
            match self.ask(row, decider, (fitting, dispatcher), won) {
                Answer::Taken(node, waste) => {
                    self.start(row, node, waste);
                    left -= 1;
                    if self.model.is_full() {
                        won.push(node);
                    }
                }
                Answer::Declined => {
                    self.decline(row);
                    left -= 1;
                }
                Answer::Impossible { is_too_far } => self.leave(row, is_too_far),
            }
        }
    }

    fn ask(
        &self,
        row: usize,
        decider: Decider<'_>,
        (fitting, dispatcher): (&mut Fitting, &mut Dispatcher),
        won: &[usize],
    ) -> Answer {
        let demand = &self.demands[row].0;
        let (machines, usage, health) = (self.machines, &*self.usage, self.health);
        let nodes = Nodes { model: self.model, machines, usage, health };
        fitting.find(nodes, demand, self.model.budget_s(&self.jobs[row], self.clock.tick));
        if !fitting.any() {
            return Answer::Impossible { is_too_far: fitting.has_room };
        }
        let foresight = Foresight {
            source: self.source,
            arrivals: self.arrivals,
            demands: self.demands,
            phases: self.phases,
            jobs: self.jobs,
            row,
        };
        let (cursor, chance) = (self.arrivals.cursor, (self.seeds, self.clock.address()));
        let question = Question { nodes, demand, fitting, cursor, chance, foresight };
        let chosen = decider.choose(dispatcher, &question, won);
        chosen.map_or(Answer::Declined, |(node, waste)| Answer::Taken(node, waste))
    }

    /// A workload has got a node. In the modes without running times that is all there is to it.
    fn start(&mut self, row: usize, node: usize, waste: f64) {
        let (model, clock, job) = (self.model, self.clock, &mut self.jobs[row]);
        let at = self.slot * model.num_nodes + node;
        self.outcomes.success[at] += f32::from(job.priority);
        self.outcomes.efficiency[at] += 1.0 - waste as f32;
        self.usage[node].take(&self.demands[row]);
        self.arrivals.cursor = ((node + 1) % model.num_nodes) as u16;
        self.counts.started = self.counts.started.saturating_add(1);
        if model.is_full() {
            let rtt_s = self.machines[node].rtt_s;
            self.counts.waited_s += f64::from(model.waited_s(job, clock.tick) + rtt_s);
            self.phases[row] = Phase::Placed(node as u16);
            (job.since, job.left_s) = (clock.tick, rtt_s + job.duration_s);
            return;
        }
        let completed = &mut self.counts.completed[rank(job)];
        *completed = completed.saturating_add(1);
        // The published system never takes a workload off its queue: it is placed again in every tick.
        if model.params.mode == Mode::Repaired {
            (self.phases[row], job.since) = (Phase::Done(node as u16), clock.tick);
        }
    }

    /// Nobody wants a workload that somebody could take.
    fn decline(&mut self, row: usize) {
        let job = &mut self.jobs[row];
        job.declined = job.declined.saturating_add(1);
        self.leave(row, false);
        self.arrivals.cursor = ((usize::from(self.arrivals.cursor) + 1) % self.model.num_nodes) as u16;
    }

    /// A workload stays where it is; in the modes with one attempt it has failed.
    fn leave(&mut self, row: usize, is_too_far: bool) {
        let job = &mut self.jobs[row];
        if self.model.is_full() {
            job.was_too_far = is_too_far;
            return;
        }
        self.outcomes.fail(self.slot, self.counts, job, Cause::Insufficient);
        if self.model.params.mode == Mode::Repaired {
            (self.phases[row], job.since) = (Phase::Failed(Cause::Insufficient), self.clock.tick);
        }
    }
}
