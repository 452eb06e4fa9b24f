//! Where each parameter stands in the one vector that the optimiser walks over.
//!
//! Rows are padded as [`crate::math::gemm`] wants them; padding is zero in weights, gradients and moments alike and so
//! stays zero. The last layer is kept transposed, `[outputs, inputs]`: it is narrow, and this way its gradient and the
//! gradient it passes down are products with full rows.

use std::ops::Range;

use crate::{
    learn::nets::Architecture,
    math::gemm::{Aligned, LANES, View, padded, stride, transpose},
};

/// Parameters of actor and critic in one vector: first the actor's with its log_std, then the critic's.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) actor: Layers,
    pub(super) log_std: Range<usize>,
    pub(super) critic: Layers,
    slots: Vec<Slot>,
}

/// Two hidden layers and an output layer.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) outputs: usize,
    /// Distance between rows of every weight and of hidden activations.
    pub(super) stride: usize,
    pub(super) weights: [Range<usize>; 3],
    pub(super) biases: [Range<usize>; 3],
}

/// Copies of a network's weights in the order that products want, made anew after each optimiser step.
#[derive(Clone, Debug)]
pub(super) struct Turned {
    /// Second layer's weights transposed, rows [`Layers::stride`] apart.
    pub(super) middle: Aligned,
    /// Last layer's weights `[hidden, outputs]`, rows `padded(outputs)` apart.
    pub(super) last: Aligned,
}

/// One named parameter in the vector.
#[derive(Clone, Debug)]
struct Slot {
    name: String,
    shape: Vec<usize>,
    start: usize,
    /// Distance in the vector between neighbours along the last axis, and along the one before.
    steps: [usize; 2],
}

impl Layout {
    pub(super) fn new(architecture: &Architecture) -> Self {
        let mut end = 0;
        let inputs = architecture.observation;
        let actor = Layers::place(&mut end, inputs, architecture.hidden, architecture.head());
        let log_std = claim(&mut end, padded(architecture.continuous));
        let critic = Layers::place(&mut end, architecture.critic_width(), architecture.hidden, 1);
        let mut slots = actor.slots("actor");
        slots.push(Slot {
            name: "actor.log_std".to_owned(),
            shape: vec![architecture.continuous],
            start: log_std.start,
            steps: [1, 0],
        });
        slots.extend(critic.slots("critic"));
        Self { actor, log_std, critic, slots }
    }

    /// Length of the vector.
    pub(super) fn len(&self) -> usize {
        self.critic.biases[2].end
    }

    /// Where the actor's parameters stand, log_std included.
    pub(super) fn actor_range(&self) -> Range<usize> {
        0..self.log_std.end
    }

    /// Where the critic's parameters stand.
    pub(super) fn critic_range(&self) -> Range<usize> {
        self.log_std.end..self.len()
    }

    /// Names and shapes of all parameters.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.slots.iter().map(|slot| (slot.name.as_str(), slot.shape.as_slice()))
    }

    /// All parameters by name, without padding.
    pub(super) fn read(&self, vector: &[f32]) -> impl Iterator<Item = (&str, &[usize], Vec<f32>)> {
        self.slots.iter().map(move |slot| {
            (slot.name.as_str(), slot.shape.as_slice(), slot.places().map(|place| vector[place]).collect())
        })
    }

    /// Puts the parameter called `name` into its place.
    pub(super) fn write(&self, vector: &mut [f32], name: &str, data: &[f32]) {
        for slot in self.slots.iter().filter(|slot| slot.name == name) {
            for (place, &x) in slot.places().zip(data) {
                vector[place] = x;
            }
        }
    }
}

impl Layers {
    fn place(end: &mut usize, inputs: usize, hidden: usize, outputs: usize) -> Self {
        let stride = stride(hidden);
        let (first, first_bias) = (claim(end, inputs * stride), claim(end, stride));
        let (middle, middle_bias) = (claim(end, hidden * stride), claim(end, stride));
        let (last, last_bias) = (claim(end, outputs * stride), claim(end, padded(outputs)));
        let (weights, biases) = ([first, middle, last], [first_bias, middle_bias, last_bias]);
        Self { inputs, hidden, outputs, stride, weights, biases }
    }

    fn slots(&self, prefix: &str) -> Vec<Slot> {
        let sizes = [(self.inputs, self.hidden), (self.hidden, self.hidden), (self.hidden, self.outputs)];
        let mut slots = Vec::new();
        for (index, (inputs, outputs)) in sizes.into_iter().enumerate() {
            let steps = if index == 2 { [self.stride, 1] } else { [1, self.stride] };
            slots.push(Slot {
                name: format!("{prefix}.{index}.weight"),
                shape: vec![inputs, outputs],
                start: self.weights[index].start,
                steps,
            });
            slots.push(Slot {
                name: format!("{prefix}.{index}.bias"),
                shape: vec![outputs],
                start: self.biases[index].start,
                steps: [1, 0],
            });
        }
        slots
    }
}

impl Slot {
    fn places(&self) -> impl Iterator<Item = usize> {
        let columns = self.shape.last().copied().unwrap_or(1);
        let rows = if self.shape.len() == 2 { self.shape[0] } else { 1 };
        (0..rows).flat_map(move |i| (0..columns).map(move |j| self.start + i * self.steps[1] + j * self.steps[0]))
    }
}

impl Turned {
    pub(super) fn new(layers: &Layers) -> Self {
        Self {
            middle: Aligned::zeros(layers.hidden * layers.stride),
            last: Aligned::zeros(layers.hidden * padded(layers.outputs)),
        }
    }

    pub(super) fn refresh(&mut self, layers: &Layers, parameters: &[f32]) {
        let weights = |index: usize| View { data: &parameters[layers.weights[index].clone()], stride: layers.stride };
        transpose((layers.hidden, layers.hidden), weights(1), &mut self.middle, layers.stride);
        transpose((layers.outputs, layers.hidden), weights(2), &mut self.last, padded(layers.outputs));
    }
}

/// The next `len` places, in whole vectors.
fn claim(end: &mut usize, len: usize) -> Range<usize> {
    let start = *end;
    *end += len.next_multiple_of(LANES);
    start..*end
}
