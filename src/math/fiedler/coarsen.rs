//! How a multigrid level is made from a finer one: aggregates of neighbours, a smoothed interpolation, and the Galerkin
//! product (Vanek, Mandel, Brezina, Computing 56, 1996).

use super::ordered::OrderedGraph;

/// Most entries in a row of an interpolation; the largest are kept.
pub(super) const WIDTH: usize = 4;
/// Damping of the interpolation's Jacobi step: 4/3 over the largest eigenvalue of D^-1 A, which is 1.5 to 1.6 here.
const DAMPING: f64 = 0.85;
/// Entries smaller than this, relative to the diagonal, do not join nodes into an aggregate.
const STRONG: f64 = 0.06;

/// Pivots below this, relative to the diagonal, are zero but for rounding.
const DEPENDENT: f64 = 1e-10;

/// A sparse matrix by rows. Rows of square matrices begin with the diagonal.
#[derive(Debug)]
pub(super) struct Rows {
    offsets: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl Rows {
    fn with_capacity(rows: usize, entries: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { offsets, columns: Vec::with_capacity(entries), values: Vec::with_capacity(entries) }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// How many entries there are.
    pub(super) fn num_entries(&self) -> usize {
        self.values.len()
    }

    /// Column and value of the entries of row `i`.
    #[inline]
    pub(super) fn row(&self, i: usize) -> impl Iterator<Item = (u32, f64)> {
        let range = self.offsets[i] as usize..self.offsets[i + 1] as usize;
        self.columns[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }

    /// The entries of row `i` of a square matrix but the diagonal.
    pub(super) fn off_diagonal(&self, i: usize) -> impl Iterator<Item = (u32, f64)> {
        self.row(i).skip(1)
    }

    /// The diagonal entry of row `i` of a square matrix.
    pub(super) fn diagonal(&self, i: usize) -> f64 {
        self.values[self.offsets[i] as usize]
    }

    fn push(&mut self, column: u32, value: f64) {
        self.columns.push(column);
        self.values.push(value);
    }

    fn end_row(&mut self) {
        self.offsets.push(self.columns.len() as u32);
    }
}

/// The Laplacian D - A.
pub(super) fn laplacian(graph: &OrderedGraph) -> Rows {
    let mut rows = Rows::with_capacity(graph.len(), graph.len() * 8);
    for i in 0..graph.len() {
        rows.push(i as u32, f64::from(graph.degree(i)));
        graph.neighbors(i).iter().for_each(|&j| rows.push(j, -1.0));
        rows.end_row();
    }
    rows
}

/// A coarse level and the ways between it and the finer one.
pub(super) struct Coarsening {
    /// A row for each node of the finer level.
    pub(super) interpolation: Rows,
    /// Its transpose.
    pub(super) restriction: Rows,
    /// The matrix of the coarse level.
    pub(super) matrix: Rows,
}

/// The next coarser level of `matrix`.
pub(super) fn coarsen(matrix: &Rows) -> Coarsening {
    let (aggregates, size) = aggregate(matrix);
    let interpolation = interpolation(matrix, &aggregates);
    let restriction = transpose(&interpolation, size);
    let matrix = galerkin(matrix, &interpolation, &restriction);
    Coarsening { interpolation, restriction, matrix }
}

/// Groups the nodes into aggregates, each a node with its strong neighbours: the aggregate of each node, and how many
/// there are.
fn aggregate(matrix: &Rows) -> (Vec<u32>, usize) {
    const NONE: u32 = u32::MAX;
    let n = matrix.len();
    let strong = |i: usize| {
        let limit = STRONG * STRONG * matrix.diagonal(i);
        matrix.off_diagonal(i).filter(move |&(j, value)| value * value > limit * matrix.diagonal(j as usize))
    };
    let mut aggregates = vec![NONE; n];
    let mut size = 0;
    for i in 0..n {
        if aggregates[i] == NONE && strong(i).all(|(j, _)| aggregates[j as usize] == NONE) {
            aggregates[i] = size;
            strong(i).for_each(|(j, _)| aggregates[j as usize] = size);
            size += 1;
        }
    }
    // A node left over joins its strongest neighbour, if that one was not left over itself.
    let first = aggregates.clone();
    for i in (0..n).filter(|&i| first[i] == NONE) {
        let near = strong(i).filter(|&(j, _)| first[j as usize] != NONE).min_by(|a, b| a.1.total_cmp(&b.1));
        aggregates[i] = match near {
            Some((j, _)) => first[j as usize],
            None => {
                size += 1;
                size - 1
            }
        };
    }
    (aggregates, size as usize)
}

/// P = (I - DAMPING D^-1 A) P0, where P0 says which aggregate a node is in, cut to [`WIDTH`] entries in a row. Rows sum
/// to one, so constants are interpolated exactly.
fn interpolation(matrix: &Rows, aggregates: &[u32]) -> Rows {
    let mut rows = Rows::with_capacity(matrix.len(), matrix.len() * WIDTH);
    let mut row: Vec<(u32, f64)> = Vec::new();
    for i in 0..matrix.len() {
        row.clear();
        row.push((aggregates[i], 1.0));
        let scale = DAMPING / matrix.diagonal(i);
        for (j, value) in matrix.row(i) {
            let column = aggregates[j as usize];
            match row.iter_mut().find(|entry| entry.0 == column) {
                Some(entry) => entry.1 -= scale * value,
                None => row.push((column, -scale * value)),
            }
        }
        // Each node keeps its own aggregate, so that none is left without nodes.
        row[1..].sort_by(|a, b| b.1.total_cmp(&a.1));
        row.truncate(WIDTH);
        let sum: f64 = row.iter().map(|entry| entry.1).sum();
        row.iter().for_each(|&(column, value)| rows.push(column, value / sum));
        rows.end_row();
    }
    rows
}

/// P' A P.
fn galerkin(matrix: &Rows, interpolation: &Rows, restriction: &Rows) -> Rows {
    let size = restriction.len();
    let mut gather = Gather { values: vec![0.0; size], is_used: vec![false; size], columns: Vec::new() };
    let mut product = Rows::with_capacity(matrix.len(), matrix.num_entries());
    for i in 0..matrix.len() {
        for (j, a) in matrix.row(i) {
            interpolation.row(j as usize).for_each(|(column, p)| gather.add(column, a * p));
        }
        gather.end_row(&mut product);
    }
    let mut coarse = Rows::with_capacity(size, size * 12);
    for row in 0..size {
        gather.add(row as u32, 0.0);
        for (i, p) in restriction.row(row) {
            product.row(i as usize).for_each(|(column, value)| gather.add(column, p * value));
        }
        gather.end_row(&mut coarse);
    }
    coarse
}

/// Gathers the entries of one row at a time, in the order in which columns first appear.
struct Gather {
    values: Vec<f64>,
    is_used: Vec<bool>,
    columns: Vec<u32>,
}

impl Gather {
    #[inline]
    fn add(&mut self, column: u32, value: f64) {
        if !self.is_used[column as usize] {
            self.is_used[column as usize] = true;
            self.columns.push(column);
        }
        self.values[column as usize] += value;
    }

    fn end_row(&mut self, rows: &mut Rows) {
        for column in self.columns.drain(..) {
            rows.push(column, std::mem::take(&mut self.values[column as usize]));
            self.is_used[column as usize] = false;
        }
        rows.end_row();
    }
}

fn transpose(rows: &Rows, size: usize) -> Rows {
    let mut offsets = vec![0u32; size + 1];
    for &column in &rows.columns {
        offsets[column as usize + 1] += 1;
    }
    for i in 0..size {
        offsets[i + 1] += offsets[i];
    }
    let mut next = offsets.clone();
    let mut columns = vec![0; rows.num_entries()];
    let mut values = vec![0.0; rows.num_entries()];
    for i in 0..rows.len() {
        for (column, value) in rows.row(i) {
            let slot = &mut next[column as usize];
            columns[*slot as usize] = i as u32;
            values[*slot as usize] = value;
            *slot += 1;
        }
    }
    Rows { offsets, columns, values }
}

/// Inverse on the vectors whose entries sum to zero, (A + t J / n)^-1 - J / (t n) with J all ones and t the mean of the
/// diagonal, by Gauss-Jordan elimination without pivoting, which A + t J / n, positive definite, does not need. Should
/// the interpolation have dependent columns, the entries that the others already cover are left out.
pub(super) fn pseudo_inverse(matrix: &Rows) -> Vec<f32> {
    let n = matrix.len();
    let t = (0..n).map(|i| matrix.diagonal(i)).sum::<f64>() / n as f64;
    let mut a = vec![t / n as f64; n * n];
    for i in 0..n {
        for (j, value) in matrix.row(i) {
            a[i * n + j as usize] += value;
        }
    }
    let mut pivot_row = vec![0.0; n];
    for k in 0..n {
        let pivot = a[k * n + k];
        let inverse = if pivot > DEPENDENT * t { 1.0 / pivot } else { 0.0 };
        a[k * n + k] = 1.0;
        for (saved, x) in pivot_row.iter_mut().zip(&mut a[k * n..][..n]) {
            *x *= inverse;
            *saved = *x;
        }
        for (_, row) in a.chunks_exact_mut(n).enumerate().filter(|&(i, _)| i != k) {
            let factor = std::mem::take(&mut row[k]);
            for (x, saved) in row.iter_mut().zip(&pivot_row) {
                *x -= factor * saved;
            }
        }
    }
    let shift = 1.0 / (t * n as f64);
    a.iter().map(|x| (x - shift) as f32).collect()
}
