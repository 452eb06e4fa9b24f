//! The timeline: where in time, and where to.

use std::path::PathBuf;

use bevy_egui::egui::{self, Rect, Sense, Stroke, Ui};

use super::events::text;
use crate::{
    record::Event,
    window::{
        command::Command,
        lab::{Lab, Stage},
        theme::Palette,
    },
};

/// What is typed into the panel.
#[derive(Default)]
pub(super) struct State {
    label: String,
    file: String,
    recording: String,
}

/// Shows the timeline.
pub(super) fn show(ui: &mut Ui, lab: &Lab, state: &mut State, palette: &Palette, out: &mut Vec<Command>) {
    let Some(stage) = lab.stage() else { return };
    let Some(play) = stage.plays.first() else { return };
    let (first, last) = stage.ticks();
    let tick = stage.tick();
    let marks = marks(play.events(), play.history());
    let (repeat, keyframes) = (stage.transport.repeat, play.keyframes().collect());
    let track = Track { ticks: (first, last), tick, repeat, marks: &marks, keyframes };
    bar(ui, &track, palette, out);
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        controls(ui, stage, state, out);
        ui.separator();
        for (tick, event) in play.events() {
            if matches!(event, Event::Bookmark { .. })
                && ui.link(format!("tick {tick}  {}", text(event))).on_hover_text("Go there").clicked()
            {
                out.push(Command::Pause);
                out.push(Command::Seek(*tick));
            }
        }
    });
}

/// Where to in time, what was played in another way, and what becomes of it as a file.
fn controls(ui: &mut Ui, stage: &Stage, state: &mut State, out: &mut Vec<Command>) {
    let ((first, last), tick) = (stage.ticks(), stage.tick());
    ui.horizontal_wrapped(|ui| {
        let mut to = tick;
        ui.weak("tick");
        // A tick that there is not is refused with the range, once it is typed to its end.
        let field = ui.add(egui::DragValue::new(&mut to).update_while_editing(false));
        let to = if field.dragged() { to.clamp(first, last) } else { to };
        if field.changed() && to != tick {
            out.push(Command::Pause);
            out.push(Command::Seek(to));
        }
        let tick_s = stage.scenario.domain.domain().dt_s();
        ui.weak(format!("of {first}–{last}, {:.1} s", tick as f64 * tick_s));
        ui.separator();
        ui.add(egui::TextEdit::singleline(&mut state.label).hint_text("bookmark").desired_width(110.0));
        if ui.button("★ Bookmark").on_hover_text("Remember this tick (B)").clicked() {
            out.push(Command::Bookmark(std::mem::take(&mut state.label)));
        }
    });
    branches(ui, stage, out);
    ui.horizontal_wrapped(|ui| {
        ui.weak("export");
        ui.add(
            egui::TextEdit::singleline(&mut state.file)
                .hint_text("clip.gif, frame.png, table.csv")
                .desired_width(190.0),
        );
        let name = state.file.trim();
        let export = ui.add_enabled(!name.is_empty(), egui::Button::new("Export"));
        if export.on_hover_text("What was played, or the loop if there is one; beside the simulation").clicked() {
            let (from, until) = stage.transport.repeat.map_or((None, None), |(from, until)| (Some(from), Some(until)));
            out.push(Command::Export { to: PathBuf::from(name), from, until });
        }
        ui.separator();
        ui.weak("recording");
        ui.add(egui::TextEdit::singleline(&mut state.recording).hint_text("file.mcap").desired_width(150.0));
        let name = state.recording.trim();
        if ui.add_enabled(!name.is_empty(), egui::Button::new("Open")).clicked() {
            out.push(Command::OpenRecording(PathBuf::from(name)));
        }
    });
}

/// What was played in another way, to go back to.
fn branches(ui: &mut Ui, stage: &Stage, out: &mut Vec<Command>) {
    let branches = stage.branches();
    if branches.iter().next().is_none() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.weak(format!("branch {}; kept:", branches.now()));
        for branch in branches.iter() {
            let (first, last) = branch.ticks();
            let button = ui.button(format!("branch {} ({first}–{last})", branch.number));
            let hint = format!("Go back to {}, where it was left at tick {}", branch.text(), branch.tick);
            if button.on_hover_text(hint).clicked() {
                out.push(Command::SwitchBranch(branch.number));
            }
        }
    });
}

/// Something that happened at a tick.
struct Mark {
    tick: u64,
    is_bookmark: bool,
    text: String,
}

/// What the bar shows.
struct Track<'a> {
    /// First and last tick that can be sought.
    ticks: (u64, u64),
    /// Where the play stands.
    tick: u64,
    /// Ticks that are played over and over.
    repeat: Option<(u64, u64)>,
    marks: &'a [Mark],
    keyframes: Vec<u64>,
}

fn marks(events: &[(u64, Event)], history: Option<&crate::window::lab::History>) -> Vec<Mark> {
    let event = |(tick, event): &(u64, Event)| Mark {
        tick: *tick,
        is_bookmark: matches!(event, Event::Bookmark { .. }),
        text: format!("tick {tick}: {}", text(event)),
    };
    let edits = history.into_iter().flat_map(|history| history.edits());
    let edits = edits.map(|tick| Mark { tick, is_bookmark: false, text: format!("tick {tick}: changed by hand") });
    events.iter().map(event).chain(edits).collect()
}

/// A bar over all ticks that are known; drag along it to go there.
fn bar(ui: &mut Ui, track: &Track<'_>, palette: &Palette, out: &mut Vec<Command>) {
    let Track { ticks: (first, last), tick, repeat, marks, ref keyframes } = *track;
    let (rect, response) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 30.0), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::slider(true, tick as f64, "Timeline"));
    let span = (last - first).max(1) as f32;
    let x = |tick: u64| rect.left() + rect.width() * (tick.saturating_sub(first)) as f32 / span;
    let track = Rect::from_min_max(
        egui::pos2(rect.left(), rect.center().y - 4.0),
        egui::pos2(rect.right(), rect.center().y + 4.0),
    );
    ui.painter().rect_filled(track, 3.0, palette.ground);
    if let Some((from, until)) = repeat {
        let part = Rect::from_min_max(egui::pos2(x(from), track.top()), egui::pos2(x(until), track.bottom()));
        ui.painter().rect_filled(part, 3.0, palette.muted);
    }
    for keyframe in keyframes.iter().copied() {
        let dot = egui::pos2(x(keyframe), track.bottom() + 4.0);
        ui.painter().circle_filled(dot, 1.2, palette.muted);
    }
    let mut near: Option<(&Mark, f32)> = None;
    let pointer = response.hover_pos();
    for mark in marks {
        let (top, bottom, colour) = if mark.is_bookmark {
            (rect.top(), rect.bottom(), palette.selected)
        } else {
            (track.top() - 3.0, track.bottom() + 3.0, palette.muted)
        };
        let at = x(mark.tick);
        ui.painter().line_segment([egui::pos2(at, top), egui::pos2(at, bottom)], Stroke::new(1.5, colour));
        let beside = pointer.map_or(f32::INFINITY, |pointer| (pointer.x - at).abs());
        if beside < near.as_ref().map_or(5.0, |(_, other)| *other) {
            near = Some((mark, beside));
        }
    }
    ui.painter().circle_filled(egui::pos2(x(tick), rect.center().y), 6.0, palette.text);
    if (response.dragged() || response.clicked())
        && let Some(at) = response.interact_pointer_pos()
    {
        let share = ((at.x - rect.left()) / rect.width().max(1.0)).clamp(0.0, 1.0);
        let to = first + (share * (last - first) as f32).round() as u64;
        if to != tick {
            out.push(Command::Pause);
            out.push(Command::Seek(to));
        }
    }
    if let Some((mark, _)) = near {
        response.on_hover_text_at_pointer(&mark.text);
    }
}
