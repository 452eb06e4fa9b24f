//! A placer outside of any world sees and chooses what an env does.

use super::*;
use crate::domains::cluster::placer::{FALLBACK, FALLBACK_NAME, Placer, Rejections, Request, Scripted};

/// An env and a placer with the same nodes, some of them down, and the same workload at hand.
fn pair(params: &ClusterParams, seed: u64) -> (Stage, Placer, Request) {
    let (mut stage, mut noise, mut placer) = (Stage::seeded(params, seed), noise(seed), Placer::new(params, seed));
    let (machines, mut usage, mut health) = (stage.all::<Machine, ()>(), vec![], vec![]);
    for (node, machine) in machines.iter().enumerate() {
        assert_eq!(placer.add(*machine).unwrap(), node);
        let taken = Usage(machine.capacity.map(|amount| f64::from(amount * noise())));
        let is_down = noise() < 0.2;
        placer.set_down(node, is_down);
        *placer.usage_mut(node) = taken;
        usage.push(taken);
        health.push(Health { is_down, changes_at: u32::MAX });
    }
    stage.put::<_, ()>(&usage);
    stage.put::<_, ()>(&health);
    let request = Request {
        demand: Demand([5.0 + 25.0 * noise(), 10.0, 100.0 * noise(), 50.0]),
        priority: 3,
        patience_s: 0.5,
        declined: 2,
    };
    let job = Job { priority: 3, patience_s: 0.5, declined: 2, duration_s: 9.0, since: stage.tick(), ..Job::default() };
    stage.put::<_, ()>(&vec![Phase::Unused; params.max_workloads]);
    stage.put::<_, ()>(&[request.demand]);
    stage.put::<_, ()>(&[job]);
    stage.put::<_, ()>(&[Phase::Queued]);
    stage.lane.refresh(0);
    (stage, placer, request)
}

fn two_layouts() -> [ClusterParams; 2] {
    let quiet = ClusterParams { arrival_rate_hz: 0.0, ..ClusterParams::default() };
    [quiet.clone(), ClusterParams { observation: ObservationLayout::Published8, ..quiet }]
}

#[test]
fn nodes_see_the_same_bits_in_and_out_of_a_world() {
    for (params, seed) in two_layouts().iter().flat_map(|params| (0..20).map(move |seed| (params, seed))) {
        let (stage, mut placer, request) = pair(params, seed);
        placer.ask(&request, 0.0);
        let port = &stage.lane.ports().groups[0];
        let fields = &stage.lane.spec().groups[0].observation;
        let (seen, actions) = placer.see();
        assert_eq!((seen.len(), actions.len()), (port.observations.len(), port.actions.len()));
        for (at, (outside, inside)) in seen.iter().zip(&port.observations).enumerate() {
            let name = &fields[at % fields.len()].name;
            // What came recently is the request itself here, and nothing there.
            assert!(outside == inside || name == "recent_arrivals", "seed {seed}: {name}: {outside}, not {inside}");
        }
    }
}

#[test]
fn every_rule_chooses_the_same_node_in_and_out_of_a_world() {
    let rules =
        ["round_robin", "first_fit", "best_fit", "greedy", "next_fit", "dot_product", "worst_fit", "least_loaded"];
    let mut chosen = std::collections::BTreeSet::new();
    for (name, seed) in rules.iter().flat_map(|name| (0..20).map(move |seed| (name, seed))) {
        let (mut stage, mut placer, request) = pair(&two_layouts()[0], seed);
        let rule = Rule::ALL.into_iter().find(|rule| format!("{rule:?}").eq_ignore_ascii_case(&name.replace('_', "")));
        stage.obey(rule.unwrap());
        placer.ask(&request, 0.0);
        let node = placer.choose_by(Scripted::named(name).unwrap().unwrap());
        assert_eq!(node, stage.all::<Phase, ()>()[0].node(), "{name}, seed {seed}");
        chosen.insert(node);
    }
    assert!(chosen.len() > 5, "different nodes are chosen: {chosen:?}");
}

#[test]
fn scores_and_bids_choose_the_same_node_in_and_out_of_a_world() {
    for (action, seed) in
        [ActionKind::Scores, ActionKind::Bids].into_iter().flat_map(|kind| (0..20).map(move |s| (kind, s)))
    {
        let params = ClusterParams { action, ..two_layouts()[0].clone() };
        let (mut stage, mut placer, request) = pair(&params, seed);
        let mut noise = noise(seed + 100);
        placer.ask(&request, 0.0);
        let actions = placer.see().1;
        actions.fill_with(&mut noise);
        stage.step(actions);
        assert_eq!(placer.choose(), stage.all::<Phase, ()>()[0].node(), "{action:?}, seed {seed}");
    }
}

#[test]
fn what_is_placed_is_taken_and_what_is_released_is_given_back() {
    let mut placer = Placer::new(&ClusterParams::default(), 1);
    let demand = Demand([10.0, 1.0, 1.0, 1.0]);
    let request = Request { demand, priority: 2, patience_s: f32::INFINITY, declined: 0 };
    assert!(!placer.ask(&request, 0.0), "there are no nodes");
    assert_eq!((placer.rejections(), placer.utilisation()), (Rejections::default(), [0.0; 4]));
    placer.settle(None);
    for cpu in [10.0, 20.0] {
        placer.add(Machine { capacity: [cpu, 9.0, 9.0, 9.0], rtt_s: 0.0 }).unwrap();
    }
    let mut chosen = vec![];
    while placer.ask(&request, 1.0) {
        chosen.extend(placer.choose_by(FALLBACK));
        placer.settle(chosen.last().copied());
    }
    assert_eq!(chosen, [1, 0, 1], "least loaded after placement");
    assert_eq!(placer.rejections().lacking, [2, 0, 0, 0]);
    placer.release(1, &demand);
    assert!(placer.ask(&request, 1.0));
    placer.set_down(1, true);
    assert!(!placer.ask(&request, 1.0));
    assert_eq!((placer.rejections().down, placer.rejections().lacking), (1, [1, 0, 0, 0]));
    placer.retain(|node| node != 0);
    assert!(placer.is_down(0) && placer.len() == 1);
    placer.retain(|_| false);
    assert!(placer.is_empty() && !placer.ask(&request, 1.0));
}

#[test]
fn who_knows_the_future_is_no_help_outside() {
    assert!(Scripted::named("lookahead").err().unwrap().to_string().contains(FALLBACK_NAME));
    assert!(Scripted::named(FALLBACK_NAME).unwrap().is_some());
    assert!(Scripted::named("no_such_rule").unwrap().is_none());
}
