//! What a picture of an env says.

use std::collections::BTreeSet;

use bevy_ecs::entity::Entity;
use glam::Vec2;

use super::*;
use crate::{
    picture::{Form, Glyph, Level, Mark, Picture},
    sim::{View, ViewOptions, picture_of},
};

fn view(stage: &Stage, options: ViewOptions) -> Picture {
    picture_of(&stage.params, stage.lane.world(), 0, &options)
}

/// A stage in which something waits, runs, has ended and has failed.
fn played() -> Stage {
    let mut stage = Stage::new(&ClusterParams { arrival_rate_hz: 9.0, mtbf_s: 15.0, ..ClusterParams::default() });
    (0..150).for_each(|_| stage.obey(Rule::LeastLoaded));
    stage
}

/// Shapes of workloads and crosses of nodes, with their places.
fn glyphs(picture: &Picture) -> Vec<(&Mark, Vec2, Glyph)> {
    let of_agents = picture.marks.iter().filter(|mark| mark.level == Level::Agents);
    let glyph = |mark: &Mark| if let Form::Glyph { at, shape, .. } = mark.form { Some((at, shape)) } else { None };
    of_agents.filter_map(|mark| glyph(mark).map(|(at, shape)| (mark, at, shape))).collect()
}

#[test]
fn a_view_only_reads() {
    let stage = played();
    let before = (stage.lane.snapshot(0), format!("{:?}", stage.lane.ports()));
    for colour_by in 0..=stage.params.declared().colour_by.len() {
        view(&stage, ViewOptions { colour_by, ..ViewOptions::default() });
    }
    assert_eq!((stage.lane.snapshot(0), format!("{:?}", stage.lane.ports())), before);
}

#[test]
fn everything_alive_is_shown_once_and_on_the_sheet() {
    let mut stage = played();
    let picture = view(&stage, ViewOptions::default());
    let alive = stage.all::<Phase, ()>().iter().filter(|phase| !phase.is_free()).count();
    let opaque: Vec<_> = glyphs(&picture).into_iter().filter(|(mark, ..)| mark.opacity == 1.0).collect();
    let who: BTreeSet<Entity> = opaque.iter().filter_map(|(mark, ..)| mark.who).collect();
    let down = stage.all::<Health, ()>().iter().filter(|health| health.is_down).count();
    assert_eq!((opaque.len(), who.len()), (alive + down, alive + down));
    let arena = picture.arena;
    for (_, at, _) in glyphs(&picture) {
        assert!(at.cmpge(arena.low).all() && at.cmple(arena.high).all(), "{at} is beside {arena:?}");
    }
}

#[test]
fn bars_are_as_high_as_their_resource_is_in_use() {
    let mut stage = Stage::new(&quiet());
    stage.put_machines(&[50.0; 3]);
    let used = |share: f64| Usage([50.0 * share, 0.0, 1000.0 * share, 1000.0]);
    stage.put::<_, ()>(&[used(0.25), used(0.5), used(1.0)]);
    let picture = view(&stage, ViewOptions::default());
    let heights = |level| -> Vec<f32> {
        let bars = picture.marks.iter().filter(|mark| mark.level == level);
        bars.filter_map(|mark| if let Form::Segment { from, to, .. } = mark.form { Some(to.y - from.y) } else { None })
            .collect()
    };
    let (full, filled) = (heights(Level::Ground)[0], heights(Level::Beneath));
    let shares: Vec<f32> = filled.iter().map(|height| (100.0 * height / full).round()).collect();
    assert_eq!(shares, [25.0, 25.0, 100.0, 50.0, 50.0, 100.0, 100.0, 100.0, 100.0]);
}

#[test]
fn a_failure_shows_its_cause_by_shape_and_fades() {
    let mut stage = Stage::new(&quiet());
    let causes: Vec<Phase> = Cause::ALL.into_iter().map(Phase::Failed).collect();
    stage.put::<_, ()>(&causes);
    let shapes: BTreeSet<Glyph> =
        glyphs(&view(&stage, ViewOptions::default())).iter().map(|(.., shape)| *shape).collect();
    assert_eq!(shapes.len(), Cause::ALL.len());
    (0..60).for_each(|_| stage.step(&[0.0; 3]));
    assert!(glyphs(&view(&stage, ViewOptions::default())).is_empty());
}

#[test]
fn what_is_declared_is_there() {
    let stage = played();
    let declared = stage.params.declared();
    let captions = view(&stage, ViewOptions::default()).captions;
    assert_eq!(captions.metrics.len(), declared.headline.len());
    assert!(captions.metrics.iter().all(|metric| metric.value.is_some()));
    assert_eq!(captions.tick, 150);
    let coloured = |colour_by| {
        let picture = view(&stage, ViewOptions { colour_by, ..ViewOptions::default() });
        format!("{:?}", picture.marks.iter().map(|mark| mark.colour).collect::<Vec<_>>())
    };
    let ways: BTreeSet<String> = (0..declared.colour_by.len()).map(coloured).collect();
    assert_eq!(ways.len(), declared.colour_by.len());
}

#[test]
fn a_layer_that_is_hidden_takes_its_marks_with_it() {
    let mut stage = Stage::new(&quiet());
    stage.put_queue(&[1.0; 2]);
    stage.put::<_, ()>(&[Phase::Placed(0), Phase::Queued]);
    let declared = stage.params.declared();
    let all = view(&stage, ViewOptions::default()).marks.len();
    for layer in declared.layers {
        let mut options = ViewOptions::default();
        options.toggle(&layer);
        // Trails are the host's.
        assert_eq!(view(&stage, options).marks.len() < all, layer.name != "trails", "{layer:?}");
    }
}

#[test]
fn what_failed_is_named_with_its_cause_and_how_many_did() {
    let mut stage = Stage::new(&quiet());
    stage.put::<_, ()>(&[Counts { by_cause: [1, 0, 0, 2], ..Counts::default() }]);
    let picture = view(&stage, ViewOptions::default());
    let labels = picture.marks.iter().filter_map(|mark| match &mark.form {
        Form::Label { text, .. } if !text.starts_with("node") => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(labels.collect::<Vec<_>>(), ["no room: 1", "latency: 2"]);
}

#[test]
fn the_shape_of_a_workload_is_its_priority() {
    let mut stage = Stage::new(&quiet());
    stage.put_queue(&[1.0; 3]);
    let jobs: Vec<Job> =
        stage.all::<Job, ()>().into_iter().zip(1..=3).map(|(job, priority)| Job { priority, ..job }).collect();
    stage.put::<_, ()>(&jobs);
    let shapes: BTreeSet<Glyph> =
        glyphs(&view(&stage, ViewOptions::default())).iter().map(|(.., shape)| *shape).collect();
    assert_eq!(shapes.len(), 3);
}

#[test]
fn a_workload_flies_from_the_queue_to_its_node_and_leaves_when_it_is_done() {
    let mut stage = Stage::new(&quiet());
    stage.put_machines(&[50.0; 3]);
    stage.put_queue(&[10.0]);
    let place = |stage: &Stage| glyphs(&view(stage, ViewOptions::default())).first().map(|(_, at, _)| *at);
    let queue = place(&stage).unwrap();
    let mut way = Vec::new();
    for _ in 0..6 {
        stage.obey(Rule::FirstFit);
        way.push(place(&stage).unwrap().distance(queue));
    }
    assert!(way[..4].is_sorted_by(|a, b| a < b) && way[4] == way[5], "{way:?}");
    (0..20).for_each(|_| stage.obey(Rule::FirstFit));
    assert_eq!(place(&stage), None);
}
