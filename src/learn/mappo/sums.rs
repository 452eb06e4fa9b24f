//! What is told about an update.

use crate::learn::{nets::StepReport, ppo_loss::Term};

/// 1 - Var(returns - values) / Var(returns); 0 where returns do not vary.
pub(super) fn explained_variance(values: &[f32], returns: &[f32]) -> f64 {
    let variance = |of: &dyn Fn(usize) -> f64| {
        let n = returns.len() as f64;
        let mean = (0..returns.len()).map(of).sum::<f64>() / n;
        (0..returns.len()).map(|i| (of(i) - mean) * (of(i) - mean)).sum::<f64>() / n
    };
    let total = variance(&|i| f64::from(returns[i]));
    if total > 0.0 { 1.0 - variance(&|i| f64::from(returns[i]) - f64::from(values[i])) / total } else { 0.0 }
}

/// Sums over minibatch steps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    report: StepReport,
    count: f64,
}

impl Sums {
    pub(super) fn add(&mut self, report: &StepReport) {
        self.merge(&Self { report: *report, count: 1.0 });
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, term) in self.report.terms.iter_mut().zip(other.report.terms) {
            *sum += term;
        }
        self.report.actor_grad_norm += other.report.actor_grad_norm;
        self.report.critic_grad_norm += other.report.critic_grad_norm;
        self.count += other.count;
    }

    pub(super) fn mean(&self, term: Term) -> f64 {
        self.report.terms[term.index()] / self.count
    }

    pub(super) fn scalars(&self) -> Vec<(String, f64)> {
        let mut scalars: Vec<_> = Term::ALL.into_iter().map(|term| (term.tag().to_owned(), self.mean(term))).collect();
        let norms = [("actor", self.report.actor_grad_norm), ("critic", self.report.critic_grad_norm)];
        scalars.extend(norms.map(|(name, norm)| (format!("losses/{name}_grad_norm"), f64::from(norm) / self.count)));
        scalars.push(("charts/minibatches".into(), self.count));
        scalars
    }
}
