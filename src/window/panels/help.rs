//! The help: every key, and how the pointer is used.

use bevy_egui::egui::{self, Align2, Context};

use super::palette::keys_of;
use crate::window::command::{Command, WindowCommand, entries};

/// What the pointer does.
const POINTER: [(&str, &str); 6] = [
    ("Click", "inspect an agent or a link"),
    ("Drag an agent", "put it somewhere else; in the past, what came after is kept as a branch"),
    ("Drag the ground", "move what is seen"),
    ("Wheel", "zoom"),
    ("Arrows", "steer the agent that is driven; X and Z go through its choices"),
    ("Shift+click in the editor", "place another agent"),
];

/// Shows the help.
pub(super) fn show(ctx: &Context, out: &mut Vec<Command>) {
    let mut is_open = true;
    egui::Window::new("Help").open(&mut is_open).anchor(Align2::CENTER_CENTER, [0.0, 0.0]).default_width(560.0).show(
        ctx,
        |ui| {
            egui::ScrollArea::vertical().max_height(480.0).show(ui, |ui| {
                let mut group = "";
                egui::Grid::new("keys").num_columns(2).striped(true).show(ui, |ui| {
                    for (what, does) in POINTER {
                        ui.monospace(what);
                        ui.label(does);
                        ui.end_row();
                    }
                    for entry in entries(&[]) {
                        let Some(keys) = entry.shortcut else { continue };
                        if entry.group != group {
                            group = entry.group;
                            ui.strong(group);
                            ui.end_row();
                        }
                        ui.monospace(keys_of(&keys));
                        ui.label(entry.label);
                        ui.end_row();
                    }
                });
            });
        },
    );
    if !is_open {
        out.push(Command::Window(WindowCommand::ToggleHelp));
    }
}
