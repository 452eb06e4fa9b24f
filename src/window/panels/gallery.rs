//! The gallery: every scenario with a picture and a sentence.

use std::collections::BTreeMap;

use bevy_egui::egui::{self, ColorImage, TextureHandle, TextureOptions, Ui};

use crate::window::{
    command::Command,
    lab::{Card, Lab, THUMBNAIL},
    theme::Palette,
};

/// Width of a card in points.
const CARD: f32 = THUMBNAIL.0 as f32 + 16.0;

/// Pictures that the graphics card has.
#[derive(Default)]
pub(super) struct State {
    textures: BTreeMap<String, TextureHandle>,
    /// The gallery that they are of.
    number: u64,
}

/// Shows the gallery.
pub(super) fn show(ui: &mut Ui, lab: &Lab, state: &mut State, palette: &Palette, out: &mut Vec<Command>) {
    if state.number != lab.gallery().number() {
        *state = State { textures: BTreeMap::new(), number: lab.gallery().number() };
    }
    ui.heading("What do you want to watch?");
    ui.weak("A scenario opens with the policy that comes with it. Then: T trains, P shows who else could act, C compares, ? shows every key.");
    ui.add_space(8.0);
    let cards = lab.gallery().cards();
    if cards.is_empty() {
        ui.label("No scenarios were found. Start agon in its own folder, or name a file: agon run FILE.");
    }
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        let mut domain = "";
        let columns = (ui.available_width() / (CARD + 8.0)).floor().max(1.0) as usize;
        let by_domain = cards.chunk_by(|a, b| a.place.domain == b.place.domain);
        for cards in by_domain {
            if let Some(first) = cards.first().filter(|first| first.place.domain != domain) {
                domain = &first.place.domain;
                ui.strong(domain);
            }
            for row in cards.chunks(columns) {
                ui.horizontal_top(|ui| row.iter().for_each(|shown| card(ui, shown, state, palette, out)));
                ui.add_space(6.0);
            }
        }
    });
}

fn card(ui: &mut Ui, card: &Card, state: &mut State, palette: &Palette, out: &mut Vec<Command>) {
    let name = format!("{}/{}", card.place.domain, card.place.name);
    let frame = egui::Frame::group(ui.style()).show(ui, |ui| {
        ui.set_width(CARD - 16.0);
        ui.set_min_height(THUMBNAIL.1 as f32 + 84.0);
        ui.vertical(|ui| {
            let size = egui::vec2(THUMBNAIL.0 as f32, THUMBNAIL.1 as f32);
            match (&card.thumbnail, &card.scenario) {
                (Some(pixels), _) => {
                    let texture = state.textures.entry(name.clone()).or_insert_with(|| {
                        let image =
                            ColorImage::from_rgba_unmultiplied([THUMBNAIL.0 as usize, THUMBNAIL.1 as usize], pixels);
                        ui.ctx().load_texture(&name, image, TextureOptions::LINEAR)
                    });
                    ui.image((texture.id(), size));
                }
                (None, Ok(_)) => {
                    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
                    ui.painter().rect_filled(rect, 2.0, palette.ground);
                }
                (None, Err(_)) => {}
            }
            match &card.scenario {
                Ok(scenario) => {
                    ui.horizontal(|ui| {
                        ui.strong(&scenario.title);
                        if card.shows_defects {
                            ui.small("shows defects");
                        }
                    });
                    ui.add(egui::Label::new(first_sentence(&scenario.about)).wrap());
                }
                Err(error) => {
                    ui.strong(&card.place.name);
                    ui.colored_label(palette.error, error.to_string());
                }
            }
        });
    });
    let response = frame.response.interact(egui::Sense::click()).on_hover_cursor(egui::CursorIcon::PointingHand);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, format!("Open {name}")));
    if response.clicked() && card.scenario.is_ok() {
        out.push(Command::Open { scenario: name, policy: None });
    }
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| text.get(..=end).unwrap_or(text)).trim()
}
