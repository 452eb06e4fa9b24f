//! One displayed env: played live, or from a recording.
//!
//! A live env keeps its [`History`], so that it can be taken back to any tick and goes on from there: through what is
//! already known, until something is changed by hand. The env is the only one of its world. That world is not the window's:
//! tables of the simulation have nothing in them but the simulation. What a play leaves when it goes on in another way is
//! its [`Line`], which can be gone back to.

mod lines;
mod live;
mod recording;

use std::sync::Arc;

pub use self::lines::Line;
use self::recording::Recording;
use super::{
    history::{History, lane_of},
    seat::Seat,
};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    metrics::series::Series,
    record::{Event, Replay},
    session::stopwatch::{PHASES, Stopwatch},
    sim::{EpisodeRecord, Lane},
};

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
    /// What it was before it went on in another way from a past tick, until somebody keeps it.
    left: Option<Line>,
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

impl Play {
    /// `seats`, one per group, in env number `env` of a run with this seed.
    pub fn live(scenario: &Arc<Scenario>, seed: u64, env: u64, seats: Vec<Seat>) -> Self {
        let lane = lane_of(scenario, seed, env);
        let history = History::new(seed, env, scenario, &lane, 0);
        Self::live_from(lane, Arc::clone(scenario), history, seats)
    }

    /// `seats` in a world with this one env, which is at the first tick of its `history`.
    fn live_from(lane: Lane, scenario: Arc<Scenario>, history: History, seats: Vec<Seat>) -> Self {
        let tick = history.first();
        let live = Live { lane, scenario, tick, history, seats, recording: None };
        Self { measured: tick, ..Self::of(Source::Live(Box::new(live))) }
    }

    /// `seats` go on from where `replay` stands, at the same tick; a bookmark says where that was.
    ///
    /// # Errors
    /// A state that cannot be restored.
    pub fn forked(replay: &Replay, origin: &str, seats: Vec<Seat>) -> Result<Self> {
        let (lane, scenario) = (replay.fork()?, Arc::new(replay.scenario().clone()));
        let (header, tick) = (replay.header(), replay.tick());
        let history = History::new(header.seed, header.env, &scenario, &lane, tick);
        let mut play = Self::live_from(lane, scenario, history, seats);
        play.events.push((tick, Event::Bookmark { label: format!("forked from {origin}, tick {tick}") }));
        Ok(play)
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
            left: None,
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
    /// [left](Self::take_left).
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
        self.leave();
        let Source::Live(live) = &mut self.source else { return Err(only_live()) };
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
        if self.is_recorded() {
            return Err(only_live());
        }
        if self.seats().len() <= group {
            return Err(Error::input(format!("nobody acts for `{name}`")));
        }
        // Who plays from here on decides what comes.
        self.leave_future();
        let policy = seat.name().to_owned();
        if let Some(place) = self.seats_mut().get_mut(group) {
            *place = seat;
        }
        self.mark(Event::PolicySwapped { group: name, policy })
    }

    /// Goes on in another way than is known: what was known of later ticks is [left](Self::take_left).
    pub fn leave_future(&mut self) {
        self.leave();
        if let Source::Live(live) = &mut self.source {
            let tick = live.tick;
            live.history.truncate(tick);
            self.events.retain(|(at, _)| *at <= tick);
            self.measured = self.measured.min(tick);
        }
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

fn only_live() -> Error {
    Error::input("a recording plays what happened").hint("fork from here to go on in another way")
}
