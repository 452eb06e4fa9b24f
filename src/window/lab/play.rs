//! One displayed env: played live, or from a recording.
//!
//! A live env keeps its [`History`], so that it can be taken back to any tick and goes on from there: through what is
//! already known, until something is changed by hand. The env is the only one of its world. That world is not the window's:
//! tables of the simulation have nothing in them but the simulation.

use std::{path::PathBuf, sync::Arc, time::Instant};

use super::{
    history::{History, lane_of},
    seat::Seat,
};
use crate::{
    domains::Scenario,
    durable::Durability,
    error::{Error, Result},
    metrics::series::Series,
    record::{Event, KEYFRAME_TICKS, Opening, RecordingFile, Replay},
    session::stopwatch::{PHASES, Stopwatch},
    sim::{EpisodeRecord, Lane},
};

/// The most that a crash may take of a recording.
const SYNC_EVERY_S: u64 = 1;

/// A displayed env.
pub struct Play {
    source: Source,
    /// What happened, in order of ticks.
    events: Vec<(u64, Event)>,
    /// Every metric of the scenario over ticks.
    metrics: Vec<Series>,
    /// Time of each phase of a tick over ticks, in µs.
    phases: Vec<Series>,
    /// The last tick that is in `metrics`.
    measured: u64,
    /// Ticks of a recording whose state is in the file.
    keyframes: Vec<u64>,
}

enum Source {
    Live(Box<Live>),
    Recorded(Box<Replay>),
}

/// An env that policies play now.
struct Live {
    lane: Lane,
    scenario: Arc<Scenario>,
    tick: u64,
    history: History,
    seats: Vec<Seat>,
    recording: Option<Recording>,
}

struct Recording {
    file: RecordingFile,
    synced: Instant,
    /// The tick that the file has come to, in ticks of the play.
    tick: u64,
}

impl Play {
    /// `seats`, one per group, in env number `env` of a run with this seed.
    pub fn live(scenario: &Arc<Scenario>, seed: u64, env: u64, seats: Vec<Seat>) -> Self {
        Self::live_from(lane_of(scenario, seed, env), scenario, seed, env, seats)
    }

    /// The same from the state that `lane`, a world with this one env, is in.
    pub fn live_from(lane: Lane, scenario: &Arc<Scenario>, seed: u64, env: u64, seats: Vec<Seat>) -> Self {
        let history = History::new(seed, env, scenario, &lane);
        let scenario = Arc::clone(scenario);
        Self::of(Source::Live(Box::new(Live { lane, scenario, tick: 0, history, seats, recording: None })))
    }

    /// What was recorded.
    ///
    /// # Errors
    /// Damage that no checksum told.
    pub fn recorded(mut replay: Replay) -> Result<Self> {
        let (events, keyframes) = (replay.events(replay.ticks())?, replay.keyframes()?);
        Ok(Self { events, keyframes, ..Self::of(Source::Recorded(Box::new(replay))) })
    }

    fn of(source: Source) -> Self {
        let mut play = Self {
            source,
            events: Vec::new(),
            metrics: Vec::new(),
            phases: vec![Series::default(); PHASES.len()],
            measured: 0,
            keyframes: Vec::new(),
        };
        play.metrics = play.lane().spec().metrics.iter().map(|_| Series::default()).collect();
        play
    }

    /// The world of the env, which is at slot 0.
    pub fn lane(&self) -> &Lane {
        match &self.source {
            Source::Live(live) => &live.lane,
            Source::Recorded(replay) => replay.lane(),
        }
    }

    /// The same for what changes nothing of the state; none for a recording.
    pub fn lane_mut(&mut self) -> Option<&mut Lane> {
        match &mut self.source {
            Source::Live(live) => Some(&mut live.lane),
            Source::Recorded(_) => None,
        }
    }

    /// The scenario in force.
    pub fn scenario(&self) -> &Scenario {
        match &self.source {
            Source::Live(live) => &live.scenario,
            Source::Recorded(replay) => replay.scenario(),
        }
    }

    /// Ticks since the play began.
    pub fn tick(&self) -> u64 {
        match &self.source {
            Source::Live(live) => live.tick,
            Source::Recorded(replay) => replay.tick(),
        }
    }

    /// First and last tick that can be sought.
    pub fn ticks(&self) -> (u64, u64) {
        match &self.source {
            Source::Live(live) => (live.history.first(), live.history.last()),
            Source::Recorded(replay) => replay.ticks().into_inner(),
        }
    }

    /// Whether this is a recording.
    pub fn is_recorded(&self) -> bool {
        matches!(self.source, Source::Recorded(_))
    }

    /// The recording that is played.
    pub fn replay(&self) -> Option<&Replay> {
        match &self.source {
            Source::Live(_) => None,
            Source::Recorded(replay) => Some(replay),
        }
    }

    /// What a live env has been through.
    pub fn history(&self) -> Option<&History> {
        match &self.source {
            Source::Live(live) => Some(&live.history),
            Source::Recorded(_) => None,
        }
    }

    /// Who acts, one per group; nobody in a recording.
    pub fn seats(&self) -> &[Seat] {
        match &self.source {
            Source::Live(live) => &live.seats,
            Source::Recorded(_) => &[],
        }
    }

    /// Who acts, one per group; nobody in a recording.
    pub fn seats_mut(&mut self) -> &mut [Seat] {
        match &mut self.source {
            Source::Live(live) => &mut live.seats,
            Source::Recorded(_) => &mut [],
        }
    }

    /// Seat `group` beside the world it acts in, for asking a policy what it would do.
    pub fn seat_and_lane(&mut self, group: usize) -> Option<(&mut Seat, &mut Lane)> {
        match &mut self.source {
            Source::Live(live) => live.seats.get_mut(group).map(|seat| (seat, &mut live.lane)),
            Source::Recorded(_) => None,
        }
    }

    /// Names of those who act, or acted.
    pub fn policies(&self) -> Vec<String> {
        match &self.source {
            Source::Live(live) => live.seats.iter().map(|seat| seat.name().to_owned()).collect(),
            Source::Recorded(replay) => replay.header().policies.clone(),
        }
    }

    /// Seed of the run.
    pub fn seed(&self) -> u64 {
        match &self.source {
            Source::Live(live) => live.history.seed(),
            Source::Recorded(replay) => replay.header().seed,
        }
    }

    /// Number of the env.
    pub fn env(&self) -> u64 {
        match &self.source {
            Source::Live(live) => live.history.env(),
            Source::Recorded(replay) => replay.header().env,
        }
    }

    /// What happened, in order of ticks.
    pub fn events(&self) -> &[(u64, Event)] {
        &self.events
    }

    /// Ticks whose state is kept, from which others are reached.
    pub fn keyframes(&self) -> impl Iterator<Item = u64> {
        let live = self.history().into_iter().flat_map(History::keyframes);
        live.chain(self.keyframes.iter().copied())
    }

    /// What was measured, over ticks, in the order of the spec.
    pub fn metrics(&self) -> &[Series] {
        &self.metrics
    }

    /// Time of each phase of a tick, in µs over ticks, in the order of [`PHASES`]; nothing in a recording.
    pub fn phases(&self) -> &[Series] {
        &self.phases
    }

    /// The episode that ended with the last tick.
    pub fn finished(&self) -> Option<&EpisodeRecord> {
        self.lane().ports().finished.first()
    }

    /// The next tick: one that is known already, or a new one. False at the end of a recording.
    ///
    /// # Errors
    /// A policy that does not fit or fails, or a recording that cannot be gone on with.
    pub fn step(&mut self) -> Result<bool> {
        let went_on = match &mut self.source {
            Source::Live(live) => live.step(&mut self.events).map(|()| true)?,
            Source::Recorded(replay) => replay.step()?,
        };
        if went_on {
            self.measure();
        }
        Ok(went_on)
    }

    /// Goes to a tick that is known.
    ///
    /// # Errors
    /// A tick that is not, or a state that cannot be restored.
    pub fn seek(&mut self, tick: u64) -> Result<()> {
        match &mut self.source {
            Source::Live(live) => {
                live.history.restore(tick, &mut live.scenario, &mut live.lane)?;
                live.tick = tick;
                Ok(())
            }
            Source::Recorded(replay) => replay.seek(tick),
        }
    }

    /// Changes the state by hand; `change` may also put another scenario in force. What was known of later ticks is
    /// forgotten.
    ///
    /// # Errors
    /// A recording, which happened as it did, or what `change` reports; the env is as it was then, if `change` left it so.
    pub fn edit(
        &mut self,
        events: Vec<Event>,
        change: impl FnOnce(&mut Lane, &mut Arc<Scenario>) -> Result<()>,
    ) -> Result<()> {
        let Source::Live(live) = &mut self.source else { return Err(only_live()) };
        change(&mut live.lane, &mut live.scenario)?;
        let tick = live.tick;
        self.events.retain(|(at, _)| *at <= tick);
        self.measured = self.measured.min(tick);
        live.history.edit(tick, &live.scenario, &live.lane);
        live.resume_recording()?;
        if let Some(recording) = &mut live.recording {
            recording.file.recorder().edit(live.lane.world(), 0, &live.scenario, &events)?;
        }
        // A drag is one event, however many places it went through.
        let is_drag = |event: &Event| matches!(event, Event::StateEdited { .. });
        if events.iter().all(is_drag) {
            self.events.pop_if(|(at, last)| *at == tick && is_drag(last));
        }
        self.events.extend(events.into_iter().map(|event| (tick, event)));
        Ok(())
    }

    /// Notes something that leaves the state as it is.
    ///
    /// # Errors
    /// What the sink of a recording reports.
    pub fn mark(&mut self, event: Event) -> Result<()> {
        let tick = self.tick();
        if let Source::Live(live) = &mut self.source {
            live.resume_recording()?;
            if let Some(recording) = &mut live.recording {
                recording.file.recorder().mark(&event)?;
            }
        }
        let at = self.events.partition_point(|(other, _)| *other <= tick);
        self.events.insert(at, (tick, event));
        Ok(())
    }

    /// Lets another policy act for `group`, from this tick on.
    ///
    /// # Errors
    /// A recording, or no such group.
    pub fn swap(&mut self, group: usize, seat: Seat) -> Result<()> {
        let name = self.lane().spec().groups.get(group).map(|group| group.name.to_owned());
        let name = name.ok_or_else(|| Error::input(format!("there is no group {group}")))?;
        let Source::Live(live) = &mut self.source else { return Err(only_live()) };
        let policy = seat.name().to_owned();
        let place = live.seats.get_mut(group).ok_or_else(|| Error::input(format!("nobody acts for `{name}`")))?;
        *place = seat;
        // Who plays from here on decides what comes.
        self.forget_future();
        self.mark(Event::PolicySwapped { group: name, policy })
    }

    /// Forgets what was known of later ticks.
    pub fn forget_future(&mut self) {
        if let Source::Live(live) = &mut self.source {
            let tick = live.tick;
            live.history.truncate(tick);
            self.events.retain(|(at, _)| *at <= tick);
            self.measured = self.measured.min(tick);
        }
    }

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

    /// Adds to the curves what the last tick measured, unless it is there already.
    fn measure(&mut self) {
        let tick = self.tick();
        if tick <= self.measured {
            // The curves know this tick already.
            return;
        }
        self.measured = tick;
        let values = match &self.source {
            Source::Live(live) => &live.lane.ports().metrics,
            Source::Recorded(replay) => &replay.lane().ports().metrics,
        };
        for (series, value) in self.metrics.iter_mut().zip(values) {
            series.push(tick as f64, *value);
        }
        let lane = match &mut self.source {
            Source::Live(live) => &mut live.lane,
            Source::Recorded(_) => return,
        };
        if let Some(times) = Stopwatch::read_us([lane]) {
            self.phases.iter_mut().zip(times).for_each(|(series, time)| series.push(tick as f64, time));
        }
    }
}

impl Live {
    fn step(&mut self, events: &mut Vec<(u64, Event)>) -> Result<()> {
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
    fn resume_recording(&mut self) -> Result<()> {
        let Some(recording) = &mut self.recording else { return Ok(()) };
        if recording.tick == self.tick {
            return Ok(());
        }
        recording.tick = self.tick;
        let what = format!("went to tick {} of the play", self.tick);
        recording.file.recorder().edit(self.lane.world(), 0, &self.scenario, &[Event::StateEdited { what }])
    }
}

fn only_live() -> Error {
    Error::input("a recording plays what happened").hint("fork from here to go on in another way")
}
