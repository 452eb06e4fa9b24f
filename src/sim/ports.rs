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
    /// `[envs, state]`: what critics may know of each env beyond what agents see, of the new episode where one has just begun;
    /// empty if the spec declares nothing.
    pub state: Vec<f32>,
    /// Same shape: for envs whose episode ended in the last tick, what it was at its end.
    pub final_state: Vec<f32>,
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
    /// Choices of all discrete dimensions together.
    pub num_choices: usize,
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
    /// `[envs, agents, num_choices]`: which choices are allowed in the next tick, dimension after dimension; at least one of
    /// each dimension. Empty unless the spec says that the group [is masked](super::GroupSpec::is_masked).
    pub masks: Vec<bool>,
    /// `[envs, agents]`: whether the agent exists now. One that does not matters to nothing and is counted nowhere. Who leaves
    /// has left for good: whoever is in the same row later is somebody else.
    pub present: Vec<bool>,
    /// Same shape: for envs whose episode ended in the last tick, whether the agent existed at its end.
    pub final_present: Vec<bool>,
    /// Same shape: whether the agent existed in the last tick, and so acted and was paid in it.
    pub acted: Vec<bool>,
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
    /// What each group was paid, in the order of the spec.
    pub groups: Vec<Pay>,
    /// One number per metric of the spec.
    pub metrics: Vec<f64>,
    /// Index into the labels of the spec's stratum; 0 without one.
    pub stratum: u8,
}

/// What a group was paid over an episode.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Pay {
    /// Sum over ticks of the reward, mean over the agents that were there.
    pub episode_return: f64,
    /// The same for each reward term, before clipping.
    pub terms: Vec<f64>,
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
            state: vec![0.0; envs * spec.state.len()],
            final_state: vec![0.0; envs * spec.state.len()],
            finished: Vec::new(),
        }
    }
}

impl GroupPort {
    fn new(group: &GroupSpec, envs: usize) -> Self {
        let rows = envs * group.agents;
        let (observation_width, action_width) = (group.observation.len(), group.action.width());
        let num_choices = group.action.num_choices();
        Self {
            agents: group.agents,
            observation_width,
            action_width,
            num_choices,
            num_terms: group.reward_terms.len(),
            observations: vec![0.0; rows * observation_width],
            final_observations: vec![0.0; rows * observation_width],
            actions: vec![0.0; rows * action_width],
            matters: vec![true; rows],
            final_matters: vec![true; rows],
            masks: if group.is_masked { vec![true; rows * num_choices] } else { Vec::new() },
            present: vec![true; rows],
            final_present: vec![true; rows],
            acted: vec![true; rows],
            terms: vec![0.0; rows * group.reward_terms.len()],
            rewards: vec![0.0; rows],
        }
    }

    /// Totals the terms, clipped to `clip`. The only place where a reward is summed.
    pub(super) fn total_rewards(&mut self, clip: Option<(f32, f32)>) {
        // Without a term nothing is paid, and there is nothing to cut into rows.
        for (reward, terms) in self.rewards.iter_mut().zip(self.terms.chunks_exact(self.num_terms.max(1))) {
            let total: f32 = terms.iter().sum();
            *reward = clip.map_or(total, |(low, high)| total.clamp(low, high));
        }
    }

    /// Keeps what is asked for at the end of an episode of the env at `slot`, which the next episode is about to overwrite.
    pub(super) fn keep_end(&mut self, slot: usize) {
        let width = self.agents * self.observation_width;
        let rows = slot * width..(slot + 1) * width;
        self.final_observations[rows.clone()].copy_from_slice(&self.observations[rows]);
        let agents = slot * self.agents..(slot + 1) * self.agents;
        self.final_matters[agents.clone()].copy_from_slice(&self.matters[agents.clone()]);
        self.final_present[agents.clone()].copy_from_slice(&self.present[agents]);
    }

    /// Adds what was paid in the last tick in the env at `slot` to its return, and term by term to `terms`; means over the
    /// agents that were there.
    fn add_pay(&self, slot: usize, episode_return: &mut f64, terms: &mut [f64]) {
        let rows = slot * self.agents..(slot + 1) * self.agents;
        let acted = self.acted[rows.clone()].iter().filter(|acted| **acted).count();
        let share = 1.0 / acted.max(1) as f64;
        let there = || rows.clone().filter(|row| self.acted[*row]);
        *episode_return += there().map(|row| f64::from(self.rewards[row])).sum::<f64>() * share;
        for row in there() {
            let paid = &self.terms[row * self.num_terms..(row + 1) * self.num_terms];
            for (sum, term) in terms.iter_mut().zip(paid) {
                *sum += f64::from(*term) * share;
            }
        }
    }
}

/// Sums over the ticks of the running episode, one entry per env.
#[derive(Component, Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Tally {
    /// That of the first group.
    episode_return: f64,
    /// Those of the first group; then, for each later group, its return and its terms. So worlds of one group are saved in the
    /// bytes in which they always were.
    terms: Vec<f64>,
    metrics: Vec<f64>,
}

impl Tally {
    /// That of an episode that begins.
    pub(super) fn new(spec: &Spec) -> Self {
        Self { episode_return: 0.0, terms: vec![0.0; num_sums(spec)], metrics: vec![0.0; spec.metrics.len()] }
    }

    /// Adds the last tick of env `env`.
    pub(super) fn add(&mut self, spec: &Spec, ports: &Ports, env: usize) {
        self.terms.resize(num_sums(spec), 0.0);
        let mut rest = &mut self.terms[..];
        for (index, group) in ports.groups.iter().enumerate() {
            let first = (index > 0).then(|| rest.split_off_first_mut()).flatten();
            let Some(terms) = rest.split_off_mut(..group.num_terms) else { break };
            group.add_pay(env, first.unwrap_or(&mut self.episode_return), terms);
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
        let mut sums = [self.episode_return].into_iter().chain(self.terms.iter().copied());
        let groups = spec.groups.iter().map(|group| Pay {
            episode_return: sums.next().unwrap_or_default(),
            terms: sums.by_ref().take(group.reward_terms.len()).collect(),
        });
        let record = EpisodeRecord { env, episode, length, groups: groups.collect(), metrics, stratum };
        self.episode_return = 0.0;
        self.terms.fill(0.0);
        self.metrics.fill(0.0);
        record
    }
}

/// Numbers in [`Tally::terms`].
fn num_sums(spec: &Spec) -> usize {
    let later = spec.groups.len().saturating_sub(1);
    later + spec.groups.iter().map(|group| group.reward_terms.len()).sum::<usize>()
}
