//! What would come of giving a workload to a node, found by a rollout that knows the future.
//!
//! The lookahead knows what will arrive, how long everything runs and which nodes are about to fail. For each node that
//! could take the workload, for letting it wait and for letting it go, it plays the next seconds with each of two simple rules for
//! everything that follows, and does what the first rule would have done unless another choice clearly loses less. One step of
//! policy improvement over the better of both rules, on the very future that will come (Chang, Givan and Chong, Parallel rollout for
//! online solution of partially observable Markov decision processes, 2004). It is no bound: an improved rule is not the best one.
//! Slowing down by overcommitment is left out of its picture.

use std::ops::Range;

use super::{
    components::{Demand, Health, Job, Phase, Usage},
    nodes::{Fitting, Nodes},
    rules::{Question, Rule},
    source::Arriving,
};
use crate::sim::Address;

/// It looks as far as a mean running time, for so many ticks at least and at most.
const LEAST_TICKS: u32 = 20;
const MOST_TICKS: u32 = 400;
/// Nodes that it tries, those first that the rule likes best.
const MOST_CANDIDATES: usize = 12;
/// Rules for everything that follows: the best of the simple ones where there is room, and where there is little.
const RULES: [Rule; 2] = [Rule::LeastLoaded, Rule::DominantShare];
/// What a choice has to save, in failures of the lowest priority, to be preferred to one that the rule likes better. What
/// the rollouts say of single failures far ahead is undone by the decisions in between.
const MARGIN: f64 = 0.5;
/// Part of a failure's cost that a workload still waiting at the end counts, when its whole patience is used up.
const WAITING: f64 = 0.5;

/// What can be done with the workload that is asked about.
#[derive(Clone, Copy)]
enum Choice {
    Node(usize),
    /// It waits behind those that have been declined less often.
    Wait,
    /// It is never placed.
    LetGo,
}

/// A workload that waits in the picture of the future.
#[derive(Clone, Copy)]
struct Waiting {
    key: (u16, u8, u32),
    demand: Demand,
    until: u32,
    patience: u32,
    ticks: u32,
    priority: u8,
}

/// A workload that runs there.
#[derive(Clone, Copy)]
struct Running {
    demand: Demand,
    node: u16,
    ends: u32,
    priority: u8,
}

/// The picture of the future; scratch only.
#[derive(Default)]
pub(super) struct Lookahead {
    now: Moment,
    then: Moment,
    coming: Vec<(u32, Arriving)>,
    drawn: Vec<Arriving>,
    candidates: Vec<(f64, usize)>,
    fitting: Fitting,
}

/// The state of an env as far as the lookahead keeps it.
#[derive(Default)]
struct Moment {
    usage: Vec<Usage>,
    health: Vec<Health>,
    waiting: Vec<Waiting>,
    running: Vec<Running>,
}

impl Moment {
    fn copy(&mut self, from: &Self) {
        self.usage.clone_from(&from.usage);
        self.health.clone_from(&from.health);
        self.waiting.clone_from(&from.waiting);
        self.running.clone_from(&from.running);
    }
}

impl Lookahead {
    /// The node that loses least, or nobody.
    pub(super) fn choose(&mut self, question: &Question<'_>) -> Option<usize> {
        let (nodes, demand) = (question.nodes, question.demand);
        let address = question.chance.1;
        let horizon_s = question.foresight.source.mean_duration_s;
        let horizon = ((horizon_s / nodes.model.params.dt_s) as u32).clamp(LEAST_TICKS, MOST_TICKS);
        self.look(question, address, horizon);
        let each = price(nodes);
        let mut best = (f64::INFINITY, Choice::Wait);
        let mut candidates = std::mem::take(&mut self.candidates);
        'rules: for rule in RULES {
            candidates.clear();
            let fitting = question.fitting.nodes.iter().map(|node| usize::from(*node));
            candidates.extend(fitting.map(|node| (rule.cost(nodes, node, demand), node)));
            candidates.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            candidates.truncate(MOST_CANDIDATES);
            let choices = candidates.iter().map(|(_, node)| Choice::Node(*node)).chain([Choice::Wait, Choice::LetGo]);
            for choice in choices {
                let cost = self.cost(question, rule, address.tick..address.tick.saturating_add(horizon), choice);
                if cost < best.0 - MARGIN * each {
                    best = (cost, choice);
                }
                if cost == 0.0 {
                    break 'rules;
                }
            }
        }
        self.candidates = candidates;
        if let Choice::Node(node) = best.1 { Some(node) } else { None }
    }

    /// Takes down the present and draws what will come.
    fn look(&mut self, question: &Question<'_>, address: Address, horizon: u32) {
        let (nodes, foresight) = (question.nodes, &question.foresight);
        let dt_s = nodes.model.dt_s;
        self.now.usage.clear();
        self.now.usage.extend_from_slice(nodes.usage);
        self.now.health.clear();
        self.now.health.extend_from_slice(nodes.health);
        self.now.waiting.clear();
        self.now.running.clear();
        for (row, phase) in foresight.phases.iter().enumerate() {
            let (demand, job) = (foresight.demands[row], &foresight.jobs[row]);
            match phase {
                Phase::Queued => self.now.waiting.push(Waiting {
                    key: key(job),
                    demand,
                    until: job.since.saturating_add(1).saturating_add(ticks(job.patience_s, dt_s)),
                    patience: ticks(job.patience_s, dt_s).max(1),
                    ticks: ticks(job.duration_s, dt_s),
                    priority: job.priority,
                }),
                Phase::Placed(node) => self.now.running.push(Running {
                    demand,
                    node: *node,
                    ends: address.tick.saturating_add(ticks(job.left_s, dt_s).saturating_sub(1)),
                    priority: job.priority,
                }),
                Phase::Unused | Phase::Done(_) | Phase::Failed(_) => {}
            }
        }
        self.now.waiting.sort_unstable_by_key(|waiting| waiting.key);
        self.coming.clear();
        let mut arrivals = *foresight.arrivals;
        for tick in address.tick..address.tick.saturating_add(horizon) {
            self.drawn.clear();
            let then = Address { tick, ..address };
            foresight.source.draw(nodes.model, question.chance.0, then, &mut arrivals, &mut self.drawn);
            self.coming.extend(self.drawn.iter().map(|workload| (tick, *workload)));
        }
    }

    /// What is lost in these ticks if the workload that is asked about goes to `choice` and `rule` decides from there on.
    fn cost(&mut self, question: &Question<'_>, rule: Rule, span: Range<u32>, choice: Choice) -> f64 {
        let (first, end) = (span.start, span.end);
        let (nodes, params) = (question.nodes, &question.nodes.model.params);
        let each = price(nodes);
        let dt_s = nodes.model.dt_s;
        let hand = key(&question.foresight.jobs[question.foresight.row]);
        self.then.copy(&self.now);
        let moment = &mut self.then;
        if let Some(at) = moment.waiting.iter().position(|waiting| waiting.key == hand) {
            match choice {
                Choice::Node(node) => moment.start(at, node, first),
                Choice::Wait => moment.waiting[at].key.0 = hand.0.saturating_add(1),
                Choice::LetGo => moment.waiting[at].until = 0,
            }
        }
        let (mut cost, mut coming, mut number) = (0.0, self.coming.iter().peekable(), u32::MAX / 2);
        for tick in span {
            let spent = usize::from(tick == first);
            moment.place(
                rule,
                nodes,
                &mut self.fitting,
                tick,
                params.decisions_per_tick - spent.min(params.decisions_per_tick),
            );
            cost += each * moment.change(tick);
            moment.waiting.retain(|waiting| {
                let goes_on = tick < waiting.until;
                cost += if goes_on { 0.0 } else { each * f64::from(waiting.priority) };
                goes_on
            });
            while let Some((_, new)) = coming.next_if(|(at, _)| *at == tick) {
                number += 1;
                moment.waiting.push(Waiting {
                    key: (0, u8::MAX - new.priority, number),
                    demand: new.demand,
                    until: tick.saturating_add(1).saturating_add(ticks(new.patience_s, dt_s)),
                    patience: ticks(new.patience_s, dt_s).max(1),
                    ticks: ticks(new.duration_s, dt_s),
                    priority: new.priority,
                });
            }
            moment.waiting.sort_unstable_by_key(|waiting| waiting.key);
        }
        let impatience = |w: &Waiting| 1.0 - f64::from(w.until.saturating_sub(end)) / f64::from(w.patience);
        cost + moment
            .waiting
            .iter()
            .map(|w| WAITING * each * f64::from(w.priority) * impatience(w).clamp(0.0, 1.0))
            .sum::<f64>()
    }
}

impl Moment {
    /// The workload at `at` in the queue goes to a node.
    fn start(&mut self, at: usize, node: usize, tick: u32) {
        let waiting = self.waiting.remove(at);
        self.usage[node].take(&waiting.demand);
        self.running.push(Running {
            demand: waiting.demand,
            node: node as u16,
            ends: tick.saturating_add(waiting.ticks.saturating_sub(1)),
            priority: waiting.priority,
        });
    }

    /// The rule places what it can, in the order of turns.
    fn place(&mut self, rule: Rule, nodes: Nodes<'_>, fitting: &mut Fitting, tick: u32, decisions: usize) {
        let (mut at, mut left) = (0, decisions);
        while at < self.waiting.len() && left > 0 {
            let waiting = self.waiting[at];
            if waiting.until < tick {
                at += 1;
                continue;
            }
            let budget_s = waiting.until.saturating_sub(tick) as f32 * nodes.model.dt_s;
            let then = Nodes { usage: &self.usage, health: &self.health, ..nodes };
            fitting.find(then, &waiting.demand.0, budget_s);
            match rule.least(then, &waiting.demand.0, fitting) {
                Some(node) => {
                    self.start(at, node, tick);
                    left -= 1;
                }
                None => at += 1,
            }
        }
    }

    /// Nodes fail or are repaired and workloads end; the summed priorities of those lost with a node.
    fn change(&mut self, tick: u32) -> f64 {
        let Self { usage, health, running, .. } = self;
        let mut lost = 0.0;
        for (node, health) in health.iter_mut().enumerate().filter(|(_, health)| health.changes_at == tick) {
            health.is_down = !health.is_down;
            if health.is_down {
                usage[node] = Usage::default();
                running.retain(|workload| {
                    let stays = usize::from(workload.node) != node;
                    lost += if stays { 0.0 } else { f64::from(workload.priority) };
                    stays
                });
            }
        }
        running.retain(|workload| {
            let goes_on = workload.ends > tick;
            if let (false, Some(usage)) = (goes_on, usage.get_mut(usize::from(workload.node))) {
                usage.give_back(&workload.demand);
            }
            goes_on
        });
        lost
    }
}

/// What the failure of a workload of priority 1 costs; never nothing, whatever the weights.
fn price(nodes: Nodes<'_>) -> f64 {
    let params = &nodes.model.params;
    params.w_success.max(1.0) + params.w_failure.max(0.0)
}

/// The order of turns, as in `queue.rs`.
fn key(job: &Job) -> (u16, u8, u32) {
    (job.declined, u8::MAX - job.priority, job.number)
}

fn ticks(s: f32, dt_s: f32) -> u32 {
    libm::ceilf(s / dt_s) as u32
}
