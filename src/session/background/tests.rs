//! A session with a thread of its own comes to what it would have come to without.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    domains::Scenario,
    learn::hyperparameters::PpoParams,
    metrics::Goal,
    session::{Plan, generation},
};

fn plan(iterations: u64) -> Plan {
    let text = "(version: 1, name: \"x\", title: \"T\", about: \"A\", seed: 1, max_steps: 4, domain: Jamming(()))";
    let params = PpoParams { num_envs: 2, num_steps: 4, hidden: 4, ..PpoParams::default() };
    Plan { stages: vec![Scenario::parse(text, "x.ron").unwrap()], seed: 1, goal: Goal::Steps(8 * iterations), params }
}

fn start(dir: &Path, iterations: u64) -> Background {
    Background::start(Session::start(plan(iterations), Some(dir), None).unwrap(), Some(1)).unwrap()
}

/// Waits for what has to come true, but not for ever.
#[track_caller]
fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(60), "this never came true");
        sleep(Duration::from_millis(1));
    }
}

fn weights(dir: &Path) -> Vec<u8> {
    let loaded = generation::load_latest(&dir.join("checkpoints")).unwrap();
    loaded.generation.section("weights").unwrap().to_vec()
}

struct Undisturbed;

impl Observer for Undisturbed {
    fn iterated(&mut self, _news: &News<'_>) -> Result<Control> {
        Ok(Control::Continue)
    }
}

#[test]
fn pauses_and_saves_change_nothing_of_what_is_learned() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, paused) = (dir.path().join("plain"), dir.path().join("paused"));
    Session::start(plan(300), Some(&plain), None).unwrap().run(&mut Undisturbed).unwrap();
    let (begun, pause) = (Instant::now(), Duration::from_millis(50));
    let session = start(&paused, 300);
    session.tell(Command::Pause);
    until(|| session.status().phase == Phase::Paused);
    let before = session.status().counters;
    assert!(before.iterations < 300);
    sleep(pause);
    assert_eq!(session.status().counters, before, "nothing is learned in a pause");
    session.tell(Command::Save);
    session.tell(Command::Resume);
    until(|| session.status().phase == Phase::Ended(Ending::Done));
    assert!(session.status().wall_s <= (begun.elapsed() - pause).as_secs_f64(), "a pause is no time of the run");
    drop(session);
    assert_eq!(weights(&plain), weights(&paused));
}

#[test]
fn every_iteration_is_told_once_and_the_policy_is_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let session = start(dir.path(), 20);
    let first = session.policy();
    until(|| matches!(session.status().phase, Phase::Ended(_)));
    let samples: Vec<Sample> = session.take_samples().collect();
    let steps: Vec<u64> = samples.iter().map(|sample| sample.step).collect();
    assert_eq!(steps, (1..=20).map(|i| 8 * i).collect::<Vec<_>>());
    assert!(samples.iter().all(|sample| sample.scalars.iter().any(|(name, _)| name == "losses/entropy")));
    assert_ne!(first.tensors(), session.policy().tensors());
    assert_eq!(session.status().progress, 1.0);
    let shared = crate::policy::card::load(dir.path()).unwrap();
    assert_eq!(shared.network.tensors(), session.policy().tensors());
}

#[test]
fn live_hyperparameters_change_while_a_run_goes_on_and_others_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let session = start(dir.path(), 1_000_000);
    let set = |name: &str, value: &str| session.tell(Command::Set { name: name.to_owned(), value: value.to_owned() });
    session.tell(Command::Pause);
    set("clip_coef", "0.125");
    set("hidden", "8");
    set("clip_cof", "0.5");
    set("clip_coef", "-1.0");
    until(|| session.status().phase == Phase::Paused);
    session.tell(Command::Stop);
    until(|| session.status().phase == Phase::Ended(Ending::Stopped));
    let warnings: Vec<String> = session.take_warnings().collect();
    let expected = ["`hidden` is fixed when a run starts", "clip_coef", "-1"];
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().zip(expected).all(|(warning, part)| warning.contains(part)), "{warnings:?}");
    assert_eq!(session.wait(), Phase::Ended(Ending::Stopped));
    let resumed = Session::resume(dir.path(), None).unwrap();
    assert_eq!(resumed.plan().params, PpoParams { clip_coef: 0.125, ..plan(1).params });
}

#[test]
fn a_session_that_is_dropped_has_saved() {
    let dir = tempfile::tempdir().unwrap();
    let session = start(dir.path(), 1_000_000);
    until(|| session.status().counters.iterations >= 3);
    let seen = session.status().counters.env_steps;
    drop(session);
    assert!(Session::resume(dir.path(), None).unwrap().counters().env_steps >= seen);
}

#[test]
fn a_session_that_cannot_save_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let session = start(dir.path(), 1_000_000);
    session.tell(Command::Pause);
    until(|| session.status().phase == Phase::Paused);
    // What was a folder is in the way as a file.
    std::fs::remove_dir_all(dir.path().join("checkpoints")).unwrap();
    std::fs::write(dir.path().join("checkpoints"), "").unwrap();
    session.tell(Command::Save);
    let Phase::Failed(why) = session.wait() else { panic!("it saved into a file") };
    assert!(why.contains("checkpoints"), "{why}");
}
