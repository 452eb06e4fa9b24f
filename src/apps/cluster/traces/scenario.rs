//! A trace as a scenario of the cluster domain.

use std::collections::BTreeMap;

use super::{Format, MAX_TIME_S, NUM_RESOURCES, Workload, size::Size};
use crate::{
    domains::{
        AnyDomain, Scenario,
        cluster::{
            ClusterParams,
            scenario::{MAX_ROWS, Resources, Trace, TraceStart},
        },
    },
    error::{Error, Result},
    sim::scenario::VERSION,
};

/// Longest round trip that a scenario can have, in s.
const LONGEST_RTT_S: f64 = 1000.0;

/// The scenario in which these workloads arrive at these nodes, or at stand-ins where there are none.
///
/// An episode lasts until all workloads have run. Where arrivals go on for at least half of that time, the trace goes round
/// and an episode begins anywhere in it; otherwise it is played once from its first arrival. A tick is a two-thousandth of
/// the episode, or the median running time if that is shorter; workloads wait 10 to 40 ticks. All of it can be set in the
/// scenario; [`remarks`](super::remarks) tells what comes of that.
///
/// # Errors
/// A trace without workloads, with more than a scenario holds, longer than an episode can be, or with workloads so large that
/// no stand-in could take them.
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
    begin_at_zero(&mut workloads)?;
    let size = Size::of(&workloads, &nodes)?;
    let params = ClusterParams {
        num_nodes: size.num_nodes,
        max_workloads: size.max_workloads,
        dt_s: size.dt_s,
        resources: if format == Format::Openb { Resources::Gpu } else { Resources::Host },
        node_capacity: size.stand_in.map(short_amount).to_vec(),
        capacity_spread: 0.5,
        patience_s: size.patience_s.map(short_time).to_vec(),
        decisions_per_tick: size.decisions_per_tick,
        // A trace knows nothing of ways; they are short beside a tick, and never longer than ways can be.
        rtt_s: vec![0.0, short_time((0.1 * size.dt_s).min(LONGEST_RTT_S))],
        trace: columns(&workloads, &nodes, if size.is_round { TraceStart::Random } else { TraceStart::First }),
        ..ClusterParams::default()
    };
    Ok(Scenario {
        version: VERSION,
        name: name.to_owned(),
        title: format!("Trace {name}"),
        about: format!("{} workloads of a trace in format {}, replayed.", workloads.len(), format.name()),
        seed: 1,
        max_steps: size.max_steps,
        domain: AnyDomain::Cluster(params),
        train: BTreeMap::new(),
    })
}

/// Sorts workloads by their arrival, the first of which becomes 0. Those whose end nobody saw run until the end of the trace.
fn begin_at_zero(workloads: &mut [Workload]) -> Result<()> {
    workloads.sort_by(|a, b| a.arrival_s.total_cmp(&b.arrival_s));
    let first_s = workloads.first().map_or(0.0, |workload| workload.arrival_s);
    let ends = workloads.iter().map(|w| w.arrival_s + w.duration_s.unwrap_or_default());
    let end_s = ends.fold(first_s, f64::max);
    if end_s - first_s > MAX_TIME_S {
        let what = format!("the trace lasts {:e} s, and {MAX_TIME_S:e} s is the most", end_s - first_s);
        return Err(Error::input(what).hint("check the unit of its times, which is the second"));
    }
    for workload in workloads {
        workload.duration_s = workload.duration_s.or(Some(end_s - workload.arrival_s));
        workload.arrival_s -= first_s;
    }
    Ok(())
}

fn columns(workloads: &[Workload], nodes: &[[f64; NUM_RESOURCES]], start: TraceStart) -> Trace {
    let of_nodes = |k: usize| nodes.iter().map(|node| short_amount(node[k])).collect();
    let of_demand = |k: usize| workloads.iter().map(|workload| short_amount(workload.demand[k])).collect();
    Trace {
        node_cpu: of_nodes(0),
        node_memory: of_nodes(1),
        node_third: of_nodes(2),
        node_storage: of_nodes(3),
        arrival_s: workloads.iter().map(|workload| short_time(workload.arrival_s)).collect(),
        duration_s: workloads.iter().map(|workload| short_time(workload.duration_s.unwrap_or_default())).collect(),
        cpu: of_demand(0),
        memory: of_demand(1),
        third: of_demand(2),
        storage: of_demand(3),
        priority: workloads.iter().map(|workload| usize::from(workload.priority)).collect(),
        start,
        ..Trace::default()
    }
}

/// A time to a tenth of a millisecond, which is short in a file.
pub(super) fn short_time(time_s: f64) -> f64 {
    short(time_s, 1e4)
}

/// An amount to eight decimals: those of MiB in GiB or of thirds, rounded more, would no longer add up to what they are parts
/// of.
fn short_amount(amount: f64) -> f64 {
    short(amount, 1e8)
}

/// A number in whole parts of one. Numbers too large for `f64` to have such parts stay as they are.
fn short(number: f64, parts: f64) -> f64 {
    let scaled = number * parts;
    if scaled.abs() < 1e15 { scaled.round() / parts } else { number }
}
