//! What is told about updates.

/// Sums over updates and members.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    /// Per entry of the last lesson, by how much the critics were wrong.
    pub errors: Vec<f32>,
    pub values: f64,
    pub value_loss: f64,
    pub critic_norm: f64,
    pub critics: f64,
    pub actor_loss: f64,
    pub actor_norm: f64,
    pub actors: f64,
}

impl Report {
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.values, other.values),
            (&mut self.value_loss, other.value_loss),
            (&mut self.critic_norm, other.critic_norm),
            (&mut self.critics, other.critics),
            (&mut self.actor_loss, other.actor_loss),
            (&mut self.actor_norm, other.actor_norm),
            (&mut self.actors, other.actors),
        ] {
            *sum += more;
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        [self.values, self.value_loss, self.critic_norm, self.actor_loss, self.actor_norm].iter().all(|x| x.is_finite())
    }

    /// Means, for the log; nothing where nothing was learned.
    pub(super) fn scalars(&self) -> Vec<(String, f64)> {
        let critics =
            [("qf_loss", self.value_loss), ("qf_values", self.values), ("critic_grad_norm", self.critic_norm)];
        let actors = [("actor_loss", self.actor_loss), ("actor_grad_norm", self.actor_norm)];
        let of_critics = critics.map(|(name, sum)| (name, sum, self.critics));
        let of_actors = actors.map(|(name, sum)| (name, sum, self.actors));
        let means = of_critics.into_iter().chain(of_actors).filter(|(.., count)| *count > 0.0);
        means.map(|(name, sum, count)| (format!("losses/{name}"), sum / count)).collect()
    }
}

/// The error about each entry, mean over the members.
pub(super) fn mean_errors(reports: &[Report]) -> Vec<f32> {
    let entries = reports.first().map_or(0, |report| report.errors.len());
    let share = 1.0 / reports.len().max(1) as f32;
    (0..entries).map(|entry| reports.iter().map(|report| report.errors[entry]).sum::<f32>() * share).collect()
}
