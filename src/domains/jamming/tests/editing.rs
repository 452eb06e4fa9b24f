//! What a person changes by hand, and episodes that begin where a scenario says.

use bevy_ecs::entity::Entity;

use super::*;
use crate::{
    domains::Scenario,
    sim::{Domain, Editor},
};

fn scenario(changes: &[(&str, &str)]) -> Scenario {
    let text = "(version: 1, name: \"x\", title: \"T\", about: \"A\", seed: 1, max_steps: 4, domain: Jamming(()))";
    let mut scenario = Scenario::parse(text, "x.ron").unwrap();
    changes.iter().for_each(|(name, value)| scenario.set(name, value).unwrap());
    scenario
}

/// What an editor calls a kind, as a pair of places and entities.
fn listed(stage: &Stage, kind: usize) -> Vec<(Entity, Vec2)> {
    stage.params.editor().unwrap().places(stage.lane.world(), 0, kind)
}

#[test]
fn kinds_name_parameters_and_groups_that_exist() {
    let mut scenario = scenario(&[]);
    let spec = scenario.domain.domain().spec(1);
    let kinds = scenario.domain.domain().editor().unwrap().kinds();
    assert_eq!(kinds.iter().map(|kind| kind.name).collect::<Vec<_>>(), ["drone", "jammer"]);
    for kind in kinds {
        scenario.set(kind.count.unwrap(), "2").unwrap();
        scenario.set(kind.places.unwrap(), "[1.0, 2.0, 3.0, 4.5]").unwrap();
        assert!(kind.group.is_none_or(|group| group < spec.groups.len()));
    }
    scenario.check().unwrap();
    let text = scenario.to_ron().unwrap();
    assert_eq!(Scenario::parse(&text, "x.ron").unwrap(), scenario);
}

#[test]
fn entities_are_listed_in_the_order_of_their_rows_and_only_their_own_env() {
    let params = still(3, 2);
    let lane = Lane::new(&params, u32::MAX, Seeds::new(1), 0..3);
    let editor = params.editor().unwrap();
    let all: Vec<(Entity, Vec2)> = (0..3).flat_map(|slot| editor.places(lane.world(), slot, 0)).collect();
    assert_eq!(all.len(), 9);
    let mut stage = Stage { lane, params: params.clone() };
    assert_eq!(all.iter().map(|(_, at)| *at).collect::<Vec<_>>(), stage.drones());
    let jammers = editor.places(stage.lane.world(), 1, 1);
    assert_eq!(jammers.iter().map(|(_, at)| *at).collect::<Vec<_>>(), stage.jammers()[2..4]);
    let kind = |who| editor.kind_of(stage.lane.world(), who);
    assert_eq!((kind(all[0].0), kind(jammers[0].0)), (Some(0), Some(1)));
    assert!(editor.places(stage.lane.world(), 3, 0).is_empty() && editor.places(stage.lane.world(), 0, 2).is_empty());
}

#[test]
fn what_is_moved_is_there_and_what_follows_from_it_is_derived() {
    let mut stage = Stage::new(&still(3, 2));
    stage.put_drones(&[(20.0, 20.0), (30.0, 20.0), (40.0, 20.0)]);
    let editor = stage.params.clone();
    let (first, untouched) = (listed(&stage, 0)[0].0, stage.drones()[1..].to_vec());
    let seen = stage.lane.ports().groups[0].observations.clone();
    editor.move_to(stage.lane.world_mut(), first, Vec2::new(90.0, 80.0)).unwrap();
    stage.lane.refresh(0);
    assert_eq!(stage.drones()[0], Vec2::new(90.0, 80.0));
    assert_eq!(stage.drones()[1..], untouched);
    assert_ne!(stage.lane.ports().groups[0].observations, seen);
    let jammer = listed(&stage, 1)[1].0;
    editor.move_to(stage.lane.world_mut(), jammer, Vec2::new(-5.0, 1e9)).unwrap();
    assert_eq!(stage.jammers()[1], Vec2::new(0.0, 100.0), "nobody leaves the arena");
}

#[test]
fn what_cannot_be_moved_is_an_error() {
    let mut stage = Stage::new(&still(3, 2));
    let editor = stage.params.clone();
    let drone = listed(&stage, 0)[0].0;
    let before = stage.lane.hash(0);
    let world = stage.lane.world_mut();
    assert!(editor.move_to(world, drone, Vec2::new(f32::NAN, 1.0)).unwrap_err().to_string().contains("NaN"));
    let env = world.query_filtered::<Entity, With<crate::sim::Env>>().iter(world).next().unwrap();
    assert_eq!(editor.kind_of(world, env), None);
    assert!(editor.move_to(world, env, Vec2::ONE).unwrap_err().to_string().contains("cannot be moved"));
    assert!(editor.move_to(world, Entity::PLACEHOLDER, Vec2::ONE).is_err());
    assert_eq!(stage.lane.hash(0), before);
}

/// Every episode begins at the given places; headings, turn rates and bands are those of the scenario without them.
#[test]
fn given_places_are_where_everybody_starts_and_all_else_is_drawn_as_before() {
    let drawn = JammingParams { motion: Motion::CoordinatedTurn, num_enemies: 3, num_jammers: 2, ..still(3, 2) };
    let given = JammingParams {
        enemies_at_m: vec![1.0, 2.0, 50.0, 60.0, 99.0, 98.0],
        jammers_at_m: vec![0.0, 100.0, 7.5, 8.5],
        min_start_lambda2: 1000.0,
        ..drawn.clone()
    };
    for episode in 0..3 {
        let (mut drawn, mut given) = (Stage::new(&drawn), Stage::new(&given));
        drawn.lane.begin_episode(0, episode);
        given.lane.begin_episode(0, episode);
        assert_eq!(given.drones(), [Vec2::new(1.0, 2.0), Vec2::new(50.0, 60.0), Vec2::new(99.0, 98.0)]);
        assert_eq!(given.jammers(), [Vec2::new(0.0, 100.0), Vec2::new(7.5, 8.5)]);
        assert_eq!(given.bands(), drawn.bands());
        assert_eq!(given.swarm().band, drawn.swarm().band);
    }
    // Headings follow in the stream of the placements, as many of which were drawn here.
    let given = JammingParams { min_start_lambda2: drawn.min_start_lambda2, ..given };
    let (mut drawn, mut given) = (Stage::new(&drawn), Stage::new(&given));
    assert_eq!(given.drone_velocities(), drawn.drone_velocities());
    assert_eq!(given.turn_rates(), drawn.turn_rates());
}

#[test]
fn connectivity_is_compared_with_that_of_the_given_places() {
    // Three in a row that all hear each other: a complete graph, whose lambda-2 is the number of its nodes.
    let close = JammingParams { enemies_at_m: vec![50.0, 50.0, 51.0, 50.0, 52.0, 50.0], ..still(3, 2) };
    assert!((Stage::new(&close).swarm().lambda2_start - 3.0).abs() < 1e-6);
    // Nobody hears anybody, and no better places are drawn.
    let far = JammingParams {
        arena_m: 5000.0,
        enemies_at_m: vec![0.0, 0.0, 5000.0, 0.0, 0.0, 5000.0],
        min_start_lambda2: 2.0,
        ..still(3, 2)
    };
    assert!(Stage::new(&far).swarm().lambda2_start.abs() < 1e-9);
}

#[test]
fn places_that_do_not_go_with_the_rest_are_refused() {
    let refused = |changes: &[(&str, &str)]| scenario(changes).check().unwrap_err().to_string();
    let odd = refused(&[("enemies_at_m", "[1.0, 2.0, 3.0]")]);
    assert_eq!(
        odd,
        "`enemies_at_m` must have 20 entries where `num_enemies` is 10, found 3; \
         list x and y of each in turn, or leave the list empty"
    );
    let few = refused(&[("num_jammers", "2"), ("jammers_at_m", "[1.0, 2.0]")]);
    assert!(few.starts_with("`jammers_at_m` must have 4 entries where `num_jammers` is 2, found 2"), "{few}");
    let outside = refused(&[("num_jammers", "1"), ("arena_m", "50"), ("jammers_at_m", "[1.0, 50.5]")]);
    assert!(outside.contains("`jammers_at_m` has a place at 50.5 m, outside the arena of 50 m"), "{outside}");
    scenario(&[("num_jammers", "1"), ("arena_m", "50"), ("jammers_at_m", "[0.0, 50.0]")]).check().unwrap();
    // A file tells where.
    let text = "(version: 1, name: \"x\", title: \"T\", about: \"A\", seed: 1, max_steps: 4,\n \
                domain: Jamming((num_jammers: 1,\njammers_at_m: [3])))";
    let error = Scenario::parse(text, "x.ron").unwrap_err();
    assert_eq!(error.place().unwrap().at, Some((3, 15)), "{error}");
}
