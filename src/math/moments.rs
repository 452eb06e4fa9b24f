//! Running mean and variance of the columns of a stream of rows, and the normalisation made from them.
//!
//! Each batch is reduced by itself in two passes, then merged by the formula of Chan, Golub and LeVeque (1979), which
//! does not cancel however large the mean is. All sums are in f64 and run in row order: the same batches in the same
//! order give the same bits. Another cut of the stream into batches gives other bits, as with any float sum.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Count, mean and squared deviations of every column seen so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct RunningMoments {
    count: u64,
    mean: Vec<f64>,
    /// Sum over rows of the squared deviation from the mean.
    deviation: Vec<f64>,
}

/// Moments as a file holds them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    count: u64,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

/// A column whose standard deviation stays below this is constant for a normaliser: it is centred, not stretched.
const SMALLEST_SD: f64 = 1e-6;

impl RunningMoments {
    /// Nothing seen yet of `columns` columns.
    pub fn new(columns: usize) -> Self {
        Self { count: 0, mean: vec![0.0; columns], deviation: vec![0.0; columns] }
    }

    /// As if `rows` rows with these means and standard deviations had been seen.
    ///
    /// # Errors
    /// Different numbers of means and deviations, or one that is not finite.
    pub fn assumed(mean: &[f32], sd: &[f32], rows: u64) -> Result<Self> {
        if mean.len() != sd.len() || mean.iter().chain(sd).any(|number| !number.is_finite()) {
            return Err(Error::input("means and deviations of a normaliser must be finite and equally many"));
        }
        let deviation = sd.iter().map(|sd| f64::from(*sd) * f64::from(*sd) * rows as f64).collect();
        Ok(Self { count: rows, mean: mean.iter().map(|mean| f64::from(*mean)).collect(), deviation })
    }

    /// Numbers in a row.
    pub fn columns(&self) -> usize {
        self.mean.len()
    }

    /// Rows seen.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Mean of each column; 0 before the first row.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Population variance of each column (divided by the count); 0 before the first row.
    pub fn variance(&self) -> impl Iterator<Item = f64> + '_ {
        let count = self.count.max(1) as f64;
        self.deviation.iter().map(move |deviation| deviation / count)
    }

    /// What [`Self::normalise`] divides each column by: its standard deviation, or 1 where it has not varied yet.
    pub fn scale(&self) -> impl Iterator<Item = f64> + '_ {
        self.variance().map(|variance| if variance > SMALLEST_SD * SMALLEST_SD { variance.sqrt() } else { 1.0 })
    }

    /// Takes in a batch, `rows` being `[rows, columns]` row by row.
    ///
    /// # Errors
    /// When `rows` is not made of whole rows, or holds a number that is not finite. Nothing has changed then.
    pub fn update(&mut self, rows: &[f32]) -> Result<()> {
        let columns = self.check(rows.len())?;
        if let Some(at) = rows.iter().position(|number| !number.is_finite()) {
            let (row, column) = (at / columns, at % columns);
            return Err(Error::system(format!("row {row}, column {column} of a batch is {}", rows[at]))
                .hint("only finite numbers have a mean"));
        }
        if rows.is_empty() {
            return Ok(());
        }
        self.merge(&Self::of_batch(rows, columns))
    }

    /// Takes in everything that `other` has seen.
    ///
    /// # Errors
    /// When the numbers of columns differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.columns() != other.columns() {
            return Err(Error::system(format!(
                "moments of {} columns cannot take in those of {}",
                self.columns(),
                other.columns()
            )));
        }
        if other.count == 0 {
            return Ok(());
        }
        // Chan, Golub, LeVeque (1979), eq. 2.1, per column.
        let total = self.count.saturating_add(other.count);
        let share = other.count as f64 / total as f64;
        let weight = self.count as f64 * share;
        let others = other.mean.iter().zip(&other.deviation);
        for ((mean, deviation), (other_mean, other_deviation)) in
            self.mean.iter_mut().zip(&mut self.deviation).zip(others)
        {
            let apart = other_mean - *mean;
            *mean += apart * share;
            *deviation += other_deviation + apart * apart * weight;
        }
        self.count = total;
        Ok(())
    }

    /// Replaces each number of `rows`, `[rows, columns]`, by (number - mean) / [`scale`](Self::scale) in f32, held
    /// within `-clip..=clip`. NaN stays NaN.
    ///
    /// # Errors
    /// When `rows` is not made of whole rows. Nothing has changed then.
    pub fn normalise(&self, rows: &mut [f32], clip: f32) -> Result<()> {
        let columns = self.check(rows.len())?;
        let mean: Vec<f32> = self.mean.iter().map(|mean| *mean as f32).collect();
        let inverse: Vec<f32> = self.scale().map(|scale| 1.0 / scale as f32).collect();
        for row in rows.chunks_exact_mut(columns.max(1)) {
            for ((number, mean), inverse) in row.iter_mut().zip(&mean).zip(&inverse) {
                let normal = (*number - mean) * inverse;
                // Comparisons, because f32::max would turn NaN into a number.
                *number = if normal > clip {
                    clip
                } else if normal < -clip {
                    -clip
                } else {
                    normal
                };
            }
        }
        Ok(())
    }

    /// Moments of one batch of at least one row, in two passes.
    fn of_batch(rows: &[f32], columns: usize) -> Self {
        let count = rows.len() / columns;
        let mut moments = Self { count: count as u64, ..Self::new(columns) };
        for row in rows.chunks_exact(columns) {
            for (sum, &number) in moments.mean.iter_mut().zip(row) {
                *sum += f64::from(number);
            }
        }
        for sum in &mut moments.mean {
            *sum /= count as f64;
        }
        for row in rows.chunks_exact(columns) {
            for ((sum, mean), &number) in moments.deviation.iter_mut().zip(&moments.mean).zip(row) {
                let off = f64::from(number) - mean;
                *sum += off * off;
            }
        }
        moments
    }

    fn check(&self, numbers: usize) -> Result<usize> {
        let columns = self.columns();
        let whole = if columns == 0 { numbers == 0 } else { numbers.is_multiple_of(columns) };
        if whole {
            Ok(columns)
        } else {
            Err(Error::system(format!("{numbers} numbers do not make whole rows of {columns}")))
        }
    }
}

impl TryFrom<Unchecked> for RunningMoments {
    type Error = Error;

    fn try_from(Unchecked { count, mean, deviation }: Unchecked) -> Result<Self> {
        let is_sound = |mean: &f64, deviation: &f64| mean.is_finite() && deviation.is_finite() && *deviation >= 0.0;
        if mean.len() != deviation.len() || !mean.iter().zip(&deviation).all(|(m, d)| is_sound(m, d)) {
            return Err(Error::input("running moments need as many finite means as finite deviations of at least 0"));
        }
        Ok(Self { count, mean, deviation })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(rows: &[f32], columns: usize) -> RunningMoments {
        let mut moments = RunningMoments::new(columns);
        moments.update(rows).unwrap();
        moments
    }

    #[test]
    fn moments_of_small_numbers_are_exact() {
        let moments = seen(&[1.0, 10.0, 3.0, 10.0, 5.0, 10.0], 2);
        assert_eq!((moments.count(), moments.mean()), (3, &[3.0, 10.0][..]));
        assert_eq!(moments.variance().collect::<Vec<_>>(), [8.0 / 3.0, 0.0]);
    }

    #[test]
    fn a_large_mean_does_not_eat_the_variance() {
        let mut moments = RunningMoments::new(1);
        for _ in 0..1000 {
            moments.update(&[16_000_000.0, 16_000_002.0]).unwrap();
        }
        assert_eq!(moments.mean(), [16_000_001.0]);
        assert!((moments.variance().next().unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_column_that_does_not_vary_is_centred_and_not_stretched() {
        let moments = seen(&[5.0, 1.0, 5.0, 3.0], 2);
        let mut rows = [5.0, 2.0, 5.5, 100.0];
        moments.normalise(&mut rows, 10.0).unwrap();
        assert_eq!(rows, [0.0, 0.0, 0.5, 10.0]);
    }

    #[test]
    fn before_the_first_row_normalising_only_clips() {
        let mut rows = [0.25, -7.0, f32::NAN];
        RunningMoments::new(1).normalise(&mut rows, 5.0).unwrap();
        assert_eq!(rows[..2], [0.25, -5.0]);
        assert!(rows[2].is_nan());
    }

    #[test]
    fn a_bad_batch_is_refused_and_changes_nothing() {
        let mut moments = seen(&[1.0, 2.0], 2);
        let before = moments.clone();
        let error = moments.update(&[1.0, 2.0, 3.0, f32::NAN]).unwrap_err();
        assert_eq!(error.to_string(), "row 1, column 1 of a batch is NaN; only finite numbers have a mean");
        let error = moments.update(&[1.0, 2.0, 3.0]).unwrap_err();
        assert_eq!(error.to_string(), "3 numbers do not make whole rows of 2");
        assert!(moments.normalise(&mut [1.0], 10.0).is_err());
        assert!(moments.merge(&RunningMoments::new(3)).is_err());
        assert!(RunningMoments::new(0).update(&[1.0]).is_err());
        assert_eq!(moments, before);
    }

    #[test]
    fn saved_and_loaded_moments_continue_with_the_same_bits() {
        let mut moments = seen(&[0.1, 0.7, 12.3, -0.3, 0.9, 7.7], 3);
        let mut loaded: RunningMoments = serde_json::from_str(&serde_json::to_string(&moments).unwrap()).unwrap();
        assert_eq!(loaded, moments);
        for moments in [&mut moments, &mut loaded] {
            moments.update(&[0.3, 0.33, -5.0]).unwrap();
        }
        assert_eq!(loaded, moments);
    }

    #[test]
    fn assumed_moments_weigh_as_many_rows_as_they_claim() {
        let mut moments = RunningMoments::assumed(&[2.0, 0.0], &[3.0, 0.0], 3).unwrap();
        assert_eq!(moments.scale().collect::<Vec<_>>(), [3.0, 1.0]);
        moments.update(&[6.0, 0.0]).unwrap();
        assert_eq!((moments.count(), moments.mean()), (4, &[3.0, 0.0][..]));
        assert!(RunningMoments::assumed(&[0.0], &[f32::NAN], 1).is_err());
        assert!(RunningMoments::assumed(&[0.0], &[], 1).is_err());
    }

    #[test]
    fn moments_that_cannot_be_are_not_loaded() {
        for bad in [
            r#"{"count":1,"mean":[0.0,1.0],"deviation":[0.0]}"#,
            r#"{"count":1,"mean":[0.0],"deviation":[-1.0]}"#,
            r#"{"count":-1,"mean":[0.0],"deviation":[1.0]}"#,
            r#"{"count":1,"mean":[0.0],"deviation":[1.0],"extra":1}"#,
        ] {
            assert!(serde_json::from_str::<RunningMoments>(bad).is_err(), "{bad}");
        }
        let huge = r#"{"count":18446744073709551615,"mean":[0.0],"deviation":[1.0]}"#;
        let mut huge: RunningMoments = serde_json::from_str(huge).unwrap();
        huge.update(&[1.0]).unwrap();
        assert_eq!(huge.count(), u64::MAX);
    }

    proptest! {
        #[test]
        fn any_cut_into_batches_gives_the_moments_of_the_whole(
            numbers in prop::collection::vec(-1000f32..1000.0, 1..120),
            cut in 0usize..120,
        ) {
            let cut = cut % numbers.len();
            let whole = seen(&numbers, 1);
            let mut batched = seen(&numbers[..cut], 1);
            batched.update(&numbers[cut..]).unwrap();
            let mut merged = seen(&numbers[..cut], 1);
            merged.merge(&seen(&numbers[cut..], 1)).unwrap();
            prop_assert_eq!(&batched, &merged);
            prop_assert_eq!(batched.count(), numbers.len() as u64);
            prop_assert!((batched.mean()[0] - whole.mean()[0]).abs() < 1e-9);
            let (found, expected) = (batched.variance().next().unwrap(), whole.variance().next().unwrap());
            prop_assert!((found - expected).abs() <= 1e-12 * expected.max(1e-3), "{found} {expected}");
        }

        #[test]
        fn normalised_numbers_have_mean_zero_and_sd_one(numbers in prop::collection::vec(-1000f32..1000.0, 2..200)) {
            let moments = seen(&numbers, 1);
            prop_assume!(moments.variance().next().unwrap() > 1e-3);
            let mut rows = numbers.clone();
            moments.normalise(&mut rows, 1e6).unwrap();
            let after = seen(&rows, 1);
            prop_assert!(after.mean()[0].abs() < 1e-2);
            prop_assert!((after.variance().next().unwrap() - 1.0).abs() < 1e-2);
        }
    }
}
