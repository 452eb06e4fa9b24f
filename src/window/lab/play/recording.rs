//! Recordings of a live env, written as it plays.

use std::{path::PathBuf, time::Instant};

use super::{Play, Source, only_live};
use crate::{
    durable::Durability,
    error::{Error, Result},
    record::{KEYFRAME_TICKS, Opening, RecordingFile},
};

/// The most that a crash may take of a recording.
pub(super) const SYNC_EVERY_S: u64 = 1;

/// A recording under way.
pub(super) struct Recording {
    pub(super) file: RecordingFile,
    pub(super) synced: Instant,
    /// The tick that the file has come to, in ticks of the play.
    pub(super) tick: u64,
}

impl Play {
    /// Begins to record into a new file.
    ///
    /// # Errors
    /// A recording that is under way or played, a file that is there already, or what the file system reports.
    pub fn start_recording(&mut self, path: PathBuf) -> Result<()> {
        let policies = self.policies();
        let Source::Live(live) = &mut self.source else { return Err(only_live()) };
        if live.recording.is_some() {
            return Err(Error::input("this is being recorded already"));
        }
        let opening = Opening {
            scenario: &live.scenario,
            seed: live.history.seed(),
            env: live.history.env(),
            policies,
            keyframe_ticks: KEYFRAME_TICKS,
        };
        let file = RecordingFile::create(&path, &opening, live.lane.world(), 0)?;
        live.recording = Some(Recording { file, synced: Instant::now(), tick: live.tick });
        Ok(())
    }

    /// Where the recording that is under way goes, and how many ticks it has.
    pub fn recording(&self) -> Option<&std::path::Path> {
        match &self.source {
            Source::Live(live) => live.recording.as_ref().map(|recording| recording.file.path()),
            Source::Recorded(_) => None,
        }
    }

    /// Ends the recording that is under way; none if none is.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn stop_recording(&mut self) -> Result<Option<(PathBuf, Durability)>> {
        let Source::Live(live) = &mut self.source else { return Ok(None) };
        let Some(recording) = live.recording.take() else { return Ok(None) };
        let path = recording.file.path().to_owned();
        recording.file.finish().map(|durability| Some((path, durability)))
    }
}
