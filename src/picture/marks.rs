//! Marks: the signs a picture is made of.

use bevy_ecs::entity::Entity;
use glam::Vec2;

use super::Colour;

/// A sign on the arena.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// What it lies above and below.
    pub level: Level,
    /// Its form and place.
    pub form: Form,
    /// Its colour.
    pub colour: Colour,
    /// 0 (cannot be seen) to 1.
    pub opacity: f32,
    /// The entity it stands for.
    pub who: Option<Entity>,
    /// The two entities that it connects, the lower one first; a mark of a pair stands for neither alone.
    pub pair: Option<[Entity; 2]>,
}

/// Levels of marks, lowest first. The ground, its grid and its border lie below them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What covers ground; clipped to the arena.
    Ground,
    /// Where things have been.
    Trails,
    /// What is said of agents beneath them, by lines, arrows and bars.
    Beneath,
    /// What lives in the arena.
    Agents,
    /// Words.
    Labels,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Self; 5] = [Self::Ground, Self::Trails, Self::Beneath, Self::Agents, Self::Labels];
}

/// Form and place of a mark; places are in metres.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// A filled disc.
    Disc {
        /// Its centre.
        centre: Vec2,
        /// Its radius.
        radius: Length,
    },
    /// A circle.
    Ring {
        /// Its centre.
        centre: Vec2,
        /// Its radius.
        radius: Length,
        /// Its line.
        stroke: Stroke,
    },
    /// A straight line.
    Segment {
        /// One end.
        from: Vec2,
        /// The other end.
        to: Vec2,
        /// Its line.
        stroke: Stroke,
    },
    /// A line through points.
    Polyline {
        /// The points, in order.
        points: Vec<Vec2>,
        /// Its line.
        stroke: Stroke,
    },
    /// A straight line with a head.
    Arrow {
        /// Its foot.
        from: Vec2,
        /// Its tip.
        to: Vec2,
        /// Its line; the head is in proportion to the width.
        stroke: Stroke,
    },
    /// A shape that stands for something.
    Glyph {
        /// Its centre.
        at: Vec2,
        /// Its shape.
        shape: Glyph,
        /// Radius of the circle it is drawn in.
        radius: Length,
        /// Whether a line in the colour of text sets it off.
        outlined: bool,
    },
    /// Words, centred.
    Label {
        /// Their centre.
        at: Vec2,
        /// The words.
        text: String,
        /// Height of the font in pixels.
        size_px: f32,
    },
}

/// Shapes of glyphs, which differ without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Glyph {
    /// A filled circle.
    Disc,
    /// A circle with a hole.
    Donut,
    /// A triangle with one corner up.
    Triangle,
    /// A triangle with one corner down.
    Wedge,
    /// A square on its side.
    Square,
    /// A square on its corner.
    Diamond,
    /// Five corners, one up.
    Pentagon,
    /// Six corners, one up.
    Hexagon,
    /// A star with five points.
    Star,
    /// An upright cross.
    Plus,
}

/// A length on the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// Metres of the arena.
    Metres(f32),
    /// Pixels of a picture whose shorter side is 600; hosts scale it with theirs.
    Pixels(f32),
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Its width.
    pub width: Length,
    /// Its pattern.
    pub dash: Dash,
}

/// Pattern of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dash {
    /// Without gaps.
    #[default]
    Solid,
    /// Strokes and gaps, in proportion to the width.
    Dashed,
    /// Dots.
    Dotted,
}

impl Dash {
    /// Lengths of stroke and gap in widths of the line; none for a solid line.
    pub fn pattern(self) -> Option<[f32; 2]> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some([5.0, 4.0]),
            Self::Dotted => Some([1.5, 3.0]),
        }
    }
}

impl Stroke {
    /// A solid line of this width in pixels.
    pub fn solid(width_px: f32) -> Self {
        Self { width: Length::Pixels(width_px), dash: Dash::Solid }
    }

    /// The same with another pattern.
    pub fn dashed(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }
}

impl Mark {
    /// A mark that stands for nobody.
    pub fn new(level: Level, form: Form, colour: Colour, opacity: f32) -> Self {
        Self { level, form, colour, opacity, who: None, pair: None }
    }

    /// The same, standing for `who`.
    pub fn of(self, who: Entity) -> Self {
        Self { who: Some(who), ..self }
    }

    /// The same, standing for what is between `one` and `other`, in whichever order.
    pub fn between(self, one: Entity, other: Entity) -> Self {
        Self { pair: Some([one.min(other), one.max(other)]), ..self }
    }
}

impl Glyph {
    /// Corners of the shape within the unit circle, y upwards; none for the round ones.
    pub fn corners(self) -> Vec<Vec2> {
        match self {
            Self::Disc | Self::Donut => Vec::new(),
            Self::Triangle => around(3, 0.0),
            Self::Wedge => around(3, 0.5),
            Self::Square => around(4, 0.5),
            Self::Diamond => around(4, 0.0),
            Self::Pentagon => around(5, 0.0),
            Self::Hexagon => around(6, 0.0),
            Self::Star => {
                let inner = around(5, 0.5).into_iter().map(|corner| 0.45 * corner);
                around(5, 0.0).into_iter().zip(inner).flat_map(|(tip, notch)| [tip, notch]).collect()
            }
            Self::Plus => {
                let (near, far) = (0.33, 0.95);
                let arm = [Vec2::new(-near, far), Vec2::new(near, far), Vec2::new(near, near)];
                // A quarter turn clockwise takes one arm to the next.
                (0..4).flat_map(|turn| arm.map(|corner| (0..turn).fold(corner, |c, _| Vec2::new(c.y, -c.x)))).collect()
            }
        }
    }
}

/// Corners of a regular polygon, clockwise from the top, turned by a part of the angle between two of them.
fn around(corners: usize, turned: f32) -> Vec<Vec2> {
    let step = std::f32::consts::TAU / corners as f32;
    let corner = |i: usize| {
        let (sin, cos) = libm::sincosf((i as f32 + turned) * step);
        Vec2::new(sin, cos)
    };
    (0..corners).map(corner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_lie_in_the_unit_circle_and_no_two_are_alike() {
        use Glyph::{Diamond, Hexagon, Pentagon, Plus, Square, Star, Triangle, Wedge};
        let shapes = [Triangle, Wedge, Square, Diamond, Pentagon, Hexagon, Star, Plus].map(Glyph::corners);
        for (i, shape) in shapes.iter().enumerate() {
            assert!(shape.iter().all(|corner| corner.length() < 1.01), "{shape:?}");
            assert!(shape.iter().copied().sum::<Vec2>().length() < 1e-4, "not centred: {shape:?}");
            assert!(shapes[..i].iter().all(|other| other != shape));
        }
    }

    #[test]
    fn all_lists_the_levels_in_their_order() {
        assert!(Level::ALL.is_sorted());
    }
}
