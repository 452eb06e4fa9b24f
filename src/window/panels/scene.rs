//! The envs on show, and what the pointer does in them.

use bevy::{ecs::entity::Entity, math::Rect as Area, math::Vec2};
use bevy_egui::egui::{self, Align2, Color32, CursorIcon, FontId, Pos2, Rect, Sense, Stroke, Ui};

use crate::{
    picture::{Form, Picture, round_at_most},
    window::{
        command::{Command, Selection, Subject},
        lab::{Lab, Stage},
        scene::{Lens, pick, place_of},
        theme::Palette,
    },
};

/// Longest scale bar, in points.
const SCALE_BAR: f32 = 120.0;
/// Height of what is written above an env, in points.
const HEADER: f32 = 42.0;
/// A step of the wheel makes a metre so many times as large.
const WHEEL: f32 = 1.0015;

/// What the pointer is doing.
#[derive(Default)]
pub(super) struct State {
    /// The entity that is being dragged, in which env, and where it is held, in metres.
    dragged: Option<(usize, Entity, Vec2)>,
    /// Kind of the entity that is placed next in the editor.
    pub(super) kind: usize,
}

/// Shows the envs side by side.
pub(super) fn show(
    ui: &mut Ui,
    lab: &Lab,
    palette: &Palette,
    lenses: &mut [Lens; 2],
    follows: bool,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let Some(stage) = lab.stage() else { return };
    let room = ui.available_rect_before_wrap();
    let shown = stage.plays.len().clamp(1, lenses.len());
    let width = room.width() / shown as f32;
    for (play, lens) in lenses.iter_mut().enumerate() {
        if play >= shown {
            lens.area = Area::default();
            continue;
        }
        let left = room.left() + play as f32 * width;
        let rect = Rect::from_min_size(Pos2::new(left, room.top()), egui::vec2(width, room.height()));
        let (header, rect) = rect.split_top_bottom_at_y(rect.top() + HEADER);
        lens.area = Area { min: Vec2::new(rect.left(), rect.top()), max: Vec2::new(rect.right(), rect.bottom()) };
        if let Some(picture) = stage.picture(play) {
            caption(ui, stage, play, picture, header, palette);
            follow(stage, play, picture, follows, lens);
            env(ui, stage, play, picture, rect, palette, lens, state, out);
        }
    }
    steer(ui, stage, out);
    if stage.view().is_none() {
        super::nothing(ui, "this domain has nothing to look at");
    }
}

/// Keeps what is selected in the middle while it is there.
fn follow(stage: &Stage, play: usize, picture: &Picture, follows: bool, lens: &mut Lens) {
    if let Some(Selection { play: selected, subject: Subject::Entity(who) }) = stage.present_selection()
        && follows
        && selected == play
        && let Some(at) = place_of(picture, who)
    {
        lens.look_at(at);
    }
}

#[allow(clippy::too_many_arguments, reason = "one env, everything about it")]
fn env(
    ui: &mut Ui,
    stage: &Stage,
    play: usize,
    picture: &Picture,
    rect: Rect,
    palette: &Palette,
    lens: &mut Lens,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let response = ui.interact(rect, ui.id().with(("env", play)), Sense::click_and_drag());
    let arena = &picture.arena;
    let pointer = response.hover_pos().or(response.interact_pointer_pos()).map(|at| Vec2::new(at.x, at.y));
    let under = pointer.and_then(|at| pick(picture, lens, at));
    if let Some(at) = pointer.filter(|_| response.hovered()) {
        let (wheel, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
        let factor = libm::powf(WHEEL, wheel) * pinch;
        if factor != 1.0 {
            lens.zoom_at(arena, at, factor);
        }
    }
    if response.drag_started() {
        // By now the pointer has moved on from where it was pressed.
        let pressed = ui.input(|input| input.pointer.press_origin()).map(|at| Vec2::new(at.x, at.y)).or(pointer);
        state.dragged = match (pressed.and_then(|at| pick(picture, lens, at)), pressed) {
            (Some(Subject::Entity(who)), Some(at)) if is_movable(stage, play, who) => {
                out.push(Command::Select(Some(Selection { play, subject: Subject::Entity(who) })));
                Some((play, who, lens.place(arena, at)))
            }
            _ => None,
        };
    }
    match (&mut state.dragged, pointer) {
        (Some((of, who, held)), Some(at)) if *of == play && response.dragged() => {
            let place = lens.place(arena, at).clamp(arena.low, arena.high);
            if *held != place {
                *held = place;
                // In the editor a drag is one step, which is made when it ends.
                if stage.editing.is_none() {
                    out.push(Command::MoveTo { play, who: *who, at: place.to_array() });
                }
            }
        }
        (None, _) if response.dragged() => {
            let by = response.drag_delta();
            lens.pan(arena, Vec2::new(by.x, by.y));
        }
        _ => {}
    }
    if response.drag_stopped()
        && let Some((of, who, at)) = state.dragged.take()
        && of == play
        && stage.editing.is_some()
    {
        out.push(Command::MoveTo { play, who, at: at.to_array() });
    }
    if response.clicked() {
        let is_placing = stage.editing.is_some() && ui.input(|input| input.modifiers.shift);
        match pointer.filter(|_| is_placing) {
            Some(at) => {
                let at = lens.place(arena, at).clamp(arena.low, arena.high);
                out.push(Command::Place { kind: state.kind, at: at.to_array() });
            }
            None => out.push(Command::Select(under.map(|subject| Selection { play, subject }))),
        }
    }
    if response.double_clicked() {
        out.push(Command::Fit);
    }
    if under.is_some() {
        ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
    }
    let ghost = state.dragged.filter(|(of, ..)| *of == play && stage.editing.is_some()).map(|(_, _, at)| at);
    overlay(ui, stage, play, picture, rect, palette, lens, ghost);
    if let (Some(subject), true) = (under, response.hovered() && !response.dragged()) {
        response.on_hover_text_at_pointer(hint(stage, play, picture, subject));
    }
}

/// Who acts and what is measured, above an env.
fn caption(ui: &Ui, stage: &Stage, play: usize, picture: &Picture, rect: Rect, palette: &Palette) {
    let painter = ui.painter().with_clip_rect(rect);
    let captions = &picture.captions;
    let title = match stage.plays.len() {
        0 | 1 => captions.policy.clone(),
        _ => format!("{}  {}", ["A", "B"][play.min(1)], captions.policy),
    };
    let corner = rect.left_top() + egui::vec2(10.0, 4.0);
    painter.text(corner, Align2::LEFT_TOP, title, FontId::proportional(15.0), palette.text);
    let measured: Vec<String> =
        captions.metrics.iter().take(4).map(|quantity| format!("{} {}", quantity.name, quantity.text())).collect();
    let below = corner + egui::vec2(0.0, 20.0);
    painter.text(below, Align2::LEFT_TOP, measured.join("   "), FontId::proportional(12.0), palette.muted);
}

/// What is written and drawn over an env.
#[allow(clippy::too_many_arguments, reason = "one env, everything about it")]
fn overlay(
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
    if stage.editing.is_some() && play == 0 {
        let text = "Editing where an episode begins. Drag agents, shift+click places one, Delete takes one away.";
        painter.text(rect.center_bottom() - egui::vec2(0.0, 8.0), Align2::CENTER_BOTTOM, text, small, palette.text);
    }
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

/// A short label for what is under the pointer.
fn hint(stage: &Stage, play: usize, picture: &Picture, subject: Subject) -> String {
    match subject {
        Subject::Entity(who) => {
            let description = stage.describe(play, who).unwrap_or_default();
            let place = place_of(picture, who).filter(|_| picture.arena.is_to_scale);
            let place = place.map(|at| format!("{:.1} m, {:.1} m", at.x, at.y)).unwrap_or_default();
            let lines = [description.title, description.state, place];
            lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
        }
        Subject::Link(one, other) => {
            let name = |who| stage.name_of(play, who).unwrap_or_default();
            let ends = place_of(picture, one).zip(place_of(picture, other));
            let length = ends.map_or(String::new(), |(a, b)| format!("\n{:.1} m", a.distance(b)));
            let state =
                stage.describe_link(play, [one, other]).map_or(String::new(), |link| format!("\n{}", link.state));
            format!("{} – {}{state}{length}", name(one), name(other))
        }
    }
}

fn is_movable(stage: &Stage, play: usize, who: Entity) -> bool {
    let shown = stage.plays.get(play).filter(|play| !play.is_recorded());
    let editor = stage.scenario.domain.domain().editor();
    let kind = shown.zip(editor).and_then(|(play, editor)| {
        let kind = editor.kind_of(play.lane().world(), who)?;
        editor.kinds().get(kind)
    });
    kind.is_some_and(|kind| kind.places.is_some())
}

/// Orders for the agent that is driven.
fn steer(ui: &Ui, stage: &Stage, out: &mut Vec<Command>) {
    let Some(drive) = stage.driven() else { return };
    if ui.ctx().egui_wants_keyboard_input() {
        return;
    }
    let (axes, turn) = ui.input(|input| {
        use egui::Key;
        let held = |key| f32::from(u8::from(input.key_down(key)));
        let x = held(Key::ArrowRight) - held(Key::ArrowLeft);
        let y = held(Key::ArrowUp) - held(Key::ArrowDown);
        let turn = i32::from(input.key_pressed(Key::X)) - i32::from(input.key_pressed(Key::Z));
        ([x, y], turn)
    });
    let before = [0, 1].map(|axis| drive.axes.get(axis).copied().unwrap_or_default());
    if axes != before || turn != 0 {
        out.push(Command::Steer { axes, turn });
    }
}

/// A number with as many digits as it needs.
fn number(value: f32) -> String {
    if value == value.trunc() { format!("{value:.0}") } else { format!("{value}") }
}
