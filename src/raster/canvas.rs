//! Filling, stroking and writing in colours of a theme.

use glam::Vec2;
use tiny_skia::{
    FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::text::{Align, Fonts};
use crate::picture::{Colour, Dash, Glyph, Rgb, Theme, Token};

/// Coordinates beyond this are not drawn: they would cost time and show nothing.
const FARTHEST: f32 = 1e5;

/// Pixels, and what is needed to change them.
pub(super) struct Canvas<'a> {
    pub pixels: &'a mut Pixmap,
    pub fonts: &'a mut Fonts,
    pub theme: &'a Theme,
    /// Pixels of this picture for one of the size it is designed for.
    pub unit: f32,
}

/// A colour with an opacity, and what limits it.
#[derive(Clone, Copy)]
pub(super) struct Ink<'m> {
    pub colour: Rgb,
    pub opacity: f32,
    pub mask: Option<&'m Mask>,
}

/// Width in pixels and pattern of a line.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub width: f32,
    pub dash: Dash,
}

impl Canvas<'_> {
    /// What `colour` looks like, opaque.
    pub(super) fn ink(&self, colour: Colour) -> Ink<'static> {
        Ink { colour: self.theme.rgb(colour), opacity: 1.0, mask: None }
    }

    pub(super) fn token(&self, token: Token) -> Ink<'static> {
        self.ink(Colour::Token(token))
    }

    pub(super) fn fill(&mut self, path: &Path, ink: Ink<'_>) {
        // Even-odd, so that a circle in a circle is a hole.
        self.pixels.fill_path(path, &paint(ink), FillRule::EvenOdd, Transform::identity(), ink.mask);
    }

    pub(super) fn stroke(&mut self, path: &Path, line: Line, ink: Ink<'_>) {
        let dash = line.dash.pattern().map(|pattern| pattern.map(|widths| widths * line.width.max(1.0)).to_vec());
        let stroke = Stroke {
            width: line.width,
            line_cap: if line.dash == Dash::Solid { LineCap::Round } else { LineCap::Butt },
            line_join: LineJoin::Round,
            dash: dash.and_then(|pattern| StrokeDash::new(pattern, 0.0)),
            ..Stroke::default()
        };
        self.pixels.stroke_path(path, &paint(ink), &stroke, Transform::identity(), ink.mask);
    }

    /// A shape with a halo in the colour of the ground, which sets it off against what is below.
    pub(super) fn glyph(&mut self, at: Vec2, shape: Glyph, radius: f32, is_outlined: bool, ink: Ink<'_>) {
        let Some(path) = glyph(at, shape, radius) else { return };
        let halo = Line { width: 3.0 * self.unit, dash: Dash::Solid };
        let ground = self.token(Token::Ground);
        self.stroke(&path, halo, Ink { opacity: 0.8 * ink.opacity, ..ground });
        self.fill(&path, ink);
        if is_outlined {
            let outline = Line { width: 1.3 * self.unit, dash: Dash::Solid };
            let text = self.token(Token::Text);
            self.stroke(&path, outline, Ink { opacity: ink.opacity, ..text });
        }
    }

    /// Writes `text` at `size` designed pixels to the em, its base line at `y`.
    pub(super) fn write(&mut self, x: f32, y: f32, text: &str, size: f32, align: Align, colour: Rgb) {
        let size = size * self.unit;
        let shift = match align {
            Align::Left => 0.0,
            Align::Centre => 0.5 * self.fonts.width(text, size),
            Align::Right => self.fonts.width(text, size),
        };
        self.fonts.write(self.pixels, (x - shift, y), text, size, colour);
    }

    /// As much of `text` as has room in `width` pixels, with an ellipsis where something is missing.
    pub(super) fn fitting(&self, text: &str, size: f32, width: f32) -> String {
        let size = size * self.unit;
        if self.fonts.width(text, size) <= width {
            return text.to_owned();
        }
        let mut short: String = text.to_owned();
        while short.pop().is_some() {
            let cut = format!("{}…", short.trim_end());
            if self.fonts.width(&cut, size) <= width {
                return cut;
            }
        }
        String::new()
    }
}

fn paint(ink: Ink<'_>) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    let Rgb { r, g, b } = ink.colour;
    paint.set_color_rgba8(r, g, b, (ink.opacity.clamp(0.0, 1.0) * 255.0).round() as u8);
    paint
}

/// A line through points; none with fewer than two of them, or with one that is nowhere near the picture.
pub(super) fn polyline(points: impl IntoIterator<Item = Vec2>) -> Option<Path> {
    chain(points).filter(|path| path.len() > 1)?.finish()
}

/// The area between points; none where [`polyline`] has none.
pub(super) fn polygon(points: impl IntoIterator<Item = Vec2>) -> Option<Path> {
    let mut path = chain(points).filter(|path| path.len() > 1)?;
    path.close();
    path.finish()
}

fn chain(points: impl IntoIterator<Item = Vec2>) -> Option<PathBuilder> {
    let mut path = PathBuilder::new();
    for point in points {
        if !is_near(point) {
            return None;
        }
        if path.is_empty() {
            path.move_to(point.x, point.y);
        } else {
            path.line_to(point.x, point.y);
        }
    }
    Some(path)
}

pub(super) fn circle(centre: Vec2, radius: f32) -> Option<Path> {
    if is_near(centre) && radius < FARTHEST { PathBuilder::from_circle(centre.x, centre.y, radius) } else { None }
}

pub(super) fn rectangle(left: f32, top: f32, right: f32, bottom: f32) -> Option<Path> {
    Rect::from_ltrb(left, top, right, bottom).map(PathBuilder::from_rect)
}

fn glyph(at: Vec2, shape: Glyph, radius: f32) -> Option<Path> {
    match shape {
        Glyph::Disc => circle(at, radius),
        Glyph::Donut => {
            let mut path = PathBuilder::new();
            path.push_path(&circle(at, radius)?);
            path.push_path(&circle(at, 0.48 * radius)?);
            path.finish()
        }
        // A triangle of the same radius would look smaller than a disc.
        Glyph::Triangle | Glyph::Wedge => corners(at, shape, 1.25 * radius),
        _ => corners(at, shape, 1.12 * radius),
    }
}

fn corners(at: Vec2, shape: Glyph, radius: f32) -> Option<Path> {
    polygon(shape.corners().into_iter().map(|corner| at + radius * Vec2::new(corner.x, -corner.y)))
}

fn is_near(point: Vec2) -> bool {
    point.abs().max_element() < FARTHEST && point.is_finite()
}
