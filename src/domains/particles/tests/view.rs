//! What a picture of an env says.

use std::collections::BTreeSet;

use bevy_ecs::entity::Entity;

use super::*;
use crate::{
    picture::{Form, Length, Level, Mark, Picture},
    sim::{Domain, View, ViewOptions, picture_of},
};

fn view(stage: &Stage, options: ViewOptions) -> Picture {
    picture_of(&stage.params, stage.lane.world(), 0, &options)
}

fn on(picture: &Picture, level: Level) -> Vec<&Mark> {
    picture.marks.iter().filter(|mark| mark.level == level).collect()
}

/// A stage that has seen some ticks.
fn played(params: &ParticlesParams) -> Stage {
    let mut stage = Stage::new(params);
    for _ in 0..3 {
        stage.lane.ports_mut().groups.iter_mut().for_each(|port| port.actions.fill(2.0));
        stage.lane.step();
    }
    stage
}

#[test]
fn a_view_only_reads() {
    for params in [spread(), tag()] {
        let stage = played(&params);
        let before = (stage.lane.snapshot(0), format!("{:?}", stage.lane.ports()));
        for colour_by in 0..=params.declared().colour_by.len() {
            let picture = view(&stage, ViewOptions { colour_by, ..ViewOptions::default() });
            picture.marks.iter().filter_map(|mark| mark.who).for_each(|who| {
                params.describe(stage.lane.world(), who).unwrap();
            });
        }
        assert_eq!((stage.lane.snapshot(0), format!("{:?}", stage.lane.ports())), before);
    }
}

#[test]
fn every_agent_is_shown_where_it_is_and_as_large_as_it_is() {
    for (params, radii) in [(spread(), [0.15, 0.15, 0.15].to_vec()), (tag(), [0.075, 0.075, 0.075, 0.05].to_vec())] {
        let mut stage = played(&params);
        let picture = view(&stage, ViewOptions::default());
        let discs: Vec<(Vec2, f32)> = on(&picture, Level::Agents)
            .iter()
            .filter_map(|mark| match mark.form {
                Form::Glyph { at, radius: Length::Metres(radius), outlined: true, .. } => Some((at, radius)),
                _ => None,
            })
            .collect();
        assert_eq!(discs, stage.agents().into_iter().zip(radii).collect::<Vec<_>>());
        let who: BTreeSet<Entity> = picture.marks.iter().filter_map(|mark| mark.who).collect();
        assert_eq!(who.len(), params.num_movers() + params.num_places());
    }
}

#[test]
fn the_ground_grows_until_everybody_is_on_it() {
    let mut stage = Stage::new(&spread());
    for (x, half_m) in [(1.4, 1.5), (-1.6, 3.0), (5.9, 6.0)] {
        stage.put_agents(&at([(0.0, x), (0.0, 0.0), (0.0, 0.0)]));
        let arena = view(&stage, ViewOptions::default()).arena;
        assert_eq!((arena.low, arena.high), (Vec2::splat(-half_m), Vec2::splat(half_m)));
    }
}

#[test]
fn what_is_declared_is_there() {
    for params in [spread(), tag()] {
        let stage = played(&params);
        let declared = params.declared();
        let captions = view(&stage, ViewOptions::default()).captions;
        assert_eq!(captions.metrics.len(), declared.headline.len());
        assert!(captions.metrics.iter().all(|metric| metric.value.is_some()));
        assert_eq!((captions.tick, captions.time_s), (3, 3.0 * params.dt_s()));
        let coloured = |colour_by| {
            let picture = view(&stage, ViewOptions { colour_by, ..ViewOptions::default() });
            format!("{:?}", on(&picture, Level::Agents).iter().map(|mark| mark.colour).collect::<Vec<_>>())
        };
        let ways: BTreeSet<String> = (0..declared.colour_by.len()).map(coloured).collect();
        assert_eq!(ways.len(), declared.colour_by.len());
    }
}

#[test]
fn a_layer_that_is_hidden_takes_its_marks_with_it() {
    for (params, names) in [(spread(), vec!["areas", "arrows", "trails"]), (tag(), vec!["arrows", "trails"])] {
        let (stage, declared) = (played(&params), params.declared());
        assert_eq!(declared.layers.iter().map(|layer| layer.name).collect::<Vec<_>>(), names);
        let all = view(&stage, ViewOptions::default()).marks.len();
        for layer in declared.layers {
            let mut options = ViewOptions::default();
            options.toggle(&layer);
            let shown = view(&stage, options).marks.len();
            // Trails are the host's.
            assert_eq!(shown < all, layer.name != "trails", "{layer:?}");
        }
    }
}

#[test]
fn an_agent_tells_its_kind_how_fast_it_is_and_whom_it_touches() {
    let mut stage = Stage::new(&ParticlesParams { num_adversaries: 1, num_obstacles: 1, ..tag() });
    stage.put_landmarks(&at([(0.0, 1.0)]));
    stage.put_agents(&at([(0.0, 0.0), (0.1, 0.0)]));
    stage.put_velocities(&at([(0.3, 0.4), (0.0, 0.0)]));
    let picture = view(&stage, ViewOptions::default());
    let who: BTreeSet<Entity> = picture.marks.iter().filter_map(|mark| mark.who).collect();
    let told: Vec<_> = who.iter().map(|who| stage.params.describe(stage.lane.world(), *who).unwrap()).collect();
    let fact = |title: &str, name: &str| {
        let description = told.iter().find(|description| description.title == title).unwrap();
        description.facts.iter().find(|fact| fact.name == name).unwrap().value
    };
    assert!((fact("adversary 0", "speed") - 0.5).abs() < 1e-6);
    assert_eq!((fact("adversary 0", "agents it touches"), fact("good agent 0", "agents it touches")), (1.0, 1.0));
    assert!((fact("good agent 0", "to the nearest adversary") - 0.1).abs() < 1e-6);
    assert!((fact("obstacle 0", "to the nearest agent") - 1.0).abs() < 1e-6);
}
