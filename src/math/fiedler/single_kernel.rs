//! Tridiagonal form of one dense graph, eight entries of a row in the lanes of a vector.
//!
//! The same reduction as in `batch_kernel`, for graphs so large that eight of them at once would not stay in the cache.
//! The lower triangle is kept by blocks of 8 x 8, diagonal blocks in full, and vectors are padded with zeros to whole
//! blocks: what lies beyond the current size meets only zeros.

use super::{
    batch_kernel::{TINY, dot},
    laguerre::smallest_root,
};
use crate::math::simd::{Kernel, Lanes, Simd};

/// Rows that share one sweep over the vectors.
const ROWS: usize = 4;

/// Memory that outlives a call.
#[derive(Default)]
pub(super) struct Workspace {
    /// Block row b holds rows 8 b to 8 b + 7, each of b + 1 blocks; it starts at 4 b (b + 1).
    matrix: Vec<Lanes>,
    reflector: Vec<Lanes>,
    update: Vec<Lanes>,
    next_reflector: Vec<Lanes>,
    product: Vec<Lanes>,
    /// Tridiagonal matrices, one in each lane, the off-diagonal squared.
    diagonal: Vec<Lanes>,
    off_diagonal2: Vec<Lanes>,
}

/// Algebraic connectivity of up to eight connected graphs with `n >= 3` nodes, reduced one after the other.
pub(super) struct Lambda2<'a> {
    pub(super) n: usize,
    /// Bit rows of all graphs, `n.div_ceil(64)` words to a row.
    pub(super) bits: &'a [u64],
    /// Which graphs.
    pub(super) graphs: &'a [usize],
    pub(super) work: &'a mut Workspace,
}

impl Kernel for Lambda2<'_> {
    type Output = [f64; 8];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f64; 8] {
        let Self { n, bits, graphs, work } = self;
        let m = n - 1;
        let blocks = m.div_ceil(8);
        work.matrix.resize(block_row_start(blocks), Lanes::default());
        for vector in [&mut work.reflector, &mut work.update, &mut work.next_reflector, &mut work.product] {
            vector.resize(blocks, Lanes::default());
        }
        // Empty lanes hold the identity.
        work.diagonal.clear();
        work.diagonal.resize(m, Lanes([1.0; 8]));
        work.off_diagonal2.clear();
        work.off_diagonal2.resize(m, Lanes::default());
        let len = n * n.div_ceil(64);
        for (lane, &graph) in graphs.iter().enumerate() {
            deflated_laplacian(s, n, &bits[graph * len..][..len], work);
            tridiagonalize(s, m, lane, work);
        }
        smallest_root(s, &work.diagonal, &work.off_diagonal2).0
    }
}

fn block_row_start(block: usize) -> usize {
    4 * block * (block + 1)
}

/// Where row `row` starts in the matrix; it has `row / 8 + 1` blocks.
fn row_start(row: usize) -> usize {
    block_row_start(row / 8) + row % 8 * (row / 8 + 1)
}

/// How many blocks the first `len` entries of a vector take.
fn blocks(len: usize) -> usize {
    len.div_ceil(8)
}

/// Sets the entries from `len` on to zero, as far as the block of the last entry goes.
#[inline(always)]
fn clear_tail(vector: &mut [Lanes], len: usize) {
    if !len.is_multiple_of(8) {
        vector[len / 8].0[len % 8..].fill(0.0);
    }
}

#[inline(always)]
fn entry(vector: &[Lanes], i: usize) -> f64 {
    vector[i / 8].0[i % 8]
}

/// Fills the lower triangle with the deflated Laplacian; the formula stands in `batch_kernel`.
#[inline(always)]
fn deflated_laplacian<S: Simd>(s: S, n: usize, rows: &[u64], work: &mut Workspace) {
    let words = n.div_ceil(64);
    let m = n - 1;
    let degree = |row: usize| rows[row * words..][..words].iter().map(|word| f64::from(word.count_ones())).sum::<f64>();
    let word = |row: usize, word: usize| if row < m { rows[row * words + word] } else { 0 };
    let c = 1.0 / (1.0 + (n as f64).sqrt());
    let half = s.splat(degree(m) * (0.5 * c * c));
    let shift = &mut work.update[..blocks(m)];
    for (block, shift) in shift.iter_mut().enumerate() {
        let last_column = std::array::from_fn(|lane| word(8 * block + lane, m / 64));
        s.store(shift, s.mul_add(s.splat(c), s.bit(&last_column, (m % 64) as u32), half));
    }
    clear_tail(shift, m);
    for column_block in 0..blocks(m) {
        let shift_j = s.load(&shift[column_block]);
        for first in (8 * column_block / 64 * 64..m).step_by(64) {
            // The graph is symmetric: bit i of eight rows is what row i says about eight columns.
            let columns = std::array::from_fn(|lane| word(8 * column_block + lane, first / 64));
            for i in first.max(8 * column_block)..m.min(first + 64) {
                let shift_i = s.splat(entry(shift, i));
                let linked = s.bit(&columns, (i - first) as u32);
                let b = s.sub(s.add(shift_i, shift_j), linked);
                s.store(&mut work.matrix[row_start(i) + column_block], b);
            }
        }
    }
    for i in 0..m {
        work.matrix[row_start(i) + i / 8].0[i % 8] += degree(i);
    }
}

/// Householder reduction from the last row up; writes the tridiagonal matrix to lane `lane`. `m >= 2`.
#[inline(always)]
fn tridiagonalize<S: Simd>(s: S, m: usize, lane: usize, work: &mut Workspace) {
    let Workspace { matrix, reflector, update, next_reflector, product, diagonal, off_diagonal2 } = work;
    let row = &matrix[row_start(m - 1)..][..blocks(m)];
    diagonal[m - 1].0[lane] = entry(row, m - 1);
    reflector[..blocks(m - 1)].copy_from_slice(&row[..blocks(m - 1)]);
    clear_tail(reflector, m - 1);
    let (mut scale, length2) = reflect(s, m - 1, reflector);
    off_diagonal2[m - 2].0[lane] = length2;
    sweep::<S, false>(s, m - 1, matrix, update, reflector, reflector, product);
    for k in (1..m).rev() {
        // v, scale and p = A v of size k are known.
        let v = &reflector[..blocks(k)];
        let along = 0.5 * scale * scale * sum(s, dot(s, &product[..blocks(k)], v));
        for ((w, p), v) in update.iter_mut().zip(&*product).zip(v) {
            s.store(w, s.neg_mul_add(s.splat(along), s.load(v), s.mul(s.splat(scale), s.load(p))));
        }
        clear_tail(update, k);
        let w = &update[..blocks(k)];
        let (v_last, w_last) = (entry(v, k - 1), entry(w, k - 1));
        let row = &matrix[row_start(k - 1)..][..blocks(k)];
        diagonal[k - 1].0[lane] = (-2.0 * v_last).mul_add(w_last, entry(row, k - 1));
        if k == 1 {
            break;
        }
        let next = &mut next_reflector[..blocks(k - 1)];
        let (v_last, w_last) = (s.splat(v_last), s.splat(w_last));
        for (((x, a), v), w) in next.iter_mut().zip(row).zip(v).zip(w) {
            s.store(x, s.neg_mul_add(w_last, s.load(v), s.neg_mul_add(v_last, s.load(w), s.load(a))));
        }
        clear_tail(next, k - 1);
        let length2;
        (scale, length2) = reflect(s, k - 1, next);
        off_diagonal2[k - 2].0[lane] = length2;
        sweep::<S, true>(s, k - 1, matrix, w, v, next, product);
        std::mem::swap(reflector, next_reflector);
    }
}

/// Turns the column `x` of `len` entries into the vector v of the reflector I - scale v v' that leaves only its last
/// entry; returns scale and that entry squared.
#[inline(always)]
fn reflect<S: Simd>(s: S, len: usize, x: &mut [Lanes]) -> (f64, f64) {
    let x = &mut x[..blocks(len)];
    let length2 = sum(s, dot(s, x, x));
    let last = &mut x[(len - 1) / 8].0[(len - 1) % 8];
    let pivot = *last;
    let length = length2.sqrt();
    *last = pivot + length.copysign(pivot);
    let scale = if length2 < TINY { 0.0 } else { 1.0 / pivot.abs().mul_add(length, length2) };
    (scale, length2)
}

/// Sum of the lanes.
#[inline(always)]
fn sum<S: Simd>(s: S, x: S::F) -> f64 {
    let mut memory = Lanes::default();
    s.store(&mut memory, x);
    let x = memory.0;
    ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]))
}

/// One pass over the leading k x k triangle: with `UPDATE`, A <- A - v w' - w v'; then product = A x.
#[inline(always)]
fn sweep<S: Simd, const UPDATE: bool>(
    s: S,
    k: usize,
    matrix: &mut [Lanes],
    w: &[Lanes],
    v: &[Lanes],
    x: &[Lanes],
    product: &mut [Lanes],
) {
    let zero = s.splat(0.0);
    for block in 0..blocks(k) {
        let rows = &mut matrix[block_row_start(block)..block_row_start(block + 1)];
        let (upper, lower) = rows.split_at_mut(ROWS * (block + 1));
        let sums = sweep_rows::<S, UPDATE>(s, block, 0, upper, w, v, x, product);
        // In the last block the lower rows may be finished.
        let below = if 8 * block + ROWS < k {
            sweep_rows::<S, UPDATE>(s, block, ROWS, lower, w, v, x, product)
        } else {
            [zero; ROWS]
        };
        let all = [sums[0], sums[1], sums[2], sums[3], below[0], below[1], below[2], below[3]];
        s.store(&mut product[block], s.sum_each(all));
    }
}

/// Four rows of [`sweep`], starting at row `from` of block row `block`: adds to the earlier entries of the product, and
/// returns, as partial sums, those of the four rows.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the arrays of one pass; a struct would only be built to be taken apart")]
fn sweep_rows<S: Simd, const UPDATE: bool>(
    s: S,
    block: usize,
    from: usize,
    rows: &mut [Lanes],
    w: &[Lanes],
    v: &[Lanes],
    x: &[Lanes],
    product: &mut [Lanes],
) -> [S::F; ROWS] {
    let zero = s.splat(0.0);
    let (mut v_row, mut w_row, mut x_row, mut sums) = ([zero; ROWS], [zero; ROWS], [zero; ROWS], [zero; ROWS]);
    for r in 0..ROWS {
        x_row[r] = s.splat(x[block].0[from + r]);
        if UPDATE {
            v_row[r] = s.splat(v[block].0[from + r]);
            w_row[r] = s.splat(w[block].0[from + r]);
        }
    }
    let (row0, rest) = rows.split_at_mut(block + 1);
    let (row1, rest) = rest.split_at_mut(block + 1);
    let (row2, row3) = rest.split_at_mut(block + 1);
    let rows = [row0, row1, row2, &mut row3[..block + 1]];
    let (x, product) = (&x[..block + 1], &mut product[..block]);
    let (v, w) = if UPDATE { (&v[..block + 1], &w[..block + 1]) } else { (x, x) };
    for j in 0..=block {
        let (v_j, w_j, x_j) = (s.load(&v[j]), s.load(&w[j]), s.load(&x[j]));
        let mut p_j = if j < block { s.load(&product[j]) } else { zero };
        for r in 0..ROWS {
            let mut a = s.load(&rows[r][j]);
            if UPDATE {
                a = s.neg_mul_add(w_row[r], v_j, s.neg_mul_add(v_row[r], w_j, a));
                s.store(&mut rows[r][j], a);
            }
            sums[r] = s.mul_add(a, x_j, sums[r]);
            p_j = s.mul_add(a, x_row[r], p_j);
        }
        if j < block {
            s.store(&mut product[j], p_j);
        }
    }
    sums
}
