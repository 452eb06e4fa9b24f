//! Who could act: baselines, checkpoints, runs, with their cards.

use bevy_egui::egui::{self, Ui};

use crate::{
    policy::card::Card,
    window::{
        command::Command,
        lab::{Lab, Offer},
    },
};

/// What is typed into the panel.
#[derive(Default)]
pub(super) struct State {
    query: String,
    /// The group that another policy is chosen for.
    group: usize,
}

/// Shows the policies.
pub(super) fn show(ui: &mut Ui, lab: &Lab, state: &mut State, out: &mut Vec<Command>) {
    let Some(stage) = lab.stage() else { return };
    ui.horizontal(|ui| {
        let room = ui.available_width() - 64.0;
        ui.add(egui::TextEdit::singleline(&mut state.query).hint_text("search policies").desired_width(room));
        if ui.button("⟲").on_hover_text("Look again which there are (F5)").clicked() {
            out.push(Command::Refresh);
        }
    });
    let groups = stage.plays.first().map(|play| play.lane().spec().groups.as_slice()).unwrap_or_default();
    let names: Vec<&str> = groups.iter().map(|group| group.name).collect();
    choose_group(ui, &names, &mut state.group);
    let is_recorded = stage.plays.iter().any(|play| play.is_recorded());
    if is_recorded {
        ui.label("A recording plays what happened; fork it to let another policy go on from here.");
    }
    let acting: Vec<Vec<String>> = stage.plays.iter().map(|play| play.policies()).collect();
    for (play, names) in acting.iter().enumerate() {
        let who = if acting.len() > 1 { ["A acts with", "B acts with"][play.min(1)] } else { "Acts with" };
        ui.horizontal_wrapped(|ui| {
            ui.weak(who);
            ui.strong(names.join(", "));
        });
    }
    ui.separator();
    let query = state.query.to_lowercase();
    let found = lab.offers().iter().filter(|offer| {
        let card = offer.cards.first().map_or("", |card| card.scenario.as_str());
        [offer.name.as_str(), offer.doc.as_str(), offer.kind.label(), card]
            .iter()
            .any(|text| text.to_lowercase().contains(&query))
    });
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        for offered in found {
            offer(ui, offered, state.group, stage.plays.len(), is_recorded, out);
            ui.separator();
        }
    });
}

/// Lets a person say for which group they choose, where there are several.
pub(super) fn choose_group(ui: &mut Ui, names: &[&str], group: &mut usize) {
    *group = (*group).min(names.len().saturating_sub(1));
    if names.len() > 1 {
        ui.horizontal_wrapped(|ui| {
            ui.weak("For");
            for (index, name) in names.iter().enumerate() {
                ui.selectable_value(group, index, *name);
            }
        });
    }
}

fn offer(ui: &mut Ui, offer: &Offer, group: usize, plays: usize, is_recorded: bool, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        ui.strong(&offer.name);
        ui.weak(offer.kind.label());
    });
    ui.add(egui::Label::new(&offer.doc).wrap());
    if let Some(why) = offer.misfit(group) {
        ui.add(egui::Label::new(egui::RichText::new(why).italics()).wrap());
        return;
    }
    ui.horizontal_wrapped(|ui| {
        let policy = || offer.name.clone();
        if is_recorded {
            if ui.small_button("Fork").on_hover_text("Go on from this tick with it").clicked() {
                out.push(Command::Fork { policy: Some(policy()) });
            }
            return;
        }
        for play in 0..plays {
            let label = if plays > 1 { ["Act in A", "Act in B"][play.min(1)] } else { "Act" };
            if ui.small_button(label).on_hover_text("From the next tick on").clicked() {
                out.push(Command::Swap { play, group, policy: policy() });
            }
        }
        if ui.small_button("Compare").on_hover_text("The same episode under both, side by side").clicked() {
            out.push(Command::Compare { policy: policy() });
        }
    });
    offer.cards.iter().for_each(|card| show_card(ui, &offer.name, card));
}

fn show_card(ui: &mut Ui, offer: &str, card: &Card) {
    let id = (offer, &card.group);
    egui::CollapsingHeader::new("Card").id_salt(id).show(ui, |ui| {
        egui::Grid::new(("card", id)).num_columns(2).show(ui, |ui| {
            let rows = [
                ("acts for", card.group.clone()),
                ("scenario", card.scenario.clone()),
                ("observes", format!("{} ({} numbers)", card.layout, card.observation)),
                ("network", format!("2 × {} {:?}", card.hidden, card.activation)),
                ("learned by", format!("{}, seed {}", card.algorithm, card.seed)),
                ("env-steps", format!("{} in {:.1} min", card.env_steps, card.minutes)),
                ("agon", card.agon.clone()),
            ];
            for (what, value) in rows {
                ui.weak(what);
                ui.label(value);
                ui.end_row();
            }
            for score in &card.results {
                ui.weak(&score.metric);
                ui.label(format!("{:.2} [{:.2}, {:.2}], {} episodes", score.mean, score.lo, score.hi, score.n));
                ui.end_row();
            }
        });
    });
}
