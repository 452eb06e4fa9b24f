//! What nodes see. The fields of each layout are declared beside the code that fills them.
//!
//! Layout `nodes` has the same size for any number of nodes: others are seen as means, extremes and ranks, so that one
//! policy can run clusters of any size. Nobody sees how long a workload will run.

use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};

use super::{
    components::{Arrivals, Demand, Health, Job, Machine, NUM_PRIORITIES, NUM_RESOURCES, Phase, Usage},
    nodes::{Fitting, Nodes, at_least_some},
    queue::Queue,
    scenario::{ClusterParams, ObservationLayout},
    systems::{Model, Source},
};
use crate::sim::{Clock, Due, Field, Ports, column, field};

/// Numbers of workloads, and sums of their priorities, are shown as n / (n + this).
const HALF_COUNT: f32 = 8.0;
/// Round trips and waits are shown as t / (t + this), in s.
const HALF_TIME_S: f32 = 0.1;
/// Shares beyond 1 are shown up to this.
const MOST: f32 = 2.0;

/// Fields of one node's observation.
pub(super) fn fields(params: &ClusterParams) -> Vec<Field> {
    let names = params.resources.names();
    let each = |prefix: &str, unit: &'static str, low: f32, high: f32| {
        names.iter().map(|name| field(format!("{prefix}_{name}"), unit, low..=high)).collect::<Vec<_>>()
    };
    match params.observation {
        ObservationLayout::Published8 => {
            [each("used", "capacities", 0.0, 1.0), each("free", "capacities", 0.0, 1.0)].concat()
        }
        ObservationLayout::Nodes => {
            let mut fields = [
                each("own_used", "capacities", 0.0, MOST),
                each("own_capacity", "c/(c + mean)", 0.0, 1.0),
                vec![field("own_is_up", "", 0.0..=1.0), field("own_rtt", "t/(t + 0.1 s)", 0.0..=1.0)],
                vec![field("hand_exists", "", 0.0..=1.0), field("hand_fits_here", "", 0.0..=1.0)],
                each("hand_demand", "own capacities", 0.0, 1.0),
                each("hand_slack", "own capacities", -1.0, MOST),
            ]
            .concat();
            fields.extend([
                field("hand_priority", "priority / 3", 0.0..=1.0),
                field("hand_time_left", "t/(t + 0.1 s)", 0.0..=1.0),
                field("hand_declined", "n/(n + 8)", 0.0..=1.0),
                field("hand_nodes_that_fit", "nodes", 0.0..=1.0),
                field("own_rank_by_load", "nodes that fit", 0.0..=1.0),
                field("own_rank_by_slack", "nodes that fit", 0.0..=1.0),
                field("queue_length", "n/(n + 8)", 0.0..=1.0),
                field("queue_cpu", "c/(c + mean)", 0.0..=1.0),
                field("queue_priority", "p/(p + 8)", 0.0..=1.0),
                field("queue_urgency", "p/(p + 8)", 0.0..=1.0),
                field("recent_arrivals", "n/(n + usual)", 0.0..=1.0),
            ]);
            fields.extend(each("mean_used", "capacities", 0.0, MOST));
            fields.push(field("least_used_cpu", "capacities", 0.0..=MOST));
            fields.push(field("most_used_cpu", "capacities", 0.0..=MOST));
            fields
        }
    }
}

/// Name of a layout; a policy trained on one refuses another.
pub(super) fn layout_name(params: &ClusterParams) -> &'static str {
    match params.observation {
        ObservationLayout::Nodes => "cluster/nodes",
        ObservationLayout::Published8 => "cluster/published8",
    }
}

/// The tables that observations are made of.
#[derive(SystemParam)]
pub(super) struct Scene<'w, 's> {
    model: Res<'w, Model>,
    source: Res<'w, Source>,
    envs: Query<'w, 's, (&'static Clock, &'static Arrivals)>,
    machines: Query<'w, 's, &'static Machine>,
    usage: Query<'w, 's, &'static Usage>,
    health: Query<'w, 's, &'static Health>,
    demands: Query<'w, 's, &'static Demand>,
    phases: Query<'w, 's, &'static Phase>,
    jobs: Query<'w, 's, &'static Job>,
}

/// Writes the observations of all envs.
pub(super) fn observe(scene: Scene, mut ports: ResMut<Ports>, mut scratch: Local<Scratch>) {
    scene.write(&mut ports, &mut scratch, |_| true);
}

/// Writes the observations of the envs that are due.
pub(super) fn observe_due(scene: Scene, due: Res<Due>, mut ports: ResMut<Ports>, mut scratch: Local<Scratch>) {
    scene.write(&mut ports, &mut scratch, |slot| due.0[slot]);
}

#[derive(Default)]
pub(super) struct Scratch {
    queue: Queue,
    fitting: Fitting,
    /// Load and slack of the nodes that fit, each sorted.
    loads: Vec<f32>,
    slacks: Vec<f32>,
}

impl Scratch {
    /// Says whose action matters in the next tick. With one decision per tick, those are the nodes that can take the
    /// workload at hand. With several, it is not known yet who will have room for the next workloads, so all nodes
    /// matter as long as one of them can take the workload at hand.
    fn tell_who_matters(&self, decisions: usize, matters: &mut [bool]) {
        matters.fill(decisions > 1 && self.fitting.any());
        self.fitting.nodes.iter().for_each(|node| matters[usize::from(*node)] = true);
    }
}

impl Scene<'_, '_> {
    fn write(&self, ports: &mut Ports, scratch: &mut Scratch, is_due: impl Fn(usize) -> bool) {
        let port = &mut ports.groups[0];
        let (machines, usage, health) = (column(&self.machines), column(&self.usage), column(&self.health));
        let (demands, phases, jobs) = (column(&self.demands), column(&self.phases), column(&self.jobs));
        let rows = port.observations.chunks_exact_mut(port.agents * port.observation_width);
        let rows = rows.zip(port.matters.chunks_exact_mut(port.agents));
        let envs = self.envs.iter().zip(rows).enumerate().filter(|(slot, _)| is_due(*slot));
        for (slot, ((clock, arrivals), (rows, matters))) in envs {
            let (n, w) = (self.model.nodes(slot), self.model.workloads(slot));
            let nodes = Nodes {
                model: &self.model,
                machines: &machines[n.clone()],
                usage: &usage[n.clone()],
                health: &health[n],
            };
            // An episode that has ended still has the clock of its last tick here, one that begins that of its first.
            let pool = (&demands[w.clone()], &phases[w.clone()], &jobs[w]);
            describe(nodes, pool, clock.tick, self.source.crowding(arrivals.recent), scratch, rows);
            if self.model.is_full() && self.model.params.observation == ObservationLayout::Nodes {
                scratch.tell_who_matters(self.model.params.decisions_per_tick, matters);
            }
        }
    }
}

/// Writes what every node sees after tick `tick`: their rows one after the other. `recent` is what came of late, as it is
/// shown.
pub(super) fn describe(
    nodes: Nodes<'_>,
    pool: (&[Demand], &[Phase], &[Job]),
    tick: u32,
    recent: f32,
    scratch: &mut Scratch,
    rows: &mut [f32],
) {
    match nodes.model.params.observation {
        ObservationLayout::Published8 => published8(nodes, rows),
        ObservationLayout::Nodes => View::of(nodes, pool, tick, recent, scratch).write(rows),
    }
}

fn published8(nodes: Nodes<'_>, rows: &mut [f32]) {
    for (node, row) in rows.chunks_exact_mut(2 * NUM_RESOURCES).enumerate() {
        for k in 0..NUM_RESOURCES {
            let used = (nodes.used(node, k) as f32).clamp(0.0, 1.0);
            (row[k], row[NUM_RESOURCES + k]) = (used, 1.0 - used);
        }
    }
}

/// One env, and what all its nodes see alike.
struct View<'a> {
    nodes: Nodes<'a>,
    hand: Option<(&'a Demand, &'a Job)>,
    time_left_s: f32,
    fitting: &'a Fitting,
    loads: &'a [f32],
    slacks: &'a [f32],
    queue_length: f32,
    queue_cpu: f32,
    /// Priorities of those that wait: what can be lost; and each by the part of its patience that is used up: what soon will be.
    queue_priority: f32,
    queue_urgency: f32,
    recent: f32,
    mean_used: [f32; NUM_RESOURCES],
    least_used: f32,
    most_used: f32,
}

/// The first workload, in the order of turns, that some node can take; without one, the first.
pub(super) fn at_hand(
    nodes: Nodes<'_>,
    queue: &Queue,
    (demands, jobs): (&[Demand], &[Job]),
    tick: u32,
    fitting: &mut Fitting,
) -> Option<usize> {
    for row in queue.rows() {
        fitting.find(nodes, &demands[row].0, nodes.model.budget_s(&jobs[row], tick));
        if fitting.any() {
            return Some(row);
        }
    }
    queue.rows().next()
}

impl<'a> View<'a> {
    fn of(
        nodes: Nodes<'a>,
        (demands, phases, jobs): (&'a [Demand], &'a [Phase], &'a [Job]),
        tick: u32,
        recent: f32,
        scratch: &'a mut Scratch,
    ) -> Self {
        let Scratch { queue, fitting, loads, slacks } = scratch;
        queue.gather(nodes.model, phases, jobs);
        fitting.nodes.clear();
        let next = tick.saturating_add(1);
        let hand = at_hand(nodes, queue, (demands, jobs), next, fitting);
        loads.clear();
        slacks.clear();
        if let Some(row) = hand {
            let fitting = fitting.nodes.iter().map(|node| usize::from(*node));
            loads.extend(fitting.clone().map(|node| load(nodes, node)));
            slacks.extend(fitting.map(|node| slack(nodes, node, &demands[row])));
            loads.sort_unstable_by(f32::total_cmp);
            slacks.sort_unstable_by(f32::total_cmp);
        }
        let cpu: f32 = queue.rows().map(|row| demands[row].0[0]).sum();
        let priority: f32 = queue.rows().map(|row| f32::from(jobs[row].priority)).sum();
        let impatience = |job: &Job| {
            let left = nodes.model.budget_s(job, next) / job.patience_s.max(f32::MIN_POSITIVE);
            1.0 - left.clamp(0.0, 1.0)
        };
        let urgency: f32 = queue.rows().map(|row| f32::from(jobs[row].priority) * impatience(&jobs[row])).sum();
        let mut view = Self {
            nodes,
            hand: hand.map(|row| (&demands[row], &jobs[row])),
            time_left_s: hand.map_or(0.0, |row| nodes.model.budget_s(&jobs[row], next).clamp(0.0, 1e6)),
            fitting,
            loads,
            slacks,
            queue_length: squash(queue.len() as f32, HALF_COUNT),
            queue_cpu: squash(cpu, nodes.model.mean_capacity[0].max(f32::MIN_POSITIVE)),
            queue_priority: squash(priority, HALF_COUNT),
            queue_urgency: squash(urgency, HALF_COUNT),
            recent,
            mean_used: [0.0; NUM_RESOURCES],
            least_used: f32::INFINITY,
            most_used: 0.0,
        };
        let share = 1.0 / nodes.machines.len() as f32;
        for node in 0..nodes.machines.len() {
            for (k, mean) in view.mean_used.iter_mut().enumerate() {
                *mean += share * used(nodes, node, k);
            }
            let cpu = used(nodes, node, 0);
            (view.least_used, view.most_used) = (view.least_used.min(cpu), view.most_used.max(cpu));
        }
        view
    }

    fn write(&self, rows: &mut [f32]) {
        let num_nodes = self.nodes.machines.len();
        let width = rows.len() / num_nodes;
        let mut fits = self.fitting.nodes.iter().map(|node| usize::from(*node)).peekable();
        for (node, row) in rows.chunks_exact_mut(width).enumerate() {
            let fits_here = fits.next_if_eq(&node).is_some();
            let mut row = Row { numbers: row, at: 0 };
            self.itself(node, &mut row);
            self.workload_at_hand(node, fits_here, &mut row);
            row.push(&[self.queue_length, self.queue_cpu, self.queue_priority, self.queue_urgency, self.recent]);
            row.push(&self.mean_used);
            row.push(&[self.least_used, self.most_used]);
        }
    }

    fn itself(&self, node: usize, row: &mut Row<'_>) {
        let machine = &self.nodes.machines[node];
        row.push(&std::array::from_fn::<_, NUM_RESOURCES, _>(|k| used(self.nodes, node, k)));
        let mean = self.nodes.model.mean_capacity;
        row.push(&std::array::from_fn::<_, NUM_RESOURCES, _>(|k| {
            squash(machine.capacity[k], mean[k].max(f32::MIN_POSITIVE))
        }));
        row.push(&[flag(!self.nodes.health[node].is_down), squash(machine.rtt_s, HALF_TIME_S)]);
    }

    fn workload_at_hand(&self, node: usize, fits_here: bool, row: &mut Row<'_>) {
        let Some((demand, job)) = self.hand else {
            return row.skip(8 + 2 * NUM_RESOURCES);
        };
        let machine = &self.nodes.machines[node];
        row.push(&[1.0, flag(fits_here)]);
        let share = |k: usize| at_least_some(machine.capacity[k]);
        row.push(&std::array::from_fn::<_, NUM_RESOURCES, _>(|k| (f64::from(demand.0[k]) / share(k)).min(1.0) as f32));
        row.push(&std::array::from_fn::<_, NUM_RESOURCES, _>(|k| {
            let left = (self.nodes.free(node, k) - f64::from(demand.0[k])) / share(k);
            left.clamp(-1.0, f64::from(MOST)) as f32
        }));
        let num_nodes = self.nodes.machines.len() as f32;
        row.push(&[
            f32::from(job.priority) / NUM_PRIORITIES as f32,
            squash(self.time_left_s, HALF_TIME_S),
            squash(f32::from(job.declined), HALF_COUNT),
            self.fitting.nodes.len() as f32 / num_nodes,
        ]);
        if fits_here {
            let rank = |sorted: &[f32], own: f32| sorted.partition_point(|x| *x < own) as f32 / sorted.len() as f32;
            row.push(&[rank(self.loads, load(self.nodes, node)), rank(self.slacks, slack(self.nodes, node, demand))]);
        } else {
            row.push(&[1.0, 1.0]);
        }
    }
}

/// Share of a resource that is taken, as it is shown.
fn used(nodes: Nodes<'_>, node: usize, k: usize) -> f32 {
    nodes.used(node, k).clamp(0.0, f64::from(MOST)) as f32
}

fn load(nodes: Nodes<'_>, node: usize) -> f32 {
    nodes.used(node, 0) as f32
}

fn slack(nodes: Nodes<'_>, node: usize, demand: &Demand) -> f32 {
    nodes.waste(node, &demand.0, |_| 1.0).unwrap_or_default() as f32
}

/// A number from 0 on as one below 1; `half` becomes a half.
fn squash(x: f32, half: f32) -> f32 {
    x / (x + half)
}

fn flag(is_so: bool) -> f32 {
    f32::from(u8::from(is_so))
}

/// Fills one observation from left to right; what is skipped is 0.
struct Row<'a> {
    numbers: &'a mut [f32],
    at: usize,
}

impl Row<'_> {
    fn push(&mut self, numbers: &[f32]) {
        self.numbers[self.at..self.at + numbers.len()].copy_from_slice(numbers);
        self.at += numbers.len();
    }

    fn skip(&mut self, count: usize) {
        self.numbers[self.at..self.at + count].fill(0.0);
        self.at += count;
    }
}
