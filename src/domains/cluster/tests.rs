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

use bevy_ecs::component::{Component, Mutable};

use super::{
    components::{Arrivals, Cause, Counts, Demand, Health, Job, Machine, Phase, Usage},
    rules::Rule,
    scenario::{ActionKind, ClusterParams, Mode, ObservationLayout},
};
use crate::sim::{EnvSlot, Lane, Seeds, column_mut};

/// One env.
struct Stage {
    params: ClusterParams,
    lane: Lane,
}

impl Stage {
    fn new(params: &ClusterParams) -> Self {
        Self::seeded(params, 1)
    }

    fn seeded(params: &ClusterParams, seed: u64) -> Self {
        let lane = Lane::new(params, u32::MAX, Seeds::new(seed), 0..1);
        Self { params: params.clone(), lane }
    }

    /// Components of this kind, in the order of their rows.
    fn all<C: Component + Clone>(&mut self) -> Vec<C> {
        let world = self.lane.world_mut();
        world.query_filtered::<&C, bevy_ecs::query::With<EnvSlot>>().iter(world).cloned().collect()
    }

    /// Puts components where others were, from the first row on.
    fn put<C: Component<Mutability = Mutable> + Clone>(&mut self, components: &[C]) {
        let world = self.lane.world_mut();
        let mut state = bevy_ecs::system::SystemState::<bevy_ecs::system::Query<&mut C>>::new(world);
        let mut query = state.get_mut(world).unwrap();
        column_mut(&mut query)[..components.len()].clone_from_slice(components);
    }

    /// Machines of this CPU with plenty of everything else, right here.
    fn put_machines(&mut self, cpus: &[f32]) {
        let machines: Vec<Machine> =
            cpus.iter().map(|cpu| Machine { capacity: [*cpu, 1000.0, 1000.0, 1000.0], rtt_s: 0.0 }).collect();
        self.put(&machines);
    }

    /// Workloads that want this CPU and have just been queued, and nothing else in the pool.
    fn put_queue(&mut self, cpus: &[f32]) {
        self.put(&vec![Phase::Unused; self.params.max_workloads]);
        let demands: Vec<Demand> = cpus.iter().map(|cpu| Demand([*cpu, 1.0, 1.0, 1.0])).collect();
        let job = Job { priority: 2, patience_s: 1.0, duration_s: 1.0, since: self.tick(), ..Job::default() };
        let jobs: Vec<Job> = (0..cpus.len() as u32).map(|number| Job { number, ..job }).collect();
        self.put(&demands);
        self.put(&jobs);
        self.put(&vec![Phase::Queued; cpus.len()]);
    }

    fn tick(&mut self) -> u32 {
        self.lane.addresses().next().unwrap().tick
    }

    /// A tick in which the nodes act like this.
    fn step(&mut self, actions: &[f32]) {
        self.lane.ports_mut().groups[0].actions.copy_from_slice(actions);
        self.lane.step();
    }

    /// A tick in which a rule decides.
    fn obey(&mut self, rule: Rule) {
        self.lane.ports_mut().groups[0].actions.fill(rule.code());
        self.lane.step();
    }

    fn counts(&mut self) -> Counts {
        self.all::<Counts>()[0]
    }

    /// What was measured in the last tick.
    fn metric(&self, name: &str) -> f64 {
        self.lane.ports().metrics[self.lane.spec().metric(name).unwrap()]
    }

    /// What an agent sees under this name.
    fn seen(&self, agent: usize, name: &str) -> f32 {
        let fields = &self.lane.spec().groups[0].observation;
        let at = fields.iter().position(|field| field.name == name).unwrap_or_else(|| panic!("no field `{name}`"));
        self.lane.ports().groups[0].observations[agent * fields.len() + at]
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

/// Uniform numbers in [0, 1) that depend on `seed` alone.
fn noise(seed: u64) -> impl FnMut() -> f32 {
    use crate::sim::{Address, Purpose};
    let mut stream = Seeds::new(seed).stream(Purpose::new("test"), Address { env: 0, episode: 0, tick: 0 });
    move || stream.unit()
}
