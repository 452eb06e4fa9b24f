//! Whose turn it is: the workloads of one env that wait, in the order in which they are tried.
//!
//! The published modes are first come, first served. In mode `full` the more urgent goes first, and a workload that the
//! nodes have declined goes behind all that they have declined less often, so that nobody blocks the way.

use super::{
    components::{Job, NUM_PRIORITIES, Phase},
    model::Model,
};

/// Rows of the workloads that wait; scratch only.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Vec<(u64, u16)>,
}

impl Queue {
    /// Lines up the workloads of an env.
    pub(super) fn gather(&mut self, model: &Model, phases: &[Phase], jobs: &[Job]) {
        self.waiting.clear();
        for (row, phase) in phases.iter().enumerate() {
            if *phase == Phase::Queued {
                self.waiting.push((key(model, &jobs[row]), row as u16));
            }
        }
        self.waiting.sort_unstable();
    }

    /// Rows in the order of their turn.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.waiting.iter().map(|(_, row)| usize::from(*row))
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// How many of those that wait go before `job`.
pub(super) fn num_before<'a>(model: &Model, job: &Job, waiting: impl Iterator<Item = &'a Job>) -> usize {
    let own = key(model, job);
    waiting.filter(|other| key(model, other) < own).count()
}

/// Smaller goes first.
fn key(model: &Model, job: &Job) -> u64 {
    if !model.is_full() {
        return u64::from(job.number);
    }
    let rank = (NUM_PRIORITIES as u8).saturating_sub(job.priority);
    u64::from(job.declined) << 40 | u64::from(rank) << 32 | u64::from(job.number)
}
