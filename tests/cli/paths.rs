//! Paths that hold what lists and shells read as something else.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::{agon, json, policies, refused, stderr, stdout, text};

/// Trains as little as possible into `folder`.
#[track_caller]
fn train(folder: &Path, more: &[&str]) -> Output {
    let fixed = ["train", "skirmish", "--steps", "64", "--envs", "8", "--out", text(folder)];
    let small = ["--set", "num_steps=8", "--set", "hidden=8", "--set", "max_steps=2"];
    let output = agon(&[&fixed[..], &small, more].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// Runs the command between backticks in what was told, as somebody who pastes it into a shell.
#[track_caller]
fn paste(told: &str) -> Output {
    let command = told.split('`').nth(1).unwrap();
    assert!(command.starts_with("agon "), "{told}");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("agon() {{ '{}' \"$@\"; }}\n{command}", env!("CARGO_BIN_EXE_agon")));
    let output = shell.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{command}: {}", stderr(&output));
    output
}

#[test]
fn a_folder_with_a_comma_in_its_name_is_one_policy_wherever_policies_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("lr=0.1,seed=2");
    policies::write(&run, "skirmish", &[]);
    let fixed = ["--episodes", "1", "--set", "max_steps=2", "--no-reference", "--json"];
    let names = |list: &str| {
        let report = json(&[&["eval", "skirmish", "--policy", list][..], &fixed].concat());
        report["policies"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(text(&run)), [text(&run)]);
    let found = names(&format!("hold,{},nearest", text(&run)));
    assert!(found.len() == 3 && found.iter().any(|name| name == text(&run)), "{found:?}");
    // What exists in part only is told of by that part.
    refused(&["eval", "skirmish", "--policy", &format!("{},typo", text(&run))], &["unknown policy `typo`"]);
    let file = |name: &str| dir.path().join(name);
    stdout(&["record", "skirmish", "--policy", text(&run), "--ticks", "2", "--out", text(&file("a,b.mcap"))]);
    stdout(&["export", "skirmish", "--policy", text(&run), "--until", "1", "--to", text(&file("a,b.png"))]);
    assert!(file("a,b.mcap").is_file() && file("a,b.png").is_file());
}

#[test]
fn a_scenario_with_a_comma_in_its_path_is_one_stage_of_a_curriculum() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = dir.path().join("a,b.ron");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/jamming/skirmish.ron"), &scenario).unwrap();
    let (stages, run) = (format!("skirmish,{}", text(&scenario)), dir.path().join("run"));
    let fixed = ["train", "--curriculum", &stages, "--steps", "64", "--envs", "8", "--out", text(&run)];
    stdout(&[&fixed[..], &["--set", "num_steps=8", "--set", "hidden=8"]].concat());
    assert!(run.join("scenario.ron").is_file() && run.join("scenario.2.ron").is_file());
}

#[test]
fn a_printed_command_works_when_it_is_pasted() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("it's mine/run 1");
    let told = stderr(&train(&run, &[]));
    let advice = told.lines().find(|line| line.contains("evaluate it with")).unwrap();
    let table = String::from_utf8(paste(advice).stdout).unwrap();
    assert!(table.contains(text(&run)) && table.contains("of up to 2 ticks"), "{table}");
    let recording = dir.path().join("it's mine/a recording.mcap");
    let output = agon(&["record", "skirmish", "--policy", "hold", "--ticks", "3", "--out", text(&recording)]);
    let verdict = String::from_utf8(paste(&stderr(&output)).stdout).unwrap();
    assert!(verdict.contains("identical"), "{verdict}");
}

#[test]
fn a_run_in_a_scenario_file_is_evaluated_in_that_very_scenario() {
    let dir = tempfile::tempdir().unwrap();
    let (run, own) = (dir.path().join("run"), dir.path().join("own.ron"));
    let whole = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/jamming/skirmish.ron")).unwrap();
    fs::write(&own, whole.replace("name: \"skirmish\"", "name: \"nowhere\"")).unwrap();
    let small = ["--set", "num_steps=8", "--set", "hidden=8", "--set", "max_steps=2"];
    let fixed = ["train", text(&own), "--steps", "64", "--envs", "8", "--out", text(&run)];
    let table = paste(&stderr(&agon(&[&fixed[..], &small].concat())));
    assert!(String::from_utf8(table.stdout).unwrap().contains("jamming/nowhere"));
}

#[test]
fn policies_of_different_layouts_meet_in_one_evaluation_and_change_nobody_elses_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let runs = ["seed5", "lookahead"].map(|layout| {
        let run = dir.path().join(layout);
        train(&run, &["--set", &format!("observation={layout}")]);
        run
    });
    let [few, many] = runs.each_ref().map(|run| text(run));
    let eval = |policies: &str| {
        let fixed = ["--episodes", "4", "--set", "max_steps=10", "--no-reference", "--json"];
        json(&[&["eval", "skirmish", "--policy", policies][..], &fixed].concat())
    };
    let together = eval(&format!("hold,nearest,{few},{many}"));
    assert_eq!(together["policies"][few]["layout"], "jamming/seed5");
    assert_eq!(together["policies"][many]["layout"], "jamming/lookahead");
    assert_eq!(together["policies"]["hold"]["layout"], serde_json::Value::Null);
    let difference = &together["comparisons"][few][many];
    assert!(difference["mean"].is_number() && difference["n"] == 4, "{difference}");
    let alone = eval("hold,nearest");
    for name in ["hold", "nearest"] {
        assert_eq!(together["policies"][name], alone["policies"][name], "{name}");
    }
    // The same policy in a scenario that has its layout plays the same.
    let args = ["eval", "skirmish", "--policy", few, "--set", "observation=seed5", "--set", "max_steps=10"];
    let own = json(&[&args[..], &["--episodes", "4", "--no-reference", "--json"]].concat());
    assert_eq!(own["policies"][few], together["policies"][few]);
}
