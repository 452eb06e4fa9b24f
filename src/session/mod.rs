//! A training run and everything it leaves behind.
//!
//! A [`Session`] owns its envs and its learner, writes its run folder, and asks its [`Observer`] after every iteration
//! what to do next. [`Background`] gives it a thread of its own. A checkpoint is one file, committed by one rename; at any
//! moment a kill costs at most the work since the last one. A resumed run continues bit for bit: the logs are cut back to where the checkpoint was taken.

pub mod background;
mod binding;
pub mod folder;
pub mod generation;
mod goal;
mod logs;
mod machine;
mod opening;
mod roles;
mod settings;
mod sharing;
pub mod stopwatch;
#[cfg(test)]
mod tests;
pub mod trials;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use serde::{Deserialize, Serialize};

pub(crate) use self::machine::cpu_time;
pub use self::{
    background::Background,
    folder::{Plan, RunFolder, recommended},
    roles::{POOL, Roles},
    sharing::policies_at,
};
use self::{
    binding::Binding,
    generation::{Generation, Loaded},
    goal::Behind,
    logs::Logs,
    settings::settings,
    sharing::{Moment, share},
    stopwatch::Stopwatch,
};
use crate::{
    domains::Scenario,
    durable::{Durability, RunLock},
    error::{Error, Result},
    learn::{
        critic::Critic,
        hyperparameters::Hyperparameters,
        learner::{Counters, IterationReport, Learned, Learner, baseline, learner},
    },
    metrics::{Point, Sink, tensorboard},
    policy::card::{self, Shared},
    sim::params::Params,
};

/// Wall time between two checkpoints, in seconds.
const CHECKPOINT_INTERVAL_S: f64 = 30.0;

/// Checkpoints kept.
const KEEP: usize = 3;

/// A training run that is under way.
pub struct Session {
    folder: RunFolder,
    plan: Plan,
    learner: Box<dyn Learner>,
    stage: usize,
    logs: Logs,
    /// Wall time of earlier sessions of this run, in seconds.
    earlier_s: f64,
    started: Instant,
    /// Time that observers have taken, which is not time of the run: who pauses it stops its clock.
    waited: Duration,
    saved_s: f64,
    warnings: Vec<String>,
    notes: Vec<String>,
    /// A hyperparameter that is being given another value, with the one that it had.
    changing: Option<(String, String)>,
    _lock: Arc<RunLock>,
}

/// What the session tells after an iteration.
#[derive(Clone, Copy)]
pub struct News<'a> {
    /// Counters and scalars of the iteration.
    pub report: &'a IterationReport,
    /// Wall time of the run, earlier sessions included, in seconds.
    pub wall_s: f64,
    /// Share of the run that is done, 0 to 1.
    pub progress: f64,
    /// What a person should know.
    pub warnings: &'a [String],
    /// The session itself, for its policy as it is now.
    pub session: &'a Session,
}

/// What the session should do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Save and go on.
    Save,
    /// Give a live hyperparameter another value, save and go on.
    Set {
        /// Its name.
        name: String,
        /// Its value, as RON text.
        value: String,
    },
    /// Save and stop.
    Stop,
}

/// Whoever watches a run.
pub trait Observer {
    /// Called after every iteration, and again at once after everything but [`Control::Continue`] and [`Control::Stop`]. The
    /// clock of the run stands still meanwhile.
    ///
    /// # Errors
    /// Ends the run without another checkpoint.
    fn iterated(&mut self, news: &News<'_>) -> Result<Control>;
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The goal was reached.
    Done,
    /// The observer stopped it.
    Stopped,
}

/// What a checkpoint holds of the session itself.
#[derive(Serialize, Deserialize)]
struct SessionState {
    agon: String,
    /// What the learner's numbers depend on beyond this program.
    settings: String,
    stage: usize,
    wall_s: f64,
    start_unix_s: f64,
    jsonl_offset: u64,
    events_file: String,
    events_offset: u64,
}

impl Session {
    /// The run's folder.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// What the run is meant to do.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How far the run has come.
    pub fn counters(&self) -> Counters {
        self.learner.counters()
    }

    /// Wall time of the run, earlier sessions included, in seconds.
    pub fn wall_s(&self) -> f64 {
        self.earlier_s + self.started.elapsed().saturating_sub(self.waited).as_secs_f64()
    }

    /// The policies as they are now, with their cards, in the order of their groups.
    ///
    /// # Errors
    /// A network has left the finite numbers.
    pub fn policies(&self) -> Result<Vec<Shared>> {
        let (stage, env_steps) = (self.stage, self.counters().env_steps);
        let moment = Moment { stage, env_steps, wall_s: self.wall_s() };
        let groups = &self.learner.spec().groups;
        let shared = |Learned { group, network }| share(&self.plan, &moment, &groups[group], network);
        Ok(self.learner.policies()?.into_iter().map(shared).collect())
    }

    /// What a person should know and no observer was told yet.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// What a person may want to know of how the run was opened.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The critic of the group called `group` as it is now, for values of what the policy sees; none where it cannot be copied.
    pub fn critic(&self, group: &str) -> Option<Critic> {
        self.learner.critic(self.learner.spec().group(group)?)
    }

    /// Trains until the goal is reached or the observer stops it, then saves.
    ///
    /// # Errors
    /// A full or failing disk, or a network that has left the finite numbers. What was saved before stays good.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Ending> {
        let start_unix_s = unix_s() - self.wall_s();
        loop {
            let progress = self.progress();
            if progress >= 1.0 {
                self.checkpoint(start_unix_s)?;
                return Ok(Ending::Done);
            }
            self.enter_stage(progress)?;
            self.learner.lanes_mut().iter_mut().for_each(Stopwatch::install);
            let begun_s = self.wall_s();
            let mut report = self.learner.iterate(progress)?;
            let wall_s = self.wall_s();
            report.scalars.extend(machine::scalars(self.learner.steps_per_iteration(), wall_s - begun_s));
            report.scalars.extend(machine::times(Stopwatch::read_us(self.learner.lanes_mut())));
            self.log(&report, wall_s)?;
            if self.ask(observer, &report, start_unix_s)? == Ending::Stopped {
                self.checkpoint(start_unix_s)?;
                return Ok(Ending::Stopped);
            }
            if wall_s - self.saved_s >= CHECKPOINT_INTERVAL_S {
                self.checkpoint(start_unix_s)?;
            }
        }
    }

    /// Does what the observer asks for until it wants the run to go on, towards [`Ending::Done`], or to be stopped.
    fn ask(&mut self, observer: &mut dyn Observer, report: &IterationReport, start_unix_s: f64) -> Result<Ending> {
        loop {
            let (asked, warnings) = (Instant::now(), std::mem::take(&mut self.warnings));
            let control = observer.iterated(&News {
                report,
                wall_s: self.wall_s(),
                progress: self.progress(),
                warnings: &warnings,
                session: self,
            })?;
            self.waited += asked.elapsed();
            match control {
                Control::Continue => return Ok(Ending::Done),
                Control::Stop => return Ok(Ending::Stopped),
                Control::Save => self.checkpoint(start_unix_s)?,
                Control::Set { name, value } => self.change(&name, &value, start_unix_s)?,
            }
        }
    }

    /// Gives a live hyperparameter another value and saves.
    fn change(&mut self, name: &str, value: &str, start_unix_s: f64) -> Result<()> {
        let before = self.plan.params.get(name);
        if let Err(error) = self.plan.change(name, value) {
            self.warnings.push(error.to_string());
            return Ok(());
        }
        self.learner.set_params(&self.plan.params);
        // In this order a crash in between leaves a run that goes on from here with what was set: the checkpoint knows.
        self.changing = before.map(|before| (name.to_owned(), before));
        self.checkpoint(start_unix_s)?;
        self.folder.write_plan(&self.plan)?;
        self.changing = None;
        Ok(())
    }

    /// Share of the run that is done: 1 and beyond once its goal is reached.
    pub fn progress(&self) -> f64 {
        goal::share(self.plan.goal, Behind { env_steps: self.counters().env_steps, wall_s: self.wall_s() })
    }

    fn enter_stage(&mut self, progress: f64) -> Result<()> {
        let stage = goal::stage_at(progress, self.plan.stages.len());
        if stage != self.stage {
            let scenario = &self.plan.stages[stage];
            self.learner.change_scenario(scenario.domain.domain(), scenario.max_steps)?;
            self.stage = stage;
        }
        Ok(())
    }

    fn log(&mut self, report: &IterationReport, wall_s: f64) -> Result<()> {
        let mut scalars: Vec<(&str, f64)> =
            report.scalars.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        scalars.push(("charts/episodes", report.counters.episodes as f64));
        scalars.push(("charts/stage", self.stage as f64));
        let point = Point { step: report.counters.env_steps, wall_s, scalars: &scalars };
        self.logs.jsonl.write(&point)?;
        self.logs.events.write(&point)
    }

    /// Saves everything, then the policy for sharing.
    fn checkpoint(&mut self, start_unix_s: f64) -> Result<()> {
        self.save(start_unix_s)?;
        self.share_policies()
    }

    fn save(&mut self, start_unix_s: f64) -> Result<()> {
        self.logs.jsonl.flush()?;
        self.logs.events.flush()?;
        let state = SessionState {
            agon: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings(self.plan.params.run.backend)?,
            stage: self.stage,
            wall_s: self.wall_s(),
            start_unix_s,
            jsonl_offset: self.logs.jsonl.offset(),
            events_file: self.logs.events_file.clone(),
            events_offset: self.logs.events.offset(),
        };
        let mut sections = self.learner.save()?;
        let bytes = postcard::to_stdvec(&state)
            .map_err(|error| Error::system(format!("a checkpoint section could not be written: {error}")))?;
        sections.insert("session".to_owned(), bytes);
        sections.insert(binding::SECTION.to_owned(), Binding::of(&self.plan, self.changing.as_ref()).to_bytes()?);
        let step = self.learner.counters().env_steps;
        // Made anew where somebody has removed it meanwhile.
        let (checkpoints, made) = self.folder.make_checkpoints()?;
        if let Durability::Uncertain(error) = made {
            self.warnings.push(error.to_string());
        }
        let saved = generation::save(&checkpoints, step, &Generation { sections }, KEEP)?;
        self.warnings.extend(saved.warnings);
        self.saved_s = self.wall_s();
        Ok(())
    }

    /// Writes the policies for sharing: into the run's folder, or one for each group where there are several.
    fn share_policies(&self) -> Result<()> {
        let is_alone = self.learner.spec().groups.len() == 1;
        for Shared { card, network } in self.policies()? {
            let own = if is_alone { self.folder.folder().clone() } else { self.folder.make_group(&card.group)? };
            let _ = card::save_in(&own, &network, &card)?;
        }
        Ok(())
    }
}

impl SessionState {
    fn of(loaded: &Loaded) -> Result<Self> {
        let damaged = |how: &dyn std::fmt::Display| {
            Error::input(format!("section `session` of the checkpoint is damaged: {how}")).in_file(&loaded.path)
        };
        let state: Self = postcard::from_bytes(loaded.generation.section("session")?).map_err(|e| damaged(&e))?;
        // A checkpoint may be a stranger's: what it names is a file of the folder, and one that a run would make.
        if !tensorboard::is_file_name(&state.events_file) {
            let name = state.events_file.escape_debug().to_string();
            return Err(damaged(&format_args!("`{name}` is not the name of an event file"))
                .hint("this folder was made to harm, or by another program: do not use it"));
        }
        let is_time = |seconds: f64| (0.0..=1e12).contains(&seconds);
        if !is_time(state.wall_s) || !is_time(state.start_unix_s) {
            return Err(damaged(&"its times are none"));
        }
        Ok(state)
    }
}

/// The learner of a plan; `opponent` gives the learned policy that was kept for a group.
fn learner_of(
    plan: &Plan,
    stage: usize,
    opponent: impl Fn(&str) -> Result<Option<Shared>>,
) -> Result<Box<dyn Learner>> {
    let scenario: &Scenario = plan.stages.get(stage).ok_or_else(|| Error::input("a run needs a scenario"))?;
    let domain = scenario.domain.domain();
    let groups = domain.spec(scenario.max_steps).groups;
    let lineup = plan.roles.lineup(scenario, opponent)?;
    let learners = lineup.learners.clone();
    let mut learner = learner(domain, scenario.max_steps, plan.seed, &plan.params, lineup)?;
    if plan.params.ppo.imitation > 0.0 {
        for group in learners.into_iter().map(|seat| seat.group) {
            let reference = groups[group].reference.ok_or_else(|| {
                Error::input(format!("`{}` have no baseline to imitate", groups[group].name))
                    .hint("set `imitation` to 0")
            })?;
            learner.learn_from(group, baseline(domain, &groups[group], reference)?);
        }
    }
    Ok(learner)
}

/// Name and value of every hyperparameter.
fn hyperparameters(plan: &Plan) -> Vec<(&'static str, String)> {
    Hyperparameters::declarations()
        .iter()
        .filter_map(|param| plan.params.get(param.name).map(|value| (param.name, value)))
        .collect()
}

fn unix_s() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
