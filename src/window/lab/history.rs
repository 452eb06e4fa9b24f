//! What a live env has been through: a state now and then and the actions of every tick, so that any tick comes back.
//!
//! The rest follows by simulating again. What a hand changes does not follow from actions, so an edit is a state of its own.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    domains::Scenario,
    error::{Error, Result},
    session::stopwatch::Stopwatch,
    sim::{Lane, Seeds},
};

/// Ticks between states that are kept.
const KEYFRAME_TICKS: u64 = 16;
/// Ticks that are kept at least; older ones are forgotten.
const MOST_TICKS: usize = 100_000;

/// The past of one env, from some first tick on.
#[derive(Clone)]
pub struct History {
    seed: u64,
    env: u64,
    keyframes: VecDeque<Keyframe>,
    /// Actions of every group, of the tick after [`first`](Self::first) and so on. Branches share them.
    actions: VecDeque<Arc<Vec<Vec<f32>>>>,
    first: u64,
}

#[derive(Clone)]
struct Keyframe {
    tick: u64,
    is_edit: bool,
    scenario: Arc<Scenario>,
    state: Arc<[u8]>,
}

impl History {
    /// A past that begins at tick `first` with the state of `lane`, which plays env number `env` of a run with this seed.
    pub fn new(seed: u64, env: u64, scenario: &Arc<Scenario>, lane: &Lane, first: u64) -> Self {
        let (scenario, state) = (Arc::clone(scenario), lane.snapshot(0).into());
        let start = Keyframe { tick: first, is_edit: false, scenario, state };
        Self { seed, env, keyframes: [start].into(), actions: VecDeque::new(), first }
    }

    /// The first tick that is kept.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last tick that is known.
    pub fn last(&self) -> u64 {
        self.first + self.actions.len() as u64
    }

    /// Ticks whose state is kept.
    pub fn keyframes(&self) -> impl Iterator<Item = u64> {
        self.keyframes.iter().map(|keyframe| keyframe.tick)
    }

    /// Ticks at which a hand changed something.
    pub fn edits(&self) -> impl Iterator<Item = u64> {
        self.keyframes.iter().filter(|keyframe| keyframe.is_edit).map(|keyframe| keyframe.tick)
    }

    /// The scenario that it begins with.
    pub fn scenario(&self) -> Option<&Arc<Scenario>> {
        self.keyframes.front().map(|keyframe| &keyframe.scenario)
    }

    /// Seed of the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of the env.
    pub fn env(&self) -> u64 {
        self.env
    }

    /// The actions that led from `tick` to the next one.
    pub fn actions_after(&self, tick: u64) -> Option<&[Vec<f32>]> {
        let index = usize::try_from(tick.checked_sub(self.first)?).ok()?;
        self.actions.get(index).map(|actions| actions.as_slice())
    }

    /// Keeps the tick that `lane` has just made; its ports still hold the actions that led to tick [`last`](Self::last) + 1.
    pub fn keep(&mut self, scenario: &Arc<Scenario>, lane: &Lane) {
        self.actions.push_back(Arc::new(lane.ports().groups.iter().map(|port| port.actions.clone()).collect()));
        let (tick, newest) = (self.last(), self.keyframes.back().map_or(0, |keyframe| keyframe.tick));
        if tick - newest >= KEYFRAME_TICKS {
            self.push(tick, false, scenario, lane);
        }
        if self.actions.len() > MOST_TICKS + MOST_TICKS / 8 {
            self.forget();
        }
    }

    /// Keeps the state that a hand has made of `tick`; what was known to come after it is no longer true.
    pub fn edit(&mut self, tick: u64, scenario: &Arc<Scenario>, lane: &Lane) {
        self.truncate(tick);
        self.push(tick, true, scenario, lane);
    }

    /// Forgets what came after `tick`.
    pub fn truncate(&mut self, tick: u64) {
        self.actions.truncate(tick.saturating_sub(self.first) as usize);
        // The state that everything begins with stays.
        let after = self.keyframes.iter().skip(1).position(|keyframe| keyframe.tick > tick);
        if let Some(after) = after {
            self.keyframes.truncate(after + 1);
        }
    }

    /// Brings `lane` to `tick`, with the scenario that was in force there.
    ///
    /// # Errors
    /// A tick that is not kept, or a state that its scenario refuses.
    pub fn restore(&self, tick: u64, scenario: &mut Arc<Scenario>, lane: &mut Lane) -> Result<()> {
        if !(self.first..=self.last()).contains(&tick) {
            return Err(Error::input(format!("tick {tick} is not kept, {} to {} are", self.first, self.last())));
        }
        // The tick before is simulated, not restored: what was measured and paid belongs to the way here.
        let start = self.keyframes.iter().rposition(|keyframe| keyframe.tick < tick).unwrap_or(0);
        self.take(start, scenario, lane)?;
        let mut next = start + 1;
        let mut now = self.keyframes.get(start).map_or(self.first, |keyframe| keyframe.tick);
        while now < tick {
            self.perform(now, lane);
            lane.step();
            now += 1;
            while self.keyframes.get(next).is_some_and(|keyframe| keyframe.tick <= now) {
                if self.keyframes.get(next).is_some_and(|keyframe| keyframe.is_edit) {
                    self.take(next, scenario, lane)?;
                }
                next += 1;
            }
        }
        // Edits of the very first tick.
        while tick == self.first && self.keyframes.get(next).is_some_and(|keyframe| keyframe.tick == tick) {
            self.take(next, scenario, lane)?;
            next += 1;
        }
        Ok(())
    }

    /// Puts the actions that led from `tick` to the next one into the ports of `lane`.
    pub fn perform(&self, tick: u64, lane: &mut Lane) {
        let Some(actions) = self.actions_after(tick) else { return };
        for (port, actions) in lane.ports_mut().groups.iter_mut().zip(actions) {
            if port.actions.len() == actions.len() {
                port.actions.copy_from_slice(actions);
            }
        }
    }

    /// The last edit of `tick`, put into `lane`.
    ///
    /// # Errors
    /// A state that its scenario refuses.
    pub fn take_edit(&self, tick: u64, scenario: &mut Arc<Scenario>, lane: &mut Lane) -> Result<()> {
        match self.keyframes.iter().rposition(|keyframe| keyframe.is_edit && keyframe.tick == tick) {
            Some(index) => self.take(index, scenario, lane),
            None => Ok(()),
        }
    }

    fn push(&mut self, tick: u64, is_edit: bool, scenario: &Arc<Scenario>, lane: &Lane) {
        // Of several edits of a tick the last one counts: a drag makes many.
        if is_edit && self.keyframes.len() > 1 {
            self.keyframes.pop_back_if(|newest| newest.is_edit && newest.tick == tick);
        }
        let scenario = Arc::clone(scenario);
        self.keyframes.push_back(Keyframe { tick, is_edit, scenario, state: lane.snapshot(0).into() });
    }

    fn take(&self, index: usize, scenario: &mut Arc<Scenario>, lane: &mut Lane) -> Result<()> {
        let Some(keyframe) = self.keyframes.get(index) else { return Ok(()) };
        if **scenario != *keyframe.scenario {
            *lane = lane_of(&keyframe.scenario, self.seed, self.env);
            *scenario = Arc::clone(&keyframe.scenario);
        }
        lane.restore(0, &keyframe.state)
    }

    /// Drops the oldest ticks, up to a state that the rest can begin with.
    fn forget(&mut self) {
        let oldest = self.last() - MOST_TICKS as u64;
        if let Some(start) = self.keyframes.iter().rposition(|keyframe| keyframe.tick <= oldest)
            && let Some(tick) = self.keyframes.get(start).map(|keyframe| keyframe.tick)
        {
            self.keyframes.drain(..start);
            self.actions.drain(..(tick - self.first) as usize);
            self.first = tick;
        }
    }
}

/// A world with the one env of this number, in which the phases of a tick are timed.
pub(super) fn lane_of(scenario: &Scenario, seed: u64, env: u64) -> Lane {
    let domain = scenario.domain.domain();
    let mut lane = Lane::new(domain, scenario.max_steps, Seeds::new(seed), env..env.saturating_add(1));
    Stopwatch::install(&mut lane);
    lane
}
