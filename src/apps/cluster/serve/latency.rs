//! How long decisions took: counts in classes whose width grows with the time, so that any number of decisions fits into
//! the same memory.

use std::time::Duration;

use super::protocol::Percentiles;

/// Classes per doubling: a percentile is off by 1/32 at most.
const STEPS: u64 = 32;
/// Doublings; what takes longer than 2^40 ns falls into the last class.
const DOUBLINGS: u64 = 36;

/// Counts of latencies.
pub(super) struct Latency {
    classes: Vec<u64>,
    count: u64,
    max: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self { classes: vec![0; (STEPS * (DOUBLINGS + 1)) as usize], count: 0, max: Duration::ZERO }
    }
}

impl Latency {
    /// Counts one.
    pub(super) fn note(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let last = self.classes.len() - 1;
        self.classes[class(nanos).min(last)] += 1;
        self.count += 1;
        self.max = self.max.max(latency);
    }

    /// What half and what 99 of 100 stay below.
    pub(super) fn percentiles(&self) -> Percentiles {
        let max = micros(self.max);
        let at = |share: f64| {
            let rank = (share * self.count as f64).ceil() as u64;
            let mut below = 0;
            let class = self.classes.iter().position(|count| {
                below += count;
                below >= rank.max(1)
            });
            class.map_or(0.0, |class| round(end_ns(class) as f64 / 1e3).min(max))
        };
        Percentiles { count: self.count, p50: at(0.5), p99: at(0.99), max }
    }
}

/// A time as it is told: in µs with two decimals.
pub(super) fn micros(time: Duration) -> f64 {
    round(time.as_secs_f64() * 1e6)
}

fn round(micros: f64) -> f64 {
    (micros * 100.0).round() / 100.0
}

/// The class of a time: itself up to `STEPS`, then `STEPS` classes for each doubling.
fn class(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let doubling = u64::from(nanos.ilog2() - STEPS.ilog2());
    (STEPS * doubling + (nanos >> doubling)) as usize
}

/// The longest time of a class.
fn end_ns(class: usize) -> u64 {
    let class = class as u64;
    if class < 2 * STEPS {
        return class;
    }
    let doubling = class / STEPS - 1;
    ((class % STEPS + STEPS + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_within_a_32nd_of_the_end_of_its_class() {
        for nanos in (0..5000).chain([1 << 20, (1 << 20) + 1, 123_456_789, (1 << 40) - 1]) {
            let end = end_ns(class(nanos));
            assert!(end >= nanos && end - nanos <= nanos / STEPS, "{nanos} is in a class that ends at {end}");
            assert!(class(end) == class(nanos) && class(end + 1) == class(nanos) + 1, "{nanos}");
        }
    }

    #[test]
    fn percentiles_are_those_of_all_that_was_noted() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentiles(), Percentiles::default());
        (1..=1000).for_each(|micros| latency.note(Duration::from_micros(micros)));
        let found = latency.percentiles();
        assert!((found.p50 / 500.0 - 1.0).abs() < 0.04 && (found.p99 / 990.0 - 1.0).abs() < 0.04, "{found:?}");
        assert_eq!((found.count, found.max), (1000, 1000.0));
        latency.note(Duration::MAX);
        assert_eq!(latency.percentiles().count, 1001);
    }
}
