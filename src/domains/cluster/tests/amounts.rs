//! Fractions that add up to a node fill it, and nothing fits after them.

use super::*;
use crate::domains::cluster::placer::{FALLBACK, Placer, Request};

/// Demand, capacity, and how many of the one make the other.
const FRACTIONS: [(f32, f32, usize); 7] =
    [(0.2, 1.0, 5), (0.1, 1.0, 10), (0.3, 3.0, 10), (0.4, 2.0, 5), (0.6, 6.0, 10), (1.1, 11.0, 10), (0.25, 1.0, 4)];

/// A node of this CPU, and as many workloads as fill it, and one more.
fn full(action: ActionKind, (demand, capacity, count): (f32, f32, usize)) -> Stage {
    let params = ClusterParams { num_nodes: 1, max_workloads: 16, decisions_per_tick: 16, action, ..quiet() };
    let mut stage = Stage::new(&params);
    stage.put_machines(&[capacity]);
    stage.put_queue(&vec![demand; count + 1]);
    stage
}

fn num_placed(stage: &mut Stage) -> usize {
    stage.all::<Phase, ()>().iter().filter(|phase| phase.node().is_some()).count()
}

#[test]
fn a_fifth_and_four_more_fill_one_node_under_every_rule() {
    for (fraction, rule) in FRACTIONS.into_iter().flat_map(|fraction| Rule::ALL.map(|rule| (fraction, rule))) {
        let mut stage = full(ActionKind::Scores, fraction);
        stage.obey(rule);
        assert_eq!(num_placed(&mut stage), fraction.2, "{fraction:?}, {rule:?}");
    }
}

#[test]
fn nodes_that_decide_for_themselves_take_what_fills_them() {
    for (fraction, action) in FRACTIONS.into_iter().flat_map(|f| [ActionKind::Scores, ActionKind::Bids].map(|a| (f, a)))
    {
        let mut stage = full(action, fraction);
        let actions = vec![1.0; stage.lane.ports().groups[0].actions.len()];
        stage.step(&actions);
        assert_eq!(num_placed(&mut stage), fraction.2, "{fraction:?}, {action:?}");
    }
}

#[test]
fn a_node_that_is_full_is_not_overcommitted() {
    let params = ClusterParams { num_nodes: 1, cpu_overcommit: 2.0, ..quiet() };
    let mut stage = Stage::new(&params);
    stage.put_machines(&[1.0]);
    stage.put_queue(&[0.2; 5]);
    stage.obey(Rule::FirstFit);
    let left: Vec<f32> = stage.all::<Job, ()>()[..5].iter().map(|job| job.left_s).collect();
    assert_eq!(left, [0.9; 5], "a tenth of a second has passed at full speed");
}

#[test]
fn four_fifths_in_use_are_no_more_than_four_fifths() {
    let mut stage = full(ActionKind::Scores, (0.2, 1.0, 3));
    stage.obey(Rule::FirstFit);
    assert_eq!(num_placed(&mut stage), 4);
    assert_eq!((stage.metric("nodes_at_60_80"), stage.metric("nodes_at_80_100")), (100.0, 0.0));
}

#[test]
fn a_node_outside_of_the_simulation_is_filled_in_the_same_way() {
    for (demand, capacity, count) in FRACTIONS {
        let mut placer = Placer::new(&ClusterParams::default(), 1);
        placer.add(Machine { capacity: [9.0, 9.0, capacity, 9.0], rtt_s: 0.0 }).unwrap();
        let demand = Demand([0.0, 0.0, demand, 0.0]);
        let request = Request { demand, priority: 2, patience_s: f32::INFINITY, declined: 0 };
        let mut found = 0;
        while placer.ask(&request, 0.1) {
            let node = placer.choose_by(FALLBACK);
            assert_eq!(node, Some(0));
            placer.settle(node);
            found += 1;
        }
        assert_eq!((found, placer.rejections().lacking), (count, [0, 0, 1, 0]), "{demand:?} in {capacity}");
        // What takes nothing of what is full still fits.
        let other = Request { demand: Demand([1.0, 0.0, 0.0, 0.0]), ..request };
        assert!(placer.ask(&other, 0.1));
    }
}
