//! Summaries of samples and what can be said about the means behind them: percentile bootstrap intervals, paired
//! comparisons, probability of improvement (Agarwal et al. 2021, "Deep reinforcement learning at the edge of the
//! statistical precipice").
//!
//! Everything here is a function of its arguments alone: resampling draws from ChaCha under the caller's seed, a fixed
//! number of times, and every sum runs in the order of the sample. A value that is not finite says "not measured"
//! (a swarm that never fragmented has no fragmentation time) and is left out; `n` tells how many were used.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};

/// Bootstrap resamples behind every interval: leaves a Monte Carlo error near 1 % of the interval's width.
pub const RESAMPLES: usize = 10_000;

/// Probability that an interval covers, in the long run, what it estimates.
pub const CONFIDENCE: f64 = 0.95;

/// An estimate and the [`CONFIDENCE`] interval around it. Without a sample (`n` = 0) the numbers are NaN, `null` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    #[serde(deserialize_with = "nan_when_null")]
    pub mean: f64,
    /// Lower end.
    #[serde(deserialize_with = "nan_when_null")]
    pub lo: f64,
    /// Upper end.
    #[serde(deserialize_with = "nan_when_null")]
    pub hi: f64,
    /// Values, or pairs of values, that were used.
    pub n: usize,
}

impl Interval {
    /// Whether the whole interval lies above `threshold`. Of a [`paired_difference`] and 0: the first is significantly
    /// above the second.
    pub fn is_above(&self, threshold: f64) -> bool {
        self.lo > threshold
    }
}

/// Arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation of the population the sample comes from (divided by n - 1); NaN below two values.
pub fn sd(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The middle value, or the mean of the two in the middle; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a fraction `q` (held to 0..=1) of the sample lies, between order statistics by straight lines
/// (type 7 of Hyndman and Fan 1996, the default of R and numpy); NaN of nothing.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    quantile_of_sorted(&sorted(values), q)
}

/// Interquartile mean: the mean of what remains when a quarter of the values, rounded down, is cut from either end;
/// NaN of nothing.
pub fn iqm(values: &[f64]) -> f64 {
    let cut = values.len() / 4;
    mean(&sorted(values)[cut..values.len() - cut])
}

/// Percentile bootstrap of the mean.
pub fn bootstrap_mean(values: &[f64], seed: u64) -> Interval {
    bootstrap(values, seed, mean)
}

/// Percentile bootstrap of any `statistic` of a sample, which sees the finite values in the order given, then resamples.
///
/// Intervals of fewer than about ten values are too narrow, as all percentile intervals are.
pub fn bootstrap(values: &[f64], seed: u64, statistic: impl Fn(&[f64]) -> f64) -> Interval {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let mut resample = values.clone();
    interval(statistic(&values), values.len(), seed, |rng| {
        for value in &mut resample {
            *value = values[index_below(values.len(), rng)];
        }
        statistic(&resample)
    })
}

/// Mean of `a[i] - b[i]`, with pairs resampled together: two policies on the same episodes, say. Positive when `a` is
/// larger; [`Interval::is_above`] 0 says that chance alone does not explain the difference.
///
/// # Errors
/// When the samples differ in length, which cannot be pairs.
pub fn paired_difference(a: &[f64], b: &[f64], seed: u64) -> Result<Interval> {
    let differences: Vec<f64> = pairs(a, b)?.into_iter().map(|(a, b)| a - b).collect();
    Ok(bootstrap_mean(&differences, seed))
}

/// Mean of `a` over mean of `b`, with pairs resampled together: the fraction of another policy's score on the same
/// episodes. Not finite where the mean of `b` is 0.
///
/// # Errors
/// When the samples differ in length, which cannot be pairs.
pub fn paired_ratio(a: &[f64], b: &[f64], seed: u64) -> Result<Interval> {
    let pairs = pairs(a, b)?;
    let ratio = |(a, b): (f64, f64)| a / b;
    let add = |sum: (f64, f64), pair: &(f64, f64)| (sum.0 + pair.0, sum.1 + pair.1);
    let estimate = ratio(pairs.iter().fold((0.0, 0.0), add));
    Ok(interval(estimate, pairs.len(), seed, |rng| {
        ratio((0..pairs.len()).fold((0.0, 0.0), |sum, _| add(sum, &pairs[index_below(pairs.len(), rng)])))
    }))
}

/// Probability that a value of `a` is larger than one of `b`, drawn independently; a tie counts one half. This is
/// Mann and Whitney's U over the number of pairs. `n` is the size of the smaller sample.
pub fn probability_of_improvement(a: &[f64], b: &[f64], seed: u64) -> Interval {
    let finite = |values: &[f64]| values.iter().copied().filter(|value| value.is_finite()).collect::<Vec<_>>();
    let (a, b) = (finite(a), finite(b));
    let mut levels = sorted(&[&a[..], &b[..]].concat());
    levels.dedup();
    let ranks = |values: &[f64]| -> Vec<usize> {
        values.iter().map(|value| levels.partition_point(|level| level < value)).collect()
    };
    let (a, b) = (ranks(&a), ranks(&b));
    let mut counts = vec![[0_u64; 2]; levels.len()];
    let estimate = superiority(&mut counts, a.iter().copied(), b.iter().copied());
    interval(estimate, a.len().min(b.len()), seed, |rng| {
        let first: Vec<usize> = a.iter().map(|_| a[index_below(a.len(), rng)]).collect();
        let second = b.iter().map(|_| b[index_below(b.len(), rng)]);
        superiority(&mut counts, first.into_iter(), second)
    })
}

/// Share of all pairs in which the first has the higher rank, ties one half. `counts` holds one entry per rank and is
/// overwritten.
fn superiority(
    counts: &mut [[u64; 2]],
    first: impl ExactSizeIterator<Item = usize>,
    second: impl ExactSizeIterator<Item = usize>,
) -> f64 {
    let pairs = first.len() as f64 * second.len() as f64;
    counts.fill([0; 2]);
    first.for_each(|rank| counts[rank][0] += 1);
    second.for_each(|rank| counts[rank][1] += 1);
    let (mut below, mut halves) = (0, 0);
    for &[here, other] in counts.iter() {
        halves += here * (2 * below + other);
        below += other;
    }
    halves as f64 / 2.0 / pairs
}

/// Percentile interval around `estimate` from [`RESAMPLES`] calls of `replicate`.
fn interval(estimate: f64, n: usize, seed: u64, mut replicate: impl FnMut(&mut ChaCha8Rng) -> f64) -> Interval {
    if n == 0 {
        return Interval { mean: f64::NAN, lo: f64::NAN, hi: f64::NAN, n };
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut replicates: Vec<f64> = (0..RESAMPLES).map(|_| replicate(&mut rng)).collect();
    replicates.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let (lo, hi) = (quantile_of_sorted(&replicates, tail), quantile_of_sorted(&replicates, 1.0 - tail));
    Interval { mean: estimate, lo, hi, n }
}

/// Pairs of which both values are finite.
fn pairs(a: &[f64], b: &[f64]) -> Result<Vec<(f64, f64)>> {
    if a.len() != b.len() {
        return Err(Error::input(format!("{} values cannot be paired with {}", a.len(), b.len()))
            .hint("evaluate both on the same episodes"));
    }
    let pairs = a.iter().copied().zip(b.iter().copied());
    Ok(pairs.filter(|(a, b)| a.is_finite() && b.is_finite()).collect())
}

/// An index below `n`, off from uniform by less than n / 2^32.
fn index_below(n: usize, rng: &mut ChaCha8Rng) -> usize {
    ((u64::from(rng.next_u32()) * n as u64) >> 32) as usize
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn quantile_of_sorted(values: &[f64], q: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let place = last as f64 * q.clamp(0.0, 1.0);
    let (below, part) = (place.floor() as usize, place - place.floor());
    let low = values[below.min(last)];
    // Without the test, a neighbour that is infinite would make NaN of an exact hit.
    if part == 0.0 { low } else { low + (values[(below + 1).min(last)] - low) * part }
}

fn nan_when_null<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    /// Roughly normal numbers: the sum of twelve uniform ones.
    fn sample(n: usize, mean: f64, sd: f64, rng: &mut ChaCha20Rng) -> Vec<f64> {
        let mut uniform = || f64::from(rng.next_u32()) / 4_294_967_296.0;
        (0..n).map(|_| mean + sd * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0)).collect()
    }

    fn rng(seed: u64) -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(seed)
    }

    #[test]
    fn summaries_of_a_known_sample() {
        let values = [9.0, 1.0, 4.0, 2.0, 8.0];
        assert_eq!((mean(&values), median(&values)), (4.8, 4.0));
        assert!((sd(&values) - 12.7_f64.sqrt()).abs() < 1e-15);
        assert_eq!([0.0, 0.25, 0.4, 1.0, -3.0, 7.0].map(|q| quantile(&values, q)), [1.0, 2.0, 3.2, 9.0, 1.0, 9.0]);
        assert_eq!(median(&[1.0, 2.0]), 1.5);
        assert_eq!(iqm(&[100.0, 1.0, 2.0, 3.0, 4.0, -50.0, 0.0, 9.0]), 2.5);
        assert_eq!(iqm(&[1.0, 2.0, 6.0]), 3.0);
    }

    #[test]
    fn summaries_of_nothing_are_nan() {
        for summary in [mean, sd, median, iqm] {
            assert!(summary(&[]).is_nan());
        }
        assert!(sd(&[1.0]).is_nan());
        assert!(quantile(&[1.0, 2.0], f64::NAN).is_nan());
    }

    #[test]
    fn an_interval_has_the_width_that_theory_gives() {
        let values = sample(400, 10.0, 2.0, &mut rng(1));
        let found = bootstrap_mean(&values, 7);
        let half = 1.959_964 * sd(&values) / 20.0;
        assert_eq!((found.mean, found.n), (mean(&values), 400));
        assert!((found.hi - found.mean - half).abs() < 0.05 * half, "{found:?}");
        assert!((found.mean - found.lo - half).abs() < 0.05 * half, "{found:?}");
    }

    #[test]
    fn intervals_cover_the_truth_about_95_times_in_100() {
        let covered = (0..200).filter(|&seed| {
            let found = bootstrap_mean(&sample(50, 3.0, 1.0, &mut rng(seed)), seed);
            found.lo <= 3.0 && 3.0 <= found.hi
        });
        let covered = covered.count();
        assert!((180..=199).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_another_seed_does_not() {
        let values = sample(30, 0.0, 1.0, &mut rng(2));
        assert_eq!(bootstrap(&values, 5, iqm), bootstrap(&values, 5, iqm));
        assert_ne!(bootstrap(&values, 5, iqm), bootstrap(&values, 6, iqm));
    }

    #[test]
    fn one_value_has_an_interval_without_width_and_none_has_nan() {
        assert_eq!(bootstrap_mean(&[4.5], 1), Interval { mean: 4.5, lo: 4.5, hi: 4.5, n: 1 });
        let none = bootstrap_mean(&[f64::NAN, f64::INFINITY], 1);
        assert!(none.n == 0 && none.mean.is_nan() && !none.is_above(f64::NEG_INFINITY));
        assert_eq!(bootstrap_mean(&[f64::NAN, 4.5], 1).n, 1);
    }

    #[test]
    fn pairing_finds_a_difference_that_the_spread_hides() {
        let b = sample(60, 100.0, 30.0, &mut rng(3));
        let noise = sample(60, 1.0, 1.0, &mut rng(4));
        let a: Vec<f64> = b.iter().zip(&noise).map(|(b, noise)| b + noise).collect();
        assert!(paired_difference(&a, &b, 1).unwrap().is_above(0.0));
        assert!(!paired_difference(&b, &a, 1).unwrap().is_above(0.0));
        let (a_alone, b_alone) = (bootstrap_mean(&a, 1), bootstrap_mean(&b, 1));
        assert!(a_alone.lo < b_alone.hi, "unpaired intervals overlap");
        assert!(!paired_difference(&b, &b, 1).unwrap().is_above(0.0));
    }

    #[test]
    fn a_pair_counts_only_when_both_were_measured() {
        let found = paired_difference(&[1.0, f64::NAN, 5.0], &[0.0, 9.0, f64::INFINITY], 1).unwrap();
        assert_eq!(found, Interval { mean: 1.0, lo: 1.0, hi: 1.0, n: 1 });
        let error = paired_difference(&[1.0], &[1.0, 2.0], 1).unwrap_err();
        assert_eq!(error.to_string(), "1 values cannot be paired with 2; evaluate both on the same episodes");
        assert!(paired_ratio(&[1.0], &[], 1).is_err());
    }

    #[test]
    fn a_ratio_is_that_of_the_means() {
        let found = paired_ratio(&[1.0, 2.0, 6.0], &[2.0, 4.0, 12.0], 1).unwrap();
        assert_eq!(found, Interval { mean: 0.5, lo: 0.5, hi: 0.5, n: 3 });
        assert_eq!(paired_ratio(&[1.0, 5.0], &[3.0, 1.0], 1).unwrap().mean, 1.5);
        assert!(!paired_ratio(&[1.0], &[0.0], 1).unwrap().mean.is_finite());
    }

    #[test]
    fn probability_of_improvement_counts_pairs() {
        assert_eq!(probability_of_improvement(&[2.0, 3.0], &[0.0, 1.0], 1).mean, 1.0);
        assert_eq!(probability_of_improvement(&[1.0, 1.0], &[1.0, 1.0, 1.0], 1).mean, 0.5);
        let found = probability_of_improvement(&[0.0, 2.0, 2.0, f64::NAN], &[-0.0, 1.0, 3.0], 1);
        assert_eq!((found.mean, found.n), (4.5 / 9.0, 3));
        assert_eq!(probability_of_improvement(&[], &[1.0], 1).n, 0);
        let (a, b) = (sample(900, 1.0, 1.0, &mut rng(5)), sample(800, 0.0, 1.0, &mut rng(6)));
        // P(a > b) of two unit normals one apart is the normal distribution at 1 / sqrt 2.
        let found = probability_of_improvement(&a, &b, 1);
        assert!((found.mean - 0.760).abs() < 0.03 && found.is_above(0.7), "{found:?}");
    }

    #[test]
    fn an_interval_survives_json_even_without_a_sample() {
        let found = bootstrap_mean(&[0.1, 0.7, 0.3], 3);
        assert_eq!(serde_json::from_str::<Interval>(&serde_json::to_string(&found).unwrap()).unwrap(), found);
        let none = serde_json::to_string(&bootstrap_mean(&[], 3)).unwrap();
        assert_eq!(none, r#"{"mean":null,"lo":null,"hi":null,"n":0}"#);
        assert!(serde_json::from_str::<Interval>(&none).unwrap().mean.is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn an_interval_holds_its_estimate_and_moves_with_the_sample(
            values in prop::collection::vec(-100f64..100.0, 12..40),
            shift in -50f64..50.0,
        ) {
            let found = bootstrap_mean(&values, 9);
            prop_assert!(found.lo <= found.mean && found.mean <= found.hi);
            let shifted: Vec<f64> = values.iter().map(|value| value + shift).collect();
            let moved = bootstrap_mean(&shifted, 9);
            prop_assert!((moved.lo - found.lo - shift).abs() < 1e-9 && (moved.hi - found.hi - shift).abs() < 1e-9);
        }

        #[test]
        fn improvement_by_ranks_is_improvement_by_all_pairs(
            a in prop::collection::vec((-5i32..5).prop_map(f64::from), 1..12),
            b in prop::collection::vec((-5i32..5).prop_map(f64::from), 1..12),
        ) {
            let score = |a: f64, b: f64| if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
            let total: f64 = a.iter().flat_map(|&a| b.iter().map(move |&b| score(a, b))).sum();
            let found = probability_of_improvement(&a, &b, 4);
            prop_assert!((found.mean - total / (a.len() * b.len()) as f64).abs() < 1e-12);
            let other = probability_of_improvement(&b, &a, 4);
            prop_assert!((found.mean + other.mean - 1.0).abs() < 1e-12);
        }
    }
}
