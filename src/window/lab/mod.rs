//! What the window is about, without a window: envs on show, training beside them, policies, curves, recordings.
//!
//! [`Lab::apply`] obeys commands and [`Lab::advance`] lets time go by; whatever goes wrong becomes a message. Nothing here
//! draws, so tests drive the whole laboratory without a display.

mod branches;
mod catalogue;
mod comparison;
mod editing;
mod exports;
mod gallery;
mod history;
mod inspection;
mod messages;
mod obey;
mod opening;
mod play;
mod runs;
mod seat;
mod stage;
#[cfg(test)]
mod tests;
mod training;
mod trainings;
mod transport;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bevy::ecs::resource::Resource;

pub use self::{
    branches::{Branch, Branches},
    catalogue::{Offer, OfferKind, newest_name},
    comparison::Comparison,
    editing::Editing,
    exports::Export,
    gallery::{Card, Gallery, THUMBNAIL},
    history::History,
    inspection::{AgentInspection, Inspection},
    messages::{Message, Messages, Severity},
    play::{Line, Play},
    runs::{Run, Runs},
    seat::{Drive, Seat},
    stage::{Agent, Probe, Stage, param_of},
    training::{Curves, Training, TrainingId},
    trainings::Draft,
    transport::{SPEED_RANGE, Speed, Transport},
};
use super::command::Command;
use crate::{
    durable::Durability,
    error::{Error, Result},
    picture::Theme,
    priority::RightOfWay,
    session::policies_at,
};

/// Folder of the recordings, below the current one.
const RECORDINGS: &str = "recordings";

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
        let mut has_ended = false;
        for training in &mut self.trainings {
            let (before, warnings) = (training.status().clone(), training.poll());
            is_changed |= before != *training.status() || !warnings.is_empty();
            for warning in warnings {
                self.messages.push(Severity::Warning, warning);
            }
            if before.phase != training.status().phase {
                self.messages.ended(training.name(), training.status());
                has_ended |= !training.is_alive();
            }
        }
        // What has ended is called otherwise among the policies.
        if has_ended && let Err(error) = self.refresh_offers() {
            self.messages.error(&error);
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
        self.keep_left();
        is_changed
    }

    /// Obeys a command; what is about the window itself is left to it. What goes wrong becomes a message. True if it was
    /// obeyed.
    pub fn apply(&mut self, command: &Command) -> bool {
        let obeyed = self.obey(command);
        if let Err(error) = &obeyed {
            self.messages.error(error);
        }
        if let Some(stage) = &mut self.stage {
            stage.refresh();
        }
        obeyed.is_ok()
    }

    /// What was left for another future becomes a branch, and is told of.
    fn keep_left(&mut self) {
        let Some(stage) = &mut self.stage else { return };
        stage.keep_left();
        for (severity, text) in stage.branches_mut().take_told() {
            self.messages.push(severity, text);
        }
    }

    /// Looks again which policies and runs there are.
    fn refresh_offers(&mut self) -> Result<()> {
        self.runs.refresh()?;
        if let Some(stage) = &self.stage {
            self.offers = catalogue::offers(&stage.scenario, &self.trainings)?;
        }
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
        let policies = policies_at(run, step)?;
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let found = policies.first().map_or(step, |shared| shared.card.env_steps);
        for shared in policies {
            let (group, seat) = catalogue::seat_of(&stage.scenario, run, shared)?;
            stage.plays.first_mut().ok_or_else(nothing_on_show)?.swap(group, seat)?;
        }
        stage.compare_anew();
        stage.invalidate();
        if found != step {
            let text = format!("{}: acts as it did after {found} env-steps, the nearest that is kept", run.display());
            self.messages.push(Severity::Info, text);
        }
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
        let export = Export::start(play, stage.options.clone(), &self.theme, to, from, until)?;
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
        self.draw_gallery()
    }

    /// Pictures of the gallery and exports have the colours of `theme` from now on.
    ///
    /// # Errors
    /// What the file system reports of the scenarios.
    pub fn set_theme(&mut self, theme: &Theme) -> Result<()> {
        if self.theme == *theme {
            return Ok(());
        }
        self.theme = theme.clone();
        self.draw_gallery()
    }

    fn draw_gallery(&mut self) -> Result<()> {
        self.gallery = Gallery::open(&self.theme)?.after(&self.gallery);
        Ok(())
    }

    fn stage_or_error(&self) -> Result<&Stage> {
        self.stage.as_ref().ok_or_else(nothing_on_show)
    }

    /// Waits until every file that is being written is complete.
    pub fn finish_exports(&mut self) {
        for mut export in self.exports.drain(..) {
            export.wait(&mut self.messages);
        }
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
