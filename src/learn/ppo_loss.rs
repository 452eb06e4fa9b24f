//! The clipped surrogate loss of PPO (Schulman et al. 2017), differentiated by hand with respect to a network's outputs.
//!
//! Hyperparameters have cleanrl's names and meaning. Policy loss and entropy are means over the minibatch's agents, the
//! value loss over its values, so that none depends on the size of the minibatch or on how a network cuts it up:
//!
//! loss = mean max(-A r, -A clip(r, 1 - clip_coef, 1 + clip_coef)) - ent_coef mean(entropy) + vf_coef mean((v - R)^2) / 2
//!
//! with r = p_new(action) / p_old(action). ln r is held within +-20, far outside of any useful step, so that one wild row
//! cannot turn a gradient into infinity.
#![allow(clippy::needless_range_loop, reason = "the lanes of several arrays advance together")]

use std::ops::Range;

use super::nets::{LOSS_TERMS, Loss, OutputGradients, Outputs};
use crate::{
    error::{Error, Result},
    policy::distribution::{Block, HeadRows, HybridHead, LANES, Lanes, exp},
};

/// Largest |ln r| that is told apart.
const LOG_RATIO_MAX: f32 = 20.0;

/// What a [`PpoLoss`] reports, as indices into the terms of [`Loss`]; each is a mean over the minibatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// The clipped surrogate.
    PolicyLoss,
    /// Half the mean squared error of the values, in normalised units.
    ValueLoss,
    /// Entropy of an agent's whole action, nats.
    Entropy,
    /// The part of the entropy that the discrete dimensions hold, nats.
    DiscreteEntropy,
    /// KL divergence of the new from the old policy by the estimator mean((r - 1) - ln r); never negative.
    ApproxKl,
    /// The same by mean(-ln r): unbiased, but noisy.
    OldApproxKl,
    /// Share of the agents whose ratio is beyond the clip range.
    ClipFraction,
    /// What is minimised.
    Loss,
}

impl Term {
    /// All terms in the order of their indices.
    pub const ALL: [Self; LOSS_TERMS] = [
        Self::PolicyLoss,
        Self::ValueLoss,
        Self::Entropy,
        Self::DiscreteEntropy,
        Self::ApproxKl,
        Self::OldApproxKl,
        Self::ClipFraction,
        Self::Loss,
    ];

    /// Place in the array of terms.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Name of the metric.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::PolicyLoss => "losses/policy_loss",
            Self::ValueLoss => "losses/value_loss",
            Self::Entropy => "losses/entropy",
            Self::DiscreteEntropy => "losses/discrete_entropy",
            Self::ApproxKl => "losses/approx_kl",
            Self::OldApproxKl => "losses/old_approx_kl",
            Self::ClipFraction => "losses/clipfrac",
            Self::Loss => "losses/loss",
        }
    }
}

/// Coefficients of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PpoCoefficients {
    /// How far the ratio may leave 1 before it stops paying.
    pub clip_coef: f32,
    /// Weight of the entropy.
    pub ent_coef: f32,
    /// Weight of the value loss.
    pub vf_coef: f32,
    /// Scale the minibatch's advantages to mean 0 and deviation 1?
    pub norm_adv: bool,
    /// Keep values within `clip_coef` of the old ones, as the policy's ratio?
    pub clip_vloss: bool,
}

/// What a rollout recorded. Arrays cover the whole rollout, in the order of its steps.
#[derive(Clone, Copy, Debug)]
pub struct Experience<'a> {
    /// Agents per step.
    pub agents: usize,
    /// Stored actions, `[steps, agents, stored]`, as [`HybridHead::sample`] writes them.
    pub stored: &'a [f32],
    /// Their log-probabilities at the time, `[steps, agents]`.
    pub log_probs: &'a [f32],
    /// Zero for a forbidden choice, `[steps, agents, logits]`.
    pub masks: Option<&'a [f32]>,
    /// Whether an action could change anything, `[steps, agents]`; all could without it. The others have no part in the
    /// policy's loss, nor in the means that it is made of.
    pub matters: Option<&'a [bool]>,
    /// Whether a value is learned, `[steps, values_per_step]`; all are without it.
    pub counts: Option<&'a [bool]>,
    /// `[steps, agents]`, or `[steps, 1]` when all agents of a step share one.
    pub advantages: &'a [f32],
    /// Targets of the critic in its own (normalised) unit, `[steps, values_per_step]`.
    pub returns: &'a [f32],
    /// The critic's values at the time, same shape and unit.
    pub values: &'a [f32],
}

/// The loss on one minibatch.
#[derive(Clone, Copy, Debug)]
pub struct PpoLoss<'a> {
    head: &'a HybridHead,
    experience: Experience<'a>,
    steps: &'a [u32],
    coefficients: PpoCoefficients,
    /// Advantages and values per step.
    advantages: usize,
    values: usize,
    /// Advantages enter as (advantage - mean) * scale.
    advantage_mean: f32,
    advantage_scale: f32,
    /// 1 / number of agents that matter and 1 / number of values in the minibatch.
    agent_share: f64,
    value_share: f64,
}

impl<'a> PpoLoss<'a> {
    /// The loss on the minibatch made of `steps`, which must be those given to the network, in the same order.
    ///
    /// # Errors
    /// Coefficients that make no loss, arrays whose sizes do not fit together, an empty minibatch, or a step that the rollout does not have.
    pub fn new(
        head: &'a HybridHead,
        experience: Experience<'a>,
        steps: &'a [u32],
        coefficients: PpoCoefficients,
    ) -> Result<Self> {
        coefficients.check()?;
        let (advantages, values) = experience.check(head, steps)?;
        let (mean, scale) = if coefficients.norm_adv { moments(&experience, steps, advantages) } else { (0.0, 1.0) };
        Ok(Self {
            head,
            experience,
            steps,
            coefficients,
            advantages,
            values,
            advantage_mean: mean,
            advantage_scale: scale,
            agent_share: 1.0 / experience.num_mattering_in(steps).max(1) as f64,
            value_share: 1.0 / experience.num_counting_in(steps, values).max(1) as f64,
        })
    }

    /// The rows of one block of the entries' agents: where the rollout keeps them.
    fn block(&self, entries: &Range<usize>, first: usize, rows: usize) -> Block {
        let agents = self.experience.agents;
        let mut sources = [0; LANES];
        for (lane, source) in sources[..rows].iter_mut().enumerate() {
            let row = first + lane;
            *source = self.steps[entries.start + row / agents] as usize * agents + row % agents;
        }
        Block { first, rows, sources }
    }

    /// Advantages of the rows of a block, as they enter the loss.
    fn advantages(&self, block: &Block) -> Lanes {
        let mut advantages = [0.0; LANES];
        for (advantage, source) in advantages.iter_mut().zip(&block.sources[..block.rows]) {
            // Either one advantage per agent, or one for all agents of a step.
            let at = if self.advantages == 1 { source / self.experience.agents } else { *source };
            *advantage = (self.experience.advantages[at] - self.advantage_mean) * self.advantage_scale;
        }
        advantages
    }

    /// Surrogate, entropy and their derivatives for all agents of the entries.
    fn differentiate_policy(
        &self,
        entries: Range<usize>,
        outputs: HeadRows<'_>,
        gradients: &mut OutputGradients<'_>,
    ) -> Sums {
        let zero = [0.0; LANES];
        let mut sums = Sums {
            policy_loss: zero,
            kl: zero,
            old_kl: zero,
            clipped: zero,
            entropy_continuous: zero,
            entropy_discrete: zero,
        };
        let rows = entries.len() * self.experience.agents;
        let (clip_coef, share) = (self.coefficients.clip_coef, self.agent_share as f32);
        for first in (0..rows).step_by(LANES) {
            let block = self.block(&entries, first, LANES.min(rows - first));
            let evaluation = self.head.evaluate_block(outputs, self.experience.stored, &block);
            let old_log_prob = block.load_source(self.experience.log_probs, 1, 0);
            let advantage = self.advantages(&block);
            let (mut by_log_prob, mut by_entropy) = ([0.0; LANES], [0.0; LANES]);
            for lane in 0..LANES {
                let free = evaluation.log_prob[lane] - old_log_prob[lane];
                let log_ratio = free.clamp(-LOG_RATIO_MAX, LOG_RATIO_MAX);
                let ratio = exp(log_ratio);
                let open = -advantage[lane] * ratio;
                let clipped = -advantage[lane] * ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef);
                // A branch that is clipped, or a ratio held at its limit, does not change with the policy.
                let moves = (open >= clipped) & (free == log_ratio);
                let counts = lane < block.rows && self.experience.matters(block.sources[lane]);
                by_log_prob[lane] = if counts & moves { open * share } else { 0.0 };
                by_entropy[lane] = if counts { -self.coefficients.ent_coef * share } else { 0.0 };
                let present = if counts { 1.0 } else { 0.0 };
                sums.policy_loss[lane] += present * f64::from(if open >= clipped { open } else { clipped });
                sums.kl[lane] += present * f64::from((ratio - 1.0) - log_ratio);
                sums.old_kl[lane] -= present * f64::from(log_ratio);
                sums.clipped[lane] += if (ratio - 1.0).abs() > clip_coef { present } else { 0.0 };
                sums.entropy_continuous[lane] += present * f64::from(evaluation.entropy_continuous[lane]);
                sums.entropy_discrete[lane] += present * f64::from(evaluation.entropy_discrete[lane]);
            }
            self.head.differentiate_block(
                outputs,
                self.experience.stored,
                &block,
                (by_log_prob, by_entropy),
                gradients.head,
                gradients.log_std,
            );
        }
        sums
    }

    /// Sum of half the squared errors of all values of the entries, and its derivatives.
    fn differentiate_values(&self, entries: Range<usize>, values: &[f32], gradients: &mut [f32]) -> f64 {
        let (clip_coef, weight) = (self.coefficients.clip_coef, self.coefficients.vf_coef * self.value_share as f32);
        let mut sum = 0.0;
        let rows = values.chunks_exact(self.values).zip(gradients.chunks_exact_mut(self.values));
        for (&step, (values, gradients)) in self.steps[entries].iter().zip(rows) {
            for (column, (&value, gradient)) in values.iter().zip(gradients).enumerate() {
                let at = step as usize * self.values + column;
                if !self.experience.counts.is_none_or(|counts| counts[at]) {
                    *gradient = 0.0;
                    continue;
                }
                let mut error = value - self.experience.returns[at];
                let mut moves = true;
                if self.coefficients.clip_vloss {
                    let change = value - self.experience.values[at];
                    let held = change.clamp(-clip_coef, clip_coef);
                    let held_error = self.experience.values[at] + held - self.experience.returns[at];
                    if held_error * held_error > error * error {
                        error = held_error;
                        moves = change == held;
                    }
                }
                sum += f64::from(0.5 * error * error);
                *gradient = if moves { weight * error } else { 0.0 };
            }
        }
        sum
    }
}

impl Loss for PpoLoss<'_> {
    fn differentiate(
        &self,
        entries: Range<usize>,
        outputs: Outputs<'_>,
        mut gradients: OutputGradients<'_>,
    ) -> [f64; LOSS_TERMS] {
        let rows = HeadRows { head: outputs.head, log_std: outputs.log_std, masks: self.experience.masks };
        let sums = self.differentiate_policy(entries.clone(), rows, &mut gradients);
        let value_loss = self.differentiate_values(entries, outputs.values, gradients.values);

        let mean = |lanes: [f64; LANES]| lanes.iter().sum::<f64>() * self.agent_share;
        let value_loss = value_loss * self.value_share;
        let (policy_loss, discrete_entropy) = (mean(sums.policy_loss), mean(sums.entropy_discrete));
        let entropy = mean(sums.entropy_continuous) + discrete_entropy;
        let mut terms = [0.0; LOSS_TERMS];
        terms[Term::PolicyLoss.index()] = policy_loss;
        terms[Term::ValueLoss.index()] = value_loss;
        terms[Term::Entropy.index()] = entropy;
        terms[Term::DiscreteEntropy.index()] = discrete_entropy;
        terms[Term::ApproxKl.index()] = mean(sums.kl);
        terms[Term::OldApproxKl.index()] = mean(sums.old_kl);
        terms[Term::ClipFraction.index()] = mean(sums.clipped);
        terms[Term::Loss.index()] = policy_loss - f64::from(self.coefficients.ent_coef) * entropy
            + f64::from(self.coefficients.vf_coef) * value_loss;
        terms
    }
}

/// Sums over agents, one per lane: the order of additions is fixed, and lanes do not wait for each other.
struct Sums {
    policy_loss: [f64; LANES],
    kl: [f64; LANES],
    old_kl: [f64; LANES],
    clipped: [f64; LANES],
    entropy_continuous: [f64; LANES],
    entropy_discrete: [f64; LANES],
}

impl PpoCoefficients {
    fn check(&self) -> Result<()> {
        let Self { clip_coef, ent_coef, vf_coef, .. } = *self;
        if clip_coef >= 0.0 && clip_coef.is_finite() && ent_coef.is_finite() && vf_coef.is_finite() {
            return Ok(());
        }
        Err(Error::input(format!("no loss has clip_coef {clip_coef}, ent_coef {ent_coef}, vf_coef {vf_coef}"))
            .hint("give finite numbers, clip_coef not below 0"))
    }
}

impl Experience<'_> {
    /// Whether the action in this row, one per agent and step, could change anything.
    fn matters(&self, row: usize) -> bool {
        self.matters.is_none_or(|matters| matters[row])
    }

    /// How many of these rows do.
    fn num_mattering(&self, rows: Range<usize>) -> usize {
        rows.filter(|row| self.matters(*row)).count()
    }

    /// The same for the rows of these steps.
    fn num_mattering_in(&self, steps: &[u32]) -> usize {
        steps
            .iter()
            .map(|&step| self.num_mattering(step as usize * self.agents..(step as usize + 1) * self.agents))
            .sum()
    }

    /// How many of the values of these steps are learned.
    fn num_counting_in(&self, steps: &[u32], values: usize) -> usize {
        let Some(counts) = self.counts else { return steps.len() * values };
        let of_step = |step: &u32| &counts[*step as usize * values..][..values];
        steps.iter().flat_map(of_step).filter(|counts| **counts).count()
    }

    /// Advantages and values per step, once all sizes agree.
    fn check(&self, head: &HybridHead, steps: &[u32]) -> Result<(usize, usize)> {
        let rows = self.log_probs.len();
        let num_steps = rows.checked_div(self.agents).unwrap_or(0);
        let per_step = |len: usize| len.checked_div(num_steps).filter(|per_step| per_step * num_steps == len);
        let advantages = per_step(self.advantages.len()).filter(|&n| n == 1 || n == self.agents);
        let fits = |len: usize| len == self.returns.len();
        let values = per_step(self.returns.len())
            .filter(|&n| n > 0 && fits(self.values.len()) && self.counts.is_none_or(|counts| fits(counts.len())));
        let stored = rows == num_steps * self.agents && self.stored.len() == rows * head.stored();
        let masks = self.masks.is_none_or(|masks| masks.len() == rows * head.logits());
        let matters = self.matters.is_none_or(|matters| matters.len() == rows);
        let (Some(advantages), Some(values), true, true, true) = (advantages, values, stored, masks, matters) else {
            return Err(Error::input(format!(
                "the arrays of a rollout do not fit together: {} agents, {} stored numbers, {rows} log-probabilities, \
                 {} advantages, {} returns, {} values",
                self.agents,
                self.stored.len(),
                self.advantages.len(),
                self.returns.len(),
                self.values.len(),
            )));
        };
        match steps.iter().max() {
            None => Err(Error::input("a minibatch needs at least one step")),
            Some(&last) if last as usize >= num_steps => {
                Err(Error::input(format!("step {last} is beyond the {num_steps} steps of the rollout")))
            }
            Some(_) => Ok((advantages, values)),
        }
    }
}

/// Mean and 1 / (deviation + 1e-8) of the advantages of a minibatch, with n - 1 as in PyTorch's `std`.
fn moments(experience: &Experience<'_>, steps: &[u32], per_step: usize) -> (f32, f32) {
    // The actions that an advantage is shared by: one, or all of a step. It counts by the part of them that matters.
    let sharers = experience.agents / per_step;
    let weighted = || {
        let all = steps.iter().flat_map(|&step| step as usize * per_step..(step as usize + 1) * per_step);
        all.map(|at| {
            let mattering = experience.num_mattering(at * sharers..(at + 1) * sharers);
            (mattering as f64 / sharers as f64, f64::from(experience.advantages[at]))
        })
    };
    let count = weighted().map(|(weight, _)| weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let mean = weighted().map(|(weight, advantage)| weight * advantage).sum::<f64>() / count;
    let squares: f64 = weighted().map(|(weight, advantage)| weight * (advantage - mean) * (advantage - mean)).sum();
    let std = (squares / (count - 1.0).max(1.0)).sqrt();
    (mean as f32, (1.0 / (std + 1e-8)) as f32)
}

#[cfg(test)]
mod tests;
