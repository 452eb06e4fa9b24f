//! How a rollout is filled: lanes act, step and record side by side.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    LaneRecord, Part, Rollout, Shape,
    global::{GlobalView, Moment},
    some_of,
};
use crate::{
    error::Result,
    math::moments::RunningMoments,
    policy::{
        distribution::{HeadRows, HybridHead, Noise},
        network::Network,
    },
    priority::give_way,
    sim::{Batch, EpisodeRecord, GroupPort, Lane, Policy, Ports, Purpose, Seeds},
};

pub(super) const ACTION: Purpose = Purpose::new("learn.action");

/// What acts for a group during a rollout.
pub(in crate::learn) struct Actor<'a> {
    pub network: &'a Network,
    pub head: &'a HybridHead,
    pub seeds: Seeds,
    pub teacher: Option<Teacher<'a>>,
    /// For each lane, what acts instead of the network and is not learned from; empty without any.
    pub stand_ins: Vec<Option<&'a Network>>,
    /// What its critic is shown apart from what agents see.
    pub global: Option<&'a GlobalView>,
}

/// Who labels the states of a rollout with what it would do.
#[derive(Clone, Copy)]
pub(in crate::learn) struct Teacher<'a> {
    pub policy: &'a dyn Policy,
    /// Whether its actions are also the ones played.
    pub plays: bool,
}

/// A group that learns.
pub(in crate::learn) struct Learning<'a> {
    pub rollout: &'a mut Rollout,
    pub actor: Actor<'a>,
    /// Moments of what it observes, which this rollout adds to.
    pub moments: &'a mut RunningMoments,
}

/// A group that is played.
#[derive(Clone, Copy)]
pub(in crate::learn) struct Opponent<'a> {
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

/// Plays `num_steps` ticks of every env of `batch`: fills the rollouts of the groups that learn, and lets `opponents` act for the
/// others. Returns the episodes that ended, by lane, then by tick.
///
/// # Errors
/// Observations that are not finite, a mask that forbids everything, or a policy that cannot act.
pub(in crate::learn) fn collect(
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
            player.part.record.global_moments = player.actor.global.map_or_else(Vec::new, GlobalView::no_moments);
            player.actor.teacher.map(|teacher| (teacher.policy.fork(), teacher.plays))
        })
        .collect();
    let mut records = Vec::new();
    for tick in 0..num_steps {
        give_way();
        let steps = tick * envs..(tick + 1) * envs;
        for (player, teacher) in players.iter_mut().zip(&mut teachers) {
            player.show(lane.ports(), steps.clone())?;
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
            player.keep_ends(ports, steps.start)?;
        }
    }
    for Player { shape, actor, part, .. } in &mut players {
        let port = &lane.ports().groups[shape.group];
        actor.network.normalise(&port.observations, part.last_observations);
        part.last_present.copy_from_slice(&port.present);
        if let Some(global) = actor.global {
            let rows = part.last_global.chunks_exact_mut(shape.global).enumerate();
            for (env, row) in rows {
                global.write(lane.ports(), env, Moment::Now, row)?;
            }
        }
    }
    Ok(records)
}

impl Player<'_> {
    /// Keeps what the critic is shown of the steps `steps`, one per env of the lane, apart from what agents see.
    fn show(&mut self, ports: &Ports, steps: Range<usize>) -> Result<()> {
        let Some(global) = self.actor.global else { return Ok(()) };
        let width = self.shape.global;
        global.count(ports, &mut self.part.record.global_moments)?;
        let rows = self.part.global[steps.start * width..steps.end * width].chunks_exact_mut(width);
        rows.enumerate().try_for_each(|(env, row)| global.write(ports, env, Moment::Now, row))
    }

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
    fn keep_ends(&mut self, ports: &Ports, first_step: usize) -> Result<()> {
        let (record, port) = (&mut *self.part.record, &ports.groups[self.shape.group]);
        let Shape { agents, observation, .. } = *self.shape;
        for (env, _) in ports.truncated.iter().enumerate().filter(|(_, truncated)| **truncated) {
            record.end_steps.push(first_step + env);
            let at = record.ends.observations.len();
            record.ends.observations.resize(at + agents * observation, 0.0);
            let seen = &port.final_observations[env * agents * observation..(env + 1) * agents * observation];
            self.actor.network.normalise(seen, &mut record.ends.observations[at..]);
            record.ends.present.extend_from_slice(&port.final_present[env * agents..(env + 1) * agents]);
            if let Some(view) = self.actor.global {
                let at = record.ends.global.len();
                record.ends.global.resize(at + self.shape.global, 0.0);
                view.write(ports, env, Moment::End, &mut record.ends.global[at..])?;
            }
        }
        Ok(())
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
