//! Actor and critic through libtorch: automatic differentiation where the built-in network has hand-written passes.
//!
//! It serves as a reference for the built-in network, and offers a critic that the built-in one does not have. libtorch
//! itself is behind a plugin, a shared object that is opened when the first network is made; the folder `torch/` has its
//! code, what its results depend on, and what attention is. Here are names, shapes and checks, which need no libtorch.

mod border;
mod interface;
mod plugin;
mod state;
#[cfg(test)]
mod tests;

pub use self::plugin::{how_to_build, place};
use self::{
    interface::{HEADS, Sizes},
    state::Layout,
};
use super::{
    ActorCritic, Architecture, CriticInput, LOSS_TERMS, Loss, Minibatch, StepReport, StepSize,
    fused::{Fused, ValueNet},
};
use crate::{
    error::{Error, Result},
    policy::{
        network::{Activation, Network},
        tensor::NamedTensor,
    },
    priority::give_way,
};

/// Everything that libtorch's results depend on beside agon itself, in words, for checkpoints: a resumed run repeats an
/// uninterrupted one only under equal settings.
///
/// # Errors
/// There is no plugin, or none that can be used.
pub fn settings() -> Result<String> {
    plugin::plugin()?.settings().map_err(failed)
}

/// An actor and a critic in libtorch.
#[derive(Debug)]
pub struct Torch {
    architecture: Architecture,
    layout: Layout,
    network: border::Network,
    /// Observations of a minibatch, one after the other, and the agents' shares.
    gathered: (Vec<f32>, Vec<f32>),
}

impl Torch {
    /// A network with the initial parameters of [`Fused::new`]; attention starts as the critic with the mean.
    ///
    /// # Errors
    /// Impossible sizes, a `log_std` that is not finite, attention over a width that its heads cannot share, or no plugin
    /// that can be used.
    pub fn new(architecture: Architecture, log_std: f32, seed: u64) -> Result<Self> {
        let mut torch = Self::zeros(architecture.clone())?;
        let attention = architecture.critic == CriticInput::Attention;
        let drawn = if attention { CriticInput::Mean } else { architecture.critic };
        let mut state = Fused::new(Architecture { critic: drawn, ..architecture }, log_std, seed)?.state();
        state.extend(torch.layout.initial_attention());
        torch.load_state(&state)?;
        Ok(torch)
    }

    /// The network that [`ActorCritic::state`] was taken from, be it this one or [`Fused`].
    ///
    /// # Errors
    /// As those of [`Torch::new`] and [`ActorCritic::load_state`].
    pub fn from_state(architecture: Architecture, state: &[NamedTensor]) -> Result<Self> {
        let mut torch = Self::zeros(architecture)?;
        torch.load_state(state)?;
        Ok(torch)
    }

    fn zeros(architecture: Architecture) -> Result<Self> {
        architecture.actor().check()?;
        let hidden = architecture.hidden;
        if let CriticInput::Global(_) = architecture.critic {
            return Err(Error::input("with libtorch a critic sees what its own group sees")
                .hint("use `--backend fused`, or leave `critic_sees` at `group`"));
        }
        if architecture.critic == CriticInput::Attention && !hidden.is_multiple_of(HEADS) {
            return Err(Error::input(format!("{HEADS} attention heads cannot share {hidden} hidden units"))
                .hint(format!("make the hidden layers a multiple of {HEADS} wide")));
        }
        let sizes = sizes(&architecture);
        let network = border::Network::zeros(plugin::plugin()?, &sizes).map_err(failed)?;
        Ok(Self { architecture, layout: Layout::new(&sizes), network, gathered: Default::default() })
    }

    /// What the actor puts out for observations `[rows, observation]` as they are: `[rows, head]`. Acting itself needs no libtorch.
    ///
    /// # Errors
    /// libtorch fails.
    ///
    /// # Panics
    /// If rows are not whole, or `head` has not room for exactly as many.
    pub fn head(&mut self, observations: &[f32], head: &mut [f32]) -> Result<()> {
        let rows = observations.len() / self.architecture.observation;
        assert_eq!(observations.len(), rows * self.architecture.observation, "whole rows");
        assert_eq!(head.len(), rows * self.architecture.head(), "a head for each row");
        self.network.head(observations, head).map_err(failed)
    }

    /// The parameters of actor (0) or critic (1).
    fn parameters(&self, network: usize) -> Vec<NamedTensor> {
        let mut vectors = self.layout.zeros_of(network);
        done(self.network.read(&mut vectors));
        self.layout.name_parameters(network, &vectors)
    }
}

impl ActorCritic for Torch {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn values(&mut self, observations: &[f32], agents: usize, shares: Option<&[f32]>, values: &mut [f32]) {
        let (step_len, per_step) = (agents * self.architecture.observation, self.architecture.values_per_step(agents));
        let steps = observations.len() / step_len;
        assert_eq!(observations.len(), steps * step_len, "whole steps");
        assert_eq!(values.len(), steps * per_step, "values for each step");
        done(self.network.values(observations, agents, shares.unwrap_or_default(), values));
    }

    fn step(&mut self, minibatch: Minibatch<'_>, loss: &dyn Loss, size: StepSize) -> StepReport {
        give_way();
        if minibatch.steps.is_empty() || minibatch.agents == 0 {
            return StepReport::default();
        }
        let step_len = minibatch.agents * self.architecture.observation;
        let gather = |into: &mut Vec<f32>, numbers: &[f32], len: usize| {
            into.clear();
            minibatch.steps.iter().for_each(|&step| into.extend_from_slice(&numbers[step as usize * len..][..len]));
        };
        let (observations, shares) = &mut self.gathered;
        gather(observations, minibatch.observations, step_len);
        shares.clear();
        minibatch.shares.into_iter().for_each(|all| gather(shares, all, minibatch.agents));
        let size = interface::StepSize {
            learning_rates: [size.actor_learning_rate, size.critic_learning_rate],
            adam_eps: size.adam_eps,
            max_grad_norm: size.max_grad_norm,
        };
        let mut terms = [0.0; LOSS_TERMS];
        let norms = self.network.step((observations, shares), minibatch.agents, size, &mut |outputs, gradients| {
            terms = loss.differentiate(0..minibatch.steps.len(), outputs, gradients);
        });
        let [actor_grad_norm, critic_grad_norm] = done(norms);
        StepReport { terms, actor_grad_norm, critic_grad_norm }
    }

    fn state(&self) -> Vec<NamedTensor> {
        let mut vectors = self.layout.zeros();
        let steps = done(self.network.read(&mut vectors));
        self.layout.name(&vectors, steps)
    }

    fn load_state(&mut self, state: &[NamedTensor]) -> Result<()> {
        let (vectors, steps) = self.layout.read(state)?;
        self.network.load(&vectors, steps).map_err(failed)
    }

    fn critic(&self) -> Option<ValueNet> {
        ValueNet::new(&self.architecture, &self.parameters(1))
    }

    fn actor(&self) -> Network {
        let mut tensors = self.parameters(0);
        let observation = self.architecture.observation;
        for (name, x) in [("normaliser.mean", 0.0), ("normaliser.std", 1.0)] {
            tensors.push(NamedTensor { name: name.to_owned(), shape: vec![observation], data: vec![x; observation] });
        }
        Network::from_training(self.architecture.actor(), &tensors)
            .expect("names and shapes are the architecture's own")
    }
}

fn sizes(architecture: &Architecture) -> Sizes {
    Sizes {
        observation: architecture.observation,
        hidden: architecture.hidden,
        head: architecture.head(),
        continuous: architecture.continuous,
        activation: match architecture.activation {
            Activation::Relu => interface::Activation::Relu,
            Activation::Tanh => interface::Activation::Tanh,
        },
        critic: match architecture.critic {
            CriticInput::Own => interface::Critic::Own,
            // There is none with a global view: `zeros` refuses it.
            CriticInput::Mean | CriticInput::Global(_) => interface::Critic::Mean,
            CriticInput::Attention => interface::Critic::Attention,
        },
    }
}

/// A failure of libtorch, where it can be returned.
fn failed(reason: String) -> Error {
    Error::system(format!("libtorch failed: {reason}"))
}

/// What libtorch did; where a failure cannot be returned, it ends the thread.
fn done<T>(outcome: Result<T, String>) -> T {
    outcome.unwrap_or_else(|reason| panic!("libtorch failed: {reason}"))
}
