//! What a picture of an env says.

use std::collections::BTreeSet;

use bevy_ecs::entity::Entity;

use super::*;
use crate::{
    domains::jamming::{radio::LinkBudgets, systems::RadioGraphs},
    picture::{Colour, Dash, Form, Glyph, Length, Level, Mark, Picture, Token},
    sim::{View, ViewOptions, picture_of},
};

fn view(stage: &Stage, options: ViewOptions) -> Picture {
    picture_of(&stage.params, stage.lane.world(), 0, &options)
}

fn on(picture: &Picture, level: Level) -> Vec<&Mark> {
    picture.marks.iter().filter(|mark| mark.level == level).collect()
}

fn links_of(picture: &Picture) -> Vec<&Mark> {
    picture.marks.iter().filter(|mark| mark.pair.is_some()).collect()
}

/// A stage that has seen some ticks.
fn played() -> Stage {
    let mut stage = Stage::new(&JammingParams::default());
    (0..5).for_each(|_| stage.lane.step());
    stage
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
fn every_drone_and_jammer_is_shown_once_where_it_is() {
    let mut stage = played();
    let picture = view(&stage, ViewOptions::default());
    let agents = on(&picture, Level::Agents);
    let who: BTreeSet<Entity> = agents.iter().filter_map(|mark| mark.who).collect();
    assert_eq!((agents.len(), who.len()), (14, 14));
    let mut places: Vec<Vec2> = stage.all::<Position, With<Enemy>>().iter().map(|position| position.0).collect();
    places.extend(stage.all::<Position, With<Jammer>>().iter().map(|position| position.0));
    let shown = agents.iter().map(|mark| match mark.form {
        Form::Glyph { at, .. } => at,
        ref other => panic!("{other:?}"),
    });
    assert_eq!(shown.collect::<Vec<_>>(), places);
}

#[test]
fn solid_links_are_alive_and_dashed_ones_are_in_range_and_cut() {
    let mut stage = played();
    let picture = view(&stage, ViewOptions::default());
    let bits: u32 = stage.lane.world().resource::<RadioGraphs>().links(0).iter().map(|row| row.count_ones()).sum();
    let lines: Vec<(Dash, f32)> = links_of(&picture)
        .iter()
        .map(|mark| match mark.form {
            Form::Segment { from, to, stroke } => (stroke.dash, from.distance(to)),
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lines.iter().filter(|(dash, _)| *dash == Dash::Solid).count() as u32, bits / 2);
    let band = stage.all::<Swarm, With<Swarm>>()[0].band;
    let range_m = LinkBudgets::new(&stage.params).band(band).link_range_m;
    assert!(lines.iter().all(|(_, metres)| *metres <= range_m));
    let drones = stage.all::<Position, With<Enemy>>();
    let pairs = (0..drones.len()).flat_map(|i| (i + 1..drones.len()).map(move |j| (i, j)));
    let in_range = pairs.filter(|(i, j)| drones[*i].0.distance(drones[*j].0) <= range_m).count();
    assert_eq!(lines.len(), in_range);
}

#[test]
fn a_link_names_the_two_drones_at_its_ends() {
    let picture = view(&played(), ViewOptions::default());
    let links = links_of(&picture);
    let agents = on(&picture, Level::Agents);
    let place = |entity: Entity| {
        let mark = agents.iter().find(|mark| mark.who == Some(entity)).unwrap();
        match mark.form {
            Form::Glyph { at, .. } => at,
            ref other => panic!("{other:?}"),
        }
    };
    for link in &links {
        let [one, other] = link.pair.unwrap();
        assert!(one < other && link.who.is_none());
        let ends = match link.form {
            Form::Segment { from, to, .. } => [from, to],
            ref other => panic!("{other:?}"),
        };
        let drones = [place(one), place(other)];
        assert!(ends == drones || ends == [drones[1], drones[0]], "{link:?}");
    }
    let pairs: BTreeSet<_> = links.iter().filter_map(|link| link.pair).collect();
    assert_eq!(pairs.len(), links.len(), "two links of one pair");
}

#[test]
fn a_jammer_shows_its_band_by_shape_and_colour_and_reaches_as_far_as_its_budget() {
    let mut stage = played();
    let bands: Vec<JamBand> = (0..4).map(JamBand).collect();
    stage.put::<JamBand, With<Jammer>>(&bands);
    let picture = view(&stage, ViewOptions::default());
    let jammers: Vec<(Glyph, String)> = on(&picture, Level::Agents)
        .iter()
        .filter_map(|mark| match mark.form {
            Form::Glyph { shape, outlined: true, .. } => Some((shape, format!("{:?}", mark.colour))),
            _ => None,
        })
        .collect();
    let shapes: BTreeSet<_> = jammers.iter().map(|(shape, _)| shape).collect();
    let colours: BTreeSet<_> = jammers.iter().map(|(_, colour)| colour).collect();
    assert_eq!((shapes.len(), colours.len()), (4, 4));
    let areas = on(&picture, Level::Ground);
    let budgets = LinkBudgets::new(&stage.params);
    let rims = areas.iter().filter_map(|mark| match mark.form {
        Form::Ring { radius: Length::Metres(metres), .. } => Some(metres),
        _ => None,
    });
    assert_eq!(rims.collect::<Vec<_>>(), (0..4).map(|band| budgets.band(band).jam_range_m).collect::<Vec<_>>());
    // One of the four is on the swarm's band, and only its reach is filled.
    assert_eq!(areas.iter().filter(|mark| matches!(mark.form, Form::Disc { .. })).count(), 1);
}

#[test]
fn links_are_seen_through_the_reach_of_all_jammers_together() {
    let mut stage = played();
    let band = stage.swarm().band;
    stage.put::<JamBand, With<Jammer>>(&[JamBand(band); 4]);
    let picture = view(&stage, ViewOptions::default());
    let areas = on(&picture, Level::Ground);
    let opacities = |is_fill: bool| {
        let marks = areas.iter().filter(|mark| matches!(mark.form, Form::Disc { .. }) == is_fill);
        marks.map(|mark| mark.opacity).collect::<Vec<_>>()
    };
    let (fills, rims) = (opacities(true), opacities(false));
    assert_eq!((fills.len(), rims.len()), (4, 4));
    assert!(fills.iter().sum::<f32>() <= 0.2, "{fills:?}");
    assert!(rims.iter().all(|rim| *rim > 0.8), "{rims:?}");
}

#[test]
fn what_is_hidden_is_not_there() {
    let stage = played();
    let declared = stage.params.declared();
    let names = ["links", "areas", "goals", "arrows"];
    let is_part = |name: &str, mark: &Mark| match name {
        "links" => mark.pair.is_some(),
        "areas" => mark.level == Level::Ground,
        "goals" => mark.level == Level::Beneath && mark.colour == Colour::Token(Token::Goal),
        _ => matches!(mark.form, Form::Arrow { .. }),
    };
    let all = view(&stage, ViewOptions::default());
    for name in names {
        let mut options = ViewOptions::default();
        options.toggle(declared.layer(name).unwrap());
        let rest: Vec<Mark> = all.marks.iter().filter(|mark| !is_part(name, mark)).cloned().collect();
        assert!(rest.len() < all.marks.len(), "{name}");
        assert_eq!(view(&stage, options).marks, rest, "{name}");
    }
    // Trails are the host's.
    let declared: Vec<&str> = declared.layers.iter().map(|layer| layer.name).collect();
    assert_eq!(declared, [&names[..], &["trails"]].concat());
}

#[test]
fn what_is_declared_is_there() {
    let stage = played();
    let declared = stage.params.declared();
    let captions = view(&stage, ViewOptions::default()).captions;
    assert_eq!(captions.metrics.len(), declared.headline.len());
    assert!(captions.metrics.iter().all(|metric| metric.value.is_some()));
    assert_eq!((captions.tick, captions.time_s), (5, 5.0 * declared.tick_s));
    let coloured = |colour_by| {
        let picture = view(&stage, ViewOptions { colour_by, ..ViewOptions::default() });
        format!("{:?}", on(&picture, Level::Agents).iter().map(|mark| mark.colour).collect::<Vec<_>>())
    };
    let ways: BTreeSet<String> = (0..declared.colour_by.len()).map(coloured).collect();
    assert_eq!(ways.len(), declared.colour_by.len());
}

#[test]
fn nothing_is_measured_before_the_first_tick() {
    let stage = Stage::new(&JammingParams::default());
    assert!(view(&stage, ViewOptions::default()).captions.metrics.iter().all(|metric| metric.value.is_none()));
}
