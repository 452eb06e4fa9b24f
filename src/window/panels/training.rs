//! Training: the runs beside the window, and the one to start.

use std::time::Duration;

use bevy_egui::egui::{self, Ui};

use super::setting::{Drafts, Range, ranged, setting};
use crate::{
    error::{Error, Result},
    learn::hyperparameters::Hyperparameters,
    session::background::Phase,
    sim::params::{Params, When},
    window::{
        command::Command,
        lab::{Draft, Lab, Training},
    },
};

/// How long a run can be.
const MINUTES: Range<'static> = Range { low: 0.05, high: 1e5, unit: "min", decimals: 2 };

/// What is typed into the panel.
#[derive(Default)]
pub(super) struct State {
    minutes: Option<f64>,
    seed: String,
    from: String,
    /// Hyperparameters of the run to start, other than the recommended ones.
    set: std::collections::BTreeMap<String, String>,
    drafts: Drafts,
    live: Drafts,
}

impl State {
    /// The run that stands in the panel; `Err` says what of it cannot be read.
    pub(super) fn draft(&self) -> Result<Draft> {
        let seed = self.seed.trim();
        let seed = match seed.is_empty() {
            true => None,
            false => Some(seed.parse().map_err(|_| Error::input(format!("`{seed}` is no seed: a whole number is")))?),
        };
        let from = Some(self.from.trim()).filter(|from| !from.is_empty()).map(str::to_owned);
        let set = self.set.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Draft { minutes: self.minutes.unwrap_or(Draft::default().minutes), seed, set, from })
    }
}

/// Shows the runs.
pub(super) fn show(ui: &mut Ui, lab: &Lab, state: &mut State, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        for training in lab.trainings().iter().rev() {
            run(ui, training, state, out);
            ui.separator();
        }
        if let Some(stage) = lab.stage() {
            let recommended = recommended(&stage.scenario.train);
            start(ui, &recommended, lab.is_training(), state, out);
        }
    });
}

fn run(ui: &mut Ui, training: &Training, state: &mut State, out: &mut Vec<Command>) {
    let (id, status) = (training.id(), training.status());
    ui.strong(training.name());
    let phase = match &status.phase {
        Phase::Training => "training".to_owned(),
        Phase::Paused => "paused".to_owned(),
        Phase::Ended(_) => "done, saved".to_owned(),
        Phase::Failed(why) => format!("failed: {why}"),
    };
    ui.label(phase);
    let progress = training.progress();
    ui.add(egui::ProgressBar::new(progress as f32).text(format!("{:.1} %", 100.0 * progress)));
    egui::Grid::new(("run", id.0)).num_columns(2).show(ui, |ui| {
        let counters = status.counters;
        let rate = training.steps_per_s().map_or("–".to_owned(), |rate| format!("{rate:.0}"));
        let left = training.eta_s().filter(|_| training.is_alive()).map_or("–".to_owned(), duration);
        for (what, value) in [
            ("env-steps", counters.env_steps.to_string()),
            ("steps/s", rate),
            ("episodes", counters.episodes.to_string()),
            ("time", duration(status.wall_s)),
            ("left", left),
        ] {
            ui.weak(what);
            ui.label(value);
            ui.end_row();
        }
        ui.weak("folder");
        let folder = training.folder().display().to_string();
        if ui.link(&folder).on_hover_text("Copy").clicked() {
            ui.ctx().copy_text(folder);
        }
        ui.end_row();
    });
    if !training.is_alive() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        if status.phase == Phase::Paused {
            if ui.button("Resume").clicked() {
                out.push(Command::ResumeTraining(id));
            }
        } else if ui.button("Pause training").on_hover_text("After this iteration").clicked() {
            out.push(Command::PauseTraining(id));
        }
        if ui.button("Save now").clicked() {
            out.push(Command::SaveTraining(id));
        }
        if ui.button("Stop").on_hover_text("Save and end").clicked() {
            out.push(Command::StopTraining(id));
        }
    });
    ui.collapsing("Hyperparameters", |ui| {
        ui.weak("A change takes effect with the next update.");
        let params = &training.plan().params;
        for param in Hyperparameters::declarations() {
            let Some(text) = params.get(param.name).filter(|_| params.check_read(param.name).is_ok()) else { continue };
            ui.label(param.name).on_hover_text(param.doc);
            if param.when == When::Live {
                let key = format!("{}:{}", id.0, param.name);
                if let Some(value) = setting(ui, param, &key, &text, &mut state.live) {
                    out.push(Command::SetHyperparameter { training: id, name: param.name.to_owned(), value });
                }
            } else {
                ui.weak(format!("{text} (fixed)"));
            }
        }
    });
}

fn start(ui: &mut Ui, recommended: &Hyperparameters, is_training: bool, state: &mut State, out: &mut Vec<Command>) {
    ui.strong("Start a run in this scenario");
    let minutes = state.minutes.unwrap_or(Draft::default().minutes);
    egui::Grid::new("start").num_columns(2).show(ui, |ui| {
        ui.weak("minutes");
        ui.vertical(|ui| {
            if let Some(minutes) = ranged(ui, "minutes of training", minutes, &MINUTES, &mut state.drafts) {
                state.minutes = Some(minutes);
            }
        });
        ui.end_row();
        ui.weak("seed");
        ui.add(egui::TextEdit::singleline(&mut state.seed).hint_text("the scenario's").desired_width(110.0));
        ui.end_row();
        ui.weak("start from");
        ui.add(egui::TextEdit::singleline(&mut state.from).hint_text("nothing; or a folder").desired_width(110.0));
        ui.end_row();
    });
    ui.collapsing("Algorithm and hyperparameters", |ui| {
        ui.weak("What the scenario recommends, unless changed.");
        let mut params = recommended.clone();
        for (name, value) in &state.set {
            // What was refused before it was started is refused again, with its reason, when it is.
            let _ = params.set(name, value);
        }
        for param in Hyperparameters::declarations() {
            let Some(text) = params.get(param.name).filter(|_| params.check_read(param.name).is_ok()) else { continue };
            let label = egui::RichText::new(param.name);
            let label = if state.set.contains_key(param.name) { label.strong() } else { label };
            ui.label(label).on_hover_text(param.doc);
            if let Some(value) = setting(ui, param, param.name, &text, &mut state.drafts) {
                state.set.insert(param.name.to_owned(), value);
            }
        }
        if !state.set.is_empty() && ui.button("Back to what is recommended").clicked() {
            state.set.clear();
        }
    });
    let train = ui.add_enabled(!is_training, egui::Button::new("Train"));
    if train.on_hover_text("Train beside the window, and watch the newest policy play (T)").clicked() {
        out.push(Command::ToggleTraining);
    }
}

/// The hyperparameters that a scenario recommends, as far as they can be read.
fn recommended(train: &std::collections::BTreeMap<String, String>) -> Hyperparameters {
    let mut params = Hyperparameters::default();
    for (name, value) in train {
        let _ = params.set(name, value);
    }
    params
}

/// A time in hours, minutes and seconds.
fn duration(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX).as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
