//! Files made of what was played, written on a thread of their own.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::{
    history::{History, lane_of},
    messages::{Messages, Severity},
    play::Play,
};
use crate::{
    domains::Scenario,
    durable::Durability,
    error::{Error, Result},
    export::{ExportOptions, Film, Format, export},
    picture::Theme,
    record::Replay,
    sim::{Lane, ViewOptions},
};

/// Size in pixels and pictures per second.
const SIZE: (u32, u32) = (800, 600);
const FPS: u32 = 20;

/// A file that is being written.
pub struct Export {
    path: PathBuf,
    done: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
    result: Receiver<Result<Durability>>,
    is_going: bool,
}

impl Export {
    /// Sets going the file `to`, of what `play` knows between two ticks, in the colours of `theme`.
    ///
    /// # Errors
    /// A name that says no format, or a file that is there already.
    pub fn start(
        play: &Play,
        view: ViewOptions,
        theme: &Theme,
        to: &Path,
        from: Option<u64>,
        until: Option<u64>,
    ) -> Result<Self> {
        Format::of(to)?;
        if to.exists() {
            return Err(Error::input("this file is there already").in_file(to).hint("choose another name"));
        }
        let mut film = film_of(play)?;
        let (width, height) = SIZE;
        let options = ExportOptions { from, until, width, height, fps: FPS, speed: None, theme: theme.clone(), view };
        let (done, of) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(1)));
        let (told, result) = bounded(1);
        let (path, counters) = (to.to_owned(), (Arc::clone(&done), Arc::clone(&of)));
        std::thread::spawn(move || {
            let written = export(&mut *film, &path, &options, &mut |done, of| {
                counters.0.store(done, Ordering::Relaxed);
                counters.1.store(of, Ordering::Relaxed);
            });
            let _ = told.send(written);
        });
        Ok(Self { path: to.to_owned(), done, of, result, is_going: true })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Share that is done, 0 to 1.
    pub fn progress(&self) -> f32 {
        self.done.load(Ordering::Relaxed) as f32 / self.of.load(Ordering::Relaxed).max(1) as f32
    }

    /// Whether it is still being written.
    pub fn is_going(&self) -> bool {
        self.is_going
    }

    /// Waits until it is written, or is not.
    pub(super) fn wait(&mut self, messages: &mut Messages) {
        while !self.poll(messages) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Says when it is written, or why it is not; whether it is over.
    pub(super) fn poll(&mut self, messages: &mut Messages) -> bool {
        match self.result.try_recv() {
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => {
                messages.push(Severity::Error, format!("{} was not written: its thread has died", self.path.display()));
            }
            Ok(Err(error)) => messages.error(&error),
            Ok(Ok(durability)) => {
                messages.push(Severity::Info, format!("written to {}", self.path.display()));
                if let Durability::Uncertain(error) = durability {
                    messages.push(Severity::Warning, error.to_string());
                }
            }
        }
        self.is_going = false;
        true
    }
}

/// What a play knows, as a film of its own.
fn film_of(play: &Play) -> Result<Box<dyn Film + Send>> {
    if let Some(replay) = play.replay() {
        return Ok(Box::new(Replay::from_bytes(replay.bytes().to_vec())?));
    }
    let history = play.history().ok_or_else(|| Error::input("nothing was played"))?.clone();
    let mut scenario = Arc::new(play.scenario().clone());
    let mut lane = lane_of(&scenario, history.seed(), history.env());
    let tick = history.first();
    history.restore(tick, &mut scenario, &mut lane)?;
    Ok(Box::new(Reel { history, scenario, lane, tick, policies: play.policies() }))
}

/// The history of a live env as a film.
struct Reel {
    history: History,
    scenario: Arc<Scenario>,
    lane: Lane,
    tick: u64,
    policies: Vec<String>,
}

impl Film for Reel {
    fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn policies(&self) -> &[String] {
        &self.policies
    }

    fn seed(&self) -> u64 {
        self.history.seed()
    }

    fn ticks(&self) -> RangeInclusive<u64> {
        self.history.first()..=self.history.last()
    }

    fn tick(&self) -> u64 {
        self.tick
    }

    fn seek(&mut self, tick: u64) -> Result<()> {
        self.history.restore(tick, &mut self.scenario, &mut self.lane)?;
        self.tick = tick;
        Ok(())
    }

    fn step(&mut self) -> Result<bool> {
        if self.tick >= self.history.last() {
            return Ok(false);
        }
        self.history.perform(self.tick, &mut self.lane);
        self.lane.step();
        self.tick += 1;
        self.history.take_edit(self.tick, &mut self.scenario, &mut self.lane)?;
        Ok(true)
    }

    fn lane(&self) -> &Lane {
        &self.lane
    }
}
