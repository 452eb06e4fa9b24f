//! The acting network: observation normaliser, two hidden layers and a head, in plain Rust.
//!
//! It needs no tensor library, allocates nothing once its [`Scratch`] is warm, and gives every row the same bits
//! whatever else is in the batch and whichever x86-64 CPU computes it (see [`crate::math::gemm`]).

use crate::{
    error::{Error, Result},
    math::gemm::{Aligned, Finish, Isa, Left, Product, Start, View, padded, stride},
    policy::tensor::NamedTensor,
};

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
    isa: Isa,
    mean: Vec<f32>,
    std: Vec<f32>,
    inverse_std: Vec<f32>,
    layers: [Layer; 3],
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
        Self::assemble(shape, tensors, find_tensor)
    }

    /// [`from_tensors`](Self::from_tensors) for numbers just trained, which are taken as they are, finite or not.
    ///
    /// # Errors
    /// As there, but for the numbers of the actor.
    pub fn from_training(shape: ActorShape, tensors: &[NamedTensor]) -> Result<Self> {
        Self::assemble(shape, tensors, find_shaped)
    }

    fn assemble(
        shape: ActorShape,
        tensors: &[NamedTensor],
        find: impl for<'a> Fn(&'a [NamedTensor], &str, &[usize]) -> Result<&'a [f32]>,
    ) -> Result<Self> {
        shape.check()?;
        let names = tensor_names();
        if let Some(tensor) = tensors.iter().find(|tensor| !names.contains(&tensor.name)) {
            return Err(Error::input(format!("unexpected tensor `{}`", tensor.name))
                .did_you_mean(&tensor.name, names.iter().map(String::as_str)));
        }
        let layer = |index: usize| -> Result<Layer> {
            let (inputs, outputs) = shape.layers()[index];
            let weight = find(tensors, &format!("actor.{index}.weight"), &[inputs, outputs])?;
            let bias = find(tensors, &format!("actor.{index}.bias"), &[outputs])?;
            let weight = with_stride(weight, outputs, stride(outputs));
            Ok(Layer { weight, bias: with_stride(bias, outputs, padded(outputs)) })
        };
        let layers = [layer(0)?, layer(1)?, layer(2)?];
        let log_std = find(tensors, "actor.log_std", &[shape.continuous])?.to_vec();
        let mean = find(tensors, "normaliser.mean", &[shape.observation])?;
        let std = find(tensors, "normaliser.std", &[shape.observation])?;
        let isa = Isa::best();
        Self { shape, isa, mean: vec![], std: vec![], inverse_std: vec![], layers, log_std }.with_normaliser(mean, std)
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
        for (index, (layer, (inputs, outputs))) in self.layers.iter().zip(self.shape.layers()).enumerate() {
            let rows = layer.weight.chunks_exact(stride(outputs)).take(inputs);
            let weight = rows.flat_map(|row| &row[..outputs]).copied().collect();
            tensors.push(tensor(format!("actor.{index}.weight"), &[inputs, outputs], weight));
            tensors.push(tensor(format!("actor.{index}.bias"), &[outputs], layer.bias[..outputs].to_vec()));
        }
        tensors.push(tensor("actor.log_std".to_owned(), &[self.log_std.len()], self.log_std.clone()));
        tensors.push(tensor("normaliser.mean".to_owned(), &[self.mean.len()], self.mean.clone()));
        tensors.push(tensor("normaliser.std".to_owned(), &[self.std.len()], self.std.clone()));
        tensors
    }

    /// Head of each of the observations `rows`, `[batch, observation]`, into `head`, `[batch, head]`.
    ///
    /// # Panics
    /// When the lengths do not describe the same batch.
    pub fn forward(&self, rows: &[f32], head: &mut [f32], scratch: &mut Scratch) {
        self.check_batch(rows, head);
        let (observation, outputs) = (self.shape.observation, self.shape.head());
        let mut normalised = std::mem::take(&mut scratch.normalised);
        normalised.resize(normalised.len().max(observation * BLOCK_ROWS.min(rows.len() / observation)), 0.0);
        for (rows, head) in rows.chunks(BLOCK_ROWS * observation).zip(head.chunks_mut(BLOCK_ROWS * outputs)) {
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
        let (observation, outputs) = (self.shape.observation, self.shape.head());
        for (rows, head) in rows.chunks(BLOCK_ROWS * observation).zip(head.chunks_mut(BLOCK_ROWS * outputs)) {
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
    }

    fn forward_block(&self, rows: &[f32], head: &mut [f32], scratch: &mut Scratch) {
        let (observation, hidden, outputs) = (self.shape.observation, self.shape.hidden, self.shape.head());
        let batch = rows.len() / observation;
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
            right: View { data: &self.layers[layer].weight, stride: stride(columns) },
            start: Start::Row(&self.layers[layer].bias),
            finish,
        };
        let finish = self.shape.activation.finish();
        let input = View { data: rows, stride: observation };
        product(0, observation, hidden, input, finish).store(self.isa, first, hidden_stride);
        let input = View { data: first, stride: hidden_stride };
        product(1, hidden, hidden, input, finish).store(self.isa, second, hidden_stride);
        let input = View { data: second, stride: hidden_stride };
        product(2, hidden, outputs, input, Finish::Keep).store(self.isa, &mut scratch.head, head_stride);
        for (head, row) in head.chunks_exact_mut(outputs).zip(scratch.head.chunks_exact(head_stride)) {
            head.copy_from_slice(&row[..outputs]);
        }
    }

    #[cfg(test)]
    fn with_isa(mut self, isa: Isa) -> Self {
        self.isa = isa;
        self
    }
}

fn tensor_names() -> Vec<String> {
    let layers = (0..3).flat_map(|i| [format!("actor.{i}.weight"), format!("actor.{i}.bias")]);
    layers.chain(["actor.log_std", "normaliser.mean", "normaliser.std"].map(String::from)).collect()
}

fn tensor(name: String, shape: &[usize], data: Vec<f32>) -> NamedTensor {
    NamedTensor { name, shape: shape.to_vec(), data }
}

/// The numbers of the one tensor called `name`, if it has this shape and only finite numbers.
///
/// # Errors
/// Whatever is wrong with it.
pub fn find_tensor<'a>(tensors: &'a [NamedTensor], name: &str, shape: &[usize]) -> Result<&'a [f32]> {
    let data = find_shaped(tensors, name, shape)?;
    match data.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::input(format!("tensor `{name}` is {} at {index}", data[index]))
            .hint("the weights are damaged or their training diverged; use an earlier checkpoint")),
        None => Ok(data),
    }
}

fn find_shaped<'a>(tensors: &'a [NamedTensor], name: &str, shape: &[usize]) -> Result<&'a [f32]> {
    let mut found = tensors.iter().filter(|tensor| tensor.name == name);
    let tensor = found.next().ok_or_else(|| Error::input(format!("tensor `{name}` is missing")))?;
    if found.next().is_some() {
        return Err(Error::input(format!("tensor `{name}` is there more than once")));
    }
    if tensor.shape != shape {
        return Err(Error::input(format!("tensor `{name}` has shape {:?}, expected {shape:?}", tensor.shape))
            .hint("was it made for another observation layout, action space or network size?"));
    }
    if Some(tensor.data.len()) != shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size)) {
        return Err(Error::input(format!("tensor `{name}` has {} numbers for shape {shape:?}", tensor.data.len())));
    }
    Ok(&tensor.data)
}

/// Rows of `columns` numbers, set `stride` apart with zeros between.
fn with_stride(dense: &[f32], columns: usize, stride: usize) -> Aligned {
    let mut rows = Aligned::zeros(dense.len() / columns * stride);
    for (row, dense) in rows.chunks_exact_mut(stride).zip(dense.chunks_exact(columns)) {
        row[..columns].copy_from_slice(dense);
    }
    rows
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const OBSERVATION: usize = 5;
    const HIDDEN: usize = 20;

    fn shape(activation: Activation) -> ActorShape {
        ActorShape { observation: OBSERVATION, hidden: HIDDEN, activation, continuous: 2, discrete: vec![4] }
    }

    fn noise(len: usize, seed: usize) -> Vec<f32> {
        let number = |i: usize| ((i + 1) as f64 * 0.754_877_666 + seed as f64 * 0.569_840_29).fract() * 2.0 - 1.0;
        (0..len).map(|i| number(i) as f32).collect()
    }

    fn tensors(shape: &ActorShape) -> Vec<NamedTensor> {
        let mut tensors = Vec::new();
        for (index, (inputs, outputs)) in shape.layers().into_iter().enumerate() {
            let weight = noise(inputs * outputs, 2 * index);
            tensors.push(tensor(format!("actor.{index}.weight"), &[inputs, outputs], weight));
            tensors.push(tensor(format!("actor.{index}.bias"), &[outputs], noise(outputs, 2 * index + 1)));
        }
        tensors.push(tensor("actor.log_std".to_owned(), &[shape.continuous], vec![-0.5; shape.continuous]));
        tensors.push(tensor("normaliser.mean".to_owned(), &[shape.observation], noise(shape.observation, 8)));
        let std = noise(shape.observation, 9).iter().map(|x| x.abs() + 0.1).collect();
        tensors.push(tensor("normaliser.std".to_owned(), &[shape.observation], std));
        tensors
    }

    fn network(activation: Activation) -> Network {
        Network::from_tensors(shape(activation), &tensors(&shape(activation))).unwrap()
    }

    fn head_of(network: &Network, rows: &[f32]) -> Vec<u32> {
        let mut head = vec![0.0; rows.len() / OBSERVATION * network.shape.head()];
        network.forward(rows, &mut head, &mut Scratch::default());
        head.iter().map(|x| x.to_bits()).collect()
    }

    /// The same network in f64, layer by layer.
    fn in_f64(tensors: &[NamedTensor], activation: Activation, row: &[f32]) -> Vec<f64> {
        let get = |name: &str| &tensors.iter().find(|tensor| tensor.name == name).unwrap().data;
        let (mean, std) = (get("normaliser.mean"), get("normaliser.std"));
        let normalised = |i: usize| f64::from((row[i] - mean[i]) / std[i]).clamp(-10.0, 10.0);
        let mut x: Vec<f64> = (0..row.len()).map(normalised).collect();
        for layer in 0..3 {
            let (weight, bias) = (get(&format!("actor.{layer}.weight")), get(&format!("actor.{layer}.bias")));
            let z = |j: usize| {
                let terms = x.iter().enumerate().map(|(i, x)| x * f64::from(weight[i * bias.len() + j]));
                f64::from(bias[j]) + terms.sum::<f64>()
            };
            x = (0..bias.len())
                .map(|j| match activation {
                    _ if layer == 2 => z(j),
                    Activation::Relu => z(j).max(0.0),
                    Activation::Tanh => libm::tanh(z(j)),
                })
                .collect();
        }
        x
    }

    #[test]
    fn the_head_agrees_with_f64() {
        for activation in [Activation::Relu, Activation::Tanh] {
            let rows = noise(70 * OBSERVATION, 20);
            let heads = head_of(&network(activation), &rows);
            for (row, head) in rows.chunks(OBSERVATION).zip(heads.chunks(6)) {
                for (found, expected) in head.iter().zip(in_f64(&tensors(&shape(activation)), activation, row)) {
                    let found = f64::from(f32::from_bits(*found));
                    assert!((found - expected).abs() < 2e-5, "{activation:?}: {found} for {expected}");
                }
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_in_any_batch_and_place() {
        let network = network(Activation::Tanh);
        let rows = noise(150 * OBSERVATION, 20);
        let heads = head_of(&network, &rows);
        for (start, end) in [(0, 1), (3, 4), (149, 150), (10, 18), (60, 131), (1, 150)] {
            let part = head_of(&network, &rows[start * OBSERVATION..end * OBSERVATION]);
            assert_eq!(part, heads[start * 6..end * 6], "rows {start}..{end}");
        }
    }

    #[test]
    fn every_instruction_set_acts_the_same() {
        for activation in [Activation::Relu, Activation::Tanh] {
            let (network, rows) = (network(activation), noise(75 * OBSERVATION, 20));
            let expected = head_of(&network, &rows);
            assert!(Isa::available().all(|isa| head_of(&network.clone().with_isa(isa), &rows) == expected));
        }
    }

    #[test]
    fn normalising_beforehand_changes_nothing() {
        let network = network(Activation::Relu);
        let rows: Vec<f32> = noise(70 * OBSERVATION, 20).iter().map(|x| x * 30.0).collect();
        let (mut normalised, mut head) = (vec![0.0; rows.len()], vec![0.0; 70 * 6]);
        network.normalise(&rows, &mut normalised);
        assert!(normalised.iter().all(|x| x.abs() <= OBSERVATION_CLIP));
        assert!(normalised.contains(&OBSERVATION_CLIP), "the rows reach beyond the clip");
        network.forward_normalised(&normalised, &mut head, &mut Scratch::default());
        assert_eq!(head.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), head_of(&network, &rows));
    }

    #[test]
    fn a_warm_scratch_is_not_allocated_again() {
        let (network, rows) = (network(Activation::Relu), noise(200 * OBSERVATION, 20));
        let (mut head, mut scratch) = (vec![0.0; 200 * 6], Scratch::default());
        let places = |scratch: &Scratch| {
            let [first, second] = &scratch.hidden;
            [scratch.normalised.as_ptr(), first.as_ptr(), second.as_ptr(), scratch.head.as_ptr()]
        };
        network.forward(&rows, &mut head, &mut scratch);
        let before = places(&scratch);
        for batch in [1, 8, 100, 200] {
            network.forward(&rows[..batch * OBSERVATION], &mut head[..batch * 6], &mut scratch);
        }
        assert_eq!(places(&scratch), before);
    }

    #[test]
    fn tensors_make_the_same_network_again() {
        let network = network(Activation::Tanh);
        assert_eq!(network.tensors(), tensors(network.shape()));
        let again = Network::from_tensors(network.shape().clone(), &network.tensors()).unwrap();
        let rows = noise(9 * OBSERVATION, 20);
        assert_eq!(head_of(&again, &rows), head_of(&network, &rows));
    }

    #[test]
    fn bad_tensors_are_refused_by_name() {
        type Damage = fn(&mut Vec<NamedTensor>);
        let cases: [(Damage, &str); 9] = [
            (|t| drop(t.remove(0)), "tensor `actor.0.weight` is missing"),
            (|t| t.push(t[1].clone()), "tensor `actor.0.bias` is there more than once"),
            (
                |t| t[2].shape = vec![HIDDEN, HIDDEN + 1],
                "tensor `actor.1.weight` has shape [20, 21], expected [20, 20]",
            ),
            (|t| t[2].data.truncate(399), "tensor `actor.1.weight` has 399 numbers for shape [20, 20]"),
            (|t| t[3].data[7] = f32::NAN, "tensor `actor.1.bias` is NaN at 7"),
            (|t| t[6].data[1] = f32::INFINITY, "tensor `actor.log_std` is inf at 1"),
            (
                |t| t[0].name = "actor.0.weights".to_owned(),
                "unexpected tensor `actor.0.weights`; did you mean `actor.0.weight`?",
            ),
            (|t| t[8].data[3] = 0.0, "`normaliser.std` is 0 at 3, not a positive number"),
            (|t| t[8].data[2] = 1e-40, "`normaliser.std` is 0.0000000000000000000000000000000000000001 at 2"),
        ];
        let shape = shape(Activation::Relu);
        for (damage, message) in cases {
            let mut tensors = tensors(&shape);
            damage(&mut tensors);
            let error = Network::from_tensors(shape.clone(), &tensors).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}\nexpected {message}");
        }
    }

    #[test]
    fn impossible_shapes_are_refused() {
        let good = shape(Activation::Relu);
        let cases = [
            (ActorShape { observation: 0, ..good.clone() }, "a network's observation has 0 numbers"),
            (
                ActorShape { hidden: usize::MAX, ..good.clone() },
                "a network's hidden layer has 18446744073709551615 numbers",
            ),
            (ActorShape { continuous: 0, discrete: vec![], ..good.clone() }, "a network's head has 0 numbers"),
            (ActorShape { discrete: vec![usize::MAX, 2], ..good.clone() }, "a network's head has 18446744073709551615"),
            (ActorShape { discrete: vec![3, 0], ..good.clone() }, "discrete action dimension 1 has no choices"),
        ];
        for (shape, message) in cases {
            let error = Network::from_tensors(shape, &tensors(&good)).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}\nexpected {message}");
        }
    }

    #[test]
    fn training_that_diverged_is_taken_as_it_is() {
        let shape = shape(Activation::Relu);
        let mut tensors = tensors(&shape);
        tensors[4].data[0] = f32::NAN;
        let network = Network::from_training(shape, &tensors).unwrap();
        let head = head_of(&network, &[0.1; OBSERVATION]);
        assert!(f32::from_bits(head[0]).is_nan());
    }
}
