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
    sim::{Address, EpisodeRecord, GroupSpec, Lane, Pay, Purpose, Seeds, Spec},
};
use xxhash_rust::xxh3::Xxh3;

const ACTIONS: Purpose = Purpose::new("test.actions");

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

/// Bounds and choices of a group's actions.
type Die = (Vec<(f32, f32)>, Vec<usize>);

/// Actions that depend on nothing but the env's address: uniform, somewhat beyond what is allowed.
struct Dice {
    seeds: Seeds,
    groups: Vec<Die>,
}

impl Dice {
    fn new(spec: &Spec, seed: u64) -> Self {
        let of_group = |group: &GroupSpec| {
            let bounds = group.action.continuous.iter().map(|f| (1.1 * f.bounds.start(), 1.1 * f.bounds.end()));
            (bounds.collect(), group.action.discrete.iter().map(|d| d.choices.len()).collect())
        };
        Self { seeds: Seeds::new(seed), groups: spec.groups.iter().map(of_group).collect() }
    }

    /// Writes the next actions of every env of `lane`.
    fn roll(&self, lane: &mut Lane) {
        let addresses: Vec<Address> = lane.addresses().collect();
        for ((index, (bounds, choices)), port) in (0..).zip(&self.groups).zip(&mut lane.ports_mut().groups) {
            let teams = port.actions.chunks_exact_mut(port.agents * port.action_width);
            for (address, team) in addresses.iter().zip(teams) {
                let mut stream = self.seeds.stream(ACTIONS.of(index), *address);
                for action in team.chunks_exact_mut(port.action_width) {
                    let (continuous, discrete) = action.split_at_mut(bounds.len());
                    for (number, (low, high)) in continuous.iter_mut().zip(bounds) {
                        *number = stream.uniform(*low, *high);
                    }
                    for (number, choices) in discrete.iter_mut().zip(choices) {
                        *number = stream.below(*choices) as f32;
                    }
                }
            }
        }
    }
}

/// What one env came to in one tick, bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    /// Hash of its state.
    state: u64,
    /// Hash of everything that its ports show.
    ports: u64,
}

/// Prints of all envs of `lane`.
fn prints(lane: &Lane) -> Vec<Print> {
    (0..lane.envs()).map(|slot| Print { state: lane.hash(slot), ports: shown(lane, slot) }).collect()
}

/// Hash of what the ports show of the env at `slot`.
fn shown(lane: &Lane, slot: usize) -> u64 {
    let ports = lane.ports();
    let mut hash = Xxh3::new();
    for group in &ports.groups {
        let mut rows = |numbers: &[f32], width: usize| {
            let part = slot * group.agents * width..(slot + 1) * group.agents * width;
            numbers[part].iter().for_each(|number| hash.update(&number.to_bits().to_le_bytes()));
        };
        rows(&group.observations, group.observation_width);
        rows(&group.terms, group.num_terms);
        rows(&group.rewards, 1);
        if ports.truncated[slot] || ports.terminated[slot] {
            rows(&group.final_observations, group.observation_width);
        }
    }
    let width = ports.metrics.len() / ports.envs;
    let mut numbers = |numbers: &[f64]| numbers.iter().for_each(|number| hash.update(&number.to_bits().to_le_bytes()));
    numbers(&ports.metrics[slot * width..(slot + 1) * width]);
    let ended = usize::from(ports.truncated[slot] || ports.terminated[slot]);
    // Records come in the order of their envs, one for each env whose episode ended.
    let before = (0..slot).filter(|env| ports.truncated[*env] || ports.terminated[*env]).count();
    for EpisodeRecord { env, episode, length, groups, metrics, stratum } in &ports.finished[before..before + ended] {
        let (first, later) = groups.split_first().unwrap();
        numbers(&[*env as f64, *episode as f64, f64::from(*length), first.episode_return, f64::from(*stratum)]);
        numbers(&first.terms);
        for Pay { episode_return, terms } in later {
            numbers(&[*episode_return]);
            numbers(terms);
        }
        numbers(metrics);
    }
    hash.update(&[u8::from(ports.truncated[slot]), u8::from(ports.terminated[slot]), ports.stratum[slot]]);
    hash.digest()
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
