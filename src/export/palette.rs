//! The colours of a GIF: at most 255, and one index for "as before".

use std::collections::BTreeMap;

use crate::picture::{Rgb, Theme, Token};

/// Index of the colour that leaves a pixel as it was.
pub(super) const UNCHANGED: u8 = 255;

/// Colours beside it.
const COLOURS: usize = UNCHANGED as usize;

/// Shares of a colour that antialiasing and opacity leave over the ground.
const SHADES: [f32; 3] = [1.0, 0.66, 0.33];

/// A palette, and the nearest index of every colour asked for so far.
pub(super) struct Palette {
    colours: Vec<Rgb>,
    /// By 24-bit colour: index + 1, or 0 where nobody has asked.
    nearest: Vec<u16>,
}

impl Palette {
    /// A palette for pictures under `theme` that look like `first`, pixels of 4 bytes.
    ///
    /// The theme's colours come first, whole and faded into the ground, as they may appear later; what is left is divided
    /// among the colours of the picture (median cut: P. Heckbert, SIGGRAPH 1982).
    pub(super) fn new(theme: &Theme, first: &[u8]) -> Self {
        let ground = theme.token(Token::Ground);
        let mut colours: Vec<Rgb> = theme.colours().collect();
        colours.extend(SHADES[1..].iter().flat_map(|share| theme.colours().map(move |c| ground.towards(c, *share))));
        colours.sort_unstable();
        colours.dedup();
        // A theme may have long lists; pictures need some room too.
        colours.truncate(COLOURS / 2);
        colours.extend(cut(counted(first), COLOURS - colours.len()));
        Self { colours, nearest: vec![0; 1 << 24] }
    }

    /// `[256, 3]`: red, green and blue of each index.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.colours.iter().flat_map(|colour| [colour.r, colour.g, colour.b]).collect();
        bytes.resize(256 * 3, 0);
        bytes
    }

    /// Index of the colour that is nearest to this one.
    pub(super) fn index(&mut self, colour: Rgb) -> u8 {
        let key = u32::from_be_bytes([0, colour.r, colour.g, colour.b]) as usize;
        if self.nearest[key] == 0 {
            let nearest = (0..self.colours.len()).min_by_key(|index| distance(self.colours[*index], colour));
            self.nearest[key] = nearest.unwrap_or(0) as u16 + 1;
        }
        (self.nearest[key] - 1) as u8
    }
}

/// Squared distance, weighted by how well eyes tell the parts apart.
fn distance(a: Rgb, b: Rgb) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)) * u32::from(a.abs_diff(b));
    3 * square(a.r, b.r) + 6 * square(a.g, b.g) + square(a.b, b.b)
}

/// Each colour of the pixels, and how often it occurs.
fn counted(rgba: &[u8]) -> Vec<(Rgb, u32)> {
    let mut counts = BTreeMap::new();
    for pixel in rgba.chunks_exact(4) {
        *counts.entry(Rgb::new(pixel[0], pixel[1], pixel[2])).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// At most `most` colours that stand for `colours`.
fn cut(colours: Vec<(Rgb, u32)>, most: usize) -> Vec<Rgb> {
    let mut boxes = vec![colours];
    while boxes.len() < most {
        let widest = (0..boxes.len()).filter(|i| boxes[*i].len() > 1).max_by_key(|i| extent(&boxes[*i]).1);
        let Some(widest) = widest else { break };
        let (part, _) = extent(&boxes[widest]);
        let mut low = std::mem::take(&mut boxes[widest]);
        low.sort_unstable_by_key(|(colour, _)| (part(*colour), *colour));
        let high = low.split_off(low.len() / 2);
        boxes[widest] = low;
        boxes.push(high);
    }
    boxes.iter().filter(|colours| !colours.is_empty()).map(|colours| mean(colours)).collect()
}

type Part = fn(Rgb) -> u8;

/// The part in which colours differ most, and by how much.
fn extent(colours: &[(Rgb, u32)]) -> (Part, u8) {
    let parts: [Part; 3] = [|c| c.r, |c| c.g, |c| c.b];
    let width = |part: &Part| {
        let values = || colours.iter().map(|(colour, _)| part(*colour));
        values().max().unwrap_or(0) - values().min().unwrap_or(0)
    };
    parts.into_iter().map(|part| (part, width(&part))).max_by_key(|(_, width)| *width).unwrap_or((parts[0], 0))
}

/// Mean by how often the colours occur.
fn mean(colours: &[(Rgb, u32)]) -> Rgb {
    let total: u64 = colours.iter().map(|(_, count)| u64::from(*count)).sum();
    let of = |part: Part| {
        let sum: u64 = colours.iter().map(|(colour, count)| u64::from(part(*colour)) * u64::from(*count)).sum();
        ((sum + total / 2) / total.max(1)) as u8
    };
    Rgb::new(of(|c| c.r), of(|c| c.g), of(|c| c.b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_the_theme_are_kept_exactly_and_others_nearly() {
        let theme = Theme::default();
        let first: Vec<u8> = (0..=255_u8).flat_map(|i| [i, 255 - i, i / 2, 255]).collect();
        let mut palette = Palette::new(&theme, &first);
        assert!(palette.colours.len() <= 255);
        for colour in theme.colours() {
            let index = palette.index(colour);
            assert_eq!(palette.colours[usize::from(index)], colour);
        }
        for pixel in first.chunks_exact(4) {
            let colour = Rgb::new(pixel[0], pixel[1], pixel[2]);
            let index = palette.index(colour);
            let found = palette.colours[usize::from(index)];
            assert!(distance(found, colour) < 200, "{colour:?} became {found:?}");
        }
    }

    #[test]
    fn a_cut_of_few_colours_is_these_colours() {
        let colours = [Rgb::new(1, 2, 3), Rgb::new(9, 9, 9), Rgb::new(200, 0, 0)];
        let mut found = cut(colours.map(|colour| (colour, 5)).to_vec(), 100);
        found.sort_unstable();
        assert_eq!(found, colours);
    }
}
