//! One tile of a minibatch: forward, loss, backward into a gradient vector.
//!
//! A tile is a fixed number of minibatch entries, small enough for all its activations to stay in the second cache. The
//! notation in comments: x observations, h hidden activations, z what went into the activation function.

use std::ops::Range;

use super::layout::{Layers, Layout, Turned};
use crate::{
    learn::nets::{Activation, Architecture, CriticInput, LOSS_TERMS, Loss, Minibatch, OutputGradients, Outputs},
    math::gemm::{Aligned, Finish, Isa, Left, Product, Start, View, mean_of_groups, padded, spread_to_groups},
};

/// What all tiles of one pass share.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) isa: Isa,
    pub(super) architecture: &'a Architecture,
    pub(super) layout: &'a Layout,
    pub(super) parameters: &'a [f32],
    pub(super) turned: &'a [Turned; 2],
    pub(super) agents: usize,
}

/// Activations and gradients of one tile; reused for the next one.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    observations: Aligned,
    /// What a critic sees that is shown something else than agents are.
    global: Aligned,
    ones: Vec<f32>,
    actor: Activations,
    critic: Activations,
    /// Share of each row in its pool; empty where all have the same.
    shares: Vec<f32>,
    /// The critic's embeddings, each times its share and the number of agents.
    weighted: Aligned,
    /// Mean over the agents of the critic's embeddings, and its gradient.
    pooled: Aligned,
    pooled_gradient: Aligned,
    /// What the loss reads and writes, without padding.
    head: Vec<f32>,
    head_gradient: Vec<f32>,
    values: Vec<f32>,
    values_gradient: Vec<f32>,
    log_std_gradient: Vec<f32>,
}

/// What one network's layers put out, and the loss's derivatives with respect to what went into them.
#[derive(Debug, Default)]
struct Activations {
    hidden: [Aligned; 2],
    hidden_gradient: [Aligned; 2],
    output: Aligned,
    output_gradient: Aligned,
}

/// One network's parameters.
#[derive(Clone, Copy)]
struct Net<'a> {
    isa: Isa,
    activation: Activation,
    layers: &'a Layers,
    parameters: &'a [f32],
    turned: &'a Turned,
}

impl Pass<'_> {
    /// Values of what the critic sees, `[entries, agents, critic_width]`, with shares `[entries, agents]`.
    pub(super) fn values(
        &self,
        work: &mut Workspace,
        observations: &[f32],
        shares: Option<&[f32]>,
        values: &mut [f32],
    ) {
        let rows = observations.len() / self.architecture.critic_width();
        work.reserve(self, rows);
        work.shares.clear();
        work.shares.extend(shares.into_iter().flatten());
        let seen = if self.sees_global() { &mut work.global } else { &mut work.observations };
        seen[..observations.len()].copy_from_slice(observations);
        self.critic_forward(work, rows);
        let per_row = work.critic.output.chunks_exact(padded(1));
        values.iter_mut().zip(per_row).for_each(|(value, row)| *value = row[0]);
    }

    /// Adds the gradient of the loss over `entries` to `gradient` and returns what the loss reports.
    pub(super) fn differentiate(
        &self,
        work: &mut Workspace,
        minibatch: Minibatch<'_>,
        entries: Range<usize>,
        loss: &dyn Loss,
        train_actor: bool,
        gradient: &mut [f32],
    ) -> [f64; LOSS_TERMS] {
        let rows = entries.len() * self.agents;
        work.reserve(self, rows);
        work.gather(minibatch, entries.clone(), self.architecture);
        self.actor().forward(&work.observations, rows, &mut work.actor);
        self.critic_forward(work, rows);
        let terms = self.apply_loss(work, entries, loss);
        if train_actor {
            let log_std = gradient[self.layout.log_std.clone()].iter_mut();
            log_std.zip(&work.log_std_gradient).for_each(|(sum, x)| *sum += x);
            self.actor().backward(&work.observations, &work.ones, rows, &mut work.actor, gradient);
        }
        self.critic_backward(work, rows, gradient);
        terms
    }

    fn sees_global(&self) -> bool {
        matches!(self.architecture.critic, CriticInput::Global(_))
    }

    fn actor(&self) -> Net<'_> {
        self.net(&self.layout.actor, 0)
    }

    fn critic(&self) -> Net<'_> {
        self.net(&self.layout.critic, 1)
    }

    fn net<'a>(&'a self, layers: &'a Layers, index: usize) -> Net<'a> {
        let activation = self.architecture.activation;
        Net { isa: self.isa, activation, layers, parameters: self.parameters, turned: &self.turned[index] }
    }

    fn critic_forward(&self, work: &mut Workspace, rows: usize) {
        let net = self.critic();
        if self.architecture.critic == CriticInput::Own {
            return net.forward(&work.observations, rows, &mut work.critic);
        }
        if self.sees_global() {
            return net.forward(&work.global, rows / self.agents, &mut work.critic);
        }
        let (groups, stride) = (rows / self.agents, net.layers.stride);
        net.embed(&work.observations, rows, &mut work.critic.hidden[0]);
        if !work.shares.is_empty() {
            work.weighted.reserve(rows * stride);
            work.weighted[..rows * stride].copy_from_slice(&work.critic.hidden[0][..rows * stride]);
            weigh(&mut work.weighted, stride, &work.shares, self.agents);
        }
        let pooled_from = if work.shares.is_empty() { &work.critic.hidden[0] } else { &work.weighted };
        let embedded = View { data: pooled_from, stride };
        mean_of_groups(self.isa, (groups, self.agents, net.layers.hidden), embedded, &mut work.pooled, stride);
        let Activations { hidden: [_, second], output, .. } = &mut work.critic;
        net.conclude(&work.pooled, groups, second, output);
    }

    fn critic_backward(&self, work: &mut Workspace, rows: usize, gradient: &mut [f32]) {
        let net = self.critic();
        if self.architecture.critic == CriticInput::Own {
            return net.backward(&work.observations, &work.ones, rows, &mut work.critic, gradient);
        }
        if self.sees_global() {
            return net.backward(&work.global, &work.ones, rows / self.agents, &mut work.critic, gradient);
        }
        let (groups, stride) = (rows / self.agents, net.layers.stride);
        let Activations {
            hidden: [first, second],
            hidden_gradient: [first_gradient, second_gradient],
            output_gradient,
            ..
        } = &mut work.critic;
        let gradients = (&**output_gradient, &mut **second_gradient);
        net.backward_conclusion(&work.ones, groups, (&work.pooled, second), gradients, gradient);
        net.pass_down(groups, second_gradient, Finish::Keep, &mut work.pooled_gradient);
        let pooled_gradient = View { data: &work.pooled_gradient, stride };
        let slope = net.slope(first);
        let sizes = (groups, self.agents, net.layers.hidden);
        spread_to_groups(self.isa, sizes, pooled_gradient, slope, first_gradient, stride);
        weigh(first_gradient, stride, &work.shares, self.agents);
        net.backward_embedding(&work.observations, &work.ones, rows, first_gradient, gradient);
    }

    /// Gives the outputs to the loss and puts its gradient where the backward passes read it.
    fn apply_loss(&self, work: &mut Workspace, entries: Range<usize>, loss: &dyn Loss) -> [f64; LOSS_TERMS] {
        let head = self.architecture.head();
        let log_std = &self.layout.log_std;
        unpad(&work.actor.output, head, &mut work.head);
        unpad(&work.critic.output, 1, &mut work.values);
        work.head_gradient.fill(0.0);
        work.values_gradient.fill(0.0);
        work.log_std_gradient.fill(0.0);
        let outputs = Outputs {
            head: &work.head,
            log_std: &self.parameters[log_std.start..][..self.architecture.continuous],
            values: &work.values,
        };
        let gradients = OutputGradients {
            head: &mut work.head_gradient,
            log_std: &mut work.log_std_gradient,
            values: &mut work.values_gradient,
        };
        let terms = loss.differentiate(entries, outputs, gradients);
        pad(&work.head_gradient, head, &mut work.actor.output_gradient);
        pad(&work.values_gradient, 1, &mut work.critic.output_gradient);
        terms
    }
}

impl Workspace {
    fn reserve(&mut self, pass: &Pass<'_>, rows: usize) {
        let architecture = pass.architecture;
        let groups = rows / pass.agents;
        let values = groups * architecture.values_per_step(pass.agents);
        let stride = pass.layout.critic.stride;
        self.observations.reserve(rows * architecture.observation);
        if pass.sees_global() {
            self.global.reserve(groups * architecture.critic_width());
        }
        self.ones.resize(rows.max(self.ones.len()), 1.0);
        self.actor.reserve(&pass.layout.actor, rows);
        self.critic.reserve(&pass.layout.critic, rows);
        self.pooled.reserve(groups * stride);
        self.pooled_gradient.reserve(groups * stride);
        self.head.resize(rows * architecture.head(), 0.0);
        self.head_gradient.resize(rows * architecture.head(), 0.0);
        self.values.resize(values, 0.0);
        self.values_gradient.resize(values, 0.0);
        self.log_std_gradient.resize(architecture.continuous, 0.0);
    }

    /// Brings together what actor and critic see of `entries`.
    fn gather(&mut self, minibatch: Minibatch<'_>, entries: Range<usize>, architecture: &Architecture) {
        let entry = minibatch.agents * architecture.observation;
        for (step, target) in minibatch.steps[entries.clone()].iter().zip(self.observations.chunks_exact_mut(entry)) {
            target.copy_from_slice(&minibatch.observations[*step as usize * entry..][..entry]);
        }
        if let CriticInput::Global(width) = architecture.critic {
            let rows = minibatch.steps[entries.clone()].iter().zip(self.global.chunks_exact_mut(width));
            rows.for_each(|(step, row)| row.copy_from_slice(&minibatch.global[*step as usize * width..][..width]));
        }
        self.shares.clear();
        if let Some(shares) = minibatch.shares {
            let steps = minibatch.steps[entries.clone()].iter();
            self.shares.extend(steps.flat_map(|step| &shares[*step as usize * minibatch.agents..][..minibatch.agents]));
        }
    }
}

impl Activations {
    fn reserve(&mut self, layers: &Layers, rows: usize) {
        self.hidden.iter_mut().chain(&mut self.hidden_gradient).for_each(|h| h.reserve(rows * layers.stride));
        self.output.reserve(rows * padded(layers.outputs));
        self.output_gradient.reserve(rows * padded(layers.outputs));
    }
}

impl Net<'_> {
    /// x to both hidden activations and the output.
    fn forward(&self, x: &[f32], rows: usize, to: &mut Activations) {
        let Activations { hidden: [first, second], output, .. } = to;
        self.embed(x, rows, first);
        self.conclude(first, rows, second, output);
    }

    /// First layer: h1 = f(x W1 + b1).
    fn embed(&self, x: &[f32], rows: usize, h1: &mut [f32]) {
        let x = View { data: x, stride: self.layers.inputs };
        let sizes = (rows, self.layers.inputs, self.layers.hidden);
        let weight = self.weight(0);
        self.product(sizes, Left::Plain(x), weight, Some(0), self.activation.finish()).store(
            self.isa,
            h1,
            self.layers.stride,
        );
    }

    /// Second and last layer: h2 = f(h1 W2 + b2), output = h2 W3 + b3.
    fn conclude(&self, h1: &[f32], rows: usize, h2: &mut [f32], output: &mut [f32]) {
        let Layers { hidden, outputs, stride, .. } = *self.layers;
        let left = Left::Plain(View { data: h1, stride });
        let finish = self.activation.finish();
        self.product((rows, hidden, hidden), left, self.weight(1), Some(1), finish).store(self.isa, h2, stride);
        let left = Left::Plain(View { data: h2, stride });
        let last = View { data: &self.turned.last, stride: padded(outputs) };
        self.product((rows, hidden, outputs), left, last, Some(2), Finish::Keep).store(
            self.isa,
            output,
            padded(outputs),
        );
    }

    /// Adds the gradients of all parameters to `gradient`, from the gradient of the output.
    fn backward(&self, x: &[f32], ones: &[f32], rows: usize, at: &mut Activations, gradient: &mut [f32]) {
        let Activations { hidden: [first, second], hidden_gradient: [first_gradient, second_gradient], .. } = at;
        let output_gradient = &at.output_gradient;
        self.backward_conclusion(ones, rows, (first, second), (output_gradient, second_gradient), gradient);
        self.pass_down(rows, second_gradient, self.slope(first), first_gradient);
        self.backward_embedding(x, ones, rows, first_gradient, gradient);
    }

    /// Gradients of the last and second layer, and dz2.
    fn backward_conclusion(
        &self,
        ones: &[f32],
        rows: usize,
        (h1, h2): (&[f32], &[f32]),
        (d_output, dz2): (&[f32], &mut [f32]),
        gradient: &mut [f32],
    ) {
        let Layers { hidden, outputs, stride, .. } = *self.layers;
        let d_output = View { data: d_output, stride: padded(outputs) };
        let h2_view = View { data: h2, stride };
        // The last layer is stored transposed, so its gradient is d_output^T h2.
        self.accumulate((outputs, rows, hidden), d_output, h2_view, self.layers.weights[2].start, gradient);
        self.accumulate_bias(ones, rows, d_output, 2, gradient);
        let last = self.weight(2);
        self.product((rows, outputs, hidden), Left::Plain(d_output), last, None, self.slope(h2))
            .store(self.isa, dz2, stride);
        let (h1, dz2) = (View { data: h1, stride }, View { data: dz2, stride });
        self.accumulate((hidden, rows, hidden), h1, dz2, self.layers.weights[1].start, gradient);
        self.accumulate_bias(ones, rows, dz2, 1, gradient);
    }

    /// dz2 W2^T, finished with `finish`.
    fn pass_down(&self, rows: usize, dz2: &[f32], finish: Finish<'_>, to: &mut [f32]) {
        let Layers { hidden, stride, .. } = *self.layers;
        let left = Left::Plain(View { data: dz2, stride });
        let right = View { data: &self.turned.middle, stride };
        self.product((rows, hidden, hidden), left, right, None, finish).store(self.isa, to, stride);
    }

    /// Gradients of the first layer.
    fn backward_embedding(&self, x: &[f32], ones: &[f32], rows: usize, dz1: &[f32], gradient: &mut [f32]) {
        let Layers { inputs, hidden, stride, .. } = *self.layers;
        let (x, dz1) = (View { data: x, stride: inputs }, View { data: dz1, stride });
        self.accumulate((inputs, rows, hidden), x, dz1, self.layers.weights[0].start, gradient);
        self.accumulate_bias(ones, rows, dz1, 0, gradient);
    }

    fn slope<'a>(&self, h: &'a [f32]) -> Finish<'a> {
        let h = View { data: h, stride: self.layers.stride };
        match self.activation {
            Activation::Relu => Finish::ReluSlope(h),
            Activation::Tanh => Finish::TanhSlope(h),
        }
    }

    fn weight(&self, index: usize) -> View<'_> {
        View { data: &self.parameters[self.layers.weights[index].clone()], stride: self.layers.stride }
    }

    fn product<'a>(
        &'a self,
        (rows, inner, columns): (usize, usize, usize),
        left: Left<'a>,
        right: View<'a>,
        bias: Option<usize>,
        finish: Finish<'a>,
    ) -> Product<'a> {
        let start = match bias {
            Some(index) => Start::Row(&self.parameters[self.layers.biases[index].clone()]),
            None => Start::Zero,
        };
        Product { rows, inner, columns, left, right, start, finish }
    }

    /// Adds left^T right to the matrix of `rows` by `columns` that starts at `start` in `gradient`.
    fn accumulate(
        &self,
        (rows, inner, columns): (usize, usize, usize),
        left: View<'_>,
        right: View<'_>,
        start: usize,
        gradient: &mut [f32],
    ) {
        let left = Left::Transposed(left);
        Product { rows, inner, columns, left, right, start: Start::Target, finish: Finish::Keep }.store(
            self.isa,
            &mut gradient[start..],
            self.layers.stride,
        );
    }

    /// Adds the column sums of dz to the gradient of layer `index`'s bias.
    fn accumulate_bias(&self, ones: &[f32], rows: usize, dz: View<'_>, index: usize, gradient: &mut [f32]) {
        let columns = if index == 2 { self.layers.outputs } else { self.layers.hidden };
        let ones = View { data: ones, stride: 1 };
        self.accumulate((1, rows, columns), ones, dz, self.layers.biases[index].start, gradient);
    }
}

/// Makes of equal shares in a pool of `agents` the shares that its rows have; nothing changes where they have the same.
fn weigh(rows: &mut [f32], stride: usize, shares: &[f32], agents: usize) {
    for (row, share) in rows.chunks_exact_mut(stride).zip(shares) {
        row.iter_mut().for_each(|x| *x *= share * agents as f32);
    }
}

fn unpad(padded_rows: &[f32], columns: usize, dense: &mut [f32]) {
    for (dense, row) in dense.chunks_exact_mut(columns).zip(padded_rows.chunks_exact(padded(columns))) {
        dense.copy_from_slice(&row[..columns]);
    }
}

fn pad(dense: &[f32], columns: usize, padded_rows: &mut [f32]) {
    for (dense, row) in dense.chunks_exact(columns).zip(padded_rows.chunks_exact_mut(padded(columns))) {
        row[..columns].copy_from_slice(dense);
    }
}
