//! Pictures drawn by the CPU: antialiased, without display or graphics card, the same bytes for the same picture.
//!
//! ```
//! use agon::{picture::{Arena, Picture, Theme}, raster::Rasteriser};
//! let mut rasteriser = Rasteriser::new(Theme::default(), 320, 240)?;
//! let frame = rasteriser.draw(&Picture { arena: Arena::square(100.0), ..Picture::default() });
//! assert_eq!(frame.rgba.len(), 320 * 240 * 4);
//! # Ok::<(), agon::error::Error>(())
//! ```

mod canvas;
mod chrome;
mod ground;
mod layout;
mod marks;
#[cfg(test)]
mod tests;
mod text;

use std::ops::RangeInclusive;

use tiny_skia::{Mask, Pixmap};

use self::{canvas::Canvas, layout::Layout, text::Fonts};
use crate::{
    error::{Error, Result},
    picture::{Arena, Picture, Theme},
};

/// Sides of a picture in pixels that can be asked for.
pub const SIDES: RangeInclusive<u32> = 16..=8192;

/// Draws pictures of one size under one theme.
pub struct Rasteriser {
    theme: Theme,
    fonts: Fonts,
    pixels: Pixmap,
    ground: Option<Ground>,
}

/// What does not change from picture to picture.
struct Ground {
    arena: Arena,
    layout: Layout,
    /// Page, ground, grid and border.
    pixels: Pixmap,
    /// The arena, for what must not leave it.
    mask: Mask,
}

/// A picture as pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `[height, width, 4]`: red, green, blue and 255, rows from the top.
    pub rgba: &'a [u8],
}

impl Rasteriser {
    /// A rasteriser for pictures of `width` times `height` pixels.
    ///
    /// # Errors
    /// A side out of [`SIDES`].
    pub fn new(theme: Theme, width: u32, height: u32) -> Result<Self> {
        let refused = || {
            Error::input(format!("a picture of {width}x{height} pixels")).hint(format!(
                "both sides go from {} to {}",
                SIDES.start(),
                SIDES.end()
            ))
        };
        if !SIDES.contains(&width) || !SIDES.contains(&height) {
            return Err(refused());
        }
        let pixels = Pixmap::new(width, height).ok_or_else(refused)?;
        Ok(Self { theme, fonts: Fonts::new(), pixels, ground: None })
    }

    /// Draws `picture`.
    pub fn draw(&mut self, picture: &Picture) -> Frame<'_> {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        if self.ground.as_ref().is_none_or(|ground| ground.arena != picture.arena) {
            self.ground = Ground::new(picture.arena, width, height, &self.theme, &mut self.fonts);
        }
        if let Some(ground) = &self.ground {
            self.pixels.data_mut().copy_from_slice(ground.pixels.data());
            let mut canvas = Canvas {
                pixels: &mut self.pixels,
                fonts: &mut self.fonts,
                theme: &self.theme,
                unit: ground.layout.unit,
            };
            marks::draw(&mut canvas, &ground.layout, &ground.mask, &picture.marks);
            chrome::draw(&mut canvas, &ground.layout, picture);
        }
        Frame { width, height, rgba: self.pixels.data() }
    }
}
