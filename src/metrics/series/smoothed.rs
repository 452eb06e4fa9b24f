//! Exponential moving averages, as TensorBoard draws them.
//!
//! After n values the average is Σ wⁱ y₍ₙ₋ᵢ₎ / Σ wⁱ: TensorBoard's smoothing with its correction for the start (that of
//! Adam, Kingma and Ba 2015). Kept as a mean and the sum of weights beneath it, a constant curve stays the same to the
//! bit, and a weight of 1 is the mean of everything so far.

use super::Series;

/// A smoothed copy of one [`Series`], kept up with it.
#[derive(Clone, Debug, Default)]
pub struct Smoothed {
    weight: f64,
    curve: Series,
    mean: f64,
    /// Σ wⁱ over the values in `mean`.
    mass: f64,
    /// [`Series::cuts`] of the series followed.
    cuts: u64,
}

impl Smoothed {
    /// An average that gives each value `weight` (held to 0..=1) times the weight of the next: 0 smooths nothing.
    pub fn new(weight: f64) -> Self {
        Self { weight: valid(weight), ..Self::default() }
    }

    /// How much of a value is left when the next one comes.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Changes the weight. The curve is empty until the next [`follow`](Self::follow) computes it anew.
    pub fn set_weight(&mut self, weight: f64) {
        if valid(weight) != self.weight {
            self.weight = valid(weight);
            self.forget();
        }
    }

    /// Takes in what was appended to `series` since the last call, and all of it where points were dropped or the
    /// weight has changed. It has to be the same series every time.
    pub fn follow(&mut self, series: &Series) {
        if self.cuts != series.cuts || self.curve.len() > series.len() {
            self.cuts = series.cuts;
            self.forget();
        }
        for &[x, y] in &series.points[self.curve.len()..] {
            let average = if y.is_nan() { y } else { self.average_with(y) };
            self.curve.push(x, average);
        }
    }

    /// The smoothed curve: a point for every point, gaps where the series has them.
    pub fn curve(&self) -> &Series {
        &self.curve
    }

    fn average_with(&mut self, y: f64) -> f64 {
        let step = y - self.mean;
        if self.weight == 0.0 || step.is_infinite() {
            // Nothing else counts, or both ends of the number range would meet: the average begins anew.
            (self.mean, self.mass) = (y, 1.0);
        } else {
            self.mass = self.weight * self.mass + 1.0;
            self.mean += step / self.mass;
        }
        self.mean
    }

    fn forget(&mut self) {
        self.curve.clear();
        (self.mean, self.mass) = (0.0, 0.0);
    }
}

fn valid(weight: f64) -> f64 {
    if weight.is_nan() { 0.0 } else { weight.clamp(0.0, 1.0) }
}
