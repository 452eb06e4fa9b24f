//! All that a play has come to, apart from its world: what is kept of one that went on in another way.

use std::sync::Arc;

use super::{History, Live, Play, Seat, Series, Source, lane_of};
use crate::{
    error::{Error, Result},
    record::Event,
};

/// What a live env has been through, and who acted in it.
pub struct Line {
    history: History,
    seats: Vec<Seat>,
    events: Vec<(u64, Event)>,
    metrics: Vec<Series>,
    phases: Vec<Series>,
    measured: u64,
}

impl Line {
    /// First and last tick that can be sought.
    pub fn ticks(&self) -> (u64, u64) {
        (self.history.first(), self.history.last())
    }

    /// What happened, in order of ticks.
    pub fn events(&self) -> &[(u64, Event)] {
        &self.events
    }
}

impl Play {
    /// All that it has come to; none for a recording, which a file holds.
    pub fn line(&self) -> Option<Line> {
        let Source::Live(live) = &self.source else { return None };
        Some(Line {
            history: live.history.clone(),
            seats: live.seats.iter().map(Seat::fork).collect(),
            events: self.events.clone(),
            metrics: self.metrics.clone(),
            phases: self.phases.clone(),
            measured: self.measured,
        })
    }

    /// The play that has come to this, at one of its ticks.
    ///
    /// # Errors
    /// A tick that is not kept, or a state that cannot be restored.
    pub fn resumed(line: Line, tick: u64) -> Result<Self> {
        let Line { history, seats, events, metrics, phases, measured } = line;
        let scenario = history.scenario().ok_or_else(|| Error::system("this branch has no state to begin with"))?;
        let mut scenario = Arc::clone(scenario);
        let mut lane = lane_of(&scenario, history.seed(), history.env());
        history.restore(tick, &mut scenario, &mut lane)?;
        let live = Live { lane, scenario, tick, history, seats, recording: None };
        Ok(Self { events, metrics, phases, measured, ..Self::of(Source::Live(Box::new(live))) })
    }

    /// Whether it is known what comes after this tick.
    pub fn has_future(&self) -> bool {
        self.tick() < self.ticks().1
    }

    /// Whether something was done in it that a seed and a policy do not bring back.
    pub fn is_marked(&self) -> bool {
        !self.is_recorded() && self.events.iter().any(|(_, event)| !matches!(event, Event::EpisodeEnded { .. }))
    }

    /// Notes what it is before later ticks are no longer true.
    pub(super) fn leave(&mut self) {
        if self.left.is_none() && !self.is_recorded() && self.has_future() {
            self.left = self.line();
        }
    }

    /// What it was before it went on in another way, once; none if it has not.
    pub fn take_left(&mut self) -> Option<Line> {
        self.left.take()
    }
}
