//! Fiedler vectors of dense graphs, and of the graphs whose Fiedler vector is known beforehand.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How far below the eigenvalue the shift of the inverse iteration lies, relative to it: far enough for the shifted
/// matrix to stay positive definite in spite of rounding, near enough for a few iterations to do.
const SHIFT: f64 = 1e-6;
const MAX_ITERATIONS: usize = 100;
/// The iteration stops when an iterate differs from the last one by less than this.
const TOLERANCE: f64 = 1e-11;
/// Entries below this are rounding errors and set to zero.
const NOISE: f64 = 1e-9;

/// Memory that outlives a call.
#[derive(Default)]
pub(super) struct InverseIteration {
    /// Cholesky factor by rows; row i starts at i (i + 1) / 2.
    factor: Vec<f64>,
    column: Vec<f64>,
    previous: Vec<f64>,
}

impl InverseIteration {
    /// Unit vector of the eigenvalue `value` of the Laplacian of a connected, not complete graph, given as bit rows;
    /// `value` must be right to a relative error of 1e-7. For a multiple eigenvalue, one of its vectors.
    pub(super) fn run(&mut self, rows: &[u64], value: f64, vector: &mut [f64]) {
        let n = vector.len();
        self.factorize(n, rows, value * (1.0 - SHIFT));
        let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
        vector.iter_mut().for_each(|x| *x = rng.random::<f64>() - 0.5);
        normalize(vector);
        for _ in 0..MAX_ITERATIONS {
            self.previous.clear();
            self.previous.extend_from_slice(vector);
            self.solve(vector);
            normalize(vector);
            let change2: f64 = self.previous.iter().zip(&*vector).map(|(a, b)| (a - b) * (a - b)).sum();
            if change2 < TOLERANCE * TOLERANCE {
                break;
            }
        }
        orient(vector);
    }

    /// Cholesky factor of L + J - shift I with J all ones, which lifts the constant vector's eigenvalue from 0 to n,
    /// where no eigenvalue of L is passed.
    fn factorize(&mut self, n: usize, rows: &[u64], shift: f64) {
        self.factor.clear();
        for (i, row) in rows.chunks_exact(n.div_ceil(64)).enumerate() {
            let degree = f64::from(row.iter().map(|word| word.count_ones()).sum::<u32>());
            self.factor.extend((0..i).map(|j| 1.0 - (row[j / 64] >> (j % 64) & 1) as f64));
            self.factor.push(degree + 1.0 - shift);
        }
        self.column.resize(n, 0.0);
        for k in 0..n {
            let pivot = &mut self.factor[row_start(k) + k];
            *pivot = pivot.max(f64::MIN_POSITIVE).sqrt();
            let pivot = *pivot;
            for i in k + 1..n {
                let row = &mut self.factor[row_start(i)..][..i + 1];
                let factor = row[k] / pivot;
                row[k] = factor;
                self.column[i] = factor;
                for (a, c) in row[k + 1..].iter_mut().zip(&self.column[k + 1..]) {
                    *a -= factor * c;
                }
            }
        }
    }

    /// Solves the factored system in place.
    fn solve(&self, x: &mut [f64]) {
        let row = |i: usize| &self.factor[row_start(i)..][..i + 1];
        for i in 0..x.len() {
            let sum: f64 = row(i).iter().zip(&*x).take(i).map(|(a, x)| a * x).sum();
            x[i] = (x[i] - sum) / row(i)[i];
        }
        for i in (0..x.len()).rev() {
            x[i] /= row(i)[i];
            let (before, own) = x.split_at_mut(i);
            for (x, a) in before.iter_mut().zip(row(i)) {
                *x -= a * own[0];
            }
        }
    }
}

fn row_start(row: usize) -> usize {
    row * (row + 1) / 2
}

/// The Rayleigh quotient of `x`, by differences along the links, which keeps small values accurate.
pub(super) fn rayleigh_quotient(rows: &[u64], x: &[f64]) -> f64 {
    let words = x.len().div_ceil(64);
    let mut energy = 0.0;
    for (i, row) in rows.chunks_exact(words).enumerate() {
        for (at, &word) in row.iter().enumerate() {
            let mut word = word;
            while word != 0 {
                let difference = x[i] - x[64 * at + word.trailing_zeros() as usize];
                energy += difference * difference;
                word &= word - 1;
            }
        }
    }
    0.5 * energy / x.iter().map(|x| x * x).sum::<f64>()
}

/// Takes the mean out and scales to unit length.
fn normalize(x: &mut [f64]) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter_mut().for_each(|x| *x -= mean);
    let scale = 1.0 / x.iter().map(|x| x * x).sum::<f64>().sqrt();
    x.iter_mut().for_each(|x| *x *= scale);
}

/// Clears rounding errors and makes the first nonzero entry of a unit vector positive.
pub(super) fn orient(x: &mut [f64]) {
    x.iter_mut().filter(|x| x.abs() < NOISE).for_each(|x| *x = 0.0);
    if x.iter().find(|x| **x != 0.0).is_some_and(|x| *x < 0.0) {
        x.iter_mut().for_each(|x| *x = -*x);
    }
}

/// The unit vector that is constant on a component and on the rest, and orthogonal to constants; `is_inside` says which
/// nodes are in the component, some are and some are not.
pub(super) fn write_kernel_vector(is_inside: impl Iterator<Item = bool> + Clone, x: &mut [f64]) {
    let inside = is_inside.clone().filter(|inside| *inside).count() as f64;
    let outside = x.len() as f64 - inside;
    let (a, b) = ((outside / (inside * x.len() as f64)).sqrt(), -(inside / (outside * x.len() as f64)).sqrt());
    for (x, is_inside) in x.iter_mut().zip(is_inside) {
        *x = if is_inside { a } else { b };
    }
    orient(x);
}

/// A Fiedler vector of the complete graph, where every unit vector orthogonal to constants is one. Zero for one node,
/// which has none.
pub(super) fn write_complete_vector(x: &mut [f64]) {
    x.fill(0.0);
    if let [first, second, ..] = x {
        (*first, *second) = (0.5f64.sqrt(), -0.5f64.sqrt());
    }
}
