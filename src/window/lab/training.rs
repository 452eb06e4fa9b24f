//! A training run beside the window, and its curves.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    metrics::{Goal, Progress, series::Series},
    policy::card::Shared,
    priority::RightOfWay,
    session::{
        Background, Plan, Session,
        background::{Command, Phase, Status},
    },
};

/// Names a training run as long as the window is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrainingId(pub u64);

/// Curves of a run: `group/name` over env-steps.
pub type Curves = BTreeMap<String, Series>;

/// A training run beside the window.
pub struct Training {
    id: TrainingId,
    name: String,
    folder: PathBuf,
    plan: Plan,
    background: Background,
    status: Status,
    progress: Progress,
    curves: Curves,
}

impl Training {
    /// Sets `session` going on threads of its own, which let the window go first and give way to who claims time by `right_of_way`.
    ///
    /// # Errors
    /// Threads that the system does not give, or a network that has left the finite numbers.
    pub fn start(id: TrainingId, session: Session, right_of_way: &RightOfWay) -> Result<Self> {
        let folder = session.folder().path().to_owned();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plan = session.plan().clone();
        let progress = Progress::new(plan.goal, session.counters().env_steps, session.wall_s());
        let background = Background::start(session, None, right_of_way)?;
        let status = background.status();
        Ok(Self { id, name, folder, plan, background, status, progress, curves: Curves::new() })
    }

    /// Takes what the run has said since this was last called; what a person should know is returned.
    pub fn poll(&mut self) -> Vec<String> {
        self.status = self.background.status();
        for sample in self.background.take_samples() {
            self.progress.advance(sample.step, sample.wall_s);
            for (name, value) in sample.scalars {
                self.curves.entry(name).or_default().push(sample.step as f64, value);
            }
        }
        self.background.take_warnings().collect()
    }

    /// Tells the run something.
    pub fn tell(&mut self, command: Command) {
        if let Command::Set { name, value } = &command {
            // What the session refuses it says as a warning; what it takes is shown at once.
            let _ = self.plan.change(name, value);
        }
        self.background.tell(command);
    }

    /// Which run this is.
    pub fn id(&self) -> TrainingId {
        self.id
    }

    /// Name of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// What it is meant to do.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What it last said of itself.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Share of the run that is done, 0 to 1: the last iteration ends a little after the goal.
    pub fn progress(&self) -> f64 {
        self.status.progress.clamp(0.0, 1.0)
    }

    /// Name of the scenario that it trains in.
    pub fn scenario(&self) -> &str {
        self.plan.stages.last().map_or("", |scenario| scenario.name.as_str())
    }

    /// Whether it goes on, paused or not.
    pub fn is_alive(&self) -> bool {
        matches!(self.status.phase, Phase::Training | Phase::Paused)
    }

    /// Env-steps per second lately.
    pub fn steps_per_s(&self) -> Option<f64> {
        self.progress.steps_per_s()
    }

    /// Seconds until the goal.
    pub fn eta_s(&self) -> Option<f64> {
        match self.plan.goal {
            Goal::Seconds(seconds) => Some((seconds - self.status.wall_s).max(0.0)),
            Goal::Steps(_) => self.progress.eta_s(),
        }
    }

    /// CPU time of its threads so far, in seconds; none where the system does not tell.
    pub fn cpu_s(&self) -> Option<f64> {
        self.background.cpu_s()
    }

    /// What it has measured.
    pub fn curves(&self) -> &Curves {
        &self.curves
    }

    /// Its newest policies, one for each group that learns.
    pub fn policies(&self) -> Vec<Arc<Shared>> {
        self.background.policies()
    }

    /// Its newest policy for the group called `group`, if that learns.
    pub fn policy_for(&self, group: &str) -> Option<Arc<Shared>> {
        self.policies().into_iter().find(|policy| policy.card.group == group)
    }

    /// What its critic for the group called `group` expects of an env from here on, one value or one per agent; none where it
    /// cannot be asked.
    pub fn value_of(&self, group: &str, observations: &[f32], agents: usize) -> Option<Vec<f32>> {
        self.background.value_of(group, observations, agents)
    }

    /// Waits until it has saved and is over, and says how.
    pub fn stop(self) -> Phase {
        self.background.tell(Command::Stop);
        self.background.wait()
    }
}
