//! A run that was stopped, killed or damaged and then resumed is, bit for bit, the run that nothing happened to.
//!
//! Each file here makes one claim; what they share is a small run and what is left of it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod changes;
mod disks;
mod folders;
mod interruptions;
mod processes;
mod starting_points;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use agon::{
    domains::Scenario,
    durable::Folder,
    error::{Error, Result},
    learn::hyperparameters::{Algo, Hyperparameters, Noise},
    metrics::Goal,
    policy::card,
    session::{Control, Ending, News, Observer, Plan, Roles, Session, generation},
};
use sha2::{Digest, Sha256};

/// Iterations of a small run, and env-steps of each: 4 envs, 8 ticks.
const ITERATIONS: u64 = 6;
const STEPS_PER_ITERATION: u64 = 32;

/// A shipped scenario with episodes so short that several end in each rollout.
fn scenario(name: &str) -> Scenario {
    shipped(&format!("jamming/{name}"))
}

fn shipped(name: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.ron"));
    let mut scenario = Scenario::parse(&fs::read_to_string(&path).unwrap(), &path).unwrap();
    scenario.max_steps = 5;
    scenario
}

/// Skirmish with a network so small that a run takes milliseconds.
fn plan(seed: u64, algo: Algo) -> Plan {
    let params = Hyperparameters::default().with(|params| {
        params.run.algo = algo;
        params.run.num_envs = 4;
        params.run.envs_per_world = 2;
        params.run.num_steps = 8;
        params.run.hidden = 8;
        params.ppo.minibatch_size = 40;
        params.ppo.update_epochs = 2;
        params.ppo.target_kl = None;
    });
    Plan {
        stages: vec![scenario("skirmish")],
        seed,
        goal: Goal::Steps(ITERATIONS * STEPS_PER_ITERATION),
        params,
        roles: Roles::default(),
    }
}

/// A small run that learns from a memory, which wraps around before the run is over.
fn remembering(seed: u64, algo: Algo, parameter_sharing: bool) -> Plan {
    let params = plan(seed, algo).params.with(|params| {
        params.run.algo = algo;
        params.ddpg.parameter_sharing = parameter_sharing;
        params.ddpg.buffer_size = 100;
        params.ddpg.batch_size = 16;
        params.ddpg.learning_starts = 20;
        params.ddpg.prioritised = algo == Algo::Matd3;
        params.ddpg.noise = if algo == Algo::Maddpg { Noise::Ou } else { Noise::Gaussian };
    });
    Plan { stages: vec![shipped("cluster/default")], params, ..plan(seed, algo) }
}

/// Watches a run until the iteration `at`, then does `what`.
struct Watch {
    at: u64,
    what: Interruption,
    warnings: Vec<String>,
}

/// What ends a run early.
#[derive(Clone, Debug)]
enum Interruption {
    /// Nothing does.
    None,
    /// It is told to save and stop.
    Stop,
    /// It dies without another checkpoint; its logs are ahead of the last one.
    Die,
    /// The machine dies: what goes on is a copy of the folder as it is on disk at that moment.
    Copy(PathBuf),
}

impl Watch {
    fn until(at: u64, what: Interruption) -> Self {
        Self { at, what, warnings: Vec::new() }
    }

    fn to_the_end() -> Self {
        Self::until(u64::MAX, Interruption::None)
    }
}

impl Observer for Watch {
    fn iterated(&mut self, news: &News<'_>) -> Result<Control> {
        self.warnings.extend_from_slice(news.warnings);
        if news.report.counters.iterations < self.at {
            return Ok(Control::Continue);
        }
        match self.what {
            Interruption::None => Ok(Control::Continue),
            Interruption::Stop => Ok(Control::Stop),
            Interruption::Die | Interruption::Copy(_) => Err(Error::system("killed")),
        }
    }
}

/// Starts a run in `folder` and lets it go on until `watch` interrupts it; returns the folder to resume from.
fn start(plan: &Plan, folder: &Path, watch: &mut Watch) -> PathBuf {
    drive(Session::start(plan.clone(), Some(folder), None).unwrap(), watch)
}

fn resume(folder: &Path, watch: &mut Watch) -> PathBuf {
    drive(Session::resume(folder, None).unwrap(), watch)
}

fn drive(mut session: Session, watch: &mut Watch) -> PathBuf {
    let folder = session.folder().path().to_owned();
    match (session.run(watch), &watch.what) {
        (Ok(Ending::Done), Interruption::None) | (Ok(Ending::Stopped), Interruption::Stop) => folder,
        (Err(error), Interruption::Die) if error.to_string() == "killed" => folder,
        (Err(error), Interruption::Copy(to)) if error.to_string() == "killed" => {
            copy(&folder, to);
            to.clone()
        }
        (ending, what) => panic!("{what:?} ended a run by {ending:?}"),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let _ = fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Everything a run leaves that must not depend on whether it was interrupted.
#[derive(Debug, PartialEq)]
struct Remains {
    step: u64,
    /// SHA-256 of the weights with Adam's moments, of counters and normalisers, and of the snapshots of all envs.
    sections: BTreeMap<String, String>,
    /// SHA-256 of the numbers of the policy for sharing.
    policy: String,
    /// `metrics.jsonl` without its clock.
    metrics: Vec<serde_json::Map<String, serde_json::Value>>,
}

fn remains(folder: &Path) -> Remains {
    let loaded = newest(folder);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let mut sections = loaded.generation.sections;
    sections.remove("session").unwrap();
    // What the plan is, goes without saying.
    sections.remove("plan").unwrap();
    let names: Vec<_> = sections.keys().filter(|name| *name != "replay").collect();
    assert_eq!(names, ["envs", "learner", "weights"]);
    let network = card::load(folder).unwrap().network;
    let numbers = network.tensors().into_iter().flat_map(|tensor| tensor.data).flat_map(f32::to_le_bytes);
    Remains {
        step: loaded.step,
        sections: sections.into_iter().map(|(name, bytes)| (name, sha256(&bytes))).collect(),
        policy: sha256(&numbers.collect::<Vec<u8>>()),
        metrics: metrics(folder),
    }
}

/// The newest checkpoint of the run in `folder`.
fn newest(folder: &Path) -> generation::Loaded {
    generation::load_latest(&Folder::open(&folder.join("checkpoints")).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines of `metrics.jsonl` without what the clock says.
fn metrics(folder: &Path) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let text = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    let line = |line: &str| {
        let mut line: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
        line.remove("wall_s").unwrap();
        line.remove("charts/SPS").unwrap();
        line.remove("system/memory_mb");
        assert!(line.contains_key("time/step_us"));
        line.retain(|name, _| !name.starts_with("time/"));
        line
    };
    text.lines().map(line).collect()
}

/// Says in which part two runs differ, instead of printing both.
#[track_caller]
fn assert_same(found: &Remains, expected: &Remains, what: &str) {
    assert_eq!(found.step, expected.step, "{what}: env-steps");
    assert_eq!(found.sections, expected.sections, "{what}: checkpoint");
    assert_eq!(found.policy, expected.policy, "{what}: policy");
    assert_eq!(found.metrics.len(), expected.metrics.len(), "{what}: lines of metrics.jsonl");
    for (line, (found, expected)) in found.metrics.iter().zip(&expected.metrics).enumerate() {
        assert_eq!(found, expected, "{what}: line {} of metrics.jsonl", line + 1);
    }
}
