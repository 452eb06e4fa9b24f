//! The scenario that a trace becomes: how long it lasts, and how large it is.

use super::*;
use crate::{
    domains::{
        AnyDomain, Scenario,
        cluster::{ClusterParams, scenario::TraceStart},
    },
    sim::{Lane, Seeds},
};

/// Workloads of this CPU that arrive and run like this.
fn workloads(times: impl IntoIterator<Item = (f64, f64)>, cpu: f64) -> Vec<Workload> {
    let workload = |(arrival_s, duration_s)| Workload {
        arrival_s,
        duration_s: Some(duration_s),
        demand: [cpu, 0.0, 0.0, 0.0],
        priority: 2,
    };
    times.into_iter().map(workload).collect()
}

fn scenario(workloads: Vec<Workload>) -> (Scenario, ClusterParams) {
    let scenario = into_scenario("t", Format::Plain, workloads, Vec::new()).unwrap();
    scenario.check().unwrap();
    let AnyDomain::Cluster(params) = &scenario.domain else { panic!("{:?}", scenario.domain) };
    (scenario.clone(), params.clone())
}

/// How many workloads are done at the end of the first episode under a rule, and how many have failed.
fn played(scenario: &Scenario) -> (u32, u32) {
    let domain = scenario.domain.domain();
    let mut lane = Lane::new(domain, u32::MAX, Seeds::new(1), 0..1);
    let mut policy = domain.baselines().into_iter().find(|baseline| baseline.name == "first_fit").unwrap().policy;
    for _ in 0..scenario.max_steps {
        lane.act(&mut *policy, 0).unwrap();
        lane.step();
    }
    let metric = |name: &str| lane.ports().metrics[lane.spec().metric(name).unwrap()];
    let done = metric("arrived") * metric("completion") / 100.0;
    (done.round() as u32, (metric("arrived") - done).round() as u32)
}

#[test]
fn a_trace_becomes_a_scenario_that_reads_back_and_runs() {
    let mut bytes = Vec::new();
    generate(Format::Plain, 300, 1, &mut bytes).unwrap();
    let read = read_text(Format::Plain, &bytes[..], 300).unwrap();
    let scenario = into_scenario("small", Format::Plain, read.workloads, Vec::new()).unwrap();
    let again = Scenario::parse(&scenario.to_ron().unwrap(), "small.ron").unwrap();
    assert_eq!(again, scenario);
    let AnyDomain::Cluster(params) = &scenario.domain else { panic!("{:?}", scenario.domain) };
    assert!(params.trace.arrival_s.is_sorted() && params.trace.arrival_s[0] == 0.0);
    let mut lane = Lane::new(scenario.domain.domain(), 100, Seeds::new(1), 0..2);
    (0..120).for_each(|_| lane.step());
    assert_eq!(into_scenario("none", Format::Plain, Vec::new(), Vec::new()).unwrap_err().exit_code(), 2);
}

#[test]
fn workloads_that_all_arrive_at_once_have_an_episode_until_they_have_run() {
    for (run_s, cpu) in [(100.0, 2.0), (86_400.0, 1600.0)] {
        let (scenario, params) = scenario(workloads([(0.0, run_s); 3], cpu));
        let episode_s = f64::from(scenario.max_steps) * params.dt_s;
        assert!((run_s..1.1 * run_s).contains(&episode_s), "{episode_s} s");
        assert_eq!(params.trace.start, TraceStart::First, "what comes once does not go round");
        assert!(params.num_nodes <= 10 && (2.0 * cpu..=4.0 * cpu).contains(&params.node_capacity[0]), "{params:?}");
        assert_eq!((played(&scenario), remarks(&scenario)), ((3, 0), vec![]));
    }
}

#[test]
fn running_times_of_nothing_make_no_tick_of_nothing() {
    // Half of the jobs of this log are too short for its clock.
    let times = (0..100).map(|row| (f64::from(row) * 60.0, if row % 3 == 0 { 600.0 } else { 0.0 }));
    let (scenario, params) = scenario(workloads(times, 1.0));
    assert!((1.0..10.0).contains(&params.dt_s), "{}", params.dt_s);
    assert!((1000..10_000).contains(&scenario.max_steps), "{}", scenario.max_steps);
    let (_, params) = self::scenario(workloads([(0.0, 0.0)], 1.0));
    assert_eq!((params.dt_s, params.patience_s), (1.0, vec![10.0, 40.0]), "no time at all");
}

#[test]
fn an_ordinary_trace_goes_round_and_loads_ten_stand_ins_to_three_quarters() {
    let (scenario, params) = scenario(workloads((0..2000).map(|row| (f64::from(row), 50.0)), 3.0));
    assert_eq!((params.trace.start, params.num_nodes), (TraceStart::Random, 10));
    let load = 3.0 * 50.0 / (10.0 * params.node_capacity[0]);
    assert!((load - 0.75).abs() < 0.01, "{load}");
    assert!((2000..2200).contains(&scenario.max_steps), "{}", scenario.max_steps);
}

#[test]
fn whatever_numbers_a_trace_has_its_scenario_is_valid_or_it_is_told_why_not() {
    let numbers = [0.0, 1e-300, 1e-9, 0.001, 1.0, 1e5, 1e11, 1e12];
    let amounts = [0.0, 1e-300, 0.00004, 1.0, 1e9, 1e15];
    let pairs = numbers.iter().flat_map(|arrival| numbers.map(|runs| (*arrival, runs)));
    for ((arrival, runs), amount) in pairs.flat_map(|pair| amounts.map(|amount| (pair, amount))) {
        let made = into_scenario("t", Format::Plain, workloads([(0.0, 1.0), (arrival, runs)], amount), Vec::new());
        match made {
            Ok(scenario) => {
                scenario.check().unwrap_or_else(|error| panic!("{arrival}, {runs}, {amount}: {error}"));
                let told = remarks(&scenario).concat();
                assert!(!told.contains("of 2 workloads end"), "{arrival}, {runs}, {amount}: {told}");
            }
            Err(refused) => {
                let told = refused.to_string();
                assert!(told.contains("the trace lasts") || told.contains("would need"), "{told}");
            }
        }
    }
}

#[test]
fn as_many_workloads_as_a_scenario_holds_may_come_within_a_moment() {
    for gap_s in [0.0, 1e-9, 1e-6, 1e-3] {
        let all = workloads((0..20_000).map(|row| (f64::from(row) * gap_s, 0.0)), 1.0);
        let (scenario, params) = scenario(all);
        assert!(params.max_workloads == 20_000 || gap_s == 1e-3, "{gap_s} s: {}", params.max_workloads);
        assert_eq!(remarks(&scenario), Vec::<String>::new(), "{gap_s} s");
    }
}

#[test]
fn what_an_episode_leaves_out_is_told() {
    let (mut scenario, _) = scenario(workloads((0..100).map(|row| (f64::from(row) * 10.0, 5.0)), 1.0));
    assert_eq!(remarks(&scenario), Vec::<String>::new());
    scenario.set("max_steps", "100").unwrap();
    let told = remarks(&scenario).concat();
    assert!(told.contains("5 of 100 workloads") && told.contains("`max_steps`"), "{told}");
    scenario.set("dt_s", "10").unwrap();
    let told = remarks(&scenario).concat();
    assert!(told.contains("run for 5 s or less") && told.contains("`dt_s`"), "{told}");
    let nodes = vec![[1.0; 4], [0.5, 4.0, 4.0, 4.0]];
    let large = into_scenario("t", Format::Plain, workloads([(0.0, 9.0), (1.0, 9.0)], 2.0), nodes).unwrap();
    assert!(remarks(&large).concat().contains("2 workloads ask for more than any of the nodes has"));
}

#[test]
fn parts_of_a_node_still_add_up_to_it_in_a_scenario() {
    // Eighths of 1000 MiB and twenty-fourths of a machine have more than four decimals.
    for (part, count) in [(125.0 / 1024.0, 8_u16), (1.0 / 24.0, 24)] {
        let whole = part * f64::from(count);
        let all = workloads((0..count).map(|_| (0.0, 10.0)), part);
        let scenario = into_scenario("t", Format::Plain, all, vec![[whole, 1.0, 1.0, 1.0]]).unwrap();
        assert_eq!(played(&scenario), (u32::from(count), 0), "{count} parts");
    }
}
