//! The files of a run: its plan, and its checkpoints with the sections inside them.

use std::{cell::RefCell, fs, path::Path};

use agon::{
    domains::{AnyDomain, Scenario, cluster::ClusterParams},
    error::Result,
    learn::{
        hyperparameters::Hyperparameters,
        learner::{Learner, Lineup, learner},
    },
    metrics::Goal,
    session::{Control, News, Observer, Plan, Roles, RunFolder, Session, generation::Generation, policies_at},
    sim::scenario::VERSION,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::accepted;

/// Bytes of a checkpoint in front of those that its checksum covers.
const HASHED_FROM: usize = 56;

/// A checkpoint, as a file and as what a right checksum would let through.
pub(crate) fn checkpoint(data: &[u8]) -> bool {
    let mut is_accepted = false;
    for bytes in [data, &sealed(data)] {
        if let Some((step, generation)) = accepted(Generation::decode(bytes)) {
            assert!(generation.encode(step).is_ok_and(|again| again == bytes), "read as something else");
            is_accepted = true;
        }
    }
    is_accepted
}

/// The same checkpoint under a right checksum, which no mutation has: only so does the fuzzer get to the sections.
fn sealed(file: &[u8]) -> Vec<u8> {
    let hashed = file.get(HASHED_FROM..).unwrap_or(file);
    let len = (HASHED_FROM + hashed.len()) as u64;
    let start = [b"\x8bAGON\r\n\x1a".as_slice(), &1_u32.to_le_bytes(), &[0; 4], &len.to_le_bytes()].concat();
    let checksum = Sha256::digest(hashed);
    [&start, checksum.as_slice(), hashed].concat()
}

/// A plan as small as one can be.
fn small_plan() -> Plan {
    let cluster = ClusterParams { num_nodes: 2, max_workloads: 4, ..ClusterParams::default() };
    let scenario = Scenario {
        version: VERSION,
        name: "small".to_owned(),
        title: "Small".to_owned(),
        about: "As small as a run can be.".to_owned(),
        max_steps: 10,
        seed: 1,
        train: Default::default(),
        domain: AnyDomain::Cluster(cluster),
    };
    let params = Hyperparameters::default().with(|params| {
        params.run.num_envs = 1;
        params.run.num_steps = 4;
        params.run.hidden = 2;
        params.ppo.minibatch_size = 4;
    });
    Plan { stages: vec![scenario], seed: 1, goal: Goal::Steps(8), params, roles: Roles::default() }
}

/// Trains a small run in a new folder, for seeds.
pub fn run_to_the_end(folder: &Path) {
    struct Nobody;
    impl Observer for Nobody {
        fn iterated(&mut self, _: &News<'_>) -> Result<Control> {
            Ok(Control::Continue)
        }
    }
    let mut session = Session::start(small_plan(), Some(folder), None).expect("a plan that can be trained");
    session.run(&mut Nobody).expect("a run that ends");
}

/// A run with a plan, and a learner of the same.
struct Run {
    dir: TempDir,
    folder: RunFolder,
    learner: Box<dyn Learner>,
}

thread_local! {
    static RUN: RefCell<Run> = RefCell::new({
        let (dir, plan) = (tempfile::tempdir().expect("a temporary folder"), small_plan());
        let folder = RunFolder::create(Some(&dir.path().join("run")), &plan).expect("a new folder");
        folder.write_plan(&plan).expect("a folder that can be written");
        let scenario = &plan.stages[0];
        let lineup = Lineup::all(scenario.domain.domain(), scenario.max_steps).expect("jamming's groups are paid");
        let learner = learner(scenario.domain.domain(), scenario.max_steps, plan.seed, &plan.params, lineup);
        Run { dir, folder, learner: learner.expect("a plan that can be trained") }
    });
}

/// `run.ron`: the plan that was read can be written, and reads back as the same.
pub(crate) fn plan(data: &[u8]) -> bool {
    RUN.with_borrow(|run| {
        let path = run.dir.path().join("plan");
        let _ = fs::remove_dir_all(&path);
        let folder = RunFolder::create(Some(&path), &small_plan()).expect("a new folder");
        folder.write_plan(&small_plan()).expect("a folder that can be written");
        fs::write(folder.file("run.ron"), data).expect("a folder that can be written");
        let Some(plan) = accepted(folder.read_plan()) else { return false };
        folder.write_plan(&plan).expect("what was read can be written");
        assert_eq!(folder.read_plan().as_ref(), Ok(&plan), "read as something else");
        true
    })
}

/// The sections of a checkpoint under a right checksum: a run goes on from them, or says why it cannot.
pub(crate) fn sections(data: &[u8]) -> bool {
    let file = sealed(data);
    let Ok((step, generation)) = Generation::decode(&file) else { return false };
    RUN.with_borrow_mut(|run| {
        let checkpoints = run.folder.path().join("checkpoints");
        let _ = fs::remove_dir_all(&checkpoints);
        fs::create_dir_all(&checkpoints).expect("a folder that can be written");
        fs::write(checkpoints.join(format!("{step:012}.agon")), &file).expect("a folder that can be written");
        let has_policy = accepted(policies_at(run.folder.path(), step)).is_some();
        if accepted(run.learner.load(&generation.sections)).is_none() {
            return false;
        }
        if let Ok(saved) = run.learner.save() {
            for (name, content) in saved {
                assert!(generation.sections.get(&name) == Some(&content), "section `{name}` read as something else");
            }
        }
        has_policy
    })
}
