//! Workloads go to nodes: the nodes' actions, or a rule, decide for one after the other.

use bevy::ecs::{
    resource::Resource,
    system::{Local, Query, Res, ResMut},
};

use super::Model;
use crate::{
    domains::cluster::{
        components::{Arrivals, Cause, Counts, Demand, Health, Job, Machine, NUM_PRIORITIES, Phase, Usage},
        lookahead::Foresight,
        nodes::{Fitting, Nodes},
        queue::Queue,
        rules::{Dispatcher, Question, Rule},
        scenario::{ActionKind, Mode},
        systems::Source,
    },
    sim::{Clock, Ports, Seeds, column, column_mut},
};

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
    pub(super) fn new(model: &Model, envs: usize) -> Self {
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
enum Decider<'a> {
    Rule(Rule),
    Scores(&'a [f32]),
    Bids(&'a [f32]),
}

impl<'a> Decider<'a> {
    fn of(kind: ActionKind, actions: &'a [f32]) -> Self {
        match (actions.first().copied().and_then(Rule::named), kind) {
            (Some(rule), _) => Self::Rule(rule),
            (None, ActionKind::Scores) => Self::Scores(actions),
            (None, ActionKind::Bids) => Self::Bids(actions),
        }
    }

    /// The node that gets the workload, and the waste of its offer.
    fn choose(self, dispatcher: &mut Dispatcher, question: &Question<'_>) -> Option<(usize, f64)> {
        let (nodes, demand) = (question.nodes, question.demand);
        let whole = |node: usize| Some((node, nodes.waste(node, demand, |_| 1.0)?));
        let fitting = question.fitting.nodes.iter().map(|node| usize::from(*node));
        match self {
            Self::Rule(rule) => dispatcher.choose(rule, question).and_then(whole),
            Self::Scores(scores) => {
                let willing = fitting.map(|node| (scores[node], node)).filter(|(score, _)| *score >= 0.0);
                let best = willing.reduce(|best, next| if next.0 > best.0 { next } else { best });
                best.and_then(|(_, node)| whole(node))
            }
            Self::Bids(bids) => {
                let offer = |node: usize| {
                    let own = &bids[node * demand.len()..(node + 1) * demand.len()];
                    let waste = nodes.waste(node, demand, |k| f64::from(own[k].clamp(0.0, 1.0)))?;
                    Some((node, waste))
                };
                // An offer that is no number suffices for nothing, as no comparison with it holds.
                let offers = fitting.filter_map(offer).filter(|(_, waste)| waste.is_finite());
                offers.reduce(|best, next| if next.1 < best.1 { next } else { best })
            }
        }
    }
}

/// Scratch of [`place`].
#[derive(Default)]
pub(super) struct Scratch {
    queue: Queue,
    fitting: Fitting,
    dispatcher: Dispatcher,
}

/// Tries the workloads that wait, in the order of their turn.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(super) fn place(
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
    let Scratch { queue, fitting, dispatcher } = &mut *scratch;
    outcomes.clear();
    let port = &ports.groups[0];
    let all_actions = port.actions.chunks_exact(port.agents * port.action_width);
    for (slot, ((clock, mut arrivals, mut counts), actions)) in envs.iter_mut().zip(all_actions).enumerate() {
        let (n, w) = (model.nodes(slot), model.workloads(slot));
        let (phases, jobs) = (&mut phases[w.clone()], &mut jobs[w.clone()]);
        let demands = &demands[w];
        queue.gather(&model, phases, jobs);
        let decider = Decider::of(model.params.action, actions);
        let mut decisions = 0;
        for row in queue.rows() {
            if model.is_full() && decisions == model.params.decisions_per_tick {
                break;
            }
            let demand = &demands[row].0;
            let nodes = Nodes {
                model: &model,
                machines: &machines[n.clone()],
                usage: &usage[n.clone()],
                health: &health[n.clone()],
            };
            fitting.find(nodes, demand, model.budget_s(&jobs[row], clock.tick));
            let foresight =
                Foresight { source: &source, arrivals: &arrivals, demands, phases, jobs, row };
            let question = Question {
                nodes,
                demand,
                fitting,
                cursor: arrivals.cursor,
                chance: (&seeds, clock.address()),
                foresight,
            };
            let chosen = if fitting.any() { decider.choose(dispatcher, &question) } else { None };
            let is_tried = fitting.any();
            decisions += usize::from(is_tried);
            match chosen {
                Some((node, waste)) => {
                    let priority = f32::from(jobs[row].priority);
                    outcomes.success[n.start + node] += priority;
                    outcomes.efficiency[n.start + node] += 1.0 - waste as f32;
                    for (used, demand) in usage[n.start + node].0.iter_mut().zip(demand) {
                        *used += f64::from(*demand);
                    }
                    arrivals.cursor = ((node + 1) % model.num_nodes) as u16;
                    let rtt_s = machines[n.start + node].rtt_s;
                    start(&model, clock, &mut counts, node, rtt_s, (&mut phases[row], &mut jobs[row]));
                }
                None if model.is_full() => {
                    jobs[row].was_too_far = fitting.has_room && !is_tried;
                    if is_tried {
                        jobs[row].declined = jobs[row].declined.saturating_add(1);
                        arrivals.cursor = ((usize::from(arrivals.cursor) + 1) % model.num_nodes) as u16;
                    }
                }
                None => {
                    arrivals.cursor = ((usize::from(arrivals.cursor) + 1) % model.num_nodes) as u16;
                    outcomes.fail(slot, &mut counts, &jobs[row], Cause::Insufficient);
                    if model.params.mode == Mode::Repaired {
                        phases[row] = Phase::Failed(Cause::Insufficient);
                    }
                }
            }
        }
    }
}

/// A workload has got a node. In the modes without running times that is all there is to it.
fn start(
    model: &Model,
    clock: &Clock,
    counts: &mut Counts,
    node: usize,
    rtt_s: f32,
    (phase, job): (&mut Phase, &mut Job),
) {
    counts.started = counts.started.saturating_add(1);
    match model.params.mode {
        Mode::Full => {
            counts.waited_s += f64::from(model.waited_s(job, clock.tick) + rtt_s);
            *phase = Phase::Placed(node as u16);
            job.since = clock.tick;
            job.left_s = rtt_s + job.duration_s;
        }
        Mode::Repaired | Mode::Published => {
            let completed = &mut counts.completed[rank(job)];
            *completed = completed.saturating_add(1);
            // The published system never takes a workload off its queue: it is placed again in every tick.
            if model.params.mode == Mode::Repaired {
                *phase = Phase::Done(node as u16);
                job.since = clock.tick;
            }
        }
    }
}
