//! Smoothed-aggregation multigrid for graph Laplacians, as a preconditioner (Vanek, Mandel, Brezina, Computing 56, 1996).
//!
//! A hierarchy is built for one graph and applied to that graph or to one that differs in few links: the finest level
//! always uses the graph it is given, the coarser levels are kept. Everything a cycle touches is `f32`, because a
//! preconditioner needs no digits; several right-hand sides go through a cycle together, interleaved.

use super::CsrGraph;

/// Levels with at most this many nodes are solved directly.
const DIRECT: usize = 100;
/// A coarser level with more than this share of the finer one's entries is not worth its work (an expander).
const MAX_FILL: f64 = 0.6;
/// Damping of the prolongator's Jacobi step, 4/3 over the largest eigenvalue of the diagonally scaled matrix, about 1.6.
const PROLONGATOR_DAMPING: f64 = 0.8;
/// Damping of the smoother.
const SMOOTHER_DAMPING: f32 = 0.7;
/// Links weaker than this, relative to the diagonal, do not join nodes into an aggregate.
const STRONG: f64 = 0.04;

/// Interleaved vectors.
pub(super) type Block<const B: usize> = Vec<[f32; B]>;

/// A sparse matrix by rows.
#[derive(Debug, Default)]
struct Rows<T> {
    offsets: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<T>,
}

impl<T: Copy> Rows<T> {
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn row(&self, i: usize) -> impl Iterator<Item = (usize, T)> {
        let range = self.offsets[i] as usize..self.offsets[i + 1] as usize;
        self.columns[range.clone()].iter().map(|&j| j as usize).zip(self.values[range].iter().copied())
    }

    fn map<U>(&self, f: impl Fn(T) -> U) -> Rows<U> {
        Rows {
            offsets: self.offsets.clone(),
            columns: self.columns.clone(),
            values: self.values.iter().map(|&value| f(value)).collect(),
        }
    }
}

/// A coarse level: its matrix without the diagonal, and the way down from the finer one.
#[derive(Debug)]
struct Level<const B: usize> {
    prolongator: Rows<f32>,
    off_diagonal: Rows<f32>,
    diagonal: Vec<f32>,
    right: Block<B>,
    smooth: Block<B>,
    solution: Block<B>,
}

/// The coarse levels of a graph, and scratch for a cycle.
#[derive(Debug)]
pub(super) struct Multigrid<const B: usize> {
    levels: Vec<Level<B>>,
    /// Pseudo-inverse of the coarsest matrix, by rows; empty if that level is too large and is only smoothed.
    inverse: Vec<f32>,
    smooth: Block<B>,
}

impl<const B: usize> Multigrid<B> {
    /// Coarsens the connected `graph`; `order` is any order of its nodes in which neighbours are close to each other, such
    /// as that of a breadth-first search.
    pub(super) fn new(graph: &CsrGraph, order: &[u32]) -> Self {
        let mut levels: Vec<Level<B>> = Vec::new();
        let mut matrix = laplacian(graph);
        let mut order = order.to_vec();
        let mut inverse = Vec::new();
        loop {
            let aggregates = aggregate(&matrix, &order);
            let size = aggregates.iter().max().map_or(0, |&last| last as usize + 1);
            let prolongator = smoothed_prolongator(&matrix, &aggregates);
            let coarse = galerkin(&matrix, &prolongator, size);
            if coarse.values.len() as f64 > MAX_FILL * matrix.values.len() as f64 {
                break;
            }
            levels.push(Level::new(&prolongator, &coarse));
            if size <= DIRECT {
                inverse = pseudo_inverse(&coarse);
                break;
            }
            order = (0..size as u32).collect();
            matrix = coarse;
        }
        Self { levels, inverse, smooth: Vec::new() }
    }

    /// One V-cycle: an approximate solution of L x = right for the Laplacian L of `graph`.
    pub(super) fn cycle(&mut self, graph: &CsrGraph, right: &[[f32; B]], solution: &mut Block<B>) {
        let n = graph.num_nodes();
        let fine = Fine(graph);
        self.smooth.resize(n, [0.0; B]);
        solution.resize(n, [0.0; B]);
        down(&fine, right, &mut self.smooth, self.levels.split_first_mut(), &self.inverse);
        up(&fine, right, &mut self.smooth, solution, self.levels.first());
    }
}

/// What a level must tell a cycle.
trait Operator {
    fn diagonal(&self, i: usize) -> f32;
    /// Sum over the row's entries off the diagonal.
    fn off_diagonal<const B: usize>(&self, i: usize, x: &[[f32; B]]) -> [f32; B];
}

/// The Laplacian of a graph.
struct Fine<'a>(&'a CsrGraph);

impl Operator for Fine<'_> {
    #[inline(always)]
    fn diagonal(&self, i: usize) -> f32 {
        self.0.row(i).len() as f32
    }

    #[inline(always)]
    fn off_diagonal<const B: usize>(&self, i: usize, x: &[[f32; B]]) -> [f32; B] {
        let mut sum = [0.0; B];
        for &j in self.0.row(i) {
            let x = &x[j as usize];
            for b in 0..B {
                sum[b] -= x[b];
            }
        }
        sum
    }
}

/// The matrix of a coarse level.
struct Coarse<'a>(&'a Rows<f32>, &'a [f32]);

impl Operator for Coarse<'_> {
    #[inline(always)]
    fn diagonal(&self, i: usize) -> f32 {
        self.1[i]
    }

    #[inline(always)]
    fn off_diagonal<const B: usize>(&self, i: usize, x: &[[f32; B]]) -> [f32; B] {
        let mut sum = [0.0; B];
        for (j, value) in self.0.row(i) {
            let x = &x[j];
            for b in 0..B {
                sum[b] += value * x[b];
            }
        }
        sum
    }
}

impl<const B: usize> Level<B> {
    fn new(prolongator: &Rows<f64>, coarse: &Rows<f64>) -> Self {
        let size = coarse.len();
        let mut off_diagonal = Rows { offsets: vec![0], columns: Vec::new(), values: Vec::new() };
        let mut diagonal = vec![0.0; size];
        for i in 0..size {
            for (j, value) in coarse.row(i) {
                if i == j {
                    diagonal[i] = value as f32;
                } else {
                    off_diagonal.columns.push(j as u32);
                    off_diagonal.values.push(value as f32);
                }
            }
            off_diagonal.offsets.push(off_diagonal.columns.len() as u32);
        }
        let block = || vec![[0.0; B]; size];
        let prolongator = prolongator.map(|value| value as f32);
        Self { prolongator, off_diagonal, diagonal, right: block(), smooth: block(), solution: block() }
    }
}

/// Way down: one Jacobi step from zero into `smooth`, then the residual to the coarser levels, which are solved.
fn down<const B: usize>(
    operator: &impl Operator,
    right: &[[f32; B]],
    smooth: &mut [[f32; B]],
    coarser: Option<(&mut Level<B>, &mut [Level<B>])>,
    inverse: &[f32],
) {
    for (i, (smooth, right)) in smooth.iter_mut().zip(right).enumerate() {
        let scale = SMOOTHER_DAMPING / operator.diagonal(i);
        *smooth = right.map(|right| scale * right);
    }
    let Some((level, rest)) = coarser else { return };
    level.right.fill([0.0; B]);
    for (i, (own, right)) in smooth.iter().zip(right).enumerate() {
        let (diagonal, sum) = (operator.diagonal(i), operator.off_diagonal(i, smooth));
        let residual: [f32; B] = std::array::from_fn(|b| right[b] - (diagonal * own[b] + sum[b]));
        for (j, value) in level.prolongator.row(i) {
            for b in 0..B {
                level.right[j][b] += value * residual[b];
            }
        }
    }
    if rest.is_empty() && !inverse.is_empty() {
        multiply(inverse, &level.right, &mut level.solution);
    } else {
        let operator = Coarse(&level.off_diagonal, &level.diagonal);
        down(&operator, &level.right, &mut level.smooth, rest.split_first_mut(), inverse);
        up(&operator, &level.right, &mut level.smooth, &mut level.solution, rest.first());
    }
}

/// Way up: adds the coarser level's solution to `smooth`, then one Jacobi step into `solution`.
fn up<const B: usize>(
    operator: &impl Operator,
    right: &[[f32; B]],
    smooth: &mut [[f32; B]],
    solution: &mut [[f32; B]],
    coarser: Option<&Level<B>>,
) {
    if let Some(level) = coarser {
        for (i, own) in smooth.iter_mut().enumerate() {
            for (j, value) in level.prolongator.row(i) {
                for b in 0..B {
                    own[b] += value * level.solution[j][b];
                }
            }
        }
    }
    for (i, (solution, right)) in solution.iter_mut().zip(right).enumerate() {
        let (diagonal, sum) = (operator.diagonal(i), operator.off_diagonal(i, smooth));
        let own = &smooth[i];
        let scale = SMOOTHER_DAMPING / diagonal;
        *solution = std::array::from_fn(|b| own[b] + scale * (right[b] - (diagonal * own[b] + sum[b])));
    }
}

fn multiply<const B: usize>(matrix: &[f32], x: &[[f32; B]], y: &mut [[f32; B]]) {
    for (row, y) in matrix.chunks_exact(x.len()).zip(y) {
        *y = [0.0; B];
        for (value, x) in row.iter().zip(x) {
            for b in 0..B {
                y[b] += value * x[b];
            }
        }
    }
}

/// The Laplacian with its diagonal, which comes first in each row.
fn laplacian(graph: &CsrGraph) -> Rows<f64> {
    let n = graph.num_nodes();
    let mut rows = Rows { offsets: vec![0], columns: Vec::new(), values: Vec::new() };
    for i in 0..n {
        let row = graph.row(i);
        rows.columns.push(i as u32);
        rows.columns.extend_from_slice(row);
        rows.values.push(row.len() as f64);
        rows.values.extend(row.iter().map(|_| -1.0));
        rows.offsets.push(rows.columns.len() as u32);
    }
    rows
}

/// Groups the nodes into aggregates, each a node with its strong neighbours; says which aggregate each node is in.
fn aggregate(matrix: &Rows<f64>, order: &[u32]) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let n = matrix.len();
    let mut diagonal = vec![0.0; n];
    for (i, d) in diagonal.iter_mut().enumerate() {
        *d = matrix.row(i).find(|&(j, _)| i == j).map_or(0.0, |(_, value)| value);
    }
    let strong = |i: usize, j: usize, value: f64| i != j && value * value > STRONG * STRONG * diagonal[i] * diagonal[j];
    let mut aggregates = vec![NONE; n];
    let mut size = 0;
    for &i in order {
        let i = i as usize;
        if aggregates[i] == NONE
            && matrix.row(i).all(|(j, value)| !strong(i, j, value) || aggregates[j] == NONE)
        {
            aggregates[i] = size;
            for (j, value) in matrix.row(i) {
                if strong(i, j, value) {
                    aggregates[j] = size;
                }
            }
            size += 1;
        }
    }
    // A node left over joins its strongest neighbour's aggregate, as the first pass left them.
    let first = aggregates.clone();
    for &i in order {
        let i = i as usize;
        if first[i] == NONE {
            let near = matrix.row(i).filter(|&(j, value)| strong(i, j, value) && first[j] != NONE);
            aggregates[i] = match near.min_by(|a, b| a.1.total_cmp(&b.1)) {
                Some((j, _)) => first[j],
                None => {
                    size += 1;
                    size - 1
                }
            };
        }
    }
    aggregates
}

/// P = (I - damping / D A) P0, where P0 says which aggregate a node is in.
fn smoothed_prolongator(matrix: &Rows<f64>, aggregates: &[u32]) -> Rows<f64> {
    let mut rows = Rows { offsets: vec![0], columns: Vec::new(), values: Vec::new() };
    for i in 0..matrix.len() {
        let start = rows.columns.len();
        let diagonal = matrix.row(i).find(|&(j, _)| i == j).map_or(1.0, |(_, value)| value);
        for (j, value) in matrix.row(i) {
            let value = f64::from(u8::from(i == j)) - PROLONGATOR_DAMPING / diagonal * value;
            let column = aggregates[j];
            match rows.columns[start..].iter().position(|&c| c == column) {
                Some(at) => rows.values[start + at] += value,
                None => {
                    rows.columns.push(column);
                    rows.values.push(value);
                }
            }
        }
        rows.offsets.push(rows.columns.len() as u32);
    }
    rows
}

/// P' A P with `size` rows.
fn galerkin(matrix: &Rows<f64>, prolongator: &Rows<f64>, size: usize) -> Rows<f64> {
    let mut sum = Accumulator::new(size);
    let mut product = Rows { offsets: vec![0], columns: Vec::new(), values: Vec::new() };
    for i in 0..matrix.len() {
        for (j, a) in matrix.row(i) {
            for (column, p) in prolongator.row(j) {
                sum.add(column, a * p);
            }
        }
        sum.finish_row(&mut product);
    }
    let transposed = transpose(prolongator, size);
    let mut coarse = Rows { offsets: vec![0], columns: Vec::new(), values: Vec::new() };
    for row in 0..size {
        for (i, p) in transposed.row(row) {
            for (column, value) in product.row(i) {
                sum.add(column, p * value);
            }
        }
        sum.finish_row(&mut coarse);
    }
    coarse
}

/// Gathers the entries of one row at a time.
struct Accumulator {
    values: Vec<f64>,
    is_used: Vec<bool>,
    columns: Vec<u32>,
}

impl Accumulator {
    fn new(size: usize) -> Self {
        Self { values: vec![0.0; size], is_used: vec![false; size], columns: Vec::new() }
    }

    fn add(&mut self, column: usize, value: f64) {
        if !self.is_used[column] {
            self.is_used[column] = true;
            self.columns.push(column as u32);
        }
        self.values[column] += value;
    }

    fn finish_row(&mut self, rows: &mut Rows<f64>) {
        for &column in &self.columns {
            rows.columns.push(column);
            rows.values.push(self.values[column as usize]);
            self.values[column as usize] = 0.0;
            self.is_used[column as usize] = false;
        }
        self.columns.clear();
        rows.offsets.push(rows.columns.len() as u32);
    }
}

fn transpose(rows: &Rows<f64>, size: usize) -> Rows<f64> {
    let mut offsets = vec![0u32; size + 1];
    for &column in &rows.columns {
        offsets[column as usize + 1] += 1;
    }
    for i in 0..size {
        offsets[i + 1] += offsets[i];
    }
    let mut next = offsets.clone();
    let mut columns = vec![0; rows.columns.len()];
    let mut values = vec![0.0; rows.columns.len()];
    for i in 0..rows.len() {
        for (column, value) in rows.row(i) {
            let slot = &mut next[column];
            columns[*slot as usize] = i as u32;
            values[*slot as usize] = value;
            *slot += 1;
        }
    }
    Rows { offsets, columns, values }
}

/// Inverse on the vectors whose entries sum to zero: (A + t J / n)^-1 - J / (t n), J all ones, by Gauss-Jordan elimination
/// (positive definite, so no pivots are sought).
fn pseudo_inverse(matrix: &Rows<f64>) -> Vec<f32> {
    let n = matrix.len();
    let mut a = vec![0.0; n * n];
    for i in 0..n {
        for (j, value) in matrix.row(i) {
            a[i * n + j] = value;
        }
    }
    let trace: f64 = (0..n).map(|i| a[i * n + i]).sum();
    let t = trace / n as f64;
    a.iter_mut().for_each(|x| *x += t / n as f64);
    let mut pivot_row = vec![0.0; n];
    for k in 0..n {
        let inverse = 1.0 / a[k * n + k];
        a[k * n + k] = 1.0;
        for (saved, x) in pivot_row.iter_mut().zip(&mut a[k * n..][..n]) {
            *x *= inverse;
            *saved = *x;
        }
        for (i, row) in a.chunks_exact_mut(n).enumerate() {
            if i != k {
                let factor = row[k];
                row[k] = 0.0;
                for (x, saved) in row.iter_mut().zip(&pivot_row) {
                    *x -= factor * saved;
                }
            }
        }
    }
    let shift = 1.0 / (t * n as f64);
    a.iter().map(|x| (x - shift) as f32).collect()
}
