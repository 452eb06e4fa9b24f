//! The way into the inner loops: what they are given, and which compiled version of them runs.
//!
//! The loops are written once over [`Lanes`](super::lanes::Lanes), in [`tiles`](super::tiles) and
//! [`sweeps`](super::sweeps), and compiled for each instruction set.
#![allow(unsafe_code, unsafe_op_in_unsafe_fn, reason = "calls what is compiled for one instruction set")]

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::{
    Isa, Level,
    lanes::Portable,
    sweeps::{adam_sweep, add_sweep, chain_sweep, mean_sweep, spread_sweep, square_sweep},
    tiles::multiply,
};

/// A product whose operands were found to be inside their slices.
#[derive(Clone, Copy)]
pub(super) struct Task {
    pub(super) rows: usize,
    pub(super) inner: usize,
    /// Columns of the result, in vectors.
    pub(super) vectors: usize,
    /// Left operand: element (i, p) is `left[i * left_row + p * left_step]`.
    pub(super) left: *const f32,
    pub(super) left_row: usize,
    pub(super) left_step: usize,
    /// Right operand: element (p, j) is `right[p * right_stride + j]`.
    pub(super) right: *const f32,
    pub(super) right_stride: usize,
    pub(super) start: RawStart,
    pub(super) finish: RawFinish,
    pub(super) target: *mut f32,
    pub(super) target_stride: usize,
}

/// What the sums start from.
#[derive(Clone, Copy)]
pub(super) enum RawStart {
    Zero,
    Row(*const f32),
    Target,
}

/// What happens to a finished sum.
#[derive(Clone, Copy)]
pub(super) enum RawFinish {
    Keep,
    Relu,
    Tanh,
    ReluSlope(*const f32, usize),
    TanhSlope(*const f32, usize),
}

/// Constants of one Adam step (Kingma & Ba 2015, algorithm 1), bias corrections included.
#[derive(Clone, Copy)]
pub(super) struct AdamRates {
    pub(super) gradient_scale: f32,
    pub(super) beta1: f32,
    pub(super) beta2: f32,
    /// learning rate / (1 - beta1^t).
    pub(super) step: f32,
    /// 1 / sqrt(1 - beta2^t).
    pub(super) root_scale: f32,
    pub(super) eps: f32,
}

/// Compiles `$generic::<L>` for each instruction set behind one function that picks by [`Isa`].
///
/// Safety of the generated functions: an `Isa` exists only for instructions that the CPU has, so only the pointers
/// matter; they must be valid for what the arguments describe.
macro_rules! compiled {
    ($(fn $name:ident = $generic:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        pub(super) unsafe fn $name(isa: Isa, $($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            unsafe fn avx512($($arg: $type),*) $(-> $result)? {
                $generic::<Avx512>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $type),*) $(-> $result)? {
                $generic::<Avx2>($($arg),*)
            }
            match isa.0 {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => avx512($($arg),*),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => avx2($($arg),*),
                Level::Portable => $generic::<Portable>($($arg),*),
            }
        }
    )*};
}

compiled! {
    fn product = multiply(task: Task);
    fn adam = adam_sweep(rates: AdamRates, vectors: usize, weights: *mut f32, m: *mut f32, v: *mut f32, g: *const f32);
    fn add = add_sweep(vectors: usize, sum: *mut f32, x: *const f32);
    fn chains = chain_sweep(rounds: u32) -> [f32; 2];
    fn sum_of_squares = square_sweep(vectors: usize, x: *const f32) -> f64;
    fn mean_rows = mean_sweep(group: usize, vectors: usize, rows: *const f32, stride: usize, mean: *mut f32);
    fn spread_row = spread_sweep(group: usize, vectors: usize, row: *const f32, finish: RawFinish, to: *mut f32, stride: usize);
}
