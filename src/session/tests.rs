//! What a session decides by itself: under which settings it goes on, and how far it has come.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn plan(goal: Goal) -> Plan {
    let text = "(version: 1, name: \"x\", title: \"T\", about: \"A\", seed: 1, max_steps: 4, domain: Jamming(()))";
    let params = PpoParams { num_envs: 2, num_steps: 4, hidden: 4, ..PpoParams::default() };
    Plan { stages: vec![Scenario::parse(text, "x.ron").unwrap()], seed: 1, goal, params }
}

fn state(agon: &str, settings: &str) -> SessionState {
    SessionState {
        agon: agon.to_owned(),
        settings: settings.to_owned(),
        stage: 0,
        wall_s: 0.0,
        start_unix_s: 0.0,
        jsonl_offset: 0,
        events_file: String::new(),
        events_offset: 0,
    }
}

#[test]
fn a_run_goes_on_only_under_the_settings_it_began_with() {
    let plan = plan(Goal::Steps(1));
    let ours = settings(plan.params.backend);
    let version = env!("CARGO_PKG_VERSION");
    let mut warnings = Vec::new();
    check_settings(&plan, &state(version, &ours), &mut warnings).unwrap();
    assert!(warnings.is_empty());
    let error = check_settings(&plan, &state(version, "torch 1 thread"), &mut warnings).unwrap_err();
    assert!(error.to_string().contains("torch 1 thread") && error.to_string().contains(&ours), "{error}");
    check_settings(&plan, &state("0.0.1", &ours), &mut warnings).unwrap();
    assert!(warnings[0].contains("0.0.1") && warnings[0].contains(version), "{warnings:?}");
}

#[test]
fn every_hyperparameter_is_logged() {
    let logged = hyperparameters(&plan(Goal::Steps(1)));
    let names: Vec<&str> = logged.iter().map(|(name, _)| *name).collect();
    let declared: Vec<&str> = PpoParams::declarations().iter().map(|param| param.name).collect();
    assert_eq!(names, declared);
    assert!(logged.contains(&("num_envs", "2".to_owned())), "{logged:?}");
}

/// Stops after some iterations.
struct StopAfter(u64);

impl Observer for StopAfter {
    fn iterated(&mut self, _news: &News<'_>) -> Result<Control> {
        self.0 -= 1;
        Ok(if self.0 == 0 { Control::Stop } else { Control::Continue })
    }
}

#[test]
fn progress_is_the_share_of_steps_or_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = Session::start(plan(Goal::Steps(80)), Some(&dir.path().join("steps")), None).unwrap();
    assert_eq!(session.progress(), 0.0);
    assert_eq!(session.run(&mut StopAfter(5)).unwrap(), Ending::Stopped);
    assert_eq!(session.progress(), 0.5, "five iterations of eight steps");
    let session = Session::start(plan(Goal::Seconds(1e6)), Some(&dir.path().join("time")), None).unwrap();
    assert!((0.0..1e-3).contains(&session.progress()));
}

#[test]
fn the_clock_of_a_run_goes_on_where_its_checkpoint_left_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = Session::start(plan(Goal::Steps(80)), Some(dir.path()), None).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    session.run(&mut StopAfter(2)).unwrap();
    let saved_s = session.saved_s;
    assert!(saved_s >= 0.03);
    drop(session);
    let mut session = Session::resume(dir.path(), None).unwrap();
    assert!(session.wall_s() >= 0.03 && session.earlier_s <= saved_s);
    session.run(&mut StopAfter(2)).unwrap();
    let text = std::fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
    let clock = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["wall_s"].as_f64().unwrap();
    let times: Vec<f64> = text.lines().map(clock).collect();
    assert!(times.len() == 4 && times.is_sorted() && times[0] >= 0.03, "{times:?}");
}

/// A goal in seconds counts the sessions before.
#[test]
fn a_run_whose_time_is_up_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = Session::start(plan(Goal::Seconds(0.02)), Some(dir.path()), None).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(25));
    assert_eq!(session.run(&mut StopAfter(u64::MAX)).unwrap(), Ending::Done);
    let iterations = session.counters().iterations;
    drop(session);
    let mut session = Session::resume(dir.path(), None).unwrap();
    assert_eq!(session.run(&mut StopAfter(u64::MAX)).unwrap(), Ending::Done);
    assert_eq!(session.counters().iterations, iterations);
}

/// What a damaged checkpoint leads to is told to whoever watches, once.
#[test]
fn warnings_reach_the_observer_once() {
    struct Listen(Vec<usize>);
    impl Observer for Listen {
        fn iterated(&mut self, news: &News<'_>) -> Result<Control> {
            self.0.push(news.warnings.len());
            Ok(Control::Continue)
        }
    }
    let dir = tempfile::tempdir().unwrap();
    Session::start(plan(Goal::Steps(80)), Some(dir.path()), None).unwrap().run(&mut StopAfter(2)).unwrap();
    std::fs::write(dir.path().join("checkpoints/000000000099.agon"), "not one").unwrap();
    let mut listen = Listen(Vec::new());
    Session::resume(dir.path(), None).unwrap().run(&mut listen).unwrap();
    assert!(listen.0[0] > 0, "{:?}", listen.0);
    assert_eq!(listen.0[1..].iter().sum::<usize>(), 0, "{:?}", listen.0);
}
