//! Recordings.
mod channels;
pub mod messages;
mod recorder;
pub mod walker;

pub use self::{messages::Event, recorder::{KEYFRAME_TICKS, Opening, Recorder}};

/// Longest message that is written, in bytes.
pub const MAX_MESSAGE: usize = 4 << 20;
