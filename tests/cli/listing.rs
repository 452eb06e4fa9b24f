//! Help, names and completions.

use crate::{agon, json, stderr, stdout};

const COMMANDS: [&str; 11] =
    ["train", "eval", "bench", "list", "explain", "doctor", "completions", "quickstart", "trace", "report", "decide"];

#[test]
fn every_command_explains_itself() {
    let help = stdout(&["--help"]);
    for command in COMMANDS {
        assert!(help.contains(command), "{command} in {help}");
        assert!(stdout(&[command, "--help"]).contains("Usage:"), "{command}");
    }
    assert!(stdout(&["--version"]).starts_with("agon "));
}

#[test]
fn what_cannot_be_parsed_ends_with_code_2_and_the_usage() {
    for args in
        [&["evla"][..], &["eval"], &["eval", "skirmish", "--episodes", "0"], &["eval", "skirmish", "--sed", "1"]]
    {
        let output = agon(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let told = stderr(&output);
        assert!(told.contains("Usage") || told.contains("--help"), "{args:?}: {told}");
    }
    assert!(stderr(&agon(&["evla"])).contains("'eval'"), "the nearest command is named");
}

#[test]
fn list_names_scenarios_baselines_and_hyperparameters() {
    let list = json(&["list", "--json"]);
    let names = |kind: &str| -> Vec<String> {
        let entries = list[kind].as_array().unwrap().iter();
        entries
            .map(|entry| format!("{}/{}", entry["domain"].as_str().unwrap(), entry["name"].as_str().unwrap()))
            .collect()
    };
    let swarms = ["swarm-40-100", "swarm-40-300"];
    let others = ["skirmish", "published", "ratio-10-25", "ratio-20-50", "hopping", "formation"];
    for scenario in others.into_iter().chain(swarms) {
        assert!(names("scenarios").contains(&format!("jamming/{scenario}")), "{scenario}");
    }
    for baseline in ["random", "hold", "nearest", "greedy", "planner"] {
        assert!(names("baselines").contains(&format!("jamming/{baseline}")), "{baseline}");
    }
    let entry = |name: &str| list["baselines"].as_array().unwrap().iter().find(|b| b["name"] == name).unwrap().clone();
    assert_eq!((&entry("planner")["privileged"], &entry("greedy")["privileged"]), (&true.into(), &false.into()));
    assert!(entry("hold")["doc"].as_str().unwrap().contains("position"));
    assert!(list["hyperparameters"]["learning_rate"]["default"].is_string());

    let text = stdout(&["list"]);
    for name in ["jamming/skirmish", "jamming/planner", "learning_rate"] {
        assert!(text.contains(name), "{name} in {text}");
    }
}

#[test]
fn explain_tells_what_agents_see_do_are_paid_for_and_coloured_by_and_what_can_be_hidden() {
    let text = stdout(&["explain", "skirmish", "--set", "observation=seed5"]);
    for name in [
        "layout `jamming/seed5`",
        "vx",
        "433 MHz",
        "lambda2",
        "reduction",
        "`--colour-by name`",
        "fiedler",
        "live links of the drone",
        "drones and links without which the swarm falls into more pieces",
        "`--hide name`",
        "reach of jammers",
        "num_jammers",
        "a whole number from 1 to 1000",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

#[test]
fn completions_come_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&["completions", shell]);
        assert!(script.contains("agon") && script.contains("quickstart"), "{shell}");
    }
}

#[test]
fn names_are_found_from_any_folder_of_the_checkout() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/jamming");
    let output = crate::program(&["list", "--json"]).current_dir(folder).output().unwrap();
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(list["scenarios"].as_array().unwrap().len() >= 7, "{list}");
}

#[test]
fn doctor_compares_the_kernels_with_nalgebra_and_says_what_this_binary_lacks_and_how_to_build_it() {
    let text = stdout(&["doctor"]);
    for name in ["lambda-2, dense", "lambda-2, sparse", "matrix products", "as nalgebra computes them"] {
        assert!(text.contains(name), "{name} in {text}");
    }
    for (feature, is_there) in [
        ("window", cfg!(feature = "window")),
        ("video", cfg!(feature = "video")),
        ("parquet", cfg!(feature = "parquet")),
        ("sqlite", cfg!(feature = "sqlite")),
    ] {
        let is_line = |line: &&str| line.split_whitespace().nth(1) == Some(feature);
        let line = text.lines().find(is_line).unwrap_or_else(|| panic!("no `{feature}` in {text}"));
        assert_eq!(line.contains("not in this binary"), !is_there, "{line}");
    }
}
