//! The panels: functions that show what the laboratory is and say what a person asks of it.
//!
//! Nothing is changed here. A panel gets the laboratory to look at and what it has itself kept from the last frame (what is
//! typed into it, what is unfolded), and adds commands to a list.

mod compare;
mod events;
mod gallery;
mod help;
mod inspector;
mod legend;
mod messages;
mod metrics;
mod palette;
mod parameters;
mod policies;
mod scenario;
mod scene;
mod setting;
mod status;
#[cfg(all(test, feature = "kittest"))]
mod tests;
mod timeline;
mod training;
mod transport;

use bevy::{app::App, asset::Assets, shader::Shader};
use bevy_egui::{
    egui::{self, Ui},
    render::EGUI_SHADER_HANDLE,
};
use egui_tiles::{Behavior, TileId, Tiles, UiResponse};

use super::{
    command::{Command, WindowCommand, entries},
    desk::{Desk, Pane, simplification, title_lone_panels},
    lab::{Draft, Inspection, Lab},
    scene::Lens,
    theme::Palette,
};
use crate::error::Result;

/// What panels keep between two frames.
#[derive(Default)]
pub struct PanelStates {
    pub(super) palette: palette::State,
    gallery: gallery::State,
    metrics: metrics::State,
    parameters: parameters::State,
    policies: policies::State,
    scenario: scenario::State,
    scene: scene::State,
    training: training::State,
    timeline: timeline::State,
    transport: transport::State,
}

impl PanelStates {
    /// The run that stands in the panel of training.
    ///
    /// # Errors
    /// Something typed there that cannot be read.
    pub(super) fn draft(&self) -> Result<Draft> {
        self.training.draft()
    }
}

/// Draws panels at less cost than they would be drawn.
pub(super) fn plugin(app: &mut App) {
    let shader = Shader::from_wgsl(include_str!("shader.wgsl"), "window/panels/shader.wgsl");
    // The handle is that of a shader which egui's plugin has added.
    let _ = app.world_mut().resource_mut::<Assets<Shader>>().insert(EGUI_SHADER_HANDLE.id(), shader);
}

/// Everything that the window shows, from edge to edge; what was asked for is added to `out`.
pub(super) fn show(ui: &mut Ui, lab: &Lab, desk: &mut Desk, inspection: Option<&Inspection>, out: &mut Vec<Command>) {
    let palette = Palette::of(desk.theme());
    shortcuts(ui.ctx(), lab, desk, out);
    egui::Panel::top("transport").show(ui, |ui| transport::show(ui, lab, &mut desk.states.transport, out));
    egui::Panel::bottom("status").show(ui, |ui| status::show(ui, lab, &desk.adapter, out));
    if lab.stage().is_none() {
        messages::show_below(ui, lab, &palette, out);
    }
    match lab.stage() {
        None => {
            desk.lenses.iter_mut().for_each(|lens| lens.area = bevy::math::Rect::default());
            egui::CentralPanel::default()
                .show(ui, |ui| gallery::show(ui, lab, &mut desk.states.gallery, &palette, out));
        }
        Some(_) => {
            let frame = egui::Frame::NONE;
            egui::CentralPanel::no_frame().frame(frame).show(ui, |ui| {
                let mut layout = std::mem::replace(&mut desk.layout, egui_tiles::Tree::empty("desk"));
                title_lone_panels(&mut layout);
                let Desk { states, lenses, follows, .. } = desk;
                let mut shown = Shown { lab, inspection, palette: &palette, states, lenses, follows: *follows, out };
                layout.ui(&mut shown, ui);
                desk.layout = layout;
            });
        }
    }
    messages::show(ui.ctx(), lab, &desk.lenses, &palette, out);
    if desk.palette {
        palette::show(ui.ctx(), &mut desk.states.palette, lab, out);
    }
    if desk.help {
        help::show(ui.ctx(), out);
    }
    if desk.asks_to_close {
        closing(ui.ctx(), out);
    }
}

/// The keys of all commands that have one, unless something is being typed, in the order in which they were pressed.
fn shortcuts(ctx: &egui::Context, lab: &Lab, desk: &Desk, out: &mut Vec<Command>) {
    let is_typing = ctx.egui_wants_keyboard_input();
    let entries = entries(&[]);
    let meant = |key: egui::Key, modifiers: egui::Modifiers| {
        entries.iter().find(|entry| {
            let Some(shortcut) = entry.shortcut.filter(|shortcut| shortcut.logical_key == key) else { return false };
            let is_plain = shortcut.modifiers.is_none() || shortcut.modifiers == egui::Modifiers::SHIFT;
            let is_window =
                matches!(entry.command, Command::Window(WindowCommand::TogglePalette | WindowCommand::ToggleHelp));
            let is_heard = !(is_typing && is_plain) && (is_window || !(desk.palette || desk.asks_to_close));
            // In the gallery nothing is on show that keys could be about.
            let is_about_something = lab.stage().is_some() || entry.command.is_available(lab);
            modifiers.matches_logically(shortcut.modifiers) && is_heard && is_about_something
        })
    };
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let egui::Event::Key { key, modifiers, pressed: true, .. } = event else { return true };
            let entry = meant(*key, *modifiers);
            out.extend(entry.map(|entry| entry.command.clone()));
            entry.is_none()
        });
    });
}

/// What to do with what trains when the window closes.
fn closing(ctx: &egui::Context, out: &mut Vec<Command>) {
    egui::Modal::new(egui::Id::new("closing")).show(ctx, |ui| {
        ui.set_max_width(420.0);
        ui.heading("Something is training");
        ui.label("It saves itself every half minute; nothing is lost either way.");
        ui.add_space(8.0);
        let choices = [
            ("Stop and save", "Finishes the iteration, saves and closes.", WindowCommand::CloseAndStop),
            (
                "Keep training",
                "Closes the window; the run goes on in the terminal.",
                WindowCommand::CloseAndKeepTraining,
            ),
            ("Cancel", "Keeps the window open.", WindowCommand::CancelClose),
        ];
        ui.horizontal(|ui| {
            for (label, doc, command) in choices {
                if ui.button(label).on_hover_text(doc).clicked() {
                    out.push(Command::Window(command));
                }
            }
        });
    });
}

/// What the tiles of the desk show.
struct Shown<'a> {
    lab: &'a Lab,
    inspection: Option<&'a Inspection>,
    palette: &'a Palette,
    states: &'a mut PanelStates,
    lenses: &'a mut [Lens; 2],
    follows: bool,
    out: &'a mut Vec<Command>,
}

impl Behavior<Pane> for Shown<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        if *pane == Pane::Scene {
            scene::show(ui, self.lab, self.palette, self.lenses, self.follows, &mut self.states.scene, self.out);
            return UiResponse::None;
        }
        let fill = ui.visuals().panel_fill;
        egui::Frame::NONE.fill(fill).inner_margin(6.0).show(ui, |ui| {
            ui.take_available_space();
            let Self { lab, palette, states, out, .. } = self;
            match pane {
                Pane::Scene => {}
                Pane::Training => training::show(ui, lab, &mut states.training, out),
                Pane::Policies => policies::show(ui, lab, &mut states.policies, out),
                Pane::Metrics => metrics::show(ui, lab, &mut states.metrics, palette, out),
                Pane::Inspector => inspector::show(ui, lab, self.inspection, palette, out),
                Pane::Parameters => parameters::show(ui, lab, &mut states.parameters, out),
                Pane::Compare => compare::show(ui, lab, palette, out),
                Pane::Events => events::show(ui, lab, out),
                Pane::Scenario => scenario::show(ui, lab, &mut states.scenario, &mut states.scene.kind, out),
                Pane::Timeline => timeline::show(ui, lab, &mut states.timeline, palette, out),
            }
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        pane.title().into()
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        simplification()
    }

    fn top_bar_right_ui(
        &mut self,
        tiles: &Tiles<Pane>,
        ui: &mut Ui,
        _tile: TileId,
        tabs: &egui_tiles::Tabs,
        _scroll_offset: &mut f32,
    ) {
        let panes = || tabs.children.iter().filter_map(|tile| tiles.get_pane(tile));
        let Some(first) = panes().next().filter(|_| panes().all(|pane| *pane != Pane::Scene)) else { return };
        let fold = ui.small_button("–");
        let label = format!("Fold {}", first.title());
        fold.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, &label));
        if fold.on_hover_text("Fold these panels; \"Panels\" above unfolds them").clicked() {
            self.out.push(Command::Window(WindowCommand::Fold(*first)));
        }
    }

    fn tab_title_for_tile(&mut self, tiles: &Tiles<Pane>, tile: TileId) -> egui::WidgetText {
        match tiles.get_pane(&tile) {
            Some(pane) => self.tab_title_for_pane(pane),
            None => "Group".into(),
        }
    }
}

/// What stands in a panel while nothing is on show for it.
fn nothing(ui: &mut Ui, what: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space(12.0);
        ui.weak(what);
    });
}
