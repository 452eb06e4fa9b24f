//! Messages: they stand there until they are read.

use bevy_egui::egui::{self, Align2, Context};

use crate::window::{
    command::{Command, WindowCommand},
    lab::{Lab, Severity},
    theme::Palette,
};

/// Messages that are shown at once; older ones wait in the panel of events.
const MOST: usize = 4;

/// Shows the newest messages in the lower right corner.
pub(super) fn show(ctx: &Context, lab: &Lab, palette: &Palette, out: &mut Vec<Command>) {
    let newest: Vec<_> = lab.messages().iter().rev().filter(|message| message.is_fresh()).take(MOST).collect();
    if newest.is_empty() {
        return;
    }
    egui::Area::new(egui::Id::new("messages")).anchor(Align2::RIGHT_BOTTOM, [-12.0, -36.0]).show(ctx, |ui| {
        ui.set_max_width(420.0);
        for message in newest.into_iter().rev() {
            let (sign, colour) = match message.severity {
                Severity::Info => ("ℹ", palette.text),
                Severity::Warning => ("⚠", palette.warning),
                Severity::Error => ("✖", palette.error),
            };
            egui::Frame::popup(ui.style()).stroke(egui::Stroke::new(1.0, colour)).show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    ui.colored_label(colour, sign);
                    ui.add(egui::Label::new(&message.text).wrap());
                });
            });
        }
        if ui.small_button("Dismiss").on_hover_text("Take the messages away").clicked() {
            out.push(Command::Window(WindowCommand::DismissMessages));
        }
    });
}
