//! The parameters of one network, actor or critic, with their optimiser.
//!
//! All parameters stand in one flat tensor, so norm, clipping and Adam are a handful of operations whatever the number of
//! layers. Adam is written out because libtorch's own keeps its moments where they can be neither saved nor restored
//! exactly.

use tch::Tensor;

use super::StepSize;
use crate::{
    error::{Error, Result},
    policy::{network::find_tensor, tensor::NamedTensor},
};

/// Step counts stay exact in f32 up to here, where Adam's bias corrections have long become 1.
pub(super) const MOST_STEPS: u32 = 1 << 24;

/// Adam's decay of the mean gradient and of the mean square (Kingma & Ba 2015).
const BETAS: (f64, f64) = (0.9, 0.999);

/// Prefixes of the three vectors' names.
const PREFIXES: [&str; 3] = ["", "adam.m.", "adam.v."];

/// One network with its optimiser.
#[derive(Debug)]
pub(super) struct Half {
    slots: Vec<Slot>,
    /// Parameters, Adam's first and second moments: flat, in the order of the slots.
    vectors: [Tensor; 3],
    /// Optimiser steps taken.
    pub(super) steps: u32,
}

/// Name and shape of one parameter.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
}

impl Slot {
    pub(super) fn new(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec() }
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Half {
    pub(super) fn zeros(slots: Vec<Slot>) -> Self {
        let len = slots.iter().map(Slot::len).sum();
        let mut half = Self { slots, vectors: [Tensor::new(), Tensor::new(), Tensor::new()], steps: 0 };
        half.put([vec![0.0; len], vec![0.0; len], vec![0.0; len]], 0);
        half
    }

    /// Sets everything that [`read_state`](Self::read_state) returned.
    pub(super) fn put(&mut self, vectors: [Vec<f32>; 3], steps: u32) {
        self.vectors = vectors.map(|vector| Tensor::from_slice(&vector));
        self.vectors[0] = self.vectors[0].set_requires_grad(true);
        self.steps = steps;
    }

    /// The parameters, each in its shape, as parts of the graph.
    pub(super) fn parameters(&self) -> Vec<Tensor> {
        let sizes: Vec<i64> = self.slots.iter().map(|slot| slot.len() as i64).collect();
        let parts = self.vectors[0].split_with_sizes(&sizes[..], 0).into_iter().zip(&self.slots);
        parts
            .map(|(part, slot)| part.view(&slot.shape.iter().map(|&size| size as i64).collect::<Vec<_>>()[..]))
            .collect()
    }

    /// One step of Adam down the gradient of `target`; returns the gradient's norm before clipping.
    ///
    /// A gradient that is not finite is not followed: the norm tells.
    pub(super) fn follow(&mut self, target: &Tensor, learning_rate: f32, size: &StepSize) -> f32 {
        let gradient = Tensor::run_backward(&[target], &[&self.vectors[0]], false, false).swap_remove(0);
        let norm = gradient.norm().double_value(&[]);
        if norm.is_finite() {
            tch::no_grad(|| self.adam(&gradient, norm, f64::from(learning_rate), size));
        }
        norm as f32
    }

    fn adam(&mut self, gradient: &Tensor, norm: f64, learning_rate: f64, size: &StepSize) {
        self.steps = (self.steps + 1).min(MOST_STEPS);
        let correction = |beta: f64| 1.0 - libm::pow(beta, f64::from(self.steps));
        let (step, root_scale) = (learning_rate / correction(BETAS.0), 1.0 / correction(BETAS.1).sqrt());
        // The 1e-6 keeps the quotient finite for a zero gradient, as in torch.nn.utils.clip_grad_norm_.
        let gradient = gradient * (f64::from(size.max_grad_norm) / (norm + 1e-6)).min(1.0);
        let [parameters, first, second] = &mut self.vectors;
        *first *= BETAS.0;
        *first += &gradient * (1.0 - BETAS.0);
        *second *= BETAS.1;
        *second += gradient.square() * (1.0 - BETAS.1);
        *parameters -= &*first * step / (second.sqrt() * root_scale + f64::from(size.adam_eps));
    }

    /// Parameters and moments by name; those of all parameters with one prefix are neighbours.
    pub(super) fn write_state(&self, prefix: usize, state: &mut Vec<NamedTensor>) {
        let numbers = read(&self.vectors[prefix]);
        let mut rest = &numbers[..];
        for slot in &self.slots {
            let (data, after) = rest.split_at(slot.len());
            state.push(NamedTensor { name: slot.named(prefix), shape: slot.shape.clone(), data: data.to_vec() });
            rest = after;
        }
    }

    /// Collects parameters and moments from a state, for [`put`](Self::put).
    pub(super) fn read_state(&self, state: &[NamedTensor]) -> Result<[Vec<f32>; 3]> {
        let mut vectors = [Vec::new(), Vec::new(), Vec::new()];
        for (prefix, vector) in vectors.iter_mut().enumerate() {
            for slot in &self.slots {
                let data = find_tensor(state, &slot.named(prefix), &slot.shape)?;
                if let Some(index) = data.iter().position(|&x| PREFIXES[prefix] == "adam.v." && x < 0.0) {
                    let name = slot.named(prefix);
                    return Err(Error::input(format!("`{name}` is {} at {index}, but is a square", data[index])));
                }
                vector.extend_from_slice(data);
            }
        }
        Ok(vectors)
    }

    /// Names of all parameters and moments.
    pub(super) fn state_names(&self) -> impl Iterator<Item = String> {
        (0..PREFIXES.len()).flat_map(|prefix| self.slots.iter().map(move |slot| slot.named(prefix)))
    }
}

impl Slot {
    fn named(&self, prefix: usize) -> String {
        format!("{}{}", PREFIXES[prefix], self.name)
    }
}

/// The numbers of a tensor, in order.
pub(super) fn read(tensor: &Tensor) -> Vec<f32> {
    let mut numbers = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut numbers, tensor.numel());
    numbers
}
