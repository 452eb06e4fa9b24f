//! Measuring CPU time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::math::statistics::median;

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
        Self { repetitions: 9, least: Duration::from_millis(50) }
    }
}

impl Meter {
    /// CPU seconds of one call of `work`.
    pub(super) fn seconds(self, mut work: impl FnMut()) -> f64 {
        work();
        let mut seconds = Vec::with_capacity(self.repetitions);
        let mut calls = 1_u32;
        while seconds.len() < self.repetitions {
            let start = cpu_time();
            (0..calls).for_each(|_| work());
            let spent = cpu_time() - start;
            if spent < self.least && calls < u32::MAX / 2 {
                calls *= 2;
            } else {
                seconds.push(spent.as_secs_f64() / f64::from(calls));
            }
        }
        median(&seconds)
    }
}

/// CPU time that this process has used so far, over all its threads: `CLOCK_PROCESS_CPUTIME_ID`.
pub(super) fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_work_takes_about_twice_the_time() {
        let spin = |rounds: u64| {
            move || {
                std::hint::black_box((0..rounds).fold(1_u64, |x, i| std::hint::black_box(x.wrapping_mul(3) ^ i)));
            }
        };
        let meter = Meter { repetitions: 5, least: Duration::from_millis(5) };
        let (one, two) = (meter.seconds(spin(20_000)), meter.seconds(spin(40_000)));
        assert!((1.5..3.0).contains(&(two / one)), "{one} s and {two} s");
    }

    #[test]
    fn waiting_is_not_work() {
        let start = cpu_time();
        std::thread::sleep(Duration::from_millis(60));
        assert!(cpu_time() - start < Duration::from_millis(50));
    }
}
