//! Loops over rows and whole vectors of numbers: activations, means over groups, sums, and Adam.
#![allow(unsafe_code, unsafe_op_in_unsafe_fn, reason = "raw loads in inner loops; bounds checked by the parent module")]

use super::{
    kernels::{AdamRates, RawFinish},
    lanes::{LANES, Lanes},
};

/// Applies `finish` to `vectors` vectors that stand at (`row`, `column`) of the matrix that the slopes are taken from.
#[inline(always)]
pub(super) unsafe fn finish_row<L: Lanes>(
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
pub(super) unsafe fn adam_sweep<L: Lanes>(
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
pub(super) unsafe fn add_sweep<L: Lanes>(vectors: usize, sum: *mut f32, x: *const f32) {
    for i in (0..vectors).map(|i| i * LANES) {
        L::store(sum.add(i), L::add(L::load(sum.add(i)), L::load(x.add(i))));
    }
}

/// Fused multiply-adds in chains that never leave their registers: enough chains to hide the latency of one, and no more than
/// there are registers for. Each takes `rounds` of them per lane.
#[inline(always)]
pub(super) unsafe fn chain_sweep<L: Lanes>(rounds: u32) -> [f32; 2] {
    if L::REGISTERS >= 32 { chains::<L, 10>(rounds) } else { chains::<L, 6>(rounds) }
}

/// Where the chains end, summed, and how many numbers they are wide.
#[inline(always)]
unsafe fn chains<L: Lanes, const N: usize>(rounds: u32) -> [f32; 2] {
    let (scale, shift) = (L::splat(std::hint::black_box(0.75)), L::splat(std::hint::black_box(0.25)));
    let mut chains = [scale; N];
    for (n, chain) in chains.iter_mut().enumerate() {
        *chain = L::splat(n as f32);
    }
    for _ in 0..rounds {
        for chain in &mut chains {
            *chain = L::fma(*chain, scale, shift);
        }
    }
    let mut lanes = [0.0; LANES];
    for chain in chains {
        L::store(lanes.as_mut_ptr(), L::add(chain, L::load(lanes.as_ptr())));
    }
    [lanes.iter().sum(), (N * LANES) as f32]
}

/// Lane sums over blocks of 64 vectors in f32, the rest in f64: short chains, so the error does not grow with length.
#[inline(always)]
pub(super) unsafe fn square_sweep<L: Lanes>(vectors: usize, x: *const f32) -> f64 {
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
pub(super) unsafe fn mean_sweep<L: Lanes>(
    group: usize,
    vectors: usize,
    rows: *const f32,
    stride: usize,
    mean: *mut f32,
) {
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
pub(super) unsafe fn spread_sweep<L: Lanes>(
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
