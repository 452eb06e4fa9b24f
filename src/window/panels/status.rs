//! The status bar: what is on show, what trains, what draws.

use bevy_egui::egui::{self, Ui};

use crate::window::{command::Command, lab::Lab};

/// Shows the status bar; `adapter` is what draws.
pub(super) fn show(ui: &mut Ui, lab: &Lab, adapter: &str, _out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        if let Some(stage) = lab.stage() {
            let first = stage.plays.first();
            let seed = first.map_or(0, |play| play.seed());
            let (low, high) = stage.ticks();
            ui.label(format!("{}  seed {seed}  tick {} of {low}–{high}", stage.scenario.title, stage.tick()));
            if stage.transport.is_frozen {
                ui.strong("view frozen");
            }
            if let Some(path) = first.and_then(|play| play.recording()) {
                ui.strong(format!("⏺ {}", path.display()));
            }
        }
        for training in lab.trainings().iter().filter(|training| training.is_alive()) {
            ui.separator();
            let rate = training.steps_per_s().map_or(String::new(), |rate| format!(" {rate:.0} steps/s"));
            ui.label(format!("training {:.0} %{rate}", 100.0 * training.progress()));
        }
        for export in lab.exports() {
            ui.separator();
            let name = export.path().display();
            ui.add(egui::ProgressBar::new(export.progress()).desired_width(120.0).text(format!("{name}")));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| ui.weak(adapter));
    });
}
