//! Where an env is looked at from: which place is in the middle of its part of the window, and how large a metre is.

use bevy::math::{Rect, Vec2};

use crate::picture::{Arena, Length};

/// Room around an arena that fits exactly, for the numbers beside it, in points.
const MARGIN: f32 = 26.0;
/// Shorter side of the picture that pixel lengths are meant for.
const SHORTER_SIDE: f32 = 600.0;
/// Least and greatest size of a metre, in parts of that at which the arena fits.
const ZOOM: (f32, f32) = (0.2, 60.0);

/// Where an env is looked at from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lens {
    /// The part of the window it has, in points from the upper left corner, y downwards.
    pub area: Rect,
    /// Place in the middle, in metres; none shows all of the arena.
    centre_m: Option<Vec2>,
    /// Size of a metre, in parts of that at which the arena fits.
    zoom: f32,
    /// Room around an arena that fits exactly, in points.
    margin: f32,
}

impl Default for Lens {
    fn default() -> Self {
        Self { area: Rect::default(), centre_m: None, zoom: 1.0, margin: MARGIN }
    }
}

impl Lens {
    /// Shows an arena from edge to edge.
    pub fn filled(area: Rect) -> Self {
        Self { area, margin: 0.0, ..Self::default() }
    }

    /// Shows all of the arena.
    pub fn fit(&mut self) {
        *self = Self { area: self.area, ..Self::default() };
    }

    /// Size of a metre in points.
    pub fn points_per_m(&self, arena: &Arena) -> f32 {
        let room = (self.area.size() - 2.0 * self.margin).max(Vec2::ONE);
        self.zoom * (room / arena.size_m()).min_element()
    }

    /// The place in the middle, in metres.
    pub fn centre_m(&self, arena: &Arena) -> Vec2 {
        self.centre_m.unwrap_or(0.5 * (arena.low + arena.high))
    }

    /// The point of the window at which a place is seen.
    pub fn point(&self, arena: &Arena, at_m: Vec2) -> Vec2 {
        let from_middle = (at_m - self.centre_m(arena)) * self.points_per_m(arena);
        self.area.center() + Vec2::new(from_middle.x, -from_middle.y)
    }

    /// The place that is seen at a point of the window, in metres.
    pub fn place(&self, arena: &Arena, point: Vec2) -> Vec2 {
        let from_middle = (point - self.area.center()) / self.points_per_m(arena);
        self.centre_m(arena) + Vec2::new(from_middle.x, -from_middle.y)
    }

    /// A length in points.
    pub fn length(&self, arena: &Arena, length: Length) -> f32 {
        match length {
            Length::Metres(metres) => metres * self.points_per_m(arena),
            Length::Pixels(pixels) => pixels * self.unit(),
        }
    }

    /// Points of a pixel of a picture whose shorter side is 600.
    pub fn unit(&self) -> f32 {
        (self.area.size().min_element() / SHORTER_SIDE).clamp(0.6, 2.0)
    }

    /// Moves what is seen by so many points.
    pub fn pan(&mut self, arena: &Arena, by: Vec2) {
        let metres = by / self.points_per_m(arena);
        self.centre_m = Some(self.centre_m(arena) - Vec2::new(metres.x, -metres.y));
    }

    /// Makes a metre `factor` times as large; the place under `point` stays where it is.
    pub fn zoom_at(&mut self, arena: &Arena, point: Vec2, factor: f32) {
        let fixed = self.place(arena, point);
        self.zoom = (self.zoom * factor).clamp(ZOOM.0, ZOOM.1);
        let moved = self.place(arena, point);
        self.centre_m = Some(self.centre_m(arena) + fixed - moved);
    }

    /// Puts a place into the middle.
    pub fn look_at(&mut self, at_m: Vec2) {
        self.centre_m = Some(at_m);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens() -> Lens {
        Lens { area: Rect::new(100.0, 50.0, 500.0, 350.0), ..Lens::default() }
    }

    #[test]
    fn all_of_the_arena_is_seen_at_first() {
        let (arena, lens) = (Arena::square(100.0), lens());
        for corner in [Vec2::ZERO, Vec2::splat(100.0), Vec2::new(0.0, 100.0)] {
            assert!(lens.area.contains(lens.point(&arena, corner)));
        }
        assert!(lens.point(&arena, Vec2::ZERO).y > lens.point(&arena, Vec2::splat(100.0)).y, "y points upwards");
    }

    #[test]
    fn places_and_points_are_two_ways_of_saying_the_same() {
        let arena = Arena { low: Vec2::new(-20.0, 5.0), high: Vec2::new(180.0, 60.0), is_to_scale: true };
        let mut lens = lens();
        lens.zoom_at(&arena, Vec2::new(200.0, 100.0), 3.0);
        lens.pan(&arena, Vec2::new(-31.0, 17.0));
        let at = Vec2::new(12.5, 33.0);
        assert!(lens.place(&arena, lens.point(&arena, at)).distance(at) < 1e-3);
    }

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let (arena, mut lens) = (Arena::square(100.0), lens());
        let pointer = Vec2::new(430.0, 90.0);
        let under = lens.place(&arena, pointer);
        for factor in [1.5, 4.0, 0.1] {
            lens.zoom_at(&arena, pointer, factor);
            assert!(lens.place(&arena, pointer).distance(under) < 1e-2);
        }
        let before = lens.point(&arena, under);
        lens.pan(&arena, Vec2::new(10.0, -5.0));
        assert!((lens.point(&arena, under) - before).distance(Vec2::new(10.0, -5.0)) < 1e-2);
    }
}
