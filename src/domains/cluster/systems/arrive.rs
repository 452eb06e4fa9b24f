//! Workloads arrive and find a row of the pool, or are turned away.

use bevy_ecs::system::{Local, Query, Res, ResMut};

use super::Outcomes;
use crate::{
    domains::cluster::{
        components::{Arrivals, Cause, Counts, Demand, Job, Phase},
        model::Model,
        source::{Arriving, Source},
    },
    sim::{Address, Clock, Due, Seeds, column_mut},
};

/// Scratch of both systems.
pub(super) type New = Vec<Arriving>;

/// Workloads arrive in every env.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(in super::super) fn arrive(
    model: Res<Model>,
    source: Res<Source>,
    seeds: Res<Seeds>,
    mut outcomes: ResMut<Outcomes>,
    mut envs: Query<(&Clock, &mut Arrivals, &mut Counts)>,
    mut demands: Query<&mut Demand>,
    mut phases: Query<&mut Phase>,
    mut jobs: Query<&mut Job>,
    mut new: Local<New>,
) {
    let (demands, phases, jobs) = (column_mut(&mut demands), column_mut(&mut phases), column_mut(&mut jobs));
    for (slot, (clock, mut arrivals, mut counts)) in envs.iter_mut().enumerate() {
        new.clear();
        source.draw(&model, &seeds, clock.address(), &mut arrivals, &mut new);
        let w = model.workloads(slot);
        let pool = (&mut demands[w.clone()], &mut phases[w.clone()], &mut jobs[w]);
        for turned_away in admit(clock.tick, &mut arrivals, &new, pool) {
            outcomes.fail(slot, &mut counts, &turned_away, Cause::Insufficient);
        }
    }
}

/// The workloads that are there when an episode begins.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(in super::super) fn arrive_first(
    model: Res<Model>,
    source: Res<Source>,
    seeds: Res<Seeds>,
    due: Res<Due>,
    mut envs: Query<(&Clock, &mut Arrivals)>,
    mut demands: Query<&mut Demand>,
    mut phases: Query<&mut Phase>,
    mut jobs: Query<&mut Job>,
    mut new: Local<New>,
) {
    let (demands, phases, jobs) = (column_mut(&mut demands), column_mut(&mut phases), column_mut(&mut jobs));
    for (slot, (clock, mut arrivals)) in envs.iter_mut().enumerate().filter(|(slot, _)| due.0[*slot]) {
        new.clear();
        source.draw(&model, &seeds, Address { tick: 0, ..clock.address() }, &mut arrivals, &mut new);
        let w = model.workloads(slot);
        // A workload that finds no free row when the episode begins is dropped; it does not count as failed.
        let pool = (&mut demands[w.clone()], &mut phases[w.clone()], &mut jobs[w]);
        admit(0, &mut arrivals, &new, pool).for_each(drop);
    }
}

/// Puts what arrives into free rows of an env's pool; returns whom there is no row for.
fn admit<'a>(
    tick: u32,
    arrivals: &'a mut Arrivals,
    new: &'a [Arriving],
    (demands, phases, jobs): (&'a mut [Demand], &'a mut [Phase], &'a mut [Job]),
) -> impl Iterator<Item = Job> + 'a {
    let mut from = 0;
    new.iter().filter_map(move |workload| {
        let job = Job {
            number: arrivals.count,
            priority: workload.priority,
            since: tick,
            patience_s: workload.patience_s,
            duration_s: workload.duration_s,
            is_of_spike: workload.is_of_spike,
            ..Job::default()
        };
        arrivals.count = arrivals.count.saturating_add(1);
        match phases[from..].iter().position(|phase| phase.is_free()) {
            Some(free) => {
                let row = from + free;
                (demands[row], phases[row], jobs[row]) = (workload.demand, Phase::Queued, job);
                from = row + 1;
                None
            }
            None => {
                from = phases.len();
                Some(job)
            }
        }
    })
}
