//! Messages: they stand there until they are read, beside what a person works with and not over it.

use bevy_egui::egui::{self, Align2, Context, Ui};

use crate::window::{
    command::{Command, WindowCommand},
    lab::{Lab, Message, Severity},
    scene::Lens,
    theme::Palette,
};

/// Messages that are shown at once; older ones wait in the panel of events.
const MOST: usize = 4;
/// Greatest width of a message over the scene, in points.
const WIDTH: f32 = 340.0;
/// Room between messages and the edge of the scene.
const MARGIN: f32 = 10.0;

/// Shows the newest messages in the upper right corner of the scene, which has no buttons. Where no scene is seen they are shown
/// above the status bar.
pub(super) fn show(ctx: &Context, lab: &Lab, lenses: &[Lens], palette: &Palette, out: &mut Vec<Command>) {
    let newest = newest(lab);
    if newest.is_empty() || lab.stage().is_none() {
        return;
    }
    let scene = lenses.iter().map(|lens| lens.area).filter(|area| area.width() > 0.0).reduce(|a, b| a.union(b));
    let (pivot, at) = match scene {
        Some(area) => (Align2::RIGHT_TOP, egui::pos2(area.max.x - MARGIN, area.min.y + MARGIN)),
        None => (Align2::RIGHT_BOTTOM, ctx.viewport_rect().right_bottom() - egui::vec2(MARGIN, 36.0)),
    };
    let width = scene.map_or(WIDTH, |area| WIDTH.min(area.width() - 2.0 * MARGIN));
    egui::Area::new(egui::Id::new("messages")).pivot(pivot).fixed_pos(at).constrain(true).show(ctx, |ui| {
        ui.set_max_width(width);
        list(ui, &newest, palette, out);
    });
}

/// Shows the newest messages in a strip of their own, below everything else.
pub(super) fn show_below(ui: &mut Ui, lab: &Lab, palette: &Palette, out: &mut Vec<Command>) {
    let newest = newest(lab);
    if !newest.is_empty() {
        egui::Panel::bottom("messages").show(ui, |ui| list(ui, &newest, palette, out));
    }
}

/// Those that are to be read still, oldest first.
fn newest(lab: &Lab) -> Vec<&Message> {
    let mut newest: Vec<_> = lab.messages().iter().rev().filter(|message| message.is_fresh()).take(MOST).collect();
    newest.reverse();
    newest
}

fn list(ui: &mut Ui, messages: &[&Message], palette: &Palette, out: &mut Vec<Command>) {
    for message in messages {
        let (sign, colour) = match message.severity {
            Severity::Info => ("ℹ", palette.text),
            Severity::Warning => ("⚠", palette.warning),
            Severity::Error => ("✖", palette.error),
        };
        egui::Frame::popup(ui.style()).stroke(egui::Stroke::new(1.0, colour)).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                let close = ui.small_button("×");
                let label = format!("Dismiss message {}", message.number);
                close.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, &label));
                if close.on_hover_text("Take this message away").clicked() {
                    out.push(Command::Window(WindowCommand::DismissMessage(message.number)));
                }
                ui.colored_label(colour, sign);
                ui.add(egui::Label::new(&message.text).wrap());
            });
        });
    }
    if messages.len() > 1 && ui.small_button("Dismiss all").on_hover_text("Take all messages away").clicked() {
        out.push(Command::Window(WindowCommand::DismissMessages));
    }
}
