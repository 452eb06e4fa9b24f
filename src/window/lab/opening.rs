//! What comes on show: scenarios, recordings, two policies side by side, and what goes on from a recording.

use std::{path::Path, sync::Arc};

use super::{Lab, Play, Seat, Severity, Stage, catalogue, nothing_on_show};
use crate::{
    error::{Error, Result},
    places,
    record::Replay,
    sim::EVALUATION_ENVS,
};

impl Lab {
    pub(super) fn open(&mut self, name: &str, policy: Option<&str>) -> Result<()> {
        let scenario = Arc::new(places::load_scenario(name)?);
        let seats = catalogue::seats(&scenario, policy, &self.trainings)?;
        let play = Play::live(&scenario, scenario.seed, EVALUATION_ENVS, seats);
        self.close_stage()?;
        let mut stage = Stage::new(scenario, vec![play]);
        // Who opens a scenario wants to watch it.
        stage.transport.is_playing = true;
        self.stage = Some(stage);
        self.refresh_offers()
    }

    pub(super) fn open_recording(&mut self, path: &Path) -> Result<()> {
        let replay = Replay::open(path)?;
        if !replay.header().finished {
            let until = replay.ticks().end().to_owned();
            self.messages.push(Severity::Warning, format!("{}: not finished, good up to tick {until}", path.display()));
        }
        let scenario = Arc::new(replay.header().scenario.clone());
        let play = Play::recorded(replay)?;
        self.close_stage()?;
        let mut stage = Stage::new(scenario, vec![play]);
        stage.file = Some(path.to_owned());
        self.stage = Some(stage);
        self.refresh_offers()
    }

    pub(super) fn close_stage(&mut self) -> Result<()> {
        self.stop_recording()?;
        self.stage = None;
        self.offers.clear();
        Ok(())
    }

    pub(super) fn compare(&mut self, policy: &str) -> Result<()> {
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let first = stage.plays.first().ok_or_else(nothing_on_show)?;
        if first.is_recorded() {
            return Err(Error::input("a recording has nothing to be compared with").hint("fork from here first"));
        }
        let (seed, env) = (first.seed(), first.env());
        // Whom the other policy does not act for is played by the same as before.
        let others = catalogue::named_seats(&stage.scenario, policy, &self.trainings)?.into_iter();
        let others = others.zip(first.seats()).map(|(other, seat)| other.unwrap_or_else(|| seat.fork())).collect();
        let seats = first.seats().iter().map(Seat::fork).collect();
        // Both begin at the first tick of the same episode: what they come to is then the policies' doing alone.
        let plays = vec![Play::live(&stage.scenario, seed, env, seats), Play::live(&stage.scenario, seed, env, others)];
        let _ = stage.plays.iter_mut().map(Play::stop_recording).collect::<Result<Vec<_>>>()?;
        stage.replace(plays);
        Ok(())
    }

    pub(super) fn fork(&mut self, policy: Option<&str>) -> Result<()> {
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let play = stage.plays.first().ok_or_else(nothing_on_show)?;
        let Some(replay) = play.replay() else {
            return Err(Error::input("this is no recording: it goes on from here by itself"));
        };
        let scenario = Arc::new(replay.scenario().clone());
        let seats = catalogue::seats(&scenario, policy, &self.trainings)?;
        let file = stage.file.as_ref().and_then(|path| path.file_name()).unwrap_or_default();
        let (file, tick) = (file.to_string_lossy(), replay.tick());
        let fork = Play::forked(replay, &file, seats)?;
        self.messages.push(Severity::Info, format!("goes on from {file}, tick {tick}"));
        stage.scenario = scenario;
        stage.replace(vec![fork]);
        Ok(())
    }
}
