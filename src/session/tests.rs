//! What a session decides by itself: under which settings it goes on, and how far it has come.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, os::unix::fs::symlink, path::Path};

use super::{settings::check_settings, *};
use crate::{durable::Folder, metrics::Goal};

fn plan(goal: Goal) -> Plan {
    let text = "(version: 1, name: \"x\", title: \"T\", about: \"A\", seed: 1, max_steps: 4, domain: Jamming(()))";
    let params = Hyperparameters::default().with(|params| {
        params.run.num_envs = 2;
        params.run.num_steps = 4;
        params.run.hidden = 4;
    });
    Plan { stages: vec![Scenario::parse(text, "x.ron").unwrap()], seed: 1, goal, params, roles: Roles::default() }
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
    let ours = settings(plan.params.run.backend).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let mut warnings = Vec::new();
    check_settings(&ours, &state(version, &ours), &mut warnings).unwrap();
    assert!(warnings.is_empty());
    let error = check_settings(&ours, &state(version, "torch 1 thread"), &mut warnings).unwrap_err();
    assert!(error.to_string().contains("torch 1 thread") && error.to_string().contains(&ours), "{error}");
    check_settings(&ours, &state("0.0.1", &ours), &mut warnings).unwrap();
    assert!(warnings[0].contains("0.0.1") && warnings[0].contains(version), "{warnings:?}");
}

#[test]
fn every_hyperparameter_is_logged() {
    let logged = hyperparameters(&plan(Goal::Steps(1)));
    let names: Vec<&str> = logged.iter().map(|(name, _)| *name).collect();
    let declared: Vec<&str> = Hyperparameters::declarations().iter().map(|param| param.name).collect();
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

fn checkpoints(run: &Path) -> Folder {
    Folder::open(&run.join("checkpoints")).unwrap()
}

/// Changes a section of the newest checkpoint, whose checksum has no key.
fn forge(run: &Path, change: impl FnOnce(&mut SessionState)) {
    let mut loaded = generation::load_latest(&checkpoints(run)).unwrap();
    let mut state = SessionState::of(&loaded).unwrap();
    change(&mut state);
    loaded.generation.sections.insert("session".to_owned(), postcard::to_stdvec(&state).unwrap());
    fs::write(&loaded.path, loaded.generation.encode(loaded.step).unwrap()).unwrap();
}

/// A run of two iterations below `dir`.
fn trained(dir: &Path) -> std::path::PathBuf {
    let run = dir.join("run");
    Session::start(plan(Goal::Steps(80)), Some(&run), None).unwrap().run(&mut StopAfter(2)).unwrap();
    run
}

#[test]
fn a_checkpoint_names_no_file_but_an_event_file_of_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let run = trained(dir.path());
    let outside = dir.path().join("events.out.tfevents.1700000000.agon.1");
    fs::write(&outside, "precious").unwrap();
    let whole = generation::load_latest(&checkpoints(&run)).unwrap();
    let name = outside.file_name().unwrap().to_str().unwrap();
    for bad in [
        outside.display().to_string(),
        format!("../{name}"),
        format!("checkpoints/../../{name}"),
        format!("{name}\0"),
        "\0".to_owned(),
        "..".to_owned(),
        String::new(),
        "run.ron".to_owned(),
        "metrics.jsonl".to_owned(),
    ] {
        forge(&run, |state| (state.events_file, state.events_offset) = (bad.clone(), 0));
        let error = Session::resume(&run, None).err().unwrap();
        assert!(error.to_string().contains(".agon") && error.to_string().contains("event file"), "{error}");
        assert!(error.exit_code() == 2 && !error.to_string().contains('\0'), "{error}");
        assert!(policies_at(&run, u64::MAX).is_err());
        fs::write(&whole.path, whole.generation.encode(whole.step).unwrap()).unwrap();
    }
    assert_eq!(fs::read(outside).unwrap(), b"precious");
    assert!(fs::metadata(run.join("run.ron")).unwrap().len() > 0);
    Session::resume(&run, None).unwrap();
}

#[test]
fn a_checkpoint_whose_times_are_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let run = trained(dir.path());
    let whole = generation::load_latest(&checkpoints(&run)).unwrap();
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        for change in [
            |state: &mut SessionState, bad| state.wall_s = bad,
            |state: &mut SessionState, bad| {
                state.start_unix_s = bad;
            },
        ] {
            fs::write(&whole.path, whole.generation.encode(whole.step).unwrap()).unwrap();
            forge(&run, |state| change(state, bad));
            assert!(Session::resume(&run, None).err().unwrap().to_string().contains("times"), "{bad}");
        }
    }
}

/// Every file of a run as a link to a file outside, to nothing, and to a folder, and as a second name of a file.
#[test]
fn no_file_of_a_run_leads_out_of_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let kept = trained(dir.path());
    let events = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let events = events.into_iter().find(|name| name.contains("tfevents")).unwrap();
    let newest = generation::steps(&checkpoints(&kept)).unwrap().pop().unwrap();
    let newest = format!("checkpoints/{newest:012}.agon");
    let (outside, away) = (dir.path().join("outside"), dir.path().join("away"));
    for name in ["lock", "run.ron", "scenario.ron", "metrics.jsonl", "checkpoints", "card.ron", "policy.safetensors"]
        .into_iter()
        .chain([events.as_str(), newest.as_str()])
    {
        for kind in ["file", "nothing", "folder", "second name"] {
            let (run, case) = (dir.path().join("copy"), format!("{name} as {kind}"));
            for old in [&run, &away] {
                let _ = fs::remove_dir_all(old);
            }
            copy(&kept, &run);
            // What is outside is as good as the original, so that nothing but the link can be what is refused.
            fs::create_dir(&away).unwrap();
            fs::write(away.join("000000000099.agon"), "precious").unwrap();
            let path = run.join(name);
            let original = if path.is_dir() { "precious".into() } else { fs::read(&path).unwrap() };
            fs::write(&outside, &original).unwrap();
            if path.is_dir() {
                fs::remove_dir_all(&path).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
            match kind {
                "file" => symlink(&outside, &path).unwrap(),
                "nothing" => symlink(dir.path().join("nothing"), &path).unwrap(),
                "folder" => symlink(&away, &path).unwrap(),
                _ => fs::hard_link(&outside, &path).unwrap(),
            }
            let resumed = Session::resume(&run, None);
            // A policy is replaced, a second name only matters to what is changed in its place, and of a checkpoint there
            // is an older one. Nothing else may go on.
            let is_replaced = ["card.ron", "policy.safetensors"].contains(&name) || name.ends_with(".agon");
            match resumed {
                Ok(mut session) => {
                    assert!(is_replaced || (kind == "second name" && name.ends_with(".ron")), "{case} was accepted");
                    session.run(&mut StopAfter(1)).unwrap();
                }
                Err(error) => {
                    assert!(error.to_string().contains(name), "{case}: {error}");
                    assert!(!is_replaced, "{case}: {error}");
                }
            }
            assert_eq!(fs::read(&outside).unwrap(), original, "{case}");
            assert!(!dir.path().join("nothing").exists(), "{case}");
            assert_eq!(fs::read(away.join("000000000099.agon")).unwrap(), b"precious", "{case}");
            assert_eq!(fs::read_dir(&away).unwrap().count(), 1, "{case}");
        }
    }
}

/// A new run writes through no link either.
#[test]
fn a_new_run_writes_through_no_link() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::write(&outside, "precious").unwrap();
    for name in ["lock", "run.ron", "scenario.ron", "metrics.jsonl", "checkpoints", "card.ron", "policy.safetensors"] {
        for target in [&outside, &dir.path().join("nothing"), &dir.path().to_owned()] {
            let out = dir.path().join("out");
            let _ = fs::remove_dir_all(&out);
            fs::create_dir(&out).unwrap();
            symlink(target, out.join(name)).unwrap();
            let error = Session::start(plan(Goal::Steps(80)), Some(&out), None).err().unwrap();
            assert!(error.to_string().contains("out") && error.exit_code() == 2, "{name}: {error}");
            assert!(out.join(name).is_symlink(), "{name}: it is the user's");
        }
    }
    assert_eq!(fs::read(outside).unwrap(), b"precious");
    assert!(!dir.path().join("nothing").exists());
}

/// The folder itself is another matter: that path was typed.
#[test]
fn a_folder_behind_a_link_is_a_run_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let run = trained(dir.path());
    symlink(&run, dir.path().join("link")).unwrap();
    let mut session = Session::resume(&dir.path().join("link"), None).unwrap();
    session.run(&mut StopAfter(1)).unwrap();
    fs::create_dir(dir.path().join("disk")).unwrap();
    symlink(dir.path().join("disk"), dir.path().join("elsewhere")).unwrap();
    Session::start(plan(Goal::Steps(8)), Some(&dir.path().join("elsewhere")), None).unwrap();
    assert!(dir.path().join("disk/run.ron").is_file());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { fs::copy(entry.path(), to).map(drop).unwrap() }
    }
}
