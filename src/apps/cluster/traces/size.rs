//! How long the ticks and the episodes of a replayed trace are, and how large the cluster that stands in where none is given.

use super::{NUM_RESOURCES, Workload, scenario::short_time};
use crate::{
    domains::{
        AnyDomain, Scenario,
        cluster::{
            ClusterParams, amounts,
            scenario::{MAX_ROWS, Trace, TraceStart},
        },
    },
    error::{Error, Result},
};

/// Ticks in which an episode goes by; more where half of its workloads would be shorter than a tick, up to the second number.
const TICKS: f64 = 2000.0;
const MOST_TICKS: f64 = 100_000.0;
/// Shortest and longest tick that a scenario can have, in s, and the tick of a trace that takes no time at all.
const SHORTEST_S: f64 = 0.001;
const LONGEST_S: f64 = 100_000.0;
const USUAL_S: f64 = 1.0;
/// Longest episode that a scenario can have, in ticks.
const LONGEST_EPISODE: f64 = 10_000_000.0;
/// A trace with arrivals during fewer ticks does not go round: all of it would come again and again at once.
const LEAST_ROUND: f64 = 100.0;
/// Shortest and longest wait, in ticks.
const PATIENCE_TICKS: [f64; 2] = [10.0, 40.0];
/// Where no nodes are given, as many stand in, fewer where the workloads would leave most of them idle, and together so large
/// that the trace loads them to this share.
const MOST_STAND_INS: usize = 10;
const LEAST_STAND_INS: usize = 2;
const LOAD: f64 = 0.75;

/// What follows from the workloads of a trace.
pub(super) struct Size {
    /// Length of a tick, in s.
    pub dt_s: f64,
    /// Ticks of an episode.
    pub max_steps: u32,
    /// Whether the trace goes round.
    pub is_round: bool,
    /// Shortest and longest wait, in s.
    pub patience_s: [f64; 2],
    /// Rows for the workloads that wait and run.
    pub max_workloads: usize,
    /// Attempts to place a workload in a tick.
    pub decisions_per_tick: usize,
    /// Nodes, those given or stand-ins.
    pub num_nodes: usize,
    /// Capacity of a mean stand-in; nothing where nodes are given.
    pub stand_in: [f64; NUM_RESOURCES],
}

impl Size {
    /// Sizes for workloads in the order of their arrival, the first at 0, all with a running time.
    pub(super) fn of(workloads: &[Workload], nodes: &[[f64; NUM_RESOURCES]]) -> Result<Self> {
        let span_s = workloads.last().map_or(0.0, |workload| workload.arrival_s);
        let end_s = workloads.iter().map(end_s).fold(0.0, f64::max);
        let dt_s = tick_s(workloads, end_s);
        let is_round = span_s >= LEAST_ROUND * dt_s && span_s >= 0.5 * end_s;
        let period_s = if is_round { span_s } else { end_s }.max(dt_s);
        let stand_ins = if nodes.is_empty() { Some(stand_ins(workloads, period_s)?) } else { None };
        let per_tick = workloads.len() as f64 * dt_s / period_s;
        let crowd = most_within(workloads, PATIENCE_TICKS[0] * dt_s);
        let at_once = workloads.iter().filter_map(|w| w.duration_s).sum::<f64>() / period_s;
        let rows = most_at_once(workloads).max(count(2.0 * at_once)) + 2 * crowd + 64;
        Ok(Self {
            dt_s,
            // Who waits for long is done later than in the trace.
            max_steps: count(((end_s / dt_s).ceil() + PATIENCE_TICKS[1] + 2.0).min(LONGEST_EPISODE)) as u32,
            is_round,
            patience_s: PATIENCE_TICKS.map(|ticks| ticks * dt_s),
            max_workloads: rows.min(MAX_ROWS),
            // The largest crowd has had its turn before the first of it gives up.
            decisions_per_tick: count((4.0 * per_tick).ceil()).max(crowd.div_ceil(count(PATIENCE_TICKS[0]))),
            num_nodes: stand_ins.map_or(nodes.len(), |(num_nodes, _)| num_nodes),
            stand_in: stand_ins.map_or([0.0; NUM_RESOURCES], |(_, capacity)| capacity),
        })
    }
}

/// What a person should know of an episode of a replayed trace, as its parameters now are.
pub fn remarks(scenario: &Scenario) -> Vec<String> {
    let AnyDomain::Cluster(params) = &scenario.domain else { return Vec::new() };
    let remarks = [
        what_is_cut(params, f64::from(scenario.max_steps) * params.dt_s),
        what_is_coarse(params),
        what_is_turned_away(params),
        what_is_too_large(params),
    ];
    remarks.into_iter().flatten().collect()
}

/// Says so if an episode is over before the trace is.
fn what_is_cut(params: &ClusterParams, episode_s: f64) -> Option<String> {
    let trace = &params.trace;
    let ends_s = || trace.arrival_s.iter().zip(&trace.duration_s).map(|(at_s, runs_s)| at_s / trace.speed + runs_s);
    let end_s = ends_s().fold(0.0, f64::max);
    if end_s <= episode_s {
        return None;
    }
    let count = ends_s().filter(|end_s| *end_s <= episode_s).count();
    let all = trace.num_arrivals();
    Some(format!(
        "an episode lasts {episode_s} s and the trace {end_s} s: {count} of {all} workloads end within an episode that begins with \
         the trace (`max_steps`, `dt_s`)"
    ))
}

/// Says so if most workloads are over within a tick.
fn what_is_coarse(params: &ClusterParams) -> Option<String> {
    let median_s = median_s(params.trace.duration_s.iter().copied())?;
    let dt_s = params.dt_s;
    (dt_s > median_s * 1.01).then(|| {
        format!("half of the workloads run for {median_s} s or less, which is shorter than a tick of {dt_s} s (`dt_s`)")
    })
}

/// Says so if there may be more workloads at once than the scenario has rows.
fn what_is_turned_away(params: &ClusterParams) -> Option<String> {
    let (trace, most) = (&params.trace, params.max_workloads);
    let found = if trace.start == TraceStart::First { most_at_once(&workloads(trace)) } else { 0 };
    (found > most).then(|| {
        format!("{found} workloads are there at once and {most} can be; those beyond are turned away (`max_workloads`)")
    })
}

/// Says so if workloads ask for more than any node has.
fn what_is_too_large(params: &ClusterParams) -> Option<String> {
    let trace = &params.trace;
    let takes = |node: &[f64; NUM_RESOURCES], w: &Workload| node.iter().zip(w.demand).all(|(has, asks)| *has >= asks);
    // Thousands of nodes are of a few kinds.
    let mut kinds: Vec<[f64; NUM_RESOURCES]> = Vec::new();
    for node in (0..trace.num_nodes()).map(|node| trace.node(node)) {
        if !kinds.contains(&node) {
            kinds.push(node);
        }
    }
    let lost = workloads(trace).iter().filter(|workload| !kinds.iter().any(|node| takes(node, workload))).count();
    (lost > 0 && !kinds.is_empty()).then(|| format!("{lost} workloads ask for more than any of the nodes has"))
}

fn workloads(trace: &Trace) -> Vec<Workload> {
    let workload = |row: usize| Workload {
        arrival_s: trace.arrival_s[row] / trace.speed,
        duration_s: Some(trace.duration_s[row]),
        demand: trace.demand(row),
        priority: 1,
    };
    (0..trace.num_arrivals()).map(workload).collect()
}

/// Length of a tick.
fn tick_s(workloads: &[Workload], end_s: f64) -> f64 {
    let wanted_s = match median_s(workloads.iter().filter_map(|w| w.duration_s)) {
        _ if end_s <= 0.0 => USUAL_S,
        Some(median_s) => (end_s / TICKS).min(median_s).max(end_s / MOST_TICKS),
        None => end_s / TICKS,
    };
    short_time(wanted_s).clamp(SHORTEST_S, LONGEST_S)
}

/// How many nodes stand in, and the capacity of a mean one.
fn stand_ins(workloads: &[Workload], period_s: f64) -> Result<(usize, [f64; NUM_RESOURCES])> {
    let largest: [f64; NUM_RESOURCES] =
        std::array::from_fn(|k| workloads.iter().map(|w| w.demand[k]).fold(0.0, f64::max));
    let total: [f64; NUM_RESOURCES] = std::array::from_fn(|k| {
        workloads.iter().map(|w| w.demand[k] * w.duration_s.unwrap_or_default()).sum::<f64>() / period_s / LOAD
    });
    let parts = total.iter().zip(largest).filter(|(_, largest)| *largest > 0.0).map(|(total, largest)| total / largest);
    let num_nodes = count(parts.fold(0.0, f64::max).ceil()).clamp(LEAST_STAND_INS, MOST_STAND_INS);
    // Even the smallest of them has room for the largest workload.
    let capacity = std::array::from_fn(|k| (total[k] / num_nodes as f64).max(2.0 * largest[k]));
    match capacity.iter().find(|amount| **amount > amounts::MOST) {
        Some(amount) => {
            let what = format!(
                "nodes for these workloads would need {amount:e} of a resource, and {:e} is the most",
                amounts::MOST
            );
            Err(Error::input(what).hint("count amounts in larger units, or name the nodes with `--nodes`"))
        }
        None => Ok((num_nodes, capacity)),
    }
}

/// Half of the workloads that run at all run for longer, in s.
fn median_s(durations: impl Iterator<Item = f64>) -> Option<f64> {
    let mut durations: Vec<f64> = durations.filter(|duration_s| *duration_s > 0.0).collect();
    durations.sort_by(f64::total_cmp);
    durations.get(durations.len() / 2).copied()
}

/// Most arrivals within a time like this; they are sorted.
fn most_within(workloads: &[Workload], time_s: f64) -> usize {
    let period = |workload: &Workload| (workload.arrival_s / time_s).floor();
    workloads.chunk_by(|a, b| period(a) == period(b)).map(<[_]>::len).max().unwrap_or_default()
}

/// Most workloads that run at the same time if none has to wait.
fn most_at_once(workloads: &[Workload]) -> usize {
    let starts = workloads.iter().map(|w| (w.arrival_s, 1_i64));
    let ends = workloads.iter().map(|w| (end_s(w), -1));
    let mut changes: Vec<(f64, i64)> = starts.chain(ends).collect();
    changes.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut running = 0;
    let counts = changes.into_iter().map(|(_, change)| {
        running += change;
        running
    });
    usize::try_from(counts.max().unwrap_or_default()).unwrap_or_default()
}

fn end_s(workload: &Workload) -> f64 {
    workload.arrival_s + workload.duration_s.unwrap_or_default()
}

/// A number as a count: what is negative or no number is 0, and no count is above a billion, so that sums of counts are counts.
fn count(number: f64) -> usize {
    number.clamp(0.0, 1e9) as usize
}
