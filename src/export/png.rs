//! One picture as PNG.

use std::io::Write;

use png::{BitDepth, ColorType, Compression, EncodingError};

use super::{Failure, frames::Frames};
use crate::error::Error;

/// Writes the last of the pictures.
pub(super) fn write(frames: &mut Frames<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let mut last = None;
    while let Some(frame) = frames.next()? {
        let rgb: Vec<u8> = frame.rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        last = Some((frame.width, frame.height, rgb));
    }
    let Some((width, height, rgb)) = last else {
        return Err(Error::input("there is nothing to show at this tick").into());
    };
    let mut encoder = png::Encoder::new(out, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(())
}

impl From<EncodingError> for Failure {
    fn from(error: EncodingError) -> Self {
        match error {
            EncodingError::IoError(error) => Self::Io(error),
            other => Self::Told(Error::system(format!("the PNG cannot be written: {other}"))),
        }
    }
}
