//! Training runs of this window: how they begin, what they are told, how they end.

use std::path::{Path, PathBuf};

use super::{Lab, Play, Severity, Training, TrainingId, newest_name};
use crate::{
    error::{Error, Result},
    metrics::Goal,
    places,
    policy::card,
    session::{Plan, Roles, Session, background, recommended},
    sim::params::Params,
};

/// Iterations of the critic alone when a run starts from a policy.
const WARMUP_ITERATIONS: usize = 10;

/// A training that has not begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Minutes of training.
    pub minutes: f64,
    /// Seed; without it, the scenario's.
    pub seed: Option<u64>,
    /// Hyperparameters other than the recommended ones.
    pub set: Vec<(String, String)>,
    /// A policy to start from.
    pub from: Option<String>,
}

impl Default for Draft {
    fn default() -> Self {
        Self { minutes: 5.0, seed: None, set: Vec::new(), from: None }
    }
}

impl Lab {
    pub(super) fn train(&mut self, draft: &Draft) -> Result<()> {
        self.train_in(draft, None)
    }

    /// Starts a run in the folder `out`, or in a new one below the folder of the runs.
    pub(super) fn train_in(&mut self, draft: &Draft, out: Option<&Path>) -> Result<()> {
        let scenario = (*self.stage_or_error()?.scenario).clone();
        // The file is only named in errors about what it recommends.
        let file = places::find_scenario(&scenario.name).unwrap_or_else(|_| PathBuf::from(&scenario.name));
        let mut params = recommended(&scenario, &file)?;
        let policy = draft.from.as_deref().map(|path| card::load(Path::new(path))).transpose()?;
        if let Some(policy) = &policy {
            params.start_from(policy);
            params.ppo.critic_warmup = WARMUP_ITERATIONS;
            params.ppo.imitation = 0.0;
        }
        draft.set.iter().try_for_each(|(name, value)| params.set(name, value))?;
        params.consistent()?;
        let seed = draft.seed.unwrap_or(scenario.seed);
        let plan = Plan {
            stages: vec![scenario],
            seed,
            goal: Goal::Seconds(60.0 * draft.minutes),
            params,
            roles: Roles::default(),
        };
        let session = Session::start(plan, out, policy.as_ref())?;
        let id = TrainingId(self.next_training);
        self.next_training += 1;
        self.trainings.push(Training::start(id, session, &self.right_of_way)?);
        self.refresh_offers()?;
        if self.stage_or_error()?.plays.iter().any(Play::is_recorded) {
            let text = "training has begun; the recording plays what happened: fork it to watch the newest policy";
            self.messages.push(Severity::Info, text);
            return Ok(());
        }
        // Whoever starts a training wants to watch it.
        let groups = self.stage_or_error()?.scenario.domain.domain().spec(1).groups;
        let learned = self.trainings.last().map(Training::policies).unwrap_or_default();
        let learns = |name: &str| learned.iter().any(|policy| policy.card.group == name);
        for (index, _) in groups.iter().enumerate().filter(|(_, group)| learns(group.name)) {
            self.swap(0, index, &newest_name(id))?;
        }
        Ok(())
    }

    pub(super) fn toggle_training(&mut self) -> Result<()> {
        let alive: Vec<TrainingId> = self.trainings.iter().filter(|t| t.is_alive()).map(Training::id).collect();
        if alive.is_empty() {
            return self.train(&self.draft.clone());
        }
        alive.into_iter().try_for_each(|id| self.tell(id, background::Command::Stop))
    }

    pub(super) fn tell(&mut self, id: TrainingId, command: background::Command) -> Result<()> {
        let training = self.trainings.iter_mut().find(|training| training.id() == id);
        training.ok_or_else(|| Error::input(format!("there is no training run {}", id.0)))?.tell(command);
        Ok(())
    }

    /// Asks every run to save and stop, and waits until they have.
    pub fn stop_training(&mut self) {
        for training in &mut self.trainings {
            training.tell(background::Command::Stop);
        }
        for training in self.trainings.drain(..) {
            let _ = training.stop();
        }
    }

    /// Hands over the runs that go on, for whoever keeps them after the window.
    pub fn take_trainings(&mut self) -> Vec<Training> {
        std::mem::take(&mut self.trainings)
    }
}
