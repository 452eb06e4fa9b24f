//! Simulates a whole recording again and compares the state at every keyframe.

use super::replay::Replay;
use crate::error::Result;

/// What verifying came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Last tick that was simulated.
    pub ticks: u64,
    /// Keyframes that were compared; those after an edit by hand are where the simulation starts anew instead.
    pub keyframes: u64,
    /// The first that differs, where the simulation stopped.
    pub difference: Option<Difference>,
}

/// A keyframe whose state the simulation does not come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its tick.
    pub tick: u64,
    /// Hash of the state that was recorded.
    pub expected: u64,
    /// Hash of the state that the simulation came to.
    pub found: u64,
}

/// Simulates `replay` from its first tick to its last, or to the first difference. `on_tick` is called after each.
///
/// # Errors
/// Messages that cannot be read although their checksum is right.
pub fn verify(replay: &mut Replay, on_tick: &dyn Fn()) -> Result<Verdict> {
    let mut verdict = Verdict { ticks: 0, keyframes: 0, difference: None };
    let mut compared = replay.rewind()?;
    loop {
        verdict.keyframes += compared.len() as u64;
        verdict.ticks = replay.tick();
        if let Some(first) = compared.iter().find(|compared| compared.expected != compared.found) {
            verdict.difference =
                Some(Difference { tick: replay.tick(), expected: first.expected, found: first.found });
        }
        if verdict.difference.is_some() || replay.tick() == *replay.ticks().end() {
            return Ok(verdict);
        }
        compared = replay.advance()?;
        on_tick();
    }
}
