//! The parameters of the scenario on show, made from their declarations.

use bevy_egui::egui::{self, Ui};

use super::setting::{Drafts, setting};
use crate::{
    sim::{
        params::{Kind, Param, Params, When},
        scenario::DomainConfig,
    },
    window::{command::Command, lab::Lab},
};

/// What is typed into the panel.
#[derive(Default)]
pub(super) struct State {
    query: String,
    drafts: Drafts,
}

/// Shows the parameters.
pub(super) fn show(ui: &mut Ui, lab: &Lab, state: &mut State, out: &mut Vec<Command>) {
    let Some(stage) = lab.stage() else { return };
    ui.add(egui::TextEdit::singleline(&mut state.query).hint_text("search parameters").desired_width(f32::INFINITY));
    let pending = stage.pending.as_ref().unwrap_or(&stage.scenario);
    if stage.pending.is_some() && stage.editing.is_none() {
        ui.horizontal(|ui| {
            ui.label("Some changes wait for the next episode.");
            if ui.small_button("Begin anew").clicked() {
                out.push(Command::Reset);
            }
        });
    }
    let scenario = stage.editing.as_ref().map_or(pending, |editing| editing.scenario());
    let params = scenario.domain.params();
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        list(ui, params.declared(), "", params, &stage.scenario.domain, state, out);
    });
}

fn list(
    ui: &mut Ui,
    declared: &[Param],
    path: &str,
    params: &dyn Params,
    in_force: &impl DomainConfig,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    for param in declared {
        let name = format!("{path}{}", param.name);
        if let Kind::Group(inner) = &param.kind {
            ui.collapsing(param.name, |ui| list(ui, inner, &format!("{name}."), params, in_force, state, out));
            continue;
        }
        if !name.contains(state.query.trim()) {
            continue;
        }
        let Some(text) = params.get(&name) else { continue };
        let waits = in_force.params().get(&name).is_some_and(|now| now != text);
        ui.horizontal_wrapped(|ui| {
            ui.label(param.name).on_hover_text(param.doc);
            let (badge, doc) = match param.when {
                When::Live => ("now", "A change takes effect with the next tick"),
                When::NextReset => ("next reset", "A change takes effect with the next episode"),
            };
            let badge = egui::RichText::new(badge).small();
            let badge = if waits { badge.strong() } else { badge.weak() };
            ui.label(badge).on_hover_text(doc);
        });
        if let Some(value) = setting(ui, param, &name, &text, &mut state.drafts) {
            out.push(Command::SetParameter { name, value });
        }
        ui.add_space(2.0);
    }
}
