#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::domains::{AnyDomain, Scenario, jamming::JammingParams};

/// Two jammers against six drones, for 20 ticks.
fn scenario() -> Scenario {
    Scenario {
        version: 1,
        name: "small".into(),
        title: "Small".into(),
        about: "For tests.".into(),
        seed: 5,
        max_steps: 20,
        domain: AnyDomain::Jamming(JammingParams { num_jammers: 2, num_enemies: 6, ..JammingParams::default() }),
        train: Default::default(),
    }
}

fn baselines(scenario: &Scenario, names: &[&str]) -> Vec<Cast> {
    casting(scenario).casts(names.iter().copied()).unwrap().casts
}

fn report(names: &[&str], options: EvalOptions) -> Report {
    let scenario = scenario();
    evaluate(&scenario, baselines(&scenario, names), &options, &|_| ()).unwrap()
}

fn few() -> EvalOptions {
    EvalOptions { episodes: 13, ..EvalOptions::default() }
}

#[test]
fn results_depend_neither_on_worlds_nor_on_threads() {
    let names = ["random", "nearest"];
    let expected = report(&names, few());
    for envs_per_world in [1, 5, 64] {
        assert_eq!(report(&names, EvalOptions { envs_per_world, ..few() }), expected, "{envs_per_world} envs a world");
    }
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| report(&names, few())), expected, "{threads} threads");
    }
}

#[test]
fn policies_meet_the_same_episodes_whoever_plays_beside_them() {
    let (alone, together) = (report(&["hold"], few()), report(&["random", "hold"], few()));
    assert_eq!(alone.interval("hold", "lambda2"), together.interval("hold", "lambda2"));
    let strata = |name: &str| -> Vec<(&str, usize)> {
        let policy = together.policy(name).unwrap();
        policy.strata.iter().map(|(label, slice)| (*label, slice.metrics[0].n)).collect()
    };
    assert_eq!(strata("hold"), strata("random"));
    assert_eq!(strata("hold").iter().map(|(_, n)| n).sum::<usize>(), 13);
}

#[test]
fn another_seed_means_other_episodes() {
    let score = |seed| report(&["hold"], EvalOptions { seed, ..few() }).interval("hold", "lambda2").unwrap();
    assert_ne!(score(1), score(2));
    assert_eq!(score(1), score(1));
}

#[test]
fn the_planner_is_played_for_the_fraction_unless_that_is_declined() {
    let with = report(&["hold"], few());
    assert_eq!(with.policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(), ["hold", "planner"]);
    assert_eq!(with.interval("planner", "reference_fraction").unwrap().mean, 1.0);
    let (hold, planner) = (with.interval("hold", "reduction").unwrap(), with.interval("planner", "reduction").unwrap());
    let fraction = with.interval("hold", "reference_fraction").unwrap();
    assert!((fraction.mean - hold.mean / planner.mean).abs() < 1e-12 && fraction.lo <= fraction.hi, "{fraction:?}");
    let without = report(&["hold"], EvalOptions { with_reference: false, ..few() });
    assert_eq!((without.policies.len(), without.interval("hold", "reference_fraction")), (1, None));
    assert_eq!(report(&["planner", "hold"], few()).policies.len(), 2);
}

#[test]
fn comparisons_are_paired_and_mirror_each_other() {
    let found = report(&["random", "hold", "nearest"], few());
    for (a, policy) in found.policies.iter().enumerate() {
        for (b, other) in found.policies.iter().enumerate() {
            let (there, back) = (policy.overall.differences[b].difference, other.overall.differences[a].difference);
            assert!((there.mean + back.mean).abs() < 1e-12 && (there.lo + back.hi).abs() < 1e-12);
            let means = policy.overall.metrics[0].mean - other.overall.metrics[0].mean;
            assert!((there.mean - means).abs() < 1e-9, "{} - {}", policy.name, other.name);
            assert!(!(policy.overall.differences[b].is_better && other.overall.differences[a].is_better));
        }
        assert_eq!(policy.overall.differences[a].difference.hi, 0.0);
    }
    let planner = found.policies.last().unwrap();
    assert!(planner.overall.differences[0].is_better, "knowing everything beats chance: {planner:?}");
}

#[test]
fn another_score_compares_the_same_episodes_by_another_metric() {
    let names = ["random", "nearest"];
    let (usual, by_lambda2) =
        (report(&names, few()), report(&names, EvalOptions { score: Some("lambda2".into()), ..few() }));
    assert_eq!((usual.score().name.as_str(), by_lambda2.score().name.as_str()), ("reduction", "lambda2"));
    for name in names {
        for metric in ["reduction", "lambda2", "episode_return", "episode_length"] {
            assert_eq!(usual.interval(name, metric), by_lambda2.interval(name, metric), "{metric} of {name}");
        }
    }
    let lambda2 = |name: &str| by_lambda2.interval(name, "lambda2").unwrap().mean;
    let difference = by_lambda2.policy("nearest").unwrap().overall.differences[0].difference.mean;
    assert!((difference - (lambda2("nearest") - lambda2("random"))).abs() < 1e-12);
    let scenario = scenario();
    let options = EvalOptions { score: Some("lamda2".into()), ..few() };
    let error = evaluate(&scenario, baselines(&scenario, &names), &options, &|_| ()).unwrap_err().to_string();
    assert!(error.contains("`lamda2`") && error.contains("`lambda2`"), "{error}");
}

#[test]
fn progress_adds_up_to_what_was_announced() {
    let (scenario, played) = (scenario(), AtomicU64::new(0));
    let entries = baselines(&scenario, &["random", "hold"]);
    let announced = env_steps(&scenario, &entries, &few());
    let on_ticks = |ticks| {
        played.fetch_add(ticks, Ordering::Relaxed);
    };
    evaluate(&scenario, entries, &few(), &on_ticks).unwrap();
    assert_eq!((played.into_inner(), announced), (3 * 13 * 20, 3 * 13 * 20));
}

#[test]
fn json_holds_every_metric_by_name() {
    let found = report(&["hold"], few());
    let json = found.to_json();
    for metric in ["reduction", "reduction_final", "episode_return", "reference_fraction", "energy", "reward_energy"] {
        let interval = &json["policies"]["hold"][metric];
        assert!(
            interval["mean"].is_number() && interval["lo"].is_number() && interval["n"] == 13,
            "{metric}: {interval}"
        );
    }
    let strata = json["policies"]["hold"]["strata"].as_object().unwrap();
    assert!(strata.values().all(|slice| slice["reduction"]["mean"].is_number()) && !strata.is_empty());
    assert_eq!(json["comparisons"]["planner"]["hold"]["n"], 13);
    assert_eq!(json["scenario_sha256"].as_str().unwrap().len(), 64);
    assert_eq!((json["episodes"].as_u64(), json["seed"].as_u64()), (Some(13), Some(1)));
}

#[test]
fn the_text_names_everyone_and_fits_the_terminal() {
    let scenario = scenario();
    let mut entries = baselines(&scenario, &["random", "hold", "follow", "nearest", "greedy"]);
    for (index, entry) in entries.iter_mut().enumerate().skip(2) {
        entry.name = format!("runs/2030-01-01-a-scenario-with-a-long-name-{index}");
    }
    let report = evaluate(&scenario, entries, &few(), &|_| ()).unwrap();
    let text = report.fit(Some(120));
    for expected in
        ["Small (jamming/small): 13 development episodes", "random", "planner *", "by band", "fragmentation_time (s)"]
    {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    for columns in [120, 80, 60] {
        let text = report.fit(Some(columns));
        let mut tables = text.lines().filter(|line| !line.contains(" is runs/"));
        assert!(tables.all(|line| line.chars().count() <= columns), "{text}");
        let numbers = |text: &str| text.matches('[').count();
        assert_eq!(numbers(&text), numbers(&report.to_string()), "no interval is lost in\n{text}");
    }
    assert!(!report.to_string().contains('…'), "a pipe gets whole names");
}

#[test]
fn one_episode_is_enough_and_none_is_refused() {
    let one = report(&["hold"], EvalOptions { episodes: 1, ..few() });
    let interval = one.interval("hold", "reduction").unwrap();
    assert_eq!((interval.n, interval.lo, interval.hi), (1, interval.mean, interval.mean));
    let scenario = scenario();
    for episodes in [0, 1_000_001] {
        let options = EvalOptions { episodes, ..few() };
        let error = evaluate(&scenario, baselines(&scenario, &["hold"]), &options, &|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn development_and_test_episodes_are_others() {
    let of = |family| report(&["hold", "random"], EvalOptions { family, ..few() });
    let [development, test] = [Family::Development, Family::Test].map(of);
    assert_eq!(development, report(&["hold", "random"], few()), "development episodes are the default");
    for policy in ["hold", "random"] {
        assert_ne!(development.interval(policy, "lambda2"), test.interval(policy, "lambda2"), "{policy}");
    }
    assert_eq!([development.to_json(), test.to_json()].map(|json| json["family"].clone()), ["development", "test"]);
    assert!(test.to_string().contains("13 test episodes"), "{test}");
    let envs = |family: Family| family.envs(*EPISODES.end());
    assert!(envs(Family::Development).end <= envs(Family::Test).start, "however many are asked for");
}
