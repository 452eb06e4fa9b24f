//! The simulation is a function of scenario, seed and actions, to the last bit: it does not matter how many threads step
//! it, how envs share worlds, which process or which x86-64 CPU runs it, or whether it was saved and restored on the way.
//!
//! Each file here makes one claim; what they share is the stage that a claim is tested on.

#![allow(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod golden;
mod instructions;
mod matrix;
mod snapshots;

use std::path::Path;

use agon::{
    domains::Scenario,
    sim::testing::{Dice, Print, prints, shown},
};

/// Names and scenarios of all files in `scenarios/`, in the order of their names.
fn shipped() -> Vec<(String, Scenario)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = |folder: &Path| -> Vec<_> { folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect() };
    let mut scenarios: Vec<_> = files(&root)
        .iter()
        .filter(|path| path.is_dir())
        .flat_map(|folder| files(folder))
        .filter(|path| path.extension().is_some_and(|end| end == "ron"))
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().with_extension("").to_str().unwrap().to_owned();
            (name, Scenario::parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap())
        })
        .collect();
    scenarios.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!scenarios.is_empty(), "no scenario lies below {}", root.display());
    scenarios
}

/// The scenario skirmish with some parameters changed.
fn skirmish(changes: &[(&str, &str)]) -> Scenario {
    changed("jamming/skirmish", changes)
}

/// A shipped scenario with some parameters changed.
fn changed(name: &str, changes: &[(&str, &str)]) -> Scenario {
    let (_, mut scenario) = shipped().into_iter().find(|(shipped, _)| shipped == name).unwrap();
    for (name, value) in changes {
        scenario.set(name, value).unwrap();
    }
    scenario.check().unwrap();
    scenario
}

/// What no shipped scenario uses, so that every branch of the domain is tested: name and scenario.
fn variants() -> Vec<(&'static str, Scenario)> {
    vec![
        ("sinr", skirmish(&[("jam_model", "sinr"), ("reward", "individual"), ("observation", "seed5")])),
        ("turning", skirmish(&[("motion", "coordinated_turn"), ("placement", "circle"), ("jammer_start", "centroid")])),
        (
            "spreading",
            skirmish(&[
                ("response", "hop_and_spread"),
                ("response_ticks", "2"),
                ("response_reduction", "0.2"),
                ("placement", "clustered"),
                ("cluster_radius_m", "10.0"),
                ("observation", "published5"),
                ("reference", "unjammed"),
            ]),
        ),
        (
            "overcommitted",
            changed("cluster/failures", &[("cpu_overcommit", "1.5"), ("action", "bids"), ("team_share", "0.5")]),
        ),
        ("crowded", changed("cluster/heavy", &[("max_workloads", "20"), ("decisions_per_tick", "4")])),
        (
            "particles",
            changed("particles/spread", &[("num_agents", "5"), ("num_landmarks", "2"), ("actions", "continuous")]),
        ),
        ("hunt", changed("particles/tag", &[("num_good", "2"), ("num_obstacles", "0"), ("actions", "force")])),
        ("alone", skirmish(&[("num_jammers", "1"), ("num_enemies", "2"), ("motion", "static"), ("placement", "line")])),
    ]
}

/// The first env and tick at which two runs differ, in words; a run is one list of prints per tick.
fn first_difference(expected: &[Vec<Print>], found: &[Vec<Print>]) -> Option<String> {
    assert_eq!(expected.len(), found.len(), "ticks of the runs compared");
    expected.iter().zip(found).enumerate().find_map(|(tick, (expected, found))| {
        assert_eq!(expected.len(), found.len(), "envs of the runs compared");
        let env = (0..expected.len()).find(|env| expected[*env] != found[*env])?;
        let what = if expected[env].state == found[env].state { "ports" } else { "state" };
        Some(format!("env {env} has another {what} after tick {}", tick + 1))
    })
}
