//! What the scenario is about, how it is shown, and the editor.

use bevy_egui::egui::{self, Ui};

use crate::window::{command::Command, lab::Lab};

/// What is typed into the panel.
#[derive(Default)]
pub(super) struct State {
    name: String,
    replace: bool,
}

/// Shows the scenario.
pub(super) fn show(ui: &mut Ui, lab: &Lab, state: &mut State, next_kind: &mut usize, out: &mut Vec<Command>) {
    let Some(stage) = lab.stage() else { return };
    let scenario = &stage.scenario;
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.heading(&scenario.title);
        ui.weak(format!("{}/{}", scenario.domain.domain().id(), scenario.name));
        ui.add(egui::Label::new(&scenario.about).wrap());
        ui.separator();
        ui.strong("View");
        if let Some(view) = stage.view_spec() {
            let now = view.colour_by.get(stage.options.colour_by).or(view.colour_by.first());
            ui.horizontal(|ui| {
                ui.label("colour by");
                egui::ComboBox::from_id_salt("colour").selected_text(now.map_or("", |now| now.name)).show_ui(
                    ui,
                    |ui| {
                        for (index, choice) in view.colour_by.iter().enumerate() {
                            let is_chosen = index == stage.options.colour_by;
                            if ui.selectable_label(is_chosen, choice.name).on_hover_text(choice.doc).clicked() {
                                out.push(Command::ColourBy(index));
                            }
                        }
                    },
                );
            });
            for layer in &view.layers {
                let mut is_on = stage.options.shows(layer);
                if ui.checkbox(&mut is_on, layer.title).changed() {
                    out.push(Command::ToggleLayer(layer.name.to_owned()));
                }
            }
        }
        ui.separator();
        editor(ui, lab, state, next_kind, out);
    });
}

fn editor(ui: &mut Ui, lab: &Lab, state: &mut State, next_kind: &mut usize, out: &mut Vec<Command>) {
    let Some(stage) = lab.stage() else { return };
    ui.strong("Editor");
    let Some(editing) = &stage.editing else {
        let why_not = match (stage.can_edit(), stage.is_recorded()) {
            (true, _) => "Change where an episode begins, by hand.",
            (false, true) => "A recording cannot be edited; fork it first.",
            (false, false) => "Nothing in this scenario has a place to choose.",
        };
        ui.label(why_not);
        if stage.can_edit()
            && ui.button("Edit").on_hover_text("Episodes will begin as the env stands now (E)").clicked()
        {
            out.push(Command::ToggleEditor);
        }
        save(ui, &stage.scenario.name, state, out);
        return;
    };
    let (can_undo, can_redo) = editing.can();
    ui.horizontal_wrapped(|ui| {
        if ui.add_enabled(can_undo, egui::Button::new("Undo")).clicked() {
            out.push(Command::Undo);
        }
        if ui.add_enabled(can_redo, egui::Button::new("Redo")).clicked() {
            out.push(Command::Redo);
        }
        if ui.add_enabled(stage.selection().is_some(), egui::Button::new("Take away")).clicked() {
            out.push(Command::Remove);
        }
        if ui.button("Done").clicked() {
            out.push(Command::ToggleEditor);
        }
    });
    if let Some(editor) = stage.scenario.domain.domain().editor() {
        let arena = stage.picture(0).map(|picture| picture.arena).unwrap_or_default();
        let middle = 0.5 * (arena.low + arena.high);
        ui.horizontal_wrapped(|ui| {
            for (index, kind) in editor.kinds().iter().enumerate().filter(|(_, kind)| kind.places.is_some()) {
                ui.radio_value(next_kind, index, kind.name).on_hover_text("What shift+click places");
                if ui
                    .button(format!("Add a {}", kind.name))
                    .on_hover_text("In the middle; drag it from there")
                    .clicked()
                {
                    out.push(Command::Place { kind: index, at: middle.to_array() });
                }
            }
        });
    }
    save(ui, &editing.scenario().name, state, out);
}

fn save(ui: &mut Ui, name: &str, state: &mut State, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        ui.add(egui::TextEdit::singleline(&mut state.name).hint_text(format!("{name}-2")).desired_width(120.0));
        ui.checkbox(&mut state.replace, "replace");
        let name = state.name.trim();
        if ui.add_enabled(!name.is_empty(), egui::Button::new("Save scenario")).clicked() {
            out.push(Command::SaveScenario { name: name.to_owned(), replace: state.replace });
        }
    });
}
