//! Clips as GIF: one palette, and after the first picture only what has changed.
//!
//! The format counts in hundredths of a second. Browsers and most viewers show for ten of them what asks for less than two.

use std::io::Write;

use gif::{DisposalMethod, Encoder, EncodingError, Repeat};

use super::{
    ExportOptions, Failure, Film,
    frames::{FPS, Frames, view_of},
    palette::{Palette, UNCHANGED},
};
use crate::{
    error::{Error, Result},
    picture::Rgb,
    raster::Frame,
};

/// Most pictures per second that viewers show as fast as they are asked to.
pub const MAX_GIF_FPS: u32 = 50;

/// `options` with no more pictures per second than viewers of GIF show; the clip plays as long, with pictures left out.
pub(super) fn in_time(film: &dyn Film, options: &ExportOptions) -> Result<ExportOptions> {
    let mut options = options.clone();
    if options.fps > MAX_GIF_FPS && FPS.contains(&options.fps) {
        let tick_s = view_of(film)?.declared().tick_s;
        options.speed.get_or_insert(tick_s * f64::from(options.fps));
        options.fps = MAX_GIF_FPS;
    }
    Ok(options)
}

/// Writes all pictures, to be shown again and again.
pub(super) fn write(frames: &mut Frames<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let (theme, fps) = (frames.theme().clone(), frames.fps());
    let Some(first) = frames.next()? else {
        return Err(Error::input("there is nothing to show at these ticks").into());
    };
    let mut clip = Clip::begin(out, Palette::new(&theme, first.rgba), first)?;
    clip.add(first, delay(0, fps))?;
    let mut number = 1_u64;
    while let Some(frame) = frames.next()? {
        clip.add(frame, delay(number, fps))?;
        number += 1;
    }
    clip.encoder.into_inner()?;
    Ok(())
}

/// A clip being written.
struct Clip<W: Write> {
    encoder: Encoder<W>,
    palette: Palette,
    shown: Vec<u8>,
    indices: Vec<u8>,
}

/// The smallest rectangle that holds all pixels that differ.
struct Changed {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl<W: Write> Clip<W> {
    fn begin(out: W, palette: Palette, frame: Frame<'_>) -> Result<Self, Failure> {
        let mut encoder = Encoder::new(out, side(frame.width)?, side(frame.height)?, &palette.bytes())?;
        encoder.set_repeat(Repeat::Infinite)?;
        Ok(Self { encoder, palette, shown: Vec::new(), indices: Vec::new() })
    }

    fn add(&mut self, frame: Frame<'_>, delay: u16) -> Result<(), Failure> {
        let width = frame.width as usize;
        let Changed { left, top, right, bottom } = changed(&self.shown, frame);
        self.indices.clear();
        for y in top..bottom {
            for x in left..right {
                let at = 4 * (y * width + x);
                let new = &frame.rgba[at..at + 4];
                let is_same = self.shown.get(at..at + 4) == Some(new);
                let colour = Rgb::new(new[0], new[1], new[2]);
                self.indices.push(if is_same { UNCHANGED } else { self.palette.index(colour) });
            }
        }
        self.shown.clear();
        self.shown.extend_from_slice(frame.rgba);
        self.encoder.write_frame(&gif::Frame {
            delay,
            dispose: DisposalMethod::Keep,
            transparent: Some(UNCHANGED),
            left: side(left as u32)?,
            top: side(top as u32)?,
            width: side((right - left) as u32)?,
            height: side((bottom - top) as u32)?,
            buffer: self.indices.as_slice().into(),
            ..gif::Frame::default()
        })?;
        Ok(())
    }
}

/// What differs between two pictures; everything if the first is none, one pixel if nothing does.
fn changed(before: &[u8], frame: Frame<'_>) -> Changed {
    let (width, height) = (frame.width as usize, frame.height as usize);
    if before.len() != frame.rgba.len() {
        return Changed { left: 0, top: 0, right: width, bottom: height };
    }
    let mut found = Changed { left: width, top: height, right: 0, bottom: 0 };
    for (y, (old, new)) in before.chunks_exact(4 * width).zip(frame.rgba.chunks_exact(4 * width)).enumerate() {
        if old == new {
            continue;
        }
        let differs = |x: &usize| old[4 * x..4 * x + 4] != new[4 * x..4 * x + 4];
        found.top = found.top.min(y);
        found.bottom = y + 1;
        found.left = found.left.min((0..width).find(differs).unwrap_or(width));
        found.right = found.right.max((0..width).rev().find(differs).map_or(0, |x| x + 1));
    }
    if found.right == 0 { Changed { left: 0, top: 0, right: 1, bottom: 1 } } else { found }
}

/// Hundredths of a second for which picture `number` is shown. They are whole numbers; what rounding takes from one
/// picture is given to another, so that the clip as a whole keeps its time.
fn delay(number: u64, fps: u32) -> u16 {
    let start = |number: u64| (200 * number + u64::from(fps)) / (2 * u64::from(fps));
    (start(number + 1) - start(number)) as u16
}

fn side(pixels: u32) -> Result<u16, Failure> {
    u16::try_from(pixels).map_err(|_| Error::input(format!("{pixels} pixels are too many for a GIF")).into())
}

impl From<EncodingError> for Failure {
    fn from(error: EncodingError) -> Self {
        match error {
            EncodingError::Io(error) => Self::Io(error),
            other => Self::Told(Error::system(format!("the GIF cannot be written: {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_add_up_to_the_length_of_the_clip() {
        for fps in 1..=MAX_GIF_FPS {
            let total: u64 = (0..u64::from(10 * fps)).map(|number| u64::from(delay(number, fps))).sum();
            assert_eq!(total, 1000, "{fps}");
            assert!((0..200).all(|number| delay(number, fps) >= 2), "{fps}");
        }
        assert_eq!((delay(0, 20), delay(1, 20)), (5, 5));
    }

    #[test]
    fn the_changed_rectangle_holds_every_change() {
        let before = vec![0; 4 * 5 * 4];
        let mut after = before.clone();
        let of = |after: &[u8]| {
            let Changed { left, top, right, bottom } = changed(&before, Frame { width: 5, height: 4, rgba: after });
            (left, top, right, bottom)
        };
        assert_eq!(of(&after), (0, 0, 1, 1));
        after[4 * (5 + 3)] = 1;
        assert_eq!(of(&after), (3, 1, 4, 2));
        after[4 * (2 * 5 + 1) + 2] = 1;
        assert_eq!(of(&after), (1, 1, 4, 3));
    }
}
