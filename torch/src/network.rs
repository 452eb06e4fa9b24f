//! An actor and a critic in libtorch, differentiated automatically.
//!
//! # Attention
//! The critic embeds each agent (its first layer), then pools the embeddings with [`HEADS`] learned queries: a head weighs
//! the agents by the softmax of query . embedding, takes the weighted mean and maps it into its share of the pooled
//! vector, which goes on through the other two layers. Queries, rather than attention between all pairs of agents, keep
//! the cost linear in the number of agents (Lee et al. 2019, pooling by multihead attention); keys would be redundant,
//! since a fixed query merges with them. With its initial parameters, queries zero and maps the identity, it is the
//! critic with the mean, and learns from there whom to look at. The parameters are `critic.attention.query`,
//! `[hidden, heads]`, and `critic.attention.map`, `[hidden, hidden]`, whose columns are shared out among the heads.

use tch::{Kind, Tensor};

use crate::{
    half::{Half, numbers},
    interface::{Activation, Critic, HEADS, Numbers, NumbersMut, Outputs, Sizes, StepSize},
    threads::use_one,
};

/// Score of an agent that is not there.
const UNSEEN: f64 = -1e9;

/// Most rows that values are computed for at once, to bound the memory of intermediate results.
const VALUE_ROWS: usize = 8192;

/// An actor and a critic with their optimisers.
#[derive(Debug)]
pub(crate) struct Network {
    sizes: Sizes,
    halves: [Half; 2],
}

impl Network {
    /// A network of zeros.
    pub(crate) fn zeros(sizes: Sizes) -> Self {
        use_one();
        Self { sizes, halves: sizes.slots().map(|slots| Half::zeros(&slots)) }
    }

    /// Sets parameters and moments of actor and critic, and their step counts.
    pub(crate) fn load(&mut self, vectors: [[&[f32]; 3]; 2], steps: [u32; 2]) -> Result<(), String> {
        for (half, vectors) in self.halves.iter().zip(&vectors) {
            half.check(vectors)?;
        }
        for ((half, vectors), steps) in self.halves.iter_mut().zip(vectors).zip(steps) {
            half.put(vectors, steps);
        }
        Ok(())
    }

    /// Reads those vectors that are not empty, and the step counts.
    pub(crate) fn read(&self, vectors: [[&mut [f32]; 3]; 2]) -> Result<[u32; 2], String> {
        for (half, vectors) in self.halves.iter().zip(vectors) {
            half.read(vectors)?;
        }
        Ok(self.halves.each_ref().map(|half| half.steps))
    }

    /// Values of observations `[steps, agents, observation]` with shares `[steps, agents]`, or none.
    pub(crate) fn values(&self, observations: &[f32], shares: &[f32], agents: usize, values: &mut [f32]) {
        use_one();
        let step_len = agents * self.sizes.observation;
        let per_step = if self.sizes.critic == Critic::Own { agents } else { 1 };
        let piece = (VALUE_ROWS / agents).max(1);
        let pieces = observations.chunks(piece * step_len).zip(values.chunks_mut(piece * per_step));
        for (index, (observations, values)) in pieces.enumerate() {
            let rows = self.rows(observations);
            let first = index * piece * agents;
            let shares = shares.get(first..(first + piece * agents).min(shares.len())).unwrap_or_default();
            tch::no_grad(|| self.critic_forward(&rows, shares, agents)).copy_data(values, values.len());
        }
    }

    /// What the actor puts out for observations `[rows, observation]`.
    pub(crate) fn head(&self, observations: &[f32], head: &mut [f32]) {
        use_one();
        let rows = self.rows(observations);
        tch::no_grad(|| self.actor_forward(&rows).0).copy_data(head, head.len());
    }

    /// One optimiser step on observations `[entries, agents, observation]` with shares `[entries, agents]`, or none, whose loss
    /// writes the gradient by the outputs; returns the norms of both gradients before clipping.
    pub(crate) fn step(
        &mut self,
        (observations, shares): (&[f32], &[f32]),
        agents: usize,
        size: &StepSize,
        loss: impl FnOnce(Outputs<Numbers>, Outputs<NumbersMut>) -> Result<(), String>,
    ) -> Result<[f32; 2], String> {
        use_one();
        let rows = self.rows(observations);
        let [actor_rate, critic_rate] = size.learning_rates;
        let train_actor = actor_rate != 0.0;
        let actor_forward = || self.actor_forward(&rows);
        let (head, log_std) = if train_actor { actor_forward() } else { tch::no_grad(actor_forward) };
        let values = self.critic_forward(&rows, shares, agents);

        let [head_numbers, log_std_numbers, value_numbers] = [&head, &log_std, &values].map(numbers);
        let [mut by_head, mut by_log_std, mut by_values] =
            [&head, &log_std, &values].map(|output| vec![0.0; output.numel()]);
        let outputs = Outputs {
            head: Numbers::of(&head_numbers),
            log_std: Numbers::of(&log_std_numbers),
            values: Numbers::of(&value_numbers),
        };
        let gradients = Outputs {
            head: NumbersMut::of(&mut by_head),
            log_std: NumbersMut::of(&mut by_log_std),
            values: NumbersMut::of(&mut by_values),
        };
        loss(outputs, gradients)?;

        let [actor, critic] = &mut self.halves;
        let actor_norm = if train_actor {
            let target = product(&head, &by_head) + product(&log_std, &by_log_std);
            actor.follow(&target, actor_rate, size)
        } else {
            0.0
        };
        let critic_norm = critic.follow(&product(&values, &by_values), critic_rate, size);
        Ok([actor_norm, critic_norm])
    }

    /// Observations as `[rows, observation]`.
    fn rows(&self, observations: &[f32]) -> Tensor {
        Tensor::from_slice(observations).view([-1, self.sizes.observation as i64])
    }

    /// Head `[rows, head]` and log_std for observations `[rows, observation]`.
    fn actor_forward(&self, rows: &Tensor) -> (Tensor, Tensor) {
        let mut weights = self.halves[0].parameters();
        let hidden = self.activate(&dense(rows, &weights[0..2]));
        let hidden = self.activate(&dense(&hidden, &weights[2..4]));
        (dense(&hidden, &weights[4..6]), weights.swap_remove(6))
    }

    /// Values `[steps * values_per_step]` for observations `[steps * agents, observation]`.
    fn critic_forward(&self, rows: &Tensor, shares: &[f32], agents: usize) -> Tensor {
        let weights = self.halves[1].parameters();
        let embedding = self.activate(&dense(rows, &weights[0..2]));
        let by_step = |rows: &Tensor| rows.view([-1, agents as i64, self.sizes.hidden as i64]);
        let shares = (!shares.is_empty()).then(|| Tensor::from_slice(shares).view([-1, agents as i64, 1]));
        let pooled = match (self.sizes.critic, &shares) {
            (Critic::Own, _) => embedding,
            (Critic::Mean, None) => by_step(&embedding).mean_dim(1, false, Kind::Float),
            (Critic::Mean, Some(shares)) => (by_step(&embedding) * shares).sum_dim_intlist(1, false, Kind::Float),
            (Critic::Attention, shares) => attend(&by_step(&embedding), shares.as_ref(), &weights[6], &weights[7]),
        };
        let hidden = self.activate(&dense(&pooled, &weights[2..4]));
        dense(&hidden, &weights[4..6]).view([-1])
    }

    fn activate(&self, x: &Tensor) -> Tensor {
        match self.sizes.activation {
            Activation::Relu => x.relu(),
            Activation::Tanh => x.tanh(),
        }
    }
}

/// x W + b, for `weights` holding W and b.
fn dense(x: &Tensor, weights: &[Tensor]) -> Tensor {
    weights[1].addmm(x, &weights[0])
}

/// Pools embeddings `[steps, agents, hidden]` into `[steps, hidden]`; nobody looks at agents whose share `[steps, agents, 1]` is 0.
fn attend(embeddings: &Tensor, shares: Option<&Tensor>, query: &Tensor, map: &Tensor) -> Tensor {
    let (heads, hidden) = (HEADS as i64, map.size()[0]);
    let share = hidden / heads;
    let mut scores = embeddings.matmul(query) / (share as f64).sqrt();
    if let Some(shares) = shares {
        scores += (shares.eq(0.0)).to_kind(Kind::Float) * UNSEEN;
    }
    let means = scores.softmax(1, Kind::Float).transpose(1, 2).bmm(embeddings);
    // Mapping a head's mean costs 1 / agents of mapping every agent and is the same.
    let maps = map.view([hidden, heads, share]).transpose(0, 1);
    means.transpose(0, 1).bmm(&maps).transpose(0, 1).reshape([-1, hidden])
}

/// The sum of output * gradient: its derivative by any parameter is that of the loss whose gradient this is.
fn product(output: &Tensor, gradient: &[f32]) -> Tensor {
    (output.view([-1]) * Tensor::from_slice(gradient)).sum(Kind::Float)
}
