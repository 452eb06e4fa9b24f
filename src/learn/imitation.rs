//! Learning from a teacher: maximum likelihood of the teacher's actions at states that the learner itself visits.
//!
//! DAgger (Ross, Gordon & Bagnell 2011): at first the teacher plays, then the learner, and the teacher says at each state
//! what it would have done. The teacher may see more than the learner ever will; what it cannot teach, the reinforcement
//! learning that follows has to find. The critic learns from the rewards meanwhile.

use std::ops::Range;

use super::{
    nets::{LOSS_TERMS, Loss, OutputGradients, Outputs},
    ppo_loss::Term,
    rollout::some_of,
};
use crate::policy::distribution::{HeadRows, HybridHead};

/// Negative log-likelihood of a teacher's actions, and the critic's squared error.
#[derive(Clone, Copy, Debug)]
pub struct ImitationLoss<'a> {
    /// The action head.
    head: &'a HybridHead,
    lesson: Lesson<'a>,
    /// Weight of the value loss.
    vf_coef: f32,
    /// The steps of the minibatch, in the order given to the network.
    steps: &'a [u32],
    /// 1 / number of agents that matter, and 1 / number of values that are learned, in the minibatch.
    share: f32,
    value_share: f32,
}

/// What there is to learn of a rollout that a teacher has labelled.
#[derive(Clone, Copy, Debug)]
pub struct Lesson<'a> {
    /// Agents per step.
    pub agents: usize,
    /// The teacher's actions before squashing, `[steps, agents, stored]`, as [`HybridHead::unsquash`] writes them.
    pub labels: &'a [f32],
    /// Zero for a forbidden choice, `[steps, agents, logits]`; empty where nothing ever is forbidden.
    pub masks: &'a [f32],
    /// Whether an action could change anything, `[steps, agents]`; where it could not, nothing can be learned from what
    /// the teacher does.
    pub matters: &'a [bool],
    /// Whether a value is learned, `[steps, values_per_step]`.
    pub counts: &'a [bool],
    /// Targets of the critic in its own unit, `[steps, values_per_step]`.
    pub returns: &'a [f32],
}

impl Loss for ImitationLoss<'_> {
    fn differentiate(
        &self,
        entries: Range<usize>,
        outputs: Outputs<'_>,
        gradients: OutputGradients<'_>,
    ) -> [f64; LOSS_TERMS] {
        let steps = &self.steps[entries];
        let gather = |numbers: &[f32], width: usize| -> Vec<f32> {
            steps.iter().flat_map(|step| &numbers[*step as usize * width..][..width]).copied().collect()
        };
        let labels = gather(self.lesson.labels, self.lesson.agents * self.head.stored());
        let masks = match self.lesson.masks {
            [] => Vec::new(),
            masks => gather(masks, self.lesson.agents * self.head.logits()),
        };
        let rows = steps.len() * self.lesson.agents;
        let shares: Vec<f32> =
            self.lesson.mattering(steps).map(|matters| if matters { self.share } else { 0.0 }).collect();
        let head = HeadRows { head: outputs.head, log_std: outputs.log_std, masks: some_of(&masks) };
        let (mut log_probs, mut entropies) = (vec![0.0; rows], vec![0.0; rows]);
        self.head.evaluate(head, &labels, &mut log_probs, &mut entropies);
        let by = (shares.iter().map(|share| -share).collect::<Vec<f32>>(), vec![0.0; rows]);
        self.head.differentiate(head, &labels, (&by.0, &by.1), gradients.head, gradients.log_std);

        let mut terms = [0.0; LOSS_TERMS];
        let mean = |numbers: &[f32]| {
            numbers.iter().zip(&shares).map(|(x, share)| f64::from(*x) * f64::from(*share)).sum::<f64>()
        };
        terms[Term::PolicyLoss.index()] = -mean(&log_probs);
        terms[Term::Entropy.index()] = mean(&entropies);
        terms[Term::ValueLoss.index()] = self.differentiate_values(steps, outputs.values, gradients.values);
        terms
    }
}

impl Lesson<'_> {
    /// For each agent of these steps, whether its action could change anything.
    fn mattering(&self, steps: &[u32]) -> impl Iterator<Item = bool> {
        steps.iter().flat_map(|step| &self.matters[*step as usize * self.agents..][..self.agents]).copied()
    }
}

impl<'a> ImitationLoss<'a> {
    /// The loss on the minibatch made of `steps`, which must be those given to the network, in the same order.
    pub fn new(head: &'a HybridHead, lesson: Lesson<'a>, steps: &'a [u32], vf_coef: f32) -> Self {
        let share = |counts: usize| 1.0 / counts.max(1) as f32;
        let mattering = lesson.mattering(steps).filter(|matters| *matters).count();
        let columns = lesson.counts.len() * lesson.agents / lesson.matters.len().max(1);
        let of_step = |step: &u32| &lesson.counts[*step as usize * columns..][..columns];
        let counting = steps.iter().flat_map(of_step).filter(|counts| **counts).count();
        Self { head, lesson, vf_coef, steps, share: share(mattering), value_share: share(counting) }
    }

    /// Gradient of the weighted mean of (value - return)² / 2; returns the entries' share of that mean, not weighted.
    fn differentiate_values(&self, steps: &[u32], values: &[f32], gradients: &mut [f32]) -> f64 {
        let columns = values.len() / steps.len().max(1);
        let share = self.value_share;
        let targets = steps.iter().flat_map(|step| &self.lesson.returns[*step as usize * columns..][..columns]);
        let counts = steps.iter().flat_map(|step| &self.lesson.counts[*step as usize * columns..][..columns]);
        let mut sum = 0.0;
        for (((value, gradient), target), counts) in values.iter().zip(gradients).zip(targets).zip(counts) {
            if !*counts {
                *gradient = 0.0;
                continue;
            }
            let error = value - target;
            *gradient = self.vf_coef * share * error;
            sum += 0.5 * f64::from(share * error * error);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Two agents, of which only the second matters in step 0, and nobody in step 2; the steps come in another order.
    #[test]
    fn what_a_teacher_does_where_nothing_matters_is_not_imitated() {
        let head = HybridHead::new(&[(-1.0, 1.0)], &[]).unwrap();
        let (labels, matters) = ([9.0, 0.5, -0.3, 0.2, 9.0, 9.0], [false, true, true, true, false, false]);
        let (steps, columns) = ([1, 0, 2], 3);
        let (masks, counts) = (&[], &[true; 3]);
        let lesson = Lesson { agents: 2, labels: &labels, masks, matters: &matters, counts, returns: &[0.0; 3] };
        let loss = ImitationLoss::new(&head, lesson, &steps, 1.0);
        let (means, values) = ([0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [0.0; 3]);
        let (mut by_head, mut by_log_std, mut by_values) = ([0.0; 6], [0.0], [0.0; 3]);
        let outputs = Outputs { head: &means, log_std: &[0.0], values: &values };
        let gradients = OutputGradients { head: &mut by_head, log_std: &mut by_log_std, values: &mut by_values };
        let terms = loss.differentiate(0..columns, outputs, gradients);
        // Three rows count; with a standard deviation of one the slope is a third of mean - label.
        let expected = [0.4, -0.1, 0.0, -0.4, 0.0, 0.0].map(|difference| difference / 3.0);
        assert!(by_head.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{by_head:?}");
        let squares: f32 = [0.4f32, -0.1, -0.4].iter().map(|difference| difference * difference).sum();
        assert!((by_log_std[0] - (3.0 - squares) / 3.0).abs() < 1e-6, "{by_log_std:?}");
        let nobody = ImitationLoss::new(&head, Lesson { matters: &[false; 6], ..lesson }, &steps, 1.0);
        let gradients = OutputGradients { head: &mut by_head, log_std: &mut by_log_std, values: &mut by_values };
        assert_eq!(nobody.differentiate(0..columns, outputs, gradients)[Term::PolicyLoss.index()], 0.0);
        assert!(terms[Term::PolicyLoss.index()] > 0.0);
    }
}
