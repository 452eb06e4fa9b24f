//! Small f32 matrix products for networks that act and learn on a CPU, with their activations and their optimiser.
//!
//! Results depend on the operands and on nothing else: not on the number of rows worked on together, nor on the
//! instruction set ([`Isa`]), because every element is one fixed chain of fused multiply-adds. So a row's output is the
//! same in a batch of one and in a batch of thousands.
//!
//! All matrices are row-major with rows padded to whole vectors of [`LANES`] numbers: `columns` are computed in whole
//! vectors, and what lies between a matrix's last column and the end of its last vector must be zero in the right
//! operand and in the start row if it is to stay zero in the result. [`stride`] gives the row length to use.

mod aligned;
mod kernels;
mod lanes;
mod sweeps;
#[cfg(test)]
mod tests;
mod tiles;

use super::simd;
pub use aligned::Aligned;
use kernels::{AdamRates, RawFinish, RawStart, Task};

/// Numbers in a vector, and the unit to which rows are padded.
pub const LANES: usize = lanes::LANES;

/// An instruction set that this CPU has; a value exists only for those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Isa {
    /// The fastest one that [`simd::LIMIT_VARIABLE`] allows.
    pub fn best() -> Self {
        let limit = simd::limit();
        Self::available().find(|isa| isa.level() <= limit).unwrap_or(Self(Level::Portable))
    }

    /// All that this CPU has, the fastest first; the last runs everywhere.
    pub fn available() -> impl Iterator<Item = Self> {
        [
            #[cfg(target_arch = "x86_64")]
            std::is_x86_feature_detected!("avx512f").then_some(Level::Avx512),
            #[cfg(target_arch = "x86_64")]
            (std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")).then_some(Level::Avx2),
            Some(Level::Portable),
        ]
        .into_iter()
        .flatten()
        .map(Self)
    }

    fn level(self) -> simd::Level {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => simd::Level::Avx512,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => simd::Level::Avx2,
            Level::Portable => simd::Level::Baseline,
        }
    }

    /// Its name, for reports.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512f",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2+fma",
            Level::Portable => "portable",
        }
    }
}

/// `columns` in whole vectors.
pub fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

/// Row length for a matrix of `columns`: whole vectors, and not a multiple of eight cache lines, which would crowd the
/// same columns of all rows into a few sets of the nearest cache.
pub fn stride(columns: usize) -> usize {
    let vectors = columns.div_ceil(LANES);
    LANES * if vectors.is_multiple_of(8) { vectors + 1 } else { vectors }
}

/// A matrix inside a slice: row i starts at `i * stride`.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The numbers.
    pub data: &'a [f32],
    /// Distance between the starts of two rows.
    pub stride: usize,
}

/// The left operand A of a product, `[rows, inner]`.
#[derive(Clone, Copy, Debug)]
pub enum Left<'a> {
    /// A itself.
    Plain(View<'a>),
    /// A's transpose, `[inner, rows]`.
    Transposed(View<'a>),
}

/// What the sums of a product start from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// Nothing.
    Zero,
    /// The same row for all rows: a bias, `[padded(columns)]`.
    Row(&'a [f32]),
    /// What the target holds already.
    Target,
}

/// What happens to each finished sum s.
#[derive(Clone, Copy, Debug)]
pub enum Finish<'a> {
    /// s.
    Keep,
    /// max(0, s).
    Relu,
    /// tanh(s), to 4e-7.
    Tanh,
    /// s times the slope of the rectifier whose outputs are given: 1 where the output is above 0, else 0.
    ReluSlope(View<'a>),
    /// s times the slope of tanh at the outputs y given: 1 - y^2.
    TanhSlope(View<'a>),
}

/// `target = finish(start + A B)`.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// Rows of A and of the target.
    pub rows: usize,
    /// Columns of A and rows of B.
    pub inner: usize,
    /// Columns of B and of the target; computed in whole vectors.
    pub columns: usize,
    /// A.
    pub left: Left<'a>,
    /// B, `[inner, padded(columns)]`.
    pub right: View<'a>,
    /// Where the sums start.
    pub start: Start<'a>,
    /// What is stored of them.
    pub finish: Finish<'a>,
}

impl Product<'_> {
    /// Computes the product into `target`, `[rows, padded(columns)]` with rows `target_stride` apart. Without rows or columns
    /// there is nothing to compute.
    ///
    /// # Panics
    /// When an operand is smaller than the sizes say, or `inner` is 0: the operands of such a product may be empty, and the
    /// kernels step through them from their first number on.
    pub fn store(&self, isa: Isa, target: &mut [f32], target_stride: usize) {
        let columns = padded(self.columns);
        if self.rows == 0 || columns == 0 {
            return;
        }
        assert!(self.inner > 0, "a product whose inner dimension is 0");
        let (left, left_row, left_step) = match self.left {
            Left::Plain(view) => (checked(view, self.rows, self.inner), view.stride, 1),
            Left::Transposed(view) => (checked(view, self.inner, self.rows), 1, view.stride),
        };
        let finish = raw_finish(self.finish, self.rows, columns);
        let start = match self.start {
            Start::Zero => RawStart::Zero,
            Start::Row(row) => RawStart::Row(checked(View { data: row, stride: columns }, 1, columns)),
            Start::Target => RawStart::Target,
        };
        let task = Task {
            rows: self.rows,
            inner: self.inner,
            vectors: columns / LANES,
            left,
            left_row,
            left_step,
            right: checked(self.right, self.inner, columns),
            right_stride: self.right.stride,
            start,
            finish,
            target: checked_mut(target, target_stride, self.rows, columns),
            target_stride,
        };
        #[allow(unsafe_code, reason = "enters a kernel compiled for one instruction set")]
        // SAFETY: `checked` found each operand to hold all elements that the sizes describe, and `target` is borrowed
        // mutably, so it overlaps none of them.
        unsafe {
            kernels::product(isa, task);
        }
    }
}

/// One step of Adam for a vector of weights, in place (Kingma & Ba 2015, algorithm 1).
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Step size.
    pub learning_rate: f32,
    /// Decay of the mean of the gradients.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Added to the root of the mean square.
    pub eps: f32,
}

impl Adam {
    /// Moves `weights` along `gradient` scaled by `gradient_scale`; `step` counts from 1. Lengths in whole vectors.
    ///
    /// # Panics
    /// When lengths differ or are not whole vectors.
    pub fn apply(
        &self,
        isa: Isa,
        step: u32,
        gradient: &[f32],
        gradient_scale: f32,
        (weights, m, v): (&mut [f32], &mut [f32], &mut [f32]),
    ) {
        let len = gradient.len();
        assert!(len.is_multiple_of(LANES) && [weights.len(), m.len(), v.len()] == [len; 3], "lengths differ");
        let correction = |beta: f32| 1.0 - libm::pow(f64::from(beta), f64::from(step));
        let rates = AdamRates {
            gradient_scale,
            beta1: self.beta1,
            beta2: self.beta2,
            step: (f64::from(self.learning_rate) / correction(self.beta1)) as f32,
            root_scale: (1.0 / correction(self.beta2).sqrt()) as f32,
            eps: self.eps,
        };
        let vectors = len / LANES;
        #[allow(unsafe_code, reason = "enters a kernel compiled for one instruction set")]
        // SAFETY: all four slices hold `vectors` whole vectors.
        unsafe {
            kernels::adam(isa, rates, vectors, weights.as_mut_ptr(), m.as_mut_ptr(), v.as_mut_ptr(), gradient.as_ptr());
        }
    }
}

/// Adds `x` to `sum`. Lengths in whole vectors.
///
/// # Panics
/// When lengths differ or are not whole vectors.
pub fn add(isa: Isa, sum: &mut [f32], x: &[f32]) {
    assert!(x.len().is_multiple_of(LANES) && sum.len() == x.len(), "lengths differ");
    #[allow(unsafe_code, reason = "enters a kernel compiled for one instruction set")]
    // SAFETY: both slices hold that many whole vectors.
    unsafe {
        kernels::add(isa, x.len() / LANES, sum.as_mut_ptr(), x.as_ptr());
    }
}

/// Sum of the squares. Length in whole vectors.
///
/// # Panics
/// When the length is not whole vectors.
pub fn sum_of_squares(isa: Isa, x: &[f32]) -> f64 {
    assert!(x.len().is_multiple_of(LANES), "not whole vectors");
    #[allow(unsafe_code, reason = "enters a kernel compiled for one instruction set")]
    // SAFETY: the slice holds that many whole vectors.
    unsafe {
        kernels::sum_of_squares(isa, x.len() / LANES, x.as_ptr())
    }
}

/// Operations that `rounds` of fused multiply-adds in registers come to, and a number that depends on all of them: what products
/// are compared with, for they cannot be faster than that.
pub fn multiply_in_registers(isa: Isa, rounds: u32) -> (f64, f32) {
    #[allow(unsafe_code, reason = "enters a kernel compiled for one instruction set")]
    // SAFETY: the kernel touches no memory of anybody else.
    let [sum, width] = unsafe { kernels::chains(isa, rounds) };
    (2.0 * f64::from(width) * f64::from(rounds), sum)
}

/// Row g of `means` becomes the mean of rows `g * group ..` of `rows`; whole vectors of `columns`.
///
/// # Panics
/// When an operand is smaller than the sizes say, or a group has no rows.
pub fn mean_of_groups(
    isa: Isa,
    (groups, group, columns): (usize, usize, usize),
    rows: View<'_>,
    means: &mut [f32],
    means_stride: usize,
) {
    assert!(group > 0, "the mean of no rows");
    let columns = padded(columns);
    let rows_start = checked(rows, groups * group, columns);
    let means = checked_mut(means, means_stride, groups, columns);
    for g in 0..groups {
        #[allow(unsafe_code, reason = "enters a kernel compiled for one instruction set")]
        // SAFETY: rows and means were found to hold all groups.
        unsafe {
            let first = rows_start.add(g * group * rows.stride);
            kernels::mean_rows(isa, group, columns / LANES, first, rows.stride, means.add(g * means_stride));
        }
    }
}

/// The gradient of [`mean_of_groups`]: each of the rows `g * group ..` of `rows` becomes row g of `means` divided by
/// `group`, finished with `finish`.
///
/// # Panics
/// When an operand is smaller than the sizes say, or a group has no rows.
pub fn spread_to_groups(
    isa: Isa,
    (groups, group, columns): (usize, usize, usize),
    means: View<'_>,
    finish: Finish<'_>,
    rows: &mut [f32],
    rows_stride: usize,
) {
    assert!(group > 0, "the mean of no rows");
    let columns = padded(columns);
    let means_start = checked(means, groups, columns);
    let whole = raw_finish(finish, groups * group, columns);
    let rows = checked_mut(rows, rows_stride, groups * group, columns);
    for g in 0..groups {
        #[allow(unsafe_code, reason = "enters a kernel compiled for one instruction set")]
        // SAFETY: rows, means and the slopes inside `whole` were found to hold all groups.
        unsafe {
            let finish = match whole {
                RawFinish::ReluSlope(y, stride) => RawFinish::ReluSlope(y.add(g * group * stride), stride),
                RawFinish::TanhSlope(y, stride) => RawFinish::TanhSlope(y.add(g * group * stride), stride),
                other => other,
            };
            let (mean, first) = (means_start.add(g * means.stride), rows.add(g * group * rows_stride));
            kernels::spread_row(isa, group, columns / LANES, mean, finish, first, rows_stride);
        }
    }
}

/// `target[j, i] = source[i, j]` for a source of `rows` by `columns`.
///
/// # Panics
/// When an operand is smaller than the sizes say.
pub fn transpose((rows, columns): (usize, usize), source: View<'_>, target: &mut [f32], target_stride: usize) {
    checked(source, rows, columns);
    checked_mut(target, target_stride, columns, rows);
    for block in (0..rows).step_by(LANES) {
        for j in 0..columns {
            let target = &mut target[j * target_stride..][..rows];
            for (i, x) in (block..).zip(target[block..].iter_mut().take(LANES)) {
                *x = source.data[i * source.stride + j];
            }
        }
    }
}

fn raw_finish(finish: Finish<'_>, rows: usize, columns: usize) -> RawFinish {
    match finish {
        Finish::Keep => RawFinish::Keep,
        Finish::Relu => RawFinish::Relu,
        Finish::Tanh => RawFinish::Tanh,
        Finish::ReluSlope(y) => RawFinish::ReluSlope(checked(y, rows, columns), y.stride),
        Finish::TanhSlope(y) => RawFinish::TanhSlope(checked(y, rows, columns), y.stride),
    }
}

/// The first element of a matrix, after making sure that all of it is there.
fn checked(view: View<'_>, rows: usize, columns: usize) -> *const f32 {
    assert!(fits(view.data.len(), view.stride, rows, columns), "an operand is smaller than its sizes say");
    view.data.as_ptr()
}

fn checked_mut(data: &mut [f32], stride: usize, rows: usize, columns: usize) -> *mut f32 {
    assert!(fits(data.len(), stride, rows, columns), "the target is smaller than its sizes say");
    data.as_mut_ptr()
}

/// Whether rows `stride` apart fit into `len` numbers and do not run into each other.
fn fits(len: usize, stride: usize, rows: usize, columns: usize) -> bool {
    let end = rows.saturating_sub(1).checked_mul(stride).and_then(|last| last.checked_add(columns));
    rows == 0 || (rows == 1 || columns <= stride) && end.is_some_and(|end| end <= len)
}
