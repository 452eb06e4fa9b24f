//! The acting network: observation normaliser, two hidden layers and a head, in plain Rust.
//!
//! It needs no tensor library, allocates nothing once its [`Scratch`] is warm, and gives every row the same bits
//! whatever else is in the batch and whichever x86-64 CPU computes it (see [`crate::math::gemm`]).
//!
//! One network usually serves every agent of a team of any size. A team of fixed size can have one network for each place in
//! it, or one that sees what all see and decides for all ([`Team`]).

use std::{collections::BTreeSet, fmt};

use crate::{
    error::{Error, Result},
    math::gemm::{Aligned, Finish, Isa, Left, Product, Start, View, padded, stride},
    policy::tensor::{NamedTensor, find_shaped},
};

mod team;
#[cfg(test)]
mod tests;

pub use self::team::Team;
pub use crate::policy::tensor::find_tensor;

/// Nonlinearity of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// Hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// What ends a hidden layer's forward product.
    pub fn finish(self) -> Finish<'static> {
        match self {
            Self::Relu => Finish::Relu,
            Self::Tanh => Finish::Tanh,
        }
    }
}

/// Sizes and choices that fix an acting network's parameters completely.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ActorShape {
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
}

impl fmt::Display for ActorShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { observation, hidden, activation, continuous, discrete } = self;
        let activation = match activation {
            Activation::Relu => "relu",
            Activation::Tanh => "tanh",
        };
        write!(f, "{observation} observed numbers, hidden layers of {hidden} with {activation}, ")?;
        write!(f, "{continuous} continuous actions and {} choices", discrete.len())?;
        let sizes: Vec<String> = discrete.iter().map(usize::to_string).collect();
        if sizes.is_empty() { Ok(()) } else { write!(f, " (among {})", sizes.join(", ")) }
    }
}

impl ActorShape {
    /// Numbers the head puts out per agent: means of the continuous dimensions, then all logits.
    pub fn head(&self) -> usize {
        self.discrete.iter().fold(self.continuous, |sum, &choices| sum.saturating_add(choices))
    }

    /// Whether such a network can be built.
    ///
    /// # Errors
    /// A size that is zero, or larger than the 65,536 numbers that any layer may have.
    pub fn check(&self) -> Result<()> {
        for (what, size) in [("observation", self.observation), ("hidden layer", self.hidden), ("head", self.head())] {
            if !(1..=MAX_WIDTH).contains(&size) {
                return Err(Error::input(format!("a network's {what} has {size} numbers"))
                    .hint(format!("from 1 to {MAX_WIDTH} are possible")));
            }
        }
        match self.discrete.iter().position(|&choices| choices == 0) {
            Some(index) => Err(Error::input(format!("discrete action dimension {index} has no choices"))),
            None => Ok(()),
        }
    }

    /// Inputs and outputs of the three layers.
    pub fn layers(&self) -> [(usize, usize); 3] {
        [(self.observation, self.hidden), (self.hidden, self.hidden), (self.hidden, self.head())]
    }
}

/// Widest layer that is accepted: a guard against absurd sizes in damaged files.
const MAX_WIDTH: usize = 65_536;

/// Normalised observations are clipped to this.
pub const OBSERVATION_CLIP: f32 = 10.0;

/// Rows that go through all layers together: their activations stay in the nearest caches.
const BLOCK_ROWS: usize = 64;

/// An actor ready to act.
#[derive(Clone, Debug)]
pub struct Network {
    shape: ActorShape,
    team: Team,
    isa: Isa,
    mean: Vec<f32>,
    std: Vec<f32>,
    inverse_std: Vec<f32>,
    /// Layers of each place in the team, or the only ones.
    members: Vec<[Layer; 3]>,
    log_std: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Layer {
    /// `[inputs, outputs]`, rows [`stride`]`(outputs)` apart.
    weight: Aligned,
    bias: Aligned,
}

/// Room for a batch's activations; reuse it to act without allocating.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    normalised: Vec<f32>,
    hidden: [Aligned; 2],
    head: Aligned,
}

impl Network {
    /// Builds a network from `actor.{0,1,2}.{weight,bias}` (weights `[inputs, outputs]`), `actor.log_std`,
    /// `normaliser.mean` and `normaliser.std`, in any order.
    ///
    /// # Errors
    /// An impossible shape; a missing, repeated, unexpected or wrongly shaped tensor; a number that is not finite; a
    /// standard deviation that is not positive.
    pub fn from_tensors(shape: ActorShape, tensors: &[NamedTensor]) -> Result<Self> {
        Self::assemble(shape, Team::Any, tensors, find_tensor)
    }

    /// [`from_tensors`](Self::from_tensors) for any team. With layers for each place, the tensors of place 3 are
    /// `agent3.actor.…`; the rest is common to all. For a network that acts for a whole team at once, `shape` counts
    /// the numbers of all its agents together.
    ///
    /// # Errors
    /// As there, or a team without agents.
    pub fn for_team(shape: ActorShape, team: Team, tensors: &[NamedTensor]) -> Result<Self> {
        Self::assemble(shape, team, tensors, find_tensor)
    }

    /// [`from_tensors`](Self::from_tensors) for numbers just trained, which are taken as they are, finite or not.
    ///
    /// # Errors
    /// As there, but for the numbers of the actor.
    pub fn from_training(shape: ActorShape, tensors: &[NamedTensor]) -> Result<Self> {
        Self::assemble(shape, Team::Any, tensors, find_shaped)
    }

    fn assemble(
        shape: ActorShape,
        team: Team,
        tensors: &[NamedTensor],
        find: impl for<'a> Fn(&'a [NamedTensor], &str, &[usize]) -> Result<&'a [f32]>,
    ) -> Result<Self> {
        shape.check()?;
        if team.agents().is_some_and(|agents| !(1..=MAX_WIDTH).contains(&agents)) {
            return Err(Error::input(format!("a network cannot act for a team like {team:?}")));
        }
        let names = tensor_names(team);
        if let Some(tensor) = tensors.iter().find(|tensor| !names.contains(&tensor.name)) {
            return Err(Error::input(format!("unexpected tensor `{}`", tensor.name))
                .did_you_mean(&tensor.name, names.iter().map(String::as_str)));
        }
        let layer = |prefix: &str, index: usize| -> Result<Layer> {
            let (inputs, outputs) = shape.layers()[index];
            let weight = find(tensors, &format!("{prefix}actor.{index}.weight"), &[inputs, outputs])?;
            let bias = find(tensors, &format!("{prefix}actor.{index}.bias"), &[outputs])?;
            let weight = with_stride(weight, outputs, stride(outputs));
            Ok(Layer { weight, bias: with_stride(bias, outputs, padded(outputs)) })
        };
        let member = |prefix: &String| Ok([layer(prefix, 0)?, layer(prefix, 1)?, layer(prefix, 2)?]);
        let members = team.prefixes().iter().map(member).collect::<Result<Vec<_>>>()?;
        let log_std = find(tensors, "actor.log_std", &[shape.continuous])?.to_vec();
        let mean = find(tensors, "normaliser.mean", &[shape.observation])?;
        let std = find(tensors, "normaliser.std", &[shape.observation])?;
        let isa = Isa::best();
        let network = Self { shape, team, isa, mean: vec![], std: vec![], inverse_std: vec![], members, log_std };
        network.with_normaliser(mean, std)
    }

    /// The same network behind another normaliser: observations become (x - mean) / std, clipped to
    /// [`OBSERVATION_CLIP`].
    ///
    /// # Errors
    /// Wrong lengths, a number that is not finite, or a standard deviation that is not positive (or so small that its
    /// inverse is not finite).
    pub fn with_normaliser(mut self, mean: &[f32], std: &[f32]) -> Result<Self> {
        let inverse_std: Vec<f32> = std.iter().map(|std| 1.0 / std).collect();
        if mean.len() != self.shape.observation || std.len() != self.shape.observation {
            return Err(Error::input(format!(
                "the normaliser has {} means and {} deviations for {} observed numbers",
                mean.len(),
                std.len(),
                self.shape.observation
            )));
        }
        if let Some(index) = mean.iter().position(|mean| !mean.is_finite()) {
            return Err(Error::input(format!("`normaliser.mean` is not finite at {index}")));
        }
        let usable = |(std, inverse): (&f32, &f32)| *std > 0.0 && std.is_finite() && inverse.is_finite();
        if let Some(index) = std.iter().zip(&inverse_std).position(|pair| !usable(pair)) {
            return Err(Error::input(format!("`normaliser.std` is {} at {index}, not a positive number", std[index])));
        }
        (self.mean, self.std, self.inverse_std) = (mean.to_vec(), std.to_vec(), inverse_std);
        Ok(self)
    }

    /// Sizes and choices.
    pub fn shape(&self) -> &ActorShape {
        &self.shape
    }

    /// Whom it acts for.
    pub fn team(&self) -> Team {
        self.team
    }

    /// Logarithm of the standard deviation of each continuous action dimension.
    pub fn log_std(&self) -> &[f32] {
        &self.log_std
    }

    /// Mean and standard deviation that observations are normalised with.
    pub fn normaliser(&self) -> (&[f32], &[f32]) {
        (&self.mean, &self.std)
    }

    /// The tensors [`from_tensors`](Self::from_tensors) makes the same network of.
    pub fn tensors(&self) -> Vec<NamedTensor> {
        let mut tensors = Vec::new();
        for (prefix, layers) in self.team.prefixes().iter().zip(&self.members) {
            for (index, (layer, (inputs, outputs))) in layers.iter().zip(self.shape.layers()).enumerate() {
                let rows = layer.weight.chunks_exact(stride(outputs)).take(inputs);
                let weight = rows.flat_map(|row| &row[..outputs]).copied().collect();
                tensors.push(tensor(format!("{prefix}actor.{index}.weight"), &[inputs, outputs], weight));
                let bias = layer.bias[..outputs].to_vec();
                tensors.push(tensor(format!("{prefix}actor.{index}.bias"), &[outputs], bias));
            }
        }
        tensors.push(tensor("actor.log_std".to_owned(), &[self.log_std.len()], self.log_std.clone()));
        tensors.push(tensor("normaliser.mean".to_owned(), &[self.mean.len()], self.mean.clone()));
        tensors.push(tensor("normaliser.std".to_owned(), &[self.std.len()], self.std.clone()));
        tensors
    }

    /// Head of each of the observations `rows`, `[batch, observation]`, into `head`, `[batch, head]`.
    ///
    /// With layers for each place of a team, rows are those of whole teams, place after place.
    ///
    /// # Panics
    /// When the lengths do not describe the same batch.
    pub fn forward(&self, rows: &[f32], head: &mut [f32], scratch: &mut Scratch) {
        self.check_batch(rows, head);
        let (observation, outputs, block) = (self.shape.observation, self.shape.head(), self.block_rows());
        let mut normalised = std::mem::take(&mut scratch.normalised);
        normalised.resize(normalised.len().max(observation * block.min(rows.len() / observation)), 0.0);
        for (rows, head) in rows.chunks(block * observation).zip(head.chunks_mut(block * outputs)) {
            let normalised = &mut normalised[..rows.len()];
            self.normalise(rows, normalised);
            self.forward_block(normalised, head, scratch);
        }
        scratch.normalised = normalised;
    }

    /// [`forward`](Self::forward) for observations that are normalised already.
    ///
    /// # Panics
    /// When the lengths do not describe the same batch.
    pub fn forward_normalised(&self, rows: &[f32], head: &mut [f32], scratch: &mut Scratch) {
        self.check_batch(rows, head);
        let (observation, outputs, block) = (self.shape.observation, self.shape.head(), self.block_rows());
        for (rows, head) in rows.chunks(block * observation).zip(head.chunks_mut(block * outputs)) {
            self.forward_block(rows, head, scratch);
        }
    }

    /// Normalises and clips the observations `rows`, `[batch, observation]`, into `normalised` of the same length.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn normalise(&self, rows: &[f32], normalised: &mut [f32]) {
        assert_eq!(rows.len(), normalised.len(), "as many normalised numbers as observed ones");
        let observation = self.shape.observation;
        for (row, normalised) in rows.chunks_exact(observation).zip(normalised.chunks_exact_mut(observation)) {
            let normaliser = self.mean.iter().zip(&self.inverse_std);
            for ((x, y), (mean, inverse_std)) in row.iter().zip(normalised).zip(normaliser) {
                *y = ((x - mean) * inverse_std).clamp(-OBSERVATION_CLIP, OBSERVATION_CLIP);
            }
        }
    }

    fn check_batch(&self, rows: &[f32], head: &[f32]) {
        let batch = rows.len() / self.shape.observation;
        assert_eq!(rows.len(), batch * self.shape.observation, "whole observations");
        assert_eq!(head.len(), batch * self.shape.head(), "one head per observation");
        assert!(batch.is_multiple_of(self.members.len()), "whole teams");
    }

    /// Rows of a block: whole teams.
    fn block_rows(&self) -> usize {
        let places = self.members.len();
        (BLOCK_ROWS / places).max(1) * places
    }

    fn forward_block(&self, rows: &[f32], head: &mut [f32], scratch: &mut Scratch) {
        for (place, layers) in self.members.iter().enumerate() {
            self.forward_member(place, layers, rows, head, scratch);
        }
    }

    /// The rows of one place in the team through its layers.
    fn forward_member(&self, place: usize, layers: &[Layer; 3], rows: &[f32], head: &mut [f32], scratch: &mut Scratch) {
        let (observation, hidden, outputs) = (self.shape.observation, self.shape.hidden, self.shape.head());
        let places = self.members.len();
        let batch = rows.len() / observation / places;
        let (hidden_stride, head_stride) = (stride(hidden), padded(outputs));
        let [first, second] = &mut scratch.hidden;
        first.reserve(batch * hidden_stride);
        second.reserve(batch * hidden_stride);
        scratch.head.reserve(batch * head_stride);
        let product = |layer: usize, inner, columns, left, finish| Product {
            rows: batch,
            inner,
            columns,
            left: Left::Plain(left),
            right: View { data: &layers[layer].weight, stride: stride(columns) },
            start: Start::Row(&layers[layer].bias),
            finish,
        };
        let finish = self.shape.activation.finish();
        let input = View { data: &rows[place * observation..], stride: places * observation };
        product(0, observation, hidden, input, finish).store(self.isa, first, hidden_stride);
        let input = View { data: first, stride: hidden_stride };
        product(1, hidden, hidden, input, finish).store(self.isa, second, hidden_stride);
        let input = View { data: second, stride: hidden_stride };
        product(2, hidden, outputs, input, Finish::Keep).store(self.isa, &mut scratch.head, head_stride);
        let heads = head.chunks_exact_mut(outputs).skip(place).step_by(places);
        for (head, row) in heads.zip(scratch.head.chunks_exact(head_stride)) {
            head.copy_from_slice(&row[..outputs]);
        }
    }

    #[cfg(test)]
    fn with_isa(mut self, isa: Isa) -> Self {
        self.isa = isa;
        self
    }
}

fn tensor_names(team: Team) -> BTreeSet<String> {
    let layers = team.prefixes().into_iter().flat_map(|prefix| {
        (0..3).flat_map(move |i| [format!("{prefix}actor.{i}.weight"), format!("{prefix}actor.{i}.bias")])
    });
    layers.chain(["actor.log_std", "normaliser.mean", "normaliser.std"].map(String::from)).collect()
}

fn tensor(name: String, shape: &[usize], data: Vec<f32>) -> NamedTensor {
    NamedTensor { name, shape: shape.to_vec(), data }
}

/// Rows of `columns` numbers, set `stride` apart with zeros between.
fn with_stride(dense: &[f32], columns: usize, stride: usize) -> Aligned {
    let mut rows = Aligned::zeros(dense.len() / columns * stride);
    for (row, dense) in rows.chunks_exact_mut(stride).zip(dense.chunks_exact(columns)) {
        row[..columns].copy_from_slice(dense);
    }
    rows
}
