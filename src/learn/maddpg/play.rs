//! One tick of a lane's envs: act with exploration, and remember what came of it.

use super::{build::Seats, member::Member};
use crate::{
    error::{Error, Result},
    learn::{exploration::Exploration, nets::mlp::Pass, replay::Taken},
    math::moments::RunningMoments,
    policy::network::OBSERVATION_CLIP,
    priority::give_way,
    sim::{EpisodeRecord, Lane, Policy, Seeds},
};

/// How observations are normalised, for all agents alike.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Normaliser {
    pub mean: Vec<f32>,
    /// One over the deviation.
    pub inverse: Vec<f32>,
}

impl Normaliser {
    /// Normalises whole observations of agents of the domain in place, as an acting network does it.
    pub(super) fn apply(&self, observations: &mut [f32]) {
        for row in observations.chunks_exact_mut(self.mean.len()) {
            for ((x, mean), inverse) in row.iter_mut().zip(&self.mean).zip(&self.inverse) {
                *x = ((*x - mean) * inverse).clamp(-OBSERVATION_CLIP, OBSERVATION_CLIP);
            }
        }
    }
}

/// What all lanes of a tick share.
#[derive(Clone, Copy)]
pub(super) struct Play<'a> {
    pub seats: &'a Seats,
    pub members: &'a [Member],
    pub normaliser: &'a Normaliser,
    pub seeds: Seeds,
    /// Deviation of the noise; none while actions are drawn anywhere in their range.
    pub noise: Option<f32>,
    pub reward_scale: f32,
}

/// What a lane keeps: its noise, what it has seen in this iteration, and its last tick.
pub(super) struct PlayLane {
    pub exploration: Exploration,
    pub moments: RunningMoments,
    pub records: Vec<EpisodeRecord>,
    /// Who acts for the other groups.
    pub opponents: Vec<(usize, Box<dyn Policy>)>,
    observations: Vec<f32>,
    normalised: Vec<f32>,
    actions: Vec<f32>,
    matters: Vec<bool>,
    rewards: Vec<f32>,
    next_observations: Vec<f32>,
    next_matters: Vec<bool>,
    terminated: Vec<bool>,
    truncated: Vec<bool>,
    pass: Pass,
}

impl PlayLane {
    pub(super) fn new(envs: usize, seats: &Seats, drifts: bool) -> Self {
        Self {
            exploration: Exploration::new(envs, seats.agents * seats.action, drifts),
            moments: RunningMoments::new(seats.observed),
            records: Vec::new(),
            opponents: Vec::new(),
            observations: Vec::new(),
            normalised: Vec::new(),
            actions: vec![0.0; envs * seats.agents * seats.action],
            matters: Vec::new(),
            rewards: vec![0.0; envs * seats.agents],
            next_observations: Vec::new(),
            next_matters: Vec::new(),
            terminated: Vec::new(),
            truncated: Vec::new(),
            pass: Pass::default(),
        }
    }

    /// The last tick, for the memory.
    pub(super) fn taken(&self) -> Taken<'_> {
        Taken {
            observations: &self.observations,
            actions: &self.actions,
            matters: &self.matters,
            rewards: &self.rewards,
            next_observations: &self.next_observations,
            next_matters: &self.next_matters,
            terminated: &self.terminated,
            truncated: &self.truncated,
        }
    }
}

impl Play<'_> {
    /// Plays one tick.
    pub(super) fn tick(&self, lane: &mut Lane, state: &mut PlayLane) -> Result<()> {
        give_way();
        let port = &lane.ports().groups[self.seats.group];
        state.observations.clone_from(&port.observations);
        state.matters.clone_from(&port.matters);
        state.moments.update(&state.observations)?;
        self.choose(lane, state);
        let units = self.seats.ranges.iter().cycle();
        let actions = &mut lane.ports_mut().groups[self.seats.group].actions;
        for ((action, unit), (middle, half)) in actions.iter_mut().zip(&state.actions).zip(units) {
            *action = middle + half * unit;
        }
        for (group, opponent) in &mut state.opponents {
            lane.act(&mut **opponent, *group)?;
        }
        lane.step();
        self.keep(lane, state)
    }

    /// Actions in -1..=1, with what is tried out.
    fn choose(&self, lane: &mut Lane, state: &mut PlayLane) {
        let width = self.seats.agents * self.seats.action;
        if self.noise.is_some() {
            state.normalised.clone_from(&state.observations);
            self.normaliser.apply(&mut state.normalised);
            for member in self.members {
                member.act(&state.normalised, &mut state.pass, &mut state.actions);
            }
        }
        for (slot, (address, actions)) in lane.addresses().zip(state.actions.chunks_exact_mut(width)).enumerate() {
            match self.noise {
                Some(scale) => state.exploration.add(self.seeds, address, slot, scale, actions),
                None => Exploration::anywhere(self.seeds, address, actions),
            }
        }
    }

    fn keep(&self, lane: &Lane, state: &mut PlayLane) -> Result<()> {
        let ports = lane.ports();
        let group = &ports.groups[self.seats.group];
        state.terminated.clone_from(&ports.terminated);
        state.truncated.clone_from(&ports.truncated);
        state.next_observations.clone_from(&group.observations);
        state.next_matters.clone_from(&group.matters);
        let width = group.agents * group.observation_width;
        let ended =
            ports.terminated.iter().zip(&ports.truncated).map(|(terminated, truncated)| *terminated || *truncated);
        for (env, _) in ended.enumerate().filter(|(_, ended)| *ended) {
            let row = env * width..(env + 1) * width;
            state.next_observations[row.clone()].copy_from_slice(&group.final_observations[row]);
            let agents = env * group.agents..(env + 1) * group.agents;
            state.next_matters[agents.clone()].copy_from_slice(&group.final_matters[agents]);
        }
        // A single agent for the whole team is paid the mean.
        let per_seat = group.agents / self.seats.agents;
        for (reward, agents) in state.rewards.iter_mut().zip(group.rewards.chunks_exact(per_seat)) {
            *reward = self.reward_scale * agents.iter().sum::<f32>() / per_seat as f32;
        }
        if let Some(at) = state.rewards.iter().position(|reward| !reward.is_finite()) {
            let env = lane.first_env() + (at / self.seats.agents) as u64;
            return Err(Error::system(format!("the reward of env {env} is {}", state.rewards[at]))
                .hint("a reward has left the finite numbers; what was saved before is good"));
        }
        if let Some(seen) = state.next_observations.iter().find(|seen| !seen.is_finite()) {
            return Err(Error::system(format!("an observation is {seen}"))
                .hint("only finite numbers can be learned from; what was saved before is good"));
        }
        state.records.extend_from_slice(&ports.finished);
        Ok(())
    }
}
