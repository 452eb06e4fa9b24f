//! How long each phase of a tick takes in a displayed env.
//!
//! The simulation knows no clock. Its host may hang one into the schedule, between the phases, where it changes nothing.

use std::time::{Duration, Instant};

use bevy::ecs::{
    resource::Resource,
    schedule::{IntoScheduleConfigs, Schedules},
    system::ResMut,
};

use crate::sim::{Lane, Tick, TickSystems};

/// Phases that are timed, with their names.
pub const PHASES: [&str; 6] = ["act", "move", "sense", "measure", "reward", "observe"];

/// Times of the phases of the last tick.
#[derive(Resource)]
pub(super) struct Stopwatch {
    last: Instant,
    phases: [Duration; PHASES.len()],
}

impl Stopwatch {
    /// Hangs a stopwatch into the schedule of `lane`.
    pub(super) fn install(lane: &mut Lane) {
        use TickSystems::{Act, Begin, Close, Measure, Move, Observe, Reward, Sense};
        let world = lane.world_mut();
        world.insert_resource(Self { last: Instant::now(), phases: [Duration::ZERO; PHASES.len()] });
        let Some(tick) = world.resource_mut::<Schedules>().into_inner().get_mut(Tick) else { return };
        tick.add_systems((
            start.after(Begin).before(Act),
            stop::<0>.after(Act).before(Move),
            stop::<1>.after(Move).before(Sense),
            stop::<2>.after(Sense).before(Measure),
            stop::<3>.after(Measure).before(Reward),
            stop::<4>.after(Reward).before(Observe),
            stop::<5>.after(Observe).before(Close),
        ));
    }

    /// Times of the phases of the last tick, in µs, in the order of [`PHASES`].
    pub(super) fn phases_us(&self) -> [f64; PHASES.len()] {
        self.phases.map(|phase| 1e6 * phase.as_secs_f64())
    }
}

fn start(mut watch: ResMut<Stopwatch>) {
    watch.last = Instant::now();
}

fn stop<const PHASE: usize>(mut watch: ResMut<Stopwatch>) {
    let now = Instant::now();
    watch.phases[PHASE] = now - std::mem::replace(&mut watch.last, now);
}
