//! Colours: what a picture asks for, and what they are made of.

use std::sync::LazyLock;

/// Light of each of the 256 steps of a channel: every mark of every picture asks for three.
static LINEAR: LazyLock<[f64; 256]> = LazyLock::new(|| {
    std::array::from_fn(|step| {
        let part = step as f64 / 255.0;
        if part <= 0.04045 { part / 12.92 } else { libm::pow((part + 0.055) / 1.055, 2.4) }
    })
});

/// A colour of the screen, sRGB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rgb {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

/// What a picture asks for; a theme says what it looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colour {
    /// A role.
    Token(Token),
    /// One of a few kinds, counted from 0; after the last the first comes again.
    Category(usize),
    /// A value from -1 to 1, of which the sign matters.
    Diverging(f32),
    /// A value from 0 to 1.
    Sequential(f32),
}

/// The role that something plays in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// What everything is drawn on.
    Page,
    /// The ground of the arena.
    Ground,
    /// Lines on the ground.
    Grid,
    /// The border of the arena.
    Border,
    /// Words, and the outlines of agents.
    Text,
    /// Words that matter less.
    Muted,
    /// What is true of everything alike: links, trails.
    Neutral,
    /// What has been broken.
    Broken,
    /// Where agents mean to go.
    Goal,
}

impl Token {
    /// All roles.
    pub const ALL: [Self; 9] = [
        Self::Page,
        Self::Ground,
        Self::Grid,
        Self::Border,
        Self::Text,
        Self::Muted,
        Self::Neutral,
        Self::Broken,
        Self::Goal,
    ];
}

impl Rgb {
    /// A colour from its three parts.
    pub const fn new(r: u8, g: u8, b: u8) -> Self {
        Self { r, g, b }
    }

    /// Reads `#rrggbb`.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self { r, g, b })
    }

    /// The colour a part `share` of the way from this one to `other`.
    pub fn towards(self, other: Self, share: f32) -> Self {
        let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share.clamp(0.0, 1.0)).round() as u8;
        Self { r: mix(self.r, other.r), g: mix(self.g, other.g), b: mix(self.b, other.b) }
    }

    /// Red, green and blue as light, 0 to 1 (IEC 61966-2-1).
    pub fn linear(self) -> [f64; 3] {
        [self.r, self.g, self.b].map(|part| LINEAR[usize::from(part)])
    }

    /// Relative luminance, 0 (black) to 1 (white), as WCAG 2.2 defines it.
    pub fn luminance(self) -> f64 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Contrast ratio with `other`, 1 to 21, as WCAG 2.2 defines it.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

/// The colour at `place`, 0 to 1, of a map given by evenly spaced stops.
pub(super) fn along(stops: &[Rgb], place: f32) -> Rgb {
    let [first, .., last] = stops else { return stops.first().copied().unwrap_or_default() };
    let at = place.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
    // Not a number is nowhere on the map; the low end is as good as any place.
    let (below, share) = if at.is_nan() { return *first } else { (at.floor(), at - at.floor()) };
    match stops.get(below as usize..) {
        Some([low, high, ..]) => low.towards(*high, share),
        _ => *last,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_colours_are_read_and_nothing_else_is() {
        assert_eq!(Rgb::from_hex("#E69f00").unwrap(), Rgb::new(0xe6, 0x9f, 0));
        for wrong in ["", "#", "E69F00", "#E69F0", "#E69F000", "#+69F00", "#E69F0g", "#é9F00"] {
            assert_eq!(Rgb::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        let (black, white) = (Rgb::new(0, 0, 0), Rgb::new(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        // #767676 is the lightest grey that has 4.5:1 on white.
        assert!(Rgb::new(0x76, 0x76, 0x76).contrast(white) > 4.5);
        assert!(Rgb::new(0x77, 0x77, 0x77).contrast(white) < 4.5);
    }

    #[test]
    fn a_map_goes_through_its_stops() {
        let stops = [Rgb::new(0, 0, 0), Rgb::new(100, 0, 0), Rgb::new(100, 200, 0)];
        let expected = [(-1.0, 0, 0), (0.0, 0, 0), (0.25, 50, 0), (0.5, 100, 0), (0.75, 100, 100), (1.0, 100, 200)];
        for (place, r, g) in expected {
            assert_eq!(along(&stops, place), Rgb::new(r, g, 0), "{place}");
        }
        assert_eq!(along(&stops, 7.0), stops[2]);
        assert_eq!(along(&stops, f32::NAN), stops[0]);
    }
}
