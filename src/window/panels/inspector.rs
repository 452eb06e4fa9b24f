//! The inspector: what is known of the thing that is selected, and what an agent sees, does, expects and is paid for.

use bevy_egui::egui::{self, Sense, Ui};

use crate::{
    sim::{Choices, Fact},
    window::{
        command::Command,
        lab::{AgentInspection, Inspection, Lab},
        theme::Palette,
    },
};

/// Height of a bar in points.
const BAR: f32 = 14.0;

/// Shows what is selected.
pub(super) fn show(ui: &mut Ui, lab: &Lab, inspection: Option<&Inspection>, palette: &Palette, out: &mut Vec<Command>) {
    let Some(inspection) = inspection else {
        super::nothing(ui, "Click anything in the scene, or press N for the next agent.");
        return;
    };
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.heading(&inspection.title);
        if inspection.is_gone {
            ui.weak("It is gone. What was last known of it:");
        }
        if !inspection.state.is_empty() {
            ui.strong(&inspection.state);
        }
        if let Some(at) = inspection.place_m {
            ui.label(format!("at {:.1} m, {:.1} m", at.x, at.y));
        }
        if let Some(length) = inspection.length_m {
            ui.label(format!("{length:.1} m long"));
        }
        facts(ui, &inspection.facts);
        if let Some(agent) = &inspection.agent {
            ui.separator();
            show_agent(ui, lab, agent, palette, out);
        }
    });
}

/// Numbers by their names.
fn facts(ui: &mut Ui, facts: &[Fact]) {
    egui::Grid::new("facts").num_columns(2).striped(true).show(ui, |ui| {
        for fact in facts {
            ui.weak(fact.name);
            ui.label(fact.text());
            ui.end_row();
        }
    });
}

fn show_agent(ui: &mut Ui, lab: &Lab, agent: &AgentInspection, palette: &Palette, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        ui.weak(if agent.is_driven { "driven by hand instead of" } else { "acts with" });
        ui.label(&agent.policy);
    });
    let drive = if agent.is_driven { "Let its policy act" } else { "Drive by hand" };
    if ui.button(drive).on_hover_text("Arrows steer (D)").clicked() {
        out.push(Command::ToggleDrive);
    }
    ui.separator();
    ui.strong("Action");
    egui::Grid::new("action").num_columns(2).show(ui, |ui| {
        for (name, value) in &agent.action {
            ui.weak(name);
            ui.label(value);
            ui.end_row();
        }
    });
    if let Some(choices) = &agent.choices {
        ui.add_space(4.0);
        ui.strong("What the policy would draw from");
        for (choice, (name, _)) in choices.iter().zip(&agent.action) {
            ui.weak(name);
            distribution(ui, choice, palette);
        }
    }
    if let Some(value) = agent.value {
        ui.horizontal(|ui| {
            ui.strong("Value");
            ui.label(format!("{value:.3}"))
                .on_hover_text("What the critic of the run in training expects from here on");
        });
    }
    ui.separator();
    ui.horizontal(|ui| {
        ui.strong("Reward");
        ui.label(format!("{:.4}", agent.reward));
    });
    rewards(ui, agent, palette);
    ui.separator();
    ui.strong("Observation");
    observation(ui, lab, agent, out);
}

/// Probabilities as bars, a density as an outline.
fn distribution(ui: &mut Ui, choices: &Choices, palette: &Palette) {
    let (colour, _) = palette.series(1);
    match choices {
        Choices::Discrete(choices) => {
            for (name, probability) in choices {
                ui.horizontal(|ui| {
                    let width = (ui.available_width() - 90.0).max(20.0);
                    let (rect, _) = ui.allocate_exact_size(egui::vec2(width, BAR), Sense::hover());
                    let full = egui::Rect::from_min_size(rect.min, egui::vec2(width * probability, BAR));
                    ui.painter().rect_filled(rect, 1.0, palette.ground);
                    ui.painter().rect_filled(full, 1.0, colour);
                    ui.label(format!("{name} {:.0} %", 100.0 * probability));
                });
            }
        }
        Choices::Density(points) => {
            let size = egui::vec2(ui.available_width(), 36.0);
            let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
            ui.painter().rect_filled(rect, 1.0, palette.ground);
            let [(low, _), .., (high, _)] = points[..] else { return };
            let at = |(setting, density): &(f32, f32)| {
                let x = (setting - low) / (high - low).max(f32::MIN_POSITIVE);
                egui::pos2(rect.left() + x * rect.width(), rect.bottom() - density.clamp(0.0, 1.0) * rect.height())
            };
            let line: Vec<egui::Pos2> = points.iter().map(at).collect();
            ui.painter().add(egui::Shape::line(line, egui::Stroke::new(1.5, colour)));
            response.on_hover_text(format!("{low:.2} to {high:.2}"));
        }
    }
}

/// Terms as one stacked bar on either side of zero, then by name.
fn rewards(ui: &mut Ui, agent: &AgentInspection, palette: &Palette) {
    let (gains, losses): (Vec<f32>, Vec<f32>) = agent.rewards.iter().map(|(_, v)| (v.max(0.0), (-v).max(0.0))).unzip();
    let (gained, lost): (f32, f32) = (gains.iter().sum(), losses.iter().sum());
    let span = (gained + lost).max(1e-6);
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), BAR), Sense::hover());
    ui.painter().rect_filled(rect, 1.0, palette.ground);
    let zero = rect.left() + rect.width() * lost / span;
    let (mut right, mut left) = (zero, zero);
    for (index, (gain, loss)) in gains.iter().zip(&losses).enumerate() {
        let (colour, _) = palette.series(index);
        let (more, less) = (rect.width() * gain / span, rect.width() * loss / span);
        let bar = |from: f32, to: f32| {
            let part = egui::Rect::from_min_max(egui::pos2(from, rect.top()), egui::pos2(to, rect.bottom()));
            ui.painter().rect_filled(part, 0.0, colour);
        };
        bar(right, right + more);
        bar(left - less, left);
        right += more;
        left -= less;
    }
    let (top, bottom) = (egui::pos2(zero, rect.top() - 2.0), egui::pos2(zero, rect.bottom() + 2.0));
    ui.painter().line_segment([top, bottom], egui::Stroke::new(1.5, palette.text));
    egui::Grid::new("rewards").num_columns(3).show(ui, |ui| {
        for (index, (name, value)) in agent.rewards.iter().enumerate() {
            ui.colored_label(palette.series(index).0, "■");
            ui.weak(*name);
            ui.label(format!("{value:+.4}"));
            ui.end_row();
        }
    });
}

/// Every number by its name, with its place between its bounds.
fn observation(ui: &mut Ui, lab: &Lab, agent: &AgentInspection, out: &mut Vec<Command>) {
    let selected = lab.stage().and_then(|stage| stage.selected_agent());
    let probes = lab.stage().map(|stage| &stage.probes[..]).unwrap_or_default();
    egui::Grid::new("observation").num_columns(3).striped(true).show(ui, |ui| {
        for (index, (field, value)) in agent.observation.iter().enumerate() {
            let is_plotted = selected.is_some_and(|(play, agent)| {
                probes.iter().any(|p| (p.play, p.group, p.row, p.field) == (play, agent.group, agent.row, index))
            });
            if ui.selectable_label(is_plotted, "∿").on_hover_text("Plot this field").clicked() {
                out.push(Command::ToggleProbe { field: index });
            }
            let bounds = format!("{} to {} {}", field.bounds.start(), field.bounds.end(), field.unit);
            ui.label(&field.name).on_hover_text(bounds);
            ui.monospace(format!("{value:.3} {}", field.unit));
            ui.end_row();
        }
    });
}
