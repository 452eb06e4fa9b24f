//! A run folder has one writer, is never overwritten, and says what is wrong with it.

use std::fs;

use super::*;

/// Paths and contents of all files below `folder`.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(contents(&entry));
        } else {
            files.insert(entry.clone(), fs::read(&entry).unwrap());
        }
    }
    files
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in from.read_dir().unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { fs::copy(entry.path(), to).map(drop).unwrap() }
    }
}

pub(crate) fn error_of(result: Result<Session>) -> String {
    match result {
        Ok(_) => panic!("a session was opened"),
        Err(error) => {
            assert_eq!(error.exit_code(), 2, "{error}");
            error.to_string()
        }
    }
}

#[test]
fn a_run_has_one_session_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = Session::start(plan(1, Algo::Mappo), Some(dir.path()), None).unwrap();
    let before = contents(dir.path());
    let error = error_of(Session::resume(dir.path(), None));
    assert!(error.contains("being written by another process"), "{error}");
    assert_eq!(contents(dir.path()), before, "a second session that is refused changes nothing");
    drop(first);
    Session::resume(dir.path(), None).unwrap();
}

#[test]
fn a_folder_with_a_run_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    start(&plan(1, Algo::Mappo), dir.path(), &mut Watch::until(2, Interruption::Stop));
    let before = contents(dir.path());
    let error = error_of(Session::start(plan(2, Algo::Ippo), Some(dir.path()), None));
    assert!(error.contains("already holds a run") && error.contains("--resume"), "{error}");
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn a_plan_that_cannot_be_trained_leaves_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut bad = plan(1, Algo::Mappo);
    bad.params.run.num_envs = 0;
    error_of(Session::start(bad, Some(&out), None));
    assert!(!out.exists());
    let empty = Plan { stages: Vec::new(), ..plan(1, Algo::Mappo) };
    assert!(error_of(Session::start(empty, Some(&out), None)).contains("needs a scenario"));
    assert!(!out.exists());
}

#[test]
fn what_cannot_be_resumed_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let error = error_of(Session::resume(&dir.path().join("nowhere"), None));
    assert!(error.contains("holds no run"), "{error}");
    start(&plan(1, Algo::Mappo), dir.path(), &mut Watch::until(1, Interruption::Stop));
    let plan_text = fs::read_to_string(dir.path().join("run.ron")).unwrap();
    fs::write(dir.path().join("run.ron"), plan_text.replacen("version: 2", "version: 99", 1)).unwrap();
    let error = error_of(Session::resume(dir.path(), None));
    assert!(error.contains("run.ron") && error.contains("newer agon"), "{error}");
    fs::write(dir.path().join("run.ron"), plan_text.replacen("seed", "sead", 1)).unwrap();
    let error = error_of(Session::resume(dir.path(), None));
    assert!(error.contains("run.ron:"), "{error}");
    fs::write(dir.path().join("run.ron"), plan_text).unwrap();
    fs::remove_dir_all(dir.path().join("checkpoints")).unwrap();
    let error = error_of(Session::resume(dir.path(), None));
    assert!(error.contains("no checkpoint"), "{error}");
}

/// The scenario of a run is the file in its folder; another one cannot go on with the checkpoint, accepted or not.
#[test]
fn a_checkpoint_of_another_scenario_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    start(&plan(1, Algo::Mappo), dir.path(), &mut Watch::until(1, Interruption::Stop));
    let mut other = scenario("skirmish");
    for (name, value, expected) in
        [("num_jammers", "5", "snapshot"), ("observation", "seed5", "observes"), ("num_enemies", "9", "snapshot")]
    {
        other.set(name, value).unwrap();
        fs::write(dir.path().join("scenario.ron"), other.to_ron().unwrap()).unwrap();
        let error = error_of(Session::resume(dir.path(), None));
        assert!(
            error.contains(&format!("`{name}` in `scenario.ron` is {value}")) && error.contains(".agon"),
            "{error}"
        );
        let error = error_of(Session::resume_with_changes(dir.path(), None));
        assert!(error.contains(expected) && error.contains(".agon"), "{name} = {value}: {error}");
        other = scenario("skirmish");
    }
}

/// A log is worth less than the run: what is left of it is kept beside a fresh one.
#[test]
fn a_run_goes_on_without_the_logs_it_has_lost() {
    let kept = tempfile::tempdir().unwrap();
    start(&plan(1, Algo::Mappo), &kept.path().join("run"), &mut Watch::until(3, Interruption::Stop));
    let expected = newest(&start(&plan(1, Algo::Mappo), &kept.path().join("whole"), &mut Watch::to_the_end()));
    let events =
        contents(&kept.path().join("run")).into_keys().find(|path| path.display().to_string().contains("tfev"));
    let events = events.unwrap().file_name().unwrap().to_owned().into_string().unwrap();
    for log in ["metrics.jsonl", &events] {
        for left in [None, Some(""), Some("{\"step\":32"), Some(&*"x".repeat(1 << 20))] {
            let dir = tempfile::tempdir().unwrap();
            let run = dir.path().join("run");
            copy(&kept.path().join("run"), &run);
            match left {
                None => fs::remove_file(run.join(log)).unwrap(),
                Some(text) => fs::write(run.join(log), text).unwrap(),
            }
            let mut watch = Watch::to_the_end();
            resume(&run, &mut watch);
            assert!(watch.warnings.iter().any(|warning| warning.contains(log)), "{log}: {:?}", watch.warnings);
            assert_eq!(newest(&run).generation.sections["weights"], expected.generation.sections["weights"], "{log}");
            let is_kept = |text: &str| contents(&run).values().any(|bytes| bytes == text.as_bytes());
            assert!(left.is_none_or(is_kept), "{log}: what was left of it is gone");
            if log == "metrics.jsonl" {
                let steps: Vec<_> = metrics(&run).iter().map(|line| line["step"].as_u64().unwrap()).collect();
                assert_eq!(steps, [4, 5, 6].map(|iteration| iteration * STEPS_PER_ITERATION));
            }
            let mut again = Watch::to_the_end();
            resume(&run, &mut again);
            assert!(again.warnings.is_empty(), "told once: {:?}", again.warnings);
        }
    }
}

/// As a kill or a full disk leaves it between the plan and the first checkpoint.
#[test]
fn a_run_that_died_before_its_first_checkpoint_starts_from_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(4, Algo::Mappo);
    let expected = remains(&start(&plan, &dir.path().join("whole"), &mut Watch::to_the_end()));
    for has_logs in [true, false] {
        let dead = dir.path().join(format!("dead-{has_logs}"));
        drop(Session::start(plan.clone(), Some(&dead), None).unwrap());
        fs::remove_dir_all(dead.join("checkpoints")).unwrap();
        fs::remove_file(dead.join("policy.safetensors")).unwrap();
        fs::remove_file(dead.join("card.ron")).unwrap();
        if !has_logs {
            fs::remove_file(dead.join("metrics.jsonl")).unwrap();
        }
        let error = error_of(Session::start(plan.clone(), Some(&dead), None));
        assert!(error.contains("--resume"), "{error}");
        let mut watch = Watch::to_the_end();
        resume(&dead, &mut watch);
        assert!(
            watch.warnings.iter().any(|warning| warning.contains("starts from its beginning")),
            "{:?}",
            watch.warnings
        );
        assert_same(&remains(&dead), &expected, "started from its plan");
    }
}

/// What has been trained is not thrown away because its checkpoints are gone.
#[test]
fn a_trained_run_without_checkpoints_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    start(&plan(4, Algo::Mappo), dir.path(), &mut Watch::until(2, Interruption::Stop));
    fs::remove_dir_all(dir.path().join("checkpoints")).unwrap();
    let before = contents(dir.path());
    assert!(error_of(Session::resume(dir.path(), None)).contains("no checkpoint"));
    for name in ["policy.safetensors", "card.ron"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    assert!(error_of(Session::resume(dir.path(), None)).contains("no checkpoint"), "it has measurements");
    assert_eq!(contents(dir.path()).len() + 2, before.len());
}

#[test]
fn a_goal_that_is_behind_a_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    start(&plan(4, Algo::Mappo), dir.path(), &mut Watch::until(3, Interruption::Stop));
    let before = contents(dir.path());
    for goal in [Goal::Steps(STEPS_PER_ITERATION), Goal::Steps(3 * STEPS_PER_ITERATION), Goal::Seconds(1e-9)] {
        let error = error_of(Session::resume(dir.path(), Some(goal)));
        assert!(error.contains("nothing was trained") && error.contains("behind it"), "{error}");
    }
    assert_eq!(contents(dir.path()), before);
    let mut longer = Session::resume(dir.path(), Some(Goal::Steps(60 * STEPS_PER_ITERATION))).unwrap();
    let notes = longer.take_notes();
    assert!(notes.len() == 1 && notes[0].contains("the learning rate goes from"), "{notes:?}");
}

#[test]
fn few_checkpoints_are_kept_and_the_newest_among_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = start(&plan(1, Algo::Mappo), &dir.path().join("run"), &mut Watch::until(1, Interruption::Stop));
    for at in 2..ITERATIONS {
        folder = resume(&folder, &mut Watch::until(at, Interruption::Stop));
    }
    let steps = generation::steps(&Folder::open(&folder.join("checkpoints")).unwrap()).unwrap();
    assert_eq!(steps, [3, 4, 5].map(|iterations| iterations * STEPS_PER_ITERATION));
}
