//! What becomes of workloads and nodes.

use super::*;

#[test]
fn a_workload_runs_for_its_duration_and_gives_everything_back() {
    let mut stage = Stage::new(&quiet());
    stage.put_machines(&[50.0; 3]);
    stage.put_queue(&[30.0]);
    stage.step(&[1.0, 0.0, 0.0]);
    // One second is ten ticks; that of its placement is the first.
    for tick in 2..=10 {
        assert_eq!(stage.all::<Usage, ()>()[0].0[0], 30.0, "tick {tick}");
        stage.step(&[0.0; 3]);
    }
    assert_eq!(stage.all::<Phase, ()>()[0], Phase::Done(0));
    assert_eq!(stage.all::<Usage, ()>()[0], Usage::default());
    assert_eq!((stage.counts().completed, stage.metric("completion")), ([0, 1, 0], 100.0));
}

#[test]
fn whoever_waits_for_longer_than_its_patience_fails_of_what_kept_it() {
    for (rtt_s, is_of_spike, was_lost, expected) in [
        (0.0, false, false, Cause::Insufficient),
        (0.0, true, false, Cause::Spike),
        (0.0, true, true, Cause::NodeFailure),
        (2.0, true, false, Cause::Latency),
    ] {
        let mut stage = Stage::new(&quiet());
        let cpu = if rtt_s > 0.0 { 50.0 } else { 20.0 };
        stage.put::<_, ()>(&[Machine { capacity: [cpu, 1000.0, 1000.0, 1000.0], rtt_s }; 3]);
        stage.put_queue(&[30.0]);
        let job = stage.all::<Job, ()>()[0];
        stage.put::<_, ()>(&[Job { is_of_spike, was_lost, ..job }]);
        for _ in 0..10 {
            stage.step(&[1.0; 3]);
            assert_eq!(stage.all::<Phase, ()>()[0], Phase::Queued);
        }
        stage.step(&[1.0; 3]);
        assert_eq!(stage.all::<Phase, ()>()[0], Phase::Failed(expected));
        assert_eq!((stage.counts().failed, stage.metric("sla_violations")), ([0, 1, 0], 100.0));
    }
}

#[test]
fn a_far_node_starts_a_workload_later_and_only_if_that_is_in_time() {
    let mut stage = Stage::new(&quiet());
    let machine = |rtt_s| Machine { capacity: [50.0, 1000.0, 1000.0, 1000.0], rtt_s };
    stage.put::<_, ()>(&[machine(1.5), machine(0.5), machine(0.25)]);
    stage.put_queue(&[30.0]);
    stage.step(&[1.0, 0.5, 0.1]);
    assert_eq!(stage.all::<Phase, ()>()[0], Phase::Placed(1), "the first would start it too late");
    assert!((stage.metric("queue_wait") - 0.5).abs() < 1e-6);
    assert!((stage.all::<Job, ()>()[0].left_s - 1.4).abs() < 1e-6, "its way and its second, less a tick");
}

#[test]
fn a_failing_node_loses_what_it_runs_and_pays_it_back() {
    let mut stage = Stage::new(&ClusterParams { mtbf_s: 1e6, mttr_s: 1.0, ..quiet() });
    stage.put_machines(&[50.0, 20.0, 20.0]);
    stage.put_queue(&[30.0]);
    stage.step(&[1.0, 0.0, 0.0]);
    let rewards = stage.lane.ports().groups[0].terms[0];
    assert_eq!(rewards, 20.0, "ten times its priority");
    let tick = stage.tick();
    stage.put::<_, ()>(&[Health { is_down: false, changes_at: tick + 1 }]);
    stage.step(&[1.0, 0.0, 0.0]);
    assert_eq!(stage.lane.ports().groups[0].terms[0], -20.0);
    let job = stage.all::<Job, ()>()[0];
    assert_eq!((stage.all::<Phase, ()>()[0], job.was_lost, job.since), (Phase::Queued, true, tick + 1));
    assert_eq!((stage.all::<Usage, ()>()[0], stage.counts().lost), (Usage::default(), 1));
    assert!(stage.all::<Health, ()>()[0].is_down && stage.metric("nodes_up") < 67.0);
    stage.step(&[1.0, 0.0, 0.0]);
    assert_eq!(stage.all::<Phase, ()>()[0], Phase::Queued, "a node that is down takes nothing");
}

#[test]
fn nodes_fail_as_often_as_they_should() {
    let params =
        ClusterParams { num_nodes: 100, mtbf_s: 6.0, mttr_s: 2.0, max_workloads: 1, arrival_rate_hz: 0.0, ..quiet() };
    let mut stage = Stage::new(&params);
    let mut up = 0.0;
    for tick in 0..2000 {
        stage.step(&[0.0; 100]);
        up += if tick >= 200 { stage.metric("nodes_up") / 1800.0 } else { 0.0 };
    }
    // Ticks round times up by half a tick on average.
    assert!((up - 100.0 * 6.05 / 8.1).abs() < 1.5, "{up} % of the nodes work");
}

#[test]
fn an_overcommitted_node_takes_more_and_gets_slower() {
    let mut stage = Stage::new(&ClusterParams { cpu_overcommit: 2.0, ..quiet() });
    stage.put_machines(&[30.0, 1.0, 1.0]);
    stage.put_queue(&[30.0, 30.0, 30.0]);
    stage.step(&[1.0; 3]);
    assert_eq!(stage.all::<Phase, ()>()[..3], [Phase::Placed(0), Phase::Placed(0), Phase::Queued]);
    assert!((stage.all::<Job, ()>()[0].left_s - 0.95).abs() < 1e-6, "half the speed");
}

#[test]
fn who_finds_no_row_is_turned_away() {
    let mut stage = Stage::new(&ClusterParams { max_workloads: 2, arrival_rate_hz: 100.0, ..quiet() });
    stage.put_machines(&[1.0; 3]);
    stage.step(&[0.0; 3]);
    let (counts, count) = (stage.counts(), stage.all::<Arrivals, ()>()[0].count);
    assert!(count > 2 && counts.by_cause[Cause::Insufficient.index()] > 0, "{counts:?} of {count}");
}

#[test]
fn more_than_usual_is_a_spike() {
    let spiky = |spike_interval_s| ClusterParams {
        max_workloads: 500,
        arrival_rate_hz: 5.0,
        spike_interval_s,
        spike_factor: 6.0,
        ..ClusterParams::default()
    };
    let share = |params: &ClusterParams| {
        let mut stage = Stage::new(params);
        let (mut of_spike, mut all) = (0, 0);
        for _ in 0..3000 {
            stage.obey(Rule::BestFit);
            let now = stage.tick();
            for (phase, job) in stage.all::<Phase, ()>().iter().zip(stage.all::<Job, ()>()) {
                let is_new = *phase == Phase::Queued && job.since == now;
                (of_spike, all) = (of_spike + u32::from(is_new && job.is_of_spike), all + u32::from(is_new));
            }
        }
        (f64::from(of_spike) / f64::from(all), all)
    };
    let ((calm, few), (spiked, many)) = (share(&spiky(0.0)), share(&spiky(10.0)));
    assert!(calm < 0.2 && spiked > 0.5, "{calm} and {spiked} of the arrivals are of a spike");
    assert!(f64::from(many) > 1.5 * f64::from(few), "{few} and {many} arrivals");
}

#[test]
fn arrivals_come_at_their_rate() {
    let params = ClusterParams { arrival_rate_hz: 5.0, diurnal_swing: 0.8, day_s: 10.0, ..ClusterParams::default() };
    let mut stage = Stage::new(&params);
    (0..4000).for_each(|_| stage.obey(Rule::BestFit));
    let count = f64::from(stage.all::<Arrivals, ()>()[0].count);
    assert!((count - 2005.0).abs() < 150.0, "{count} arrivals in 400 s at 5 per second");
}
