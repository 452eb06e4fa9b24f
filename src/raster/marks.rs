//! Marks on the arena.

use glam::Vec2;
use tiny_skia::Mask;

use super::{
    canvas::{Canvas, Ink, Line, circle, polygon, polyline},
    layout::Layout,
    text::Align,
};
use crate::picture::{Form, Level, Mark, Stroke};

/// Draws the marks, level by level.
pub(super) fn draw(canvas: &mut Canvas<'_>, layout: &Layout, arena: &Mask, marks: &[Mark]) {
    for level in Level::ALL {
        for mark in marks.iter().filter(|mark| mark.level == level) {
            // What covers ground may leave the arena; agents on its border are shown whole.
            let mask = (level == Level::Ground).then_some(arena);
            let ink = Ink { opacity: mark.opacity, mask, ..canvas.ink(mark.colour) };
            draw_form(canvas, layout, &mark.form, ink);
        }
    }
}

fn draw_form(canvas: &mut Canvas<'_>, layout: &Layout, form: &Form, ink: Ink<'_>) {
    let line = |stroke: &Stroke| Line { width: layout.pixels(stroke.width), dash: stroke.dash };
    match form {
        Form::Disc { centre, radius } => {
            if let Some(path) = circle(layout.pixel(*centre), layout.pixels(*radius)) {
                canvas.fill(&path, ink);
            }
        }
        Form::Ring { centre, radius, stroke } => {
            if let Some(path) = circle(layout.pixel(*centre), layout.pixels(*radius)) {
                canvas.stroke(&path, line(stroke), ink);
            }
        }
        Form::Segment { from, to, stroke } => {
            if let Some(path) = polyline([layout.pixel(*from), layout.pixel(*to)]) {
                canvas.stroke(&path, line(stroke), ink);
            }
        }
        Form::Polyline { points, stroke } => {
            if let Some(path) = polyline(points.iter().map(|point| layout.pixel(*point))) {
                canvas.stroke(&path, line(stroke), ink);
            }
        }
        Form::Arrow { from, to, stroke } => {
            draw_arrow(canvas, layout.pixel(*from), layout.pixel(*to), line(stroke), ink);
        }
        Form::Glyph { at, shape, radius, outlined } => {
            canvas.glyph(layout.pixel(*at), *shape, layout.pixels(*radius), *outlined, ink);
        }
        Form::Label { at, text, size_px } => {
            let at = layout.pixel(*at);
            // A third of the em below the middle is where capitals look centred.
            canvas.write(at.x, at.y + 0.35 * size_px * canvas.unit, text, *size_px, Align::Centre, ink.colour);
        }
    }
}

/// A line that ends at the foot of its head, so that it does not show through.
fn draw_arrow(canvas: &mut Canvas<'_>, from: Vec2, to: Vec2, line: Line, ink: Ink<'_>) {
    let Some(along) = (to - from).try_normalize() else { return };
    let across = along.perp();
    let head = (4.5 * line.width).min(from.distance(to));
    let foot = to - head * along;
    if let Some(path) = polyline([from, foot]) {
        canvas.stroke(&path, line, ink);
    }
    if let Some(path) = polygon([to, foot + 0.45 * head * across, foot - 0.45 * head * across]) {
        canvas.fill(&path, ink);
    }
}
