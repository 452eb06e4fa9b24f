//! What the window is about, without a window: envs on show, training beside them, policies, curves, recordings.
//!
//! [`Lab::apply`] obeys commands and [`Lab::advance`] lets time go by; whatever goes wrong becomes a message. Nothing here
//! draws, so tests drive the whole laboratory without a display.

mod catalogue;
mod comparison;
mod editing;
mod exports;
mod gallery;
mod history;
mod inspection;
mod messages;
mod obey;
mod play;
mod runs;
mod seat;
mod stage;
#[cfg(test)]
mod tests;
mod training;
mod transport;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bevy::ecs::resource::Resource;

pub use self::{
    catalogue::{Offer, OfferKind, newest_name},
    comparison::Comparison,
    editing::Editing,
    exports::Export,
    gallery::{Card, Gallery, THUMBNAIL},
    history::History,
    inspection::{AgentInspection, Inspection},
    messages::{Message, Messages, Severity},
    play::Play,
    runs::{Run, Runs},
    seat::{Drive, Seat},
    stage::{Agent, Probe, Stage, param_of},
    training::{Curves, Training, TrainingId},
    transport::{Speed, Transport},
};
use super::command::Command;
use crate::{
    durable::Durability,
    error::{Error, Result},
    metrics::Goal,
    picture::Theme,
    places,
    policy::{card, network::Team},
    priority::RightOfWay,
    record::Replay,
    session::{Plan, Session, background, policy_at, recommended},
    sim::{EVALUATION_ENVS, params::Params},
};

/// Folder of the recordings, below the current one.
const RECORDINGS: &str = "recordings";

/// Iterations of the critic alone when a run starts from a policy.
const WARMUP_ITERATIONS: usize = 10;

/// Everything that the window shows and does.
#[derive(Resource)]
pub struct Lab {
    gallery: Gallery,
    theme: Theme,
    stage: Option<Stage>,
    trainings: Vec<Training>,
    next_training: u64,
    right_of_way: RightOfWay,
    offers: Vec<Offer>,
    runs: Runs,
    exports: Vec<Export>,
    messages: Messages,
    /// What [`Command::ToggleTraining`] starts.
    draft: Draft,
}

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
    /// A laboratory in which nothing is on show; the pictures of its gallery have the colours of `theme`.
    ///
    /// # Errors
    /// What the file system reports of the scenarios.
    pub fn new(theme: &Theme) -> Result<Self> {
        Ok(Self {
            gallery: Gallery::open(theme)?,
            theme: theme.clone(),
            stage: None,
            trainings: Vec::new(),
            next_training: 1,
            right_of_way: RightOfWay::default(),
            offers: Vec::new(),
            runs: Runs::default(),
            exports: Vec::new(),
            messages: Messages::default(),
            draft: Draft::default(),
        })
    }

    /// The scenarios that can be opened.
    pub fn gallery(&self) -> &Gallery {
        &self.gallery
    }

    /// What is on show; none while the gallery is.
    pub fn stage(&self) -> Option<&Stage> {
        self.stage.as_ref()
    }

    /// The same, for whoever changes more than a command can.
    pub fn stage_mut(&mut self) -> Option<&mut Stage> {
        self.stage.as_mut()
    }

    /// Training runs of this window, oldest first.
    pub fn trainings(&self) -> &[Training] {
        &self.trainings
    }

    /// Whether something trains, paused or not.
    pub fn is_training(&self) -> bool {
        self.trainings.iter().any(Training::is_alive)
    }

    /// What training gives way to.
    pub fn right_of_way(&self) -> &RightOfWay {
        &self.right_of_way
    }

    /// The policies that could act in what is on show.
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// Runs on disk and their curves.
    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Files that are being written.
    pub fn exports(&self) -> &[Export] {
        &self.exports
    }

    /// What a person should know.
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// The same, for taking them away.
    pub fn messages_mut(&mut self) -> &mut Messages {
        &mut self.messages
    }

    /// The training that has not begun.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Changes the training that has not begun.
    pub fn set_draft(&mut self, draft: Draft) {
        self.draft = draft;
    }

    /// Lets the time that has gone by pass; whether anything has changed that is seen.
    pub fn advance(&mut self, elapsed: Duration) -> bool {
        let mut is_changed = self.gallery.poll() | self.messages.age(elapsed);
        for training in &mut self.trainings {
            let (before, warnings) = (training.status().clone(), training.poll());
            is_changed |= before != *training.status() || !warnings.is_empty();
            for warning in warnings {
                self.messages.push(Severity::Warning, warning);
            }
            if before.phase != training.status().phase {
                self.messages.ended(training.name(), training.status());
            }
        }
        for export in &mut self.exports {
            is_changed |= export.poll(&mut self.messages);
        }
        self.exports.retain(Export::is_going);
        is_changed |= self.runs.poll(elapsed, &mut self.messages);
        if let Some(stage) = &mut self.stage {
            match stage.advance(elapsed, &self.trainings) {
                Ok(advanced) => is_changed |= advanced,
                Err(error) => self.messages.error(&error),
            }
            stage.refresh();
        }
        is_changed
    }

    /// Obeys a command; what is about the window itself is left to it. What goes wrong becomes a message.
    pub fn apply(&mut self, command: &Command) {
        if let Err(error) = self.obey(command) {
            self.messages.error(&error);
        }
        if let Some(stage) = &mut self.stage {
            stage.refresh();
        }
    }

    fn open(&mut self, name: &str, policies: &[String]) -> Result<()> {
        let scenario = Arc::new(places::load_scenario(name)?);
        let groups = scenario.domain.domain().spec(scenario.max_steps).groups.len();
        let default = catalogue::default_policy(&scenario);
        let seat = |group: usize| {
            let policy = policies.get(group).unwrap_or(&default);
            catalogue::seat(&scenario, group, policy, &self.trainings)
        };
        let seats = (0..groups).map(seat).collect::<Result<Vec<_>>>()?;
        let play = Play::live(&scenario, scenario.seed, EVALUATION_ENVS, seats);
        self.close_stage()?;
        self.stage = Some(Stage::new(scenario, vec![play]));
        self.refresh_offers()
    }

    fn open_recording(&mut self, path: &Path) -> Result<()> {
        let replay = Replay::open(path)?;
        if !replay.header().finished {
            let until = replay.ticks().end().to_owned();
            self.messages.push(Severity::Warning, format!("{}: not finished, good up to tick {until}", path.display()));
        }
        let scenario = Arc::new(replay.header().scenario.clone());
        let play = Play::recorded(replay)?;
        self.close_stage()?;
        self.stage = Some(Stage::new(scenario, vec![play]));
        self.refresh_offers()
    }

    fn close_stage(&mut self) -> Result<()> {
        self.stop_recording()?;
        self.stage = None;
        self.offers.clear();
        Ok(())
    }

    /// Looks again which policies and runs there are.
    fn refresh_offers(&mut self) -> Result<()> {
        self.runs.refresh()?;
        if let Some(stage) = &self.stage {
            self.offers = catalogue::offers(&stage.scenario, &self.trainings)?;
        }
        Ok(())
    }

    fn train(&mut self, draft: &Draft) -> Result<()> {
        self.train_in(draft, None)
    }

    /// Starts a run in the folder `out`, or in a new one below the folder of the runs.
    fn train_in(&mut self, draft: &Draft, out: Option<&Path>) -> Result<()> {
        let scenario = (*self.stage_or_error()?.scenario).clone();
        // The file is only named in errors about what it recommends.
        let file = places::find_scenario(&scenario.name).unwrap_or_else(|_| PathBuf::from(&scenario.name));
        let mut params = recommended(&scenario, &file)?;
        let policy = draft.from.as_deref().map(|path| card::load(Path::new(path))).transpose()?;
        if let Some(policy) = &policy {
            params.hidden = policy.network.shape().hidden;
            params.action_bins = policy.card.actions.bins;
            params.parameter_sharing = policy.card.team == Team::Any;
            params.critic_warmup = WARMUP_ITERATIONS;
            params.imitation = 0.0;
        }
        draft.set.iter().try_for_each(|(name, value)| params.set(name, value))?;
        let seed = draft.seed.unwrap_or(scenario.seed);
        let plan = Plan { stages: vec![scenario], seed, goal: Goal::Seconds(60.0 * draft.minutes), params };
        let session = Session::start(plan, out, policy.as_ref().map(|policy| &policy.network))?;
        let id = TrainingId(self.next_training);
        self.next_training += 1;
        self.trainings.push(Training::start(id, session, &self.right_of_way)?);
        self.refresh_offers()?;
        // Whoever starts a training wants to watch it.
        self.swap(0, 0, &newest_name(id))
    }

    fn toggle_training(&mut self) -> Result<()> {
        let alive: Vec<TrainingId> = self.trainings.iter().filter(|t| t.is_alive()).map(Training::id).collect();
        if alive.is_empty() {
            return self.train(&self.draft.clone());
        }
        alive.into_iter().try_for_each(|id| self.tell(id, background::Command::Stop))
    }

    fn tell(&mut self, id: TrainingId, command: background::Command) -> Result<()> {
        let training = self.trainings.iter_mut().find(|training| training.id() == id);
        training.ok_or_else(|| Error::input(format!("there is no training run {}", id.0)))?.tell(command);
        Ok(())
    }

    fn swap(&mut self, play: usize, group: usize, policy: &str) -> Result<()> {
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let seat = catalogue::seat(&stage.scenario, group, policy, &self.trainings)?;
        stage.plays.get_mut(play).ok_or_else(nothing_on_show)?.swap(group, seat)?;
        stage.compare_anew();
        stage.invalidate();
        Ok(())
    }

    fn load_checkpoint(&mut self, run: &Path, step: u64) -> Result<()> {
        let shared = policy_at(run, step)?;
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let found = shared.card.env_steps;
        let seat = catalogue::seat_of(&stage.scenario, 0, run, shared)?;
        stage.plays.first_mut().ok_or_else(nothing_on_show)?.swap(0, seat)?;
        stage.compare_anew();
        stage.invalidate();
        if found != step {
            let text = format!("{}: acts as it did after {found} env-steps, the nearest that is kept", run.display());
            self.messages.push(Severity::Info, text);
        }
        Ok(())
    }

    fn compare(&mut self, policy: &str) -> Result<()> {
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let first = stage.plays.first().ok_or_else(nothing_on_show)?;
        if first.is_recorded() {
            return Err(Error::input("a recording has nothing to be compared with").hint("fork from here first"));
        }
        let (seed, env) = (first.seed(), first.env());
        let groups = first.seats().len();
        let other = |group: usize| catalogue::seat(&stage.scenario, group, policy, &self.trainings);
        let others = (0..groups).map(other).collect::<Result<Vec<_>>>()?;
        let seats = first.seats().iter().map(Seat::fork).collect();
        // Both begin at the first tick of the same episode: what they come to is then the policies' doing alone.
        let plays = vec![Play::live(&stage.scenario, seed, env, seats), Play::live(&stage.scenario, seed, env, others)];
        let _ = stage.plays.iter_mut().map(Play::stop_recording).collect::<Result<Vec<_>>>()?;
        stage.replace(plays);
        Ok(())
    }

    fn fork(&mut self, policy: Option<&str>) -> Result<()> {
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let play = stage.plays.first().ok_or_else(nothing_on_show)?;
        let Some(replay) = play.replay() else {
            return Err(Error::input("this is no recording: it goes on from here by itself"));
        };
        let scenario = Arc::new(replay.scenario().clone());
        let default = catalogue::default_policy(&scenario);
        let seat = |group: usize| catalogue::seat(&scenario, group, policy.unwrap_or(&default), &self.trainings);
        let groups = replay.lane().ports().groups.len();
        let seats = (0..groups).map(seat).collect::<Result<Vec<_>>>()?;
        let lane = replay.fork()?;
        let fork = Play::live_from(lane, &scenario, play.seed(), play.env(), seats);
        stage.scenario = scenario;
        stage.replace(vec![fork]);
        Ok(())
    }

    fn start_recording(&mut self, path: Option<PathBuf>) -> Result<()> {
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let play = stage.plays.first_mut().ok_or_else(nothing_on_show)?;
        let path = path.unwrap_or_else(|| new_recording(play));
        play.start_recording(path.clone())?;
        self.messages.push(Severity::Info, format!("records into {}", path.display()));
        Ok(())
    }

    fn stop_recording(&mut self) -> Result<()> {
        let Some(stage) = &mut self.stage else { return Ok(()) };
        for play in &mut stage.plays {
            if let Some((path, durability)) = play.stop_recording()? {
                self.messages.push(Severity::Info, format!("recorded into {}", path.display()));
                self.messages.uncertain(durability);
            }
        }
        Ok(())
    }

    fn export(&mut self, to: &Path, from: Option<u64>, until: Option<u64>) -> Result<()> {
        let stage = self.stage_or_error()?;
        let play = stage.plays.first().ok_or_else(nothing_on_show)?;
        let export = Export::start(play, stage.options, to, from, until)?;
        self.exports.push(export);
        Ok(())
    }

    fn save_scenario(&mut self, name: &str, replace: bool) -> Result<()> {
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let (path, durability) = match &mut stage.editing {
            Some(editing) => editing.save(name, replace)?,
            // Changed parameters can be saved as well as changed places.
            None => editing::save(stage.pending.as_ref().unwrap_or(&stage.scenario), name, replace)?,
        };
        self.messages.push(Severity::Info, format!("saved as {}", path.display()));
        self.messages.uncertain(durability);
        self.gallery = Gallery::open(&self.theme)?;
        Ok(())
    }

    fn stage_or_error(&self) -> Result<&Stage> {
        self.stage.as_ref().ok_or_else(nothing_on_show)
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

    /// Waits until every file that is being written is complete.
    pub fn finish_exports(&mut self) {
        for mut export in self.exports.drain(..) {
            export.wait(&mut self.messages);
        }
    }

    /// Hands over the runs that go on, for whoever keeps them after the window.
    pub fn take_trainings(&mut self) -> Vec<Training> {
        std::mem::take(&mut self.trainings)
    }
}

fn nothing_on_show() -> Error {
    Error::input("no scenario is open").hint("choose one in the gallery")
}

/// A name below [`RECORDINGS`] that no file has.
fn new_recording(play: &Play) -> PathBuf {
    let stem = format!("{}-s{}", play.scenario().name, play.seed());
    let numbered = |number: u32| Path::new(RECORDINGS).join(format!("{stem}-{number}.mcap"));
    (1..).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(0))
}

impl Messages {
    /// Says of a file that was written when the machine cannot promise that it stays.
    fn uncertain(&mut self, durability: Durability) {
        if let Durability::Uncertain(error) = durability {
            self.push(Severity::Warning, error.to_string());
        }
    }
}
