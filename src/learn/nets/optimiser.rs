//! Adam for one or several [`Mlp`]s that are trained as one: a common norm, a common step.

use super::mlp::Mlp;
use crate::{
    error::{Error, Result},
    math::gemm::{Adam, Aligned, Isa, sum_of_squares},
    policy::{network::find_tensor, tensor::NamedTensor},
};

/// Adam's decay of the mean gradient and of the mean square (Kingma & Ba 2015).
const BETAS: (f32, f32) = (0.9, 0.999);

/// Step counts stay exact in f32 up to here, where Adam's bias corrections have long become 1.
const MOST_STEPS: u32 = 1 << 24;

/// How far one step goes.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Learning rate.
    pub learning_rate: f32,
    /// Adam's epsilon.
    pub adam_eps: f32,
    /// The gradient is scaled down to this norm.
    pub max_grad_norm: f32,
}

/// Moments of the gradients of some networks.
#[derive(Clone, Debug)]
pub struct Optimiser {
    first: Aligned,
    second: Aligned,
    steps: u32,
}

impl Optimiser {
    /// For networks with this many parameters together.
    pub fn new(parameters: usize) -> Self {
        Self { first: Aligned::zeros(parameters), second: Aligned::zeros(parameters), steps: 0 }
    }

    /// One step of Adam for `nets` along `gradient`, in which the parameters of each stand behind those of the one before; returns the
    /// gradient's norm. A gradient that is not finite is not followed: the norm tells.
    ///
    /// # Panics
    /// When the gradient is not that of these networks.
    pub fn follow<'a>(&mut self, nets: impl IntoIterator<Item = &'a mut Mlp>, gradient: &[f32], step: Step) -> f32 {
        let isa = Isa::best();
        let norm = sum_of_squares(isa, gradient).sqrt() as f32;
        if !norm.is_finite() {
            return norm;
        }
        self.steps = (self.steps + 1).min(MOST_STEPS);
        // The 1e-6 keeps the quotient finite for a zero gradient, as in torch.nn.utils.clip_grad_norm_.
        let scale = (step.max_grad_norm / (norm + 1e-6)).min(1.0);
        let Step { learning_rate, adam_eps: eps, .. } = step;
        let adam = Adam { learning_rate, beta1: BETAS.0, beta2: BETAS.1, eps };
        let mut start = 0;
        for net in nets {
            let range = start..start + net.len();
            start = range.end;
            let moments = (&mut self.first[range.clone()], &mut self.second[range.clone()]);
            adam.apply(isa, self.steps, &gradient[range], scale, (net.parameters_mut(), moments.0, moments.1));
            net.refresh();
        }
        norm
    }

    /// Moments and step count: `{prefix}m.`, `{prefix}v.` followed by the name of the network and of its parameter, and `{prefix}steps`.
    pub fn tensors(&self, nets: &[(&str, &Mlp)], prefix: &str) -> Vec<NamedTensor> {
        let mut tensors = Vec::new();
        let mut start = 0;
        for (name, net) in nets {
            let range = start..start + net.len();
            start = range.end;
            tensors.extend(net.tensors_of(&self.first[range.clone()], &format!("{prefix}m.{name}")));
            tensors.extend(net.tensors_of(&self.second[range], &format!("{prefix}v.{name}")));
        }
        let steps = vec![self.steps as f32];
        tensors.push(NamedTensor { name: format!("{prefix}steps"), shape: vec![1], data: steps });
        tensors
    }

    /// Puts back what [`tensors`](Self::tensors) gave.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, is not finite, or cannot be a square or a count.
    pub fn load(&mut self, nets: &[(&str, &Mlp)], tensors: &[NamedTensor], prefix: &str) -> Result<()> {
        let mut start = 0;
        for (name, net) in nets {
            let range = start..start + net.len();
            start = range.end;
            self.first[range.clone()].copy_from_slice(&net.vector_of(tensors, &format!("{prefix}m.{name}"))?);
            let squares = net.vector_of(tensors, &format!("{prefix}v.{name}"))?;
            if let Some(square) = squares.iter().find(|square| **square < 0.0) {
                return Err(Error::input(format!("a moment of `{prefix}v.{name}` is {square}, but is a square")));
            }
            self.second[range].copy_from_slice(&squares);
        }
        let steps = find_tensor(tensors, &format!("{prefix}steps"), &[1])?[0];
        if !(0.0..=MOST_STEPS as f32).contains(&steps) || steps.fract() != 0.0 {
            return Err(Error::input(format!("`{prefix}steps` is {steps}, not a count")));
        }
        self.steps = steps as u32;
        Ok(())
    }
}
