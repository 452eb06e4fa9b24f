//! What a person changes by hand, and episodes that begin where a scenario says.

use bevy_ecs::entity::Entity;

use super::*;
use crate::sim::{Domain, params::Params};

#[test]
fn kinds_name_parameters_and_groups_that_exist() {
    for (mut params, names) in
        [(spread(), &["agent", "landmark"][..]), (tag(), &["adversary", "good agent", "obstacle"])]
    {
        let groups = params.spec(1).groups.len();
        let kinds = params.editor().unwrap().kinds();
        assert_eq!(kinds.iter().map(|kind| kind.name).collect::<Vec<_>>(), names);
        for kind in kinds {
            params.set(kind.count.unwrap(), "2").unwrap();
            params.set(kind.places.unwrap(), "[1.0, 2.0, -3.0, 4.5]").unwrap();
            assert!(kind.group.is_none_or(|group| group < groups));
        }
        Domain::check(&params).unwrap();
    }
}

#[test]
fn everybody_begins_where_the_scenario_says_and_others_where_they_would_anyway() {
    let given = ParticlesParams { good_at_m: vec![0.5, -0.25], obstacles_at_m: vec![1.0, 2.0, 3.0, 4.0], ..tag() };
    for episode in 0..3 {
        let (mut drawn, mut given) = (Stage::new(&tag()), Stage::new(&given));
        drawn.lane.begin_episode(0, episode);
        given.lane.begin_episode(0, episode);
        assert_eq!(given.agents()[..3], drawn.agents()[..3]);
        assert_eq!(given.agents()[3], Vec2::new(0.5, -0.25));
        assert_eq!(given.landmarks(), at([(1.0, 2.0), (3.0, 4.0)]));
        assert_ne!(drawn.agents()[3], given.agents()[3]);
    }
}

#[test]
fn episodes_begin_at_rest_and_anywhere_within_the_bounds() {
    for (params, landmark_m) in [(spread(), 1.0), (tag(), 0.9)] {
        let mut stage = Stage::sized(&params, 25, 2000);
        assert!(stage.velocities().iter().all(|velocity| *velocity == Vec2::ZERO));
        for (places, half_m) in [(stage.agents(), 1.0), (stage.landmarks(), landmark_m)] {
            let farthest = places.iter().fold(Vec2::ZERO, |far, place| far.max(place.abs()));
            assert!(farthest.max_element() <= half_m && farthest.min_element() > 0.99 * half_m, "{farthest}");
            let mean = places.iter().sum::<Vec2>() / places.len() as f32;
            assert!(mean.length() < 0.03, "{mean}");
        }
    }
}

#[test]
fn what_is_moved_is_there_and_is_seen_there() {
    let mut stage = Stage::new(&tag());
    let editor = stage.params.clone();
    let kinds = |stage: &Stage| [0, 1, 2].map(|kind| editor.editor().unwrap().places(stage.lane.world(), 0, kind));
    let [adversaries, good, obstacles] = kinds(&stage);
    assert_eq!((adversaries.len(), good.len(), obstacles.len()), (3, 1, 2));
    let editor = editor.editor().unwrap();
    for (kind, entities) in [&adversaries, &good, &obstacles].into_iter().enumerate() {
        let (who, _) = entities[0];
        assert_eq!(editor.kind_of(stage.lane.world(), who), Some(kind));
        let seen = stage.lane.ports().groups[0].observations.clone();
        editor.move_to(stage.lane.world_mut(), who, Vec2::new(0.5, 1e9)).unwrap();
        stage.lane.refresh(0);
        assert_ne!(stage.lane.ports().groups[0].observations, seen);
        assert_eq!(
            editor.places(stage.lane.world(), 0, kind)[0],
            (who, Vec2::new(0.5, 10.0)),
            "nobody goes beyond 10 m"
        );
    }
    assert!(editor.places(stage.lane.world(), 1, 0).is_empty() && editor.places(stage.lane.world(), 0, 3).is_empty());
    let world = stage.lane.world_mut();
    assert!(editor.move_to(world, good[0].0, Vec2::new(f32::NAN, 0.0)).is_err());
    assert!(editor.move_to(world, Entity::PLACEHOLDER, Vec2::ONE).is_err());
}

#[test]
fn what_does_not_go_together_is_refused() {
    let refused = |params: ParticlesParams| Domain::check(&params).unwrap_err().to_string();
    let told = refused(ParticlesParams { agents_at_m: vec![1.0, 2.0, 3.0], ..spread() });
    assert!(told.starts_with("`agents_at_m` must have 6 entries where `num_agents` is 3, found 3"), "{told}");
    let told = refused(ParticlesParams { physics: Physics::Vmas, ..tag() });
    assert!(told.starts_with("`physics` must be `mpe2` where `task` is `tag`"), "{told}");
}
