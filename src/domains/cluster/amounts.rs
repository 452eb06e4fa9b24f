//! When a demand fits: the one place that knows how finely amounts of resources are counted.
//!
//! Amounts are decimals, such as a fifth of a GPU, which binary numbers hold only nearly: five fifths add up to a little more
//! than one. So amounts are counted in whole units of 1/10000, as Ray and Spark count them, and what is missing by less than
//! half a unit is not missing. Demands above some thousands are kept less finely than that, as `f32`. What their rounding
//! comes to, at most 2^-24 of the capacity for all of them together, is not missing either. Whole numbers are told apart as
//! long as `f32` can tell them apart, which is up to 2^24.

/// Half of the unit in which amounts are counted.
const HALF_UNIT: f64 = 0.5e-4;

/// Largest share of a number that its rounding to `f32` adds or takes away.
const ROUNDING: f64 = 1.0 / (1 << 24) as f64;

/// Largest amount that a scenario, a trace or a request may name: a petabyte in bytes.
pub const MOST: f64 = 1e15;

/// Whether `free` of a resource suffices for `demand`; a node has `capacity` of it altogether.
///
/// Asked for each resource of each node, many times a tick: most answers need no tolerance.
#[inline]
pub(super) fn suffices(free: f64, demand: f64, capacity: f64) -> bool {
    // A number that is none suffices for nothing.
    free >= demand || demand - free <= tolerance(capacity)
}

/// What may be missing of a demand that fits.
#[inline]
pub(super) fn tolerance(capacity: f64) -> f64 {
    (ROUNDING * capacity).max(HALF_UNIT)
}

/// A capacity as it is kept: never less than what was named, or demands that add up to it would not fit.
pub fn capacity(named: f64) -> f32 {
    let nearest = named as f32;
    if f64::from(nearest) < named { nearest.next_up() } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many such demands fit one after the other.
    fn fitting(demand: f64, capacity: f64) -> usize {
        let (limit, demand) = (f64::from(super::capacity(capacity)), f64::from(demand as f32));
        let mut used = 0.0;
        let mut count = 0;
        while count < 100_000 && suffices(limit - used, demand, limit) {
            used += demand;
            count += 1;
        }
        count
    }

    #[test]
    fn decimals_that_add_up_to_a_capacity_fit_and_no_more() {
        for (demand, capacity, count) in [
            (0.2, 1.0, 5),
            (0.1, 1.0, 10),
            (0.3, 3.0, 10),
            (0.4, 2.0, 5),
            (0.6, 6.0, 10),
            (1.1, 11.0, 10),
            (0.25, 1.0, 4),
            (0.0001, 1.0, 10_000),
            (0.1, 5000.0, 50_000),
            (3333.35, 10_000.05, 3),
            // Bytes: three thirds of 64 GiB, and tenths of a petabyte.
            (22_906_492_245.0, 68_719_476_736.0, 3),
            (1e14, MOST, 10),
        ] {
            assert_eq!(fitting(demand, capacity), count, "{demand} in {capacity}");
        }
    }

    #[test]
    fn a_unit_too_much_does_not_fit() {
        assert!(suffices(1.0, 1.0, 1.0) && !suffices(1.0, 1.0001, 1.0) && !suffices(0.0001, 0.0002, 1.0));
        for whole in [3.0, 1e6, 16_777_215.0] {
            assert!(!suffices(whole - 1.0, whole, whole), "{whole}");
        }
        assert!(!suffices(f64::NAN, 0.0, 1.0));
    }

    #[test]
    fn no_capacity_is_less_than_it_was_named() {
        for named in [0.0, 0.1, 1.0, 10_000.05, 16_777_217.0, 123_456_789.0, MOST] {
            let kept = f64::from(capacity(named));
            assert!(kept >= named && kept - named <= named * 2.0 * ROUNDING, "{named} is kept as {kept}");
        }
    }
}
