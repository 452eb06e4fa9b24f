//! The inner loops, written once over [`Lanes`] and compiled for each instruction set.
//!
//! One element of a product is one chain of fused multiply-adds over the inner dimension, first to last (four
//! interleaved chains for products at most sixteen columns wide, whose few chains would otherwise wait for the adder).
//! How many elements a tile works on at once is a matter of registers and never of results.
#![allow(unsafe_code, unsafe_op_in_unsafe_fn, reason = "raw loads in inner loops; bounds checked by the parent module")]

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::{
    Isa, Level,
    lanes::{LANES, Lanes, Portable},
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
    fn sum_of_squares = square_sweep(vectors: usize, x: *const f32) -> f64;
    fn mean_rows = mean_sweep(group: usize, vectors: usize, rows: *const f32, stride: usize, mean: *mut f32);
    fn spread_row = spread_sweep(group: usize, vectors: usize, row: *const f32, finish: RawFinish, to: *mut f32, stride: usize);
}

#[inline(always)]
unsafe fn multiply<L: Lanes>(task: Task) {
    if task.vectors == 1 {
        let row = if L::REGISTERS >= 32 { narrow_band::<L, 4>(&task, 0) } else { 0 };
        narrow_band::<L, 1>(&task, row);
    } else if L::REGISTERS >= 32 {
        let row = band::<L, 8, 3>(&task, 0);
        let row = band::<L, 4, 4>(&task, row);
        let row = band::<L, 2, 8>(&task, row);
        band::<L, 1, 8>(&task, row);
    } else {
        let row = band::<L, 4, 1>(&task, 0);
        let row = band::<L, 2, 2>(&task, row);
        band::<L, 1, 4>(&task, row);
    }
}

/// As many blocks of `M` rows as there are from `row` on, in panels of at most `N` vectors; returns the first row left.
#[inline(always)]
unsafe fn band<L: Lanes, const M: usize, const N: usize>(task: &Task, row: usize) -> usize {
    let end = row + (task.rows - row) / M * M;
    if row == end {
        return row;
    }
    let panels = task.vectors.div_ceil(N);
    let mut vector = 0;
    for panel in 0..panels {
        let width = (task.vectors - vector).div_ceil(panels - panel);
        let rows = (row, end);
        match width {
            1 => panel_of::<L, M, 1>(task, rows, vector),
            2 if N >= 2 => panel_of::<L, M, 2>(task, rows, vector),
            3 if N >= 3 => panel_of::<L, M, 3>(task, rows, vector),
            4 if N >= 4 => panel_of::<L, M, 4>(task, rows, vector),
            5 if N >= 8 => panel_of::<L, M, 5>(task, rows, vector),
            6 if N >= 8 => panel_of::<L, M, 6>(task, rows, vector),
            7 if N >= 8 => panel_of::<L, M, 7>(task, rows, vector),
            8 if N >= 8 => panel_of::<L, M, 8>(task, rows, vector),
            _ => unreachable!("a panel is at most N wide"),
        }
        vector += width;
    }
    end
}

#[inline(always)]
unsafe fn panel_of<L: Lanes, const M: usize, const N: usize>(task: &Task, rows: (usize, usize), vector: usize) {
    let mut row = rows.0;
    while row < rows.1 {
        tile::<L, M, N>(task, row, vector * LANES);
        finish::<L>(task, row, M, vector * LANES, N);
        row += M;
    }
}

/// `M` rows by `N` vectors of the result, held in registers over the whole inner dimension.
#[inline(always)]
unsafe fn tile<L: Lanes, const M: usize, const N: usize>(task: &Task, row: usize, column: usize) {
    let target = task.target.add(row * task.target_stride + column);
    let mut sums = [[L::splat(0.0); N]; M];
    match task.start {
        RawStart::Zero => {}
        RawStart::Row(start) => {
            for n in 0..N {
                let x = L::load(start.add(column + n * LANES));
                for sums in &mut sums {
                    sums[n] = x;
                }
            }
        }
        RawStart::Target => {
            for m in 0..M {
                for n in 0..N {
                    sums[m][n] = L::load(target.add(m * task.target_stride + n * LANES));
                }
            }
        }
    }
    let mut left = task.left.add(row * task.left_row);
    let mut right = task.right.add(column);
    for _ in 0..task.inner {
        let mut b = [L::splat(0.0); N];
        for n in 0..N {
            b[n] = L::load(right.add(n * LANES));
        }
        for m in 0..M {
            let a = L::splat(*left.add(m * task.left_row));
            for n in 0..N {
                sums[m][n] = L::fma(a, b[n], sums[m][n]);
            }
        }
        left = left.wrapping_add(task.left_step);
        right = right.wrapping_add(task.right_stride);
    }
    for m in 0..M {
        for n in 0..N {
            L::store(target.add(m * task.target_stride + n * LANES), sums[m][n]);
        }
    }
}

#[inline(always)]
unsafe fn narrow_band<L: Lanes, const M: usize>(task: &Task, mut row: usize) -> usize {
    while row + M <= task.rows {
        narrow_tile::<L, M>(task, row);
        finish::<L>(task, row, M, 0, 1);
        row += M;
    }
    row
}

/// `M` rows of a product one vector wide: chain c takes every fourth step of the inner dimension from c on, and the
/// result is start + ((c0 + c1) + (c2 + c3)).
#[inline(always)]
unsafe fn narrow_tile<L: Lanes, const M: usize>(task: &Task, row: usize) {
    let mut chains = [[L::splat(0.0); 4]; M];
    let mut left = task.left.add(row * task.left_row);
    let mut right = task.right;
    for _ in 0..task.inner / 4 {
        for c in 0..4 {
            let b = L::load(right.add(c * task.right_stride));
            for m in 0..M {
                let a = L::splat(*left.add(m * task.left_row + c * task.left_step));
                chains[m][c] = L::fma(a, b, chains[m][c]);
            }
        }
        left = left.wrapping_add(4 * task.left_step);
        right = right.wrapping_add(4 * task.right_stride);
    }
    for c in 0..3 {
        if c < task.inner % 4 {
            let b = L::load(right.add(c * task.right_stride));
            for m in 0..M {
                let a = L::splat(*left.add(m * task.left_row + c * task.left_step));
                chains[m][c] = L::fma(a, b, chains[m][c]);
            }
        }
    }
    for m in 0..M {
        let target = task.target.add((row + m) * task.target_stride);
        let sum = L::add(L::add(chains[m][0], chains[m][1]), L::add(chains[m][2], chains[m][3]));
        let sum = match task.start {
            RawStart::Zero => sum,
            RawStart::Row(start) => L::add(L::load(start), sum),
            RawStart::Target => L::add(L::load(target), sum),
        };
        L::store(target, sum);
    }
}

/// Applies [`Task::finish`] to a tile that was just stored and is still in the nearest cache.
#[inline(always)]
unsafe fn finish<L: Lanes>(task: &Task, row: usize, rows: usize, column: usize, vectors: usize) {
    if let RawFinish::Keep = task.finish {
        return;
    }
    for m in row..row + rows {
        let target = task.target.add(m * task.target_stride + column);
        finish_row::<L>(task.finish, m, column, vectors, target, target);
    }
}

/// Applies `finish` to `vectors` vectors that stand at (`row`, `column`) of the matrix that the slopes are taken from.
#[inline(always)]
unsafe fn finish_row<L: Lanes>(
    finish: RawFinish,
    row: usize,
    column: usize,
    vectors: usize,
    from: *const f32,
    to: *mut f32,
) {
    let zero = L::splat(0.0);
    match finish {
        RawFinish::Keep => {
            for n in 0..vectors {
                L::store(to.add(n * LANES), L::load(from.add(n * LANES)));
            }
        }
        RawFinish::Relu => {
            for n in 0..vectors {
                L::store(to.add(n * LANES), L::max(zero, L::load(from.add(n * LANES))));
            }
        }
        RawFinish::Tanh => {
            for n in 0..vectors {
                L::store(to.add(n * LANES), tanh::<L>(L::load(from.add(n * LANES))));
            }
        }
        RawFinish::ReluSlope(y, stride) => {
            let y = y.add(row * stride + column);
            for n in 0..vectors {
                let x = L::load(from.add(n * LANES));
                L::store(to.add(n * LANES), L::keep_above(L::load(y.add(n * LANES)), zero, x));
            }
        }
        RawFinish::TanhSlope(y, stride) => {
            let y = y.add(row * stride + column);
            for n in 0..vectors {
                let y = L::load(y.add(n * LANES));
                let slope = L::fma(L::sub(zero, y), y, L::splat(1.0));
                L::store(to.add(n * LANES), L::mul(L::load(from.add(n * LANES)), slope));
            }
        }
    }
}

/// tanh as x P(x^2) / Q(x^2), a minimax fit on |x| <= 8.5 (beyond, tanh is 1 to f32): error below 4e-7.
#[inline(always)]
unsafe fn tanh<L: Lanes>(x: L::Vector) -> L::Vector {
    const P: [f32; 5] = [0.999_999_94, 0.134_062_04, 0.003_525_816_8, 2.112_153_6e-5, 1.409_920_6e-8];
    const Q: [f32; 5] = [1.0, 0.467_395_16, 0.025_991_125, 3.335_686_6e-4, 8.073_601e-7];
    let x = L::max(L::splat(-8.5), L::min(L::splat(8.5), x));
    let t = L::mul(x, x);
    let mut p = L::splat(P[4]);
    let mut q = L::splat(Q[4]);
    for i in (0..4).rev() {
        p = L::fma(p, t, L::splat(P[i]));
        q = L::fma(q, t, L::splat(Q[i]));
    }
    let y = L::div(L::mul(x, p), q);
    L::max(L::splat(-1.0), L::min(L::splat(1.0), y))
}

#[inline(always)]
unsafe fn adam_sweep<L: Lanes>(
    rates: AdamRates,
    vectors: usize,
    weights: *mut f32,
    m: *mut f32,
    v: *mut f32,
    g: *const f32,
) {
    // Moments of parameters that no gradient reaches any more would decay into denormal numbers and stay there, where
    // arithmetic is a hundred times slower; these floors lie far below anything that eps lets through.
    const SMALLEST_M: f32 = 1e-30;
    const SMALLEST_V: f32 = 1e-36;
    let (beta1, fresh1) = (L::splat(rates.beta1), L::splat(1.0 - rates.beta1));
    let (beta2, fresh2) = (L::splat(rates.beta2), L::splat(1.0 - rates.beta2));
    let (scale, eps) = (L::splat(rates.gradient_scale), L::splat(rates.eps));
    let (root_scale, back) = (L::splat(rates.root_scale), L::splat(-rates.step));
    let zero = L::splat(0.0);
    for i in (0..vectors).map(|i| i * LANES) {
        let gradient = L::mul(L::load(g.add(i)), scale);
        let mean = L::fma(beta1, L::load(m.add(i)), L::mul(fresh1, gradient));
        let square = L::fma(beta2, L::load(v.add(i)), L::mul(fresh2, L::mul(gradient, gradient)));
        let mean = L::keep_above(L::max(mean, L::sub(zero, mean)), L::splat(SMALLEST_M), mean);
        let square = L::keep_above(square, L::splat(SMALLEST_V), square);
        L::store(m.add(i), mean);
        L::store(v.add(i), square);
        let denominator = L::fma(L::sqrt(square), root_scale, eps);
        let change = L::div(L::mul(back, mean), denominator);
        L::store(weights.add(i), L::add(L::load(weights.add(i)), change));
    }
}

#[inline(always)]
unsafe fn add_sweep<L: Lanes>(vectors: usize, sum: *mut f32, x: *const f32) {
    for i in (0..vectors).map(|i| i * LANES) {
        L::store(sum.add(i), L::add(L::load(sum.add(i)), L::load(x.add(i))));
    }
}

/// Lane sums over blocks of 64 vectors in f32, the rest in f64: short chains, so the error does not grow with length.
#[inline(always)]
unsafe fn square_sweep<L: Lanes>(vectors: usize, x: *const f32) -> f64 {
    let mut total = 0.0;
    let mut block = 0;
    while block < vectors {
        let end = vectors.min(block + 64);
        let mut sum = L::splat(0.0);
        for i in block..end {
            let x = L::load(x.add(i * LANES));
            sum = L::fma(x, x, sum);
        }
        let mut lanes = [0.0; LANES];
        L::store(lanes.as_mut_ptr(), sum);
        total += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        block = end;
    }
    total
}

/// Mean of `group` consecutive rows.
#[inline(always)]
unsafe fn mean_sweep<L: Lanes>(group: usize, vectors: usize, rows: *const f32, stride: usize, mean: *mut f32) {
    let share = L::splat(1.0 / group as f32);
    for column in (0..vectors).map(|i| i * LANES) {
        let mut sum = L::splat(0.0);
        for row in 0..group {
            sum = L::add(sum, L::load(rows.add(row * stride + column)));
        }
        L::store(mean.add(column), L::mul(sum, share));
    }
}

/// Writes `row` / `group` times the slope into each of `group` rows: the gradient of [`mean_sweep`].
#[inline(always)]
unsafe fn spread_sweep<L: Lanes>(
    group: usize,
    vectors: usize,
    row: *const f32,
    finish: RawFinish,
    to: *mut f32,
    stride: usize,
) {
    let share = L::splat(1.0 / group as f32);
    for m in 0..group {
        let to = to.add(m * stride);
        for column in (0..vectors).map(|i| i * LANES) {
            L::store(to.add(column), L::mul(L::load(row.add(column)), share));
        }
        finish_row::<L>(finish, m, 0, vectors, to, to);
    }
}
