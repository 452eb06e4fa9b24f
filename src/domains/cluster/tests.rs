//! Laws of the cluster domain. Each file here holds those of one part; what they share is a [`Stage`].

#![allow(clippy::unwrap_used, reason = "tests")]

mod amounts;
mod baselines;
mod facts;
mod life;
mod placer;
mod placing;
mod repaired;
mod traces;
mod view;

use super::{
    components::{Arrivals, Cause, Counts, Demand, Health, Job, Machine, Phase, Usage},
    rules::Rule,
    scenario::{ActionKind, ClusterParams, Mode, ObservationLayout},
};
use crate::sim::{
    Lane, Seeds,
    kit::{self, noise},
};

/// One env.
type Stage = kit::Stage<ClusterParams>;

impl Stage {
    /// Machines of this CPU with plenty of everything else, right here.
    fn put_machines(&mut self, cpus: &[f32]) {
        let machines: Vec<Machine> =
            cpus.iter().map(|cpu| Machine { capacity: [*cpu, 1000.0, 1000.0, 1000.0], rtt_s: 0.0 }).collect();
        self.put::<_, ()>(&machines);
    }

    /// Workloads that want this CPU and have just been queued, and nothing else in the pool.
    fn put_queue(&mut self, cpus: &[f32]) {
        self.put::<_, ()>(&vec![Phase::Unused; self.params.max_workloads]);
        let demands: Vec<Demand> = cpus.iter().map(|cpu| Demand([*cpu, 1.0, 1.0, 1.0])).collect();
        let job = Job { priority: 2, patience_s: 1.0, duration_s: 1.0, since: self.tick(), ..Job::default() };
        let jobs: Vec<Job> = (0..cpus.len() as u32).map(|number| Job { number, ..job }).collect();
        self.put::<_, ()>(&demands);
        self.put::<_, ()>(&jobs);
        self.put::<_, ()>(&vec![Phase::Queued; cpus.len()]);
    }

    fn tick(&mut self) -> u32 {
        self.lane.addresses().next().unwrap().tick
    }

    /// A tick in which a rule decides.
    fn obey(&mut self, rule: Rule) {
        self.lane.ports_mut().groups[0].actions.fill(rule.code());
        self.lane.step();
    }

    fn counts(&mut self) -> Counts {
        self.all::<Counts, ()>()[0]
    }
}

/// Three nodes at which nothing arrives but what a test puts there.
fn quiet() -> ClusterParams {
    ClusterParams {
        num_nodes: 3,
        max_workloads: 8,
        arrival_rate_hz: 0.0,
        rtt_s: vec![0.0, 0.0],
        decisions_per_tick: 10,
        ..ClusterParams::default()
    }
}
