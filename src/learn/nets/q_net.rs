//! Critics of actions: what an agent's action is worth in the company of the others'.
//!
//! A row is what one agent sees and does: its observation, then its action. A joint critic reads the rows of a whole team side by side and
//! gives one value (Lowe et al. 2017): it belongs to one agent of a team of known size. A pooled one gives each agent a value from its
//! own row and the mean of learned embeddings of the others' rows, so one critic serves every agent of a team of any size.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{
    mlp::{Mlp, MlpShape, Pass, input_stride},
    optimiser::{Optimiser, Step},
};
use crate::{
    error::Result,
    math::gemm::{View, stride},
    policy::{network::Activation, tensor::NamedTensor},
};

/// What a critic is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QShape {
    /// Numbers in a row.
    pub row: usize,
    /// Agents whose rows are read side by side; none for a pooled critic.
    pub joint: Option<usize>,
    /// Width of both hidden layers, and of an embedding.
    pub hidden: usize,
    /// Nonlinearity of both.
    pub activation: Activation,
}

/// A critic without an optimiser.
#[derive(Clone, Debug)]
pub struct QNet {
    shape: QShape,
    /// Makes the others' rows comparable, for a pooled critic.
    embed: Option<Mlp>,
    head: Mlp,
}

/// One pass of a critic, reused by the next one.
#[derive(Clone, Debug, Default)]
pub struct QPass {
    head: Pass,
    embed: Pass,
    /// What goes into the head of a pooled critic: a row, then the mean embedding of the others.
    input: Vec<f32>,
    by_input: Vec<f32>,
    sum: Vec<f32>,
}

/// What a critic looks at: entries of a team of `agents` each.
#[derive(Clone, Copy, Debug)]
pub struct Company<'a> {
    /// The rows that are valued: for a joint critic those of a team side by side, for a pooled one `[entries, agents]` rows.
    pub own: View<'a>,
    /// The rows that a pooled critic takes the others from, `[entries, agents]`.
    pub others: View<'a>,
    /// Number of entries.
    pub entries: usize,
    /// Agents per entry.
    pub agents: usize,
}

impl QNet {
    /// A critic with orthogonal weights, drawn from `seed` apart from those of another `stream`.
    ///
    /// # Errors
    /// Impossible sizes.
    pub fn new(shape: QShape, seed: u64, stream: u64) -> Result<Self> {
        let QShape { row, joint, hidden, activation } = shape;
        let mlp = |sizes: Vec<usize>, last, gain, stream| {
            Mlp::new(MlpShape { sizes, hidden: activation, last }, gain, seed, stream)
        };
        let embed = match joint {
            Some(_) => None,
            None => Some(mlp(vec![row, hidden], Some(activation), std::f32::consts::SQRT_2, 2 * stream)?),
        };
        let inputs = joint.map_or(row + hidden, |agents| row.saturating_mul(agents));
        Ok(Self { shape, embed, head: mlp(vec![inputs, hidden, hidden, 1], None, 1.0, 2 * stream + 1)? })
    }

    /// Length of a gradient.
    pub fn len(&self) -> usize {
        self.embed.as_ref().map_or(0, Mlp::len) + self.head.len()
    }

    /// Whether there is nothing to learn, which never is so.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// Values per entry of `agents` agents.
    pub fn values_per_entry(&self, agents: usize) -> usize {
        if self.shape.joint.is_some() { 1 } else { agents }
    }

    /// Values what `company` shows; see [`QPass::values`].
    pub fn forward(&self, company: Company<'_>, pass: &mut QPass) {
        let rows = company.entries * self.values_per_entry(company.agents);
        match &self.embed {
            None => self.head.forward(company.own, rows, &mut pass.head),
            Some(embed) => {
                embed.forward(company.others, rows, &mut pass.embed);
                self.pool(company, pass);
                let input = View { data: &pass.input, stride: self.shape.row + self.shape.hidden };
                self.head.forward(input, rows, &mut pass.head);
            }
        }
    }

    /// The way back from what was written to [`QPass::value_gradient`], for the same company: adds the gradient of the parameters to
    /// `gradient`, if it is wanted.
    pub fn backward(&self, company: Company<'_>, pass: &mut QPass, gradient: Option<&mut [f32]>) {
        let rows = company.entries * self.values_per_entry(company.agents);
        let Some(embed) = &self.embed else {
            return self.head.backward(company.own, rows, &mut pass.head, gradient);
        };
        let input = View { data: &pass.input, stride: self.shape.row + self.shape.hidden };
        let Some(gradient) = gradient else {
            return self.head.backward(input, rows, &mut pass.head, None);
        };
        let (of_embed, of_head) = gradient.split_at_mut(embed.len());
        self.head.backward(input, rows, &mut pass.head, Some(of_head));
        self.spread(company, pass);
        embed.backward(company.others, rows, &mut pass.embed, Some(of_embed));
    }

    /// The gradient by some `columns` of each of the rows that are valued, after [`backward`](Self::backward), into rows
    /// `input_stride(columns)` apart.
    pub fn backward_own(&self, rows: usize, columns: Range<usize>, pass: &QPass, to: &mut [f32]) {
        let to_stride = input_stride(columns.len());
        self.head.backward_input(rows, columns, &pass.head, to, to_stride);
    }

    /// Puts each row beside the mean of the others' embeddings; beside zeros where nobody else is.
    fn pool(&self, company: Company<'_>, pass: &mut QPass) {
        let QShape { row, hidden, .. } = self.shape;
        let Company { own, entries, agents, .. } = company;
        let width = row + hidden;
        pass.input.resize(entries * agents * width, 0.0);
        pass.sum.resize(hidden, 0.0);
        let share = 1.0 / (agents.max(2) - 1) as f32;
        let mut inputs = pass.input.chunks_exact_mut(width).zip(own.data.chunks(own.stride));
        let mut embeddings = pass.embed.output(hidden);
        let mut team: Vec<&[f32]> = Vec::with_capacity(agents);
        for _ in 0..entries {
            team.clear();
            team.extend(embeddings.by_ref().take(agents));
            sum_rows(&team, &mut pass.sum);
            for (embedding, (input, own)) in team.iter().zip(&mut inputs) {
                input[..row].copy_from_slice(&own[..row]);
                for ((mean, sum), e) in input[row..].iter_mut().zip(&pass.sum).zip(*embedding) {
                    *mean = if agents > 1 { (sum - e) * share } else { 0.0 };
                }
            }
        }
    }

    /// The way back through [`pool`](Self::pool): each embedding has been part of every other agent's mean.
    fn spread(&self, company: Company<'_>, pass: &mut QPass) {
        let QShape { row, hidden, .. } = self.shape;
        let Company { entries, agents, .. } = company;
        let (rows, width) = (entries * agents, input_stride(hidden));
        pass.by_input.resize(rows * width, 0.0);
        self.head.backward_input(rows, row..row + hidden, &pass.head, &mut pass.by_input, width);
        let share = if agents > 1 { 1.0 / (agents - 1) as f32 } else { 0.0 };
        let (_, by_embedding) = pass.embed.output_gradient(hidden, rows);
        let teams = by_embedding.chunks_exact_mut(agents * stride(hidden));
        for (by_embedding, by_mean) in teams.zip(pass.by_input.chunks_exact(agents * width)) {
            let by_mean: Vec<&[f32]> = by_mean.chunks_exact(width).map(|row| &row[..hidden]).collect();
            sum_rows(&by_mean, &mut pass.sum);
            for (by_embedding, own) in by_embedding.chunks_exact_mut(stride(hidden)).zip(by_mean) {
                for ((to, sum), own) in by_embedding.iter_mut().zip(&pass.sum).zip(own) {
                    *to = (sum - own) * share;
                }
            }
        }
    }

    /// One step of an optimiser that was made for [`len`](Self::len) parameters; returns the gradient's norm.
    pub fn follow(&mut self, optimiser: &mut Optimiser, gradient: &[f32], step: Step) -> f32 {
        optimiser.follow(self.embed.iter_mut().chain([&mut self.head]), gradient, step)
    }

    /// Moves every parameter the share `tau` of the way to that of `source` (Polyak averaging).
    pub fn blend(&mut self, source: &Self, tau: f32) {
        let pairs = self.embed.iter_mut().zip(&source.embed).chain([(&mut self.head, &source.head)]);
        pairs.for_each(|(target, source)| target.blend(source, tau));
    }

    /// Its networks under the names that tensors begin with.
    pub fn named(&self) -> Vec<(&'static str, &Mlp)> {
        self.embed.iter().map(|embed| ("embed.", embed)).chain([("", &self.head)]).collect()
    }

    /// All parameters: `{prefix}embed.0.weight` and so on, then `{prefix}{0,1,2}.{weight,bias}`.
    pub fn tensors(&self, prefix: &str) -> Vec<NamedTensor> {
        self.named().into_iter().flat_map(|(name, net)| net.tensors(&format!("{prefix}{name}"))).collect()
    }

    /// Puts back what [`tensors`](Self::tensors) gave.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape or is not finite.
    pub fn load(&mut self, tensors: &[NamedTensor], prefix: &str) -> Result<()> {
        if let Some(embed) = &mut self.embed {
            embed.load(tensors, &format!("{prefix}embed."))?;
        }
        self.head.load(tensors, prefix)
    }
}

impl QPass {
    /// The values of the last pass, of entries and then of their agents.
    pub fn values(&self) -> impl Iterator<Item = f32> {
        self.head.output(1).map(|row| row[0])
    }

    /// Where the gradient by each of `rows` values goes.
    pub fn value_gradient(&mut self, rows: usize) -> impl Iterator<Item = &mut f32> {
        let (_, gradient) = self.head.output_gradient(1, rows);
        gradient.iter_mut().step_by(stride(1))
    }
}

fn sum_rows(rows: &[&[f32]], sum: &mut [f32]) {
    sum.fill(0.0);
    for row in rows {
        sum.iter_mut().zip(*row).for_each(|(sum, x)| *sum += x);
    }
}
