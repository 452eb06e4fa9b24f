//! Recordings as films.

use std::ops::RangeInclusive;

use super::Film;
use crate::{domains::Scenario, error::Result, record::Replay, sim::Lane};

impl Film for Replay {
    fn scenario(&self) -> &Scenario {
        Replay::scenario(self)
    }

    fn policies(&self) -> &[String] {
        &self.header().policies
    }

    fn seed(&self) -> u64 {
        self.header().seed
    }

    fn ticks(&self) -> RangeInclusive<u64> {
        Replay::ticks(self)
    }

    fn tick(&self) -> u64 {
        Replay::tick(self)
    }

    fn seek(&mut self, tick: u64) -> Result<()> {
        Replay::seek(self, tick)
    }

    fn step(&mut self) -> Result<bool> {
        Replay::step(self)
    }

    fn lane(&self) -> &Lane {
        Replay::lane(self)
    }
}
