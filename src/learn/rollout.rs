//! Collecting experience: every lane acts, steps and records on its own, lanes side by side.
//!
//! One rollout steps the envs once, whoever learns from it: each group that learns has a [`Rollout`] of its own, and the
//! others are played. Steps are stored lane after lane, within a lane by tick, then env. Which thread collects a lane changes
//! nothing: each writes to its own part, and what is drawn has the env's address.

mod collect;
mod global;
#[cfg(test)]
mod tests;

pub(super) use self::{
    collect::{Actor, Learning, Opponent, Teacher, collect},
    global::GlobalView,
};
use super::gae::{Trajectories, gae};
use crate::{
    error::Result,
    math::moments::RunningMoments,
    policy::{distribution::HybridHead, network::Scratch},
    sim::{Batch, Lane},
};

/// Experience of one group over `num_steps` ticks of every env. A step is one tick of one env.
#[derive(Clone, Debug, Default)]
pub(super) struct Rollout {
    shape: Shape,
    /// Normalised, `[steps, agents, observation]`.
    pub observations: Vec<f32>,
    /// What the critic is shown apart from that, normalised, `[steps, global]`.
    pub global: Vec<f32>,
    /// As [`HybridHead::sample`] stores them, `[steps, agents, stored]`.
    pub stored: Vec<f32>,
    /// `[steps, agents]`.
    pub log_probs: Vec<f32>,
    /// Zero for a forbidden choice, `[steps, agents, logits]`; empty where nothing ever is forbidden.
    pub masks: Vec<f32>,
    /// Whether the action could change anything, `[steps, agents]`.
    pub matters: Vec<bool>,
    /// Whether the agent was there, `[steps, agents]`.
    pub present: Vec<bool>,
    /// `[steps, columns]`: one column per agent, or the mean over the agents that were there as the only one.
    pub rewards: Vec<f32>,
    /// Whether somebody of the column was there and it was the learner who acted for them, `[steps, columns]`. Nothing is
    /// learned from the other steps.
    pub counts: Vec<bool>,
    /// Whether the last of the column left for good after this step, `[steps, columns]`.
    pub left: Vec<bool>,
    /// `[steps]`.
    pub terminated: Vec<bool>,
    /// `[steps]`.
    pub truncated: Vec<bool>,
    /// What the envs show after the last tick, and who is there.
    pub last: Seen,
    /// What was seen at the end of truncated episodes, and by whom.
    pub ends: Seen,
    /// The step at which each of these ended, ascending.
    pub end_steps: Vec<usize>,
    /// What the teacher would have done, as the head stores actions, `[steps, agents, stored]`; empty without one.
    pub labels: Vec<f32>,
    /// Moments of what the critic was shown apart from what agents see, one per block of its view.
    pub global_moments: Vec<RunningMoments>,
    lanes: Vec<LaneRecord>,
}

/// What a group sees at some moments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// Normalised, `[moments, agents, observation]`.
    pub observations: Vec<f32>,
    /// What the critic is shown apart from that, normalised, `[moments, global]`.
    pub global: Vec<f32>,
    /// `[moments, agents]`.
    pub present: Vec<bool>,
}

/// Sizes of a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shape {
    /// Place of the group in the spec.
    pub group: usize,
    pub num_steps: usize,
    pub agents: usize,
    pub observation: usize,
    /// Numbers that the critic is shown of an env apart from what agents see; 0 for one that sees what they see.
    pub global: usize,
    /// Numbers kept of one agent's action.
    pub stored: usize,
    /// Numbers in one agent's mask; 0 where nothing ever is forbidden.
    pub masked: usize,
    pub columns: usize,
    /// Envs of each lane.
    pub lanes: Vec<usize>,
}

/// What a lane keeps for itself while it collects.
#[derive(Clone, Debug, Default)]
struct LaneRecord {
    scratch: Scratch,
    /// Observations of the rows that matter, and the head's outputs for them.
    gathered: (Vec<f32>, Vec<f32>),
    head: Vec<f32>,
    normals: Vec<f32>,
    uniforms: Vec<f32>,
    moments: Option<RunningMoments>,
    global_moments: Vec<RunningMoments>,
    ends: Seen,
    end_steps: Vec<usize>,
}

/// The part of a rollout that one lane writes.
struct Part<'a> {
    labels: &'a mut [f32],
    observations: &'a mut [f32],
    global: &'a mut [f32],
    stored: &'a mut [f32],
    log_probs: &'a mut [f32],
    masks: &'a mut [f32],
    matters: &'a mut [bool],
    present: &'a mut [bool],
    rewards: &'a mut [f32],
    counts: &'a mut [bool],
    left: &'a mut [bool],
    terminated: &'a mut [bool],
    truncated: &'a mut [bool],
    last_observations: &'a mut [f32],
    last_global: &'a mut [f32],
    last_present: &'a mut [bool],
    record: &'a mut LaneRecord,
}

impl Shape {
    pub(super) fn of(batch: &Batch, group: usize, head: &HybridHead, num_steps: usize, is_shared: bool) -> Self {
        let spec = &batch.spec().groups[group];
        Self {
            group,
            num_steps,
            agents: spec.agents,
            observation: spec.observation.len(),
            global: 0,
            stored: head.stored(),
            masked: if spec.is_masked { head.logits() } else { 0 },
            columns: if is_shared { 1 } else { spec.agents },
            lanes: batch.lanes().iter().map(Lane::envs).collect(),
        }
    }

    fn envs(&self) -> usize {
        self.lanes.iter().sum()
    }

    /// Steps in the rollout.
    pub(super) fn steps(&self) -> usize {
        self.num_steps * self.envs()
    }

    /// Agents that a column is the mean of.
    fn per_column(&self) -> usize {
        self.agents / self.columns
    }
}

impl Rollout {
    pub(super) fn new(shape: Shape) -> Self {
        let (steps, rows) = (shape.steps(), shape.steps() * shape.agents);
        let moments = shape.envs() * shape.agents;
        Self {
            observations: vec![0.0; rows * shape.observation],
            global: vec![0.0; steps * shape.global],
            stored: vec![0.0; rows * shape.stored],
            log_probs: vec![0.0; rows],
            masks: vec![0.0; rows * shape.masked],
            matters: vec![true; rows],
            present: vec![true; rows],
            rewards: vec![0.0; steps * shape.columns],
            counts: vec![true; steps * shape.columns],
            left: vec![false; steps * shape.columns],
            terminated: vec![false; steps],
            truncated: vec![false; steps],
            last: Seen {
                observations: vec![0.0; moments * shape.observation],
                global: vec![0.0; shape.envs() * shape.global],
                present: vec![true; moments],
            },
            lanes: vec![LaneRecord::default(); shape.lanes.len()],
            shape,
            ..Self::default()
        }
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether the action of some agent mattered, `[steps]`.
    pub(super) fn acted_on(&self) -> Vec<bool> {
        self.matters.chunks_exact(self.shape.agents).map(|agents| agents.contains(&true)).collect()
    }

    /// Whether there is something to learn from, `[steps]`.
    pub(super) fn is_learned_from(&self) -> Vec<bool> {
        self.counts.chunks_exact(self.shape.columns).map(|columns| columns.contains(&true)).collect()
    }

    /// What the lanes kept for themselves, in their order.
    fn gather(&mut self, moments: &mut RunningMoments) -> Result<()> {
        self.ends = Seen::default();
        self.end_steps.clear();
        self.global_moments.clear();
        let mut first_step = 0;
        for (record, envs) in self.lanes.iter_mut().zip(&self.shape.lanes) {
            self.ends.observations.append(&mut record.ends.observations);
            self.ends.global.append(&mut record.ends.global);
            self.ends.present.append(&mut record.ends.present);
            self.end_steps.extend(record.end_steps.drain(..).map(|step| first_step + step));
            if let Some(seen) = &record.moments {
                moments.merge(seen)?;
            }
            if self.global_moments.is_empty() {
                self.global_moments = std::mem::take(&mut record.global_moments);
            } else {
                let sums = self.global_moments.iter_mut().zip(&record.global_moments);
                sums.into_iter().try_for_each(|(sum, seen)| sum.merge(seen))?;
            }
            first_step += envs * self.shape.num_steps;
        }
        Ok(())
    }

    /// Cuts the rollout into the parts of its lanes.
    fn parts(&mut self) -> Vec<Part<'_>> {
        let Shape { num_steps, agents, observation, global: shown, stored: kept, masked, columns, ref lanes, .. } =
            self.shape;
        let (mut observations, mut stored) = (&mut self.observations[..], &mut self.stored[..]);
        let (mut log_probs, mut masks) = (&mut self.log_probs[..], &mut self.masks[..]);
        let (mut matters, mut present) = (&mut self.matters[..], &mut self.present[..]);
        let (mut rewards, mut counts, mut left) = (&mut self.rewards[..], &mut self.counts[..], &mut self.left[..]);
        let (mut terminated, mut truncated) = (&mut self.terminated[..], &mut self.truncated[..]);
        let (mut last, mut last_present) = (&mut self.last.observations[..], &mut self.last.present[..]);
        let (mut global, mut last_global) = (&mut self.global[..], &mut self.last.global[..]);
        let mut labels = &mut self.labels[..];
        let mut parts = Vec::with_capacity(lanes.len());
        for (envs, record) in lanes.iter().zip(&mut self.lanes) {
            let steps = envs * num_steps;
            let rows = steps * agents;
            let labelled = if labels.is_empty() { 0 } else { rows * kept };
            parts.push(Part {
                labels: cut(&mut labels, labelled),
                observations: cut(&mut observations, rows * observation),
                global: cut(&mut global, steps * shown),
                stored: cut(&mut stored, rows * kept),
                log_probs: cut(&mut log_probs, rows),
                masks: cut(&mut masks, rows * masked),
                matters: cut(&mut matters, rows),
                present: cut(&mut present, rows),
                rewards: cut(&mut rewards, steps * columns),
                counts: cut(&mut counts, steps * columns),
                left: cut(&mut left, steps * columns),
                terminated: cut(&mut terminated, steps),
                truncated: cut(&mut truncated, steps),
                last_observations: cut(&mut last, envs * agents * observation),
                last_global: cut(&mut last_global, envs * shown),
                last_present: cut(&mut last_present, envs * agents),
                record,
            });
        }
        parts
    }

    /// Advantages and returns in the reward's unit, both `[steps, columns]`, from values in that unit: of all steps, of
    /// the envs after the last tick, and of the ends in [`end_steps`](Self::end_steps).
    pub(super) fn advantages(
        &self,
        (values, last_values, ends): (&[f32], &[f32], &[f32]),
        (gamma, gae_lambda): (f32, f32),
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        let columns = self.shape.columns;
        let mut final_values = vec![0.0; values.len()];
        for (step, end) in self.end_steps.iter().zip(ends.chunks_exact(columns)) {
            final_values[step * columns..(step + 1) * columns].copy_from_slice(end);
        }
        let decided: Vec<bool> =
            self.matters.chunks_exact(self.shape.per_column()).map(|agents| agents.contains(&true)).collect();
        let (mut advantages, mut returns) = (vec![0.0; values.len()], vec![0.0; values.len()]);
        let (mut first_step, mut first_env) = (0, 0);
        for envs in &self.shape.lanes {
            let steps = first_step..first_step + envs * self.shape.num_steps;
            let rows = steps.start * columns..steps.end * columns;
            let trajectories = Trajectories {
                envs: *envs,
                rewards: &self.rewards[rows.clone()],
                values: &values[rows.clone()],
                last_values: &last_values[first_env * columns..(first_env + envs) * columns],
                final_values: &final_values[rows.clone()],
                terminated: &self.terminated[steps.clone()],
                truncated: &self.truncated[steps.clone()],
                decided: &decided[rows.clone()],
                left: &self.left[rows.clone()],
            };
            gae(&trajectories, gamma, gae_lambda, &mut advantages[rows.clone()], &mut returns[rows])?;
            (first_step, first_env) = (steps.end, first_env + envs);
        }
        Ok((advantages, returns))
    }
}

fn cut<'a, T>(rest: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let (first, others) = std::mem::take(rest).split_at_mut(count);
    *rest = others;
    first
}

/// None for nothing.
pub(super) fn some_of<T>(numbers: &[T]) -> Option<&[T]> {
    (!numbers.is_empty()).then_some(numbers)
}
