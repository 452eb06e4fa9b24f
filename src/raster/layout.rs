//! Where the parts of a picture go.

use bevy::math::Vec2;

use crate::picture::{Arena, Length};

/// Everything is laid out for a picture whose shorter side is this, and scaled with it.
const SHORTER_SIDE: f32 = 600.0;
/// Pictures with a shorter side are the arena alone: words could not be read.
const WORDLESS: u32 = 200;
const MARGIN: f32 = 22.0;
const HEADER: f32 = 58.0;
const FOOTER: f32 = 40.0;
const PANEL_WIDTH: f32 = 184.0;
const PANEL_HEIGHT: f32 = 150.0;

/// A rectangle in pixels, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

/// Places in a picture of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    /// Pixels of this picture for one of the size it is designed for.
    pub unit: f32,
    /// The arena.
    pub arena: Area,
    /// Title and what is below it; none in a picture without words.
    pub header: Option<Area>,
    /// Measures and legend.
    pub panel: Area,
    low: Vec2,
    pixels_per_m: f32,
}

impl Layout {
    pub(super) fn new(arena: Arena, width: u32, height: u32) -> Self {
        let (w, h) = (width as f32, height as f32);
        let unit = w.min(h) / SHORTER_SIDE;
        let page = Area { left: 0.0, top: 0.0, right: w, bottom: h };
        if width.min(height) < WORDLESS {
            let room = page.inset(MARGIN * unit);
            return Self::of(arena, unit, room, None, page);
        }
        let inner = page.inset(MARGIN * unit);
        let header = Area { bottom: inner.top + HEADER * unit, ..inner };
        let body = Area { top: header.bottom, ..inner };
        let beside = Area { right: body.right - (PANEL_WIDTH + MARGIN) * unit, ..body };
        let above = Area { bottom: body.bottom - PANEL_HEIGHT * unit, ..body };
        let footed = |area: Area| Area { bottom: area.bottom - FOOTER * unit, ..area };
        let is_beside = side(arena, footed(beside)) >= side(arena, footed(above));
        let room = footed(if is_beside { beside } else { above });
        let mut layout = Self::of(arena, unit, room, Some(header), page);
        layout.panel = if is_beside {
            Area { left: layout.arena.right + MARGIN * unit, top: body.top, ..body }
        } else {
            Area { top: layout.arena.bottom + FOOTER * unit, ..body }
        };
        layout
    }

    /// The arena as large as it gets in `room`, at its upper left corner.
    fn of(arena: Arena, unit: f32, room: Area, header: Option<Area>, panel: Area) -> Self {
        let size_m = arena.size_m();
        let pixels_per_m = side(arena, room) / size_m.max_element();
        // Whole pixels, so that the border is sharp.
        let (left, top) = (room.left.round(), room.top.round());
        let (right, bottom) = (left + (size_m.x * pixels_per_m).round(), top + (size_m.y * pixels_per_m).round());
        let arena_area = Area { left, top, right, bottom };
        Self { unit, arena: arena_area, header, panel, low: arena.low, pixels_per_m }
    }

    /// The pixel of a place in metres.
    pub(super) fn pixel(&self, at: Vec2) -> Vec2 {
        let from_corner = (at - self.low) * self.pixels_per_m;
        Vec2::new(self.arena.left + from_corner.x, self.arena.bottom - from_corner.y)
    }

    /// A length in pixels of this picture.
    pub(super) fn pixels(&self, length: Length) -> f32 {
        match length {
            Length::Metres(metres) => metres * self.pixels_per_m,
            Length::Pixels(pixels) => pixels * self.unit,
        }
    }
}

impl Area {
    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    fn inset(&self, by: f32) -> Self {
        Self { left: self.left + by, top: self.top + by, right: self.right - by, bottom: self.bottom - by }
    }
}

/// Length in pixels of the longer side of the arena when it fills `room`.
fn side(arena: Arena, room: Area) -> f32 {
    let size_m = arena.size_m();
    let longer = size_m.max_element();
    let fits = Vec2::new(room.width(), room.bottom - room.top) * longer / size_m;
    fits.min_element().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arena_keeps_its_shape_and_stays_on_the_page() {
        for (width, height) in [(800, 600), (600, 800), (600, 600), (1920, 1080), (320, 240), (64, 48), (8192, 200)] {
            for side_m in [Vec2::new(100.0, 100.0), Vec2::new(300.0, 50.0), Vec2::new(1.0, 40.0)] {
                let layout = Layout::new(Arena { low: Vec2::ZERO, high: side_m }, width, height);
                let Area { left, top, right, bottom } = layout.arena;
                assert!(left >= 0.0 && top >= 0.0 && right <= width as f32 && bottom <= height as f32, "{layout:?}");
                let ratio = (right - left) / (bottom - top);
                assert!((right - left - ratio * (bottom - top)).abs() < 1.0);
                assert_eq!(layout.pixel(Vec2::ZERO), Vec2::new(left, bottom));
                assert!(layout.pixel(side_m).distance(Vec2::new(right, top)) < 1.0, "{layout:?}");
            }
        }
    }

    #[test]
    fn a_wide_page_has_its_panel_beside_the_arena_and_a_high_one_below() {
        let arena = Arena::square(100.0);
        let (wide, high) = (Layout::new(arena, 800, 600), Layout::new(arena, 600, 900));
        assert!(wide.panel.left > wide.arena.right);
        assert!(high.panel.top > high.arena.bottom);
        assert!(Layout::new(arena, 100, 100).header.is_none());
    }
}
