//! The palette: every command by its name, typed in part.

use bevy_egui::egui::{self, Align2, Context, Key};

use crate::window::{
    command::{Command, Entry, WindowCommand, entries},
    lab::{Lab, Stage},
};

/// What is typed, and which of the found commands is meant.
#[derive(Default)]
pub(in crate::window) struct State {
    query: String,
    chosen: usize,
}

/// Shows the palette.
pub(super) fn show(ctx: &Context, state: &mut State, lab: &Lab, out: &mut Vec<Command>) {
    let found = find(&state.query, lab);
    state.chosen = state.chosen.min(found.len().saturating_sub(1));
    let (up, down, enter, escape) = ctx.input(|input| {
        let pressed = |key| input.key_pressed(key);
        (pressed(Key::ArrowUp), pressed(Key::ArrowDown), pressed(Key::Enter), pressed(Key::Escape))
    });
    if down {
        state.chosen = (state.chosen + 1).min(found.len().saturating_sub(1));
    }
    if up {
        state.chosen = state.chosen.saturating_sub(1);
    }
    let mut run = None;
    egui::Window::new("Commands")
        .title_bar(false)
        .resizable(false)
        .anchor(Align2::CENTER_TOP, [0.0, 60.0])
        .fixed_size([440.0, 360.0])
        .show(ctx, |ui| {
            let line =
                egui::TextEdit::singleline(&mut state.query).hint_text("what to do").desired_width(f32::INFINITY);
            ui.add(line).request_focus();
            ui.separator();
            egui::ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| {
                for (index, (label, keys, command)) in found.iter().enumerate() {
                    let text = if keys.is_empty() { label.clone() } else { format!("{label}   [{keys}]") };
                    let row = ui.selectable_label(index == state.chosen, text);
                    if index == state.chosen && (up || down) {
                        row.scroll_to_me(None);
                    }
                    if row.clicked() {
                        run = Some(command.clone());
                    }
                }
                if found.is_empty() {
                    ui.weak("no command is called so");
                }
            });
        });
    if enter {
        run = found.get(state.chosen).map(|(_, _, command)| command.clone());
    }
    if run.is_some() || escape {
        out.push(Command::Window(WindowCommand::TogglePalette));
    }
    out.extend(run);
}

/// Label, key and command of everything that fits what was typed; scenarios and policies are found by their names.
fn find(query: &str, lab: &Lab) -> Vec<(String, String, Command)> {
    let words: Vec<String> = query.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let fits = |label: &str| {
        let label = label.to_lowercase();
        words.iter().all(|word| label.contains(word.as_str()))
    };
    let layers = lab.stage().and_then(Stage::view_spec).map_or_else(Vec::new, |view| view.layers);
    let available = entries(&layers).into_iter().filter(|entry| entry.command.is_available(lab));
    let plain = available.map(|Entry { command, label, shortcut, .. }| {
        (label, shortcut.map_or_else(String::new, |keys| keys_of(&keys)), command)
    });
    let scenarios = lab.gallery().cards().iter().map(|card| {
        let scenario = format!("{}/{}", card.place.domain, card.place.name);
        (format!("Open scenario {scenario}"), String::new(), Command::Open { scenario, policy: None })
    });
    let policies = lab.offers().iter().filter(|offer| offer.fits()).flat_map(|offer| {
        let policy = || offer.name.clone();
        let swaps = offer.groups().map(move |group| {
            (format!("Act with {}", offer.name), String::new(), Command::Swap { play: 0, group, policy: policy() })
        });
        let compare = (format!("Compare with {}", offer.name), String::new(), Command::Compare { policy: policy() });
        swaps.chain([compare])
    });
    plain.chain(scenarios).chain(policies).filter(|(label, ..)| fits(label)).collect()
}

/// How the keys of a command are written.
pub(super) fn keys_of(keys: &egui::KeyboardShortcut) -> String {
    let modifiers = egui::ModifierNames::NAMES.format(&keys.modifiers, false);
    let key = keys.logical_key.symbol_or_name();
    if modifiers.is_empty() || key == "?" { key.to_owned() } else { format!("{modifiers}+{key}") }
}
