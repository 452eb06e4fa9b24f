//! What this machine can do at most, measured in the run whose figures it judges: the limits that figures are shares of.
//!
//! Everything is that of one core. What disturbs a figure, such as a slower clock, disturbs the limit as well, so that a share
//! says more about a program than a time does.

use std::{fmt, hint::black_box};

use super::{Meter, number};
use crate::math::{
    gemm::{self, Isa},
    simd::{Kernel, Lanes, Level, Simd, dispatch},
};

/// Fused multiply-adds that follow each other in one measurement of the peak.
const ROUNDS: u32 = 20_000;
/// Numbers whose exponential is taken.
const EXPONENTIALS: usize = 1024;
/// Memory that is read to measure the bandwidth: more than the caches of a core have.
const READ_BYTES: usize = 256 << 20;

/// The limits of one core.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// What the system calls the processor.
    pub name: String,
    /// The instruction set that kernels use.
    pub level: Level,
    /// Operations per second in 32 bits, a fused multiply-add counted as two.
    pub f32_flops: f64,
    /// The same in 64 bits.
    pub f64_flops: f64,
    /// Bytes per second that are read from memory in order.
    pub bandwidth: f64,
    /// Seconds of one exponential in 64 bits.
    pub exp_s: f64,
}

/// What something cannot do without.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Work {
    /// Operations in 32 bits.
    pub flops_f32: f64,
    /// Operations in 64 bits.
    pub flops_f64: f64,
    /// Bytes that are read or written.
    pub bytes: f64,
    /// Exponentials, and other functions that cost as much.
    pub exps: f64,
}

impl Machine {
    /// Measures for about a second.
    pub(super) fn measure() -> Self {
        let level = Level::detect();
        Self {
            name: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            level,
            f32_flops: operations_per_s(|| gemm::multiply_in_registers(Isa::best(), ROUNDS)),
            f64_flops: operations_per_s(|| match level {
                Level::Avx512 => dispatch(Chains::<10>),
                Level::Avx2 | Level::Baseline => dispatch(Chains::<6>),
            }),
            bandwidth: bandwidth(),
            exp_s: exp_seconds(),
        }
    }
}

impl Work {
    /// Seconds that `machine` takes at least: arithmetic and memory can overlap, so it is the longer of the two; what is
    /// arithmetic takes turns.
    pub(super) fn seconds(&self, machine: &Machine) -> f64 {
        let arithmetic =
            self.flops_f32 / machine.f32_flops + self.flops_f64 / machine.f64_flops + self.exps * machine.exp_s;
        arithmetic.max(self.bytes / machine.bandwidth)
    }
}

impl std::ops::Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            flops_f32: self.flops_f32 + other.flops_f32,
            flops_f64: self.flops_f64 + other.flops_f64,
            bytes: self.bytes + other.bytes,
            exps: self.exps + other.exps,
        }
    }
}

impl std::ops::Mul<f64> for Work {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self {
            flops_f32: self.flops_f32 * times,
            flops_f64: self.flops_f64 * times,
            bytes: self.bytes * times,
            exps: self.exps * times,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [f32s, f64s, bytes] = [self.f32_flops, self.f64_flops, self.bandwidth].map(|rate| number(1e-9 * rate));
        write!(
            f,
            "{}, kernels for `{}`. A core reaches {f32s} GFLOP/s in 32 bits, {f64s} in 64 bits, reads {bytes} GB/s, and takes \
             {} ns for an exponential.",
            self.name,
            self.level.name(),
            number(1e9 * self.exp_s)
        )
    }
}

/// The processor's name, where the system tells.
fn processor() -> Option<String> {
    let all = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = all.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// How many operations per second `run` makes, which returns their number and something that depends on them.
fn operations_per_s<T>(run: impl Fn() -> (f64, T)) -> f64 {
    let seconds = Meter::default().seconds(|| {
        black_box(run());
    });
    run().0 / seconds
}

/// Fused multiply-adds in `N` chains of eight numbers, the twin in 64 bits of [`gemm::multiply_in_registers`]. Ten chains hide the
/// latency of one operation; a chain takes two of the sixteen registers of AVX2.
struct Chains<const N: usize>;

impl<const N: usize> Kernel for Chains<N> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f64, f64) {
        let (scale, shift) = (s.splat(black_box(0.75)), s.splat(black_box(0.25)));
        let mut chains = [scale; N];
        for (n, chain) in chains.iter_mut().enumerate() {
            *chain = s.splat(n as f64);
        }
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = s.mul_add(*chain, scale, shift);
            }
        }
        let mut sum = Lanes::default();
        for chain in chains {
            let sums = s.add(s.load(&sum), chain);
            s.store(&mut sum, sums);
        }
        (2.0 * (8 * N) as f64 * f64::from(ROUNDS), sum.0.iter().sum())
    }
}

/// Bytes per second of reading memory in order.
fn bandwidth() -> f64 {
    let numbers = vec![1_u64; READ_BYTES / size_of::<u64>()];
    let once = Meter { repetitions: 5, ..Meter::default() };
    let seconds = once.seconds(|| {
        black_box(black_box(&numbers).iter().fold(0, |sum: u64, x| sum.wrapping_add(*x)));
    });
    READ_BYTES as f64 / seconds
}

/// Seconds of one exponential, over numbers that take all of its branches for ordinary ones.
fn exp_seconds() -> f64 {
    let numbers: Vec<f64> = (0..EXPONENTIALS).map(|i| 20.0 * i as f64 / EXPONENTIALS as f64 - 10.0).collect();
    let seconds = Meter::default().seconds(|| {
        black_box(black_box(&numbers).iter().map(|x| libm::exp(*x)).sum::<f64>());
    });
    seconds / EXPONENTIALS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let name = "test".to_owned();
        Machine { name, level: Level::Baseline, f32_flops: 8.0, f64_flops: 4.0, bandwidth: 2.0, exp_s: 0.5 }
    }

    #[test]
    fn arithmetic_takes_turns_and_overlaps_with_memory() {
        let arithmetic = Work { flops_f32: 8.0, flops_f64: 8.0, exps: 2.0, ..Work::default() };
        assert_eq!(arithmetic.seconds(&machine()), 1.0 + 2.0 + 1.0);
        let memory = Work { bytes: 6.0, ..Work::default() };
        assert_eq!(
            [memory, memory + arithmetic, memory * 2.0 + arithmetic].map(|w| w.seconds(&machine())),
            [3.0, 4.0, 6.0]
        );
    }

    #[test]
    fn every_limit_is_measured() {
        let machine = Machine::measure();
        let limits = [machine.f32_flops, machine.f64_flops, machine.bandwidth, 1.0 / machine.exp_s];
        assert!(limits.iter().all(|limit| limit.is_finite() && *limit > 1e5), "{machine:?}");
        assert!(!machine.name.is_empty());
    }
}
