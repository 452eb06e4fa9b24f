//! Recordings: an env as it was played, in a file that can be watched, sought, verified and gone on from.
//!
//! A recording is an [MCAP](https://mcap.dev) file, so that other programs can plot what is in it. It holds the resolved scenario,
//! the actions of every tick and now and then the whole state; the rest follows by simulating again, bit for bit.
//!
//! | topic | encoding | when | content |
//! |---|---|---|---|
//! | `/recording` | JSON | once | seed, env, policies, groups, version of agon |
//! | `/scenario` | RON | at tick 0 and after an edit | the scenario in force from here on, every key written out |
//! | `/keyframes` | binary | at tick 0, every 50 ticks, at each start of an episode, before and after an edit, at the end | why (1 byte), hash of the state (8, little-endian), the state |
//! | `/actions/<group>` | binary | every tick | f32 little-endian `[agents, numbers]`; the channel's metadata names the numbers |
//! | `/metrics` | JSON | every tick | each metric of the scenario by its name |
//! | `/rewards/<group>` | JSON | every tick | `total` and `terms.<name>`, each a list with a number per agent |
//! | `/events` | JSON | when they happen | `kind` is `episode_ended`, `parameter_changed`, `state_edited`, `policy_swapped` or `bookmark` |
//!
//! Tick 0 is the state that the recording began with. The messages of tick `t` are the actions that led from tick `t - 1` to
//! tick `t`, what was measured and paid on arriving there, then what happened there. A message's `sequence` is its
//! tick and its time is simulated time in ns, so that the same recording has the same bytes. Chunks end between ticks.
//!
//! A metadata record `agon.finished` with the number of ticks closes a recording; without it the writer was stopped. Version 1
//! of the format had no keyframe before an edit and at the end. The file is written with the crate `mcap` and read by
//! [`walker`], which survives whatever a file may hold; see there. Names inside a recording are shown, and never become paths.

mod bytes;
mod channels;
mod file;
mod index;
pub mod messages;
mod packed;
mod recorder;
mod replay;
mod verify;
pub mod walker;

pub use self::{
    file::RecordingFile,
    index::Coverage,
    messages::Event,
    recorder::{KEYFRAME_TICKS, Opening, Recorder},
    replay::{Header, Replay},
    verify::{Difference, Edit, Outcome, Verdict, verify},
    walker::Ending,
};

/// Longest message that is written, in bytes.
pub const MAX_MESSAGE: usize = 4 << 20;

/// Longest file that is read, in bytes: it is held in memory, packed as it is.
pub const MAX_FILE: u64 = 1 << 30;
