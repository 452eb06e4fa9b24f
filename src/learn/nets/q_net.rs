//! Critics of actions: what an agent's action is worth in the company of the others'.
//!
//! A row is what one agent sees and does: its observation, then its action. A joint critic reads the rows of a whole team side by side and
//! gives one value (Lowe et al. 2017): it belongs to one agent of a team of known size. The other two put an agent's own row beside one
//! vector that stands for the others, of a team of any size: the mean of learned embeddings of their rows, or what attention makes
//! of these (Iqbal & Sha 2019). They value every agent of a team, and the one with attention also a single one.

mod attention;
mod mean;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::attention::{Attention, AttentionPass};
use super::{
    mlp::{Mlp, MlpShape, Pass, input_stride},
    optimiser::{Optimiser, Step},
};
use crate::{
    error::Result,
    math::gemm::{View, stride},
    policy::{network::Activation, tensor::NamedTensor},
};

/// How a critic takes in the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Rows of a team of this many agents side by side, with the valued agent's own among them.
    Joint(usize),
    /// The mean of learned embeddings.
    Mean,
    /// Attention over learned embeddings.
    Attention,
}

/// What a critic is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QShape {
    /// Numbers in a row.
    pub row: usize,
    /// How the others are taken in.
    pub others: Others,
    /// Width of both hidden layers, and of an embedding.
    pub hidden: usize,
    /// Nonlinearity of both.
    pub activation: Activation,
}

/// A critic without an optimiser.
#[derive(Clone, Debug)]
pub struct QNet {
    shape: QShape,
    /// Makes rows comparable, unless they are read side by side.
    embed: Option<Mlp>,
    attention: Option<Attention>,
    head: Mlp,
}

/// One pass of a critic, reused by the next one.
#[derive(Clone, Debug, Default)]
pub struct QPass {
    head: Pass,
    embed: Pass,
    attention: AttentionPass,
    /// What goes into the head unless rows are read side by side: a row, then what stands for the others.
    input: Vec<f32>,
    by_input: Vec<f32>,
    sum: Vec<f32>,
}

/// What a critic looks at: entries of a team.
#[derive(Clone, Copy, Debug)]
pub struct Company<'a> {
    /// What each agent sees and does, `[entries, agents, row]`.
    pub rows: &'a [f32],
    /// Number of entries.
    pub entries: usize,
    /// Agents per entry.
    pub agents: usize,
    /// The agent that is valued; none values each of them. A joint critic gives one value either way, the mean values each.
    pub valued: Option<usize>,
}

impl QNet {
    /// A critic with orthogonal weights, drawn from `seed` apart from those of another `stream`. Attention begins as the mean.
    ///
    /// # Errors
    /// Impossible sizes.
    pub fn new(shape: QShape, seed: u64, stream: u64) -> Result<Self> {
        let QShape { row, others, hidden, activation } = shape;
        let mlp = |sizes: Vec<usize>, last, gain, stream| {
            Mlp::new(MlpShape { sizes, hidden: activation, last }, gain, seed, stream)
        };
        let embed = match others {
            Others::Joint(_) => None,
            Others::Mean | Others::Attention => {
                Some(mlp(vec![row, hidden], Some(activation), std::f32::consts::SQRT_2, 2 * stream)?)
            }
        };
        let inputs = match others {
            Others::Joint(agents) => row.saturating_mul(agents),
            Others::Mean | Others::Attention => row + hidden,
        };
        let head = mlp(vec![inputs, hidden, hidden, 1], None, 1.0, 2 * stream + 1)?;
        let attention = (others == Others::Attention).then(|| Attention::new(hidden));
        Ok(Self { shape, embed, attention, head })
    }

    /// Length of a gradient.
    pub fn len(&self) -> usize {
        self.named().iter().map(|(_, net)| net.len()).sum()
    }

    /// Whether there are no parameters; always false.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// How many values it gives of `company`.
    pub fn num_values(&self, company: Company<'_>) -> usize {
        match self.shape.others {
            Others::Joint(_) => company.entries,
            Others::Mean => company.entries * company.agents,
            Others::Attention => company.entries * company.num_valued(),
        }
    }

    /// Values what `company` shows; see [`QPass::values`].
    pub fn forward(&self, company: Company<'_>, pass: &mut QPass) {
        if let Some(embed) = &self.embed {
            embed.forward(self.rows(company), company.num_rows(), &mut pass.embed);
            match &self.attention {
                None => self.pool(company, pass),
                Some(attention) => {
                    attention.forward(company, &pass.embed, &mut pass.attention);
                    self.join(company, pass);
                }
            }
        }
        self.head.forward(self.input(company, &pass.input), self.num_values(company), &mut pass.head);
    }

    /// The way back from what was written to [`QPass::value_gradient`], for the same company: adds the gradient of the parameters to
    /// `gradient`, [`len`](Self::len) numbers.
    pub fn backward(&self, company: Company<'_>, pass: &mut QPass, gradient: &mut [f32]) {
        let (of_embed, rest) = gradient.split_at_mut(self.embed.as_ref().map_or(0, Mlp::len));
        let (of_query, of_head) =
            rest.split_at_mut(self.attention.as_ref().map_or(0, |attention| attention.query.len()));
        let input = self.input(company, &pass.input);
        self.head.backward(input, self.num_values(company), &mut pass.head, Some(of_head));
        let Some(embed) = &self.embed else {
            return;
        };
        match &self.attention {
            None => self.spread(company, pass),
            Some(attention) => {
                self.reach_attended(company, pass);
                attention.backward(company, &mut pass.embed, &mut pass.attention, of_query);
            }
        }
        embed.backward(self.rows(company), company.num_rows(), &mut pass.embed, Some(of_embed));
    }

    /// The other way back from [`QPass::value_gradient`], to what the valued agents themselves do: the gradient of each value by some
    /// `columns` of its agent's row, into rows `input_stride(columns)` apart. That others see this row too has no part in it.
    pub fn backward_own(&self, company: Company<'_>, columns: Range<usize>, pass: &mut QPass, to: &mut [f32]) {
        let values = self.num_values(company);
        self.head.backward(self.input(company, &pass.input), values, &mut pass.head, None);
        let first = match self.shape.others {
            Others::Joint(_) => company.first_valued() * self.shape.row,
            Others::Mean | Others::Attention => 0,
        };
        let of_input = first + columns.start..first + columns.end;
        self.head.backward_input(values, of_input, &pass.head, to, input_stride(columns.len()));
        if let (Some(embed), Some(attention)) = (&self.embed, &self.attention) {
            self.reach_attended(company, pass);
            attention.backward_own(company, &mut pass.embed, &mut pass.attention);
            self.add_asked(embed, company, columns, pass, to);
        }
    }

    /// Adds to the gradient by own rows what comes through the query that they ask: their action also decides whom they look at.
    fn add_asked(&self, embed: &Mlp, company: Company<'_>, columns: Range<usize>, pass: &mut QPass, to: &mut [f32]) {
        let (rows, width) = (company.num_rows(), input_stride(columns.len()));
        embed.backward(self.rows(company), rows, &mut pass.embed, None);
        pass.by_input.resize(rows * width, 0.0);
        embed.backward_input(rows, columns, &pass.embed, &mut pass.by_input, width);
        let own = pass.by_input.chunks_exact(width).skip(company.first_valued()).step_by(company.valued_step());
        for (to, by) in to.chunks_exact_mut(width).zip(own) {
            to.iter_mut().zip(by).for_each(|(to, by)| *to += by);
        }
    }

    /// Puts each valued row beside what its agent has got from the others.
    fn join(&self, company: Company<'_>, pass: &mut QPass) {
        let QShape { row, hidden, .. } = self.shape;
        pass.input.resize(self.num_values(company) * (row + hidden), 0.0);
        let own = company.rows.chunks_exact(row).skip(company.first_valued()).step_by(company.valued_step());
        for (input, (own, attended)) in
            pass.input.chunks_exact_mut(row + hidden).zip(own.zip(pass.attention.attended(hidden)))
        {
            input[..row].copy_from_slice(own);
            input[row..].copy_from_slice(attended);
        }
    }

    /// Takes the gradient from the head's input to where attention looks for it.
    fn reach_attended(&self, company: Company<'_>, pass: &mut QPass) {
        let QShape { row, hidden, .. } = self.shape;
        let values = self.num_values(company);
        let by_attended = pass.attention.attended_gradient(hidden, values);
        self.head.backward_input(values, row..row + hidden, &pass.head, by_attended, stride(hidden));
        // The numbers behind the last column mean nothing, but products read whole vectors, so they have to be zero.
        by_attended.chunks_exact_mut(stride(hidden)).for_each(|row| row[hidden..].fill(0.0));
    }

    /// Every row by itself.
    fn rows<'a>(&self, company: Company<'a>) -> View<'a> {
        View { data: company.rows, stride: self.shape.row }
    }

    /// What the head reads: a team's rows side by side, or what was `gathered`.
    fn input<'a>(&self, company: Company<'a>, gathered: &'a [f32]) -> View<'a> {
        let QShape { row, hidden, .. } = self.shape;
        match self.shape.others {
            Others::Joint(agents) => View { data: company.rows, stride: agents * row },
            Others::Mean | Others::Attention => View { data: gathered, stride: row + hidden },
        }
    }

    /// One step of an optimiser that was made for [`len`](Self::len) parameters; returns the gradient's norm.
    pub fn follow(&mut self, optimiser: &mut Optimiser, gradient: &[f32], step: Step) -> f32 {
        optimiser.follow(self.nets_mut(), gradient, step)
    }

    /// Moves every parameter the share `tau` of the way to that of `source` (Polyak averaging).
    pub fn blend(&mut self, source: &Self, tau: f32) {
        let pairs = self.nets_mut().zip(source.named());
        pairs.for_each(|(target, (_, source))| target.blend(source, tau));
    }

    /// Its networks under the names that tensors begin with, in the order of a gradient.
    pub fn named(&self) -> Vec<(&'static str, &Mlp)> {
        let embed = self.embed.iter().map(|embed| ("embed.", embed));
        let query = self.attention.iter().map(|attention| ("query.", &attention.query));
        embed.chain(query).chain([("", &self.head)]).collect()
    }

    /// The networks of [`named`](Self::named).
    fn nets_mut(&mut self) -> impl Iterator<Item = &mut Mlp> {
        let query = self.attention.iter_mut().map(|attention| &mut attention.query);
        self.embed.iter_mut().chain(query).chain([&mut self.head])
    }

    /// All parameters: `{prefix}embed.0.weight` and so on, `{prefix}query.0.{weight,bias}` for attention, then
    /// `{prefix}{0,1,2}.{weight,bias}`.
    pub fn tensors(&self, prefix: &str) -> Vec<NamedTensor> {
        self.named().into_iter().flat_map(|(name, net)| net.tensors(&format!("{prefix}{name}"))).collect()
    }

    /// Puts back what [`tensors`](Self::tensors) gave.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape or is not finite.
    pub fn load(&mut self, tensors: &[NamedTensor], prefix: &str) -> Result<()> {
        let names: Vec<&str> = self.named().into_iter().map(|(name, _)| name).collect();
        let mut named = names.into_iter().zip(self.nets_mut());
        named.try_for_each(|(name, net)| net.load(tensors, &format!("{prefix}{name}")))
    }
}

impl Company<'_> {
    fn num_rows(&self) -> usize {
        self.entries * self.agents
    }

    /// Agents of an entry that are valued.
    fn num_valued(&self) -> usize {
        if self.valued.is_some() { 1 } else { self.agents }
    }

    /// The first row that is valued.
    fn first_valued(&self) -> usize {
        self.valued.unwrap_or(0)
    }

    /// From one valued row to the next.
    fn valued_step(&self) -> usize {
        if self.valued.is_some() { self.agents } else { 1 }
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
