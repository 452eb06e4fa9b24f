//! The hybrid action head: squashed Gaussians for continuous dimensions, categoricals for discrete ones.
//!
//! A continuous dimension draws u ~ Normal(mean, exp(log_std)) and acts with middle + half * tanh(u), so an action lies
//! within its bounds without being cut off and its density follows from that of u:
//! ln p(action) = ln Normal(u) - ln half - ln(1 - tanh^2 u) (Haarnoja et al. 2018, appendix C). A rollout stores u and not
//! the action: near a bound tanh cannot be inverted in 32 bits.
//!
//! A discrete dimension draws from the softmax of its logits. A choice is forbidden by a zero in the mask or by a logit
//! of minus infinity; where all are forbidden, all are equally likely.
//!
//! The continuous dimensions can also be drawn together, without Gaussians, as one choice among the points of a grid.
//! Such a policy can prefer two actions that lie far apart; a Gaussian would prefer the mean of both.
//!
//! `log_std` acts as if clamped to [`LOG_STD_MIN`], [`LOG_STD_MAX`]. Beyond a limit a row's derivative is kept only when
//! it leads back: a plain clamp would leave a parameter that once overshot without any gradient.
//!
//! # Entropy
//! That of the action itself, not of u: the latter grows with log_std for ever, and an entropy bonus on it drives all
//! actions to the bounds. H = ln(half) + H(u) - 2 E[ln cosh u], and the expectation has a closed form once tanh is
//! written as a mixture of two error functions. The result is within 0.0012 nats of the exact entropy for every mean and
//! deviation, and its gradient is the exact gradient of the value reported. Categoricals are exact.
//!
//! Rows are agents, and a row's numbers do not depend on which rows stand beside it.
#![allow(clippy::needless_range_loop, reason = "the lanes of several arrays advance together")]

mod block;
mod categorical;
mod gaussian;
mod lanes;
mod lattice;
mod marginals;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::{
    block::Block,
    lanes::{LANES, Lanes, exp},
};
use self::{
    categorical::Categorical,
    gaussian::{Normal, Squash},
    lattice::Lattice,
};
use crate::error::{Error, Result};

/// The deviation of u is never below e^-5.
pub const LOG_STD_MIN: f32 = -5.0;
/// The deviation of u is never above e^1: by then 4 of 10 actions lie within 1 % of the range of a bound.
pub const LOG_STD_MAX: f32 = 1.0;

/// The action space of one agent, as a distribution over its network's head.
///
/// Head columns: the means of the continuous dimensions, then the logits of each discrete dimension. On a grid there are
/// no means, and the grid's points are the choices of the first discrete dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct HybridHead {
    continuous: Vec<Squash>,
    discrete: Vec<Categorical>,
    lattice: Option<Lattice>,
    logits: usize,
}

/// What a network says about a batch of rows.
#[derive(Clone, Copy, Debug)]
pub struct HeadRows<'a> {
    /// `[rows, head]`: means, then logits.
    pub head: &'a [f32],
    /// `[continuous]`, shared by all rows.
    pub log_std: &'a [f32],
    /// `[rows, logits]`, zero for a forbidden choice; none forbids nothing.
    pub masks: Option<&'a [f32]>,
}

/// The caller's random numbers for a batch of rows.
#[derive(Clone, Copy, Debug)]
pub struct Noise<'a> {
    /// Standard normal, `[rows, continuous]`.
    pub normals: &'a [f32],
    /// Uniform in [0, 1), `[rows, discrete]`.
    pub uniforms: &'a [f32],
}

/// Log-probability and entropy of the rows of a block.
pub(crate) struct Evaluation {
    pub(crate) log_prob: Lanes,
    pub(crate) entropy_continuous: Lanes,
    pub(crate) entropy_discrete: Lanes,
}

impl HybridHead {
    /// A head with these (low, high) bounds and numbers of choices.
    ///
    /// # Errors
    /// Bounds that are not finite or not in order, a discrete dimension without a choice, or no dimension at all.
    pub fn new(bounds: &[(f32, f32)], choices: &[usize]) -> Result<Self> {
        let continuous = bounds.iter().enumerate().map(|(dim, &(low, high))| Squash::new(dim, low, high));
        Self::assemble(continuous.collect::<Result<Vec<_>>>()?, None, choices)
    }

    /// A head that chooses among `bins` evenly spaced settings of each continuous dimension, bounds included, in all
    /// combinations; 0 leaves the dimensions continuous.
    ///
    /// # Errors
    /// As [`new`](Self::new), one setting, or more combinations than a network should have logits for.
    pub fn with_bins(bounds: &[(f32, f32)], choices: &[usize], bins: usize) -> Result<Self> {
        if bins == 0 || bounds.is_empty() {
            return Self::new(bounds, choices);
        }
        let lattice = Lattice::new(bounds, bins)?;
        let choices: Vec<usize> = std::iter::once(lattice.count()).chain(choices.iter().copied()).collect();
        Self::assemble(vec![], Some(lattice), &choices)
    }

    fn assemble(continuous: Vec<Squash>, lattice: Option<Lattice>, choices: &[usize]) -> Result<Self> {
        if continuous.is_empty() && choices.is_empty() {
            return Err(Error::input("an action space needs at least one dimension"));
        }
        let mut logits = 0;
        let mut discrete = Vec::with_capacity(choices.len());
        for (dim, &choices) in choices.iter().enumerate() {
            if choices == 0 {
                return Err(Error::input(format!("discrete action dimension {dim} has no choice")));
            }
            let first = continuous.len() + logits;
            discrete.push(Categorical { logits: first..first + choices, mask: logits });
            logits += choices;
        }
        Ok(Self { continuous, discrete, lattice, logits })
    }

    /// Numbers in one row of the head.
    pub fn head(&self) -> usize {
        self.continuous.len() + self.logits
    }

    /// Numbers in one row of actions: the continuous dimensions, then one index per discrete one.
    pub fn action(&self) -> usize {
        self.stored() + self.lattice.as_ref().map_or(0, |lattice| lattice.dimensions() - 1)
    }

    /// Numbers in one row of what a rollout keeps of actions: one per drawn dimension.
    pub fn stored(&self) -> usize {
        self.continuous.len() + self.discrete.len()
    }

    /// Dimensions drawn from a Gaussian.
    pub fn continuous(&self) -> usize {
        self.continuous.len()
    }

    /// Dimensions drawn from a softmax.
    pub fn discrete(&self) -> usize {
        self.discrete.len()
    }

    /// Choices of each dimension drawn from a softmax.
    pub fn choices(&self) -> Vec<usize> {
        self.discrete.iter().map(|categorical| categorical.logits.len()).collect()
    }

    /// Logits of one row, over all discrete dimensions; also the width of a row of masks.
    pub fn logits(&self) -> usize {
        self.logits
    }

    /// Turns what a port allows, `[rows, num_choices]`, into masks of the head, `[rows, logits]`: the points of a grid are
    /// always allowed. Nothing is written where nothing ever is forbidden.
    ///
    /// # Errors
    /// A row in which every choice of a dimension is forbidden.
    pub fn spread_masks(&self, allowed: &[bool], num_choices: usize, masks: &mut [f32]) -> Result<()> {
        if allowed.is_empty() {
            return Ok(());
        }
        let free = self.logits - num_choices;
        let rows = allowed.chunks_exact(num_choices).zip(masks.chunks_exact_mut(self.logits));
        for (row, (allowed, mask)) in rows.enumerate() {
            mask[..free].fill(1.0);
            mask[free..].iter_mut().zip(allowed).for_each(|(mask, allowed)| *mask = f32::from(u8::from(*allowed)));
            let is_stuck = |dim: &Categorical| mask[dim.mask..][..dim.logits.len()].iter().all(|mask| *mask == 0.0);
            if let Some(dim) = self.discrete.iter().position(is_stuck) {
                return Err(Error::input(format!("row {row} has no choice left in discrete dimension {dim}")));
            }
        }
        Ok(())
    }

    /// Whether the choices of one stored action are allowed by a row of masks.
    pub fn allows(&self, stored: &[f32], mask: &[f32]) -> bool {
        let choices = self.discrete.iter().zip(&stored[self.continuous.len()..]);
        choices.into_iter().all(|(dim, choice)| mask[dim.mask + *choice as usize] != 0.0)
    }

    /// Draws an action for each row.
    ///
    /// Writes what the environment acts on into `actions`, `[rows, action]`, what a rollout keeps (u, then the indices)
    /// into `stored`, `[rows, stored]`, and ln p(action) into `log_probs`, `[rows]`.
    pub fn sample(
        &self,
        outputs: HeadRows<'_>,
        noise: Noise<'_>,
        stored: &mut [f32],
        actions: &mut [f32],
        log_probs: &mut [f32],
    ) {
        let (head, width, kept) = (self.head(), self.action(), self.stored());
        for block in Block::cover(log_probs.len()) {
            let mut log_prob = [0.0; LANES];
            for (dim, squash) in self.continuous.iter().enumerate() {
                let normal = Normal::new(outputs.log_std[dim]);
                let mean = block.load(outputs.head, head, dim);
                let noise = block.load(noise.normals, self.continuous.len(), dim);
                let (mut u, mut action) = ([0.0; LANES], [0.0; LANES]);
                for lane in 0..LANES {
                    u[lane] = mean[lane] + normal.std * noise[lane];
                    let (tanh, log_slope) = lanes::tanh_and_log_slope(u[lane]);
                    action[lane] = squash.apply(tanh);
                    log_prob[lane] += normal.log_density(mean[lane], u[lane]) - squash.log_half - log_slope;
                }
                block.store(u, stored, kept, dim);
                block.store(action, actions, width, dim);
            }
            for (dim, categorical) in self.discrete.iter().enumerate() {
                let softmax = categorical.softmax(outputs, &block, head, self.logits);
                let drawn = softmax.draw(block.load(noise.uniforms, self.discrete.len(), dim));
                add(&mut log_prob, softmax.log_prob(drawn));
                block.store(drawn, stored, kept, self.continuous.len() + dim);
                self.choose(drawn, &block, actions, dim);
            }
            block.store(log_prob, log_probs, 1, 0);
        }
    }

    /// What [`sample`](Self::sample) would have stored, `[rows, stored]`, for these actions, `[rows, action]`: continuous
    /// dimensions before squashing, as far as a finite number can, or the nearest point of the grid; discrete ones as they
    /// are.
    pub fn unsquash(&self, actions: &[f32], stored: &mut [f32]) {
        for (action, stored) in actions.chunks_exact(self.action()).zip(stored.chunks_exact_mut(self.stored())) {
            if let Some(lattice) = &self.lattice {
                let (settings, choices) = action.split_at(lattice.dimensions());
                stored[0] = lattice.nearest(settings) as f32;
                stored[1..].copy_from_slice(choices);
            } else {
                stored.copy_from_slice(action);
                for (squash, number) in self.continuous.iter().zip(stored) {
                    *number = squash.inverse(*number);
                }
            }
        }
    }

    /// Writes the choices of discrete dimension `dim` as actions.
    #[inline(always)]
    fn choose(&self, drawn: Lanes, block: &Block, actions: &mut [f32], dim: usize) {
        let width = self.action();
        match &self.lattice {
            Some(lattice) if dim == 0 => {
                for (lane, row) in (block.first..block.first + block.rows).enumerate() {
                    let settings = lattice.point(drawn[lane] as usize);
                    actions[row * width..][..settings.len()].copy_from_slice(settings);
                }
            }
            // Discrete dimensions come last.
            _ => block.store(drawn, actions, width, width - self.discrete.len() + dim),
        }
    }

    /// The action without noise: each continuous dimension at its median, each discrete one at its first best choice.
    /// Writes `[rows, action]`.
    pub fn mode(&self, outputs: HeadRows<'_>, actions: &mut [f32]) {
        let (head, width) = (self.head(), self.action());
        for block in Block::cover(actions.len() / width) {
            for (dim, squash) in self.continuous.iter().enumerate() {
                let mean = block.load(outputs.head, head, dim);
                let action = lanes::map(mean, |mean| squash.apply(lanes::tanh_and_log_slope(mean).0));
                block.store(action, actions, width, dim);
            }
            for (dim, categorical) in self.discrete.iter().enumerate() {
                let best = categorical.softmax(outputs, &block, head, self.logits).best();
                self.choose(best, &block, actions, dim);
            }
        }
    }

    /// ln p of the actions in `stored`, `[rows, stored]`, and the entropy of each row; both outputs are `[rows]`.
    pub fn evaluate(&self, outputs: HeadRows<'_>, stored: &[f32], log_probs: &mut [f32], entropies: &mut [f32]) {
        for block in Block::cover(log_probs.len()) {
            let mut evaluation = self.evaluate_block(outputs, stored, &block);
            add(&mut evaluation.entropy_continuous, evaluation.entropy_discrete);
            block.store(evaluation.log_prob, log_probs, 1, 0);
            block.store(evaluation.entropy_continuous, entropies, 1, 0);
        }
    }

    /// The chain rule through [`evaluate`](Self::evaluate), for a loss that is to be lowered.
    ///
    /// `by_log_prob` and `by_entropy`, `[rows]`, are the loss's derivatives; writes those by the head, `[rows, head]`, and
    /// adds to those by log_std, `[continuous]`.
    pub fn differentiate(
        &self,
        outputs: HeadRows<'_>,
        stored: &[f32],
        (by_log_prob, by_entropy): (&[f32], &[f32]),
        by_head: &mut [f32],
        by_log_std: &mut [f32],
    ) {
        for block in Block::cover(by_log_prob.len()) {
            let by = (block.load(by_log_prob, 1, 0), block.load(by_entropy, 1, 0));
            self.differentiate_block(outputs, stored, &block, by, by_head, by_log_std);
        }
    }

    /// [`evaluate`](Self::evaluate) for the rows of one block.
    pub(crate) fn evaluate_block(&self, outputs: HeadRows<'_>, stored: &[f32], block: &Block) -> Evaluation {
        let zero = [0.0; LANES];
        let mut sums = Evaluation { log_prob: zero, entropy_continuous: zero, entropy_discrete: zero };
        let (head, width) = (self.head(), self.stored());
        for (dim, squash) in self.continuous.iter().enumerate() {
            let normal = Normal::new(outputs.log_std[dim]);
            let mean = block.load(outputs.head, head, dim);
            let u = block.load_source(stored, width, dim);
            for lane in 0..LANES {
                let log_slope = lanes::tanh_and_log_slope(u[lane]).1;
                sums.log_prob[lane] += normal.log_density(mean[lane], u[lane]) - squash.log_half - log_slope;
                sums.entropy_continuous[lane] += squash.log_half + normal.entropy_of_tanh(mean[lane]);
            }
        }
        for (dim, categorical) in self.discrete.iter().enumerate() {
            let softmax = categorical.softmax(outputs, block, head, self.logits);
            let choice = block.load_source(stored, width, self.continuous.len() + dim);
            add(&mut sums.log_prob, softmax.log_prob(choice));
            add(&mut sums.entropy_discrete, softmax.entropy);
        }
        sums
    }

    /// [`differentiate`](Self::differentiate) for the rows of one block.
    pub(crate) fn differentiate_block(
        &self,
        outputs: HeadRows<'_>,
        stored: &[f32],
        block: &Block,
        (by_log_prob, by_entropy): (Lanes, Lanes),
        by_head: &mut [f32],
        by_log_std: &mut [f32],
    ) {
        let (head, width) = (self.head(), self.stored());
        for dim in 0..self.continuous.len() {
            let normal = Normal::new(outputs.log_std[dim]);
            let mean = block.load(outputs.head, head, dim);
            let u = block.load_source(stored, width, dim);
            let (mut by_mean, mut by_deviation) = ([0.0; LANES], [0.0; LANES]);
            for lane in 0..LANES {
                let z = (u[lane] - mean[lane]) * normal.inverse_std;
                let (of_mean, of_deviation) = normal.entropy_gradient(mean[lane]);
                by_mean[lane] = by_log_prob[lane] * (z * normal.inverse_std) + by_entropy[lane] * of_mean;
                by_deviation[lane] = by_log_prob[lane] * (z * z - 1.0) + by_entropy[lane] * of_deviation;
            }
            block.store(by_mean, by_head, head, dim);
            by_log_std[dim] += normal.inward(&by_deviation[..block.rows]);
        }
        for (dim, categorical) in self.discrete.iter().enumerate() {
            let softmax = categorical.softmax(outputs, block, head, self.logits);
            let choice = block.load_source(stored, width, self.continuous.len() + dim);
            for index in softmax.choices() {
                let (mut by_logit, of_entropy) = softmax.gradient(choice, index);
                for lane in 0..LANES {
                    by_logit[lane] = by_log_prob[lane] * by_logit[lane] + by_entropy[lane] * of_entropy[lane];
                }
                block.store(by_logit, by_head, head, categorical.logits.start + index);
            }
        }
    }
}

fn add(sums: &mut Lanes, lanes: Lanes) {
    for (sum, lane) in sums.iter_mut().zip(lanes) {
        *sum += lane;
    }
}
