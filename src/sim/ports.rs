//! Where learners and policies meet the simulation: contiguous buffers per group, rows in env-major order.

use bevy_ecs::{component::Component, resource::Resource};

use super::spec::{Aggregate, GroupSpec, Spec};

/// All ports of a world of `envs` envs.
#[derive(Resource, Clone, Debug)]
pub struct Ports {
    /// Number of envs.
    pub envs: usize,
    /// One port per group of the spec.
    pub groups: Vec<GroupPort>,
    /// `[envs]`: the episode reached an end of its own in the last tick.
    pub terminated: Vec<bool>,
    /// `[envs]`: the time limit cut the episode in the last tick.
    pub truncated: Vec<bool>,
    /// `[envs, metrics]`: what was measured in the last tick.
    pub metrics: Vec<f64>,
    /// `[envs]`: index into the labels of the spec's stratum.
    pub stratum: Vec<u8>,
    /// Episodes that ended in the last tick, in the order of their envs.
    pub finished: Vec<EpisodeRecord>,
}

/// Buffers of one group.
#[derive(Clone, Debug)]
pub struct GroupPort {
    /// Agents per env.
    pub agents: usize,
    /// Numbers per observation.
    pub observation_width: usize,
    /// Numbers per action.
    pub action_width: usize,
    /// Number of reward terms.
    pub num_terms: usize,
    /// `[envs, agents, observation_width]`: what the agents see now; of the new episode where one has just begun.
    pub observations: Vec<f32>,
    /// Same shape: for envs whose episode ended in the last tick, what the agents saw at its end.
    pub final_observations: Vec<f32>,
    /// `[envs, agents, action_width]`: what the agents do in the next tick.
    pub actions: Vec<f32>,
    /// `[envs, agents]`: whether what the agent does in the next tick can change anything; true unless a domain knows
    /// better. Learners pass over actions that did not matter: chance alone made them look good or bad.
    pub matters: Vec<bool>,
    /// Same shape: for envs whose episode ended in the last tick, whether one more action could have changed anything.
    pub final_matters: Vec<bool>,
    /// `[envs, agents, num_terms]`: weighted reward terms of the last tick.
    pub terms: Vec<f32>,
    /// `[envs, agents]`: total reward of the last tick, the clipped sum of the terms.
    pub rewards: Vec<f32>,
}

/// An episode that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeRecord {
    /// Number of the env within the run.
    pub env: u64,
    /// Number of the episode within the env.
    pub episode: u64,
    /// Ticks it lasted.
    pub length: u32,
    /// Sum over ticks of the reward, mean over the agents of the first group.
    pub episode_return: f64,
    /// The same for each reward term, before clipping.
    pub terms: Vec<f64>,
    /// One number per metric of the spec.
    pub metrics: Vec<f64>,
    /// Index into the labels of the spec's stratum; 0 without one.
    pub stratum: u8,
}

impl Ports {
    /// Zeroed buffers for `envs` envs.
    pub fn new(spec: &Spec, envs: usize) -> Self {
        Self {
            envs,
            groups: spec.groups.iter().map(|group| GroupPort::new(group, envs)).collect(),
            terminated: vec![false; envs],
            truncated: vec![false; envs],
            metrics: vec![0.0; envs * spec.metrics.len()],
            stratum: vec![0; envs],
            finished: Vec::new(),
        }
    }
}

impl GroupPort {
    fn new(group: &GroupSpec, envs: usize) -> Self {
        let rows = envs * group.agents;
        let (observation_width, action_width) = (group.observation.len(), group.action.width());
        Self {
            agents: group.agents,
            observation_width,
            action_width,
            num_terms: group.reward_terms.len(),
            observations: vec![0.0; rows * observation_width],
            final_observations: vec![0.0; rows * observation_width],
            actions: vec![0.0; rows * action_width],
            matters: vec![true; rows],
            final_matters: vec![true; rows],
            terms: vec![0.0; rows * group.reward_terms.len()],
            rewards: vec![0.0; rows],
        }
    }

    /// Totals the terms, clipped to `clip`. The only place where a reward is summed.
    pub(super) fn total_rewards(&mut self, clip: Option<(f32, f32)>) {
        for (reward, terms) in self.rewards.iter_mut().zip(self.terms.chunks_exact(self.num_terms)) {
            let total: f32 = terms.iter().sum();
            *reward = clip.map_or(total, |(low, high)| total.clamp(low, high));
        }
    }
}

/// Sums over the ticks of the running episode, one entry per env.
#[derive(Component, Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Tally {
    episode_return: f64,
    terms: Vec<f64>,
    metrics: Vec<f64>,
}

impl Tally {
    /// That of an episode that begins.
    pub(super) fn new(spec: &Spec) -> Self {
        let num_terms = spec.groups.first().map_or(0, |group| group.reward_terms.len());
        Self { episode_return: 0.0, terms: vec![0.0; num_terms], metrics: vec![0.0; spec.metrics.len()] }
    }

    /// Adds the last tick of env `env`.
    pub(super) fn add(&mut self, spec: &Spec, ports: &Ports, env: usize) {
        if let Some(group) = ports.groups.first() {
            let rows = env * group.agents..(env + 1) * group.agents;
            let share = 1.0 / group.agents as f64;
            self.episode_return +=
                ports.groups[0].rewards[rows.clone()].iter().map(|r| f64::from(*r)).sum::<f64>() * share;
            self.terms.resize(group.num_terms, 0.0);
            for row in rows {
                let terms = &group.terms[row * group.num_terms..(row + 1) * group.num_terms];
                for (sum, term) in self.terms.iter_mut().zip(terms) {
                    *sum += f64::from(*term) * share;
                }
            }
        }
        let width = spec.metrics.len();
        self.metrics.resize(width, 0.0);
        let now = &ports.metrics[env * width..(env + 1) * width];
        for ((sum, value), metric) in self.metrics.iter_mut().zip(now).zip(&spec.metrics) {
            match metric.aggregate {
                Aggregate::Mean | Aggregate::Sum => *sum += value,
                Aggregate::Last => *sum = *value,
            }
        }
    }

    /// The record of the episode that ends after `length` ticks; leaves the tally empty.
    pub(super) fn finish(&mut self, spec: &Spec, env: u64, episode: u64, length: u32, stratum: u8) -> EpisodeRecord {
        let mut metrics = self.metrics.clone();
        for (value, metric) in metrics.iter_mut().zip(&spec.metrics) {
            if metric.aggregate == Aggregate::Mean {
                *value /= f64::from(length.max(1));
            }
        }
        let record = EpisodeRecord {
            env,
            episode,
            length,
            episode_return: self.episode_return,
            terms: self.terms.clone(),
            metrics,
            stratum,
        };
        self.episode_return = 0.0;
        self.terms.fill(0.0);
        self.metrics.fill(0.0);
        record
    }
}
