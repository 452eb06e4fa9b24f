//! One moment of one env as data: what is where, what it looks like, and what is written beside it.
//!
//! A [`Picture`] is made by a domain's view and drawn by a host: the rasteriser of this program, or a window. Places are
//! metres of the arena, with y upwards; sizes are metres or pixels; colours are tokens of a [`Theme`] or values on one of
//! its colour maps, so that a picture looks right under every theme. A mark may say which entity it stands for, or which
//! two it connects, so that a host can tell what was pointed at.
//!
//! A picture shows a moment and knows no past. Whoever shows one after the other has [`Trails`] and [`Fading`] follow them,
//! which add what came before.

mod colour;
mod fading;
mod marks;
mod theme;
mod trails;

use glam::Vec2;

pub use self::{
    colour::{Colour, Rgb, Token},
    fading::Fading,
    marks::{Dash, Form, Glyph, Length, Level, Mark, Stroke},
    theme::{MAX_THEME_BYTES, Theme},
    trails::Trails,
};

/// One moment of one env.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The ground that is shown.
    pub arena: Arena,
    /// What is on it, in the order in which it is drawn within a level.
    pub marks: Vec<Mark>,
    /// What the marks mean.
    pub legend: Legend,
    /// What is written beside the arena.
    pub captions: Captions,
}

/// The rectangle of ground that a picture shows, in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arena {
    /// Lower left corner.
    pub low: Vec2,
    /// Upper right corner.
    pub high: Vec2,
    /// Whether a metre means something on it: a ground has a scale, a diagram has none.
    pub is_to_scale: bool,
}

/// What is written beside the arena.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Captions {
    /// Title of the scenario, for people.
    pub title: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of the run.
    pub seed: Option<u64>,
    /// Who acts.
    pub policy: String,
    /// Ticks since the episode began.
    pub tick: u32,
    /// Seconds since the episode began.
    pub time_s: f64,
    /// What was measured.
    pub metrics: Vec<Quantity>,
}

/// A measured number with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// Its name.
    pub name: String,
    /// Unit symbol; empty for a plain number.
    pub unit: &'static str,
    /// Its value; none before the first measurement.
    pub value: Option<f64>,
}

/// What the marks mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Legend {
    /// Signs and their meanings.
    pub items: Vec<LegendItem>,
    /// The colour map in use.
    pub ramp: Option<Ramp>,
}

/// A sign and its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct LegendItem {
    /// How it is drawn.
    pub sign: Sign,
    /// What it says.
    pub text: String,
}

/// A sign of the legend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sign {
    /// A shape; agents have an outline.
    Glyph {
        /// Its shape.
        shape: Glyph,
        /// Its colour.
        colour: Colour,
        /// Whether it has an outline.
        outlined: bool,
    },
    /// A line.
    Line {
        /// Its colour.
        colour: Colour,
        /// Its pattern.
        dash: Dash,
    },
    /// A filled disc with a rim.
    Area {
        /// Its colour.
        colour: Colour,
    },
}

/// A colour map with its ends named.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    /// What it shows.
    pub title: String,
    /// Whether it has a neutral middle.
    pub is_diverging: bool,
    /// Name of the low end.
    pub low: String,
    /// Name of the high end.
    pub high: String,
}

impl Arena {
    /// A square of this side whose lower left corner is the origin.
    pub fn square(side_m: f32) -> Self {
        Self { low: Vec2::ZERO, high: Vec2::splat(side_m), is_to_scale: true }
    }

    /// Width and height in metres, never 0.
    pub fn size_m(&self) -> Vec2 {
        (self.high - self.low).max(Vec2::splat(f32::MIN_POSITIVE))
    }

    /// Distance between grid lines in metres: 1, 2 or 5 times a power of ten, 5 to 12 of them along the longer side.
    pub fn grid_step_m(&self) -> f32 {
        round_at_most(self.size_m().max_element() / 5.0)
    }
}

/// The largest of 1, 2 and 5 times a power of ten that is at most `x`; `x` must be above 0.
pub fn round_at_most(x: f32) -> f32 {
    let x = f64::from(x);
    let power = libm::pow(10.0, libm::floor(libm::log10(x)));
    let factor = [5.0, 2.0].into_iter().find(|factor| factor * power <= x * (1.0 + 1e-6)).unwrap_or(1.0);
    (factor * power) as f32
}

impl Quantity {
    /// The value with its unit, about four digits; a dash before the first measurement.
    pub fn text(&self) -> String {
        let Some(value) = self.value else { return "–".to_owned() };
        let space = if self.unit.is_empty() { "" } else { " " };
        format!("{}{space}{}", short(value), self.unit)
    }
}

/// A number with about four digits, or fewer if it needs fewer.
pub fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || value == value.trunc() => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_lines_are_few_and_at_round_places() {
        for (side, step) in [(100.0, 20.0), (60.0, 10.0), (300.0, 50.0), (1.0, 0.2), (99_999.0, 10_000.0)] {
            let found = Arena::square(side).grid_step_m();
            assert!((found / step - 1.0).abs() < 1e-5, "{side}: {found}");
            assert!((4.9..13.0).contains(&(side / found)));
        }
    }

    #[test]
    fn a_number_is_as_long_as_it_needs_to_be() {
        let text = |unit, value| Quantity { name: String::new(), unit, value }.text();
        assert_eq!(text("%", Some(41.26)), "41.3 %");
        assert_eq!(text("", Some(0.5)), "0.50");
        assert_eq!(text("dBm", Some(-131.26)), "-131 dBm");
        assert_eq!(text("", Some(3.0)), "3");
        assert_eq!(text("m", None), "–");
    }
}
