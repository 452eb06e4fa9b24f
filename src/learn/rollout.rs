//! Collecting experience: every lane acts, steps and records on its own, lanes side by side.
//!
//! One rollout steps the envs once, whoever learns from it: each group that learns has a [`Rollout`] of its own, and the
//! others are played. Steps are stored lane after lane, within a lane by tick, then env. Which thread collects a lane changes
//! nothing: each writes to its own part, and what is drawn has the env's address.

#[cfg(test)]
mod tests;

use std::ops::Range;

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
    sim::{Batch, EpisodeRecord, GroupPort, Lane, Policy, Ports, Purpose, Seeds},
};

const ACTION: Purpose = Purpose::new("learn.action");

/// Experience of one group over `num_steps` ticks of every env. A step is one tick of one env.
#[derive(Clone, Debug, Default)]
pub(super) struct Rollout {
    shape: Shape,
    /// Normalised, `[steps, agents, observation]`.
    pub observations: Vec<f32>,
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
    lanes: Vec<LaneRecord>,
}

/// What a group sees at some moments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// Normalised, `[moments, agents, observation]`.
    pub observations: Vec<f32>,
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
    ends: Seen,
    end_steps: Vec<usize>,
}

/// The part of a rollout that one lane writes.
struct Part<'a> {
    labels: &'a mut [f32],
    observations: &'a mut [f32],
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
    last_present: &'a mut [bool],
    record: &'a mut LaneRecord,
}

/// What acts for a group during a rollout.
pub(super) struct Actor<'a> {
    pub network: &'a Network,
    pub head: &'a HybridHead,
    pub seeds: Seeds,
    pub teacher: Option<Teacher<'a>>,
    /// For each lane, what acts instead of the network and is not learned from; empty without any.
    pub stand_ins: Vec<Option<&'a Network>>,
}

/// Who labels the states of a rollout with what it would do.
#[derive(Clone, Copy)]
pub(super) struct Teacher<'a> {
    pub policy: &'a dyn Policy,
    /// Whether its actions are also the ones played.
    pub plays: bool,
}

/// A group that learns.
pub(super) struct Learning<'a> {
    pub rollout: &'a mut Rollout,
    pub actor: Actor<'a>,
    /// Moments of what it observes, which this rollout adds to.
    pub moments: &'a mut RunningMoments,
}

/// A group that is played.
#[derive(Clone, Copy)]
pub(super) struct Opponent<'a> {
    /// Place of the group in the spec.
    pub group: usize,
    pub policy: &'a dyn Policy,
}

/// A group that learns, in one lane.
struct Player<'a> {
    shape: &'a Shape,
    actor: &'a Actor<'a>,
    /// What acts in this lane.
    network: &'a Network,
    part: Part<'a>,
}

impl Shape {
    pub(super) fn of(batch: &Batch, group: usize, head: &HybridHead, num_steps: usize, is_shared: bool) -> Self {
        let spec = &batch.spec().groups[group];
        Self {
            group,
            num_steps,
            agents: spec.agents,
            observation: spec.observation.len(),
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

/// Plays `num_steps` ticks of every env of `batch`: fills the rollouts of the groups that learn, and lets `opponents` act for the
/// others. Returns the episodes that ended, by lane, then by tick.
///
/// # Errors
/// Observations that are not finite, a mask that forbids everything, or a policy that cannot act.
pub(super) fn collect(
    batch: &mut Batch,
    learning: &mut [Learning<'_>],
    opponents: &[Opponent<'_>],
) -> Result<Vec<EpisodeRecord>> {
    let shapes: Vec<Shape> = learning.iter().map(|learning| learning.rollout.shape.clone()).collect();
    let mut players: Vec<Vec<Player<'_>>> = batch.lanes().iter().map(|_| Vec::new()).collect();
    for (Learning { rollout, actor, .. }, shape) in learning.iter_mut().zip(&shapes) {
        rollout.labels.resize(if actor.teacher.is_some() { rollout.stored.len() } else { 0 }, 0.0);
        for (index, (players, part)) in players.iter_mut().zip(rollout.parts()).enumerate() {
            let network = actor.stand_ins.get(index).copied().flatten().unwrap_or(actor.network);
            players.push(Player { shape, actor, network, part });
        }
    }
    let lanes = batch.lanes_mut().par_iter_mut().zip(players);
    let records = lanes.map(|(lane, players)| collect_lane(lane, players, opponents)).collect::<Result<Vec<_>>>()?;
    for Learning { rollout, moments, .. } in learning {
        rollout.gather(moments)?;
    }
    Ok(records.concat())
}

impl Rollout {
    pub(super) fn new(shape: Shape) -> Self {
        let (steps, rows) = (shape.steps(), shape.steps() * shape.agents);
        let moments = shape.envs() * shape.agents;
        Self {
            observations: vec![0.0; rows * shape.observation],
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
            last: Seen { observations: vec![0.0; moments * shape.observation], present: vec![true; moments] },
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
        let mut first_step = 0;
        for (record, envs) in self.lanes.iter_mut().zip(&self.shape.lanes) {
            self.ends.observations.append(&mut record.ends.observations);
            self.ends.present.append(&mut record.ends.present);
            self.end_steps.extend(record.end_steps.drain(..).map(|step| first_step + step));
            if let Some(seen) = &record.moments {
                moments.merge(seen)?;
            }
            first_step += envs * self.shape.num_steps;
        }
        Ok(())
    }

    /// Cuts the rollout into the parts of its lanes.
    fn parts(&mut self) -> Vec<Part<'_>> {
        let Shape { num_steps, agents, observation, stored: kept, masked, columns, ref lanes, .. } = self.shape;
        let (mut observations, mut stored) = (&mut self.observations[..], &mut self.stored[..]);
        let (mut log_probs, mut masks) = (&mut self.log_probs[..], &mut self.masks[..]);
        let (mut matters, mut present) = (&mut self.matters[..], &mut self.present[..]);
        let (mut rewards, mut counts, mut left) = (&mut self.rewards[..], &mut self.counts[..], &mut self.left[..]);
        let (mut terminated, mut truncated) = (&mut self.terminated[..], &mut self.truncated[..]);
        let (mut last, mut last_present) = (&mut self.last.observations[..], &mut self.last.present[..]);
        let mut labels = &mut self.labels[..];
        let mut parts = Vec::with_capacity(lanes.len());
        for (envs, record) in lanes.iter().zip(&mut self.lanes) {
            let steps = envs * num_steps;
            let rows = steps * agents;
            let labelled = if labels.is_empty() { 0 } else { rows * kept };
            parts.push(Part {
                labels: cut(&mut labels, labelled),
                observations: cut(&mut observations, rows * observation),
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

fn collect_lane(
    lane: &mut Lane,
    mut players: Vec<Player<'_>>,
    opponents: &[Opponent<'_>],
) -> Result<Vec<EpisodeRecord>> {
    let envs = lane.envs();
    let num_steps = players.first().map_or(0, |player| player.shape.num_steps);
    // The memory of who is not trained ends with the rollout, so that a resumed run meets the same teachers and opponents.
    let mut opponents: Vec<_> = opponents.iter().map(|opponent| (opponent.group, opponent.policy.fork())).collect();
    let mut teachers: Vec<_> = players
        .iter_mut()
        .map(|player| {
            player.part.record.moments = Some(RunningMoments::new(player.shape.observation));
            player.actor.teacher.map(|teacher| (teacher.policy.fork(), teacher.plays))
        })
        .collect();
    let mut records = Vec::new();
    for tick in 0..num_steps {
        give_way();
        let steps = tick * envs..(tick + 1) * envs;
        for (player, teacher) in players.iter_mut().zip(&mut teachers) {
            player.act(lane, steps.clone())?;
            if let Some((teacher, plays)) = teacher {
                player.label(lane, &mut **teacher, *plays, steps.clone())?;
            }
        }
        for (group, opponent) in &mut opponents {
            lane.act(&mut **opponent, *group)?;
        }
        lane.step();
        let ports = lane.ports();
        records.extend_from_slice(&ports.finished);
        for player in &mut players {
            player.keep(ports, steps.clone());
            player.keep_ends(ports, steps.start);
        }
    }
    for Player { shape, actor, part, .. } in &mut players {
        let port = &lane.ports().groups[shape.group];
        actor.network.normalise(&port.observations, part.last_observations);
        part.last_present.copy_from_slice(&port.present);
    }
    Ok(records)
}

impl Player<'_> {
    /// Samples the actions of the steps `steps`, one per env of the lane.
    fn act(&mut self, lane: &mut Lane, steps: Range<usize>) -> Result<()> {
        let Shape { group, agents, observation, stored, masked, .. } = *self.shape;
        let rows = steps.start * agents..steps.end * agents;
        let (head, part) = (self.actor.head, &mut self.part);
        let record = &mut *part.record;
        record.normals.clear();
        record.uniforms.clear();
        // Each group draws for itself.
        let purpose = ACTION.of(group as u64);
        for address in lane.addresses() {
            let mut stream = self.actor.seeds.stream(purpose, address);
            for _ in 0..agents {
                record.normals.extend((0..head.continuous()).map(|_| stream.normal()));
                record.uniforms.extend((0..head.discrete()).map(|_| stream.unit()));
            }
        }
        let port = &mut lane.ports_mut().groups[group];
        if let Some(moments) = &mut record.moments {
            update_moments(moments, port)?;
        }
        part.present[rows.clone()].copy_from_slice(&port.present);
        let matters = &mut part.matters[rows.clone()];
        for ((matters, own), present) in matters.iter_mut().zip(&port.matters).zip(&port.present) {
            *matters = *own && *present;
        }
        let masks = &mut part.masks[rows.start * masked..rows.end * masked];
        head.spread_masks(&port.masks, port.num_choices, masks)?;
        let observations = &mut part.observations[rows.start * observation..rows.end * observation];
        self.network.normalise(&port.observations, observations);
        infer(self.network, observations, matters, record, head.head());
        head.sample(
            HeadRows { head: &record.head, log_std: self.network.log_std(), masks: some_of(masks) },
            Noise { normals: &record.normals, uniforms: &record.uniforms },
            &mut part.stored[rows.start * stored..rows.end * stored],
            &mut port.actions,
            &mut part.log_probs[rows],
        );
        Ok(())
    }

    /// Writes what the teacher would do; the actions chosen so far are played unless it plays itself.
    fn label(&mut self, lane: &mut Lane, teacher: &mut dyn Policy, plays: bool, steps: Range<usize>) -> Result<()> {
        let Shape { group, agents, stored, masked, .. } = *self.shape;
        let rows = steps.start * agents..steps.end * agents;
        let chosen = lane.ports().groups[group].actions.clone();
        lane.act(teacher, group)?;
        let actions = &mut lane.ports_mut().groups[group].actions;
        let labels = rows.start * stored..rows.end * stored;
        let head = self.actor.head;
        head.unsquash(actions, &mut self.part.labels[labels.clone()]);
        if masked > 0 {
            let masks = self.part.masks[rows.start * masked..rows.end * masked].chunks_exact(masked);
            let labels = self.part.labels[labels].chunks_exact(stored).zip(masks);
            for (matters, (label, mask)) in self.part.matters[rows].iter_mut().zip(labels) {
                // What is forbidden is nothing to learn.
                *matters &= head.allows(label, mask);
            }
        }
        if !plays {
            actions.copy_from_slice(&chosen);
        }
        Ok(())
    }

    /// Keeps what came of the steps `steps`.
    fn keep(&mut self, ports: &Ports, steps: Range<usize>) {
        let (part, port, shape) = (&mut self.part, &ports.groups[self.shape.group], self.shape);
        part.terminated[steps.clone()].copy_from_slice(&ports.terminated);
        part.truncated[steps.clone()].copy_from_slice(&ports.truncated);
        let is_learner = std::ptr::eq(self.network, self.actor.network);
        let per_column = shape.per_column();
        let columns = steps.start * shape.columns..steps.end * shape.columns;
        let (rewards, acted) = (port.rewards.chunks_exact(per_column), port.acted.chunks_exact(per_column));
        let kept = part.rewards[columns.clone()].iter_mut().zip(&mut part.counts[columns.clone()]);
        for ((reward, counts), (paid, acted)) in kept.zip(rewards.zip(acted)) {
            let num_acted = acted.iter().filter(|acted| **acted).count();
            let sum: f32 = paid.iter().zip(acted).filter(|(_, acted)| **acted).map(|(paid, _)| paid).sum();
            *reward = sum / num_acted.max(1) as f32;
            *counts = is_learner && num_acted > 0;
        }
        let acted = port.acted.chunks_exact(per_column).zip(0..);
        for (left, (acted, column)) in part.left[columns].iter_mut().zip(acted) {
            let env = column / shape.columns;
            let is_over = ports.terminated[env] || ports.truncated[env];
            let after = if is_over { &port.final_present } else { &port.present };
            let remain = &after[column * per_column..(column + 1) * per_column];
            *left = acted.contains(&true) && !remain.contains(&true);
        }
    }

    /// Keeps what was seen at the end of truncated episodes.
    fn keep_ends(&mut self, ports: &Ports, first_step: usize) {
        let (record, port) = (&mut *self.part.record, &ports.groups[self.shape.group]);
        let Shape { agents, observation, .. } = *self.shape;
        for (env, _) in ports.truncated.iter().enumerate().filter(|(_, truncated)| **truncated) {
            record.end_steps.push(first_step + env);
            let at = record.ends.observations.len();
            record.ends.observations.resize(at + agents * observation, 0.0);
            let seen = &port.final_observations[env * agents * observation..(env + 1) * agents * observation];
            self.actor.network.normalise(seen, &mut record.ends.observations[at..]);
            record.ends.present.extend_from_slice(&port.final_present[env * agents..(env + 1) * agents]);
        }
    }
}

/// Adds what those see who are there.
fn update_moments(moments: &mut RunningMoments, port: &GroupPort) -> Result<()> {
    if port.present.contains(&false) {
        let rows = port.observations.chunks_exact(port.observation_width).zip(&port.present);
        let seen: Vec<f32> = rows.filter(|(_, present)| **present).flat_map(|(row, _)| row).copied().collect();
        return moments.update(&seen);
    }
    moments.update(&port.observations)
}

/// Writes the head's outputs, `[rows, head]`; those of rows that do not matter cost nothing and are 0.
fn infer(network: &Network, observations: &[f32], matters: &[bool], record: &mut LaneRecord, width: usize) {
    let LaneRecord { scratch, gathered: (seen, heads), head, .. } = record;
    head.resize(matters.len() * width, 0.0);
    if !matters.contains(&false) {
        return network.forward_normalised(observations, head, scratch);
    }
    let observation = observations.len() / matters.len();
    let rows = observations.chunks_exact(observation).zip(matters).filter(|(_, matters)| **matters);
    seen.clear();
    rows.for_each(|(row, _)| seen.extend_from_slice(row));
    heads.resize(seen.len() / observation * width, 0.0);
    network.forward_normalised(seen, heads, scratch);
    let mut heads = heads.chunks_exact(width);
    for (row, matters) in head.chunks_exact_mut(width).zip(matters) {
        match matters.then(|| heads.next()).flatten() {
            Some(own) => row.copy_from_slice(own),
            None => row.fill(0.0),
        }
    }
}

/// None for nothing.
pub(super) fn some_of<T>(numbers: &[T]) -> Option<&[T]> {
    (!numbers.is_empty()).then_some(numbers)
}
