//! The state of both networks: named tensors for whoever saves it, flat vectors for the plugin.

use super::interface::{Sizes, Slot};
use crate::{
    error::{Error, Result},
    policy::{network::find_tensor, tensor::NamedTensor},
};

/// Of actor and critic: parameters, Adam's first and second moments, each in the order of the slots.
pub(super) type Vectors = [[Vec<f32>; 3]; 2];

/// Prefixes of the three vectors' names.
const PREFIXES: [&str; 3] = ["", "adam.m.", "adam.v."];

/// Name of the optimisers' step counts.
const STEPS: &str = "adam.steps";

/// Step counts stay exact in f32 up to here.
const MOST_STEPS: u32 = 1 << 24;

/// Names and shapes of the parameters of actor and critic.
#[derive(Debug)]
pub(super) struct Layout([Vec<Slot>; 2]);

impl Layout {
    pub(super) fn new(sizes: &Sizes) -> Self {
        Self(sizes.slots())
    }

    /// Vectors of zeros.
    pub(super) fn zeros(&self) -> Vectors {
        self.0.each_ref().map(|slots| {
            let len = slots.iter().map(Slot::len).sum();
            [vec![0.0; len], vec![0.0; len], vec![0.0; len]]
        })
    }

    /// The parameters of one network alone, as zeros.
    pub(super) fn zeros_of(&self, network: usize) -> Vectors {
        let mut vectors = Vectors::default();
        vectors[network][0].resize(self.0[network].iter().map(Slot::len).sum(), 0.0);
        vectors
    }

    /// Everything by name; tensors with one prefix are neighbours.
    pub(super) fn name(&self, vectors: &Vectors, steps: [u32; 2]) -> Vec<NamedTensor> {
        let mut state = Vec::new();
        for prefix in 0..PREFIXES.len() {
            for (slots, vectors) in self.0.iter().zip(vectors) {
                state.extend(named(slots, prefix, &vectors[prefix]));
            }
        }
        let steps = steps.map(|steps| steps as f32).to_vec();
        state.push(NamedTensor { name: STEPS.to_owned(), shape: vec![2], data: steps });
        state
    }

    /// The parameters of one network by name.
    pub(super) fn name_parameters(&self, network: usize, vectors: &Vectors) -> Vec<NamedTensor> {
        named(&self.0[network], 0, &vectors[network][0]).collect()
    }

    /// Vectors and step counts of a state.
    ///
    /// # Errors
    /// A missing, unexpected or wrongly shaped tensor, or one with a number that cannot be.
    pub(super) fn read(&self, state: &[NamedTensor]) -> Result<(Vectors, [u32; 2])> {
        let slots = || self.0.iter().flatten();
        let all = (0..PREFIXES.len()).flat_map(|prefix| slots().map(move |slot| name(slot, prefix)));
        let names: Vec<String> = all.chain([STEPS.to_owned()]).collect();
        if let Some(tensor) = state.iter().find(|tensor| !names.contains(&tensor.name)) {
            return Err(Error::input(format!("unexpected tensor `{}`", tensor.name))
                .did_you_mean(&tensor.name, names.iter().map(String::as_str)));
        }
        let mut vectors = Vectors::default();
        for (slots, vectors) in self.0.iter().zip(&mut vectors) {
            for (prefix, vector) in vectors.iter_mut().enumerate() {
                for slot in slots {
                    vector.extend_from_slice(find(state, slot, prefix)?);
                }
            }
        }
        let steps = find_tensor(state, STEPS, &[2])?;
        if !steps.iter().all(|x| (0.0..=MOST_STEPS as f32).contains(x) && x.fract() == 0.0) {
            return Err(Error::input(format!("`{STEPS}` is {steps:?}, not two counts")));
        }
        Ok((vectors, [steps[0] as u32, steps[1] as u32]))
    }

    /// What a critic with attention has more than one with the mean, as it begins: queries that look at all agents alike,
    /// maps that change nothing, and moments at rest. Other critics have nothing more.
    pub(super) fn initial_attention(&self) -> Vec<NamedTensor> {
        let mut tensors = Vec::new();
        for prefix in 0..PREFIXES.len() {
            for slot in self.0[1].iter().filter(|slot| slot.name.starts_with("critic.attention.")) {
                let mut data = vec![0.0; slot.len()];
                if prefix == 0 && slot.name.ends_with(".map") {
                    data.iter_mut().step_by(slot.shape[1] + 1).for_each(|x| *x = 1.0);
                }
                tensors.push(NamedTensor { name: name(slot, prefix), shape: slot.shape.clone(), data });
            }
        }
        tensors
    }
}

fn name(slot: &Slot, prefix: usize) -> String {
    format!("{}{}", PREFIXES[prefix], slot.name)
}

/// Cuts a vector into its slots.
fn named(slots: &[Slot], prefix: usize, mut vector: &[f32]) -> impl Iterator<Item = NamedTensor> {
    slots.iter().map(move |slot| {
        let (data, rest) = vector.split_at(slot.len());
        vector = rest;
        NamedTensor { name: name(slot, prefix), shape: slot.shape.clone(), data: data.to_vec() }
    })
}

/// The numbers of one slot; those of second moments are squares.
fn find<'a>(state: &'a [NamedTensor], slot: &Slot, prefix: usize) -> Result<&'a [f32]> {
    let name = name(slot, prefix);
    let data = find_tensor(state, &name, &slot.shape)?;
    match data.iter().position(|&x| PREFIXES[prefix] == "adam.v." && x < 0.0) {
        Some(index) => Err(Error::input(format!("`{name}` is {} at {index}, but is a square", data[index]))),
        None => Ok(data),
    }
}
