//! Measuring CPU time.

use std::time::Duration;

use crate::{math::statistics::median, session::cpu_time};

/// How long and how often something is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    /// Repetitions that the median is taken of.
    pub repetitions: usize,
    /// CPU time of each repetition, at least.
    pub least: Duration,
}

impl Default for Meter {
    fn default() -> Self {
        Self { repetitions: 9, least: Duration::from_millis(30) }
    }
}

/// CPU seconds of one call of `work`, which is long enough to be timed by itself: the median over as many calls as fit into
/// `budget`, at least one. There is no warm-up.
pub(super) fn seconds_within(budget: Duration, mut work: impl FnMut()) -> f64 {
    let start = cpu_time();
    let mut seconds = Vec::new();
    while seconds.is_empty() || cpu_time() - start < budget {
        let before = cpu_time();
        work();
        seconds.push((cpu_time() - before).as_secs_f64());
    }
    median(&seconds)
}

impl Meter {
    /// CPU seconds of one call of `work`.
    pub(super) fn seconds(self, work: impl FnMut()) -> f64 {
        self.seconds_by(cpu_time, work)
    }

    /// [`seconds`](Self::seconds) by any clock.
    fn seconds_by(self, now: impl Fn() -> Duration, mut work: impl FnMut()) -> f64 {
        work();
        let mut seconds = Vec::with_capacity(self.repetitions);
        let mut calls = 1_u32;
        while seconds.len() < self.repetitions {
            let start = now();
            (0..calls).for_each(|_| work());
            let spent = now().saturating_sub(start);
            if spent < self.least && calls < u32::MAX / 2 {
                calls *= 2;
            } else {
                seconds.push(spent.as_secs_f64() / f64::from(calls));
            }
        }
        median(&seconds)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Measures work whose calls take these milliseconds; the last one goes on for ever.
    fn measure(meter: Meter, millis: &[u64]) -> (f64, usize) {
        let (clock, calls) = (Cell::new(Duration::ZERO), Cell::new(0));
        let seconds = meter.seconds_by(
            || clock.get(),
            || {
                let call = calls.replace(calls.get() + 1).min(millis.len() - 1);
                clock.set(clock.get() + Duration::from_millis(millis[call]));
            },
        );
        (seconds, calls.get())
    }

    #[test]
    fn short_work_is_repeated_until_the_clock_can_tell() {
        let meter = Meter { repetitions: 3, least: Duration::from_millis(7) };
        // A warm-up, attempts with 1, 2 and 4 calls, then three repetitions of 8.
        assert_eq!(measure(meter, &[1]), (0.001, 1 + 1 + 2 + 4 + 3 * 8));
    }

    #[test]
    fn neither_the_warm_up_nor_a_disturbance_counts() {
        let meter = Meter { repetitions: 3, least: Duration::ZERO };
        assert_eq!(measure(meter, &[900, 5, 800, 5]), (0.005, 4));
    }

    #[test]
    fn the_clock_counts_work() {
        let start = cpu_time();
        let mut x = 1_u64;
        while cpu_time() == start {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(cpu_time() > start);
    }
}
