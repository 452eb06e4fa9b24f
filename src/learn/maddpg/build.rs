//! What a run is made of: seats at the table, networks, memory.

use super::{
    member::{Member, Seat},
    play::{Normaliser, PlayLane},
};
use crate::{
    error::{Error, Result},
    learn::{
        hyperparameters::{Algo, Backend, CriticPool, HiddenActivation, Hyperparameters, Noise},
        nets::{
            mlp::MlpShape,
            q_net::{Others, QShape},
        },
        replay::{Replay, ReplayShape},
    },
    math::moments::RunningMoments,
    policy::network::{Activation, ActorShape, Team},
    sim::{Batch, Spec},
};

/// Most bytes of a replay that a checkpoint takes in.
const MOST_SAVED: usize = 512 << 20;

/// Gain of an actor's head: actions begin near the middle of their range.
const HEAD_GAIN: f32 = 0.01;

/// Who learns: agents as the algorithm sees them. For DDPG the whole team is one of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seats {
    /// Place of the group in the spec.
    pub group: usize,
    /// Agents.
    pub agents: usize,
    /// Numbers that each observes.
    pub observation: usize,
    /// Numbers of each action.
    pub action: usize,
    /// Numbers that an agent of the domain observes: what is normalised alike.
    pub observed: usize,
    /// Middle and half of the range of each number of a domain agent's action.
    pub ranges: Vec<(f32, f32)>,
    /// Whom the actors act for.
    pub team: Team,
    pub hidden: usize,
    pub activation: Activation,
}

impl Seats {
    /// Numbers of an agent's row: what it observes, then what it does.
    pub(super) fn row(&self) -> usize {
        self.observation + self.action
    }

    /// Agents of the domain in each seat.
    pub(super) fn together(&self) -> usize {
        self.observation / self.observed
    }

    /// How the observations of a run are normalised at this point.
    pub(super) fn normaliser(&self, moments: &RunningMoments, params: &Hyperparameters) -> Normaliser {
        if !params.run.norm_obs {
            return Normaliser { mean: vec![0.0; self.observed], inverse: vec![1.0; self.observed] };
        }
        Normaliser {
            mean: moments.mean().iter().map(|mean| *mean as f32).collect(),
            inverse: moments.scale().map(|scale| 1.0 / scale as f32).collect(),
        }
    }

    /// The network that acts.
    pub(super) fn actor_shape(&self) -> ActorShape {
        ActorShape {
            observation: self.observation,
            hidden: self.hidden,
            activation: self.activation,
            continuous: self.action,
            discrete: Vec::new(),
        }
    }

    /// The place of each actor: one for all, or one each.
    pub(super) fn places(&self) -> Vec<Seat> {
        let seat = |agent| Seat { agent, agents: self.agents, observation: self.observation, action: self.action };
        match self.team {
            Team::Any => vec![seat(None)],
            Team::Each(_) | Team::Whole(_) => (0..self.agents).map(|agent| seat(Some(agent))).collect(),
        }
    }
}

/// The seats of the group at `group`.
pub(super) fn seats(spec: &Spec, group: usize, params: &Hyperparameters) -> Result<Seats> {
    let (place, group) = (group, &spec.groups[group]);
    let name = params.run.algo.name();
    if group.action.continuous.is_empty() || !group.action.discrete.is_empty() {
        return Err(Error::input(format!("`{name}` learns actions that are numbers, but `{}` choose", group.name))
            .hint("train with `--algo mappo`, which learns both"));
    }
    if params.ppo.action_bins > 0 || params.run.backend == Backend::Torch {
        return Err(Error::input(format!("`{name}` has neither a grid of settings nor another backend than `fused`"))
            .hint("set `action_bins` to 0 and `backend` to `fused`, or train with `--algo mappo`"));
    }
    let is_whole = params.run.algo == Algo::Ddpg;
    if is_whole && params.run.critic == CriticPool::Attention {
        return Err(Error::input(format!(
            "`{name}` is one agent for the whole team: attention finds no others to look at"
        ))
        .hint("set `critic` to `mean`, or train with `--algo maddpg` or `--algo matd3`"));
    }
    let (agents, observed, action) = (group.agents, group.observation.len(), group.action.continuous.len());
    let together = if is_whole { agents } else { 1 };
    Ok(Seats {
        group: place,
        agents: agents / together,
        observation: observed * together,
        action: action * together,
        observed,
        ranges: group.action.continuous.iter().map(|field| middle_and_half(&field.bounds)).collect(),
        team: match (is_whole, params.ddpg.parameter_sharing) {
            (true, _) => Team::Whole(agents),
            (false, true) => Team::Any,
            (false, false) => Team::Each(agents),
        },
        hidden: params.run.hidden,
        activation: match params.run.activation {
            HiddenActivation::Relu => Activation::Relu,
            HiddenActivation::Tanh => Activation::Tanh,
        },
    })
}

fn middle_and_half(bounds: &std::ops::RangeInclusive<f32>) -> (f32, f32) {
    let (low, high) = (*bounds.start(), *bounds.end());
    (0.5 * (low + high), 0.5 * (high - low))
}

/// Networks with weights drawn from `seed`.
pub(super) fn members(seats: &Seats, params: &Hyperparameters, seed: u64) -> Result<Vec<Member>> {
    let actor = MlpShape {
        sizes: vec![seats.observation, seats.hidden, seats.hidden, seats.action],
        hidden: seats.activation,
        last: None,
    };
    let critic = QShape {
        row: seats.row(),
        others: match (params.run.critic, seats.team) {
            (CriticPool::Attention, _) => Others::Attention,
            (CriticPool::Mean, Team::Any) => Others::Mean,
            (CriticPool::Mean, Team::Each(_) | Team::Whole(_)) => Others::Joint(seats.agents),
        },
        hidden: seats.hidden,
        activation: seats.activation,
    };
    let critics = if params.run.algo == Algo::Matd3 { 2 } else { 1 };
    let places = seats.places();
    let count = places.len();
    let member = |(index, seat)| Member::new(seat, (&actor, HEAD_GAIN), (critic, critics), count, (seed, index as u64));
    places.into_iter().enumerate().map(member).collect()
}

/// An empty memory.
pub(super) fn new_replay(seats: &Seats, params: &Hyperparameters) -> Result<Replay> {
    let shape = ReplayShape {
        ticks: (params.ddpg.buffer_size / params.run.num_envs).max(1),
        envs: params.run.num_envs,
        observation: seats.agents * seats.observation,
        action: seats.agents * seats.action,
        agents: seats.agents * seats.together(),
        rewards: seats.agents,
    };
    if params.ddpg.save_replay && shape.bytes().is_none_or(|bytes| bytes > MOST_SAVED) {
        let size = shape.bytes().map_or("too many".to_owned(), |bytes| (bytes >> 20).to_string());
        return Err(Error::input(format!(
            "a replay of {} steps has {size} MiB, and a checkpoint takes in no more than {}",
            shape.steps(),
            MOST_SAVED >> 20
        ))
        .hint("choose a smaller `buffer_size`, or `--set save_replay=false`"));
    }
    Replay::new(shape, params.ddpg.prioritised.then_some(params.ddpg.priority_alpha))
}

/// What plays in each lane.
pub(super) fn new_lanes(batch: &Batch, seats: &Seats, params: &Hyperparameters) -> Vec<PlayLane> {
    let drifts = params.ddpg.noise == Noise::Ou;
    batch.lanes().iter().map(|lane| PlayLane::new(lane.envs(), seats, drifts)).collect()
}
