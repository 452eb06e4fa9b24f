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
    durable::Folder,
    learn::hyperparameters::Hyperparameters,
    metrics::Goal,
    policy::{
        acting::{Decision, NetworkPolicy},
        card::Card,
    },
    session::{Plan, Roles, generation, policies_at},
    sim::{Lane, Seeds},
};

fn plan(iterations: u64) -> Plan {
    let text = "(version: 1, name: \"x\", title: \"T\", about: \"A\", seed: 1, max_steps: 4, domain: Jamming(()))";
    let params = Hyperparameters::default().with(|params| {
        params.run.num_envs = 2;
        params.run.num_steps = 4;
        params.run.hidden = 4;
    });
    Plan {
        stages: vec![Scenario::parse(text, "x.ron").unwrap()],
        seed: 1,
        goal: Goal::Steps(8 * iterations),
        params,
        roles: Roles::default(),
    }
}

fn start(dir: &Path, iterations: u64) -> Background {
    let session = Session::start(plan(iterations), Some(dir), None).unwrap();
    Background::start(session, Some(1), &RightOfWay::default()).unwrap()
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
    let loaded = generation::load_latest(&Folder::open(&dir.join("checkpoints")).unwrap()).unwrap();
    loaded.generation.section("weights").unwrap().to_vec()
}

struct Undisturbed;

impl Observer for Undisturbed {
    fn iterated(&mut self, _news: &News<'_>) -> Result<Control> {
        Ok(Control::Continue)
    }
}

#[test]
fn training_rests_while_a_window_claims_the_cores() {
    let dir = tempfile::tempdir().unwrap();
    let session = Session::start(plan(1), Some(dir.path()), None).unwrap();
    let (right_of_way, begun) = (RightOfWay::default(), Instant::now());
    right_of_way.claim(Some(begun));
    let ended = Background::start(session, Some(1), &right_of_way).unwrap().wait();
    // A claim ends by itself after a tenth of a second; without one this takes less.
    assert!(matches!(ended, Phase::Ended(_)) && begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
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
    let first = session.policies().remove(0);
    until(|| matches!(session.status().phase, Phase::Ended(_)));
    let samples: Vec<Sample> = session.take_samples().collect();
    let steps: Vec<u64> = samples.iter().map(|sample| sample.step).collect();
    assert_eq!(steps, (1..=20).map(|i| 8 * i).collect::<Vec<_>>());
    assert!(samples.iter().all(|sample| sample.scalars.iter().any(|(name, _)| name == "losses/entropy")));
    for name in ["charts/SPS", "time/step_us", "time/measure_us", "system/memory_mb"] {
        let is_told = |sample: &Sample| sample.scalars.iter().any(|(found, value)| found == name && *value > 0.0);
        assert!(samples.iter().all(is_told) || cfg!(not(target_os = "linux")), "{name}");
    }
    let last = session.policies().remove(0);
    assert_ne!(first.network.tensors(), last.network.tensors());
    assert_eq!((first.card.env_steps, last.card.env_steps), (0, 160));
    assert_eq!(session.status().progress, 1.0);
    let saved = crate::policy::card::load(dir.path()).unwrap();
    assert_eq!(saved.network.tensors(), last.network.tensors());
    // The folder's was written a moment later, and knows its file.
    let expected = Card { minutes: last.card.minutes, sha256: String::new(), ..saved.card };
    assert_eq!(last.card, expected);
}

#[test]
fn a_policy_that_is_watched_acts_in_its_scenario() {
    let dir = tempfile::tempdir().unwrap();
    let session = start(dir.path(), 2);
    until(|| matches!(session.status().phase, Phase::Ended(_)));
    let scenario = &plan(1).stages[0];
    let mut lane = Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(1), 0..2);
    lane.act(&mut NetworkPolicy::new(session.policies().remove(0), Decision::Mode).unwrap(), 0).unwrap();
    assert!(lane.ports().groups[0].actions.iter().any(|action| *action != 0.0));
}

#[test]
fn values_are_those_of_the_newest_critic() {
    let dir = tempfile::tempdir().unwrap();
    let session = start(dir.path(), 20);
    until(|| matches!(session.status().phase, Phase::Ended(_)));
    let scenario = &plan(1).stages[0];
    let lane = Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(1), 0..3);
    let port = &lane.ports().groups[0];
    let (observations, agents) = (port.observations.clone(), port.agents);
    let values = session.value_of("jammers", &observations, agents).unwrap();
    assert_eq!(values.len(), 3, "one for each env");
    let env = agents * port.observation_width;
    assert_eq!(session.value_of("jammers", &observations[env..2 * env], agents).unwrap(), values[1..2]);
    assert!(values.iter().all(|value| value.is_finite()) && values[0] != values[1], "{values:?}");
    assert_eq!(session.value_of("jammers", &observations[1..], agents), None);
    assert_eq!(session.value_of("jammers", &observations, 0), None);
    // A run that goes on from here has this critic.
    drop(session);
    let resumed =
        Background::start(Session::resume(dir.path(), None).unwrap(), Some(1), &RightOfWay::default()).unwrap();
    assert_eq!(resumed.value_of("jammers", &observations, agents).unwrap(), values);
}

/// Checkpoints are kept of the last few saves only.
#[test]
fn the_policy_of_a_kept_checkpoint_is_the_one_of_that_time() {
    struct Keep {
        seen: Vec<Shared>,
        is_saved: bool,
    }
    impl Observer for Keep {
        fn iterated(&mut self, news: &News<'_>) -> Result<Control> {
            self.is_saved = !self.is_saved;
            if self.is_saved {
                self.seen.push(news.session.policies()?.remove(0));
                return Ok(Control::Save);
            }
            Ok(Control::Continue)
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, norm_obs, action_bins) in [("plain", false, 0), ("normalised", true, 0), ("on_a_grid", true, 3)] {
        let (run, mut plan) = (dir.path().join(name), plan(5));
        (plan.params.run.norm_obs, plan.params.ppo.action_bins) = (norm_obs, action_bins);
        let mut keep = Keep { seen: Vec::new(), is_saved: false };
        Session::start(plan, Some(&run), None).unwrap().run(&mut keep).unwrap();
        // Saved at 8, 16, 24, 32 and 40; the last three are kept.
        for (step, expected) in [(24, 24), (25, 24), (31, 24), (39, 32), (40, 40), (1000, 40), (16, 24), (0, 24)] {
            let found = policies_at(&run, step).unwrap().remove(0);
            let seen = keep.seen.iter().find(|seen| seen.card.env_steps == expected).unwrap();
            assert_eq!(found.card.env_steps, expected, "{name}, the policy of step {step}");
            assert_eq!(found.network.tensors(), seen.network.tensors(), "{name}, step {step}");
            assert_eq!(found.card, Card { minutes: found.card.minutes, ..seen.card.clone() }, "{name}, step {step}");
            assert!(found.card.minutes > 0.0);
        }
    }
    assert!(policies_at(dir.path(), 8).unwrap_err().to_string().contains("no run"));
}

/// The window shares the cores with a session, and goes first.
#[cfg(all(target_os = "linux", feature = "window"))]
#[test]
fn threads_that_train_step_back_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let session = start(dir.path(), 1_000_000);
    until(|| session.status().counters.iterations >= 1);
    for thread in ["session", "learner-0"] {
        let found = scheduling_of(thread);
        assert!(!found.is_empty() && found.iter().all(|policy| *policy == SCHED_IDLE), "{thread}: {found:?}");
    }
    let own = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    assert_ne!(scheduling_in(&own), Some(SCHED_IDLE));
}

/// Number of the policy `SCHED_IDLE` (sched(7)).
#[cfg(all(target_os = "linux", feature = "window"))]
const SCHED_IDLE: u32 = 5;

/// Scheduling policies of this process's threads of that name.
#[cfg(all(target_os = "linux", feature = "window"))]
fn scheduling_of(name: &str) -> Vec<u32> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("stat")).ok());
    stats.filter(|stat| stat.contains(&format!("({name})"))).filter_map(|stat| scheduling_in(&stat)).collect()
}

/// The 41st field of a thread's `stat`; the second, its name, may hold spaces.
#[cfg(all(target_os = "linux", feature = "window"))]
fn scheduling_in(stat: &str) -> Option<u32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(38)?.parse().ok()
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
    assert_eq!(resumed.plan().params, plan(1).params.with(|params| params.ppo.clip_coef = 0.125));
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
