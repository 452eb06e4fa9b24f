//! Fully connected layers that are differentiated by their parameters and by their inputs. Actors that learn through a
//! critic are made of them.
//!
//! [`fused`](super::fused) is one actor and one critic that share a pass and a loss. Here the loss of one network is the output of
//! another, so networks are single and whoever trains them connects them. A pass works on the rows it is given and on one
//! thread; callers cut batches into pieces and sum the gradients of pieces in order.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::fused::initial::orthogonal;
use crate::{
    error::{Error, Result},
    math::gemm::{Aligned, Finish, Isa, LANES, Left, Product, Start, View, padded, stride, transpose},
    policy::{
        network::{Activation, find_tensor},
        tensor::NamedTensor,
    },
};

/// Widest layer that is made.
const MAX_WIDTH: usize = 65_536;

/// Sizes and nonlinearities of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlpShape {
    /// Numbers that go in, that come out of each hidden layer, and that come out: at least two.
    pub sizes: Vec<usize>,
    /// After every layer but the last.
    pub hidden: Activation,
    /// After the last one.
    pub last: Option<Activation>,
}

/// A network without an optimiser.
#[derive(Clone, Debug)]
pub struct Mlp {
    shape: MlpShape,
    isa: Isa,
    layers: Vec<Layer>,
    parameters: Aligned,
    /// Each layer's weights transposed, `[outputs, inputs]`, for the way back; a vector longer than they are, so that any columns of
    /// them can be read in whole vectors.
    turned: Vec<Aligned>,
}

/// Where a layer's parameters stand. Weights are `[inputs, outputs]`, rows `stride(outputs)` apart.
#[derive(Clone, Debug)]
struct Layer {
    inputs: usize,
    outputs: usize,
    activation: Option<Activation>,
    weight: Range<usize>,
    bias: Range<usize>,
}

/// Activations of one pass and their gradients, reused by the next one.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// What each layer puts out, rows `stride(outputs)` apart.
    outputs: Vec<Aligned>,
    gradients: Vec<Aligned>,
    ones: Vec<f32>,
}

impl MlpShape {
    fn layers(&self) -> Vec<Layer> {
        let mut end = 0;
        let mut claim = |len: usize| {
            let start = end;
            end += len.next_multiple_of(LANES);
            start..end
        };
        let count = self.sizes.len() - 1;
        let layer = |(index, pair): (usize, &[usize])| Layer {
            inputs: pair[0],
            outputs: pair[1],
            activation: if index + 1 < count { Some(self.hidden) } else { self.last },
            weight: claim(pair[0] * stride(pair[1])),
            bias: claim(stride(pair[1])),
        };
        self.sizes.windows(2).enumerate().map(layer).collect()
    }

    fn check(&self) -> Result<()> {
        if self.sizes.len() < 2 || self.sizes.iter().any(|size| !(1..=MAX_WIDTH).contains(size)) {
            return Err(Error::input(format!("a network cannot have layers of {:?} numbers", self.sizes)).hint(
                format!("from 1 to {MAX_WIDTH} are possible in each; fewer agents or narrower layers need fewer"),
            ));
        }
        Ok(())
    }
}

impl Mlp {
    /// A network with orthogonal weights, drawn from `seed` apart from those of another `stream`, and zero biases. The last
    /// layer has the gain `last_gain`; hidden ones sqrt(2) before a rectifier and 5/3 before tanh.
    ///
    /// # Errors
    /// Impossible sizes.
    pub fn new(shape: MlpShape, last_gain: f32, seed: u64, stream: u64) -> Result<Self> {
        shape.check()?;
        let hidden_gain = match shape.hidden {
            Activation::Relu => std::f32::consts::SQRT_2,
            Activation::Tanh => 5.0 / 3.0,
        };
        let mut mlp = Self::zeros(shape);
        let count = mlp.layers.len();
        for (index, layer) in mlp.layers.iter().enumerate() {
            let gain = if index + 1 < count { hidden_gain } else { last_gain };
            let drawn = orthogonal(seed, stream * 16 + index as u64, (layer.inputs, layer.outputs), gain);
            layer.write_weight(&mut mlp.parameters, &drawn);
        }
        mlp.refresh();
        Ok(mlp)
    }

    /// A network whose parameters are all zero; of a shape that [`new`](Self::new) would take.
    pub(super) fn zeros(shape: MlpShape) -> Self {
        let layers = shape.layers();
        let turned = layers.iter().map(|layer| Aligned::zeros(layer.outputs * stride(layer.inputs) + LANES)).collect();
        let len = layers.last().map_or(0, |layer| layer.bias.end);
        Self { shape, isa: Isa::best(), parameters: Aligned::zeros(len), turned, layers }
    }

    /// Sizes and nonlinearities.
    pub fn shape(&self) -> &MlpShape {
        &self.shape
    }

    /// Numbers that come out.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// Length of a gradient.
    pub fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Whether there are no parameters; always false for a network that [`new`](Self::new) made.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// Every parameter, as the optimiser moves them; [`refresh`](Self::refresh) has to follow.
    pub(super) fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    /// Brings the transposed copies of the weights up to date.
    pub(super) fn refresh(&mut self) {
        for (layer, turned) in self.layers.iter().zip(&mut self.turned) {
            let weight = View { data: &self.parameters[layer.weight.clone()], stride: stride(layer.outputs) };
            transpose((layer.inputs, layer.outputs), weight, turned, stride(layer.inputs));
        }
    }

    /// Moves every parameter the share `tau` of the way to that of `source`, which has the same shape (Polyak averaging).
    pub fn blend(&mut self, source: &Self, tau: f32) {
        for (target, source) in self.parameters.iter_mut().zip(&*source.parameters) {
            *target += tau * (source - *target);
        }
    }

    /// Puts `rows` rows of `x`, which may stand in a wider matrix, through all layers.
    ///
    /// # Panics
    /// When `x` has fewer rows than that.
    pub fn forward(&self, x: View<'_>, rows: usize, pass: &mut Pass) {
        pass.reserve(&self.layers, rows);
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, here) = pass.outputs.split_at_mut(index);
            let left = before.last().map_or(x, |data| View { data, stride: stride(layer.inputs) });
            let product = Product {
                rows,
                inner: layer.inputs,
                columns: layer.outputs,
                left: Left::Plain(left),
                right: View { data: &self.parameters[layer.weight.clone()], stride: stride(layer.outputs) },
                start: Start::Row(&self.parameters[layer.bias.clone()]),
                finish: layer.activation.map_or(Finish::Keep, Activation::finish),
            };
            product.store(self.isa, &mut here[0], stride(layer.outputs));
        }
    }

    /// The way back through the pass that [`forward`](Self::forward) left in `pass` for the same `x`, from what was written to
    /// [`Pass::output_gradient`]: adds the gradient of the parameters to `gradient`, if it is wanted.
    pub fn backward(&self, x: View<'_>, rows: usize, pass: &mut Pass, mut gradient: Option<&mut [f32]>) {
        pass.ones.resize(pass.ones.len().max(rows), 1.0);
        let Pass { outputs, gradients, ones } = pass;
        self.through_last(rows, outputs, gradients);
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let (before, here) = gradients.split_at_mut(index);
            let dz = View { data: &here[0], stride: stride(layer.outputs) };
            let input = outputs[..index].last().map_or(x, |data| View { data, stride: stride(layer.inputs) });
            if let Some(gradient) = gradient.as_deref_mut() {
                let sizes = (layer.inputs, rows, layer.outputs);
                self.accumulate(sizes, input, dz, &mut gradient[layer.weight.clone()]);
                let ones = View { data: ones, stride: 1 };
                self.accumulate((1, rows, layer.outputs), ones, dz, &mut gradient[layer.bias.clone()]);
            }
            if let Some(below) = before.last_mut() {
                let slope = match self.layers[index - 1].activation {
                    Some(Activation::Relu) => Finish::ReluSlope(input),
                    Some(Activation::Tanh) => Finish::TanhSlope(input),
                    None => Finish::Keep,
                };
                self.pass_down(layer, index, (rows, 0..layer.inputs), dz, slope).store(
                    self.isa,
                    below,
                    stride(layer.inputs),
                );
            }
        }
    }

    /// The gradient by the `columns` of x after [`backward`](Self::backward), into rows `to_stride` apart; numbers in a
    /// row behind its columns, up to a whole vector, mean nothing.
    ///
    /// # Panics
    /// When `to` has no room for rows of whole vectors.
    pub fn backward_input(&self, rows: usize, columns: Range<usize>, pass: &Pass, to: &mut [f32], to_stride: usize) {
        let layer = &self.layers[0];
        let dz = View { data: &pass.gradients[0], stride: stride(layer.outputs) };
        self.pass_down(layer, 0, (rows, columns), dz, Finish::Keep).store(self.isa, to, to_stride);
    }

    /// Turns the gradient of the output into that of what went into the last nonlinearity.
    fn through_last(&self, rows: usize, outputs: &[Aligned], gradients: &mut [Aligned]) {
        let (Some(layer), Some(y), Some(dz)) = (self.layers.last(), outputs.last(), gradients.last_mut()) else {
            return;
        };
        let len = rows * stride(layer.outputs);
        for (dz, y) in dz[..len].iter_mut().zip(&y[..len]) {
            match layer.activation {
                Some(Activation::Relu) if *y <= 0.0 => *dz = 0.0,
                Some(Activation::Tanh) => *dz *= 1.0 - y * y,
                _ => {}
            }
        }
    }

    /// dz W^T for some columns of what went into the layer.
    fn pass_down<'a>(
        &'a self,
        layer: &Layer,
        index: usize,
        (rows, columns): (usize, Range<usize>),
        dz: View<'a>,
        finish: Finish<'a>,
    ) -> Product<'a> {
        Product {
            rows,
            inner: layer.outputs,
            columns: columns.len(),
            left: Left::Plain(dz),
            right: View { data: &self.turned[index][columns.start..], stride: stride(layer.inputs) },
            start: Start::Zero,
            finish,
        }
    }

    /// Adds left^T right to a matrix of `rows` by `columns`.
    fn accumulate(
        &self,
        (rows, inner, columns): (usize, usize, usize),
        left: View<'_>,
        right: View<'_>,
        to: &mut [f32],
    ) {
        let (left, finish) = (Left::Transposed(left), Finish::Keep);
        Product { rows, inner, columns, left, right, start: Start::Target, finish }.store(
            self.isa,
            to,
            stride(columns),
        );
    }

    /// All parameters as `{prefix}{layer}.weight` and `{prefix}{layer}.bias`, weights `[inputs, outputs]`.
    pub fn tensors(&self, prefix: &str) -> Vec<NamedTensor> {
        self.tensors_of(&self.parameters, prefix)
    }

    /// The same for another vector of [`len`](Self::len) numbers, one per parameter.
    pub(super) fn tensors_of(&self, vector: &[f32], prefix: &str) -> Vec<NamedTensor> {
        let mut tensors = Vec::with_capacity(2 * self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let rows = vector[layer.weight.clone()].chunks(stride(layer.outputs)).take(layer.inputs);
            let weight = rows.flat_map(|row| &row[..layer.outputs]).copied().collect();
            let shape = vec![layer.inputs, layer.outputs];
            tensors.push(NamedTensor { name: format!("{prefix}{index}.weight"), shape, data: weight });
            let bias = vector[layer.bias.clone()][..layer.outputs].to_vec();
            tensors.push(NamedTensor { name: format!("{prefix}{index}.bias"), shape: vec![layer.outputs], data: bias });
        }
        tensors
    }

    /// Puts back what [`tensors`](Self::tensors) gave, other tensors among it or not.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape or is not finite.
    pub fn load(&mut self, tensors: &[NamedTensor], prefix: &str) -> Result<()> {
        self.parameters = self.vector_of(tensors, prefix)?;
        self.refresh();
        Ok(())
    }

    /// The vector that [`tensors_of`](Self::tensors_of) named.
    pub(super) fn vector_of(&self, tensors: &[NamedTensor], prefix: &str) -> Result<Aligned> {
        let mut vector = Aligned::zeros(self.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let shape = [layer.inputs, layer.outputs];
            layer.write_weight(&mut vector, find_tensor(tensors, &format!("{prefix}{index}.weight"), &shape)?);
            let bias = find_tensor(tensors, &format!("{prefix}{index}.bias"), &[layer.outputs])?;
            vector[layer.bias.start..][..layer.outputs].copy_from_slice(bias);
        }
        Ok(vector)
    }
}

impl Layer {
    fn write_weight(&self, vector: &mut [f32], dense: &[f32]) {
        let rows = vector[self.weight.clone()].chunks_mut(stride(self.outputs));
        rows.zip(dense.chunks_exact(self.outputs)).for_each(|(row, dense)| row[..self.outputs].copy_from_slice(dense));
    }
}

impl Pass {
    fn reserve(&mut self, layers: &[Layer], rows: usize) {
        self.outputs.resize_with(layers.len(), Aligned::default);
        self.gradients.resize_with(layers.len(), Aligned::default);
        for (layer, (output, gradient)) in layers.iter().zip(self.outputs.iter_mut().zip(&mut self.gradients)) {
            output.reserve(rows * stride(layer.outputs));
            gradient.reserve(rows * stride(layer.outputs));
        }
    }

    /// What the last layer put out for the rows of the last pass, `columns` numbers each.
    pub fn output(&self, columns: usize) -> impl Iterator<Item = &[f32]> {
        self.outputs
            .last()
            .into_iter()
            .flat_map(move |rows| rows.chunks(stride(columns)).map(move |row| &row[..columns]))
    }

    /// The same as it lies there: rows `stride(columns)` apart whose padding is zero, and perhaps rows of earlier passes behind them.
    pub(super) fn output_rows(&self) -> &[f32] {
        self.outputs.last().map_or(&[], |rows| rows)
    }

    /// What the last layer put out, and where the gradient by it is written for the way back: rows `stride(columns)` apart whose
    /// padding is zero.
    pub fn output_gradient(&mut self, columns: usize, rows: usize) -> (&[f32], &mut [f32]) {
        let len = rows * stride(columns);
        let (Some(output), Some(gradient)) = (self.outputs.last(), self.gradients.last_mut()) else {
            return (&[], &mut []);
        };
        gradient[..len].fill(0.0);
        (&output[..len], &mut gradient[..len])
    }
}

/// Row length of a matrix that [`Mlp::backward_input`] can write `columns` into.
pub fn input_stride(columns: usize) -> usize {
    padded(columns)
}
