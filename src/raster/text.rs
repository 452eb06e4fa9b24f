//! Words as pixels: outlines of the fonts that come with the window's toolkit, filled once per letter and size.

use std::collections::BTreeMap;

use ab_glyph::{Font, FontRef, GlyphId, PxScale};
use tiny_skia::Pixmap;

use crate::picture::Rgb;

/// Letters start at multiples of this part of a pixel.
const PLACES: f32 = 4.0;

/// The fonts, and the letters filled so far.
pub(super) struct Fonts {
    /// Tried in this order for each letter.
    fonts: [FontRef<'static>; 2],
    filled: BTreeMap<LetterKey, Letter>,
}

/// Font, letter, bits of the size, place within a pixel.
type LetterKey = (usize, u16, u32, u8);

/// How much of each pixel a letter covers.
struct Letter {
    /// Pixels from the start of the letter on the base line to its upper left corner.
    left: i32,
    top: i32,
    width: usize,
    /// 0 to 1, row by row.
    coverage: Vec<f32>,
}

/// Where on a line a text is anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

impl Fonts {
    pub(super) fn new() -> Self {
        let font = |bytes| FontRef::try_from_slice(bytes).expect("the compiled-in fonts are sound");
        Self {
            fonts: [epaint_default_fonts::UBUNTU_LIGHT, epaint_default_fonts::HACK_REGULAR].map(font),
            filled: BTreeMap::new(),
        }
    }

    /// Width in pixels of `text` at `size` pixels to the em.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        let mut end = 0.0;
        self.lay_out(text, size, |_, _, _, after| end = after);
        end
    }

    /// Writes `text` with its base line at `y`.
    pub(super) fn write(&mut self, pixels: &mut Pixmap, (x, y): (f32, f32), text: &str, size: f32, colour: Rgb) {
        let mut letters = Vec::new();
        self.lay_out(text, size, |font, id, start, _| letters.push((font, id, start)));
        for (font, id, start) in letters {
            let place = (x + start) * PLACES;
            let whole = (place / PLACES).floor();
            let part = (place - whole * PLACES) as u8;
            let face = &self.fonts[font];
            let letter = self
                .filled
                .entry((font, id.0, size.to_bits(), part))
                .or_insert_with(|| Letter::fill(face, id, size, f32::from(part) / PLACES));
            letter.put(pixels, whole as i32, y.round() as i32, colour);
        }
    }

    /// Calls `each` with font, letter, start and end in pixels of every letter.
    fn lay_out(&self, text: &str, size: f32, mut each: impl FnMut(usize, GlyphId, f32, f32)) {
        let mut pen = 0.0;
        let mut last = None;
        for letter in text.chars().filter(|letter| !letter.is_control()) {
            let font = self.fonts.iter().position(|font| font.glyph_id(letter).0 != 0).unwrap_or(0);
            let face = &self.fonts[font];
            let id = face.glyph_id(letter);
            let scale = size / face.units_per_em().unwrap_or(1000.0);
            if let Some((_, before)) = last.filter(|(of, _)| *of == font) {
                pen += scale * face.kern_unscaled(before, id);
            }
            let end = pen + scale * face.h_advance_unscaled(id);
            each(font, id, pen, end);
            pen = end;
            last = Some((font, id));
        }
    }
}

impl Letter {
    fn fill(font: &FontRef<'_>, id: GlyphId, size: f32, shift: f32) -> Self {
        // ab_glyph's scale is the height of a line, not of an em.
        let scale = PxScale::from(size * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0));
        let glyph = id.with_scale_and_position(scale, ab_glyph::point(shift, 0.0));
        let Some(outline) = font.outline_glyph(glyph) else {
            return Self { left: 0, top: 0, width: 0, coverage: Vec::new() };
        };
        let bounds = outline.px_bounds();
        let (width, height) = (bounds.width().ceil() as usize, bounds.height().ceil() as usize);
        let mut coverage = vec![0.0; width * height];
        outline.draw(|x, y, covered| {
            if let Some(pixel) = coverage.get_mut(y as usize * width + x as usize) {
                *pixel = covered.clamp(0.0, 1.0);
            }
        });
        Self { left: bounds.min.x as i32, top: bounds.min.y as i32, width, coverage }
    }

    fn put(&self, pixels: &mut Pixmap, x: i32, y: i32, colour: Rgb) {
        let (width, height) = (pixels.width() as i32, pixels.height() as i32);
        for (row, line) in self.coverage.chunks(self.width.max(1)).enumerate() {
            let py = y + self.top + row as i32;
            for (column, covered) in line.iter().enumerate().filter(|(_, covered)| **covered > 0.0) {
                let px = x + self.left + column as i32;
                if (0..width).contains(&px) && (0..height).contains(&py) {
                    let at = 4 * (py as usize * width as usize + px as usize);
                    if let Some([r, g, b, _]) = pixels.data_mut().get_mut(at..at + 4) {
                        let mixed = Rgb::new(*r, *g, *b).towards(colour, *covered);
                        (*r, *g, *b) = (mixed.r, mixed.g, mixed.b);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_wide_as_their_letters_and_cover_about_as_much() {
        let mut fonts = Fonts::new();
        let (one, two) = (fonts.width("lambda", 20.0), fonts.width("lambdalambda", 20.0));
        assert!((two - 2.0 * one).abs() < 1.5, "{one} {two}");
        assert!((40.0..90.0).contains(&one), "{one}");
        let mut pixels = Pixmap::new(100, 40).expect("a size");
        fonts.write(&mut pixels, (10.0, 30.0), "lambda", 20.0, Rgb::new(255, 255, 255));
        let columns: Vec<usize> = (0..100).filter(|x| (0..40).any(|y| pixels.data()[4 * (y * 100 + x)] > 60)).collect();
        assert!(columns[0].abs_diff(11) <= 2 && columns[columns.len() - 1].abs_diff(9 + one as usize) <= 3);
    }

    #[test]
    fn every_sign_that_captions_use_is_in_one_of_the_fonts() {
        let fonts = Fonts::new();
        for letter in "azAZ09 %²/–·°λ₂äé→×".chars().filter(|letter| *letter != ' ') {
            assert!(fonts.fonts.iter().any(|font| font.glyph_id(letter).0 != 0), "{letter}");
        }
    }
}
