//! Attention over the others: an agent's critic learns whom to look at (after Iqbal & Sha 2019, Actor-Attention-Critic).
//!
//! Agent i's embedding e_i makes a query, and the other agents are weighed by how well their embeddings answer it:
//!
//! ```text
//! q_i = W e_i + b
//! s_ij = q_i . e_j / sqrt(hidden)
//! a_ij = softmax of s_ij over all j but i
//! x_i = sum over j of a_ij e_j
//! ```
//!
//! x_i stands for the others in the critic's head, beside the agent's own row; where nobody else is it is zero. The
//! others' embeddings are keys and values at once. Linear maps for keys and values would add nothing: one for keys
//! would merge with W, because a score is bilinear in e_i and e_j either way, and one for values would merge with the
//! head's first layer. W and b begin at zero, so that all others count alike: the critic begins as the one with the
//! mean.
//!
//! The way back, where y' is the gradient by y:
//!
//! ```text
//! a'_ij = x'_i . e_j
//! s'_ij = a_ij (a'_ij - sum over k of a_ik a'_ik)
//! q'_i = sum over j of s'_ij e_j / sqrt(hidden)
//! e'_j = sum over i of (a_ij x'_i + s'_ij q_i / sqrt(hidden)), and W^T q'_j for what j itself has asked
//! ```
//!
//! Each line is a matrix product per entry of a batch. A pass runs on one thread, in a fixed order.

use std::ops::Range;

use super::Company;
use crate::{
    learn::nets::mlp::{Mlp, MlpShape, Pass},
    math::gemm::{Aligned, Finish, Isa, Left, Product, Start, View, padded, stride, transpose},
    policy::network::Activation,
};

/// The map from an embedding to its query.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    pub query: Mlp,
    isa: Isa,
}

/// Who has looked at whom in a pass, and what the way back finds; reused by the next one. Rows of `hidden` numbers are
/// `stride(hidden)` apart, those of a number per agent `padded(agents)`.
#[derive(Clone, Debug, Default)]
pub(super) struct AttentionPass {
    query: Pass,
    /// The embeddings of one entry transposed, `[hidden, agents]`.
    turned: Aligned,
    /// a, `[entries, valued, agents]`; zero for the agent itself.
    weights: Aligned,
    /// s' / sqrt(hidden), laid out like the weights: the gradient by q . e.
    by_products: Aligned,
    /// x, `[entries, valued, hidden]`.
    attended: Aligned,
    by_attended: Aligned,
    /// W^T q', `[entries, valued, hidden]`.
    by_own: Aligned,
}

/// Sizes of a pass, and where the rows of an entry stand.
#[derive(Clone, Copy)]
struct Sizes {
    entries: usize,
    agents: usize,
    /// Agents of an entry that look at the others, and the first of them.
    valued: usize,
    first: usize,
    hidden: usize,
}

impl Attention {
    /// One that looks at all others alike, for embeddings of `hidden` numbers.
    pub(super) fn new(hidden: usize) -> Self {
        // A single layer has no hidden ones, so the map is linear.
        let shape = MlpShape { sizes: vec![hidden, hidden], hidden: Activation::Tanh, last: None };
        Self { query: Mlp::zeros(shape), isa: Isa::best() }
    }

    /// What each valued agent gets from the others, given the pass that made their embeddings; see [`AttentionPass::attended`].
    pub(super) fn forward(&self, company: Company<'_>, embed: &Pass, pass: &mut AttentionPass) {
        let sizes = self.sizes(company);
        pass.reserve(sizes);
        let embeddings = embed.output_rows();
        self.query.forward(sizes.own(embeddings), sizes.num_valued(), &mut pass.query);
        let AttentionPass { query, turned, weights, attended, .. } = pass;
        for entry in 0..sizes.entries {
            let team = &embeddings[sizes.team(entry)];
            let weights = &mut weights[sizes.pairs(entry)];
            self.dot_products(sizes, &query.output_rows()[sizes.viewers(entry)], team, turned, weights);
            for (own, scores) in (sizes.first..).zip(weights.chunks_exact_mut(padded(sizes.agents))) {
                weigh(&mut scores[..sizes.agents], own, sizes.scale());
            }
            let weights = Left::Plain(View { data: weights, stride: padded(sizes.agents) });
            self.add(weights, (sizes.valued, sizes.agents), (team, sizes.hidden), &mut attended[sizes.viewers(entry)]);
        }
    }

    /// The way back from [`AttentionPass::attended_gradient`]: adds the gradient of the map to `gradient`, and leaves that of all
    /// embeddings where the way back through `embed` begins.
    pub(super) fn backward(
        &self,
        company: Company<'_>,
        embed: &mut Pass,
        pass: &mut AttentionPass,
        gradient: &mut [f32],
    ) {
        let sizes = self.sizes(company);
        self.through_query(sizes, embed.output_rows(), pass, Some(gradient));
        let (_, by_embeddings) = embed.output_gradient(sizes.hidden, sizes.entries * sizes.agents);
        for entry in 0..sizes.entries {
            let by_team = &mut by_embeddings[sizes.team(entry)];
            let viewers = sizes.viewers(entry);
            let to_others = (sizes.agents, sizes.valued);
            let weights = Left::Transposed(sizes.of_pairs(&pass.weights, entry));
            self.add(weights, to_others, (&pass.by_attended[viewers.clone()], sizes.hidden), by_team);
            let by_products = Left::Transposed(sizes.of_pairs(&pass.by_products, entry));
            self.add(by_products, to_others, (&pass.query.output_rows()[viewers], sizes.hidden), by_team);
        }
        sizes.add_to_own(&pass.by_own, by_embeddings);
    }

    /// The part of that way which only leads to the embeddings of those who look.
    pub(super) fn backward_own(&self, company: Company<'_>, embed: &mut Pass, pass: &mut AttentionPass) {
        let sizes = self.sizes(company);
        self.through_query(sizes, embed.output_rows(), pass, None);
        let (_, by_embeddings) = embed.output_gradient(sizes.hidden, sizes.entries * sizes.agents);
        sizes.add_to_own(&pass.by_own, by_embeddings);
    }

    /// From x' to q', and through the map to the embeddings that have asked.
    fn through_query(&self, sizes: Sizes, embeddings: &[f32], pass: &mut AttentionPass, gradient: Option<&mut [f32]>) {
        let AttentionPass { query, turned, weights, by_products, by_attended, by_own, .. } = pass;
        let (_, by_queries) = query.output_gradient(sizes.hidden, sizes.num_valued());
        for entry in 0..sizes.entries {
            let (team, viewers, pairs) = (&embeddings[sizes.team(entry)], sizes.viewers(entry), sizes.pairs(entry));
            let by_pairs = &mut by_products[pairs.clone()];
            self.dot_products(sizes, &by_attended[viewers.clone()], team, turned, by_pairs);
            let width = padded(sizes.agents);
            for (by, weights) in by_pairs.chunks_exact_mut(width).zip(weights[pairs].chunks_exact(width)) {
                weigh_back(&mut by[..sizes.agents], &weights[..sizes.agents], sizes.scale());
            }
            let by_pairs = Left::Plain(View { data: by_pairs, stride: width });
            self.add(by_pairs, (sizes.valued, sizes.agents), (team, sizes.hidden), &mut by_queries[viewers]);
        }
        self.query.backward(sizes.own(embeddings), sizes.num_valued(), query, gradient);
        self.query.backward_input(sizes.num_valued(), 0..sizes.hidden, query, by_own, stride(sizes.hidden));
    }

    /// Of each of an entry's valued agents' rows with the embedding of each agent, into `[valued, agents]`.
    fn dot_products(&self, sizes: Sizes, rows: &[f32], team: &[f32], turned: &mut [f32], to: &mut [f32]) {
        let Sizes { agents, valued, hidden, .. } = sizes;
        let team = View { data: team, stride: stride(hidden) };
        transpose((agents, hidden), team, turned, padded(agents));
        Product {
            rows: valued,
            inner: hidden,
            columns: agents,
            left: Left::Plain(View { data: rows, stride: stride(hidden) }),
            right: View { data: turned, stride: padded(agents) },
            start: Start::Zero,
            finish: Finish::Keep,
        }
        .store(self.isa, to, padded(agents));
    }

    /// Adds a product of `left`, `[rows, inner]`, with rows of `hidden` numbers to rows of `hidden` numbers.
    fn add(&self, left: Left<'_>, (rows, inner): (usize, usize), (right, hidden): (&[f32], usize), to: &mut [f32]) {
        let right = View { data: right, stride: stride(hidden) };
        let (start, finish) = (Start::Target, Finish::Keep);
        Product { rows, inner, columns: hidden, left, right, start, finish }.store(self.isa, to, stride(hidden));
    }

    fn sizes(&self, company: Company<'_>) -> Sizes {
        Sizes {
            entries: company.entries,
            agents: company.agents,
            valued: company.num_valued(),
            first: company.first_valued(),
            hidden: self.query.outputs(),
        }
    }
}

impl AttentionPass {
    fn reserve(&mut self, sizes: Sizes) {
        let (pairs, rows) = (sizes.pairs(sizes.entries).start, sizes.viewers(sizes.entries).start);
        self.turned.reserve(sizes.hidden * padded(sizes.agents));
        self.weights.reserve(pairs);
        self.by_products.reserve(pairs);
        self.attended.reserve(rows);
        self.attended[..rows].fill(0.0);
        self.by_attended.reserve(rows);
        self.by_own.reserve(rows);
    }

    /// x of the last pass, `hidden` numbers for each valued agent.
    pub(super) fn attended(&self, hidden: usize) -> impl Iterator<Item = &[f32]> {
        self.attended.chunks_exact(stride(hidden)).map(move |row| &row[..hidden])
    }

    /// Where the gradient by x of so many valued agents goes: rows `stride(hidden)` apart whose padding has to be zero.
    pub(super) fn attended_gradient(&mut self, hidden: usize, valued: usize) -> &mut [f32] {
        &mut self.by_attended[..valued * stride(hidden)]
    }
}

impl Sizes {
    fn num_valued(&self) -> usize {
        self.entries * self.valued
    }

    /// Keeps scores of about the same size whatever the width (Vaswani et al. 2017).
    fn scale(&self) -> f32 {
        1.0 / (self.hidden as f32).sqrt()
    }

    /// Embeddings of an entry.
    fn team(&self, entry: usize) -> Range<usize> {
        block(entry, self.agents * stride(self.hidden))
    }

    /// Queries of an entry, and what they get.
    fn viewers(&self, entry: usize) -> Range<usize> {
        block(entry, self.valued * stride(self.hidden))
    }

    /// Weights of an entry.
    fn pairs(&self, entry: usize) -> Range<usize> {
        block(entry, self.valued * padded(self.agents))
    }

    fn of_pairs<'a>(&self, data: &'a [f32], entry: usize) -> View<'a> {
        View { data: &data[self.pairs(entry)], stride: padded(self.agents) }
    }

    /// The embeddings of those who look, of all embeddings.
    fn own<'a>(&self, embeddings: &'a [f32]) -> View<'a> {
        let row = stride(self.hidden);
        View { data: &embeddings[self.first * row..], stride: self.agents / self.valued * row }
    }

    /// Adds the rows of those who look to theirs among all.
    fn add_to_own(&self, rows: &[f32], all: &mut [f32]) {
        let row = stride(self.hidden);
        let own = all.chunks_exact_mut(row).skip(self.first).step_by(self.agents / self.valued);
        for (to, from) in own.zip(rows.chunks_exact(row)) {
            to[..self.hidden].iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }
}

fn block(index: usize, len: usize) -> Range<usize> {
    index * len..(index + 1) * len
}

/// Products q . e become weights: the softmax of their scores, in which the agent itself has no part. Alone it has nobody to look at.
fn weigh(products: &mut [f32], own: usize, scale: f32) {
    if products.len() == 1 {
        return products.fill(0.0);
    }
    products[own] = f32::NEG_INFINITY;
    let best = products.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for x in &mut *products {
        *x = libm::expf(scale * (*x - best));
        sum += *x;
    }
    products.iter_mut().for_each(|weight| *weight /= sum);
}

/// The way back: gradients by weights become those by products q . e.
fn weigh_back(by: &mut [f32], weights: &[f32], scale: f32) {
    let mean: f32 = by.iter().zip(weights).map(|(by, weight)| weight * by).sum();
    by.iter_mut().zip(weights).for_each(|(by, weight)| *by = scale * weight * (*by - mean));
}
