//! The parameters of one network, actor or critic, with their optimiser.
//!
//! All parameters stand in one flat tensor, so norm, clipping and Adam are a handful of operations whatever the number of
//! layers. Adam is written out because libtorch's own keeps its moments where they can be neither saved nor restored
//! exactly.

use tch::Tensor;

use crate::interface::{Slot, StepSize};

/// Step counts stay exact in f32 up to here, where Adam's bias corrections have long become 1.
const MOST_STEPS: u32 = 1 << 24;

/// Adam's decay of the mean gradient and of the mean square (Kingma & Ba 2015).
const BETAS: (f64, f64) = (0.9, 0.999);

/// One network with its optimiser.
#[derive(Debug)]
pub(crate) struct Half {
    /// Shapes of the parameters.
    shapes: Vec<Vec<i64>>,
    /// Parameters, Adam's first and second moments: flat, one shape after the other.
    vectors: [Tensor; 3],
    /// Optimiser steps taken.
    pub(crate) steps: u32,
}

impl Half {
    pub(crate) fn zeros(slots: &[Slot]) -> Self {
        let zeros = vec![0.0; slots.iter().map(Slot::len).sum()];
        let shapes = slots.iter().map(|slot| slot.shape.iter().map(|&size| size as i64).collect()).collect();
        let mut half = Self { shapes, vectors: [Tensor::new(), Tensor::new(), Tensor::new()], steps: 0 };
        half.put([&zeros; 3], 0);
        half
    }

    /// Whether these vectors could be put.
    pub(crate) fn check(&self, vectors: &[&[f32]; 3]) -> Result<(), String> {
        vectors.iter().try_for_each(|vector| self.check_len(vector.len()))
    }

    /// Sets parameters, moments and the step count.
    pub(crate) fn put(&mut self, vectors: [&[f32]; 3], steps: u32) {
        self.vectors = vectors.map(Tensor::from_slice);
        self.vectors[0] = self.vectors[0].set_requires_grad(true);
        self.steps = steps;
    }

    /// Reads those of parameters and moments that are not empty.
    pub(crate) fn read(&self, vectors: [&mut [f32]; 3]) -> Result<(), String> {
        for (vector, tensor) in vectors.into_iter().zip(&self.vectors).filter(|(vector, _)| !vector.is_empty()) {
            self.check_len(vector.len())?;
            tensor.copy_data(vector, vector.len());
        }
        Ok(())
    }

    fn check_len(&self, len: usize) -> Result<(), String> {
        let expected = self.vectors[0].numel();
        if len == expected { Ok(()) } else { Err(format!("{len} numbers for {expected} parameters")) }
    }

    /// The parameters, each in its shape, as parts of the graph.
    pub(crate) fn parameters(&self) -> Vec<Tensor> {
        let sizes: Vec<i64> = self.shapes.iter().map(|shape| shape.iter().product()).collect();
        let parts = self.vectors[0].split_with_sizes(&sizes[..], 0).into_iter().zip(&self.shapes);
        parts.map(|(part, shape)| part.view(&shape[..])).collect()
    }

    /// One step of Adam down the gradient of `target`; returns the gradient's norm before clipping.
    ///
    /// A gradient that is not finite is not followed: the norm tells.
    pub(crate) fn follow(&mut self, target: &Tensor, learning_rate: f32, size: &StepSize) -> f32 {
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
}

/// The numbers of a tensor, in order.
pub(crate) fn numbers(tensor: &Tensor) -> Vec<f32> {
    let mut numbers = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut numbers, tensor.numel());
    numbers
}
