//! Elementary functions for loops over a few rows side by side.
//!
//! A rollout and a loss need a dozen exponentials per agent. These are branch-free chains of plain IEEE operations, so the
//! compiler turns a loop over [`Lanes`] into vector code and the bits are the same on every CPU and in every lane.

use std::f32::consts::{LN_2, LOG2_E};

/// Rows that are worked on together. Fewer, and LLVM unrolls the loops before it looks for vectors in them.
pub(crate) const LANES: usize = 16;

/// One number of each row.
pub(crate) type Lanes = [f32; LANES];

/// ln 2 in two parts; the first has trailing zeros, so that small integers times it are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// 1.5 * 2^23: adding it rounds a float of moderate size to an integer, which then sits in its lowest bits.
const ROUND: f32 = 12_582_912.0;

/// Applies `f` to each lane.
#[inline(always)]
pub(crate) fn map(x: Lanes, f: impl Fn(f32) -> f32) -> Lanes {
    let mut y = x;
    for y in &mut y {
        *y = f(*y);
    }
    y
}

/// e^x, relative error below 2e-7; 0 below -87, e^88 above 88, NaN for NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let capped = if x > 88.0 { 88.0 } else { x };
    let capped = if capped < -87.0 { -87.0 } else { capped };
    let rounded = capped * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = capped - n * LN_2_HIGH - n * LN_2_LOW;
    // Taylor's series; |r| <= ln(2) / 2 leaves 6e-9 behind.
    let tail = ((1.0 / 5040.0 * r + 1.0 / 720.0) * r + 1.0 / 120.0) * r + 1.0 / 24.0;
    let sum = (((tail * r + 1.0 / 6.0) * r + 0.5) * r + 1.0) * r + 1.0;
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000));
    if x < -87.0 { 0.0 } else { sum * power }
}

/// ln x of a positive normal number, absolute error below 1.2e-7 per unit of max(1, |ln x|).
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    // x = 2^n * m with m between sqrt(1/2) and sqrt(2).
    let bits = x.to_bits() as i32;
    let n = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let m = f32::from_bits(bits.wrapping_sub(n << 23) as u32);
    // ln m = 2 artanh(s); |s| < 0.172 leaves 4e-9 behind.
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let sum = (((2.0 / 9.0 * square + 2.0 / 7.0) * square + 2.0 / 5.0) * square + 2.0 / 3.0) * square + 2.0;
    let n = n as f32;
    n * LN_2_HIGH + (n * LN_2_LOW + sum * s)
}

/// tanh u and ln(1 - tanh^2 u), absolute error below 3e-7 (the second: per unit of max(1, |u|)).
///
/// The logarithm is taken as 2 (ln 2 - |u| - ln(1 + e^(-2|u|))), which neither cancels nor overflows at any u.
#[inline(always)]
pub(crate) fn tanh_and_log_slope(u: f32) -> (f32, f32) {
    let size = u.abs();
    let decay = exp(-2.0 * size);
    let tanh = (1.0 - decay) / (1.0 + decay);
    (tanh.copysign(u), 2.0 * (LN_2 - size - ln(1.0 + decay)))
}

/// erf x for x >= 0, given e^(-x^2); absolute error below 6e-7 (Abramowitz & Stegun 7.1.26).
#[inline(always)]
pub(crate) fn erf(x: f32, exp_of_minus_square: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = (((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6;
    1.0 - sum * t * exp_of_minus_square
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(low: f64, high: f64) -> impl Iterator<Item = f32> {
        (0..=100_000).map(move |i| (low + (high - low) * f64::from(i) / 100_000.0) as f32)
    }

    #[test]
    fn exp_keeps_its_relative_error() {
        for x in sweep(-86.9, 87.9) {
            let exact = libm::exp(f64::from(x));
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2e-7, "exp({x})");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(f32::INFINITY).is_finite());
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn ln_keeps_its_absolute_error() {
        for power in sweep(-87.0, 88.0) {
            let x = libm::exp(f64::from(power)) as f32;
            let exact = libm::log(f64::from(x));
            assert!((f64::from(ln(x)) - exact).abs() < 1.2e-7 * exact.abs().max(1.0), "ln({x})");
        }
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn tanh_and_its_slope_hold_far_out() {
        for u in sweep(-30.0, 30.0) {
            let (tanh, log_slope) = tanh_and_log_slope(u);
            let exact = f64::from(u);
            assert!((f64::from(tanh) - libm::tanh(exact)).abs() < 3e-7, "tanh({u})");
            let exact_log = -2.0 * (exact.abs() + libm::log1p(libm::exp(-2.0 * exact.abs())) - std::f64::consts::LN_2);
            assert!((f64::from(log_slope) - exact_log).abs() < 3e-7 * exact.abs().max(1.0), "log slope at {u}");
        }
        assert_eq!(tanh_and_log_slope(0.0).0, 0.0);
        assert!(tanh_and_log_slope(f32::NAN).1.is_nan());
    }

    #[test]
    fn erf_keeps_its_absolute_error() {
        for x in sweep(0.0, 10.0) {
            let approximate = f64::from(erf(x, exp(-x * x)));
            assert!((approximate - libm::erf(f64::from(x))).abs() < 6e-7, "erf({x})");
        }
    }
}
