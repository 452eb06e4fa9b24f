//! One continuous dimension: a Gaussian u and the bounds that tanh(u) is stretched over.

use std::f32::consts::{LN_2, SQRT_2};

use super::{LOG_STD_MAX, LOG_STD_MIN, lanes};
use crate::error::{Error, Result};

/// ln(2 pi) / 2.
const HALF_LN_TAU: f32 = 0.918_938_5;
/// sqrt(2 / pi).
const SQRT_2_OVER_PI: f32 = 0.797_884_6;

/// (weight, c) such that ln cosh u + ln 2 is nearly the sum of weight * E|u + c * normal|, or, differentiated, tanh u the
/// sum of weight * erf(u / (c sqrt 2)).
///
/// Fitted for the least largest error of ln cosh over all u, 5.5e-4. Averaged over any distribution of u, the error
/// cannot grow.
const MIXTURE: [(f32, f32); 2] = [(0.654_449_3, 0.683_726_4), (0.345_550_7, 1.221_098)];

/// Stretches tanh(u) over the bounds of a dimension.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Squash {
    low: f32,
    high: f32,
    middle: f32,
    half: f32,
    /// ln(half), the constant part of ln |d action / du|.
    pub(super) log_half: f32,
}

impl Squash {
    pub(super) fn new(dim: usize, low: f32, high: f32) -> Result<Self> {
        check_bounds(dim, low, high)?;
        let (middle, half) = (0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low);
        Ok(Self { low, high, middle, half, log_half: libm::logf(half) })
    }

    /// The action; rounding does not carry it over its bound.
    #[inline(always)]
    pub(super) fn apply(&self, tanh: f32) -> f32 {
        let action = self.middle + self.half * tanh;
        let action = if action < self.low { self.low } else { action };
        if action > self.high { self.high } else { action }
    }
}

/// Whether a continuous dimension can have these bounds.
pub(super) fn check_bounds(dim: usize, low: f32, high: f32) -> Result<()> {
    if low.is_finite() && high.is_finite() && 0.5 * high - 0.5 * low >= f32::MIN_POSITIVE {
        return Ok(());
    }
    Err(Error::input(format!("continuous action dimension {dim} has the bounds {low} to {high}"))
        .hint("give two finite numbers, the lower one first"))
}

/// Actions nearer to a bound than this share of the range are taken as this near: no finite u reaches a bound.
const NEAREST_TO_BOUND: f32 = 0.02;

impl Squash {
    /// The u that [`apply`](Self::apply) makes `action` of.
    pub(super) fn inverse(&self, action: f32) -> f32 {
        let limit = 1.0 - NEAREST_TO_BOUND;
        libm::atanhf(((action - self.middle) / self.half).clamp(-limit, limit))
    }
}

/// The distribution of u; only its mean depends on the row.
pub(super) struct Normal {
    raw_log_std: f32,
    log_std: f32,
    pub(super) std: f32,
    pub(super) inverse_std: f32,
    /// Per part of the mixture: weight and t = sqrt(std^2 + c^2).
    parts: [(f32, f32); 2],
}

impl Normal {
    #[inline(always)]
    pub(super) fn new(raw_log_std: f32) -> Self {
        let log_std = raw_log_std.clamp(LOG_STD_MIN, LOG_STD_MAX);
        let std = lanes::exp(log_std);
        let parts = MIXTURE.map(|(weight, c)| (weight, (std * std + c * c).sqrt()));
        Self { raw_log_std, log_std, std, inverse_std: lanes::exp(-log_std), parts }
    }

    /// ln of the density of u.
    #[inline(always)]
    pub(super) fn log_density(&self, mean: f32, u: f32) -> f32 {
        let z = (u - mean) * self.inverse_std;
        -0.5 * z * z - self.log_std - HALF_LN_TAU
    }

    /// Entropy of tanh(u): H(u) + 2 ln 2 - 2 E[ln cosh u + ln 2].
    ///
    /// E|v| of v ~ Normal(mean, t) is t sqrt(2/pi) e^(-x^2) + |mean| erf(x) with x = |mean| / (t sqrt 2).
    #[inline(always)]
    pub(super) fn entropy_of_tanh(&self, mean: f32) -> f32 {
        let mut entropy = 0.5 + HALF_LN_TAU + self.log_std + 2.0 * LN_2;
        for (weight, t) in self.parts {
            let (bell, erf) = bell_and_erf(mean, t);
            entropy -= 2.0 * weight * (t * SQRT_2_OVER_PI * bell + mean.abs() * erf);
        }
        entropy
    }

    /// Derivatives of [`entropy_of_tanh`](Self::entropy_of_tanh) by the mean and by log_std.
    #[inline(always)]
    pub(super) fn entropy_gradient(&self, mean: f32) -> (f32, f32) {
        let (mut by_mean, mut by_log_std) = (0.0, 1.0);
        for (weight, t) in self.parts {
            let (bell, erf) = bell_and_erf(mean, t);
            by_mean -= 2.0 * weight * erf;
            by_log_std -= 2.0 * weight * SQRT_2_OVER_PI * bell * (self.std * self.std / t);
        }
        (by_mean * 1.0f32.copysign(mean), by_log_std)
    }

    /// Sums rows' derivatives of a loss by log_std, without those that lead further beyond a limit.
    #[inline(always)]
    pub(super) fn inward(&self, by_log_std: &[f32]) -> f32 {
        // The loss is to be lowered: a negative derivative raises log_std.
        if self.raw_log_std > LOG_STD_MAX {
            by_log_std.iter().filter(|&&by| by > 0.0).sum()
        } else if self.raw_log_std < LOG_STD_MIN {
            by_log_std.iter().filter(|&&by| by < 0.0).sum()
        } else {
            by_log_std.iter().sum()
        }
    }
}

/// e^(-x^2) and erf(x) at x = |mean| / (t sqrt 2).
#[inline(always)]
fn bell_and_erf(mean: f32, t: f32) -> (f32, f32) {
    let x = mean.abs() / (t * SQRT_2);
    let bell = lanes::exp(-x * x);
    (bell, lanes::erf(x, bell))
}
