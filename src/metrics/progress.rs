//! How far a run is, how fast it goes, and when it will be done.
//!
//! The rate is the median over the last stretches between two points, so that a pause (an evaluation, a checkpoint, a
//! laptop asleep) does not spoil the estimate.

use std::collections::VecDeque;

use super::Point;
use crate::math::statistics::median;

/// What ends a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// So many env-steps since the start of the run.
    Steps(u64),
    /// So much wall time since the start of the run, in seconds.
    Seconds(f64),
}

/// Position on the way to a goal.
#[derive(Clone, Debug)]
pub struct Progress {
    goal: Goal,
    step: u64,
    wall_s: f64,
    /// Env-steps per second of the last stretches, newest at the back.
    rates: VecDeque<f64>,
}

/// Stretches that the rate is the median of.
const STRETCHES: usize = 31;

impl Progress {
    /// On the way to `goal`, at `step` env-steps and `wall_s` seconds: zeros for a new run, those of the checkpoint for a
    /// resumed one.
    pub fn new(goal: Goal, step: u64, wall_s: f64) -> Self {
        Self { goal, step, wall_s, rates: VecDeque::with_capacity(STRETCHES) }
    }

    /// Moves on. A stretch without steps or without time, or a clock set back, counts for position but not for rate.
    pub fn advance(&mut self, step: u64, wall_s: f64) {
        let rate = step.saturating_sub(self.step) as f64 / (wall_s - self.wall_s);
        if rate > 0.0 && rate.is_finite() {
            if self.rates.len() == STRETCHES {
                self.rates.pop_front();
            }
            self.rates.push_back(rate);
        }
        self.step = step;
        self.wall_s = wall_s;
    }

    /// Env-steps done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What ends the run.
    pub fn goal(&self) -> Goal {
        self.goal
    }

    /// Env-steps per second; none before the second point.
    pub fn steps_per_s(&self) -> Option<f64> {
        let rates: Vec<f64> = self.rates.iter().copied().collect();
        (!rates.is_empty()).then(|| median(&rates))
    }

    /// Seconds left; none as long as there is nothing to estimate from.
    pub fn eta_s(&self) -> Option<f64> {
        let left = match self.goal {
            Goal::Steps(steps) if steps <= self.step => Some(0.0),
            Goal::Steps(steps) => self.steps_per_s().map(|rate| (steps - self.step) as f64 / rate),
            Goal::Seconds(seconds) => Some((seconds - self.wall_s).max(0.0)),
        };
        left.filter(|left| left.is_finite())
    }

    /// Share of the way done, 0 to 1.
    pub fn fraction(&self) -> f64 {
        let share = match self.goal {
            Goal::Steps(steps) => self.step as f64 / steps as f64,
            Goal::Seconds(seconds) => self.wall_s / seconds,
        };
        // A goal of nothing is reached.
        if share.is_nan() { 1.0 } else { share.clamp(0.0, 1.0) }
    }
}

/// `1.20M/2.00M steps 412k/s ETA 0:32 episodic_return 12.3`: fits beside the bar in 80 columns.
pub(super) fn in_words(progress: &Progress, point: &Point<'_>, headline: &[String]) -> String {
    let mut text = match progress.goal() {
        Goal::Steps(steps) => format!("{}/{} steps", short(point.step as f64), short(steps as f64)),
        Goal::Seconds(_) => format!("{} steps", short(point.step as f64)),
    };
    if let Some(rate) = progress.steps_per_s() {
        text.push_str(&format!(" {}/s", short(rate)));
    }
    if let Some(eta_s) = progress.eta_s() {
        text.push_str(&format!(" ETA {}", clock(eta_s)));
    }
    for name in headline {
        if let Some((_, value)) = point.scalars.iter().find(|(other, _)| other == name) {
            let label = name.rsplit('/').next().unwrap_or(name);
            text.push_str(&format!(" {label} {}", short(*value)));
        }
    }
    text
}

/// Three significant digits and a suffix for thousands, millions, billions.
fn short(value: f64) -> String {
    const SUFFIXES: [(f64, &str); 3] = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    if !value.is_finite() {
        return value.to_string();
    }
    // From here on three digits would round up to the next suffix.
    let scale = SUFFIXES.iter().find(|(unit, _)| value.abs() >= 0.9995 * unit);
    let (value, suffix) = scale.map_or((value, ""), |(unit, suffix)| (value / unit, *suffix));
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.0995 || size == 0.0 => 2,
        _ => return format!("{value:.2e}"),
    };
    let whole = suffix.is_empty() && value.fract() == 0.0;
    format!("{value:.*}{suffix}", if whole { 0 } else { decimals })
}

/// `0:32`, `12:07`, `3:05:00`.
fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_does_not_spoil_the_estimate() {
        let mut progress = Progress::new(Goal::Steps(1000), 0, 0.0);
        assert_eq!((progress.steps_per_s(), progress.eta_s(), progress.fraction()), (None, None, 0.0));
        for tick in 1..=4_u32 {
            progress.advance(u64::from(tick) * 100, f64::from(tick));
        }
        progress.advance(500, 1004.0);
        assert_eq!((progress.steps_per_s(), progress.eta_s(), progress.fraction()), (Some(100.0), Some(5.0), 0.5));
    }

    #[test]
    fn a_resumed_run_starts_where_it_was() {
        let mut progress = Progress::new(Goal::Steps(1000), 800, 60.0);
        assert_eq!(progress.fraction(), 0.8);
        progress.advance(900, 61.0);
        assert_eq!((progress.steps_per_s(), progress.eta_s()), (Some(100.0), Some(1.0)));
        progress.advance(1001, 62.0);
        assert_eq!((progress.eta_s(), progress.fraction()), (Some(0.0), 1.0));
    }

    #[test]
    fn a_goal_in_seconds_needs_no_rate() {
        let mut progress = Progress::new(Goal::Seconds(60.0), 0, 0.0);
        assert_eq!((progress.eta_s(), progress.fraction()), (Some(60.0), 0.0));
        progress.advance(0, 45.0);
        assert_eq!((progress.eta_s(), progress.fraction(), progress.steps_per_s()), (Some(15.0), 0.75, None));
    }

    #[test]
    fn a_clock_that_stands_or_runs_back_is_survived() {
        let mut progress = Progress::new(Goal::Steps(100), 0, 5.0);
        for (step, wall_s) in [(10, 5.0), (20, 4.0), (30, f64::NAN), (30, 6.0)] {
            progress.advance(step, wall_s);
            assert_eq!((progress.steps_per_s(), progress.eta_s()), (None, None));
        }
        progress.advance(40, 7.0);
        assert_eq!(progress.steps_per_s(), Some(10.0));
    }

    #[test]
    fn only_the_latest_stretches_count() {
        let mut progress = Progress::new(Goal::Steps(u64::MAX), 0, 0.0);
        for _ in 0..100 {
            progress.advance(progress.step + 10, progress.wall_s + 1.0);
        }
        for _ in 0..16 {
            progress.advance(progress.step + 30, progress.wall_s + 1.0);
        }
        assert_eq!(progress.steps_per_s(), Some(30.0));
    }

    #[test]
    fn a_goal_of_nothing_is_reached() {
        assert_eq!(Progress::new(Goal::Steps(0), 0, 0.0).fraction(), 1.0);
        assert_eq!(Progress::new(Goal::Seconds(0.0), 0, 0.0).fraction(), 1.0);
    }

    #[test]
    fn numbers_are_short_and_times_are_clocks() {
        let shown = [0.0, 7.0, 0.5, 12.345, 99.96, 412_345.0, 999_600.0, 1_200_000.0, 2.5e9, -0.001_23, f64::INFINITY]
            .map(short);
        assert_eq!(shown, ["0", "7", "0.50", "12.3", "100", "412k", "1.00M", "1.20M", "2.50G", "-1.23e-3", "inf"]);
        assert_eq!([0.4, 32.0, 727.0, 11_100.0].map(clock), ["0:00", "0:32", "12:07", "3:05:00"]);
    }
}
