//! Hyperparameters that change over a run.

use serde::{Deserialize, Serialize};

/// A straight line from the start of a run to its end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Value at the first update.
    pub start: f64,
    /// Value once the run is over.
    pub end: f64,
}

impl Schedule {
    /// The same value throughout.
    pub const fn constant(value: f64) -> Self {
        Self { start: value, end: value }
    }

    /// Falls to zero: the usual annealing of a learning rate.
    pub const fn to_zero(start: f64) -> Self {
        Self { start, end: 0.0 }
    }

    /// Value at a progress from 0 (start) to 1 (end); progress outside is taken as the nearer of the two.
    pub fn at(&self, progress: f64) -> f64 {
        let progress = if progress.is_nan() { 0.0 } else { progress.clamp(0.0, 1.0) };
        // Exact at both ends, which start + (end - start) * progress is not.
        self.start * (1.0 - progress) + self.end * progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_a_line_that_ends_where_it_says() {
        let schedule = Schedule { start: 3e-4, end: 1e-5 };
        assert_eq!(schedule.at(0.0), 3e-4);
        assert_eq!(schedule.at(1.0), 1e-5);
        assert!((schedule.at(0.25) - 2.275e-4).abs() < 1e-18);
        assert_eq!(Schedule::to_zero(0.1).at(1.0), 0.0);
    }

    #[test]
    fn progress_outside_the_run_stays_at_its_ends() {
        let schedule = Schedule { start: 1.0, end: 2.0 };
        assert_eq!([schedule.at(-1.0), schedule.at(7.0), schedule.at(f64::NAN)], [1.0, 2.0, 1.0]);
        assert_eq!(Schedule::constant(0.3).at(0.7), 0.3);
    }
}
