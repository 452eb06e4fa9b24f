//! How fast simulated time goes by: play, pause, speed, freeze, loop.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Speeds that the keys go through, in simulated seconds per second.
const SPEEDS: [f64; 11] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];

/// Slowest and fastest speed that can be chosen, in simulated seconds per second.
pub const SPEED_RANGE: (f64, f64) = (0.1, 200.0);

/// Longest time that is caught up with in one frame; a window that was asleep does not race afterwards.
const MOST_ELAPSED: Duration = Duration::from_millis(250);

/// How fast simulated time goes by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Speed {
    /// Simulated seconds per second.
    Times(f64),
    /// As many ticks as fit between two frames.
    Max,
}

impl Speed {
    /// This speed, if it is one.
    ///
    /// # Errors
    /// A number of times that is none, or beyond what can be chosen.
    pub fn checked(self) -> Result<Self> {
        let (least, most) = SPEED_RANGE;
        match self {
            Self::Times(times) if !(least..=most).contains(&times) => {
                Err(Error::input(format!("{times} is no speed: {least} to {most} simulated seconds per second are")))
            }
            _ => Ok(self),
        }
    }

    /// The next faster one.
    pub fn faster(self) -> Self {
        match self {
            Self::Times(times) => {
                SPEEDS.iter().find(|speed| **speed > times * 1.001).map_or(Self::Max, |s| Self::Times(*s))
            }
            Self::Max => Self::Max,
        }
    }

    /// The next slower one.
    pub fn slower(self) -> Self {
        let [least, .., most] = SPEEDS;
        match self {
            Self::Times(times) => Self::Times(SPEEDS.iter().rfind(|s| **s < times * 0.999).copied().unwrap_or(least)),
            Self::Max => Self::Times(most),
        }
    }
}

/// The transport of the displayed envs.
#[derive(Clone, Debug, PartialEq)]
pub struct Transport {
    /// Whether time goes by.
    pub is_playing: bool,
    /// How fast.
    pub speed: Speed,
    /// Whether the view stays as it is while the simulation goes on: another thing than a pause.
    pub is_frozen: bool,
    /// Ticks that are played over and over.
    pub repeat: Option<(u64, u64)>,
    /// Simulated seconds that have gone by and were not yet played.
    debt_s: f64,
}

impl Transport {
    /// Stands still, at 20 ticks of `tick_s` seconds per second once it plays.
    pub fn new(tick_s: f64) -> Self {
        let smooth = 20.0 * tick_s;
        let nearest = SPEEDS.into_iter().min_by(|a, b| (a - smooth).abs().total_cmp(&(b - smooth).abs()));
        let speed = Speed::Times(nearest.unwrap_or(1.0));
        Self { is_playing: false, speed, is_frozen: false, repeat: None, debt_s: 0.0 }
    }

    /// Ticks of `tick_s` seconds that are due after `elapsed`; none says as many as there is time for.
    pub fn due(&mut self, elapsed: Duration, tick_s: f64) -> Option<u32> {
        if !self.is_playing {
            self.debt_s = 0.0;
            return Some(0);
        }
        let Speed::Times(times) = self.speed else { return None };
        self.debt_s += times * elapsed.min(MOST_ELAPSED).as_secs_f64();
        let ticks = (self.debt_s / tick_s.max(f64::MIN_POSITIVE)).floor().min(1e6);
        self.debt_s -= ticks * tick_s;
        Some(ticks as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_at_the_speed_that_was_asked_for() {
        let mut transport = Transport { is_playing: true, speed: Speed::Times(2.0), ..Transport::new(0.5) };
        let frames = (0..600).map(|_| transport.due(Duration::from_micros(16_667), 0.5)).map(Option::unwrap_or_default);
        assert!((39..=40).contains(&frames.sum::<u32>()), "10 seconds at 2 times real time are 40 ticks");
    }

    #[test]
    fn a_pause_and_a_long_sleep_owe_nothing() {
        let mut transport = Transport::new(0.5);
        assert_eq!(transport.due(Duration::from_secs(9), 0.5), Some(0));
        transport.is_playing = true;
        transport.speed = Speed::Times(10.0);
        assert_eq!(transport.due(Duration::from_secs(60), 0.5), Some(5));
        transport.speed = Speed::Max;
        assert_eq!(transport.due(Duration::from_secs(1), 0.5), None);
    }

    #[test]
    fn faster_and_slower_are_ways_back_from_each_other() {
        let mut speed = Speed::Times(0.1);
        let mut seen = vec![speed];
        while speed != Speed::Max {
            speed = speed.faster();
            seen.push(speed);
        }
        for expected in seen.iter().rev().skip(1) {
            speed = speed.slower();
            assert_eq!(speed, *expected);
        }
        assert_eq!(speed.slower(), speed, "there is a slowest");
    }
}
