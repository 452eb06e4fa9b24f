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

fn error_of(result: Result<Session>) -> String {
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
    bad.params.num_envs = 0;
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
    fs::write(dir.path().join("run.ron"), plan_text.replacen("version: 1", "version: 99", 1)).unwrap();
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

/// The scenario of a run is the file in its folder; another one cannot go on with the checkpoint.
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
        assert!(error.contains(expected) && error.contains(".agon"), "{name} = {value}: {error}");
        other = scenario("skirmish");
    }
}

#[test]
fn logs_that_are_shorter_than_the_checkpoint_says_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    start(&plan(1, Algo::Mappo), dir.path(), &mut Watch::until(3, Interruption::Stop));
    fs::write(dir.path().join("metrics.jsonl"), "").unwrap();
    let error = error_of(Session::resume(dir.path(), None));
    assert!(error.contains("metrics.jsonl"), "{error}");
}

#[test]
fn few_checkpoints_are_kept_and_the_newest_among_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = start(&plan(1, Algo::Mappo), &dir.path().join("run"), &mut Watch::until(1, Interruption::Stop));
    for at in 2..ITERATIONS {
        folder = resume(&folder, &mut Watch::until(at, Interruption::Stop));
    }
    let steps = generation::steps(&folder.join("checkpoints")).unwrap();
    assert_eq!(steps, [3, 4, 5].map(|iterations| iterations * STEPS_PER_ITERATION));
}
