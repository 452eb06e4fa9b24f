//! Several groups of agents: trained, evaluated, recorded and passed on.

use std::path::Path;

use crate::{json, refused, stdout, text};

/// Sizes at which an iteration takes a moment.
const SMALL: [&str; 10] =
    ["--set", "num_envs=2", "--set", "envs_per_world=2", "--set", "num_steps=4", "--set", "hidden=8", "--threads", "1"];

fn train(out: &Path, steps: &str, more: &[&str]) {
    stdout(&[&["train", "duel-4-10", "--steps", steps, "--out", text(out)], &SMALL[..], more].concat());
}

fn weights(run: &Path, group: &str) -> Vec<u8> {
    std::fs::read(run.join(group).join("policy.safetensors")).unwrap()
}

/// Parameters alone: the card that weights carry tells how long the run took.
fn tensors(run: &Path, group: &str) -> Vec<agon::policy::tensor::NamedTensor> {
    agon::policy::card::load(&run.join(group)).unwrap().network.tensors()
}

#[test]
fn a_run_of_two_groups_leaves_a_policy_of_each_and_is_evaluated_as_a_cast() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    train(&run, "32", &[]);
    assert!(!run.join("card.ron").exists());
    let jammers = format!("jammers={}", text(&run));
    let names = format!("{},hop,{jammers}", text(&run));
    let fixed =
        ["eval", "duel-4-10", "--episodes", "2", "--set", "max_steps=4", "--no-reference", "--json", "--policy"];
    let report = json(&[&fixed[..], &[&names]].concat());
    let layouts = |policy: &str| report["policies"][policy]["layout"].clone();
    assert_eq!(layouts(text(&run)), serde_json::json!({ "jammers": "jamming/local", "enemies": "jamming/radio" }));
    assert_eq!(layouts("hop"), serde_json::json!({ "jammers": null, "enemies": null }));
    assert_eq!(layouts(&jammers), serde_json::json!({ "jammers": "jamming/local", "enemies": null }));
    for metric in ["episode_return/jammers", "episode_return/enemies", "reward_hop/enemies"] {
        assert!(report["policies"]["hop"][metric]["mean"].is_number(), "{metric}");
    }
    let curves = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(curves.contains("losses/entropy/jammers") && curves.contains("losses/entropy/enemies"), "{curves}");
}

#[test]
fn a_run_of_two_groups_that_meet_their_past_resumes_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, broken) = (dir.path().join("whole"), dir.path().join("broken"));
    let past = ["--opponents", "enemies=pool", "--opponents", "jammers=pool"];
    // Without schedules that fall to the end of a run, its length does not matter to what it does.
    let even = ["--set", "final_lr_fraction=1.0", "--set", "final_ent_fraction=1.0"];
    let more = [&past[..], &even].concat();
    train(&whole, "64", &more);
    train(&broken, "32", &more);
    let middle = ["jammers", "enemies"].map(|group| weights(&broken, group));
    stdout(&["train", "--resume", text(&broken), "--steps", "64", "--threads", "1"]);
    let plan = std::fs::read_to_string(broken.join("run.ron")).unwrap();
    assert!(plan.contains("\"enemies\": \"pool\"") && plan.contains("\"jammers\": \"pool\""), "{plan}");
    for (group, middle) in ["jammers", "enemies"].into_iter().zip(middle) {
        assert!(tensors(&whole, group) == tensors(&broken, group), "{group}");
        assert!(weights(&broken, group) != middle, "{group} learned on");
    }
}

#[test]
fn a_group_is_played_by_whom_it_was_given_to_and_the_run_keeps_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    train(&first, "16", &["--learn", "enemies"]);
    assert!(first.join("enemies/card.ron").exists() && !first.join("jammers").exists());
    let opponent = format!("enemies={}", text(&first));
    train(&second, "16", &["--opponents", &opponent]);
    assert!(second.join("jammers/card.ron").exists() && !second.join("enemies").exists());
    assert_eq!(
        std::fs::read(second.join("opponents/enemies/policy.safetensors")).unwrap(),
        weights(&first, "enemies"),
        "as it was when the run began"
    );
    std::fs::remove_dir_all(&first).unwrap();
    stdout(&["train", "--resume", text(&second), "--steps", "32", "--threads", "1"]);
}

#[test]
fn roles_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let cases: [(&[&str], &str); 6] = [
        (&["--learn", "jamers"], "did you mean `jammers`?"),
        (&["--learn", "jammers", "--opponents", "enemies=pool"], "no past to play"),
        (&["--learn", "enemies", "--opponents", "enemies=hop"], "cannot learn and be played"),
        (&["--opponents", "enemies=greedy"], "acts for group `jammers`, not for `enemies`"),
        (&["--opponents", "enemies=hopp"], "did you mean `hop`?"),
        (&["--algo", "maddpg", "--set", "learning_starts=4"], "trains one group at a time, and here 2 would learn"),
    ];
    for (roles, because) in cases {
        let args = ["train", "duel-4-10", "--steps", "8", "--out", text(&out)];
        refused(&[&args[..], roles].concat(), &[because]);
        assert!(!out.exists(), "{roles:?}");
    }
}

#[test]
fn who_earns_what_against_whom_is_a_table_of_both_sides() {
    let fixed = ["eval", "duel-4-10", "--episodes", "2", "--set", "max_steps=4"];
    let names = ["--policy", "jammers=hold,jammers=follow", "--against", "enemies=static,enemies=hop"];
    let table = stdout(&[&fixed[..], &names].concat());
    for expected in ["episode_return/jammers", "episode_return/enemies", "jammers=follow", "enemies=hop"] {
        assert!(table.contains(expected), "{expected} in\n{table}");
    }
    let report = json(&[&fixed[..], &names, &["--score", "reduction", "--json"]].concat());
    for metric in ["episode_return/jammers", "episode_return/enemies", "reduction"] {
        for row in ["jammers=hold", "jammers=follow"] {
            for column in ["enemies=static", "enemies=hop"] {
                assert!(
                    report["payoffs"][metric][row][column]["mean"].is_number(),
                    "{metric} {row} {column}: {report}"
                );
            }
        }
    }
    let same = ["--policy", "jammers=hold", "--against", "jammers=follow"];
    refused(&[&fixed[..], &same].concat(), &["of one group each"]);
}

#[test]
fn a_duel_is_recorded_checked_exported_and_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    let (recording, clip) = (dir.path().join("duel.mcap"), dir.path().join("duel.csv"));
    let cast = "jammers=greedy+enemies=gather";
    stdout(&["record", "duel-4-10", "--policy", cast, "--ticks", "12", "--out", text(&recording)]);
    let told = stdout(&["verify", text(&recording)]);
    assert!(told.contains("identical"), "{told}");
    stdout(&["export", text(&recording), "--to", text(&clip)]);
    assert!(std::fs::read_to_string(&clip).unwrap().lines().count() > 12);
    let (run, shared) = (dir.path().join("run"), dir.path().join("pair"));
    train(&run, "16", &[]);
    stdout(&["share", text(&run), "--to", text(&shared), "--episodes", "1"]);
    assert!(shared.join("jammers/card.ron").exists() && shared.join("enemies/card.ron").exists());
    refused(&["share", text(&run), "--to", text(&shared), "--episodes", "1"], &["already"]);
}
