//! What is on show: one env, or two with the same randomness side by side, with everything a person does to them.

mod branching;
mod hand;
mod looks;
mod parameters;
mod selecting;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub use self::parameters::param_of;
use self::selecting::Selected;
use super::{
    branches::Branches, comparison::Comparison, editing::Editing, play::Play, seat::Seat, training::Training,
    transport::Transport,
};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    metrics::series::Series,
    picture::{Captions, Fading, Picture, Trails},
    sim::{ViewOptions, picture_of},
};

/// Ticks of the past that a trail shows.
const TRAIL_TICKS: usize = 16;
/// Ticks in which what is over fades.
const FADING_TICKS: usize = 10;
/// Ticks that a repeat goes back.
const REPEAT_TICKS: u64 = 50;
/// Time for ticks between two frames when they are to come as fast as possible.
const MAX_SPEED_BUDGET: Duration = Duration::from_millis(12);

/// What is on show.
pub struct Stage {
    /// The scenario as it was opened, with the changes that were made to it since.
    pub scenario: Arc<Scenario>,
    /// The scenario from the next episode on, if parameters were changed that wait for it.
    pub pending: Option<Arc<Scenario>>,
    /// One env, or two.
    pub plays: Vec<Play>,
    /// The recording that was opened, if one was.
    pub file: Option<PathBuf>,
    /// How time goes by.
    pub transport: Transport,
    /// What two envs have come to.
    pub comparison: Option<Comparison>,
    /// Numbers of observations that are plotted.
    pub probes: Vec<Probe>,
    /// The editor, while it is open.
    pub editing: Option<Editing>,
    /// What is shown.
    pub options: ViewOptions,
    selected: Selected,
    branches: Branches,
    shown: Vec<Shown>,
    is_stale: bool,
    revision: u64,
}

/// A number of an agent's observation over ticks.
pub struct Probe {
    /// In which env.
    pub play: usize,
    /// Of which group.
    pub group: usize,
    /// Row of the agent within its group.
    pub row: usize,
    /// Index of the number within the observation.
    pub field: usize,
    /// What it is called.
    pub name: String,
    /// Its curve.
    pub series: Series,
}

/// An agent as the ports know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Index of its group.
    pub group: usize,
    /// Row within the group.
    pub row: usize,
}

/// What one env looks like now, and what of its past is shown.
struct Shown {
    picture: Picture,
    trails: Trails,
    fading: Fading,
}

impl Stage {
    /// `plays` of `scenario`, standing still.
    pub fn new(scenario: Arc<Scenario>, plays: Vec<Play>) -> Self {
        let transport = Transport::new(scenario.domain.domain().dt_s());
        let mut stage = Self {
            scenario,
            pending: None,
            plays,
            file: None,
            transport,
            comparison: None,
            probes: Vec::new(),
            editing: None,
            options: ViewOptions::default(),
            selected: Selected::default(),
            branches: Branches::default(),
            shown: Vec::new(),
            is_stale: true,
            revision: 0,
        };
        stage.look();
        stage
    }

    /// Lets the time that has gone by pass in the envs; whether they have changed.
    ///
    /// # Errors
    /// What keeps a tick from being made; time stands still from then on.
    pub fn advance(&mut self, elapsed: Duration, trainings: &[Training]) -> Result<bool> {
        let due = self.transport.due(elapsed, self.scenario.domain.domain().dt_s());
        let begun = Instant::now();
        let mut done = 0;
        while due.map_or(begun.elapsed() < MAX_SPEED_BUDGET, |due| done < due) {
            // At high speeds a frame must not take longer than a frame.
            if due.is_some() && done > 0 && begun.elapsed() > 2 * MAX_SPEED_BUDGET {
                break;
            }
            match self.step(trainings) {
                Ok(true) => done += 1,
                Ok(false) => {
                    self.transport.is_playing = false;
                    break;
                }
                Err(error) => {
                    self.transport.is_playing = false;
                    return Err(error);
                }
            }
        }
        Ok(done > 0)
    }

    /// One tick of every env; false at the end of a recording.
    ///
    /// # Errors
    /// What keeps the tick from being made.
    pub fn step(&mut self, trainings: &[Training]) -> Result<bool> {
        if self.editing.is_some() {
            return Err(Error::input("the editor is open").hint("close it with E to play"));
        }
        if let Some((from, until)) = self.transport.repeat
            && self.tick() >= until
        {
            self.seek(from)?;
            return Ok(true);
        }
        for play in &mut self.plays {
            play.seats_mut().iter_mut().try_for_each(|seat| seat.catch_up(trainings))?;
        }
        let before = self.tick();
        for index in 0..self.plays.len() {
            let stepped = self.plays.get_mut(index).map_or(Ok(false), Play::step);
            if !matches!(stepped, Ok(true)) {
                // Two envs stay in lock-step, whatever happens to one of them.
                for play in self.plays.iter_mut().take(index) {
                    play.seek(before)?;
                }
                self.is_stale = true;
                return stepped;
            }
        }
        self.observe();
        self.begin_pending()?;
        self.take_scenario();
        if self.view_spec().is_some_and(|spec| spec.is_lingering(&self.options)) {
            // What is over by the next frame leaves its traces.
            self.look();
        }
        self.is_stale = true;
        Ok(true)
    }

    /// Goes to a tick that every env knows.
    ///
    /// # Errors
    /// A tick that one of them does not, or a state that cannot be restored.
    pub fn seek(&mut self, tick: u64) -> Result<()> {
        let (first, last) = self.ticks();
        if !(first..=last).contains(&tick) {
            return Err(Error::input(format!("there is no tick {tick}; {first} to {last} can be sought")));
        }
        self.plays.iter_mut().try_for_each(|play| play.seek(tick))?;
        self.take_scenario();
        self.is_stale = true;
        Ok(())
    }

    /// Takes the scenario that is in force at this tick: on the way here it may have been changed, or changed back.
    fn take_scenario(&mut self) {
        if let Some(play) = self.plays.first().filter(|play| *play.scenario() != *self.scenario) {
            self.scenario = Arc::new(play.scenario().clone());
        }
    }

    /// Whether what is on show is a recording.
    pub fn is_recorded(&self) -> bool {
        self.plays.iter().any(Play::is_recorded)
    }

    /// Whether a person may choose where episodes begin.
    pub fn can_edit(&self) -> bool {
        let editor = self.scenario.domain.domain().editor();
        !self.is_recorded() && editor.is_some_and(|editor| editor.kinds().iter().any(|kind| kind.places.is_some()))
    }

    /// Ticks since the play began.
    pub fn tick(&self) -> u64 {
        self.plays.first().map_or(0, Play::tick)
    }

    /// First and last tick that every env knows.
    pub fn ticks(&self) -> (u64, u64) {
        let ticks = self.plays.iter().map(Play::ticks);
        ticks.reduce(|a, b| (a.0.max(b.0), a.1.min(b.1))).unwrap_or_default()
    }

    /// Plays these ticks over and over.
    ///
    /// # Errors
    /// Ticks in the wrong order, or some that not every env knows.
    pub fn repeat(&mut self, from: u64, until: u64) -> Result<()> {
        let (first, last) = self.ticks();
        if from >= until || from < first || until > last {
            return Err(Error::input(format!("ticks {from} to {until} cannot be repeated"))
                .hint(format!("name two ticks from {first} to {last}, the earlier one first")));
        }
        self.transport.repeat = Some((from, until));
        Ok(())
    }

    /// Plays the last ticks over and over, or goes on.
    pub fn toggle_repeat(&mut self) {
        let (first, _) = self.ticks();
        let until = self.tick();
        let from = until.saturating_sub(REPEAT_TICKS).max(first);
        self.transport.repeat = match self.transport.repeat {
            None if from < until => Some((from, until)),
            _ => None,
        };
    }

    /// Begins anew with this seed: every env at its first tick, under the policies that act now. Changes that waited for
    /// the next episode are in force; recordings are over.
    ///
    /// # Errors
    /// Envs that are recordings, or a recording that cannot be ended.
    pub fn reset(&mut self, seed: u64) -> Result<()> {
        let scenario = Arc::clone(self.pending.as_ref().unwrap_or(&self.scenario));
        let mut plays = Vec::with_capacity(self.plays.len());
        for play in &mut self.plays {
            if play.is_recorded() {
                return Err(Error::input("a recording begins where it began").hint("go to its first tick"));
            }
            let _ = play.stop_recording()?;
            let seats = play.seats().iter().map(Seat::fork).collect();
            plays.push(Play::live(&scenario, seed, play.env(), seats));
        }
        (self.scenario, self.pending) = (scenario, None);
        self.replace(plays);
        Ok(())
    }

    /// Shows other envs in the place of these, of which is kept what cannot be had again.
    pub fn replace(&mut self, plays: Vec<Play>) {
        self.keep_replaced(self.editing.is_some());
        self.show(plays);
    }

    fn show(&mut self, plays: Vec<Play>) {
        self.plays = plays;
        self.select(None);
        self.probes.clear();
        self.transport.repeat = None;
        self.comparison = (self.plays.len() == 2).then(|| self.new_comparison());
        // A view that was frozen has nothing left to show.
        self.transport.is_frozen = false;
        self.shown.clear();
        self.is_stale = true;
        self.look();
    }

    /// Forgets what two envs have come to: from here on they are other ones.
    pub fn compare_anew(&mut self) {
        if self.comparison.is_some() {
            self.comparison = Some(self.new_comparison());
        }
    }

    /// A comparison that knows nothing yet.
    pub fn new_comparison(&self) -> Comparison {
        let headline = self.view().and_then(|view| view.declared().headline.first().copied());
        let spec = self.scenario.domain.domain().spec(self.scenario.max_steps);
        Comparison::new(&spec, headline)
    }

    /// The pictures of the envs and how often they have changed.
    pub fn pictures(&self) -> (u64, impl Iterator<Item = &Picture>) {
        (self.revision, self.shown.iter().map(|shown| &shown.picture))
    }

    /// The picture of one env.
    pub fn picture(&self, play: usize) -> Option<&Picture> {
        self.shown.get(play).map(|shown| &shown.picture)
    }

    /// Draws the pictures anew if the envs have changed since, unless the view is frozen.
    pub fn refresh(&mut self) {
        if self.is_stale && !self.transport.is_frozen {
            self.look();
            self.is_stale = false;
            self.revision += 1;
        }
    }

    /// Makes the pictures be drawn anew.
    pub fn invalidate(&mut self) {
        self.is_stale = true;
    }

    fn look(&mut self) {
        if self.transport.is_frozen {
            return;
        }
        let scenario = Arc::clone(&self.scenario);
        let Some(view) = scenario.domain.domain().view() else { return };
        let has_trails = view.declared().has_trails(&self.options);
        while self.shown.len() < self.plays.len() {
            let (trails, fading) = (Trails::new(TRAIL_TICKS), Fading::new(FADING_TICKS));
            self.shown.push(Shown { picture: Picture::default(), trails, fading });
        }
        self.shown.truncate(self.plays.len());
        for (play, shown) in self.plays.iter().zip(&mut self.shown) {
            let mut picture = picture_of(view, play.lane().world(), 0, &self.options);
            shown.fading.follow(&mut picture);
            if has_trails {
                shown.trails.follow(&mut picture);
            }
            let scenario = play.scenario();
            picture.captions = Captions {
                title: scenario.title.clone(),
                scenario: scenario.name.clone(),
                seed: Some(play.seed()),
                policy: play.policies().join(", "),
                ..picture.captions
            };
            shown.picture = picture;
        }
    }

    /// Notes what the tick has come to.
    fn observe(&mut self) {
        if let (Some(comparison), [first, second]) = (&mut self.comparison, &self.plays[..]) {
            let hashes = [first.lane().hash(0), second.lane().hash(0)];
            let metrics = [&first.lane().ports().metrics[..], &second.lane().ports().metrics[..]];
            comparison.observe(first.tick(), hashes, metrics, [first.finished(), second.finished()]);
        }
        self.probe();
    }

    fn probe(&mut self) {
        for probe in &mut self.probes {
            let Some(play) = self.plays.get(probe.play) else { continue };
            let port = play.lane().ports().groups.get(probe.group);
            let value = port.and_then(|port| port.observations.get(probe.row * port.observation_width + probe.field));
            if let Some(value) = value {
                probe.series.push(play.tick() as f64, f64::from(*value));
            }
        }
    }
}
