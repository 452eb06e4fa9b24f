//! Many envs without a window: worlds of several envs each, stepped side by side.
//!
//! A [`Lane`] is one Bevy world with some envs; a [`Batch`] is a run's envs spread over lanes. How they are spread
//! changes nothing but the speed: every env draws from its own address and no lane looks at another.

use std::{ops::Range, sync::Arc};

use bevy_app::App;
use bevy_ecs::{
    query::{QueryState, With},
    world::World,
};
use rayon::prelude::*;

use super::{
    domain::{Domain, Policy},
    ports::{EpisodeRecord, Ports, Tally},
    seeds::{Address, Seeds},
    snapshot::{self, DeclareState},
    spec::Spec,
    tick::{Clock, Declared, Due, Env, Refresh, Reset, SimPlugin, Tick},
};
use crate::error::{Error, Result};

/// Numbers of evaluation envs start here, those of training envs at 0: the two never draw the same randomness.
pub const EVALUATION_ENVS: u64 = 1 << 63;

/// Of the evaluation envs, those from here on play the episodes that are kept for tests.
pub const TEST_ENVS: u64 = EVALUATION_ENVS + (1 << 62);

/// One world with some envs.
pub struct Lane {
    world: World,
    clocks: QueryState<&'static Clock>,
    first_env: u64,
}

impl Lane {
    /// A world with the envs of these numbers, each at the start of its first episode.
    pub fn new(domain: &dyn Domain, max_steps: u32, seeds: Seeds, numbers: Range<u64>) -> Self {
        Self::sharing(domain, Arc::new(domain.spec(max_steps)), seeds, numbers)
    }

    /// The same for whoever makes several: they share `spec`, which is the domain's own.
    pub fn sharing(domain: &dyn Domain, spec: Arc<Spec>, seeds: Seeds, numbers: Range<u64>) -> Self {
        let envs = (numbers.end - numbers.start) as usize;
        let mut app = App::empty();
        app.add_plugins(SimPlugin { spec, seeds, first_env: numbers.start, envs });
        app.declare_state::<Clock>("clock").declare_state::<Tally>("tally");
        domain.install(&mut app, envs);
        let mut world = std::mem::take(app.main_mut().world_mut());
        snapshot::take_roster(&mut world, envs);
        let mut lane = Self { clocks: world.query(), world, first_env: numbers.start };
        lane.begin();
        lane
    }

    /// Starts the episodes of all envs that are due.
    fn begin(&mut self) {
        self.world.run_schedule(Reset);
        self.world.run_schedule(Refresh);
    }

    /// One tick of every env; envs whose episode ends begin the next one.
    pub fn step(&mut self) {
        self.world.run_schedule(Tick);
        if !self.ports().finished.is_empty() {
            self.begin();
        }
    }

    /// Lets `policy` choose the actions of group `group`.
    ///
    /// # Errors
    /// See [`Policy::act`].
    pub fn act(&mut self, policy: &mut dyn Policy, group: usize) -> Result<()> {
        policy.act(&mut self.world, group)
    }

    /// Addresses of randomness drawn now, one per env.
    pub fn addresses(&mut self) -> impl Iterator<Item = Address> {
        self.clocks.iter(&self.world).map(Clock::address)
    }

    /// Number of envs.
    pub fn envs(&self) -> usize {
        self.ports().envs
    }

    /// Number, within the run, of the first env.
    pub fn first_env(&self) -> u64 {
        self.first_env
    }

    /// Declaration of the domain.
    pub fn spec(&self) -> &Spec {
        &self.world.resource::<Declared>().0
    }

    /// What the envs show.
    pub fn ports(&self) -> &Ports {
        self.world.resource::<Ports>()
    }

    /// The same for writing actions.
    pub fn ports_mut(&mut self) -> &mut Ports {
        self.world.resource_mut::<Ports>().into_inner()
    }

    /// The world itself, for reading entities.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The world itself.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Everything that affects the future of env `slot` of this lane.
    pub fn snapshot(&self, slot: usize) -> Vec<u8> {
        snapshot::save(&self.world, slot)
    }

    /// Puts env `slot` back into a state that [`snapshot`](Self::snapshot) saved, observations included.
    ///
    /// # Errors
    /// The bytes are damaged or of another scenario; the env is then undefined until it is restored from good ones.
    pub fn restore(&mut self, slot: usize, bytes: &[u8]) -> Result<()> {
        snapshot::restore(&mut self.world, slot, bytes)
    }

    /// Derives anew what follows from the state of env `slot`, which was changed by hand; other envs stay as they are.
    ///
    /// # Panics
    /// The lane has no such env.
    pub fn refresh(&mut self, slot: usize) {
        snapshot::refresh(&mut self.world, slot);
    }

    /// Puts env `slot` at the start of its episode number `episode`, counted from 0, as if it had played up to there.
    ///
    /// # Panics
    /// The lane has no such env.
    pub fn begin_episode(&mut self, slot: usize, episode: u64) {
        let empty = Tally::new(self.spec());
        let mut envs = self.world.query_filtered::<(&mut Clock, &mut Tally), With<Env>>();
        let (mut clock, mut tally) = envs.iter_mut(&mut self.world).nth(slot).expect("the lane has this env");
        (clock.episode, clock.tick, *tally) = (episode, 0, empty);
        self.world.resource_mut::<Due>().only(slot);
        self.begin();
    }

    /// Hash of the state of env `slot`.
    pub fn hash(&self, slot: usize) -> u64 {
        snapshot::hash(&self.world, slot)
    }
}

/// The envs of a run, spread over lanes.
pub struct Batch {
    lanes: Vec<Lane>,
    spec: Arc<Spec>,
}

impl Batch {
    /// Envs with the numbers `numbers`, at most `envs_per_world` to a world.
    pub fn new(domain: &dyn Domain, max_steps: u32, seeds: Seeds, numbers: Range<u64>, envs_per_world: usize) -> Self {
        let stride = envs_per_world.max(1);
        let spec = Arc::new(domain.spec(max_steps));
        let starts: Vec<u64> = numbers.clone().step_by(stride).collect();
        let lanes = starts
            .into_par_iter()
            .map(|start| Lane::sharing(domain, spec.clone(), seeds, start..numbers.end.min(start + stride as u64)))
            .collect();
        Self { lanes, spec }
    }

    /// Declaration of the domain.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The lanes, in the order of their envs.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The lanes, in the order of their envs.
    pub fn lanes_mut(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    /// Number of envs.
    pub fn envs(&self) -> usize {
        self.lanes.iter().map(Lane::envs).sum()
    }

    /// One tick of every env, lanes side by side.
    pub fn step(&mut self) {
        self.lanes.par_iter_mut().for_each(Lane::step);
    }

    /// Episodes that ended in the last tick, in the order of their envs.
    pub fn finished(&self) -> impl Iterator<Item = &EpisodeRecord> {
        self.lanes.iter().flat_map(|lane| &lane.ports().finished)
    }

    /// Hash of the state of each env, in order.
    pub fn hashes(&self) -> Vec<u64> {
        self.lanes.iter().flat_map(|lane| (0..lane.envs()).map(|slot| lane.hash(slot))).collect()
    }

    /// Snapshot of each env, in order.
    pub fn snapshots(&self) -> Vec<Vec<u8>> {
        self.lanes.iter().flat_map(|lane| (0..lane.envs()).map(|slot| lane.snapshot(slot))).collect()
    }

    /// Puts every env back.
    ///
    /// # Errors
    /// The number of snapshots differs from the number of envs, or one is damaged.
    pub fn restore(&mut self, snapshots: &[Vec<u8>]) -> Result<()> {
        if snapshots.len() != self.envs() {
            return Err(Error::input(format!("{} snapshots for {} envs", snapshots.len(), self.envs()))
                .hint("resume with the same number of envs"));
        }
        let mut rest = snapshots.iter();
        for lane in &mut self.lanes {
            for slot in 0..lane.envs() {
                let bytes = rest.next().expect("counted above");
                lane.restore(slot, bytes)?;
            }
        }
        Ok(())
    }
}
