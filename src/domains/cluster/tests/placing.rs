//! Who gets a workload.

use super::*;

fn placed(stage: &mut Stage) -> Vec<Option<usize>> {
    stage.all::<Phase, ()>().iter().map(|phase| phase.node()).collect()
}

#[test]
fn the_highest_score_among_those_with_room_wins_and_a_very_low_one_declines() {
    let mut stage = Stage::new(&quiet());
    for (scores, expected) in [
        ([0.1, 0.9, 0.2], Some(1)),
        ([0.9, 0.1, 0.2], Some(2)),
        ([0.9, 0.1, -0.95], Some(1)),
        ([0.9, -0.3, -0.2], Some(2)),
        ([0.9, -0.95, -0.9], None),
        ([0.5, 0.5, 0.5], Some(1)),
        ([f32::NAN, f32::NAN, 0.0], Some(2)),
    ] {
        stage.put_machines(&[5.0, 50.0, 50.0]);
        stage.put::<_, ()>(&[Usage::default(); 3]);
        stage.put_queue(&[10.0]);
        stage.step(&scores);
        assert_eq!(placed(&mut stage)[0], expected, "{scores:?}: node 0 has no room");
    }
}

#[test]
fn who_has_won_stands_back_as_long_as_others_want_the_next() {
    for action in [ActionKind::Scores, ActionKind::Bids] {
        let mut stage = Stage::new(&ClusterParams { action, decisions_per_tick: 5, ..quiet() });
        stage.put_machines(&[90.0, 60.0, 30.0]);
        stage.put_queue(&[10.0; 5]);
        // By score the first node is asked first, by offer the last; the one in the middle wants nothing.
        let (actions, expected): (Vec<f32>, _) = match action {
            ActionKind::Scores => (vec![0.9, -1.0, 0.1], [0, 2, 0, 0, 0]),
            ActionKind::Bids => ([[1.0; 4], [0.0; 4], [1.0; 4]].concat(), [2, 0, 2, 2, 0]),
        };
        stage.step(&actions);
        let nodes: Vec<usize> = placed(&mut stage)[..5].iter().flatten().copied().collect();
        assert_eq!(nodes, expected, "{action:?}");
    }
}

#[test]
fn the_smallest_sufficient_offer_wins() {
    let mut stage = Stage::new(&ClusterParams { action: ActionKind::Bids, ..quiet() });
    for (shares, expected) in
        [([1.0, 1.0, 1.0], Some(0)), ([0.4, 1.0, 1.0], Some(1)), ([1.0, 1.0, 0.2], Some(2)), ([0.1, 0.1, 0.01], None)]
    {
        stage.put_machines(&[20.0, 40.0, 60.0]);
        stage.put::<_, ()>(&[Usage::default(); 3]);
        stage.put_queue(&[10.0]);
        let bids: Vec<f32> = shares.iter().flat_map(|share| [*share; 4]).collect();
        stage.step(&bids);
        assert_eq!(placed(&mut stage)[0], expected, "{shares:?}");
    }
}

#[test]
fn the_more_urgent_goes_first_and_the_declined_goes_last() {
    let mut stage = Stage::new(&ClusterParams { decisions_per_tick: 1, ..quiet() });
    stage.put_machines(&[100.0; 3]);
    stage.put_queue(&[1.0, 2.0, 3.0]);
    let mut jobs = stage.all::<Job, ()>();
    jobs[1].priority = 3;
    stage.put::<_, ()>(&jobs);
    stage.step(&[1.0, 0.0, 0.0]);
    assert_eq!(placed(&mut stage)[..3], [None, Some(0), None]);
    stage.step(&[-1.0; 3]);
    assert_eq!(stage.all::<Job, ()>()[0].declined, 1);
    stage.step(&[1.0, 0.0, 0.0]);
    assert_eq!(
        placed(&mut stage)[..3],
        [None, Some(0), Some(0)],
        "the first was declined, so the third comes before it"
    );
}

#[test]
fn what_does_not_fit_blocks_nobody() {
    let mut stage = Stage::new(&ClusterParams { decisions_per_tick: 1, ..quiet() });
    stage.put_machines(&[10.0; 3]);
    stage.put_queue(&[11.0, 9.0]);
    stage.step(&[0.0, 1.0, 0.0]);
    assert_eq!(placed(&mut stage)[..2], [None, Some(1)]);
}

#[test]
fn a_declined_workload_stays_in_sight_until_it_has_failed() {
    let mut stage = Stage::new(&ClusterParams { decisions_per_tick: 1, ..quiet() });
    stage.put_machines(&[100.0; 3]);
    stage.put_queue(&[10.0, 10.0]);
    let mut urgency = 0.0;
    for _ in 0..9 {
        stage.step(&[-1.0; 3]);
        assert_eq!(stage.seen(0, 0, "queue_priority"), 1.0 / 3.0);
        assert!(stage.seen(0, 0, "queue_urgency") > urgency);
        urgency = stage.seen(0, 0, "queue_urgency");
    }
    (0..3).for_each(|_| stage.step(&[-1.0; 3]));
    assert_eq!((stage.seen(0, 0, "queue_priority"), stage.seen(0, 0, "queue_urgency")), (0.0, 0.0));
    assert_eq!(stage.counts().failed[1], 2);
}

/// Nothing is lost: every arrival is done, failed, waiting or placed, and nodes hold exactly what was placed on them.
#[test]
fn workloads_and_resources_are_conserved() {
    for seed in 0..6 {
        let params = ClusterParams {
            arrival_rate_hz: 8.0,
            mtbf_s: if seed % 2 == 0 { 20.0 } else { 0.0 },
            cpu_overcommit: if seed % 3 == 0 { 1.5 } else { 1.0 },
            ..ClusterParams::default()
        };
        let (mut stage, mut unit) = (Stage::seeded(&params, seed), noise(seed));
        for tick in 0..400 {
            let scores: Vec<f32> = (0..params.num_nodes).map(|_| 2.2 * unit() - 1.1).collect();
            stage.step(&scores);
            let (phases, demands, counts) = (stage.all::<Phase, ()>(), stage.all::<Demand, ()>(), stage.counts());
            let alive = phases.iter().filter(|phase| !phase.is_free()).count() as u32;
            assert_eq!(stage.all::<Arrivals, ()>()[0].count, counts.resolved() + alive, "seed {seed}, tick {tick}");
            for (node, (usage, machine)) in stage.all::<Usage, ()>().iter().zip(stage.all::<Machine, ()>()).enumerate()
            {
                let mut expected = [0.0; 4];
                for (_, demand) in phases.iter().zip(&demands).filter(|(phase, _)| phase.node() == Some(node)) {
                    expected.iter_mut().zip(demand.0).for_each(|(sum, amount)| *sum += f64::from(amount));
                }
                assert_eq!(usage.0, expected, "seed {seed}, tick {tick}, node {node}");
                let limit = [params.cpu_overcommit, 1.0, 1.0, 1.0];
                let fits = (0..4).all(|k| usage.0[k] <= limit[k] * f64::from(machine.capacity[k]));
                assert!(fits, "seed {seed}, tick {tick}: {usage:?} on {machine:?}");
            }
        }
        assert!(stage.counts().by_cause.iter().sum::<u32>() == stage.counts().failed.iter().sum::<u32>());
    }
}

/// Nodes whose action is said not to matter may do anything; over an episode, those that matter have made a difference.
#[test]
fn what_is_said_not_to_matter_changes_nothing() {
    for decisions_per_tick in [1, 3] {
        let params =
            ClusterParams { decisions_per_tick, arrival_rate_hz: 7.0, mtbf_s: 20.0, ..ClusterParams::default() };
        let (mut stage, mut unit) = (Stage::new(&params), noise(3));
        let (mut idle, mut mattered) = (0, 0);
        for tick in 0..600 {
            let matters = stage.lane.ports().groups[0].matters.clone();
            let scores: Vec<f32> = matters.iter().map(|_| 2.2 * unit() - 1.1).collect();
            let now = stage.lane.snapshot(0);
            let mut outcome = |changes: bool| {
                stage.lane.restore(0, &now).unwrap();
                assert_eq!(stage.lane.ports().groups[0].matters, matters, "a state that comes back says the same");
                let other = scores.iter().zip(&matters).map(|(s, m)| if *m == changes { -s } else { *s });
                stage.step(&other.collect::<Vec<_>>());
                stage.lane.hash(0)
            };
            let (changed, unchanged) = (outcome(true), outcome(false));
            stage.lane.restore(0, &now).unwrap();
            stage.step(&scores);
            assert_eq!(unchanged, stage.lane.hash(0), "{decisions_per_tick} decisions, tick {tick}");
            mattered += u32::from(changed != unchanged);
            idle += matters.iter().filter(|matters| !**matters).count();
        }
        assert!(mattered > 50 && idle > 300, "{mattered} ticks, {idle} idle nodes");
    }
}

#[test]
fn nodes_see_the_workload_at_hand_and_whether_it_fits() {
    let mut stage = Stage::new(&quiet());
    stage.put_machines(&[5.0, 40.0, 50.0]);
    stage.put_queue(&[30.0, 10.0]);
    let saved = stage.lane.snapshot(0);
    stage.lane.restore(0, &saved).unwrap();
    assert_eq!([0, 1, 2].map(|node| stage.seen(0, node, "hand_fits_here")), [0.0, 1.0, 1.0]);
    assert_eq!([1, 2].map(|node| stage.seen(0, node, "hand_demand_cpu")), [0.75, 0.6]);
    assert_eq!(stage.seen(0, 0, "hand_demand_cpu"), 1.0, "more than there is counts as all");
    assert_eq!(stage.seen(0, 1, "queue_length"), 0.2);
    assert_eq!((stage.seen(0, 1, "queue_priority"), stage.seen(0, 1, "queue_urgency")), (1.0 / 3.0, 0.0));
    stage.step(&[-1.0, -1.0, 0.5]);
    // Both went to the only node that wanted them.
    assert_eq!(stage.seen(0, 0, "hand_exists"), 0.0);
    assert!((stage.seen(0, 2, "own_used_cpu") - 0.8).abs() < 1e-6);
}
