//! Algebraic connectivity of eight dense graphs at once, one graph in each lane.
//!
//! Three steps, all in the same order of operations for every lane, so that a graph's bits do not depend on its
//! neighbours: one Householder reflector takes the constant vector out of the Laplacian and leaves a positive definite
//! matrix of size n - 1; Householder reflectors make that tridiagonal, where the rank-2 update of one step and the
//! matrix-vector product of the next share one pass over the matrix (Golub, Van Loan, Matrix Computations, 8.3); then
//! the smallest eigenvalue of that, see `laguerre`.

use super::laguerre::smallest_root;
use crate::math::simd::{Kernel, Lanes, Simd};

/// Squared length below which a column counts as zero; its square root is far below the rounding error of any graph.
pub(super) const TINY: f64 = 1e-60;
/// Rows that share one sweep over the vectors.
const ROWS: usize = 4;

/// Memory that outlives a call.
#[derive(Default)]
pub(super) struct Workspace {
    /// Lower triangle by rows; row i starts at i (i + 1) / 2.
    matrix: Vec<Lanes>,
    reflector: Vec<Lanes>,
    update: Vec<Lanes>,
    next_reflector: Vec<Lanes>,
    product: Vec<Lanes>,
    diagonal: Vec<Lanes>,
    /// Squares of the off-diagonal of the tridiagonal matrix.
    off_diagonal2: Vec<Lanes>,
}

impl Workspace {
    fn resize(&mut self, m: usize) {
        self.matrix.resize(row_start(m), Lanes::default());
        for vector in [
            &mut self.reflector,
            &mut self.update,
            &mut self.next_reflector,
            &mut self.product,
            &mut self.diagonal,
            &mut self.off_diagonal2,
        ] {
            vector.resize(m, Lanes::default());
        }
    }
}

/// Algebraic connectivity of eight connected graphs with `n >= 2` nodes; a graph may be named more than once.
pub(super) struct Lambda2<'a> {
    pub(super) n: usize,
    /// Bit rows of all graphs, `n.div_ceil(64)` words to a row.
    pub(super) bits: &'a [u64],
    /// Which graph goes into each lane.
    pub(super) graphs: [usize; 8],
    pub(super) work: &'a mut Workspace,
}

impl Kernel for Lambda2<'_> {
    type Output = [f64; 8];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f64; 8] {
        self.work.resize(self.n - 1);
        deflated_laplacian(s, self.n, self.bits, self.graphs, self.work);
        tridiagonalize(s, self.n - 1, self.work);
        smallest_root(s, &self.work.diagonal, &self.work.off_diagonal2).0
    }
}

fn row_start(row: usize) -> usize {
    row * (row + 1) / 2
}

/// Fills the lower triangle with H L H less its last row and column, H the reflector that takes the constant vector to
/// the last axis. With w = 1 / sqrt(n) (1, ..., 1, 1 + sqrt(n)), L w is the last column of L, and with
/// c = 1 / (1 + sqrt(n)) this gives b_ij = l_ij + c (a_in + a_jn) + c^2 deg_n.
#[inline(always)]
fn deflated_laplacian<S: Simd>(s: S, n: usize, bits: &[u64], graphs: [usize; 8], work: &mut Workspace) {
    let words = n.div_ceil(64);
    let m = n - 1;
    let row_words = |row: usize, word: usize| graphs.map(|graph| bits[(graph * n + row) * words + word]);
    let shift = &mut work.update[..m];
    let degree = &mut work.product[..m];

    let mut last_degree = s.splat(0.0);
    for first in (0..m).step_by(64) {
        let last_row = row_words(m, first / 64);
        for j in first..m.min(first + 64) {
            let linked = s.bit(&last_row, (j - first) as u32);
            last_degree = s.add(last_degree, linked);
            s.store(&mut shift[j], linked);
            s.store(&mut degree[j], linked);
        }
    }
    let c = 1.0 / (1.0 + (n as f64).sqrt());
    let half = s.mul(last_degree, s.splat(0.5 * c * c));
    for shift in shift.iter_mut() {
        s.store(shift, s.mul_add(s.splat(c), s.load(shift), half));
    }

    let mut rest = &mut work.matrix[..row_start(m)];
    for i in 0..m {
        let (row, after) = rest.split_at_mut(i + 1);
        rest = after;
        let shift_i = s.load(&shift[i]);
        let mut degree_i = s.load(&degree[i]);
        for first in (0..i).step_by(64) {
            let words_i = row_words(i, first / 64);
            for j in first..i.min(first + 64) {
                let linked = s.bit(&words_i, (j - first) as u32);
                degree_i = s.add(degree_i, linked);
                let degree_j = s.add(s.load(&degree[j]), linked);
                s.store(&mut degree[j], degree_j);
                s.store(&mut row[j], s.sub(s.add(shift_i, s.load(&shift[j])), linked));
            }
        }
        s.store(&mut degree[i], degree_i);
    }
    for i in 0..m {
        let shift_i = s.load(&shift[i]);
        s.store(&mut work.matrix[row_start(i + 1) - 1], s.add(s.load(&degree[i]), s.add(shift_i, shift_i)));
    }
}

/// Householder reduction from the last row up; leaves the diagonal and the squared off-diagonal in the workspace.
#[inline(always)]
fn tridiagonalize<S: Simd>(s: S, m: usize, work: &mut Workspace) {
    let Workspace { matrix, reflector, update, next_reflector, product, diagonal, off_diagonal2 } = work;
    if m > 2 {
        let last = row_start(m - 1);
        s.store(&mut diagonal[m - 1], s.load(&matrix[last + m - 1]));
        reflector[..m - 1].copy_from_slice(&matrix[last..last + m - 1]);
        let mut scale = reflect(s, &mut reflector[..m - 1], &mut off_diagonal2[m - 2]);
        sweep::<S, false>(s, m - 1, matrix, &[], &[], reflector, product);
        for k in (2..m).rev() {
            // A <- A - v w' - w v' with w = p - (scale / 2) (p . v) v and p = scale A v, then the next row's reflector.
            let v = &reflector[..k];
            let raw = dot(s, &product[..k], v);
            let along = s.mul(s.mul(s.mul(scale, scale), s.splat(0.5)), raw);
            for ((w, p), v) in update[..k].iter_mut().zip(&product[..k]).zip(v) {
                s.store(w, s.neg_mul_add(along, s.load(v), s.mul(scale, s.load(p))));
            }
            let w = &update[..k];
            let (v_last, w_last) = (s.load(&v[k - 1]), s.load(&w[k - 1]));
            let row = &matrix[row_start(k - 1)..row_start(k)];
            let corner = s.neg_mul_add(s.add(v_last, v_last), w_last, s.load(&row[k - 1]));
            s.store(&mut diagonal[k - 1], corner);
            let next = &mut next_reflector[..k - 1];
            for (((x, a), v), w) in next.iter_mut().zip(row).zip(v).zip(w) {
                s.store(x, s.neg_mul_add(w_last, s.load(v), s.neg_mul_add(v_last, s.load(w), s.load(a))));
            }
            if k > 2 {
                scale = reflect(s, next, &mut off_diagonal2[k - 2]);
                sweep::<S, true>(s, k - 1, matrix, v, w, next, product);
                std::mem::swap(reflector, next_reflector);
            } else {
                let x = s.load(&next[0]);
                s.store(&mut off_diagonal2[0], s.mul(x, x));
                let (v, w) = (s.load(&v[0]), s.load(&w[0]));
                s.store(&mut diagonal[0], s.neg_mul_add(s.add(v, v), w, s.load(&matrix[0])));
            }
        }
    } else {
        for i in 0..m {
            diagonal[i] = matrix[row_start(i) + i];
        }
        if m == 2 {
            let x = s.load(&matrix[1]);
            s.store(&mut off_diagonal2[0], s.mul(x, x));
        }
    }
}

/// Turns the column `x` into the vector v of the reflector I - scale v v' that leaves only its last entry; returns
/// scale and writes that entry squared.
#[inline(always)]
fn reflect<S: Simd>(s: S, x: &mut [Lanes], entry2: &mut Lanes) -> S::F {
    let length2 = dot(s, x, x);
    s.store(entry2, length2);
    let last = x.len() - 1;
    let length = s.sqrt(length2);
    let pivot = s.load(&x[last]);
    s.store(&mut x[last], s.add(pivot, s.copysign(length, pivot)));
    let scale = s.div(s.splat(1.0), s.mul_add(s.abs(pivot), length, length2));
    s.select(s.lt(length2, s.splat(TINY)), s.splat(0.0), scale)
}

/// Dot product, by four interleaved partial sums.
#[inline(always)]
pub(super) fn dot<S: Simd>(s: S, a: &[Lanes], b: &[Lanes]) -> S::F {
    let mut sums = [s.splat(0.0); 4];
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    for (a, b) in a4.iter().zip(b4) {
        for lane in 0..4 {
            sums[lane] = s.mul_add(s.load(&a[lane]), s.load(&b[lane]), sums[lane]);
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        sums[lane] = s.mul_add(s.load(a), s.load(b), sums[lane]);
    }
    s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3]))
}

/// One pass over the leading k x k triangle: with `UPDATE`, A <- A - v w' - w v'; then product = A x.
#[inline(always)]
fn sweep<S: Simd, const UPDATE: bool>(
    s: S,
    k: usize,
    matrix: &mut [Lanes],
    v: &[Lanes],
    w: &[Lanes],
    x: &[Lanes],
    product: &mut [Lanes],
) {
    let mut rest = &mut matrix[..row_start(k)];
    let mut first = 0;
    while first + ROWS <= k {
        let (rows, after) = rest.split_at_mut(row_start(first + ROWS) - row_start(first));
        sweep_rows::<S, UPDATE, ROWS>(s, first, rows, v, w, x, product);
        rest = after;
        first += ROWS;
    }
    while first < k {
        let (row, after) = rest.split_at_mut(first + 1);
        sweep_rows::<S, UPDATE, 1>(s, first, row, v, w, x, product);
        rest = after;
        first += 1;
    }
}

/// `R` rows of [`sweep`], starting with row `first`. The order in which an entry of the product gathers its terms does
/// not depend on `R`.
#[inline(always)]
fn sweep_rows<S: Simd, const UPDATE: bool, const R: usize>(
    s: S,
    first: usize,
    mut rows: &mut [Lanes],
    v: &[Lanes],
    w: &[Lanes],
    x: &[Lanes],
    product: &mut [Lanes],
) {
    let zero = s.splat(0.0);
    let (mut v_row, mut w_row, mut x_row, mut sum) = ([zero; R], [zero; R], [zero; R], [zero; R]);
    let mut left: [&mut [Lanes]; R] = std::array::from_fn(|_| Default::default());
    let mut right: [&mut [Lanes]; R] = std::array::from_fn(|_| Default::default());
    for r in 0..R {
        let (row, after) = rows.split_at_mut(first + r + 1);
        rows = after;
        (left[r], right[r]) = row.split_at_mut(first);
        x_row[r] = s.load(&x[first + r]);
        if UPDATE {
            v_row[r] = s.load(&v[first + r]);
            w_row[r] = s.load(&w[first + r]);
        }
    }
    let (before, own) = product.split_at_mut(first);
    let (x_before, x_own) = x.split_at(first);
    for j in 0..first {
        let x_j = s.load(&x_before[j]);
        let mut p_j = s.load(&before[j]);
        for r in 0..R {
            let mut a = s.load(&left[r][j]);
            if UPDATE {
                a = s.neg_mul_add(w_row[r], s.load(&v[j]), s.neg_mul_add(v_row[r], s.load(&w[j]), a));
                s.store(&mut left[r][j], a);
            }
            sum[r] = s.mul_add(a, x_j, sum[r]);
            p_j = s.mul_add(a, x_row[r], p_j);
        }
        s.store(&mut before[j], p_j);
    }
    for r in 0..R {
        for c in 0..=r {
            let mut a = s.load(&right[r][c]);
            if UPDATE {
                a = s.neg_mul_add(w_row[r], v_row[c], s.neg_mul_add(v_row[r], w_row[c], a));
                s.store(&mut right[r][c], a);
            }
            sum[r] = s.mul_add(a, s.load(&x_own[c]), sum[r]);
            if c < r {
                let p_c = s.mul_add(a, x_row[r], s.load(&own[c]));
                s.store(&mut own[c], p_c);
            }
        }
        s.store(&mut own[r], sum[r]);
    }
}
