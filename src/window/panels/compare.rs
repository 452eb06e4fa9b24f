//! Two policies in the same episodes.

use bevy_egui::egui::{self, Ui};
use egui_plot::HLine;

use super::metrics::{line, plot};
use crate::window::{command::Command, lab::Lab, theme::Palette};

/// Shows what the two have come to.
pub(super) fn show(ui: &mut Ui, lab: &Lab, palette: &Palette, out: &mut Vec<Command>) {
    let Some(stage) = lab.stage() else { return };
    let Some(comparison) = &stage.comparison else {
        ui.label("Shows the same episodes under a second policy beside this one, tick by tick.");
        ui.menu_button("Compare with", |ui| {
            egui::ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
                for offer in lab.offers().iter().filter(|offer| offer.fits()) {
                    if ui.button(&offer.name).on_hover_text(&offer.doc).clicked() {
                        out.push(Command::Compare { policy: offer.name.clone() });
                    }
                }
            });
        });
        return;
    };
    let spec = stage.scenario.domain.domain().spec(stage.scenario.max_steps);
    let metric = spec.metrics.get(comparison.metric());
    let (name, unit) = metric.map_or(("", ""), |metric| (metric.name, metric.unit));
    ui.horizontal_wrapped(|ui| {
        let names: Vec<String> = stage.plays.iter().map(|play| play.policies().join(", ")).collect();
        ui.strong(format!("A: {}   B: {}", names.first().map_or("", |n| n), names.get(1).map_or("", |n| n)));
        if ui.small_button("Show one env").clicked() {
            out.push(Command::EndCompare);
        }
    });
    ui.horizontal_wrapped(|ui| {
        match comparison.first_difference() {
            Some(tick) => {
                ui.label(format!("First different at tick {tick}."));
                if ui.small_button("Go there").clicked() {
                    out.push(Command::Pause);
                    out.push(Command::Seek(tick));
                }
            }
            None => {
                ui.label("No difference yet.");
            }
        }
        match comparison.estimate() {
            Some(estimate) => ui
                .label(format!(
                    "{name}, A − B over {} episodes: {:+.2} [{:+.2}, {:+.2}] {unit}",
                    comparison.num_episodes(),
                    estimate.mean,
                    estimate.lo,
                    estimate.hi
                ))
                .on_hover_text("Mean of the paired differences with its 95 % bootstrap interval"),
            None => ui.label(format!("{} episodes of both so far; an interval wants two.", comparison.num_episodes())),
        };
    });
    let columns = ui.available_width().max(1.0) as usize;
    let mut points = Vec::new();
    plot("difference", false).x_axis_label("tick").height(ui.available_height().max(80.0)).show(ui, |plot| {
        let range = plot.plot_bounds().range_x();
        plot.hline(HLine::new("", 0.0).color(palette.muted));
        let difference = line(&format!("{name}, A − B"), comparison.difference(), &range, columns, false, &mut points);
        plot.line(difference.color(palette.series(0).0));
        if let Some(tick) = comparison.first_difference() {
            plot.vline(egui_plot::VLine::new("first difference", tick as f64).color(palette.warning));
        }
    });
}
