//! The laboratory without a window: every command does what it says, and what goes wrong is told.

#![allow(clippy::unwrap_used, reason = "tests")]

mod branching;
mod inspecting;
mod telling;

use std::time::Duration;

use bevy::math::Vec2;

use super::*;
use crate::{
    record::{Event, Replay},
    sim::{scenario::DomainConfig, snapshot},
    window::command::{Selection, Subject},
};

/// Tests run in the root of the project, where the scenarios are.
fn lab() -> Lab {
    let mut lab = Lab::new(&Theme::default()).unwrap();
    lab.obey(&open("skirmish", &["greedy"])).unwrap();
    lab
}

fn open(scenario: &str, policies: &[&str]) -> Command {
    Command::Open { scenario: scenario.to_owned(), policy: policies.first().map(|policy| (*policy).to_owned()) }
}

fn stage(lab: &Lab) -> &Stage {
    lab.stage().unwrap()
}

fn steps(lab: &mut Lab, ticks: u64) {
    (0..ticks).for_each(|_| lab.obey(&Command::Step).unwrap());
}

fn hash(lab: &Lab, play: usize) -> u64 {
    stage(lab).plays[play].lane().hash(0)
}

fn refused(lab: &mut Lab, command: &Command, because: &str) {
    let error = lab.obey(command).unwrap_err().to_string();
    assert!(error.contains(because), "{error}");
}

fn set(name: &str, value: &str) -> Command {
    Command::SetParameter { name: name.to_owned(), value: value.to_owned() }
}

/// A run whose iterations take a moment.
fn quick_draft() -> Draft {
    let set = [("num_envs", "2"), ("num_steps", "4"), ("envs_per_world", "2"), ("hidden", "4"), ("imitation", "0.0")];
    let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Draft { minutes: 60.0, set, ..Draft::default() }
}

/// The first entity of a kind and where it is.
fn first(lab: &Lab, kind: usize) -> (bevy::ecs::entity::Entity, Vec2) {
    let stage = stage(lab);
    let domain = stage.scenario.domain.domain();
    domain.editor().unwrap().places(stage.plays[0].lane().world(), 0, kind)[0]
}

#[test]
fn going_back_and_forth_is_going_through_the_same_states() {
    let mut lab = lab();
    let mut seen = vec![hash(&lab, 0)];
    for _ in 0..60 {
        steps(&mut lab, 1);
        seen.push(hash(&lab, 0));
    }
    for tick in [59, 17, 16, 15, 0, 60, 33] {
        lab.obey(&Command::Seek(tick)).unwrap();
        assert_eq!(hash(&lab, 0), seen[tick as usize], "tick {tick}");
    }
    lab.obey(&Command::StepBack).unwrap();
    assert_eq!((stage(&lab).tick(), hash(&lab, 0)), (32, seen[32]));
    // What is known is played again, not anew.
    steps(&mut lab, 28);
    assert_eq!((stage(&lab).ticks(), hash(&lab, 0)), ((0, 60), seen[60]));
    refused(&mut lab, &Command::Seek(61), "no tick 61");
}

#[test]
fn what_was_measured_on_the_way_is_shown_after_going_back() {
    let mut lab = lab();
    steps(&mut lab, 30);
    let metrics = stage(&lab).plays[0].lane().ports().metrics.clone();
    steps(&mut lab, 5);
    lab.obey(&Command::Seek(30)).unwrap();
    assert_eq!(stage(&lab).plays[0].lane().ports().metrics, metrics);
}

#[test]
fn time_goes_by_only_while_it_plays_and_the_view_can_stand_still_meanwhile() {
    let mut lab = lab();
    lab.obey(&Command::Pause).unwrap();
    lab.advance(Duration::from_secs(1));
    assert_eq!(stage(&lab).tick(), 0);
    lab.obey(&Command::Play).unwrap();
    lab.obey(&Command::ToggleFreeze).unwrap();
    let (before, _) = stage(&lab).pictures();
    lab.advance(Duration::from_millis(200));
    assert!(stage(&lab).tick() > 0);
    assert_eq!(stage(&lab).pictures().0, before, "a frozen view does not change");
    lab.obey(&Command::ToggleFreeze).unwrap();
    lab.advance(Duration::from_millis(200));
    assert!(stage(&lab).pictures().0 > before);
}

#[test]
fn a_dragged_agent_is_where_it_was_put_and_what_came_after_is_another_branch() {
    let mut lab = lab();
    steps(&mut lab, 20);
    lab.obey(&Command::Seek(10)).unwrap();
    let (who, _) = first(&lab, 1);
    let at = [12.5, 80.0];
    for way in [[40.0, 40.0], [30.0, 60.0], at] {
        lab.obey(&Command::MoveTo { play: 0, who, at: way }).unwrap();
    }
    assert_eq!(first(&lab, 1), (who, Vec2::from_array(at)));
    assert_eq!(stage(&lab).ticks(), (0, 10));
    let edits = stage(&lab).plays[0].events().iter().filter(|(_, e)| matches!(e, Event::StateEdited { .. })).count();
    assert_eq!(edits, 1, "a drag is one event");
    steps(&mut lab, 5);
    lab.obey(&Command::Seek(10)).unwrap();
    assert_eq!(first(&lab, 1), (who, Vec2::from_array(at)), "an edit comes back");
    lab.obey(&Command::Seek(9)).unwrap();
    assert_ne!(first(&lab, 1).1, Vec2::from_array(at), "and is not there before it was made");
}

#[test]
fn another_policy_acts_from_the_next_tick_on() {
    let mut lab = lab();
    steps(&mut lab, 10);
    let swap = |policy: &str| Command::Swap { play: 0, group: 0, policy: policy.to_owned() };
    lab.obey(&swap("hold")).unwrap();
    steps(&mut lab, 1);
    let port = &stage(&lab).plays[0].lane().ports().groups[0];
    assert!(port.actions.chunks_exact(3).all(|action| action[..2] == [0.0, 0.0]), "{:?}", port.actions);
    assert_eq!(stage(&lab).plays[0].policies(), ["hold"]);
    refused(&mut lab, &swap("gredy"), "did you mean `greedy`?");
    assert_eq!(stage(&lab).plays[0].policies(), ["hold"]);
}

#[test]
fn a_live_parameter_changes_now_and_others_with_the_next_episode() {
    let mut lab = lab();
    let params = stage(&lab).scenario.domain.params().declared();
    let name = |when| {
        let is_number = |p: &&crate::sim::params::Param| matches!(p.kind, crate::sim::params::Kind::Number { .. });
        params.iter().filter(is_number).find(|param| param.when == when).map(|param| param.name).unwrap()
    };
    let live = name(crate::sim::params::When::Live);
    let waits = name(crate::sim::params::When::NextReset);
    let text = |lab: &Lab, name: &str| stage(lab).scenario.domain.params().get(name).unwrap();
    let half = |lab: &Lab, name: &str| format!("{:?}", 0.9 * text(lab, name).parse::<f64>().unwrap());
    steps(&mut lab, 3);
    let (now, later) = (half(&lab, live), half(&lab, waits));
    lab.obey(&set(live, &now)).unwrap();
    assert_eq!(text(&lab, live), now);
    lab.obey(&set(waits, &later)).unwrap();
    assert_ne!(text(&lab, waits), later);
    let ticks = u64::from(stage(&lab).scenario.max_steps) - 3;
    steps(&mut lab, ticks);
    assert_eq!((text(&lab, waits), text(&lab, live)), (later, now));
    assert!(stage(&lab).pending.is_none());
    let is_change = |event: &&(u64, Event)| matches!(&event.1, Event::ParameterChanged { name, .. } if name == waits);
    assert_eq!(stage(&lab).plays[0].events().iter().filter(is_change).count(), 1);
    steps(&mut lab, 1);
    refused(&mut lab, &set("no_such", "1"), "no_such");
}

#[test]
fn two_policies_play_the_same_episodes_in_lock_step() {
    let mut lab = lab();
    lab.obey(&Command::Compare { policy: "greedy".to_owned() }).unwrap();
    steps(&mut lab, 30);
    assert_eq!(hash(&lab, 0), hash(&lab, 1));
    assert_eq!(stage(&lab).comparison.as_ref().unwrap().first_difference(), None);
    lab.obey(&Command::Compare { policy: "hold".to_owned() }).unwrap();
    let max_steps = u64::from(stage(&lab).scenario.max_steps);
    steps(&mut lab, 2 * max_steps);
    let comparison = stage(&lab).comparison.as_ref().unwrap();
    assert!(comparison.first_difference().is_some_and(|tick| (1..10).contains(&tick)));
    assert_eq!(comparison.num_episodes(), 2);
    let estimate = comparison.estimate().unwrap();
    assert!(estimate.lo <= estimate.mean && estimate.mean <= estimate.hi);
    lab.obey(&Command::EndCompare).unwrap();
    assert_eq!(stage(&lab).plays.len(), 1);
}

#[test]
fn a_recording_made_here_is_verified_replayed_and_forked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mcap");
    let mut lab = lab();
    lab.obey(&Command::StartRecording(Some(path.clone()))).unwrap();
    refused(&mut lab, &Command::StartRecording(None), "already");
    steps(&mut lab, 20);
    let (who, _) = first(&lab, 0);
    lab.obey(&Command::MoveTo { play: 0, who, at: [5.0, 5.0] }).unwrap();
    lab.obey(&Command::Bookmark("here".to_owned())).unwrap();
    steps(&mut lab, 20);
    lab.obey(&Command::Seek(30)).unwrap();
    lab.obey(&Command::Swap { play: 0, group: 0, policy: "random".to_owned() }).unwrap();
    steps(&mut lab, 10);
    let last = hash(&lab, 0);
    lab.obey(&Command::StopRecording).unwrap();
    let verdict = crate::record::verify(&mut Replay::open(&path).unwrap(), &|| {}).unwrap();
    assert!(verdict.difference.is_none(), "{verdict:?}");
    lab.obey(&Command::OpenRecording(path)).unwrap();
    // Forty ticks, then ten more from where it went back to.
    assert_eq!(stage(&lab).ticks(), (0, 50));
    lab.obey(&Command::Seek(50)).unwrap();
    assert_eq!(hash(&lab, 0), last);
    refused(&mut lab, &Command::MoveTo { play: 0, who, at: [1.0, 1.0] }, "fork");
    lab.obey(&Command::Seek(25)).unwrap();
    let there = hash(&lab, 0);
    lab.obey(&Command::Fork { policy: Some("hold".to_owned()) }).unwrap();
    assert_eq!((hash(&lab, 0), stage(&lab).tick()), (there, 25));
    steps(&mut lab, 5);
    assert_eq!(stage(&lab).plays[0].policies(), ["hold"]);
}

#[test]
fn what_is_played_again_is_recorded_like_what_is_played_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mcap");
    let mut lab = lab();
    steps(&mut lab, 12);
    let (who, _) = first(&lab, 1);
    lab.obey(&Command::MoveTo { play: 0, who, at: [9.0, 9.0] }).unwrap();
    steps(&mut lab, 12);
    let last = hash(&lab, 0);
    lab.obey(&Command::Seek(5)).unwrap();
    lab.obey(&Command::StartRecording(Some(path.clone()))).unwrap();
    steps(&mut lab, 19);
    lab.obey(&Command::StopRecording).unwrap();
    let mut replay = Replay::open(&path).unwrap();
    assert!(crate::record::verify(&mut replay, &|| {}).unwrap().difference.is_none());
    assert_eq!(replay.ticks(), 0..=19);
    replay.seek(19).unwrap();
    assert_eq!(replay.lane().hash(0), last);
}

#[test]
fn the_scenario_is_that_of_the_tick_one_went_back_to() {
    let mut lab = lab();
    let live = stage(&lab).scenario.domain.params().declared().iter().find(|param| {
        let is_number = matches!(param.kind, crate::sim::params::Kind::Number { .. });
        is_number && param.when == crate::sim::params::When::Live
    });
    let name = live.unwrap().name;
    let text = |lab: &Lab| stage(lab).scenario.domain.params().get(name).unwrap();
    let before = text(&lab);
    steps(&mut lab, 10);
    lab.obey(&set(name, &format!("{:?}", 0.5 * before.parse::<f64>().unwrap()))).unwrap();
    steps(&mut lab, 10);
    lab.obey(&Command::Seek(3)).unwrap();
    assert_eq!(text(&lab), before);
    lab.obey(&Command::Seek(20)).unwrap();
    assert_ne!(text(&lab), before);
}

#[test]
fn a_driven_agent_does_as_it_is_told_and_the_others_as_before() {
    let mut lab = lab();
    refused(&mut lab, &Command::ToggleDrive, "no agent is selected");
    let (who, _) = first(&lab, 1);
    lab.obey(&Command::Select(Some(Selection { play: 0, subject: Subject::Entity(who) }))).unwrap();
    lab.obey(&Command::ToggleDrive).unwrap();
    lab.obey(&Command::Steer { axes: [1.0, -1.0], turn: 0 }).unwrap();
    steps(&mut lab, 1);
    let port = &stage(&lab).plays[0].lane().ports().groups[0];
    let top = *stage(&lab).plays[0].lane().spec().groups[0].action.continuous[0].bounds.end();
    assert_eq!(port.actions[..2], [top, -top]);
    let inspection = lab.inspect().unwrap();
    assert!(inspection.agent.unwrap().is_driven);
    lab.obey(&Command::ToggleDrive).unwrap();
    assert!(stage(&lab).driven().is_none());
}

#[test]
fn the_inspector_knows_what_an_agent_sees_does_and_is_paid_for() {
    let mut lab = Lab::new(&Theme::default()).unwrap();
    lab.obey(&open("skirmish", &["skirmish"])).unwrap();
    steps(&mut lab, 3);
    lab.obey(&Command::SelectNext).unwrap();
    let inspection = lab.inspect().unwrap();
    assert_eq!(inspection.title, "jammer 0");
    let agent = inspection.agent.unwrap();
    let spec = stage(&lab).plays[0].lane().spec().groups[0].clone();
    assert_eq!(agent.observation.len(), spec.observation.len());
    assert_eq!(agent.action.len(), spec.action.width());
    assert_eq!(agent.choices.unwrap().len(), spec.action.width());
    assert!((agent.rewards.iter().map(|(_, value)| value).sum::<f32>() - agent.reward).abs() < 1e-4);
    lab.obey(&Command::ToggleProbe { field: 2 }).unwrap();
    steps(&mut lab, 4);
    assert_eq!(stage(&lab).probes[0].series.len(), 5);
}

#[test]
fn the_editor_places_takes_away_and_takes_back_and_saves_what_is_played() {
    let mut lab = lab();
    steps(&mut lab, 7);
    let drone = first(&lab, 0);
    lab.obey(&Command::ToggleEditor).unwrap();
    assert_eq!(first(&lab, 0).1, drone.1, "episodes begin as the env stood");
    let count = |lab: &Lab| stage(lab).scenario.domain.params().get("num_jammers").unwrap();
    lab.obey(&Command::Place { kind: 1, at: [50.0, 50.0] }).unwrap();
    lab.obey(&Command::Place { kind: 1, at: [60.0, 60.0] }).unwrap();
    assert_eq!(count(&lab), "6");
    lab.obey(&Command::Undo).unwrap();
    assert_eq!(count(&lab), "5");
    lab.obey(&Command::Redo).unwrap();
    lab.obey(&Command::SelectNext).unwrap();
    lab.obey(&Command::Remove).unwrap();
    assert_eq!(count(&lab), "5");
    refused(&mut lab, &Command::Step, "the editor is open");
    let placed = stage(&lab).scenario.clone();
    lab.obey(&Command::ToggleEditor).unwrap();
    steps(&mut lab, 3);
    assert_eq!(stage(&lab).scenario, placed);
    refused(&mut lab, &Command::SaveScenario { name: "skirmish".to_owned(), replace: false }, "of this name");
    refused(&mut lab, &Command::SaveScenario { name: "No Name".to_owned(), replace: false }, "lower-case");
}

#[test]
fn training_goes_on_beside_what_is_shown_which_acts_with_the_newest_policy() {
    let dir = tempfile::tempdir().unwrap();
    let mut lab = lab();
    lab.train_in(&quick_draft(), Some(&dir.path().join("run"))).unwrap();
    let begun = std::time::Instant::now();
    while lab.trainings()[0].status().counters.iterations < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not train");
        lab.advance(Duration::from_millis(10));
        steps(&mut lab, 1);
    }
    assert!(stage(&lab).plays[0].policies()[0].starts_with("newest of"));
    assert!(lab.trainings()[0].curves().contains_key("losses/entropy"));
    lab.obey(&Command::SelectNext).unwrap();
    assert!(lab.inspect().unwrap().agent.unwrap().value.is_some_and(f32::is_finite));
    let id = lab.trainings()[0].id();
    lab.obey(&Command::PauseTraining(id)).unwrap();
    lab.obey(&Command::SetHyperparameter { training: id, name: "hidden".to_owned(), value: "8".to_owned() }).unwrap();
    lab.obey(&Command::StopTraining(id)).unwrap();
    while lab.is_training() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not stop");
        lab.advance(Duration::from_millis(10));
    }
    lab.advance(Duration::ZERO);
    let told: Vec<&str> = lab.messages().iter().map(|message| message.text.as_str()).collect();
    assert!(told.iter().any(|text| text.contains("`hidden` is fixed")), "{told:?}");
    assert!(told.iter().any(|text| text.contains("saved and stopped")), "{told:?}");
    let run = lab.trainings()[0].folder().clone();
    let step = lab.trainings()[0].status().counters.env_steps;
    lab.obey(&Command::LoadCheckpoint { run, step }).unwrap();
    steps(&mut lab, 1);
}

#[test]
fn an_export_is_written_beside_the_simulation() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    let mut lab = lab();
    steps(&mut lab, 12);
    lab.obey(&Command::Export { to: path.clone(), from: Some(2), until: Some(9) }).unwrap();
    let begun = std::time::Instant::now();
    while !lab.exports().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never written");
        lab.advance(Duration::from_millis(5));
    }
    let rows = std::fs::read_to_string(&path).unwrap().lines().count();
    assert_eq!(rows, 8, "a header and the seven ticks after the first");
    refused(&mut lab, &Command::Export { to: path, from: None, until: None }, "there already");
}

#[test]
fn what_goes_wrong_is_told_and_nothing_is_changed() {
    let mut lab = lab();
    steps(&mut lab, 5);
    let before = snapshot::hash(stage(&lab).plays[0].lane().world(), 0);
    for command in [
        open("no-such-scenario", &[]),
        open("skirmish", &["nobody"]),
        Command::OpenRecording("no/such/file.mcap".into()),
        Command::Compare { policy: "nobody".to_owned() },
        set("arena_m", "-3"),
        Command::LoadCheckpoint { run: "no/such/run".into(), step: 1 },
        Command::Fork { policy: None },
        Command::Remove,
    ] {
        let errors = lab.messages().num_errors();
        lab.apply(&command);
        assert_eq!(lab.messages().num_errors(), errors + 1, "{command:?}");
    }
    assert_eq!((stage(&lab).tick(), hash(&lab, 0)), (5, before));
    lab.obey(&Command::Gallery).unwrap();
    refused(&mut lab, &Command::Play, "no scenario is open");
}
