//! Nodes fail and are repaired; workloads run, end, give up.

use bevy_ecs::system::{Query, Res, ResMut};

use super::{DRAIN, Model, Outcomes};
use crate::{
    domains::cluster::{
        components::{Cause, Counts, Demand, Health, Job, Machine, Phase, Usage},
        source::until_next,
    },
    sim::{Clock, Purpose, Seeds, column, column_mut},
};

const HEALTH: Purpose = Purpose::new("cluster.health");

/// Part of a tick that rounding may leave of a running time of whole ticks.
const ROUNDING: f32 = 1e-3;

/// Nodes fail, and lose what they run, or are repaired. What is lost waits anew and starts from the beginning.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(in super::super) fn fail(
    model: Res<Model>,
    seeds: Res<Seeds>,
    mut outcomes: ResMut<Outcomes>,
    mut envs: Query<(&Clock, &mut Counts)>,
    mut usage: Query<&mut Usage>,
    mut health: Query<&mut Health>,
    mut phases: Query<&mut Phase>,
    mut jobs: Query<&mut Job>,
) {
    if model.params.mtbf_s <= 0.0 || !model.is_full() {
        return;
    }
    let (usage, health) = (column_mut(&mut usage), column_mut(&mut health));
    let (phases, jobs) = (column_mut(&mut phases), column_mut(&mut jobs));
    for (slot, (clock, mut counts)) in envs.iter_mut().enumerate() {
        let mut stream = None;
        for (node, row) in model.nodes(slot).enumerate() {
            if health[row].changes_at > clock.tick {
                continue;
            }
            let stream = stream.get_or_insert_with(|| seeds.stream(HEALTH, clock.address()));
            let is_down = !health[row].is_down;
            let mean_s = if is_down { model.params.mttr_s } else { model.params.mtbf_s };
            health[row] = Health { is_down, changes_at: clock.tick.saturating_add(until_next(&model, stream, mean_s)) };
            if !is_down {
                continue;
            }
            usage[row] = Usage::default();
            let w = model.workloads(slot);
            for (phase, job) in phases[w.clone()].iter_mut().zip(&mut jobs[w]) {
                if phase.node() == Some(node) {
                    *phase = Phase::Queued;
                    *job = Job { since: clock.tick, was_lost: true, was_too_far: false, declined: 0, ..*job };
                    counts.lost = counts.lost.saturating_add(1);
                    outcomes.success[row] -= f32::from(job.priority);
                }
            }
        }
    }
}

/// Workloads run for a tick and leave when they are done; whoever has waited for too long gives up.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(in super::super) fn go_on(
    model: Res<Model>,
    mut outcomes: ResMut<Outcomes>,
    mut envs: Query<(&Clock, &mut Counts)>,
    machines: Query<&Machine>,
    mut usage: Query<&mut Usage>,
    demands: Query<&Demand>,
    mut phases: Query<&mut Phase>,
    mut jobs: Query<&mut Job>,
) {
    let (machines, usage, demands) = (column(&machines), column_mut(&mut usage), column(&demands));
    if !model.is_full() {
        drain(machines, usage);
        return;
    }
    let (phases, jobs) = (column_mut(&mut phases), column_mut(&mut jobs));
    // A node keeps its present speed for the whole tick, also when workloads leave it meanwhile.
    let is_overcommitted = model.params.cpu_overcommit > 1.0;
    for (slot, (clock, mut counts)) in envs.iter_mut().enumerate() {
        let (n, w) = (model.nodes(slot), model.workloads(slot));
        let usage = &mut usage[n.clone()];
        let machines = &machines[n];
        let speeds: Vec<f32> = if is_overcommitted {
            machines.iter().zip(&*usage).map(|(machine, used)| model.speed(machine, used.0[0])).collect()
        } else {
            Vec::new()
        };
        for row in w {
            match phases[row] {
                Phase::Placed(node) => {
                    let job = &mut jobs[row];
                    let speed = speeds.get(usize::from(node)).copied().unwrap_or(1.0);
                    job.left_s -= model.dt_s * speed;
                    if job.left_s <= ROUNDING * model.dt_s {
                        release(usage, node, &demands[row]);
                        let completed = &mut counts.completed[super::place::rank(job)];
                        *completed = completed.saturating_add(1);
                        (phases[row], job.since) = (Phase::Done(node), clock.tick);
                    }
                }
                Phase::Queued if model.waited_s(&jobs[row], clock.tick.saturating_add(1)) > jobs[row].patience_s => {
                    let cause = cause(&jobs[row]);
                    outcomes.fail(slot, &mut counts, &jobs[row], cause);
                    (phases[row], jobs[row].since) = (Phase::Failed(cause), clock.tick);
                }
                Phase::Queued | Phase::Unused | Phase::Done(_) | Phase::Failed(_) => {}
            }
        }
    }
}

/// Every node gives back a part of each capacity, whatever runs on it: the published system has no running times.
fn drain(machines: &[Machine], usage: &mut [Usage]) {
    for (machine, usage) in machines.iter().zip(usage) {
        for (used, capacity) in usage.0.iter_mut().zip(machine.capacity) {
            *used = (*used - DRAIN * f64::from(capacity)).max(0.0);
        }
    }
}

fn release(usage: &mut [Usage], node: u16, demand: &Demand) {
    if let Some(usage) = usage.get_mut(usize::from(node)) {
        usage.give_back(demand);
    }
}

/// Why a workload was not started in time: what would have saved it comes first.
fn cause(job: &Job) -> Cause {
    if job.was_lost {
        Cause::NodeFailure
    } else if job.was_too_far {
        Cause::Latency
    } else if job.is_of_spike {
        Cause::Spike
    } else {
        Cause::Insufficient
    }
}
