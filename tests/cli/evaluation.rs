//! `agon eval` on a few short episodes.

use std::path::Path;

use crate::{json, policies, refused, stdout, text};

#[test]
fn every_metric_of_every_policy_comes_with_its_interval() {
    let report =
        json(&["eval", "skirmish", "--policy", "hold,nearest", "--episodes", "4", "--set", "max_steps=10", "--json"]);
    for policy in ["hold", "nearest", "planner"] {
        for metric in ["reduction", "reduction_final", "episode_return", "reference_fraction", "band_match", "energy"] {
            let interval = &report["policies"][policy][metric];
            assert_eq!(interval["n"], 4, "{policy} {metric}: {interval}");
            let [lo, mean, hi] = ["lo", "mean", "hi"].map(|key| interval[key].as_f64().unwrap());
            assert!(lo <= mean && mean <= hi, "{policy} {metric}: {interval}");
        }
    }
    let strata = report["policies"]["hold"]["strata"].as_object().unwrap();
    let episodes: u64 = strata.values().map(|slice| slice["reduction"]["n"].as_u64().unwrap()).sum();
    assert_eq!(episodes, 4);
    assert_eq!((&report["scenario"], &report["episodes"]), (&"skirmish".into(), &4.into()));
    assert_eq!(report["policies"]["planner"]["reference_fraction"]["mean"], 1.0);
}

#[test]
fn results_do_not_depend_on_threads_and_do_depend_on_the_seed() {
    let eval = |more: &[&str]| {
        let fixed =
            ["eval", "jamming/skirmish", "--policy", "random,nearest", "--episodes", "33", "--set", "max_steps=8"];
        stdout(&[&fixed, more, &["--no-reference", "--json"]].concat())
    };
    let expected = eval(&["--threads", "1"]);
    assert_eq!(eval(&["--threads", "3"]), expected);
    assert_eq!(eval(&["--seed", "1"]), expected, "the seed of the scenario is the default");
    assert_ne!(eval(&["--seed", "2"]), expected);
}

#[test]
fn all_means_every_baseline() {
    let report = json(&["eval", "skirmish", "--policy", "all", "--episodes", "1", "--set", "max_steps=2", "--json"]);
    for policy in ["random", "hold", "follow", "nearest", "greedy", "planner"] {
        assert!(report["policies"][policy]["reduction"]["mean"].is_number(), "{policy}");
    }
}

#[test]
fn the_table_names_policies_bands_and_who_beats_whom() {
    let table = stdout(&["eval", "skirmish", "--policy", "hold,random", "--episodes", "20", "--set", "max_steps=5"]);
    for expected in ["hold", "planner *", "reduction (%)", "by band", "beats", "fragmentation_time (s)"] {
        assert!(table.contains(expected), "{expected} in\n{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
}

#[test]
fn a_policy_trained_small_acts_in_a_large_team() {
    let dir = tempfile::tempdir().unwrap();
    policies::write(dir.path(), "skirmish", &[]);
    let (folder, file) = (text(dir.path()).to_owned(), format!("{}/policy.safetensors", dir.path().display()));
    for scenario in ["skirmish", "swarm-40-100"] {
        for policy in [&folder, &file] {
            let args =
                ["eval", scenario, "--policy", policy, "--episodes", "1", "--set", "max_steps=2", "--no-reference"];
            let report = json(&[&args[..], &["--json"]].concat());
            assert!(report["policies"][policy]["reduction"]["mean"].is_number(), "{scenario}: {report}");
        }
    }
}

#[test]
fn a_stochastic_policy_is_another_one_but_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    policies::write(dir.path(), "skirmish", &[]);
    let eval = |more: &[&str]| {
        let fixed = [
            "eval",
            "skirmish",
            "--policy",
            text(dir.path()),
            "--episodes",
            "3",
            "--set",
            "max_steps=5",
            "--no-reference",
        ];
        stdout(&[&fixed[..], more, &["--json"]].concat())
    };
    assert_ne!(eval(&[]), eval(&["--stochastic"]));
    assert_eq!(eval(&["--stochastic", "--threads", "1"]), eval(&["--stochastic", "--threads", "2"]));
}

#[test]
fn a_shared_policy_carries_what_it_was_measured_to_do_and_is_never_replaced_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let (run, shared) = (dir.path().join("run"), dir.path().join("sparrow"));
    policies::write(&run, "skirmish", &[("num_enemies", "5")]);
    let (run, shared) = (text(&run), text(&shared));
    let told = stdout(&["share", run, "--to", shared, "--episodes", "2"]);
    assert!(told.contains("Skirmish"), "{told}");
    let card = agon::policy::card::load(Path::new(shared)).unwrap().card;
    assert_eq!((card.name.as_str(), card.scenario.as_str()), ("sparrow", "skirmish"));
    let result = |name: &str| card.results.iter().find(|score| score.metric == name).unwrap();
    assert_eq!(result("reduction").n, 2);
    let measured = &json(&["eval", "skirmish", "--policy", run, "--episodes", "2", "--json"])["policies"][run];
    for metric in ["reduction", "reference_fraction"] {
        assert_eq!(measured[metric]["mean"].as_f64().unwrap(), result(metric).mean, "{metric}");
    }
    refused(&["share", run, "--to", shared], &["there is a `card.ron` already", "--force"]);
    stdout(&["share", run, "--to", shared, "--episodes", "3", "--force"]);
    assert_eq!(agon::policy::card::load(Path::new(shared)).unwrap().card.results[0].n, 3);
}

/// Whoever looks at test episodes is counted, in the folder of the run whose policy played them.
#[test]
fn every_look_at_test_episodes_is_noted_in_the_run_folder() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    stdout(&["train", "skirmish", "--steps", "64", "--envs", "8", "--out", text(&run)]);
    let fixed =
        ["eval", "skirmish", "--policy", text(&run), "--policy", "hold", "--episodes", "2", "--set", "max_steps=3"];
    let eval = |more: &[&str]| json(&[&fixed[..], &["--no-reference", "--json"], more].concat());
    let trials = || std::fs::read_to_string(run.join("tests.jsonl")).unwrap_or_default();
    let development = eval(&[]);
    assert_eq!(
        (&development["family"], development.get("trials"), trials()),
        (&"development".into(), None, String::new())
    );
    for times in 1..=2 {
        let test = eval(&["--test"]);
        assert_eq!((&test["family"], &test["trials"][text(&run)]), (&"test".into(), &times.into()));
        assert_eq!(test["trials"].as_object().unwrap().len(), 1, "a rule has no folder");
        assert_ne!(test["policies"]["hold"]["reduction"], development["policies"]["hold"]["reduction"]);
        let line: serde_json::Value = serde_json::from_str(trials().lines().last().unwrap()).unwrap();
        assert_eq!(
            (&line["scenario"], &line["episodes"], &line["score"]),
            (&"skirmish".into(), &2.into(), &"reduction".into())
        );
        assert_eq!(line["mean"], test["policies"][text(&run)]["reduction"]["mean"]);
    }
    let table = stdout(&[&fixed[..], &["--test"]].concat());
    assert!(
        table.contains("2 test episodes") && table.contains("times that a run has played test episodes"),
        "{table}"
    );
    assert_eq!(trials().lines().count(), 3);
}
