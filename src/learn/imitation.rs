//! Learning from a teacher: maximum likelihood of the teacher's actions at states that the learner itself visits.
//!
//! DAgger (Ross, Gordon & Bagnell 2011): at first the teacher plays, then the learner, and the teacher says at each state
//! what it would have done. The teacher may see more than the learner ever will; what it cannot teach, the reinforcement
//! learning that follows has to find. The critic learns from the rewards meanwhile.

use std::ops::Range;

use super::{
    nets::{LOSS_TERMS, Loss, OutputGradients, Outputs},
    ppo_loss::Term,
};
use crate::policy::distribution::{HeadRows, HybridHead};

/// Negative log-likelihood of a teacher's actions, and the critic's squared error.
#[derive(Clone, Copy, Debug)]
pub struct ImitationLoss<'a> {
    /// The action head.
    pub head: &'a HybridHead,
    /// Agents per step.
    pub agents: usize,
    /// The teacher's actions before squashing, `[steps, agents, stored]`, as [`HybridHead::unsquash`] writes them.
    pub labels: &'a [f32],
    /// Targets of the critic in its own unit, `[steps, values_per_step]`.
    pub returns: &'a [f32],
    /// Weight of the value loss.
    pub vf_coef: f32,
    /// The steps of the minibatch, in the order given to the network.
    pub steps: &'a [u32],
}

impl Loss for ImitationLoss<'_> {
    fn differentiate(
        &self,
        entries: Range<usize>,
        outputs: Outputs<'_>,
        gradients: OutputGradients<'_>,
    ) -> [f64; LOSS_TERMS] {
        let width = self.agents * self.head.stored();
        let steps = &self.steps[entries];
        let labels: Vec<f32> =
            steps.iter().flat_map(|step| &self.labels[*step as usize * width..][..width]).copied().collect();
        let rows = steps.len() * self.agents;
        let share = 1.0 / (self.steps.len() * self.agents) as f32;
        let head = HeadRows { head: outputs.head, log_std: outputs.log_std, masks: None };
        let (mut log_probs, mut entropies) = (vec![0.0; rows], vec![0.0; rows]);
        self.head.evaluate(head, &labels, &mut log_probs, &mut entropies);
        let by = (vec![-share; rows], vec![0.0; rows]);
        self.head.differentiate(head, &labels, (&by.0, &by.1), gradients.head, gradients.log_std);

        let mut terms = [0.0; LOSS_TERMS];
        let mean = |numbers: &[f32]| numbers.iter().map(|x| f64::from(*x)).sum::<f64>() * f64::from(share);
        terms[Term::PolicyLoss.index()] = -mean(&log_probs);
        terms[Term::Entropy.index()] = mean(&entropies);
        terms[Term::ValueLoss.index()] = self.differentiate_values(steps, outputs.values, gradients.values);
        terms
    }
}

impl ImitationLoss<'_> {
    /// Gradient of the weighted mean of (value - return)² / 2; returns the entries' share of that mean, not weighted.
    fn differentiate_values(&self, steps: &[u32], values: &[f32], gradients: &mut [f32]) -> f64 {
        let columns = values.len() / steps.len().max(1);
        let share = 1.0 / (self.steps.len() * columns) as f32;
        let targets = steps.iter().flat_map(|step| &self.returns[*step as usize * columns..][..columns]);
        let mut sum = 0.0;
        for ((value, gradient), target) in values.iter().zip(gradients).zip(targets) {
            let error = value - target;
            *gradient = self.vf_coef * share * error;
            sum += 0.5 * f64::from(share * error * error);
        }
        sum
    }
}
