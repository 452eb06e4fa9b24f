//! What is written and drawn over the envs: captions, scales, what is selected, the legend.

use bevy::math::Vec2;
use bevy_egui::egui::{self, Align2, Color32, FontId, Pos2, Rect, Stroke, Ui};

use super::super::legend;
use crate::{
    picture::{Form, Picture, round_at_most},
    window::{
        command::Subject,
        lab::Stage,
        scene::{Lens, place_of},
        theme::Palette,
    },
};

/// Longest scale bar, in points.
const SCALE_BAR: f32 = 120.0;
/// Height of what is written above an env, in points.
const HEADER: f32 = 42.0;
/// Room beside an arena from which captions and legend stand there.
const BESIDE: f32 = 176.0;
/// Greatest width of the legend.
const LEGEND_WIDTH: f32 = 172.0;
/// Room between the legend and the edge of the scene.
const LEGEND_GAP: f32 = BESIDE - LEGEND_WIDTH;
/// Height of the scale bar with its number and the room around them.
const SCALE_HEIGHT: f32 = 44.0;

/// How the part of the window that an env has is shared out.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// Where the env is seen.
    pub env: Rect,
    /// Where its captions stand.
    pub caption: Rect,
    /// Whether captions and legend stand beside the arena instead of above it.
    pub is_beside: bool,
}

impl Room {
    /// Shares `rect` out for an arena of this width and height.
    pub(super) fn of(rect: Rect, arena_m: Vec2) -> Self {
        let width = rect.height() * arena_m.x / arena_m.y.max(f32::MIN_POSITIVE);
        let beside = 0.5 * (rect.width() - width);
        if beside >= BESIDE {
            let caption = rect.split_left_right_at_x(rect.left() + beside).0;
            return Self { env: rect, caption, is_beside: true };
        }
        let (caption, env) = rect.split_top_bottom_at_y(rect.top() + HEADER);
        Self { env, caption, is_beside: false }
    }
}

/// Who acts and what is measured: above an env or, where its arena leaves room, beside it.
pub(super) fn caption(ui: &Ui, stage: &Stage, play: usize, picture: &Picture, room: Room, palette: &Palette) {
    let rect = room.caption;
    let painter = ui.painter().with_clip_rect(rect);
    let captions = &picture.captions;
    let title = match stage.plays.len() {
        0 | 1 => captions.policy.clone(),
        _ => format!("{}  {}", ["A", "B"][play.min(1)], captions.policy),
    };
    let corner = rect.left_top() + egui::vec2(10.0, 4.0);
    let measured: Vec<String> =
        captions.metrics.iter().take(4).map(|quantity| format!("{} {}", quantity.name, quantity.text())).collect();
    if room.is_beside {
        let width = rect.width() - 20.0;
        let title = painter.layout(title, FontId::proportional(15.0), palette.text, width);
        let below = corner + egui::vec2(0.0, title.size().y + 6.0);
        painter.galley(corner, title, palette.text);
        let measured = painter.layout(measured.join("\n"), FontId::proportional(13.0), palette.muted, width);
        painter.galley(below, measured, palette.muted);
        return;
    }
    painter.text(corner, Align2::LEFT_TOP, title, FontId::proportional(15.0), palette.text);
    let below = corner + egui::vec2(0.0, 20.0);
    painter.text(below, Align2::LEFT_TOP, measured.join("   "), FontId::proportional(12.0), palette.muted);
}

/// What is written and drawn over an env.
#[allow(clippy::too_many_arguments, reason = "one env, everything about it")]
pub(super) fn overlay(
    ui: &Ui,
    stage: &Stage,
    play: usize,
    picture: &Picture,
    rect: Rect,
    palette: &Palette,
    lens: &Lens,
    ghost: Option<Vec2>,
) {
    let painter = ui.painter().with_clip_rect(rect);
    let arena = &picture.arena;
    let at = |place: Vec2| {
        let point = lens.point(arena, place);
        Pos2::new(point.x, point.y)
    };
    for mark in &picture.marks {
        if let Form::Label { at: place, text, size_px } = &mark.form {
            let font = FontId::proportional(size_px * lens.unit());
            painter.text(at(*place), Align2::CENTER_CENTER, text, font, palette.text);
        }
    }
    let small = FontId::proportional(12.0);
    let step = arena.grid_step_m();
    let low = at(arena.low);
    // What is no ground has no metres.
    let lines = if arena.is_to_scale { (arena.size_m().max_element() / step) as u32 + 1 } else { 0 };
    for line in 0..lines {
        let metres = line as f32 * step;
        let (across, up) = (at(arena.low + Vec2::new(metres, 0.0)), at(arena.low + Vec2::new(0.0, metres)));
        if metres <= arena.size_m().x {
            let foot = Pos2::new(across.x, low.y + 2.0);
            painter.text(foot, Align2::CENTER_TOP, number(arena.low.x + metres), small.clone(), palette.muted);
        }
        if metres <= arena.size_m().y && line > 0 {
            let side = Pos2::new(low.x - 3.0, up.y);
            painter.text(side, Align2::RIGHT_CENTER, number(arena.low.y + metres), small.clone(), palette.muted);
        }
    }
    if arena.is_to_scale {
        scale_bar(&painter, rect, lens.points_per_m(arena), palette);
    }
    let ring = |place: Vec2, radius: f32, colour: Color32| {
        painter.circle_stroke(at(place), radius, Stroke::new(2.0, colour));
    };
    if let Some(selection) = stage.present_selection().filter(|selection| selection.play == play) {
        match selection.subject {
            Subject::Entity(who) => {
                if let Some(place) = place_of(picture, who) {
                    ring(place, 15.0 * lens.unit(), palette.selected);
                }
            }
            Subject::Link(one, other) => {
                if let (Some(a), Some(b)) = (place_of(picture, one), place_of(picture, other)) {
                    painter.line_segment([at(a), at(b)], Stroke::new(3.0, palette.selected));
                }
            }
        }
    }
    if let Some(place) = ghost {
        ring(place, 12.0 * lens.unit(), palette.text);
    }
    if let Some(text) = advice(stage, play) {
        let text = painter.layout(text, small, palette.text, rect.width() - 20.0);
        let low = rect.center_bottom() - egui::vec2(0.5 * text.size().x, text.size().y + 8.0);
        painter.rect_filled(Rect::from_min_size(low, text.size()).expand(4.0), 3.0, palette.ground);
        painter.galley(low, text, palette.text);
    }
}

/// What a person can do with the pointer and the keys while they edit or drive.
fn advice(stage: &Stage, play: usize) -> Option<String> {
    if stage.editing.is_some() && play == 0 {
        let text = "Editing where an episode begins. Drag agents, shift+click places one, Delete takes one away.";
        return Some(text.to_owned());
    }
    stage.plays.get(play)?.seats().iter().find_map(|seat| seat.drive())?;
    let paused = if stage.transport.is_playing { "" } else { " Paused: it moves once the simulation plays (Space)." };
    Some(format!("Driving. Arrows steer, X and Z go through its choices, D lets its policy act.{paused}"))
}

/// The legend: right of the arena, where the captions stand left of it, otherwise in the lower left corner. It is open where
/// it covers nothing of the arena, until somebody says otherwise.
pub(super) fn corner(ui: &mut Ui, picture: &Picture, room: Room, is_open: &mut Option<bool>, palette: &Palette) {
    let signs = &picture.legend;
    if signs.items.is_empty() && signs.ramp.is_none() {
        return;
    }
    let open = is_open.unwrap_or(room.is_beside);
    let corner = match room.is_beside {
        true => room.env.right_bottom() - egui::vec2(LEGEND_WIDTH + LEGEND_GAP, SCALE_HEIGHT),
        false => room.env.left_bottom() + egui::vec2(10.0, -8.0),
    };
    let builder = egui::UiBuilder::new()
        .id_salt("legend")
        .max_rect(Rect::from_min_max(
            egui::pos2(corner.x, room.env.top()),
            egui::pos2(corner.x + LEGEND_WIDTH, corner.y),
        ))
        .layout(egui::Layout::bottom_up(egui::Align::Min));
    ui.scope_builder(builder, |ui| {
        ui.set_clip_rect(room.env);
        // The pointer means what lies below.
        ui.style_mut().interaction.selectable_labels = false;
        if ui.selectable_label(open, "Legend").on_hover_text("What the signs mean").clicked() {
            *is_open = Some(!open);
        }
        if open {
            let fill = palette.page.gamma_multiply(0.85);
            egui::Frame::NONE.fill(fill).inner_margin(4.0).corner_radius(3.0).show(ui, |ui| {
                ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| legend::show(ui, signs, palette));
            });
        }
    });
}

/// A bar of round length with its metres.
fn scale_bar(painter: &egui::Painter, rect: Rect, points_per_m: f32, palette: &Palette) {
    let metres = round_at_most(SCALE_BAR / points_per_m.max(f32::MIN_POSITIVE));
    let length = metres * points_per_m;
    let right = rect.right_bottom() - egui::vec2(14.0, 14.0);
    let left = right - egui::vec2(length, 0.0);
    let stroke = Stroke::new(1.5, palette.muted);
    painter.line_segment([left, right], stroke);
    for end in [left, right] {
        painter.line_segment([end - egui::vec2(0.0, 4.0), end + egui::vec2(0.0, 4.0)], stroke);
    }
    let middle = left + egui::vec2(0.5 * length, -4.0);
    painter.text(
        middle,
        Align2::CENTER_BOTTOM,
        format!("{} m", number(metres)),
        FontId::proportional(12.0),
        palette.muted,
    );
}

/// A number with as many digits as it needs.
fn number(value: f32) -> String {
    if value == value.trunc() { format!("{value:.0}") } else { format!("{value}") }
}
