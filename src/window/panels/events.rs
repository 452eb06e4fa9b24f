//! What happened: in the env on show, and to the laboratory.

use bevy_egui::egui::{self, Ui};

use crate::{
    record::Event,
    window::{
        command::{Command, WindowCommand},
        lab::Lab,
    },
};

/// Shows what happened, the newest first.
pub(super) fn show(ui: &mut Ui, lab: &Lab, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        if lab.messages().iter().next().is_some() {
            ui.horizontal(|ui| {
                ui.strong("Messages");
                if ui.small_button("Dismiss").clicked() {
                    out.push(Command::Window(WindowCommand::DismissMessages));
                }
            });
            for message in lab.messages().iter().rev() {
                ui.add(egui::Label::new(&message.text).wrap());
            }
            ui.separator();
        }
        let Some(stage) = lab.stage() else { return };
        let events: Vec<_> = stage.plays.first().map(|play| play.events()).unwrap_or_default().iter().rev().collect();
        if events.is_empty() {
            super::nothing(ui, "Ends of episodes, changes and bookmarks are listed here.");
        }
        for (tick, event) in events.into_iter().take(500) {
            ui.horizontal_wrapped(|ui| {
                if ui.link(format!("tick {tick}")).on_hover_text("Go there").clicked() {
                    out.push(Command::Pause);
                    out.push(Command::Seek(*tick));
                }
                ui.label(text(event));
            });
        }
    });
}

/// An event in words.
pub(super) fn text(event: &Event) -> String {
    match event {
        Event::EpisodeEnded { episode, length, episode_return, .. } => {
            format!("episode {episode} ended after {length} ticks, return {episode_return:.2}")
        }
        Event::ParameterChanged { name, value } => format!("{name} = {value}"),
        Event::StateEdited { what } => what.clone(),
        Event::PolicySwapped { group, policy } => format!("{group} act with {policy}"),
        Event::Bookmark { label } => format!("★ {label}"),
    }
}
