//! One picture as PNG.

use std::io::Write;

use png::{BitDepth, ColorType, Compression, EncodingError};

use super::{Failure, frames::Frames};
use crate::error::Error;

/// Writes the next picture.
pub(super) fn write(frames: &mut Frames<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let Some(frame) = frames.next()? else {
        return Err(Error::input("there is nothing to show at this tick").into());
    };
    let mut encoder = png::Encoder::new(out, frame.width, frame.height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    let rgb: Vec<u8> = frame.rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
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
