//! A multigrid cycle for graph Laplacians, as a preconditioner.
//!
//! The levels are made for one graph and used for that graph or for one that differs in few links: the finest level
//! always uses the graph it is given, the coarser ones are kept. Everything a cycle touches is `f32`, because a
//! preconditioner needs few digits; several right-hand sides go through a cycle together, interleaved.

use super::{
    coarsen::{Coarsening, WIDTH, coarsen, laplacian, pseudo_inverse},
    ordered::{GROUP, OrderedGraph},
};

/// A level with at most this many nodes is solved directly.
const DIRECT: usize = 100;
/// A level with more than this share of the finer one's entries is not worth its work; happens with expanders.
const MAX_FILL: f64 = 0.6;
/// Damping of the smoother, which is a Jacobi step before and after the coarser levels. It is less than 1, because at 1
/// the roughest vector of a bipartite graph would pass unchanged.
const DAMPING: f32 = 0.9;

/// Some entries of a row, columns and values. Rows are padded with zero values to whole groups.
type Entries = ([u32; WIDTH], [f32; WIDTH]);

/// The coarse levels of a graph.
#[derive(Debug)]
pub(super) struct Multigrid {
    levels: Vec<Level>,
    /// Pseudo-inverse of the coarsest matrix, by rows; empty if that level is too large and is only smoothed.
    inverse: Vec<f32>,
}

/// A coarse level.
#[derive(Debug)]
struct Level {
    /// Interpolation to each node of the finer level.
    interpolation: Vec<Entries>,
    /// Its transpose: from the finer level to each node of this one.
    restriction: Groups,
    matrix: Matrix,
}

/// Memory for a cycle with `B` interleaved vectors.
#[derive(Debug, Default)]
pub(super) struct Cycle<const B: usize> {
    smooth: Vec<[f32; B]>,
    coarser: Vec<Coarser<B>>,
}

/// The vectors of a coarse level.
#[derive(Debug, Default)]
struct Coarser<const B: usize> {
    right: Vec<[f32; B]>,
    smooth: Vec<[f32; B]>,
    solution: Vec<[f32; B]>,
}

/// The matrix of a coarse level.
#[derive(Debug)]
struct Matrix {
    diagonal: Vec<f32>,
    /// Half the sum of the absolute values of each row.
    scale: Vec<f32>,
    off_diagonal: Groups,
}

/// A sparse matrix by rows.
#[derive(Debug)]
struct Groups {
    /// Where each row starts in `entries`.
    offsets: Vec<u32>,
    entries: Vec<Entries>,
}

impl Multigrid {
    /// Coarsens the connected `graph`.
    pub(super) fn new(graph: &OrderedGraph) -> Self {
        let mut levels: Vec<Level> = Vec::new();
        let mut matrix = laplacian(graph);
        let mut inverse = Vec::new();
        loop {
            let coarsening = coarsen(&matrix);
            let coarse = &coarsening.matrix;
            let fill = coarse.num_entries() as f64 / matrix.num_entries() as f64;
            if fill > MAX_FILL || coarse.len() < 2 {
                break;
            }
            levels.push(Level::new(&coarsening));
            if coarse.len() <= DIRECT {
                inverse = pseudo_inverse(coarse);
                break;
            }
            matrix = coarsening.matrix;
        }
        Self { levels, inverse }
    }
}

impl<const B: usize> Cycle<B> {
    /// One V-cycle: an approximate solution of L x = right for the Laplacian L of `graph`. The map from right-hand side
    /// to solution is symmetric and positive definite on the vectors whose entries sum to zero.
    pub(super) fn run(
        &mut self,
        multigrid: &Multigrid,
        graph: &OrderedGraph,
        right: &[[f32; B]],
        solution: &mut Vec<[f32; B]>,
    ) {
        self.smooth.resize(graph.len(), [0.0; B]);
        solution.resize(graph.len(), [0.0; B]);
        self.coarser.resize_with(multigrid.levels.len(), Default::default);
        for (level, coarser) in multigrid.levels.iter().zip(&mut self.coarser) {
            for vectors in [&mut coarser.right, &mut coarser.smooth, &mut coarser.solution] {
                vectors.resize(level.matrix.diagonal.len(), [0.0; B]);
            }
        }
        solve(graph, right, &mut self.smooth, solution, (&multigrid.levels, &mut self.coarser), &multigrid.inverse);
    }
}

/// The matrix of a level, as a cycle sees it.
trait Operator {
    /// Half the sum of the absolute values in row i, by which the smoother divides: for a Laplacian the diagonal; with
    /// any matrix the largest eigenvalue, so scaled, is at most 2.
    fn scale(&self, i: usize) -> f32;
    /// Row i of the product with `x`.
    fn times<const B: usize>(&self, i: usize, x: &[[f32; B]]) -> [f32; B];
}

impl Operator for OrderedGraph {
    #[inline(always)]
    fn scale(&self, i: usize) -> f32 {
        self.degree(i) as f32
    }

    #[inline(always)]
    fn times<const B: usize>(&self, i: usize, x: &[[f32; B]]) -> [f32; B] {
        let row = self.row(i);
        let count = (row.len() * GROUP) as f32;
        let mut sum = x[i].map(|x| count * x);
        for group in row {
            for &j in group {
                let x = &x[j as usize];
                for b in 0..B {
                    sum[b] -= x[b];
                }
            }
        }
        sum
    }
}

impl Operator for Matrix {
    #[inline(always)]
    fn scale(&self, i: usize) -> f32 {
        self.scale[i]
    }

    #[inline(always)]
    fn times<const B: usize>(&self, i: usize, x: &[[f32; B]]) -> [f32; B] {
        let diagonal = self.diagonal[i];
        self.off_diagonal.add_row(i, x, x[i].map(|x| diagonal * x))
    }
}

impl Groups {
    fn new<I: Iterator<Item = (u32, f64)>>(rows: impl Iterator<Item = I>) -> Self {
        let mut groups = Self { offsets: vec![0], entries: Vec::new() };
        for mut row in rows {
            while let Some(first) = row.next() {
                let mut entries = ([first.0; WIDTH], [0.0; WIDTH]);
                for (k, (column, value)) in std::iter::once(first).chain(row.by_ref().take(WIDTH - 1)).enumerate() {
                    entries.0[k] = column;
                    entries.1[k] = value as f32;
                }
                groups.entries.push(entries);
            }
            groups.offsets.push(groups.entries.len() as u32);
        }
        groups
    }

    /// Row i of the product with `x`, added to `sum`.
    #[inline(always)]
    fn add_row<const B: usize>(&self, i: usize, x: &[[f32; B]], mut sum: [f32; B]) -> [f32; B] {
        for entries in &self.entries[self.offsets[i] as usize..self.offsets[i + 1] as usize] {
            add_entries(entries, x, &mut sum);
        }
        sum
    }
}

/// Adds what some entries of a row contribute to its product with `x`.
#[inline(always)]
fn add_entries<const B: usize>((columns, values): &Entries, x: &[[f32; B]], sum: &mut [f32; B]) {
    for (&column, value) in columns.iter().zip(values) {
        let x = &x[column as usize];
        for b in 0..B {
            sum[b] += value * x[b];
        }
    }
}

impl Level {
    fn new(Coarsening { interpolation, restriction, matrix }: &Coarsening) -> Self {
        Self {
            // No row has more than one group.
            interpolation: Groups::new((0..interpolation.len()).map(|i| interpolation.row(i))).entries,
            restriction: Groups::new((0..matrix.len()).map(|i| restriction.row(i))),
            matrix: Matrix {
                diagonal: (0..matrix.len()).map(|i| matrix.diagonal(i) as f32).collect(),
                scale: (0..matrix.len())
                    .map(|i| matrix.row(i).map(|(_, value)| 0.5 * value.abs()).sum::<f64>() as f32)
                    .collect(),
                off_diagonal: Groups::new((0..matrix.len()).map(|i| matrix.off_diagonal(i))),
            },
        }
    }
}

/// The cycle from one level down.
fn solve<const B: usize>(
    operator: &impl Operator,
    right: &[[f32; B]],
    smooth: &mut [[f32; B]],
    solution: &mut [[f32; B]],
    (levels, coarser): (&[Level], &mut [Coarser<B>]),
    inverse: &[f32],
) {
    // A Jacobi step from zero.
    for (i, (smooth, right)) in smooth.iter_mut().zip(right).enumerate() {
        let scale = DAMPING / operator.scale(i);
        *smooth = right.map(|right| scale * right);
    }
    if let (Some((level, levels)), Some((vectors, coarser))) = (levels.split_first(), coarser.split_first_mut()) {
        // The residual, in the place of the solution, goes to the coarser level.
        for (i, (residual, right)) in solution.iter_mut().zip(right).enumerate() {
            let product = operator.times(i, smooth);
            *residual = std::array::from_fn(|b| right[b] - product[b]);
        }
        for (i, right) in vectors.right.iter_mut().enumerate() {
            *right = level.restriction.add_row(i, solution, [0.0; B]);
        }
        if levels.is_empty() && !inverse.is_empty() {
            multiply(inverse, &vectors.right, &mut vectors.solution);
        } else {
            let Coarser { right, smooth, solution } = vectors;
            solve(&level.matrix, right, smooth, solution, (levels, coarser), inverse);
        }
        for (own, entries) in smooth.iter_mut().zip(&level.interpolation) {
            add_entries(entries, &vectors.solution, own);
        }
    }
    // Another Jacobi step.
    for (i, (solution, right)) in solution.iter_mut().zip(right).enumerate() {
        let (own, product) = (&smooth[i], operator.times(i, smooth));
        let scale = DAMPING / operator.scale(i);
        *solution = std::array::from_fn(|b| own[b] + scale * (right[b] - product[b]));
    }
}

/// y = matrix x for a square matrix by rows.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::fiedler::samples::Geometric;

    fn ordered(side: usize) -> OrderedGraph {
        let mut graph = OrderedGraph::default();
        graph.renumber(&Geometric::jittered_grid(side, 5).csr());
        graph
    }

    #[test]
    fn a_cycle_takes_most_of_an_error_away_whatever_its_shape_and_the_size_of_the_graph() {
        for side in [20, 60] {
            let graph = ordered(side);
            let multigrid = Multigrid::new(&graph);
            // A smooth error and a rough one, both without mean.
            let mut error: Vec<[f64; 2]> =
                (0..graph.len()).map(|i| [i as f64, if i % 2 == 0 { 1.0 } else { -1.0 }]).collect();
            let mean = error.iter().map(|e| e[0]).sum::<f64>() / graph.len() as f64;
            error.iter_mut().for_each(|e| e[0] -= mean);
            let product: Vec<[f64; 2]> = (0..graph.len()).map(|i| graph.laplacian_row(i, &error)).collect();
            let right: Vec<[f32; 2]> = product.iter().map(|r| r.map(|r| r as f32)).collect();
            let mut solution = Vec::new();
            Cycle::default().run(&multigrid, &graph, &right, &mut solution);
            let rest: Vec<[f64; 2]> =
                error.iter().zip(&solution).map(|(e, s)| std::array::from_fn(|b| e[b] - f64::from(s[b]))).collect();
            for b in 0..2 {
                let energy =
                    |e: &[[f64; 2]]| -> f64 { (0..graph.len()).map(|i| e[i][b] * graph.laplacian_row(i, e)[b]).sum() };
                let ratio = energy(&rest) / energy(&error);
                assert!(ratio < 0.2, "side {side}, vector {b}: {ratio}");
            }
        }
    }

    #[test]
    fn levels_shrink_fast_enough_to_cost_less_than_the_graph() {
        let graph = ordered(60);
        let multigrid = Multigrid::new(&graph);
        assert!(multigrid.levels.len() >= 2 && !multigrid.inverse.is_empty());
        let coarse: usize = multigrid.levels.iter().map(|level| level.matrix.off_diagonal.entries.len()).sum();
        let fine: usize = (0..graph.len()).map(|i| graph.row(i).len()).sum();
        assert!(coarse < fine, "{coarse} groups above {fine}");
    }
}
