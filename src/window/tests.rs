//! Commands and picking through the window's own systems, in a Bevy app without a window.

#![allow(clippy::unwrap_used, reason = "tests")]

use bevy::{
    MinimalPlugins,
    math::{Rect, Vec2},
};

use super::*;
use crate::{
    picture::Theme,
    window::{
        command::{Selection, Subject},
        scene::{pick, place_of},
    },
};

/// The systems of a frame that need neither a window nor something that draws.
fn app(commands: Vec<Command>) -> App {
    let mut app = App::new();
    let (mut desk, _) = Desk::open(None);
    desk.lenses[0].area = Rect::new(0.0, 0.0, 640.0, 480.0);
    app.add_plugins(MinimalPlugins)
        .insert_resource(Asked(commands))
        .insert_resource(desk)
        .insert_resource(Lab::new(&Theme::default()).unwrap())
        .insert_resource(pace::Pace::new())
        .init_resource::<Inspected>()
        .add_message::<AppExit>()
        .insert_resource(Remains::default())
        .add_systems(Update, (obey, advance, close).chain());
    app
}

fn ask(app: &mut App, command: Command) {
    app.world_mut().resource_mut::<Asked>().0.push(command);
    app.update();
}

fn open_skirmish() -> Command {
    Command::Open { scenario: "skirmish".to_owned(), policy: Some("greedy".to_owned()) }
}

#[test]
fn what_is_asked_for_is_done_in_the_same_frame() {
    let mut app = app(vec![open_skirmish(), Command::Pause]);
    app.update();
    for expected in 1..=5 {
        ask(&mut app, Command::Step);
        assert_eq!(app.world().resource::<Lab>().stage().unwrap().tick(), expected);
    }
    ask(&mut app, Command::Window(WindowCommand::NextTheme));
    assert_eq!(*app.world().resource::<Desk>().theme(), Theme::named("light").unwrap());
    ask(&mut app, Command::Seek(99));
    assert_eq!(app.world().resource::<Lab>().messages().num_errors(), 1);
    ask(&mut app, Command::Window(WindowCommand::DismissMessages));
    assert_eq!(app.world().resource::<Lab>().messages().iter().count(), 0);
}

#[test]
fn every_agent_is_found_where_it_is_seen_and_can_be_inspected() {
    let mut app = app(vec![open_skirmish(), Command::Step]);
    app.update();
    let lab = app.world().resource::<Lab>();
    let lens = app.world().resource::<Desk>().lenses[0];
    let stage = lab.stage().unwrap();
    let (picture, editor) = (stage.picture(0).unwrap(), stage.scenario.domain.domain().editor().unwrap());
    let world = stage.plays[0].lane().world();
    let mut found = Vec::new();
    for kind in 0..editor.kinds().len() {
        for (who, at) in editor.places(world, 0, kind) {
            assert_eq!(place_of(picture, who), Some(at));
            // One that another lies upon is hidden by it.
            let is_hidden =
                picture.marks.iter().filter_map(|mark| mark.who).any(|other| {
                    other != who && place_of(picture, other).is_some_and(|place| place.distance(at) < 4.0)
                });
            let subject = pick(picture, &lens, lens.point(&picture.arena, at));
            assert!(is_hidden || subject == Some(Subject::Entity(who)), "{subject:?}");
            found.extend(subject);
        }
    }
    assert_eq!(pick(picture, &lens, Vec2::new(-50.0, -50.0)), None);
    let selection = Selection { play: 0, subject: found[0] };
    ask(&mut app, Command::Select(Some(selection)));
    assert!(app.world().resource::<Inspected>().0.as_ref().is_some_and(|what| what.title.starts_with("drone")));
}

#[test]
fn a_policy_that_there_is_not_is_told_and_changes_nothing() {
    let mut app = app(vec![open_skirmish(), Command::Step, Command::ToggleFollow]);
    app.update();
    let arena = app.world().resource::<Lab>().stage().unwrap().picture(0).unwrap().arena;
    app.world_mut().resource_mut::<Desk>().lenses[0].pan(&arena, Vec2::new(30.0, 10.0));
    let seen = |app: &App| {
        let (lab, desk) = (app.world().resource::<Lab>(), app.world().resource::<Desk>());
        let stage = lab.stage().unwrap();
        (desk.lenses, desk.follows, stage.tick(), stage.plays.len(), stage.plays[0].policies(), desk.layout.clone())
    };
    let before = seen(&app);
    let wrong = || "gredy".to_owned();
    let refused = [
        Command::Open { scenario: "cluster/default".to_owned(), policy: Some(wrong()) },
        Command::Compare { policy: wrong() },
        Command::Swap { play: 0, group: 0, policy: wrong() },
    ];
    for (errors, command) in (1..).zip(refused) {
        ask(&mut app, command.clone());
        assert_eq!(app.world().resource::<Lab>().messages().num_errors(), errors, "{command:?}");
        assert!(seen(&app) == before, "{command:?}");
    }
}

#[test]
fn what_was_told_is_not_told_again_when_the_window_closes() {
    let mut lab = Lab::new(&Theme::default()).unwrap();
    lab.apply(&open_skirmish());
    lab.apply(&Command::Seek(99));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    lab.apply(&Command::Export { to: path.clone(), from: Some(5), until: Some(2) });
    assert_eq!(lab.messages().num_errors(), 1);
    let new = finish(&mut lab);
    assert_eq!(lab.messages().num_errors(), 2);
    assert!(new.len() == 1 && !new[0].contains("99"), "only what went wrong while it closed: {new:?}");
}

#[test]
fn a_window_that_is_closed_ends_its_recording_and_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mcap");
    let mut app = app(vec![open_skirmish(), Command::StartRecording(Some(path.clone())), Command::Step]);
    app.update();
    ask(&mut app, Command::Window(WindowCommand::Close));
    assert!(app.should_exit().is_some_and(|exit| exit.is_success()));
    assert!(matches!(app.world().resource::<Remains>().take(), Some(Closed::Done)));
    assert!(crate::record::Replay::open(&path).unwrap().header().finished);
}
