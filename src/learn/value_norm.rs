//! Returns scaled to mean 0 and deviation 1, so that a critic learns equally fast whatever the reward's unit.
//!
//! The critic works in normalised units; whoever needs values in the reward's unit (advantages, bootstrapping) takes them
//! back with [`ValueNorm::denormalise`]. All sums are f64 in the order of the data, so equal data give equal bits.

use serde::{Deserialize, Serialize};

/// Deviations below this count as this: returns that hardly differ are not blown up to noise.
const STD_MIN: f64 = 1e-4;

/// Running mean and deviation of returns.
///
/// Older returns fade: once `horizon` returns are in, every new one displaces an equal share of the old. Without that the
/// poor returns of a run's beginning would still set the scale at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueNorm {
    horizon: f64,
    count: f64,
    mean: f64,
    /// Mean squared deviation from the mean.
    variance: f64,
}

impl ValueNorm {
    /// Remembers about `horizon` returns, at least one; `f64::MAX` forgets nothing.
    pub fn new(horizon: f64) -> Self {
        Self { horizon: horizon.max(1.0), count: 0.0, mean: 0.0, variance: 0.0 }
    }

    /// Takes in a batch of returns (Chan et al. 1979); numbers that are not finite are left out.
    pub fn update(&mut self, returns: &[f32]) {
        let finite = || returns.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
        let count = finite().count() as f64;
        if count == 0.0 {
            return;
        }
        let mean = finite().sum::<f64>() / count;
        let variance = finite().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        let kept = self.count.min((self.horizon - count).max(0.0));
        let share = count / (kept + count);
        let shift = mean - self.mean;
        self.variance += share * (variance - self.variance) + share * (1.0 - share) * shift * shift;
        self.mean += share * shift;
        self.count = kept + count;
    }

    /// Mean of the returns; 0 before the first.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Standard deviation of the returns; 1 before the first.
    pub fn std(&self) -> f64 {
        if self.count == 0.0 { 1.0 } else { self.variance.sqrt().max(STD_MIN) }
    }

    /// From the reward's unit to the critic's, in place.
    pub fn normalise(&self, returns: &mut [f32]) {
        let (mean, scale) = (self.mean, 1.0 / self.std());
        for x in returns {
            *x = ((f64::from(*x) - mean) * scale) as f32;
        }
    }

    /// From the critic's unit to the reward's, in place.
    pub fn denormalise(&self, values: &mut [f32]) {
        let (mean, std) = (self.mean, self.std());
        for x in values {
            *x = (f64::from(*x) * std + mean) as f32;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn returns(count: usize) -> Vec<f32> {
        (0..count).map(|i| 100.0 + ((i * 37 % 101) as f32 - 50.0) * 0.25).collect()
    }

    #[test]
    fn batches_add_up_to_the_moments_of_the_whole() {
        let all = returns(1000);
        let mut norm = ValueNorm::new(f64::MAX);
        for batch in [&all[..1], &all[1..17], &all[17..17], &all[17..600], &all[600..]] {
            norm.update(batch);
        }
        let mean = all.iter().map(|&x| f64::from(x)).sum::<f64>() / 1000.0;
        let variance = all.iter().map(|&x| (f64::from(x) - mean) * (f64::from(x) - mean)).sum::<f64>() / 1000.0;
        assert!((norm.mean() - mean).abs() < 1e-10);
        assert!((norm.std() - variance.sqrt()).abs() < 1e-10);
    }

    #[test]
    fn old_returns_fade() {
        let mut norm = ValueNorm::new(1000.0);
        norm.update(&vec![-1e3; 5000]);
        for _ in 0..300 {
            norm.update(&returns(101));
        }
        assert!((norm.mean() - 100.0).abs() < 0.1, "{}", norm.mean());
        assert!((norm.std() - 7.289).abs() < 0.3, "{}", norm.std());
    }

    #[test]
    fn normalised_returns_have_unit_scale_and_come_back() {
        let (mut norm, all) = (ValueNorm::new(1e6), returns(1010));
        let mut untouched = all.clone();
        norm.normalise(&mut untouched);
        assert_eq!(untouched, all, "nothing is known yet");
        norm.update(&all);
        let mut scaled = all.clone();
        norm.normalise(&mut scaled);
        let mean = scaled.iter().sum::<f32>() / 1010.0;
        let variance = scaled.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 1010.0;
        assert!(mean.abs() < 1e-4 && (variance - 1.0).abs() < 1e-4);
        norm.denormalise(&mut scaled);
        assert!(scaled.iter().zip(&all).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn constant_or_broken_returns_do_not_break_the_scale() {
        let mut norm = ValueNorm::new(1e6);
        norm.update(&[f32::NAN, f32::INFINITY]);
        assert_eq!((norm.mean(), norm.std()), (0.0, 1.0));
        norm.update(&[3.0, f32::NAN, 3.0]);
        assert_eq!((norm.mean(), norm.std()), (3.0, STD_MIN));
    }

    #[test]
    fn a_saved_norm_continues_with_the_same_bits() {
        let mut norm = ValueNorm::new(500.0);
        norm.update(&returns(333));
        let mut restored: ValueNorm = serde_json::from_str(&serde_json::to_string(&norm).unwrap()).unwrap();
        norm.update(&returns(77));
        restored.update(&returns(77));
        assert_eq!(norm, restored);
    }
}
