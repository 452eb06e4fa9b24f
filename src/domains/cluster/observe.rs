//! What nodes see. The fields of each layout are declared beside the code that fills them.
//!
//! Layout `nodes` has the same size for any number of nodes: others are seen as means, extremes and ranks, so that one
//! policy can run clusters of any size. Nobody sees how long a workload will run.

use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};

use super::{
    components::{Arrivals, Demand, Job, NUM_PRIORITIES, NUM_RESOURCES, Phase},
    nodes::{Fitting, Nodes, Park, at_least_some},
    queue::Queue,
    scenario::{ClusterParams, ObservationLayout},
    source::Source,
};
use crate::sim::{Clock, Declared, Due, Field, Ports, column, field, kit::Row};

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
    park: Park<'w, 's>,
    source: Res<'w, Source>,
    declared: Res<'w, Declared>,
    due: Res<'w, Due>,
    envs: Query<'w, 's, (&'static Clock, &'static Arrivals)>,
    demands: Query<'w, 's, &'static Demand>,
    phases: Query<'w, 's, &'static Phase>,
    jobs: Query<'w, 's, &'static Job>,
}

/// Writes the observations of the envs that are due.
pub(super) fn observe(scene: Scene, mut ports: ResMut<Ports>, mut scratch: Local<Scratch>) {
    let (port, model) = (&mut ports.groups[0], &scene.park.model);
    let (all, fields) = (scene.park.nodes(), &scene.declared.0.groups[0].observation);
    let (demands, phases, jobs) = (column(&scene.demands), column(&scene.phases), column(&scene.jobs));
    let rows = port.observations.chunks_exact_mut(port.agents * port.observation_width);
    let rows = rows.zip(port.matters.chunks_exact_mut(port.agents));
    let envs = scene.envs.iter().zip(rows).enumerate().filter(|(slot, _)| scene.due.0[*slot]);
    for (slot, ((clock, arrivals), (rows, matters))) in envs {
        let w = model.workloads(slot);
        // An episode that has ended still has the clock of its last tick here, one that begins that of its first.
        let pool = (&demands[w.clone()], &phases[w.clone()], &jobs[w]);
        let recent = scene.source.crowding(arrivals.recent);
        describe(all.env(slot), pool, clock.tick, recent, &mut scratch, (fields, &mut *rows));
        if model.is_full() && model.params.observation == ObservationLayout::Nodes {
            scratch.tell_who_matters(model.params.decisions_per_tick, matters);
        }
    }
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

/// Writes what every node sees after tick `tick`: their rows one after the other, declared as `fields`. `recent` is what came of
/// late, as it is shown.
pub(super) fn describe(
    nodes: Nodes<'_>,
    pool: (&[Demand], &[Phase], &[Job]),
    tick: u32,
    recent: f32,
    scratch: &mut Scratch,
    (fields, rows): (&[Field], &mut [f32]),
) {
    match nodes.model.params.observation {
        ObservationLayout::Published8 => Row::each(rows, fields, |node, row| published8(nodes, node, row)),
        ObservationLayout::Nodes => {
            let view = View::of(nodes, pool, tick, recent, scratch);
            let mut fits = view.fitting.nodes.iter().map(|node| usize::from(*node)).peekable();
            Row::each(rows, fields, |node, row| view.write(node, fits.next_if_eq(&node).is_some(), row));
        }
    }
}

fn published8(nodes: Nodes<'_>, node: usize, row: &mut Row<'_>) {
    let used = by_resource(|k| (nodes.used(node, k) as f32).clamp(0.0, 1.0));
    row.put_all("used_", used);
    row.put_all("free_", used.map(|used| 1.0 - used));
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

    /// Writes what `node` sees.
    fn write(&self, node: usize, fits_here: bool, row: &mut Row<'_>) {
        self.itself(node, row);
        self.workload_at_hand(node, fits_here, row);
        row.put(
            ["queue_length", "queue_cpu", "queue_priority", "queue_urgency", "recent_arrivals"],
            [self.queue_length, self.queue_cpu, self.queue_priority, self.queue_urgency, self.recent],
        );
        row.put_all("mean_used_", self.mean_used);
        row.put(["least_used_cpu", "most_used_cpu"], [self.least_used, self.most_used]);
    }

    fn itself(&self, node: usize, row: &mut Row<'_>) {
        let (machine, mean) = (&self.nodes.machines[node], self.nodes.model.mean_capacity);
        row.put_all("own_used_", by_resource(|k| used(self.nodes, node, k)));
        let capacity = by_resource(|k| squash(machine.capacity[k], mean[k].max(f32::MIN_POSITIVE)));
        row.put_all("own_capacity_", capacity);
        let is_up = flag(!self.nodes.health[node].is_down);
        row.put(["own_is_up", "own_rtt"], [is_up, squash(machine.rtt_s, HALF_TIME_S)]);
    }

    /// Zeros where there is none.
    fn workload_at_hand(&self, node: usize, fits_here: bool, row: &mut Row<'_>) {
        let (mut needs, mut slacks, mut told, mut ranks) =
            ([0.0; NUM_RESOURCES], [0.0; NUM_RESOURCES], [0.0; 4], [0.0; 2]);
        if let Some((demand, job)) = self.hand {
            let machine = &self.nodes.machines[node];
            let share = |k: usize| at_least_some(machine.capacity[k]);
            needs = by_resource(|k| (f64::from(demand.0[k]) / share(k)).min(1.0) as f32);
            slacks = by_resource(|k| {
                let left = (self.nodes.free(node, k) - f64::from(demand.0[k])) / share(k);
                left.clamp(-1.0, f64::from(MOST)) as f32
            });
            told = [
                f32::from(job.priority) / NUM_PRIORITIES as f32,
                squash(self.time_left_s, HALF_TIME_S),
                squash(f32::from(job.declined), HALF_COUNT),
                self.fitting.nodes.len() as f32 / self.nodes.machines.len() as f32,
            ];
            let rank = |sorted: &[f32], own: f32| sorted.partition_point(|x| *x < own) as f32 / sorted.len() as f32;
            ranks = [1.0; 2];
            if fits_here {
                let (load, slack) = (load(self.nodes, node), slack(self.nodes, node, demand));
                ranks = [rank(self.loads, load), rank(self.slacks, slack)];
            }
        }
        row.put(["hand_exists", "hand_fits_here"], [flag(self.hand.is_some()), flag(fits_here)]);
        row.put_all("hand_demand_", needs);
        row.put_all("hand_slack_", slacks);
        row.put(["hand_priority", "hand_time_left", "hand_declined", "hand_nodes_that_fit"], told);
        row.put(["own_rank_by_load", "own_rank_by_slack"], ranks);
    }
}

/// A number for each resource.
fn by_resource(number: impl FnMut(usize) -> f32) -> [f32; NUM_RESOURCES] {
    std::array::from_fn(number)
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
