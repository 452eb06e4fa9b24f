//! A run's folder: what it is called, what it holds, and what is refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::learn::hyperparameters::Algo;

fn scenario(name: &str, seed: u64) -> Scenario {
    let text = format!(
        "(version: 1, name: \"{name}\", title: \"T\", about: \"A\", seed: {seed}, max_steps: 9, domain: Jamming(()))"
    );
    Scenario::parse(&text, "test.ron").unwrap()
}

fn plan() -> Plan {
    let params = Hyperparameters::default().with(|params| {
        params.run.algo = Algo::Ippo;
        params.run.learning_rate = 0.1 + 0.2;
        params.ppo.target_kl = None;
        params.run.norm_obs = false;
    });
    let mut second = scenario("second", 2);
    second.set("jam_threshold_dbm", "-35.5").unwrap();
    let stages = vec![scenario("first", 1), second, scenario("third", 3)];
    Plan { stages, seed: u64::MAX, goal: Goal::Steps(1 << 60), params, roles: Roles::default() }
}

#[test]
fn a_plan_is_read_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(Some(dir.path()), &plan()).unwrap();
    for goal in [Goal::Steps(1 << 60), Goal::Seconds(0.1 + 0.2)] {
        let plan = Plan { goal, ..plan() };
        folder.write_plan(&plan).unwrap();
        assert_eq!(RunFolder::open(dir.path()).unwrap().read_plan().unwrap(), plan);
    }
    for file in ["run.ron", "scenario.ron", "scenario.2.ron", "scenario.3.ron"] {
        assert!(folder.file(file).is_file(), "{file}");
    }
}

#[test]
fn every_hyperparameter_is_in_the_plan() {
    use crate::sim::params::Params;
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(Some(dir.path()), &plan()).unwrap();
    folder.write_plan(&plan()).unwrap();
    let text = fs::read_to_string(folder.file("run.ron")).unwrap();
    for param in Hyperparameters::declarations() {
        assert!(text.contains(&format!("{}:", param.name)), "{} is missing in {text}", param.name);
    }
}

/// Version 1 knew of no roles: its one group learned.
#[test]
fn a_plan_of_the_last_version_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(Some(dir.path()), &plan()).unwrap();
    folder.write_plan(&plan()).unwrap();
    let text = fs::read_to_string(folder.file("run.ron")).unwrap();
    let roles = text.find("    roles: (").unwrap();
    let old = format!("{})\n", &text[..roles]).replacen("version: 2", "version: 1", 1);
    fs::write(folder.file("run.ron"), old).unwrap();
    assert_eq!(folder.read_plan().unwrap(), plan());
}

#[test]
fn a_plan_that_was_changed_by_hand_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(Some(dir.path()), &plan()).unwrap();
    folder.write_plan(&plan()).unwrap();
    let good = fs::read_to_string(folder.file("run.ron")).unwrap();
    for (from, to, expected) in [
        ("version: 2", "version: 3", "newer agon"),
        ("gamma: 0.99", "gamma: 99.0", "from 0 to 1"),
        ("gamma: 0.99", "gama: 0.99", "gama"),
        ("seed: ", "sed: ", "sed"),
        ("stages: 3", "stages: 4", "scenario.4.ron"),
        ("Steps(", "Hours(", "Hours"),
        ("version", "{{{{", "run.ron:"),
        ("Steps(1152921504606846976)", "Seconds(NaN)", "`until` must be a time above 0 seconds, found NaN"),
        ("Steps(1152921504606846976)", "Seconds(inf)", "found inf"),
        ("Steps(1152921504606846976)", "Seconds(-1.0)", "found -1"),
        ("Steps(1152921504606846976)", "Seconds(0.0)", "found 0"),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "`{from}` is not in {good}");
        fs::write(folder.file("run.ron"), changed).unwrap();
        let error = folder.read_plan().unwrap_err();
        assert!(error.to_string().contains(expected), "{to}: {error}");
    }
    fs::write(folder.file("run.ron"), good).unwrap();
    fs::write(folder.file("scenario.2.ron"), "(version: 1)").unwrap();
    assert!(folder.read_plan().unwrap_err().to_string().contains("scenario.2.ron"));
}

/// `run.ron` comes last: a folder that has one has everything that it names.
#[test]
fn a_folder_with_a_plan_has_its_scenarios() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(Some(dir.path()), &plan()).unwrap();
    // A folder in its place cannot be replaced by a file.
    fs::create_dir(folder.file("run.ron")).unwrap();
    assert!(folder.write_plan(&plan()).is_err());
    assert!(folder.file("scenario.3.ron").is_file());
    assert!(RunFolder::open(dir.path()).is_err(), "that is no plan");
}

#[test]
fn a_folder_that_holds_a_run_is_not_given_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(Some(dir.path()), &plan()).unwrap();
    assert!(RunFolder::open(dir.path()).unwrap_err().to_string().contains("no `run.ron`"));
    folder.write_plan(&plan()).unwrap();
    let error = RunFolder::create(Some(dir.path()), &plan()).unwrap_err();
    assert!(error.to_string().contains("already holds a run"), "{error}");
    assert_eq!(error.exit_code(), 2);
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(RunFolder::create(Some(&file), &plan()).is_err());
}

/// A policy, a scenario or a log that somebody keeps is not a run, and still nothing to write over.
#[test]
fn a_folder_that_holds_a_file_that_a_run_writes_is_not_given_to_one() {
    for name in ["card.ron", "policy.safetensors", "scenario.ron", "scenario.2.ron", "metrics.jsonl", "checkpoints"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), "precious").unwrap();
        let error = RunFolder::create(Some(dir.path()), &plan()).unwrap_err();
        assert!(error.to_string().contains(&format!("`{name}`")) && error.exit_code() == 2, "{error}");
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"precious");
    }
    // What a run does not write is in nobody's way.
    let dir = tempfile::tempdir().unwrap();
    for name in ["README", "events.out.tfevents.1700000000.other.1", "scenario.txt", "card.ron.bak"] {
        fs::write(dir.path().join(name), "precious").unwrap();
    }
    RunFolder::create(Some(dir.path()), &plan()).unwrap();
}

#[test]
fn what_a_start_leaves_that_was_killed_is_taken_over_and_what_was_trained_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at(LOCK), "1").unwrap();
    fs::write(at("metrics.jsonl"), "").unwrap();
    fs::write(at("scenario.ron"), "").unwrap();
    fs::create_dir(at("checkpoints")).unwrap();
    fs::write(at("checkpoints/000000000000.agon"), "").unwrap();
    let folder = RunFolder::create(Some(dir.path()), &plan()).unwrap();
    folder.clear_log().unwrap();
    assert!(!at("metrics.jsonl").exists());
    fs::write(at("checkpoints/000000000032.agon"), "").unwrap();
    assert!(RunFolder::create(Some(dir.path()), &plan()).unwrap_err().to_string().contains("would replace"));
    fs::remove_file(at("checkpoints/000000000032.agon")).unwrap();
    fs::write(at("metrics.jsonl"), "{}\n").unwrap();
    assert!(RunFolder::create(Some(dir.path()), &plan()).unwrap_err().to_string().contains("would replace"));
}

#[test]
fn new_folders_get_names_that_are_free() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path().join("runs");
    let names: Vec<_> =
        (0..4).map(|_| new_below(&runs, "x").unwrap().file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["x", "x-2", "x-3", "x-4"]);
    fs::remove_dir(runs.join("x-2")).unwrap();
    assert_eq!(new_below(&runs, "x").unwrap(), runs.join("x-2"));
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(new_below(&dir.path().join("file"), "x").is_err());
}

#[test]
fn a_name_tells_date_scenario_algorithm_and_seed() {
    let name = default_name(&Plan { seed: 7, ..plan() });
    let parts: Vec<&str> = name.splitn(3, '-').collect();
    assert_eq!((parts[0].len(), parts[1].len(), parts[2]), (8, 6, "third-ippo-s7"), "{name}");
    assert!(parts[..2].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit())), "{name}");
}
