//! A trace as a scenario of the cluster domain.

use std::collections::BTreeMap;

use super::{Format, NUM_RESOURCES, Workload};
use crate::{
    domains::{
        AnyDomain, Scenario,
        cluster::{
            ClusterParams,
            scenario::{MAX_ROWS, Resources, Trace},
        },
    },
    error::{Error, Result},
    sim::scenario::VERSION,
};

/// Ticks in which a trace goes by, more where half of its workloads would be shorter than a tick.
const TICKS: f64 = 2000.0;
const MOST_TICKS: u32 = 10_000_000;
/// Shortest and longest wait in ticks.
const PATIENCE_TICKS: [f64; 2] = [10.0, 40.0];
/// Where no nodes are given, as many stand in, so large that a trace that goes round loads them to this share.
const STAND_INS: usize = 10;
const LOAD: f64 = 0.75;

/// The scenario in which these workloads arrive at these nodes, or at stand-ins where there are none.
///
/// A tick is a two-thousandth of the trace, or the median running time if that is shorter; workloads wait 10 to 40 ticks. Both
/// can be set in the scenario.
///
/// # Errors
/// A trace without workloads, or one that is longer than a scenario can be.
pub fn into_scenario(
    name: &str,
    format: Format,
    mut workloads: Vec<Workload>,
    nodes: Vec<[f64; NUM_RESOURCES]>,
) -> Result<Scenario> {
    if workloads.is_empty() {
        return Err(Error::input("the trace has no workloads").hint("ask for more rows, or for another format"));
    }
    if workloads.len() > MAX_ROWS {
        let what = format!("{} workloads, a scenario holds at most {MAX_ROWS}", workloads.len());
        return Err(Error::input(what).hint("take fewer rows"));
    }
    workloads.sort_by(|a, b| a.arrival_s.total_cmp(&b.arrival_s));
    let first_s = workloads.first().map_or(0.0, |workload| workload.arrival_s);
    let last_s = workloads.last().map_or(0.0, |workload| workload.arrival_s);
    let ends = workloads.iter().filter_map(|w| Some(w.arrival_s + w.duration_s?));
    let end_s = ends.fold(last_s, f64::max);
    for workload in &mut workloads {
        let outlasts_s = end_s - workload.arrival_s;
        workload.duration_s = workload.duration_s.or(Some(outlasts_s));
        workload.arrival_s -= first_s;
    }
    let dt_s = tidy(((last_s - first_s) / TICKS).min(median_s(&workloads))).clamp(0.001, 100_000.0);
    let span_s = (last_s - first_s).max(dt_s);
    let stand_ins = if nodes.is_empty() { stand_in(&workloads, span_s) } else { [0.0; NUM_RESOURCES] };
    let num_nodes = if nodes.is_empty() { STAND_INS } else { nodes.len() };
    let per_tick = workloads.len() as f64 * dt_s / span_s;
    let crowd = most_within(&workloads, PATIENCE_TICKS[0] * dt_s);
    let at_once = workloads.iter().filter_map(|w| w.duration_s).sum::<f64>() / span_s;
    let params = ClusterParams {
        num_nodes,
        max_workloads: (most_at_once(&workloads).max(2 * at_once as usize) + 2 * crowd + 64).min(MAX_ROWS),
        dt_s,
        resources: if format == Format::Openb { Resources::Gpu } else { Resources::Host },
        node_capacity: stand_ins.to_vec(),
        capacity_spread: 0.5,
        patience_s: PATIENCE_TICKS.map(|ticks| tidy(ticks * dt_s)).to_vec(),
        // The largest crowd has had its turn before the first of it gives up.
        decisions_per_tick: ((4.0 * per_tick).ceil() as usize).max(crowd.div_ceil(PATIENCE_TICKS[0] as usize)),
        rtt_s: vec![0.0, tidy(0.1 * dt_s)],
        trace: columns(&workloads, &nodes),
        ..ClusterParams::default()
    };
    Ok(Scenario {
        version: VERSION,
        name: name.to_owned(),
        title: format!("Trace {name}"),
        about: format!("{} workloads of a trace in format {}, replayed.", workloads.len(), format.name()),
        seed: 1,
        max_steps: ((span_s / dt_s).ceil() as u32).clamp(1, MOST_TICKS),
        domain: AnyDomain::Cluster(params),
        train: BTreeMap::new(),
    })
}

fn columns(workloads: &[Workload], nodes: &[[f64; NUM_RESOURCES]]) -> Trace {
    let of_nodes = |k: usize| nodes.iter().map(|node| tidy(node[k])).collect();
    let of_demand = |k: usize| workloads.iter().map(|workload| tidy(workload.demand[k])).collect();
    Trace {
        node_cpu: of_nodes(0),
        node_memory: of_nodes(1),
        node_third: of_nodes(2),
        node_storage: of_nodes(3),
        arrival_s: workloads.iter().map(|workload| tidy(workload.arrival_s)).collect(),
        duration_s: workloads.iter().map(|workload| tidy(workload.duration_s.unwrap_or_default())).collect(),
        cpu: of_demand(0),
        memory: of_demand(1),
        third: of_demand(2),
        storage: of_demand(3),
        priority: workloads.iter().map(|workload| usize::from(workload.priority)).collect(),
        ..Trace::default()
    }
}

/// Four decimals: enough for a thousandth of a core, and short in a file.
fn tidy(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

/// Capacity of a mean stand-in.
fn stand_in(workloads: &[Workload], span_s: f64) -> [f64; NUM_RESOURCES] {
    std::array::from_fn(|k| {
        let work: f64 = workloads.iter().map(|w| w.demand[k] * w.duration_s.unwrap_or_default()).sum();
        let largest = workloads.iter().map(|w| w.demand[k]).fold(0.0, f64::max);
        // Even the smallest of them has room for the largest workload.
        tidy((work / span_s / LOAD / STAND_INS as f64).max(2.0 * largest))
    })
}

/// Half of the workloads run for longer, in s.
fn median_s(workloads: &[Workload]) -> f64 {
    let mut durations: Vec<f64> = workloads.iter().map(|w| w.duration_s.unwrap_or_default()).collect();
    durations.sort_by(f64::total_cmp);
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}

/// Most arrivals within a time like this; they are sorted.
fn most_within(workloads: &[Workload], time_s: f64) -> usize {
    let period = |workload: &Workload| (workload.arrival_s / time_s) as u64;
    workloads.chunk_by(|a, b| period(a) == period(b)).map(<[_]>::len).max().unwrap_or_default()
}

/// Most workloads that run at the same time if none has to wait.
fn most_at_once(workloads: &[Workload]) -> usize {
    let starts = workloads.iter().map(|w| (w.arrival_s, 1_i64));
    let ends = workloads.iter().map(|w| (w.arrival_s + w.duration_s.unwrap_or_default(), -1));
    let mut changes: Vec<(f64, i64)> = starts.chain(ends).collect();
    changes.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut running = 0;
    let counts = changes.into_iter().map(|(_, change)| {
        running += change;
        running
    });
    counts.max().unwrap_or_default().unsigned_abs() as usize
}
