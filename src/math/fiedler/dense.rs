//! Algebraic connectivity of many dense graphs.

use super::{
    CsrGraph, SparseSolver, batch_kernel,
    bits::{Reach, Shape},
    fiedler_vector::{InverseIteration, rayleigh_quotient, write_complete_vector, write_kernel_vector},
    single_kernel,
};
use crate::math::simd::{Level, dispatch_at};

/// Graphs with at most this many nodes are solved eight at once; larger ones would leave the cache.
const BATCHED: usize = 64;
/// Larger graphs are handed to the sparse solver where they are sparse enough. Reducing n nodes takes n cubed times 12 ps with
/// AVX-512 and two and a half times that with AVX2; the sparse solver takes about 150 ns for each of the two ends of a link.
/// So it is asked where n cubed is more than [`WORTH`] times their number: from 350 nodes on with a dozen neighbours each, from
/// 900 on with eighty.
const DENSE: usize = 256;
/// What an end of a link costs the sparse solver, in the unit in which n cubed is what n nodes cost densely.
const WORTH: usize = 10_000;
/// Relative error asked of the sparse solver.
const SPARSE_TOLERANCE: f64 = 1e-10;
/// Below this ratio of lambda-2 and the largest degree, rounding would cost more than 1e-10 of lambda-2, and the value
/// is refined. Long thin graphs with a dense part are like that, from about 150 nodes on.
const REFINED: f64 = 1e-5;

/// Algebraic connectivity and Fiedler vectors of dense graphs, which are given as bit rows: with `words =
/// n.div_ceil(64)`, row i of graph g is `bits[(g * n + i) * words..][..words]`, bit j of it is link (i, j). The matrix
/// must be symmetric with a zero diagonal, and bits from n on must be zero.
///
/// The relative error of lambda-2 is below 1e-9 for every connected graph. A graph's result depends on nothing but the
/// graph: not on the others in a batch, not on its place there, not on the CPU's vector width.
///
/// ```
/// use agon::math::fiedler::DenseSolver;
/// // A triangle and a path, both of three nodes.
/// let mut lambda2 = [0.0; 2];
/// DenseSolver::new().lambda2_batch(3, &[0b110, 0b101, 0b011, 0b010, 0b101, 0b010], &mut lambda2);
/// assert_eq!(lambda2[0], 3.0);
/// assert!((lambda2[1] - 1.0).abs() < 1e-9);
/// ```
pub struct DenseSolver {
    highest: Level,
    batched: batch_kernel::Workspace,
    single: single_kernel::Workspace,
    reach: Reach,
    inverse: InverseIteration,
    refined: Vec<f64>,
    sparse: Option<Box<SparseSolver>>,
}

impl Default for DenseSolver {
    fn default() -> Self {
        Self::new()
    }
}

impl DenseSolver {
    /// A solver; it keeps its scratch memory from call to call.
    pub fn new() -> Self {
        Self::up_to(Level::detect())
    }

    /// A solver that uses no instruction set above `highest`. Results are the same; only the speed differs.
    pub fn up_to(highest: Level) -> Self {
        Self {
            highest,
            batched: Default::default(),
            single: Default::default(),
            reach: Default::default(),
            inverse: Default::default(),
            refined: Vec::new(),
            sparse: None,
        }
    }

    /// Algebraic connectivity of `out.len()` graphs with `n` nodes each: the second smallest eigenvalue of the
    /// Laplacian D - A. Exactly 0 for a graph that is not connected or has fewer than two nodes, exactly n for a
    /// complete one.
    ///
    /// # Panics
    /// If `bits` does not hold `out.len()` graphs.
    pub fn lambda2_batch(&mut self, n: usize, bits: &[u64], out: &mut [f64]) {
        let len = n * n.div_ceil(64);
        assert_eq!(bits.len(), len * out.len(), "bit rows of {} graphs with {n} nodes", out.len());
        let mut waiting = [0; 8];
        let mut count = 0;
        for graph in 0..out.len() {
            match self.reach.shape(n, &bits[graph * len..][..len]) {
                Shape::Disconnected => out[graph] = 0.0,
                Shape::Complete => out[graph] = complete_value(n),
                Shape::Connected => {
                    waiting[count] = graph;
                    count += 1;
                }
            }
            if count == 8 {
                self.solve(n, bits, &waiting, out);
                count = 0;
            }
        }
        self.solve(n, bits, &waiting[..count], out);
    }

    /// Algebraic connectivity of one graph, see [`Self::lambda2_batch`]. Up to 64 nodes it costs as much as eight
    /// graphs of a batch.
    ///
    /// # Panics
    /// If `bits` is not one graph with `n` nodes.
    pub fn lambda2(&mut self, n: usize, bits: &[u64]) -> f64 {
        let mut value = [0.0];
        self.lambda2_batch(n, bits, &mut value);
        value[0]
    }

    /// Algebraic connectivity and its eigenvector, the Fiedler vector: of unit length, orthogonal to constants, first
    /// nonzero entry positive. Of a multiple eigenvalue it is one of the vectors. For a graph that is not connected,
    /// the value is 0 and the vector is constant on the component of node 0 and on the rest. A single node has no such
    /// vector: zero.
    ///
    /// # Panics
    /// If `bits` is not one graph with `n` nodes, or `vector` does not have `n` entries.
    pub fn fiedler_vector(&mut self, n: usize, bits: &[u64], vector: &mut [f64]) -> f64 {
        assert_eq!(vector.len(), n, "entries of the vector");
        let value = self.lambda2(n, bits);
        match self.reach.shape(n, bits) {
            Shape::Complete => write_complete_vector(vector),
            Shape::Disconnected => {
                self.reach.flood(n, bits);
                write_kernel_vector((0..n).map(|node| self.reach.contains(node)), vector);
            }
            Shape::Connected if is_sparse(n, bits) => vector.copy_from_slice(self.sparse().vector()),
            Shape::Connected => self.inverse.run(bits, value, vector),
        }
        value
    }

    /// Up to eight connected, not complete graphs.
    fn solve(&mut self, n: usize, bits: &[u64], graphs: &[usize], out: &mut [f64]) {
        let len = n * n.div_ceil(64);
        if n > DENSE {
            let rows = |graph: usize| &bits[graph * len..][..len];
            let (sparse, dense): (Vec<usize>, Vec<usize>) =
                graphs.iter().copied().partition(|graph| is_sparse(n, rows(*graph)));
            for graph in sparse {
                let solver = self.sparse();
                solver.reset();
                out[graph] = solver.lambda2(&CsrGraph::from_bit_rows(n, rows(graph)));
            }
            return self.solve_densely(n, bits, &dense, out);
        }
        self.solve_densely(n, bits, graphs, out);
    }

    /// Up to eight of them by their tridiagonal forms.
    fn solve_densely(&mut self, n: usize, bits: &[u64], graphs: &[usize], out: &mut [f64]) {
        let Some(&first) = graphs.first() else { return };
        let len = n * n.div_ceil(64);
        let values = if n <= BATCHED {
            // Lanes without a graph of their own repeat the first.
            let lanes = std::array::from_fn(|lane| graphs.get(lane).copied().unwrap_or(first));
            dispatch_at(self.highest, batch_kernel::Lambda2 { n, bits, graphs: lanes, work: &mut self.batched })
        } else {
            dispatch_at(self.highest, single_kernel::Lambda2 { n, bits, graphs, work: &mut self.single })
        };
        for (&graph, value) in graphs.iter().zip(values) {
            let rows = &bits[graph * len..][..len];
            out[graph] = if value < REFINED * max_degree(n, rows) { self.refine(n, rows, value) } else { value };
        }
    }

    /// A better value from the Rayleigh quotient of the vector.
    fn refine(&mut self, n: usize, rows: &[u64], value: f64) -> f64 {
        self.refined.resize(n, 0.0);
        self.inverse.run(rows, value, &mut self.refined);
        rayleigh_quotient(rows, &self.refined)
    }

    fn sparse(&mut self) -> &mut SparseSolver {
        self.sparse.get_or_insert_with(|| Box::new(SparseSolver::new(SPARSE_TOLERANCE)))
    }
}

/// Whether the sparse solver is the faster one for this graph.
fn is_sparse(n: usize, rows: &[u64]) -> bool {
    let num_ends: usize = rows.iter().map(|word| word.count_ones() as usize).sum();
    n > DENSE && num_ends.saturating_mul(WORTH) < n.saturating_pow(3)
}

fn complete_value(n: usize) -> f64 {
    if n < 2 { 0.0 } else { n as f64 }
}

fn max_degree(n: usize, rows: &[u64]) -> f64 {
    let degree = |row: &[u64]| row.iter().map(|word| word.count_ones()).sum::<u32>();
    rows.chunks_exact(n.div_ceil(64)).map(|row| f64::from(degree(row))).fold(0.0, f64::max)
}
