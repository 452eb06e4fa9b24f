//! Names come from files and from other programs: none of them leads out of the folder it is a name in, and none reaches
//! a terminal as anything but text.

use std::path::{Component, Path};

use agon::{
    apps::cluster::serve::{Decider, Service},
    domains::{Scenario, cluster::ClusterParams},
    error::Error,
    policy::{
        cast::Casting,
        tensor::NamedTensor,
        tensors::{from_safetensors, to_safetensors},
    },
    session::generation::Generation,
    sim::Domain,
};
use serde_json::{Value, json};

/// What is no name anywhere, or means something to a shell, a terminal or another system.
const NAMES: [&str; 43] = [
    "",
    ".",
    "..",
    "../x",
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b",
    "a/b",
    "./x",
    "x/",
    "//x",
    "a\\b",
    "..\\x",
    "C:\\x",
    "C:x",
    "x\0y",
    "\0",
    " ",
    "x ",
    " x",
    "-",
    "--help",
    "-rf",
    "~",
    "~root",
    "$HOME",
    "`id`",
    "$(id)",
    "x;y",
    "x|y",
    "*",
    "x\ny",
    "x\ry",
    "\u{1b}[2J",
    "\u{9b}2J",
    "\u{202e}x",
    "\u{7f}",
    "é",
    "CON",
    ".hidden",
    ".x.tmp",
    "%2e%2e%2f",
    "/proc/self/root",
];

/// All of these, and one that is too long for any file system.
fn names() -> impl Iterator<Item = String> {
    NAMES.map(str::to_owned).into_iter().chain(["x".repeat(300), "../".repeat(100)])
}

#[track_caller]
fn check_words(name: &str, error: &Error) {
    let told = error.to_string();
    assert_eq!(error.exit_code(), 2, "{name:?}: {told}");
    assert!(!told.contains(char::is_control) && told.len() < 1000, "{name:?}: {told:?}");
}

#[test]
fn a_scenario_has_a_name_that_can_be_that_of_a_folder() {
    for name in names() {
        let quoted = ron::to_string(&name).unwrap();
        let text = format!(
            "(version: 1, name: {quoted}, title: \"T\", about: \"A\", seed: 1, max_steps: 5, domain: Cluster(()))"
        );
        match Scenario::parse(&text, "file.ron") {
            Ok(scenario) => {
                let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(scenario.name == name && name.chars().all(is_plain) && !name.is_empty(), "{name:?}");
            }
            Err(error) => check_words(&name, &error),
        }
    }
}

#[test]
fn a_policy_is_a_folder_of_the_shipped_ones_or_the_path_that_was_typed() {
    let house = tempfile::tempdir().unwrap();
    let checkpoints = house.path().join("checkpoints");
    for folder in ["checkpoints/cluster/default", "checkpoints/jamming/default", "x", "etc"] {
        std::fs::create_dir_all(house.path().join(folder)).unwrap();
    }
    let params = ClusterParams::default();
    let casting = Casting::new(&params, "default", params.spec(1)).with_checkpoints(Some(checkpoints.clone()));
    let climbing =
        ["default", "cluster/default", "cluster/../jamming/default", "../jamming/default", "cluster/..", "../../x"];
    for name in names().chain(climbing.map(str::to_owned)) {
        match casting.locate(&name) {
            Ok(path) if path == Path::new(&name) => {}
            Ok(path) => {
                let below: Vec<_> = path.strip_prefix(checkpoints.join("cluster")).unwrap().components().collect();
                assert!(matches!(below[..], [Component::Normal(_)]), "{name:?} is {}", path.display());
            }
            Err(error) => check_words(&name, &error),
        }
        if let Err(error) = Decider::find(&params, &name, Some(&checkpoints), None) {
            check_words(&name, &error);
        }
    }
    assert_eq!(casting.locate("cluster/default").unwrap(), checkpoints.join("cluster/default"));
}

#[test]
fn a_tensor_and_a_section_come_back_under_their_names_or_are_refused() {
    for name in names() {
        let tensor = NamedTensor { name: name.clone(), shape: vec![1], data: vec![1.0] };
        match to_safetensors(&[tensor], &Default::default()) {
            Ok(bytes) => assert_eq!(from_safetensors(&bytes, Path::new("file")).unwrap().tensors[0].name, name),
            Err(error) => check_words(&name, &error),
        }
        let generation = Generation { sections: [(name.clone(), vec![1])].into() };
        match generation.encode(1) {
            Ok(bytes) => assert_eq!(Generation::decode(&bytes), Ok((1, generation))),
            Err(error) => check_words(&name, &error),
        }
    }
}

#[test]
fn nodes_and_workloads_may_be_called_anything_and_are_told_as_text() {
    let params = ClusterParams::default();
    let amounts = json!({ "cpu": 9, "memory": 9, "bandwidth": 9, "storage": 9 });
    for name in names() {
        let mut service = Service::new(&params, 1, Decider::find(&params, "first_fit", None, None).unwrap());
        let mut say = |line: Value| -> Value {
            let mut answer = Vec::new();
            service.answer(line.to_string().as_bytes(), &mut answer);
            assert_eq!(answer.pop(), Some(b'\n'));
            let text = String::from_utf8(answer).unwrap();
            assert!(!text.contains(char::is_control), "{name:?}: {text:?}");
            serde_json::from_str(&text).unwrap()
        };
        let observed = say(json!({ "op": "observe", "nodes": [{ "name": name, "capacity": amounts }] }));
        let placed = say(json!({ "op": "place", "workload": name, "demand": { "cpu": 1 } }));
        if (1..=128).contains(&name.len()) {
            assert_eq!(
                (&observed["nodes"], &placed["node"], &placed["workload"]),
                (&json!(1), &json!(name), &json!(name))
            );
            assert_eq!(say(json!({ "op": "fail", "node": name }))["lost"], json!([name]));
        } else {
            assert!(observed["error"].is_string() && placed["error"].is_string(), "{name:?}");
        }
    }
}
