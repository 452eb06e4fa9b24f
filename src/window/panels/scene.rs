//! The envs on show, and what the pointer does in them.

mod overlay;

use bevy::{ecs::entity::Entity, math::Rect as Area, math::Vec2};
use bevy_egui::egui::{self, CursorIcon, Pos2, Rect, Sense, Ui};

use self::overlay::{Room, caption, corner, overlay};
use crate::{
    picture::Picture,
    window::{
        command::{Command, Selection, Subject, WindowCommand},
        desk::Pane,
        lab::{Lab, Stage},
        scene::{Lens, pick, place_of},
        theme::Palette,
    },
};

/// A step of the wheel makes a metre so many times as large.
const WHEEL: f32 = 1.0015;

/// What the pointer is doing.
#[derive(Default)]
pub(super) struct State {
    /// The entity that is being dragged, in which env, and where it is held, in metres.
    dragged: Option<(usize, Entity, Vec2)>,
    /// Kind of the entity that is placed next in the editor.
    pub(super) kind: usize,
    /// Whether the legend is open, if somebody has said so.
    legend: Option<bool>,
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
        let Some(picture) = stage.picture(play) else { continue };
        let room = Room::of(rect, picture.arena.size_m());
        let rect = room.env;
        lens.area = Area { min: Vec2::new(rect.left(), rect.top()), max: Vec2::new(rect.right(), rect.bottom()) };
        follow(stage, play, picture, follows, lens);
        env(ui, stage, play, picture, rect, palette, lens, state, out);
        caption(ui, stage, play, picture, room, palette);
        if play == 0 {
            corner(ui, picture, room, &mut state.legend, palette);
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
        let is_placing = stage.editing.is_some() && ui.input(held_at_click).shift;
        match pointer.filter(|_| is_placing) {
            Some(at) => {
                let at = lens.place(arena, at).clamp(arena.low, arena.high);
                out.push(Command::Place { kind: state.kind, at: at.to_array() });
            }
            None => {
                out.push(Command::Select(under.map(|subject| Selection { play, subject })));
                if under.is_some() {
                    out.push(Command::Window(WindowCommand::Show(Pane::Inspector)));
                }
            }
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

/// The modifiers that were held when a button was let go last; those that are held now may be others.
fn held_at_click(input: &egui::InputState) -> egui::Modifiers {
    let clicks = input.events.iter().rev().filter_map(|event| match event {
        egui::Event::PointerButton { modifiers, .. } => Some(*modifiers),
        _ => None,
    });
    clicks.into_iter().next().unwrap_or(input.modifiers)
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
