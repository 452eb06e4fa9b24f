//! Collecting experience: every lane acts, steps and records on its own, lanes side by side.
//!
//! Steps are stored lane after lane, within a lane by tick, then env. Which thread collects a lane changes nothing: each
//! writes to its own part, and what is drawn has the env's address.

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use super::gae::{Trajectories, gae};
use crate::{
    error::Result,
    math::moments::RunningMoments,
    policy::{
        distribution::{HeadRows, HybridHead, Noise},
        network::{Network, Scratch},
    },
    priority::give_way,
    sim::{Batch, EpisodeRecord, Lane, Policy, Purpose, Seeds},
};

const ACTION: Purpose = Purpose::new("learn.action");

/// Experience of `num_steps` ticks of every env. A step is one tick of one env.
#[derive(Clone, Debug, Default)]
pub(super) struct Rollout {
    shape: Shape,
    /// Normalised, `[steps, agents, observation]`.
    pub observations: Vec<f32>,
    /// As [`HybridHead::sample`] stores them, `[steps, agents, stored]`.
    pub stored: Vec<f32>,
    /// `[steps, agents]`.
    pub log_probs: Vec<f32>,
    /// Whether the action could change anything, `[steps, agents]`.
    pub matters: Vec<bool>,
    /// `[steps, columns]`: one column per agent, or the mean over agents as the only one.
    pub rewards: Vec<f32>,
    /// `[steps]`.
    pub terminated: Vec<bool>,
    /// `[steps]`.
    pub truncated: Vec<bool>,
    /// What the envs show after the last tick, normalised, `[envs, agents, observation]`.
    pub last_observations: Vec<f32>,
    /// What was seen at the end of truncated episodes, normalised, `[ends, agents, observation]`.
    pub final_observations: Vec<f32>,
    /// The step at which each of these ended, ascending.
    pub final_steps: Vec<usize>,
    /// Episodes that ended, by lane, then by tick.
    pub records: Vec<EpisodeRecord>,
    /// What the teacher would have done, as the head stores actions, `[steps, agents, stored]`; empty without one.
    pub labels: Vec<f32>,
    lanes: Vec<LaneRecord>,
}

/// Sizes of a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shape {
    pub num_steps: usize,
    pub agents: usize,
    pub observation: usize,
    /// Numbers kept of one agent's action.
    pub stored: usize,
    pub columns: usize,
    /// Envs of each lane.
    pub lanes: Vec<usize>,
}

/// What a lane keeps for itself while it collects.
#[derive(Clone, Debug, Default)]
struct LaneRecord {
    scratch: Scratch,
    head: Vec<f32>,
    normals: Vec<f32>,
    uniforms: Vec<f32>,
    moments: Option<RunningMoments>,
    final_observations: Vec<f32>,
    final_steps: Vec<usize>,
    records: Vec<EpisodeRecord>,
}

/// The part of a rollout that one lane writes.
struct Part<'a> {
    labels: &'a mut [f32],
    observations: &'a mut [f32],
    stored: &'a mut [f32],
    log_probs: &'a mut [f32],
    matters: &'a mut [bool],
    rewards: &'a mut [f32],
    terminated: &'a mut [bool],
    truncated: &'a mut [bool],
    last_observations: &'a mut [f32],
    record: &'a mut LaneRecord,
}

/// What acts during a rollout.
#[derive(Clone, Copy)]
pub(super) struct Actor<'a> {
    pub network: &'a Network,
    pub head: &'a HybridHead,
    pub seeds: Seeds,
    pub teacher: Option<Teacher<'a>>,
}

/// Who labels the states of a rollout with what it would do.
#[derive(Clone, Copy)]
pub(super) struct Teacher<'a> {
    pub policy: &'a dyn Policy,
    /// Whether its actions are also the ones played.
    pub plays: bool,
}

impl Shape {
    pub(super) fn of(batch: &Batch, head: &HybridHead, num_steps: usize, is_shared: bool) -> Self {
        let group = &batch.spec().groups[0];
        Self {
            num_steps,
            agents: group.agents,
            observation: group.observation.len(),
            stored: head.stored(),
            columns: if is_shared { 1 } else { group.agents },
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
}

impl Rollout {
    pub(super) fn new(shape: Shape) -> Self {
        let (steps, agents) = (shape.steps(), shape.agents);
        Self {
            observations: vec![0.0; steps * agents * shape.observation],
            stored: vec![0.0; steps * agents * shape.stored],
            log_probs: vec![0.0; steps * agents],
            matters: vec![true; steps * agents],
            rewards: vec![0.0; steps * shape.columns],
            terminated: vec![false; steps],
            truncated: vec![false; steps],
            last_observations: vec![0.0; shape.envs() * agents * shape.observation],
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

    /// Fills the rollout and adds the observations as they were seen to `moments`.
    pub(super) fn collect(&mut self, batch: &mut Batch, actor: Actor<'_>, moments: &mut RunningMoments) -> Result<()> {
        let shape = self.shape.clone();
        self.labels.resize(if actor.teacher.is_some() { self.stored.len() } else { 0 }, 0.0);
        let parts = self.parts();
        let lanes = batch.lanes_mut().par_iter_mut();
        lanes.zip(parts).map(|(lane, part)| collect_lane(lane, &shape, actor, part)).collect::<Result<Vec<()>>>()?;

        self.final_observations.clear();
        self.final_steps.clear();
        self.records.clear();
        let mut first_step = 0;
        for (record, envs) in self.lanes.iter_mut().zip(&shape.lanes) {
            self.final_observations.append(&mut record.final_observations);
            self.final_steps.extend(record.final_steps.drain(..).map(|step| first_step + step));
            self.records.append(&mut record.records);
            if let Some(seen) = &record.moments {
                moments.merge(seen)?;
            }
            first_step += envs * shape.num_steps;
        }
        Ok(())
    }

    /// Cuts the rollout into the parts of its lanes.
    fn parts(&mut self) -> Vec<Part<'_>> {
        let Shape { num_steps, agents, observation, stored: kept, columns, ref lanes } = self.shape;
        let (mut observations, mut stored) = (&mut self.observations[..], &mut self.stored[..]);
        let (mut log_probs, mut rewards) = (&mut self.log_probs[..], &mut self.rewards[..]);
        let (mut terminated, mut truncated) = (&mut self.terminated[..], &mut self.truncated[..]);
        let (mut last_observations, mut labels) = (&mut self.last_observations[..], &mut self.labels[..]);
        let mut matters = &mut self.matters[..];
        let mut parts = Vec::with_capacity(lanes.len());
        for (envs, record) in lanes.iter().zip(&mut self.lanes) {
            let steps = envs * num_steps;
            let labelled = if labels.is_empty() { 0 } else { steps * agents * kept };
            parts.push(Part {
                labels: cut(&mut labels, labelled),
                observations: cut(&mut observations, steps * agents * observation),
                stored: cut(&mut stored, steps * agents * kept),
                log_probs: cut(&mut log_probs, steps * agents),
                matters: cut(&mut matters, steps * agents),
                rewards: cut(&mut rewards, steps * columns),
                terminated: cut(&mut terminated, steps),
                truncated: cut(&mut truncated, steps),
                last_observations: cut(&mut last_observations, envs * agents * observation),
                record,
            });
        }
        parts
    }

    /// Advantages and returns in the reward's unit, both `[steps, columns]`, from values in that unit: of all steps, of
    /// the envs after the last tick, and of the ends in [`final_steps`](Self::final_steps).
    pub(super) fn advantages(
        &self,
        (values, last_values, ends): (&[f32], &[f32], &[f32]),
        (gamma, gae_lambda): (f32, f32),
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        let columns = self.shape.columns;
        let mut final_values = vec![0.0; values.len()];
        for (step, end) in self.final_steps.iter().zip(ends.chunks_exact(columns)) {
            final_values[step * columns..(step + 1) * columns].copy_from_slice(end);
        }
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

fn collect_lane(lane: &mut Lane, shape: &Shape, actor: Actor<'_>, mut part: Part<'_>) -> Result<()> {
    let envs = lane.envs();
    part.record.moments = Some(RunningMoments::new(shape.observation));
    // A teacher's memory ends with the rollout, so that a resumed run meets the same teacher.
    let mut teacher = actor.teacher.map(|teacher| (teacher.policy.fork(), teacher.plays));
    for tick in 0..shape.num_steps {
        give_way();
        let steps = tick * envs..(tick + 1) * envs;
        act(lane, shape, actor, &mut part, steps.clone())?;
        if let Some((teacher, plays)) = &mut teacher {
            let labels = steps.start * shape.agents * shape.stored..steps.end * shape.agents * shape.stored;
            label(lane, &mut **teacher, *plays, actor.head, &mut part.labels[labels])?;
        }
        lane.step();
        let ports = lane.ports();
        part.terminated[steps.clone()].copy_from_slice(&ports.terminated);
        part.truncated[steps.clone()].copy_from_slice(&ports.truncated);
        let rewards = &mut part.rewards[steps.start * shape.columns..steps.end * shape.columns];
        let per_column = shape.agents / shape.columns;
        for (column, agents) in rewards.iter_mut().zip(ports.groups[0].rewards.chunks_exact(per_column)) {
            *column = agents.iter().sum::<f32>() / per_column as f32;
        }
        keep_ends(shape, actor, &mut part, steps.start, ports);
    }
    actor.network.normalise(&lane.ports().groups[0].observations, part.last_observations);
    Ok(())
}

/// Samples the actions of the steps `steps`, one per env of the lane.
fn act(
    lane: &mut Lane,
    shape: &Shape,
    actor: Actor<'_>,
    part: &mut Part<'_>,
    steps: std::ops::Range<usize>,
) -> Result<()> {
    let Shape { agents, observation, stored, .. } = *shape;
    let rows = steps.start * agents..steps.end * agents;
    let LaneRecord { scratch, head, normals, uniforms, moments, .. } = &mut *part.record;
    normals.clear();
    uniforms.clear();
    for address in lane.addresses() {
        let mut stream = actor.seeds.stream(ACTION, address);
        for _ in 0..agents {
            normals.extend((0..actor.head.continuous()).map(|_| stream.normal()));
            uniforms.extend((0..actor.head.discrete()).map(|_| stream.unit()));
        }
    }
    let port = &mut lane.ports_mut().groups[0];
    if let Some(moments) = moments {
        moments.update(&port.observations)?;
    }
    part.matters[rows.clone()].copy_from_slice(&port.matters);
    let observations = &mut part.observations[rows.start * observation..rows.end * observation];
    actor.network.normalise(&port.observations, observations);
    head.resize(rows.len() * actor.head.head(), 0.0);
    actor.network.forward_normalised(observations, head, scratch);
    actor.head.sample(
        HeadRows { head, log_std: actor.network.log_std(), masks: None },
        Noise { normals, uniforms },
        &mut part.stored[rows.start * stored..rows.end * stored],
        &mut port.actions,
        &mut part.log_probs[rows],
    );
    Ok(())
}

/// Writes what the teacher would do; the actions chosen so far are played unless it plays itself.
fn label(lane: &mut Lane, teacher: &mut dyn Policy, plays: bool, head: &HybridHead, labels: &mut [f32]) -> Result<()> {
    let chosen = lane.ports().groups[0].actions.clone();
    lane.act(teacher, 0)?;
    let actions = &mut lane.ports_mut().groups[0].actions;
    head.unsquash(actions, labels);
    if !plays {
        actions.copy_from_slice(&chosen);
    }
    Ok(())
}

/// Keeps what was seen at the end of truncated episodes, and the records of all that ended.
fn keep_ends(shape: &Shape, actor: Actor<'_>, part: &mut Part<'_>, first_step: usize, ports: &crate::sim::Ports) {
    let record = &mut *part.record;
    record.records.extend_from_slice(&ports.finished);
    let width = shape.agents * shape.observation;
    for (env, _) in ports.truncated.iter().enumerate().filter(|(_, truncated)| **truncated) {
        record.final_steps.push(first_step + env);
        let at = record.final_observations.len();
        record.final_observations.resize(at + width, 0.0);
        let seen = &ports.groups[0].final_observations[env * width..(env + 1) * width];
        actor.network.normalise(seen, &mut record.final_observations[at..]);
    }
}
