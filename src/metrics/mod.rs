//! What a run measures while it goes, and the places this is written to: a file of JSON lines, a TensorBoard event file,
//! the terminal.
//!
//! A [`Point`] is made once per update and handed to every [`Sink`]. Names are `group/name`: `charts/episodic_return`,
//! `losses/value_loss`, `env/lambda2_reduction`. Sinks read no clock: the point carries its time, which makes the files a
//! function of the points (only the progress bar's elapsed time runs by itself).

use serde::{Serialize, Serializer};

use crate::error::Result;

mod append;
pub mod console;
pub mod jsonl;
pub mod progress;
pub mod series;
pub mod tensorboard;

pub use self::{
    console::Console,
    jsonl::JsonLines,
    progress::{Goal, Progress},
    series::{RunCurves, Series, Smoothed},
    tensorboard::TensorBoard,
};

/// Everything measured at one moment of a run. Serialises to one flat object: `step`, `wall_s`, then the scalars, with
/// `null` for a number that is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point<'a> {
    /// Env-steps done, over all envs and since the very start of the run.
    pub step: u64,
    /// Wall time since the start of the run, sessions before a resume included, in seconds.
    pub wall_s: f64,
    /// Names and values. Each name holds a `/`, which keeps it apart from the fields above, and comes once.
    #[serde(flatten, serialize_with = "as_map")]
    pub scalars: &'a [(&'a str, f64)],
}

/// A place that points are written to.
pub trait Sink: Send {
    /// Writes one point. A process that dies right after loses nothing of it; a machine that does may.
    ///
    /// # Errors
    /// When the place is full or gone; it is then as if the point had not been written.
    fn write(&mut self, point: &Point<'_>) -> Result<()>;

    /// Makes all points so far durable, where that means something.
    ///
    /// # Errors
    /// When the place cannot promise it.
    fn flush(&mut self) -> Result<()>;
}

fn as_map<S: Serializer>(scalars: &[(&str, f64)], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(scalars.iter().copied())
}
