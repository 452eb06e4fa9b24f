//! Actor and critic through libtorch: automatic differentiation where the built-in network has hand-written passes.
//!
//! It serves as a reference for the built-in network, and offers a critic that the built-in one does not have.
//!
//! # Attention
//! The critic embeds each agent (its first layer), then pools the embeddings with [`HEADS`] learned queries: a head weighs
//! the agents by the softmax of query . embedding, takes the weighted mean and maps it into its share of the pooled
//! vector, which goes on through the other two layers. Queries, rather than attention between all pairs of agents, keep
//! the cost linear in the number of agents (Lee et al. 2019, pooling by multihead attention); keys would be redundant,
//! since a fixed query merges with them. With its initial parameters, queries zero and maps the identity, it is the
//! critic with [`CriticInput::Mean`], and learns from there whom to look at. The parameters are `critic.attention.query`,
//! `[hidden, heads]`, and `critic.attention.map`, `[hidden, hidden]`, whose columns are shared out among the heads.
//!
//! # Repeatability
//! libtorch runs on one thread: its results depend on the number of threads, and its thread pool stalls when cores are
//! shared. [`settings`] names what else they depend on.

mod half;
#[cfg(test)]
mod tests;
mod threads;

use tch::{Kind, Tensor};

pub use self::threads::settings;
use self::{
    half::{Half, MOST_STEPS, Slot, read},
    threads::use_one,
};
use super::{
    ActorCritic, Architecture, CriticInput, Loss, Minibatch, OutputGradients, Outputs, StepReport, StepSize,
    fused::{Fused, ValueNet},
};
use crate::{
    error::{Error, Result},
    policy::{
        network::{Activation, Network, find_tensor},
        tensor::NamedTensor,
    },
    priority::give_way,
};

/// Heads of the critic with attention.
pub const HEADS: usize = 4;

/// Most rows that values are computed for at once, to bound the memory of intermediate results.
const VALUE_ROWS: usize = 8192;

/// Name of the optimisers' step counts.
const STEPS: &str = "adam.steps";

/// An actor and a critic in libtorch.
#[derive(Debug)]
pub struct Torch {
    architecture: Architecture,
    networks: [Half; 2],
    /// Observations of a minibatch, one after the other.
    gathered: Vec<f32>,
}

impl Torch {
    /// A network with the initial parameters of [`Fused::new`]; attention starts as the critic with the mean.
    ///
    /// # Errors
    /// Impossible sizes, a `log_std` that is not finite, or attention over a width that its heads cannot share.
    pub fn new(architecture: Architecture, log_std: f32, seed: u64) -> Result<Self> {
        let mut torch = Self::zeros(architecture.clone())?;
        let attention = architecture.critic == CriticInput::Attention;
        let drawn = if attention { CriticInput::Mean } else { architecture.critic };
        let mut state = Fused::new(Architecture { critic: drawn, ..architecture }, log_std, seed)?.state();
        if attention {
            state.extend(initial_attention(torch.architecture.hidden));
        }
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
        if architecture.critic == CriticInput::Attention && !hidden.is_multiple_of(HEADS) {
            return Err(Error::input(format!("{HEADS} attention heads cannot share {hidden} hidden units"))
                .hint(format!("make the hidden layers a multiple of {HEADS} wide")));
        }
        use_one();
        let layers = |network: &str, outputs: usize| -> Vec<Slot> {
            let sizes = [(architecture.observation, hidden), (hidden, hidden), (hidden, outputs)];
            let slots = sizes.into_iter().enumerate().flat_map(|(index, (inputs, outputs))| {
                let weight = Slot::new(format!("{network}.{index}.weight"), &[inputs, outputs]);
                [weight, Slot::new(format!("{network}.{index}.bias"), &[outputs])]
            });
            slots.collect()
        };
        let mut actor = layers("actor", architecture.head());
        actor.push(Slot::new("actor.log_std", &[architecture.continuous]));
        let mut critic = layers("critic", 1);
        if architecture.critic == CriticInput::Attention {
            critic.extend(attention_slots(hidden));
        }
        Ok(Self { networks: [Half::zeros(actor), Half::zeros(critic)], architecture, gathered: Vec::new() })
    }

    /// Head `[rows, head]` and log_std for observations `[rows, observation]`.
    fn actor_forward(&self, rows: &Tensor) -> (Tensor, Tensor) {
        let mut weights = self.networks[0].parameters();
        let hidden = self.activate(&dense(rows, &weights[0..2]));
        let hidden = self.activate(&dense(&hidden, &weights[2..4]));
        (dense(&hidden, &weights[4..6]), weights.swap_remove(6))
    }

    /// Values `[steps * values_per_step]` for observations `[steps * agents, observation]`.
    fn critic_forward(&self, rows: &Tensor, agents: usize) -> Tensor {
        let weights = self.networks[1].parameters();
        let embedding = self.activate(&dense(rows, &weights[0..2]));
        let by_step = |rows: &Tensor| rows.view([-1, agents as i64, self.architecture.hidden as i64]);
        let pooled = match self.architecture.critic {
            CriticInput::Own => embedding,
            CriticInput::Mean => by_step(&embedding).mean_dim(1, false, Kind::Float),
            CriticInput::Attention => attend(&by_step(&embedding), &weights[6], &weights[7]),
        };
        let hidden = self.activate(&dense(&pooled, &weights[2..4]));
        dense(&hidden, &weights[4..6]).view([-1])
    }

    fn activate(&self, x: &Tensor) -> Tensor {
        match self.architecture.activation {
            Activation::Relu => x.relu(),
            Activation::Tanh => x.tanh(),
        }
    }

    /// The observations of a minibatch, `[steps * agents, observation]`.
    fn gather(&mut self, minibatch: Minibatch<'_>) -> Tensor {
        let step_len = minibatch.agents * self.architecture.observation;
        self.gathered.clear();
        for &step in minibatch.steps {
            self.gathered.extend_from_slice(&minibatch.observations[step as usize * step_len..][..step_len]);
        }
        Tensor::from_slice(&self.gathered).view([-1, self.architecture.observation as i64])
    }
}

impl ActorCritic for Torch {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn values(&mut self, observations: &[f32], agents: usize, values: &mut [f32]) {
        use_one();
        let (step_len, per_step) = (agents * self.architecture.observation, self.architecture.values_per_step(agents));
        let steps = observations.len() / step_len;
        assert_eq!(observations.len(), steps * step_len, "whole steps");
        assert_eq!(values.len(), steps * per_step, "values for each step");
        let piece = (VALUE_ROWS / agents).max(1);
        for (observations, values) in observations.chunks(piece * step_len).zip(values.chunks_mut(piece * per_step)) {
            let rows = Tensor::from_slice(observations).view([-1, self.architecture.observation as i64]);
            tch::no_grad(|| self.critic_forward(&rows, agents)).copy_data(values, values.len());
        }
    }

    fn step(&mut self, minibatch: Minibatch<'_>, loss: &dyn Loss, size: StepSize) -> StepReport {
        give_way();
        if minibatch.steps.is_empty() || minibatch.agents == 0 {
            return StepReport::default();
        }
        use_one();
        let rows = self.gather(minibatch);
        let train_actor = size.actor_learning_rate != 0.0;
        let actor_forward = || self.actor_forward(&rows);
        let (head, log_std) = if train_actor { actor_forward() } else { tch::no_grad(actor_forward) };
        let values = self.critic_forward(&rows, minibatch.agents);

        let [head_numbers, log_std_numbers, value_numbers] = [&head, &log_std, &values].map(read);
        let [mut by_head, mut by_log_std, mut by_values] =
            [&head, &log_std, &values].map(|output| vec![0.0; output.numel()]);
        let outputs = Outputs { head: &head_numbers, log_std: &log_std_numbers, values: &value_numbers };
        let gradients = OutputGradients { head: &mut by_head, log_std: &mut by_log_std, values: &mut by_values };
        let terms = loss.differentiate(0..minibatch.steps.len(), outputs, gradients);

        let actor_grad_norm = if train_actor {
            let target = product(&head, &by_head) + product(&log_std, &by_log_std);
            self.networks[0].follow(&target, size.actor_learning_rate, &size)
        } else {
            0.0
        };
        let critic_grad_norm = self.networks[1].follow(&product(&values, &by_values), size.critic_learning_rate, &size);
        StepReport { terms, actor_grad_norm, critic_grad_norm }
    }

    fn state(&self) -> Vec<NamedTensor> {
        let mut state = Vec::new();
        for prefix in 0..3 {
            self.networks.iter().for_each(|network| network.write_state(prefix, &mut state));
        }
        let steps = self.networks.each_ref().map(|network| network.steps as f32).to_vec();
        state.push(NamedTensor { name: STEPS.to_owned(), shape: vec![2], data: steps });
        state
    }

    fn load_state(&mut self, state: &[NamedTensor]) -> Result<()> {
        let [actor, critic] = &self.networks;
        let names: Vec<String> = actor.state_names().chain(critic.state_names()).chain([STEPS.to_owned()]).collect();
        if let Some(tensor) = state.iter().find(|tensor| !names.contains(&tensor.name)) {
            return Err(Error::input(format!("unexpected tensor `{}`", tensor.name))
                .did_you_mean(&tensor.name, names.iter().map(String::as_str)));
        }
        let vectors = [actor.read_state(state)?, critic.read_state(state)?];
        let steps = find_tensor(state, STEPS, &[2])?;
        if !steps.iter().all(|x| (0.0..=MOST_STEPS as f32).contains(x) && x.fract() == 0.0) {
            return Err(Error::input(format!("`{STEPS}` is {steps:?}, not two counts")));
        }
        for ((network, vectors), &steps) in self.networks.iter_mut().zip(vectors).zip(steps) {
            network.put(vectors, steps as u32);
        }
        Ok(())
    }

    fn critic(&self) -> Option<ValueNet> {
        let mut tensors = Vec::new();
        self.networks[1].write_state(0, &mut tensors);
        ValueNet::new(&self.architecture, &tensors)
    }

    fn actor(&self) -> Network {
        let mut tensors = Vec::new();
        self.networks[0].write_state(0, &mut tensors);
        let observation = self.architecture.observation;
        for (name, x) in [("normaliser.mean", 0.0), ("normaliser.std", 1.0)] {
            tensors.push(NamedTensor { name: name.to_owned(), shape: vec![observation], data: vec![x; observation] });
        }
        Network::from_training(self.architecture.actor(), &tensors)
            .expect("names and shapes are the architecture's own")
    }
}

/// x W + b, for `weights` holding W and b.
fn dense(x: &Tensor, weights: &[Tensor]) -> Tensor {
    weights[1].addmm(x, &weights[0])
}

/// Pools embeddings `[steps, agents, hidden]` into `[steps, hidden]`.
fn attend(embeddings: &Tensor, query: &Tensor, map: &Tensor) -> Tensor {
    let (heads, hidden) = (HEADS as i64, map.size()[0]);
    let share = hidden / heads;
    let scores = embeddings.matmul(query) / (share as f64).sqrt();
    let means = scores.softmax(1, Kind::Float).transpose(1, 2).bmm(embeddings);
    // Mapping a head's mean costs 1 / agents of mapping every agent and is the same.
    let maps = map.view([hidden, heads, share]).transpose(0, 1);
    means.transpose(0, 1).bmm(&maps).transpose(0, 1).reshape([-1, hidden])
}

fn attention_slots(hidden: usize) -> [Slot; 2] {
    [Slot::new("critic.attention.query", &[hidden, HEADS]), Slot::new("critic.attention.map", &[hidden, hidden])]
}

/// Queries that look at all agents alike, maps that change nothing, and moments at rest.
fn initial_attention(hidden: usize) -> Vec<NamedTensor> {
    let slots = attention_slots(hidden);
    let mut tensors = Vec::new();
    for prefix in ["", "adam.m.", "adam.v."] {
        for slot in &slots {
            let data = vec![0.0; slot.shape.iter().product()];
            tensors.push(NamedTensor { name: format!("{prefix}{}", slot.name), shape: slot.shape.clone(), data });
        }
    }
    // The diagonal of the map.
    tensors[1].data.iter_mut().step_by(hidden + 1).for_each(|x| *x = 1.0);
    tensors
}

/// The sum of output * gradient: its derivative by any parameter is that of the loss whose gradient this is.
fn product(output: &Tensor, gradient: &[f32]) -> Tensor {
    (output.view([-1]) * Tensor::from_slice(gradient)).sum(Kind::Float)
}
