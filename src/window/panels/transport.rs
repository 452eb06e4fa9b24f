//! The transport: how time goes by.

use bevy_egui::egui::{self, Ui};

use crate::window::{
    command::{Command, WindowCommand},
    lab::{Lab, Speed},
};

/// Slowest and fastest speed of the slider, in simulated seconds per second.
const SPEEDS: (f64, f64) = (0.1, 200.0);

/// Shows the transport.
pub(super) fn show(ui: &mut Ui, lab: &Lab, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        let mut button = |ui: &mut Ui, text: &str, doc: &str, command: Command| {
            if ui.button(text).on_hover_text(doc).clicked() {
                out.push(command);
            }
        };
        button(ui, "Gallery", "All scenarios (Ctrl+O)", Command::Gallery);
        let Some(stage) = lab.stage() else {
            ui.separator();
            ui.weak("choose a scenario");
            return;
        };
        ui.separator();
        let transport = &stage.transport;
        let (play, doc) = if transport.is_playing {
            ("⏸ Pause", "Pause the simulation (Space)")
        } else {
            ("▶ Play", "Play the simulation (Space)")
        };
        button(ui, play, doc, Command::TogglePlay);
        button(ui, "⏮", "One tick back (,)", Command::StepBack);
        button(ui, "⏭", "One tick forward (.)", Command::Step);
        button(ui, "↺ Reset", "Begin anew with the same seed (Ctrl+R)", Command::Reset);
        button(ui, "New seed", "Begin anew with the next seed", Command::ResetWithNewSeed);
        ui.separator();
        speed(ui, transport.speed, out);
        ui.separator();
        let mut toggle = |ui: &mut Ui, is_on: bool, text: &str, doc: &str, command: Command| {
            if ui.selectable_label(is_on, text).on_hover_text(doc).clicked() {
                out.push(command);
            }
        };
        let freeze = "Keep the view as it is while the simulation goes on (V)";
        toggle(ui, transport.is_frozen, "Freeze view", freeze, Command::ToggleFreeze);
        let repeat = "Play the last ticks over and over (L)";
        toggle(ui, transport.repeat.is_some(), "Loop", repeat, Command::ToggleRepeat);
        let is_recording = stage.plays.iter().any(|play| play.recording().is_some());
        toggle(ui, is_recording, "⏺ Record", "Record what is played (R)", Command::ToggleRecording);
        if stage.plays.iter().any(|play| play.is_recorded()) {
            toggle(ui, false, "Fork", "Go on from this tick under a policy", Command::Fork { policy: None });
        }
        ui.separator();
        toggle(ui, stage.editing.is_some(), "Edit", "Change where an episode begins (E)", Command::ToggleEditor);
        toggle(ui, stage.driven().is_some(), "Drive", "Drive the selected agent by hand (D)", Command::ToggleDrive);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            toggle(ui, false, "?", "Keys and commands", Command::Window(WindowCommand::ToggleHelp));
            toggle(
                ui,
                false,
                "Commands",
                "Search all commands (Ctrl+P)",
                Command::Window(WindowCommand::TogglePalette),
            );
        });
    });
}

fn speed(ui: &mut Ui, speed: Speed, out: &mut Vec<Command>) {
    let mut times = match speed {
        Speed::Times(times) => times,
        Speed::Max => SPEEDS.1,
    };
    ui.spacing_mut().slider_width = 90.0;
    let slider = egui::Slider::new(&mut times, SPEEDS.0..=SPEEDS.1).logarithmic(true).suffix("×").max_decimals(1);
    let response = ui.add_enabled(speed != Speed::Max, slider).on_hover_text("Simulated seconds per second ([ and ])");
    if response.changed() {
        out.push(Command::SetSpeed(Speed::Times(times)));
    }
    if ui.selectable_label(speed == Speed::Max, "Max").on_hover_text("As fast as possible").clicked() {
        let other = if speed == Speed::Max { Speed::Times(10.0) } else { Speed::Max };
        out.push(Command::SetSpeed(other));
    }
}
