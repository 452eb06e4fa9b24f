//! Simulates a whole recording again and compares all that follows from its states and actions: metrics, rewards, ends of
//! episodes, times and the state at every keyframe. What cannot follow is counted instead.

use self::told::Told;
use super::{
    recorder::dt_ns,
    replay::{Compared, Replay},
    walker::Ending,
};
use crate::error::{ErrorKind, Result};

mod told;

/// Edits that are told one by one; of more, only how many there are.
const NAMED_EDITS: usize = 100;

/// What verifying came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Last tick that was simulated.
    pub ticks: u64,
    /// Keyframes that were compared; those after an edit by hand are where the simulation starts anew instead.
    pub keyframes: u64,
    /// The first that differs, where the simulation stopped.
    pub difference: Option<Difference>,
    /// Edits by hand, whose states are taken as they were recorded.
    pub num_edits: u64,
    /// The first hundred of them.
    pub edits: Vec<Edit>,
    /// Whether the recording begins as its seed begins an episode; if not, its first state is taken as it was recorded.
    pub begins_as_seeded: bool,
    /// Tick of the last keyframe. What actions after it led to is known by metrics and rewards alone.
    pub last_keyframe: u64,
    /// Bookmarks, which nothing says anything about.
    pub bookmarks: u64,
    /// Policies that were swapped.
    pub policy_swaps: u64,
    /// Messages on topics that this agon does not know.
    pub unknown_messages: u64,
}

/// Something that was recorded and does not follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its tick.
    pub tick: u64,
    /// What it is: `state`, or a metric by its name.
    pub what: String,
    /// What was recorded.
    pub expected: String,
    /// What the simulation came to.
    pub found: String,
}

/// An edit by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The tick whose state was changed.
    pub tick: u64,
    /// What the recording says of it, unchecked; nothing if it says nothing.
    pub what: Vec<String>,
}

/// What is to be thought of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is finished, and all that follows is as it was recorded.
    Identical,
    /// Something does not follow, or the file is damaged.
    Different,
    /// It is good as far as it goes, and it does not go to the end: it was cut, or its recorder was stopped.
    Incomplete,
}

impl Verdict {
    /// What is to be thought of `replay`, of which this is the verdict.
    pub fn outcome(&self, replay: &Replay) -> Outcome {
        match replay.ending() {
            _ if self.difference.is_some() => Outcome::Different,
            Ending::Damaged { .. } => Outcome::Different,
            Ending::Complete if replay.header().finished => Outcome::Identical,
            Ending::Cut { .. } | Ending::Complete => Outcome::Incomplete,
        }
    }

    /// Takes over what the messages of a tick told.
    fn add(&mut self, tick: u64, told: Told) {
        for what in told.edits {
            self.num_edits += 1;
            if self.edits.len() < NAMED_EDITS {
                self.edits.push(Edit { tick, what });
            }
        }
        self.bookmarks += told.bookmarks;
        self.policy_swaps += told.policy_swaps;
        self.unknown_messages += told.unknown_messages;
        if told.has_keyframe {
            self.last_keyframe = tick;
        }
    }
}

/// Simulates `replay` from its first tick to its last, or to the first difference. `on_tick` is called after each.
///
/// # Errors
/// A recording without a beginning, or a machine that fails.
pub fn verify(replay: &mut Replay, on_tick: &dyn Fn()) -> Result<Verdict> {
    replay.rewind()?;
    let mut verdict = Verdict { begins_as_seeded: replay.is_as_seeded()?, ..Verdict::default() };
    let last = *replay.ticks().end();
    let (mut tick, mut time_ns) = (0, 0_u64);
    loop {
        verdict.difference = match look(replay, tick, time_ns, &mut verdict) {
            // The checksums were right: somebody wrote it so.
            Err(error) if error.kind() == ErrorKind::Input => {
                Some(Difference::new(tick, "tick", "a tick", format!("cannot be played: {error}")))
            }
            looked => looked?,
        };
        if verdict.difference.is_some() {
            return Ok(verdict);
        }
        verdict.ticks = tick;
        if tick == last {
            verdict.difference = at_the_end(replay, &verdict);
            return Ok(verdict);
        }
        tick += 1;
        time_ns = time_ns.saturating_add(dt_ns(replay.scenario()));
        on_tick();
    }
}

/// Simulates `tick` and compares all that was recorded of it; the first that differs.
fn look(replay: &mut Replay, tick: u64, time_ns: u64, verdict: &mut Verdict) -> Result<Option<Difference>> {
    if tick > 0 {
        replay.simulate()?;
    }
    let may_lack_its_end = tick == *replay.ticks().end() && *replay.ending() != Ending::Complete;
    let mut told = Told::new(replay.lane(), tick, time_ns, replay.header().version)?;
    replay.visit(&mut |message, data| told.hear(message, data))?;
    if !may_lack_its_end {
        told.end();
    }
    let difference = told.take_difference();
    verdict.add(tick, told);
    if difference.is_some() {
        return Ok(difference);
    }
    let compared = replay.arrive()?;
    verdict.keyframes += compared.len() as u64;
    let differs = compared.iter().find(|compared| compared.expected != compared.found);
    Ok(differs.map(|Compared { expected, found }| {
        Difference::new(tick, "state", format!("{expected:016x}"), format!("{found:016x}"))
    }))
}

/// What the end of a finished recording has to be.
fn at_the_end(replay: &Replay, verdict: &Verdict) -> Option<Difference> {
    let finished = replay.finished()?;
    let last = verdict.ticks;
    if finished.ticks != Some(last) {
        let told = finished.ticks.map_or_else(|| "nothing".to_owned(), |ticks| ticks.to_string());
        return Some(Difference::new(last, "number of ticks", told, last.to_string()));
    }
    // Version 1 had no keyframe at its end.
    let lacks_state = replay.header().version >= 2 && verdict.last_keyframe != last;
    lacks_state.then(|| Difference::new(last, "state at the end", "nothing", "a state"))
}

impl Difference {
    fn new(tick: u64, what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { tick, what: what.into(), expected: expected.into(), found: found.into() }
    }
}
