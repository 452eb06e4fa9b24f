//! A plan that was changed behind a run's back is noticed, and goes on only when that is wanted.

use std::fs;

use super::{folders::error_of, *};

/// A run of two iterations, and the text of one of its files.
fn trained(dir: &Path, file: &str) -> String {
    start(&plan(1, Algo::Mappo), dir, &mut Watch::until(2, Interruption::Stop));
    fs::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn one_changed_digit_of_a_plan_is_noticed_by_name() {
    for (file, from, to, told) in [
        ("run.ron", "learning_rate: 0.0005,", "learning_rate: 0.0006,", "`learning_rate` in `run.ron` is 0.0006"),
        ("run.ron", "seed: 1,", "seed: 2,", "`seed` in `run.ron` is 2, but this run was trained with 1"),
        ("run.ron", "gamma: 0.99,", "gamma: 0.98,", "`gamma` in `run.ron` is 0.98"),
        ("scenario.ron", "max_steps: 5,", "max_steps: 6,", "`max_steps` in `scenario.ron` is 6"),
        ("scenario.ron", "jam_power_dbm: 30.0,", "jam_power_dbm: 31.0,", "`jam_power_dbm` in `scenario.ron` is 31"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let good = trained(dir.path(), file);
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "`{from}` is not in {good}");
        fs::write(dir.path().join(file), changed).unwrap();
        let error = error_of(Session::resume(dir.path(), None));
        assert!(error.contains(told) && error.contains("--accept-changes"), "{error}");
        assert_eq!(newest(dir.path()).step, 2 * STEPS_PER_ITERATION, "nothing was trained");
        fs::write(dir.path().join(file), good).unwrap();
        resume(dir.path(), &mut Watch::to_the_end());
    }
}

#[test]
fn comments_spaces_names_and_the_goal_are_free() {
    let dir = tempfile::tempdir().unwrap();
    let plan_text = trained(dir.path(), "run.ron");
    let text = plan_text.replace("    ", "\t").replace("seed: 1,", "// The seed.\n\n  seed:  1  ,");
    assert_ne!(text, plan_text);
    fs::write(dir.path().join("run.ron"), text.replace("Steps(192)", "Steps(224)")).unwrap();
    let scenario = fs::read_to_string(dir.path().join("scenario.ron")).unwrap();
    fs::write(dir.path().join("scenario.ron"), format!("// Mine.\n{}", scenario.replace("title: \"", "title: \"My ")))
        .unwrap();
    let mut watch = Watch::to_the_end();
    resume(dir.path(), &mut watch);
    assert!(watch.warnings.is_empty(), "{:?}", watch.warnings);
    assert_eq!(newest(dir.path()).step, 7 * STEPS_PER_ITERATION);
}

#[test]
fn an_accepted_change_is_written_into_the_log_and_asked_for_once() {
    let dir = tempfile::tempdir().unwrap();
    let good = trained(dir.path(), "run.ron");
    fs::write(dir.path().join("run.ron"), good.replacen("learning_rate: 0.0005,", "learning_rate: 0.0006,", 1))
        .unwrap();
    let mut watch = Watch::to_the_end();
    // It may die at once: the change is in the checkpoint then.
    drop(Session::resume_with_changes(dir.path(), None).unwrap());
    resume(dir.path(), &mut watch);
    assert!(watch.warnings.is_empty(), "{:?}", watch.warnings);
    let log = fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
    let events: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = events.iter().filter(|line| line.get("event").is_some()).collect();
    assert_eq!(events.len(), 1, "{log}");
    assert_eq!(events[0]["step"], 2 * STEPS_PER_ITERATION);
    let expected =
        serde_json::json!([{ "file": "run.ron", "name": "learning_rate", "from": "0.0005", "to": "0.0006" }]);
    assert_eq!(events[0]["details"], expected);
}

#[test]
fn a_checkpoint_of_before_loads_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    trained(dir.path(), "run.ron");
    let mut loaded = newest(dir.path());
    loaded.generation.sections.remove("plan").unwrap();
    fs::write(&loaded.path, loaded.generation.encode(loaded.step).unwrap()).unwrap();
    let mut watch = Watch::until(3, Interruption::Stop);
    resume(dir.path(), &mut watch);
    assert!(watch.warnings.iter().any(|warning| warning.contains("without its plan")), "{:?}", watch.warnings);
    let mut watch = Watch::to_the_end();
    resume(dir.path(), &mut watch);
    assert!(watch.warnings.is_empty(), "the next checkpoint has one: {:?}", watch.warnings);
}
