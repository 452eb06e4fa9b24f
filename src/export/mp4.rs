//! Clips as MP4: H.264 by OpenH264, in a container that starts to play before all of it is there.

use std::io::Write;

use muxide::api::{Muxer, MuxerBuilder, MuxerError, VideoCodec};
use openh264::{
    OpenH264API,
    encoder::{BitRate, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, UsageType},
    formats::{RgbaSliceU8, YUVBuffer},
};

use super::{Failure, frames::Frames};
use crate::{error::Error, raster::Frame};

/// Bits for each pixel of each picture: still lines and letters stay sharp.
const BITS_PER_PIXEL: f64 = 0.3;
/// Seconds from one picture that stands alone to the next.
const SEEK_S: u32 = 2;

/// Writes all pictures.
pub(super) fn write(frames: &mut Frames<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let fps = frames.fps();
    let Some(first) = frames.next()? else {
        return Err(Error::input("there is nothing to show at these ticks").into());
    };
    let mut clip = Clip::begin(out, first, fps)?;
    clip.add(first, 0.0)?;
    let mut number = 1_u64;
    while let Some(frame) = frames.next()? {
        clip.add(frame, number as f64 / f64::from(fps))?;
        number += 1;
    }
    clip.muxer.finish()?;
    Ok(())
}

/// A clip being written.
struct Clip<W: Write> {
    encoder: Encoder,
    muxer: Muxer<W>,
    yuv: YUVBuffer,
    bits: Vec<u8>,
}

impl<W: Write> Clip<W> {
    fn begin(out: W, frame: Frame<'_>, fps: u32) -> Result<Self, Failure> {
        let (width, height) = (frame.width, frame.height);
        if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
            return Err(Error::input(format!("an MP4 of {width}x{height} pixels"))
                .hint("both sides have to be even numbers")
                .into());
        }
        let bits_per_s = f64::from(width) * f64::from(height) * f64::from(fps) * BITS_PER_PIXEL;
        // One thread: the same pictures give the same bytes.
        let config = EncoderConfig::new()
            .usage_type(UsageType::ScreenContentRealTime)
            .rate_control_mode(RateControlMode::Quality)
            .bitrate(BitRate::from_bps(bits_per_s.min(1e8) as u32))
            .max_frame_rate(FrameRate::from_hz(fps as f32))
            .intra_frame_period(IntraFramePeriod::from_num_frames(SEEK_S * fps))
            .skip_frames(false)
            .num_threads(1);
        let muxer = MuxerBuilder::new(out).video(VideoCodec::H264, width, height, f64::from(fps)).build()?;
        Ok(Self {
            encoder: Encoder::with_api_config(OpenH264API::from_source(), config)?,
            muxer,
            yuv: YUVBuffer::new(width as usize, height as usize),
            bits: Vec::new(),
        })
    }

    fn add(&mut self, frame: Frame<'_>, at_s: f64) -> Result<(), Failure> {
        self.yuv.read_rgba8(RgbaSliceU8::new(frame.rgba, (frame.width as usize, frame.height as usize)));
        let encoded = self.encoder.encode(&self.yuv)?;
        self.bits.clear();
        encoded.write_vec(&mut self.bits);
        let is_key = matches!(encoded.frame_type(), FrameType::IDR | FrameType::I);
        self.muxer.write_video(at_s, &self.bits, is_key)?;
        Ok(())
    }
}

impl From<openh264::Error> for Failure {
    fn from(error: openh264::Error) -> Self {
        Self::Told(Error::system(format!("the clip cannot be encoded: {error}")))
    }
}

impl From<MuxerError> for Failure {
    fn from(error: MuxerError) -> Self {
        match error {
            MuxerError::Io(error) => Self::Io(error),
            other => Self::Told(Error::system(format!("the MP4 cannot be written: {other}"))),
        }
    }
}
