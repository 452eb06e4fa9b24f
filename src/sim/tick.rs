//! The clock of an env and the phases of a tick.
//!
//! A domain hangs its systems into the three schedules below. `sim` owns the first and the last phase of a tick: it
//! advances the clocks, totals rewards, keeps the tallies and decides which episodes are over.

use std::sync::Arc;

use bevy_app::{App, Plugin};
use bevy_ecs::{
    component::Component,
    query::With,
    resource::Resource,
    schedule::{
        IntoScheduleConfigs, LogLevel, Schedule, ScheduleBuildSettings, ScheduleLabel, SingleThreadedExecutor,
        SystemSet,
    },
    system::{Query, Res, ResMut},
};

use super::{
    ports::{Ports, Tally},
    seeds::{Address, Seeds},
    spec::Spec,
};

/// One step of every env of the world.
#[derive(ScheduleLabel, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tick;

/// Puts the envs that are [`Due`] at the start of a new episode.
#[derive(ScheduleLabel, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reset;

/// Derives anew, for the envs that are [`Due`], what follows from their state, observations included.
#[derive(ScheduleLabel, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refresh;

/// The phases of [`Tick`], in this order.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TickSystems {
    /// Clocks advance.
    Begin,
    /// Actions take effect on the agents.
    Act,
    /// Everything moves.
    Move,
    /// Agents update what they believe of the others and of their part.
    Sense,
    /// The state is measured.
    Measure,
    /// Reward terms are paid into the ports.
    Reward,
    /// Observations are written into the ports.
    Observe,
    /// Rewards are totalled, tallies kept, ends of episodes decided.
    Close,
}

/// Index of the env within its world that an entity belongs to; 0-based.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvSlot(pub u32);

/// Marks the one entity that stands for an env as a whole and carries its state.
#[derive(Component, Clone, Copy, Debug)]
pub struct Env;

/// Where an env is in its life.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Clock {
    /// Number of the env within the run.
    pub env: u64,
    /// Episodes finished.
    pub episode: u64,
    /// Ticks since the episode began.
    pub tick: u32,
}

impl Clock {
    /// The address of randomness drawn now.
    pub fn address(&self) -> Address {
        Address { env: self.env, episode: self.episode, tick: self.tick }
    }
}

/// Which envs of the world a schedule is about, `[envs]`: those that begin an episode in a [`Reset`], those whose state is
/// another in a [`Refresh`], and all of them in a [`Tick`]. So one system can derive something in both of the latter.
#[derive(Resource, Clone, Debug)]
pub struct Due(pub Vec<bool>);

impl Due {
    /// Makes the env at `slot` the only one that is due.
    pub(super) fn only(&mut self, slot: usize) {
        self.0.fill(false);
        self.0[slot] = true;
    }
}

/// The declaration of the world's domain, which worlds of one scenario share.
#[derive(Resource, Clone, Debug)]
pub struct Declared(pub Arc<Spec>);

/// The vocabulary of `sim` in a Bevy app: schedules, phases, clocks and ports for `envs` envs.
pub struct SimPlugin {
    /// Declaration of the domain.
    pub spec: Arc<Spec>,
    /// Streams of the run.
    pub seeds: Seeds,
    /// Number, within the run, of the first env.
    pub first_env: u64,
    /// Envs in this world.
    pub envs: usize,
}

impl Plugin for SimPlugin {
    fn build(&self, app: &mut App) {
        use TickSystems::{Act, Begin, Close, Measure, Move, Observe, Reward, Sense};
        let mut tick = Schedule::new(Tick);
        tick.configure_sets((Begin, Act, Move, Sense, Measure, Reward, Observe, Close).chain());
        tick.add_systems((advance_clocks.in_set(Begin), close_tick.in_set(Close)));
        // Parallelism is across worlds; inside one the systems are far too small to be worth a thread.
        // Two systems that touch the same and of which nobody said who goes first are an error in tests.
        let ambiguity_detection = if cfg!(debug_assertions) { LogLevel::Error } else { LogLevel::Ignore };
        for mut schedule in [tick, Schedule::new(Reset), Schedule::new(Refresh)] {
            schedule.set_build_settings(ScheduleBuildSettings { ambiguity_detection, ..Default::default() });
            schedule.set_executor(SingleThreadedExecutor::new());
            app.add_schedule(schedule);
        }
        app.insert_resource(Ports::new(&self.spec, self.envs))
            .insert_resource(Due(vec![true; self.envs]))
            .insert_resource(Declared(self.spec.clone()))
            .insert_resource(self.seeds);
        let (first, tally) = (self.first_env, Tally::new(&self.spec));
        app.world_mut().spawn_batch((0..self.envs as u32).map(move |slot| {
            let clock = Clock { env: first + u64::from(slot), episode: 0, tick: 0 };
            (Env, EnvSlot(slot), clock, tally.clone())
        }));
    }
}

fn advance_clocks(mut clocks: Query<&mut Clock>, mut ports: ResMut<Ports>, mut due: ResMut<Due>) {
    due.0.fill(true);
    for group in &mut ports.groups {
        group.acted.copy_from_slice(&group.present);
    }
    for mut clock in &mut clocks {
        // A clock that was read from a file may say anything.
        clock.tick = clock.tick.saturating_add(1);
    }
}

fn close_tick(
    declared: Res<Declared>,
    mut ports: ResMut<Ports>,
    mut due: ResMut<Due>,
    mut envs: Query<(&mut Clock, &mut Tally), With<Env>>,
) {
    let (spec, ports) = (&declared.0, &mut *ports);
    for (group, declared) in ports.groups.iter_mut().zip(&spec.groups) {
        group.total_rewards(declared.reward_clip);
    }
    ports.finished.clear();
    for (slot, (mut clock, mut tally)) in envs.iter_mut().enumerate() {
        tally.add(spec, ports, slot);
        ports.truncated[slot] = !ports.terminated[slot] && clock.tick >= spec.max_steps;
        let over = ports.terminated[slot] || ports.truncated[slot];
        due.0[slot] = over;
        if over {
            let record = tally.finish(spec, clock.env, clock.episode, clock.tick, ports.stratum[slot]);
            ports.finished.push(record);
            clock.episode = clock.episode.saturating_add(1);
            clock.tick = 0;
            ports.groups.iter_mut().for_each(|group| group.keep_end(slot));
            let state = slot * spec.state.len()..(slot + 1) * spec.state.len();
            ports.final_state[state.clone()].copy_from_slice(&ports.state[state]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise the order, and with it the result, would be a matter of chance.
    #[test]
    #[should_panic(expected = "initializing schedule")]
    fn two_systems_that_write_the_same_and_have_no_order_are_refused() {
        let spec = Spec { groups: vec![], metrics: vec![], stratum: None, state: vec![], max_steps: 1 };
        let mut app = App::empty();
        app.add_plugins(SimPlugin { spec: Arc::new(spec), seeds: Seeds::new(1), first_env: 0, envs: 1 });
        let write = || |mut ports: ResMut<Ports>| ports.envs += 1;
        app.add_systems(Tick, (write().in_set(TickSystems::Move), write().in_set(TickSystems::Move)));
        app.main_mut().world_mut().run_schedule(Tick);
    }
}
