//! How a live env makes its next tick, and how a recording follows.

use std::time::Instant;

use super::{Live, recording::SYNC_EVERY_S};
use crate::{error::Result, record::Event};

impl Live {
    pub(super) fn step(&mut self, events: &mut Vec<(u64, Event)>) -> Result<()> {
        let is_known = self.tick < self.history.last();
        self.resume_recording()?;
        if is_known {
            self.history.perform(self.tick, &mut self.lane);
        } else {
            for (group, seat) in self.seats.iter_mut().enumerate() {
                seat.act(&mut self.lane, group)?;
            }
        }
        self.lane.step();
        self.tick += 1;
        if is_known {
            self.record()?;
            let is_edited = self.history.edits().any(|tick| tick == self.tick);
            // The edits that were made here are part of what is known.
            self.history.take_edit(self.tick, &mut self.scenario, &mut self.lane)?;
            if let Some(recording) = self.recording.as_mut().filter(|_| is_edited) {
                recording.file.recorder().edit(self.lane.world(), 0, &self.scenario, &[])?;
            }
            return Ok(());
        }
        self.history.keep(&self.scenario, &self.lane);
        let ports = self.lane.ports();
        let ended = ports.finished.first().map(|record| Event::from((record, ports.truncated.contains(&true))));
        events.extend(ended.map(|event| (self.tick, event)));
        self.record()
    }

    /// Records the tick that was just made.
    fn record(&mut self) -> Result<()> {
        let Some(recording) = &mut self.recording else { return Ok(()) };
        recording.file.recorder().tick(self.lane.world(), 0)?;
        recording.tick = self.tick;
        if recording.synced.elapsed().as_secs() >= SYNC_EVERY_S {
            // At this pace a chunk would take minutes to fill.
            recording.file.recorder().flush()?;
            recording.file.sync()?;
            recording.synced = Instant::now();
        }
        Ok(())
    }

    /// Tells a recording that the play went somewhere else since, if it did.
    pub(super) fn resume_recording(&mut self) -> Result<()> {
        let Some(recording) = &mut self.recording else { return Ok(()) };
        if recording.tick == self.tick {
            return Ok(());
        }
        recording.tick = self.tick;
        let what = format!("went to tick {} of the play", self.tick);
        recording.file.recorder().edit(self.lane.world(), 0, &self.scenario, &[Event::StateEdited { what }])
    }
}
