//! The narrow door between algorithms and networks: evaluate a batch of values, and take one optimiser step on a
//! minibatch whose loss the algorithm differentiates itself with respect to the network's outputs.
//!
//! Two networks stand behind it: [`fused`], written for small networks on a CPU, and libtorch ([`torch`],
//! a plugin). An algorithm cannot tell them apart, and neither knows what a policy gradient is.

use std::ops::Range;

use self::fused::ValueNet;
use crate::{error::Result, policy::network::Network};

pub use crate::policy::{
    network::{Activation, ActorShape},
    tensor::NamedTensor,
};

pub mod fused;
pub mod mlp;
pub mod optimiser;
pub mod q_net;
pub mod torch;

/// Sizes and choices that fix a network's parameters completely.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Architecture {
    /// Numbers in one agent's observation.
    pub observation: usize,
    /// Width of both hidden layers.
    pub hidden: usize,
    /// Nonlinearity after each hidden layer.
    pub activation: Activation,
    /// Continuous action dimensions.
    pub continuous: usize,
    /// Choices of each discrete action dimension.
    pub discrete: Vec<usize>,
    /// What the critic sees.
    pub critic: CriticInput,
}

/// How the critic turns the observations of a group into values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticInput {
    /// Each agent's own observation, one value per agent (IPPO).
    Own,
    /// The mean over agents of a learned embedding, one value per group (MAPPO).
    Mean,
    /// Attention over the agents' embeddings, one value per group (MAPPO; libtorch only).
    Attention,
    /// So many numbers that describe the whole env and are told apart from what agents see, one value per group (MAPPO).
    Global(usize),
}

impl Architecture {
    /// What of this an actor alone is built with.
    pub fn actor(&self) -> ActorShape {
        ActorShape {
            observation: self.observation,
            hidden: self.hidden,
            activation: self.activation,
            continuous: self.continuous,
            discrete: self.discrete.clone(),
        }
    }

    /// Numbers the actor's head puts out per agent: means of the continuous dimensions, then all logits.
    pub fn head(&self) -> usize {
        self.continuous + self.discrete.iter().sum::<usize>()
    }

    /// Numbers in one row of what the critic sees.
    pub fn critic_width(&self) -> usize {
        match self.critic {
            CriticInput::Own | CriticInput::Mean | CriticInput::Attention => self.observation,
            CriticInput::Global(width) => width,
        }
    }

    /// Values per step for a group of `agents`.
    pub fn values_per_step(&self, agents: usize) -> usize {
        match self.critic {
            CriticInput::Own => agents,
            CriticInput::Mean | CriticInput::Attention | CriticInput::Global(_) => 1,
        }
    }
}

/// The steps of a rollout that form one minibatch.
#[derive(Clone, Copy, Debug)]
pub struct Minibatch<'a> {
    /// Normalised observations of the whole rollout, `[steps, agents, observation]`.
    pub observations: &'a [f32],
    /// What a critic with [`CriticInput::Global`] sees of the whole rollout, normalised, `[steps, critic_width]`; empty for others.
    pub global: &'a [f32],
    /// Share of each agent in what a critic of the whole group pools, `[steps, agents]`: 0 for who is not there. Without it, all
    /// have the same.
    pub shares: Option<&'a [f32]>,
    /// Agents per step.
    pub agents: usize,
    /// Which steps of the rollout are in, in this order.
    pub steps: &'a [u32],
}

/// Network outputs of consecutive entries of [`Minibatch::steps`].
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a> {
    /// Actor head, `[entries, agents, head]`: means (before squashing) of the continuous dimensions, then logits.
    pub head: &'a [f32],
    /// Logarithm of the standard deviation, `[continuous]`; it does not depend on the observation.
    pub log_std: &'a [f32],
    /// Critic, `[entries, values_per_step]`, in normalised units.
    pub values: &'a [f32],
}

/// Where a loss writes its gradient; same shapes as [`Outputs`], zeroed before the call.
#[derive(Debug)]
pub struct OutputGradients<'a> {
    /// d loss / d head.
    pub head: &'a mut [f32],
    /// d loss / d log_std, summed over the entries of the call.
    pub log_std: &'a mut [f32],
    /// d loss / d values.
    pub values: &'a mut [f32],
}

/// Number of quantities a loss reports beside its gradient.
pub const LOSS_TERMS: usize = 8;

/// A loss that is a sum over the entries of a minibatch.
///
/// The network may cut the minibatch into pieces and call this from several threads; pieces and the order in which their
/// terms are summed are fixed, so results do not depend on the number of threads.
pub trait Loss: Sync {
    /// Writes the gradient for the minibatch entries in `entries` and returns their share of each reported term.
    fn differentiate(
        &self,
        entries: Range<usize>,
        outputs: Outputs<'_>,
        gradients: OutputGradients<'_>,
    ) -> [f64; LOSS_TERMS];
}

/// How far one optimiser step goes (Adam, one optimiser each for actor and critic).
#[derive(Clone, Copy, Debug)]
pub struct StepSize {
    /// Learning rate of the actor; 0 leaves it as it is, its moments included, and its gradient norm is reported as 0.
    pub actor_learning_rate: f32,
    /// Learning rate of the critic.
    pub critic_learning_rate: f32,
    /// Adam's epsilon.
    pub adam_eps: f32,
    /// Each of the two gradients is scaled down to this norm.
    pub max_grad_norm: f32,
}

/// What one optimiser step found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepReport {
    /// Sum over the minibatch of the terms that the loss returned.
    pub terms: [f64; LOSS_TERMS],
    /// Norm of the actor's gradient before clipping.
    pub actor_grad_norm: f32,
    /// Norm of the critic's gradient before clipping.
    pub critic_grad_norm: f32,
}

/// An actor and a critic with their optimisers.
///
/// Parameter names, shared by all implementations (weights are `[inputs, outputs]`):
/// `actor.{0,1,2}.{weight,bias}`, `actor.log_std`, `critic.{0,1,2}.{weight,bias}`; with [`CriticInput::Mean`] the mean
/// over agents is taken between the critic's first and second layer. Attention adds `critic.attention.*`.
/// Adam's moments are the same names under `adam.m.` and `adam.v.`, its step counts `adam.steps`, `[2]` (actor, critic).
pub trait ActorCritic: Send {
    /// Sizes and choices this network was built with.
    fn architecture(&self) -> &Architecture;

    /// Values of `[steps, agents, critic_width]` into `[steps, values_per_step]`; `shares` as in [`Minibatch::shares`]. A critic with
    /// [`CriticInput::Global`] sees one row per step, as if there were one agent.
    fn values(&mut self, observations: &[f32], agents: usize, shares: Option<&[f32]>, values: &mut [f32]);

    /// One optimiser step on a minibatch.
    fn step(&mut self, minibatch: Minibatch<'_>, loss: &dyn Loss, size: StepSize) -> StepReport;

    /// Parameters, moments and step counts: everything a resumed run needs.
    fn state(&self) -> Vec<NamedTensor>;

    /// Puts back what [`state`](Self::state) returned, bit for bit.
    ///
    /// # Errors
    /// A missing, unexpected or wrongly shaped tensor, or one with a number that is not finite; nothing is changed then.
    fn load_state(&mut self, state: &[NamedTensor]) -> Result<()>;

    /// The critic alone, in plain Rust, as it is now; none for one that the built-in network does not have.
    fn critic(&self) -> Option<ValueNet>;

    /// The actor alone, in plain Rust, for acting. Its normaliser passes observations through unchanged; see
    /// [`Network::with_normaliser`].
    fn actor(&self) -> Network;
}
