//! Eight `f64` lanes that give the same bits on every CPU.
//!
//! A kernel is written once against [`Simd`] and compiled three times: AVX-512, AVX2 with FMA, and whatever the target
//! has by default. The lane count is fixed at eight, every fused multiply-add is asked for by name, and all other
//! operations are correctly rounded by IEEE 754, so the choice made by [`dispatch`] changes speed and never a result.
//!
//! The environment variable [`LIMIT_VARIABLE`] keeps a process from instruction sets that its CPU has, so that this can be
//! shown on one machine.

mod baseline;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

use crate::error::{Error, Result};
use baseline::Baseline;

/// Environment variable that names the highest instruction set that kernels may use: `none`, `avx2` or `avx512`. Read once
/// per process; results do not depend on it.
pub const LIMIT_VARIABLE: &str = "AGON_SIMD";

/// Eight lanes in memory: one cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Lanes(pub [f64; 8]);

/// Lane-wise arithmetic on eight `f64` values. A value of the implementing type proves that the CPU can do it.
pub trait Simd: Copy {
    /// Eight lanes in registers.
    type F: Copy;
    /// Eight truth values.
    type M: Copy;

    /// All lanes the same.
    fn splat(self, x: f64) -> Self::F;
    /// From memory.
    fn load(self, from: &Lanes) -> Self::F;
    /// To memory.
    fn store(self, to: &mut Lanes, x: Self::F);
    /// `a + b`.
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`.
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`.
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`.
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `c - a * b`, rounded once.
    fn neg_mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// Square root.
    fn sqrt(self, x: Self::F) -> Self::F;
    /// Lane l of the result is the sum of the lanes of `rows[l]`: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)).
    fn sum_each(self, rows: [Self::F; 8]) -> Self::F;
    /// `x` with its sign cleared.
    fn abs(self, x: Self::F) -> Self::F;
    /// `x` with the sign of `y`.
    fn copysign(self, x: Self::F, y: Self::F) -> Self::F;
    /// For normal `x`, the power of two `s` with `1 <= |s * x| < 2`.
    fn recip_exponent(self, x: Self::F) -> Self::F;
    /// 1.0 in each lane whose word has bit `bit` set, else 0.0. `bit < 64`.
    fn bit(self, words: &[u64; 8], bit: u32) -> Self::F;
    /// `a < b`, false where either is not a number.
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    /// True where both are.
    fn and(self, a: Self::M, b: Self::M) -> Self::M;
    /// True where `a` is and `b` is not.
    fn and_not(self, a: Self::M, b: Self::M) -> Self::M;
    /// Whether any lane is true.
    fn any(self, m: Self::M) -> bool;
    /// `yes` where true, `no` elsewhere.
    fn select(self, m: Self::M, yes: Self::F, no: Self::F) -> Self::F;
}

/// Work to be compiled once for each instruction set. Mark `run` and what it calls `#[inline(always)]`: only code that
/// is inlined into the dispatching function is compiled for the detected features.
pub trait Kernel {
    /// What the work gives back.
    type Output;
    /// Does the work with `simd`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the compilation target guarantees.
    Baseline,
    /// AVX2 and FMA, x86-64.
    Avx2,
    /// AVX-512 F and DQ, x86-64.
    Avx512,
}

impl Level {
    /// All levels, the lowest first.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Avx2, Self::Avx512];

    /// The best level of this CPU that [`LIMIT_VARIABLE`] allows.
    pub fn detect() -> Self {
        Self::of_cpu().min(limit())
    }

    /// Its name as a value of [`LIMIT_VARIABLE`].
    pub fn name(self) -> &'static str {
        ["none", "avx2", "avx512"][self as usize]
    }

    fn of_cpu() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if x86::Avx512::detect().is_some() {
                return Self::Avx512;
            }
            if x86::Avx2::detect().is_some() {
                return Self::Avx2;
            }
        }
        Self::Baseline
    }
}

/// The highest level that [`LIMIT_VARIABLE`] allows. A value that names none allows all; [`check_limit`] tells.
pub fn limit() -> Level {
    static LIMIT: OnceLock<Level> = OnceLock::new();
    *LIMIT.get_or_init(|| named_limit().ok().flatten().unwrap_or(Level::Avx512))
}

/// Whether [`LIMIT_VARIABLE`] can be obeyed.
///
/// # Errors
/// A value that names no instruction set.
pub fn check_limit() -> Result<()> {
    named_limit().map(drop)
}

fn named_limit() -> Result<Option<Level>> {
    std::env::var_os(LIMIT_VARIABLE).map(|value| level_named(&value.to_string_lossy())).transpose()
}

fn level_named(name: &str) -> Result<Level> {
    Level::ALL.into_iter().find(|level| level.name() == name).ok_or_else(|| {
        Error::input(format!("`{LIMIT_VARIABLE}={}` names no instruction set", name.escape_debug()))
            .did_you_mean(name, Level::ALL.map(Level::name))
    })
}

/// Runs `kernel` with the best instruction set of this CPU that [`LIMIT_VARIABLE`] allows.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(limit(), kernel)
}

/// Runs `kernel` with the best instruction set of this CPU that is not above `highest`.
#[inline]
pub fn dispatch_at<K: Kernel>(highest: Level, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if highest >= Level::Avx512
            && let Some(simd) = x86::Avx512::detect()
        {
            return simd.run(kernel);
        }
        if highest >= Level::Avx2
            && let Some(simd) = x86::Avx2::detect()
        {
            return simd.run(kernel);
        }
    }
    let _ = highest;
    kernel.run(Baseline)
}

/// Exponent bits of an `f64`.
const EXPONENT: u64 = 0x7ff << 52;
/// Twice the exponent bias in place: subtracting an exponent from it negates the power of two.
const RECIP_EXPONENT: u64 = 2046 << 52;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Every operation once, on lanes chosen to show rounding, signs, zeros and not-a-numbers.
    struct Everything<'a> {
        a: &'a Lanes,
        b: &'a Lanes,
        c: &'a Lanes,
    }

    impl Kernel for Everything<'_> {
        type Output = Vec<u64>;

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<u64> {
            let (a, b, c) = (s.load(self.a), s.load(self.b), s.load(self.c));
            let words = [0, 1, 2, u64::MAX, 1 << 63, 0xaaaa, 0x5555, 7];
            let below = s.lt(a, b);
            let results = [
                s.splat(0.1),
                s.add(a, b),
                s.sub(a, b),
                s.mul(a, b),
                s.div(a, b),
                s.mul_add(a, b, c),
                s.neg_mul_add(a, b, c),
                s.sqrt(s.abs(a)),
                s.sum_each([s.splat(0.1), b, c, s.mul(b, c), s.add(b, c), s.sub(c, b), s.sub(b, c), s.abs(c)]),
                s.copysign(a, b),
                s.recip_exponent(c),
                s.bit(&words, 0),
                s.bit(&words, 63),
                s.select(below, a, b),
                s.select(s.and(below, s.lt(b, c)), a, b),
                s.select(s.and_not(below, s.lt(b, c)), a, b),
                s.splat(f64::from(u8::from(s.any(below)))),
            ];
            let mut memory = Lanes::default();
            let mut bits = Vec::new();
            for result in results {
                s.store(&mut memory, result);
                // The payload of a not-a-number is not promised, its being one is.
                bits.extend(memory.0.map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }));
            }
            bits
        }
    }

    #[test]
    fn every_operation_gives_the_same_bits_at_every_level() {
        let a = Lanes([0.1, -0.0, 3.0, f64::NAN, 1e300, -7.7, 1e-310, f64::INFINITY]);
        let b = Lanes([0.3, 0.0, -3.0, 1.0, 1e300, -7.6, 3.0, 2.0]);
        let c = Lanes([1.0, 2.0, 3.5, -0.75, 1e-200, 1e200, 1023.0, 4.0]);
        let at = |level| dispatch_at(level, Everything { a: &a, b: &b, c: &c });
        assert_eq!(at(Level::Baseline), at(Level::Avx2));
        assert_eq!(at(Level::Baseline), at(Level::Avx512));
    }

    #[test]
    fn every_level_has_a_name_and_nothing_else_is_one() {
        for level in Level::ALL {
            assert_eq!(level_named(level.name()), Ok(level));
        }
        assert!(Level::ALL.is_sorted());
        for name in ["", "avx", "AVX2", "avx512f", "sse\u{1b}"] {
            let told = level_named(name).unwrap_err().to_string();
            assert!(told.starts_with("`AGON_SIMD=") && !told.contains(char::is_control), "{told}");
        }
    }

    #[test]
    fn recip_exponent_brings_a_number_between_one_and_two() {
        for x in [1.0, 1.999, 2.0, 3.0e77, 5.0e-77, -12.5] {
            let scaled = (Baseline.recip_exponent(Lanes([x; 8])).0[0] * x).abs();
            assert!((1.0..2.0).contains(&scaled), "{x} became {scaled}");
        }
    }
}
