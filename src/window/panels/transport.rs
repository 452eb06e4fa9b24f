//! The transport: how time goes by.

use bevy_egui::egui::{self, Ui};

use super::setting::{Drafts, Range, ranged};
use crate::window::{
    command::{Command, WindowCommand},
    desk::Pane,
    lab::{Lab, SPEED_RANGE, Speed},
};

/// What is typed into the transport.
#[derive(Default)]
pub(super) struct State {
    drafts: Drafts,
}

/// Shows the transport.
pub(super) fn show(ui: &mut Ui, lab: &Lab, state: &mut State, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        button(ui, out, "Gallery", "All scenarios (Ctrl+O)", Command::Gallery);
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
        button(ui, out, play, doc, Command::TogglePlay);
        button(ui, out, "⏮", "One tick back (,)", Command::StepBack);
        button(ui, out, "⏭", "One tick forward (.)", Command::Step);
        button(ui, out, "↺ Reset", "Begin anew with the same seed (Ctrl+R)", Command::Reset);
        button(ui, out, "New seed", "Begin anew with the next seed", Command::ResetWithNewSeed);
        ui.separator();
        speed(ui, transport.speed, &mut state.drafts, out);
        ui.separator();
        let freeze = "Keep the view as it is while the simulation goes on (V)";
        toggle(ui, out, transport.is_frozen, "Freeze view", freeze, Command::ToggleFreeze);
        let repeat = "Play the last ticks over and over (L)";
        toggle(ui, out, transport.repeat.is_some(), "Loop", repeat, Command::ToggleRepeat);
        let is_recording = stage.plays.iter().any(|play| play.recording().is_some());
        if stage.is_recorded() {
            toggle(ui, out, false, "Fork", "Go on from this tick under a policy", Command::Fork { policy: None });
        } else {
            toggle(ui, out, is_recording, "⏺ Record", "Record what is played (R)", Command::ToggleRecording);
        }
        ui.separator();
        if stage.editing.is_some() || stage.can_edit() {
            toggle(
                ui,
                out,
                stage.editing.is_some(),
                "Edit",
                "Change where an episode begins (E)",
                Command::ToggleEditor,
            );
        }
        if !stage.is_recorded() {
            toggle(
                ui,
                out,
                stage.driven().is_some(),
                "Drive",
                "Drive the selected agent by hand (D)",
                Command::ToggleDrive,
            );
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            toggle(ui, out, false, "?", "Keys and commands", Command::Window(WindowCommand::ToggleHelp));
            toggle(
                ui,
                out,
                false,
                "Commands",
                "Search all commands (Ctrl+P)",
                Command::Window(WindowCommand::TogglePalette),
            );
            panels(ui, out);
        });
    });
}

fn button(ui: &mut Ui, out: &mut Vec<Command>, text: &str, doc: &str, command: Command) {
    if ui.button(text).on_hover_text(doc).clicked() {
        out.push(command);
    }
}

/// A button that is filled while what it stands for is so.
fn toggle(ui: &mut Ui, out: &mut Vec<Command>, is_on: bool, text: &str, doc: &str, command: Command) {
    if ui.selectable_label(is_on, text).on_hover_text(doc).clicked() {
        out.push(command);
    }
}

/// Every panel by its name, those that are folded too.
fn panels(ui: &mut Ui, out: &mut Vec<Command>) {
    ui.menu_button("Panels", |ui| {
        for pane in Pane::ALL.into_iter().filter(|pane| *pane != Pane::Scene) {
            if ui.button(pane.title()).clicked() {
                out.push(Command::Window(WindowCommand::Show(pane)));
            }
        }
        ui.separator();
        if ui.button("Put the panels back").clicked() {
            out.push(Command::Window(WindowCommand::ResetLayout));
        }
    });
}

fn speed(ui: &mut Ui, speed: Speed, drafts: &mut Drafts, out: &mut Vec<Command>) {
    let (low, high) = SPEED_RANGE;
    let times = match speed {
        Speed::Times(times) => times,
        Speed::Max => high,
    };
    let range = Range { low, high, unit: "×", decimals: 1 };
    let changed = ui.add_enabled_ui(speed != Speed::Max, |ui| ranged(ui, "speed", times, &range, drafts));
    let hint = "Simulated seconds per second ([ and ])";
    if let Some(times) = changed.inner {
        out.push(Command::SetSpeed(Speed::Times(times)));
    }
    changed.response.on_hover_text(hint);
    if ui.selectable_label(speed == Speed::Max, "Max").on_hover_text("As fast as possible").clicked() {
        let other = if speed == Speed::Max { Speed::Times(10.0) } else { Speed::Max };
        out.push(Command::SetSpeed(other));
    }
}
