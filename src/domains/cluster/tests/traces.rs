//! Replayed traces.

use super::*;
use crate::{
    domains::cluster::scenario::{Trace, TraceStart},
    sim::Domain,
};

/// Three arrivals at two nodes.
fn small(start: TraceStart) -> ClusterParams {
    ClusterParams {
        num_nodes: 2,
        trace: Trace {
            node_cpu: vec![10.0, 20.0],
            node_memory: vec![8.0; 2],
            node_third: vec![1.0; 2],
            node_storage: vec![1.0; 2],
            arrival_s: vec![0.0, 0.35, 0.35],
            duration_s: vec![5.0, 6.0, 7.0],
            cpu: vec![1.0, 2.0, 30.0],
            memory: vec![1.0; 3],
            third: vec![0.0; 3],
            storage: vec![0.0; 3],
            priority: vec![3, 2, 1],
            speed: 1.0,
            start,
        },
        ..quiet()
    }
}

#[test]
fn workloads_arrive_when_the_trace_says_and_as_it_says() {
    let mut stage = Stage::new(&small(TraceStart::First));
    let machines: Vec<f32> = stage.all::<Machine, ()>().iter().map(|machine| machine.capacity[0]).collect();
    assert_eq!(machines, [10.0, 20.0]);
    let mut counts = Vec::new();
    for _ in 0..6 {
        counts.push(stage.all::<Arrivals, ()>()[0].count);
        stage.step(&[-1.0; 2]);
    }
    // 0.35 s are over in the fourth tick of a tenth of a second.
    assert_eq!(counts, [1, 1, 1, 1, 3, 3]);
    let jobs: Vec<_> = stage.all::<Job, ()>()[..3].iter().map(|job| (job.duration_s, job.priority)).collect();
    assert_eq!(jobs, [(5.0, 3), (6.0, 2), (7.0, 1)]);
    assert_eq!(stage.all::<Demand, ()>()[2].0, [30.0, 1.0, 0.0, 0.0]);
    (0..50).for_each(|_| stage.step(&[-1.0; 2]));
    assert_eq!(stage.all::<Arrivals, ()>()[0].count, 3, "it is over");
}

#[test]
fn a_faster_trace_has_the_same_workloads_sooner() {
    let mut params = small(TraceStart::First);
    params.trace.speed = 3.5;
    let mut stage = Stage::new(&params);
    stage.step(&[-1.0; 2]);
    assert_eq!(stage.all::<Arrivals, ()>()[0].count, 3, "0.35 s have become a tenth");
    assert_eq!(stage.all::<Job, ()>()[2].duration_s, 7.0);
}

#[test]
fn a_trace_that_begins_anywhere_goes_round() {
    let mut stage = Stage::seeded(&small(TraceStart::Random), 5);
    (0..200).for_each(|_| stage.step(&[-1.0; 2]));
    assert!(stage.all::<Arrivals, ()>()[0].count > 60, "{:?}", stage.all::<Arrivals, ()>()[0]);
    let firsts: std::collections::BTreeSet<u32> = (0..20)
        .map(|seed| Stage::seeded(&small(TraceStart::Random), seed).all::<Arrivals, ()>()[0].first_row)
        .collect();
    assert_eq!(firsts.len(), 3);
}

#[test]
fn more_arrivals_than_a_tick_can_have_are_refused_with_their_number() {
    let told = |change: fn(&mut ClusterParams)| {
        let mut params = ClusterParams::default();
        change(&mut params);
        params.check().map_err(|error| error.to_string())
    };
    assert_eq!(told(|_| ()), Ok(()));
    let long = told(|params| params.dt_s = 100_000.0).unwrap_err();
    assert!(long.contains("500000 arrivals a tick") && long.contains("shorten `dt_s`"), "{long}");
    let many = told(|params| params.arrival_rate_hz = 100_000.0).unwrap_err();
    assert!(many.contains("`arrival_rate_hz` 100000") && many.contains("10000 arrivals a tick"), "{many}");
    let crowd = told(|params| (params.max_workloads, params.arrival_rate_hz) = (20_000, 100_000.0)).unwrap_err();
    assert!(crowd.contains("at most 1000; shorten `dt_s` or lower `arrival_rate_hz`"), "{crowd}");
    let spike = told(|params| {
        (params.max_workloads, params.arrival_rate_hz) = (1000, 5_000.0);
        (params.spike_interval_s, params.spike_factor) = (10.0, 100.0);
    });
    assert!(spike.unwrap_err().contains("50000 arrivals in a tick of a spike"));
    let replayed = |start, speed| {
        let mut params = small(start);
        params.trace.speed = speed;
        params.check()
    };
    assert!(replayed(TraceStart::First, 1e6).is_ok(), "all of it comes at once, and never again");
    assert!(replayed(TraceStart::Random, 1e6).is_ok(), "three rows a tick");
    let mut slow = small(TraceStart::Random);
    (slow.dt_s, slow.max_workloads) = (0.35, 2);
    assert!(slow.check().unwrap_err().to_string().contains("`trace.speed` 1 with `dt_s` 0.35"));
}

#[test]
fn a_trace_that_does_not_fit_together_is_refused() {
    let refused = |change: fn(&mut ClusterParams)| {
        let mut params = small(TraceStart::First);
        change(&mut params);
        params.check().unwrap_err().to_string()
    };
    assert!(small(TraceStart::First).check().is_ok());
    assert!(refused(|params| params.trace.cpu.truncate(2)).contains("`trace.cpu` has 2 entries"));
    assert!(refused(|params| params.num_nodes = 5).contains("the trace has 2 nodes"));
    assert!(refused(|params| params.trace.arrival_s.reverse()).contains("order of time"));
    assert!(refused(|params| params.mode = Mode::Repaired).contains("`mode`"));
    assert!(refused(|params| params.rtt_s = vec![2.0, 1.0]).contains("`rtt_s` goes from 2 down to 1"));
}
