//! Films: anything that shows one moment after the other.

use std::{ops::RangeInclusive, path::Path};

use crate::{
    domains::Scenario,
    error::{Error, Result},
    policy::cast::Cast,
    sim::{EVALUATION_ENVS, Lane, Seeds},
};

/// Something that shows one moment of one env after the other.
pub trait Film {
    /// What is played.
    fn scenario(&self) -> &Scenario;

    /// Who plays, one per group.
    fn policies(&self) -> &[String];

    /// Seed of the run.
    fn seed(&self) -> u64;

    /// Ticks that can be shown.
    fn ticks(&self) -> RangeInclusive<u64>;

    /// The tick that [`lane`](Self::lane) shows.
    fn tick(&self) -> u64;

    /// Goes to a tick of [`ticks`](Self::ticks).
    ///
    /// # Errors
    /// A tick that there is not, or whatever keeps the film from going on.
    fn seek(&mut self, tick: u64) -> Result<()>;

    /// Goes to the next tick; false at the end.
    ///
    /// # Errors
    /// Whatever keeps the film from going on.
    fn step(&mut self) -> Result<bool>;

    /// The world at this tick; the env shown is the one at slot 0.
    fn lane(&self) -> &Lane;
}

/// A cast that plays an episode while it is watched.
pub struct Played {
    scenario: Scenario,
    names: Vec<String>,
    seed: u64,
    env: u64,
    cast: Cast,
    acting: Cast,
    lane: Lane,
    tick: u64,
}

impl Played {
    /// `cast` in episode number `episode` of an evaluation with this seed (see [`eval`](crate::eval)).
    ///
    /// # Errors
    /// A scenario that is not valid, or an episode beyond those that evaluations play.
    pub fn new(scenario: Scenario, cast: Cast, seed: u64, episode: u64) -> Result<Self> {
        scenario.check()?;
        let env = EVALUATION_ENVS.checked_add(episode).filter(|env| *env < u64::MAX);
        let env = env.ok_or_else(|| Error::input(format!("there is no episode {episode}")))?;
        let lane = opening(&scenario, seed, env);
        let acting = cast.fork();
        let names = cast.players.iter().map(|player| short_name(&player.name)).collect();
        Ok(Self { scenario, names, seed, env, cast, acting, lane, tick: 0 })
    }
}

impl Film for Played {
    fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn policies(&self) -> &[String] {
        &self.names
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn ticks(&self) -> RangeInclusive<u64> {
        0..=u64::from(self.scenario.max_steps)
    }

    fn tick(&self) -> u64 {
        self.tick
    }

    fn seek(&mut self, tick: u64) -> Result<()> {
        if !self.ticks().contains(&tick) {
            return Err(Error::input(format!("there is no tick {tick}: the episode ends at {}", self.ticks().end())));
        }
        if tick < self.tick {
            self.lane = opening(&self.scenario, self.seed, self.env);
            self.acting = self.cast.fork();
            self.tick = 0;
        }
        while self.tick < tick {
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<bool> {
        if self.tick >= *self.ticks().end() {
            return Ok(false);
        }
        self.acting.act(&mut self.lane)?;
        self.lane.step();
        self.tick += 1;
        Ok(true)
    }

    fn lane(&self) -> &Lane {
        &self.lane
    }
}

/// What a policy is called in a caption: the last part of a path.
fn short_name(policy: &str) -> String {
    Path::new(policy).file_name().map_or_else(|| policy.to_owned(), |name| name.to_string_lossy().into_owned())
}

fn opening(scenario: &Scenario, seed: u64, env: u64) -> Lane {
    Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(seed), env..env + 1)
}
