//! How long each phase of a tick takes.
//!
//! The simulation knows no clock. Its host may hang one into the schedule, between the phases, where it changes nothing.

use std::time::{Duration, Instant};

use bevy_ecs::{
    resource::Resource,
    schedule::{IntoScheduleConfigs, Schedules},
    system::ResMut,
};

use crate::sim::{Lane, Tick, TickSystems};

/// Phases that are timed, with their names.
pub const PHASES: [&str; 6] = ["act", "move", "sense", "measure", "reward", "observe"];

/// Times of the phases of the ticks since they were last read.
#[derive(Resource)]
pub struct Stopwatch {
    last: Instant,
    phases: [Duration; PHASES.len()],
    ticks: u32,
}

impl Stopwatch {
    /// Hangs a stopwatch into the schedule of `lane`, unless there is one.
    pub fn install(lane: &mut Lane) {
        use TickSystems::{Act, Begin, Close, Measure, Move, Observe, Reward, Sense};
        let world = lane.world_mut();
        if world.contains_resource::<Self>() {
            return;
        }
        world.insert_resource(Self { last: Instant::now(), phases: [Duration::ZERO; PHASES.len()], ticks: 0 });
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

    /// Mean times of the phases of one env in µs, in the order of [`PHASES`], over the ticks of `lanes` since they were
    /// last read; none without a tick.
    pub fn read_us<'a>(lanes: impl IntoIterator<Item = &'a mut Lane>) -> Option<[f64; PHASES.len()]> {
        let (mut sums, mut env_ticks) = ([Duration::ZERO; PHASES.len()], 0.0);
        for lane in lanes {
            let envs = lane.envs();
            let Some(mut watch) = lane.world_mut().get_resource_mut::<Self>() else { continue };
            env_ticks += f64::from(std::mem::take(&mut watch.ticks)) * envs as f64;
            sums.iter_mut().zip(&mut watch.phases).for_each(|(sum, phase)| *sum += std::mem::take(phase));
        }
        (env_ticks > 0.0).then(|| sums.map(|sum| 1e6 * sum.as_secs_f64() / env_ticks))
    }
}

fn start(mut watch: ResMut<Stopwatch>) {
    watch.last = Instant::now();
    watch.ticks += 1;
}

fn stop<const PHASE: usize>(mut watch: ResMut<Stopwatch>) {
    let now = Instant::now();
    let lap = now - std::mem::replace(&mut watch.last, now);
    watch.phases[PHASE] += lap;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{
        domains::jamming::JammingParams,
        sim::{Batch, Seeds},
    };

    #[test]
    fn phases_are_timed_since_they_were_last_read_and_change_nothing() {
        let batch = || Batch::new(&JammingParams::default(), 100, Seeds::new(1), 0..6, 3);
        let (mut timed, mut plain) = (batch(), batch());
        // Twice is as good as once.
        timed.lanes_mut().iter_mut().for_each(Stopwatch::install);
        timed.lanes_mut().iter_mut().for_each(Stopwatch::install);
        assert_eq!(Stopwatch::read_us(timed.lanes_mut()), None);
        (0..20).for_each(|_| [&mut timed, &mut plain].into_iter().for_each(Batch::step));
        let phases = Stopwatch::read_us(timed.lanes_mut()).unwrap();
        assert!(phases.iter().all(|us| (0.0..1e5).contains(us)) && phases[3] > 0.0, "{phases:?}");
        assert_eq!(Stopwatch::read_us(timed.lanes_mut()), None, "read once");
        assert_eq!(Stopwatch::read_us(plain.lanes_mut()), None, "no stopwatch");
        assert_eq!(timed.hashes(), plain.hashes());
    }
}
