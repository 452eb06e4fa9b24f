//! What is told of nodes and workloads.

use bevy_ecs::{entity::Entity, query::With};

use super::*;
use crate::{
    domains::cluster::{components::Node, scenario::Resources},
    sim::{Description, View, ViewOptions, picture_of},
};

/// What is told of the entity with this component in a row.
fn told<C: bevy_ecs::component::Component>(stage: &mut Stage, row: usize) -> Option<Description> {
    let world = stage.lane.world_mut();
    let who = world.query_filtered::<Entity, With<C>>().iter(world).nth(row).unwrap();
    stage.params.describe(stage.lane.world(), who)
}

fn workload(stage: &mut Stage, row: usize) -> Description {
    told::<Phase>(stage, row).unwrap()
}

#[track_caller]
fn fact(told: &Description, name: &str) -> String {
    told.facts.iter().find(|fact| fact.name == name).unwrap_or_else(|| panic!("no `{name}` in {told:?}")).text()
}

/// Three machines and two workloads that wait.
fn waiting() -> Stage {
    let mut stage = Stage::new(&quiet());
    stage.put_machines(&[50.0; 3]);
    stage.put_queue(&[12.5, 20.0]);
    stage
}

#[test]
fn a_workload_that_waits_tells_what_it_asks_for_and_how_long_it_can_wait() {
    let mut stage = waiting();
    (0..3).for_each(|_| stage.step(&[-1.0; 3]));
    let told = workload(&mut stage, 1);
    assert_eq!((told.title.as_str(), told.state.as_str(), told.is_over), ("workload 1", "waits", false));
    let facts = [("priority", "2 of 3"), ("turn", "2 of 2"), ("waiting", "0.30 of 1 s"), ("declined", "3 times")];
    for (name, text) in facts.into_iter().chain([("cpu", "20"), ("memory", "1"), ("bandwidth", "1"), ("storage", "1")])
    {
        assert_eq!(fact(&told, name), text, "{name}");
    }
}

#[test]
fn resources_have_the_names_of_the_scenario() {
    let mut stage = Stage::new(&ClusterParams { resources: Resources::Gpu, ..quiet() });
    stage.put_queue(&[1.0]);
    assert_eq!(fact(&workload(&mut stage, 0), "gpu"), "1");
}

#[test]
fn a_workload_that_was_placed_tells_its_way_its_node_and_what_is_left() {
    let mut stage = waiting();
    let far = Machine { capacity: [50.0; 4], rtt_s: 0.25 };
    stage.put::<_, ()>(&[far; 3]);
    stage.obey(Rule::FirstFit);
    let told = workload(&mut stage, 0);
    assert_eq!((told.state.as_str(), fact(&told, "begins in").as_str()), ("on its way to node 0", "0.15 s"));
    (0..4).for_each(|_| stage.obey(Rule::FirstFit));
    let told = workload(&mut stage, 0);
    assert_eq!((told.state.as_str(), fact(&told, "left").as_str()), ("runs on node 0", "0.75 of 1 s"));
}

#[test]
fn a_workload_tells_what_it_came_to_until_another_takes_its_row() {
    let mut stage = waiting();
    (0..11).for_each(|_| stage.obey(Rule::FirstFit));
    let done = workload(&mut stage, 0);
    assert_eq!((done.state.as_str(), done.is_over), ("done on node 0", true));
    assert!(fact(&done, "ended").ends_with(" s ago"));
    let next = Job { number: 7, ..stage.all::<Job, ()>()[0] };
    stage.put::<_, ()>(&[next]);
    stage.put::<_, ()>(&[Phase::Queued]);
    let other = workload(&mut stage, 0);
    assert_eq!((other.title.as_str(), other.is_over), ("workload 7", false));
    assert_ne!(other.life, done.life);
}

#[test]
fn a_failure_tells_its_cause() {
    let mut stage = waiting();
    stage.put::<_, ()>(&Cause::ALL.map(Phase::Failed));
    for (row, cause) in Cause::ALL.into_iter().enumerate() {
        let told = workload(&mut stage, row);
        assert_eq!((told.state, told.is_over), (format!("failed: {}", cause.label()), true));
    }
    stage.put::<_, ()>(&[Phase::Unused]);
    assert_eq!(told::<Phase>(&mut stage, 0), None, "nobody has needed this row");
}

#[test]
fn a_node_tells_what_of_it_is_taken_and_when_it_is_repaired() {
    let mut stage = waiting();
    stage.obey(Rule::FirstFit);
    let node = told::<Node>(&mut stage, 0).unwrap();
    assert_eq!((node.title.as_str(), node.state.as_str(), node.life), ("node 0", "works", 0));
    assert_eq!((fact(&node, "cpu"), fact(&node, "workloads")), ("32.5 of 50".to_owned(), "2".to_owned()));
    assert_eq!(fact(&node, "round trip"), "0 ms");
    let changes_at = stage.tick() + 15;
    stage.put::<_, ()>(&[Health { is_down: true, changes_at }]);
    let node = told::<Node>(&mut stage, 0).unwrap();
    assert_eq!((node.state.as_str(), fact(&node, "repaired in").as_str()), ("has failed", "1.50 s"));
}

#[test]
fn whoever_is_shown_is_told_of_in_every_mode() {
    for mode in [Mode::Full, Mode::Repaired, Mode::Published] {
        let mut stage = Stage::new(&ClusterParams { mode, arrival_rate_hz: 9.0, ..ClusterParams::default() });
        (0..50).for_each(|_| stage.obey(Rule::LeastLoaded));
        let picture = picture_of(&stage.params, stage.lane.world(), 0, &ViewOptions::default());
        for who in picture.marks.iter().filter_map(|mark| mark.who) {
            let told = stage.params.describe(stage.lane.world(), who);
            assert!(told.is_some_and(|told| !told.state.is_empty() && !told.facts.is_empty()), "{mode:?}: {who}");
        }
    }
}
