//! Whether the fast kernels of this CPU compute what `nalgebra` computes in another way.

use nalgebra::{DMatrix, SymmetricEigen};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Finding;
use crate::math::{
    fiedler::{CsrGraph, DenseSolver, SparseSolver, samples::Geometric},
    gemm::{Aligned, Finish, Isa, Left, Product, Start, View, padded, stride},
    simd::Level,
};

/// Seed of all graphs and matrices.
const SEED: u64 = 1;

/// Largest relative error of a dense lambda-2: what the solver promises (1e-9), and as much for `nalgebra`.
const DENSE_TOLERANCE: f64 = 2e-9;
/// Nodes of the dense graphs: the smallest one, others that are solved eight at once, and some that are solved alone.
const DENSE_NODES: [usize; 6] = [2, 7, 30, 64, 65, 90];
/// Graphs of each size.
const DENSE_GRAPHS: u64 = 3;

/// Relative error that the sparse solver is asked for.
const SPARSE_TOLERANCE: f64 = 1e-6;
/// Nodes along a side of the sparse graph, and the ticks for which it moves: each begins with what the last one found.
const SPARSE_SIDE: usize = 11;
const SPARSE_TICKS: usize = 3;

/// Largest difference of a product of numbers between -1 and 1, in 32 bits, with up to [`LONGEST`] terms to a sum.
const PRODUCT_TOLERANCE: f64 = 1e-5;
const LONGEST: usize = 128;
/// Rows, length of the sums, and columns: full tiles and partial ones.
const PRODUCTS: [(usize, usize, usize); 5] = [(1, 5, 128), (13, 7, 33), (8, 80, 128), (23, 20, 64), (6, LONGEST, 17)];

/// Steps of the search for eigenvalues after which `nalgebra` has to give up; it needs a few per node.
const MAX_STEPS: usize = 100_000;

/// Compares all kernels.
pub(super) fn findings() -> Vec<Finding> {
    vec![dense(), sparse(), products()]
}

/// Lambda-2 of random radio graphs, with every instruction set.
fn dense() -> Finding {
    let mut worst = Worst::new(DENSE_TOLERANCE);
    for n in DENSE_NODES {
        for seed in SEED..SEED + DENSE_GRAPHS {
            let graph = Geometric::uniform(n, Geometric::connecting_radius(n), seed).csr();
            let Some(expected) = lambda2(&graph) else { return gave_up("lambda-2, dense") };
            for level in [Level::Baseline, Level::Avx2, Level::Avx512].into_iter().filter(|l| *l <= Level::detect()) {
                let found = DenseSolver::up_to(level).lambda2(n, &graph.bit_rows());
                worst.take(relative(found, expected), || format!("{n} drones, {level:?}"));
            }
        }
    }
    worst.finding("lambda-2, dense", "relative")
}

/// Lambda-2 of a large radio graph that moves, each tick beginning with what the last one found.
fn sparse() -> Finding {
    let mut worst = Worst::new(SPARSE_TOLERANCE);
    let (mut drones, mut solver) = (Geometric::jittered_grid(SPARSE_SIDE, SEED), SparseSolver::new(SPARSE_TOLERANCE));
    for tick in 0..SPARSE_TICKS {
        let graph = drones.csr();
        let Some(expected) = lambda2(&graph) else { return gave_up("lambda-2, sparse") };
        worst.take(relative(solver.lambda2(&graph), expected), || format!("{} drones, tick {tick}", graph.num_nodes()));
        drones.tick(0.02);
    }
    worst.finding("lambda-2, sparse", "relative")
}

/// Products of random matrices, with every instruction set.
fn products() -> Finding {
    let mut worst = Worst::new(PRODUCT_TOLERANCE);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    for (rows, inner, columns) in PRODUCTS {
        let mut random = |rows, columns| DMatrix::from_fn(rows, columns, |_, _| 2.0 * rng.random::<f32>() - 1.0);
        let (left, right, bias) = (random(rows, inner), random(inner, columns), random(1, columns));
        let wide = |matrix: &DMatrix<f32>| matrix.map(f64::from);
        let mut expected = wide(&left) * wide(&right);
        expected.row_iter_mut().for_each(|mut row| row += wide(&bias));
        for isa in Isa::available() {
            let found = product(isa, &left, &right, &bias);
            worst.take((wide(&found) - &expected).iter().fold(0.0, |most, x| larger(most, x.abs())), || {
                format!("{rows} x {inner} x {columns}, {}", isa.name())
            });
        }
    }
    worst.finding("matrix products", "absolute")
}

/// `left * right` with `bias` added to every row.
fn product(isa: Isa, left: &DMatrix<f32>, right: &DMatrix<f32>, bias: &DMatrix<f32>) -> DMatrix<f32> {
    let (rows, inner, columns) = (left.nrows(), left.ncols(), right.ncols());
    let (mut b, mut start) = (Aligned::zeros(inner * stride(columns)), Aligned::zeros(padded(columns)));
    for (row, values) in b.chunks_exact_mut(stride(columns)).zip(right.row_iter()) {
        row.iter_mut().zip(values.iter()).for_each(|(to, from)| *to = *from);
    }
    start.iter_mut().zip(bias.iter()).for_each(|(to, from)| *to = *from);
    let mut target = Aligned::zeros(rows * stride(columns));
    Product {
        rows,
        inner,
        columns,
        // A matrix of nalgebra lies in memory column by column, as the kernel's transposed operand does.
        left: Left::Transposed(View { data: left.as_slice(), stride: rows }),
        right: View { data: &b, stride: stride(columns) },
        start: Start::Row(&start),
        finish: Finish::Keep,
    }
    .store(isa, &mut target, stride(columns));
    DMatrix::from_fn(rows, columns, |i, j| target[i * stride(columns) + j])
}

/// Lambda-2 as `nalgebra` has it; none if it gives up.
fn lambda2(graph: &CsrGraph) -> Option<f64> {
    let n = graph.num_nodes();
    let mut laplacian = DMatrix::zeros(n, n);
    for node in 0..n {
        laplacian[(node, node)] = graph.row(node).len() as f64;
        graph.row(node).iter().for_each(|other| laplacian[(node, *other as usize)] = -1.0);
    }
    let solution = SymmetricEigen::try_new(laplacian, 1e-15, MAX_STEPS)?;
    let mut values: Vec<f64> = solution.eigenvalues.iter().copied().collect();
    values.sort_by(f64::total_cmp);
    values.get(1).copied()
}

/// Difference as a part of the expected value, or of 1 where that is near 0, which the kernels say of a graph in pieces.
fn relative(found: f64, expected: f64) -> f64 {
    let scale = if expected.abs() < 1e-9 { 1.0 } else { expected.abs() };
    (found - expected).abs() / scale
}

/// The larger of two numbers; not a number if either is none.
fn larger(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

fn gave_up(what: &'static str) -> Finding {
    Finding::poor(what, "nalgebra found no eigenvalues to compare with; please report this")
}

/// The largest difference so far.
struct Worst {
    tolerance: f64,
    difference: f64,
    at: String,
}

impl Worst {
    fn new(tolerance: f64) -> Self {
        Self { tolerance, difference: 0.0, at: String::new() }
    }

    fn take(&mut self, difference: f64, at: impl FnOnce() -> String) {
        // Not a number is the worst there is.
        let is_worse = difference > self.difference || difference.is_nan();
        if is_worse && !self.difference.is_nan() {
            (self.difference, self.at) = (difference, at());
        }
    }

    fn finding(self, what: &'static str, kind: &str) -> Finding {
        let Self { tolerance, difference, at } = self;
        // Not a number is within no tolerance.
        if difference <= tolerance {
            return Finding::good(
                what,
                format!(
                    "as nalgebra computes them: largest {kind} difference {difference:.0e}, at most {tolerance:.0e} is allowed"
                ),
            );
        }
        Finding::bad(
            what,
            format!(
                "not as nalgebra computes them: largest {kind} difference {difference:.0e} ({at}), at most {tolerance:.0e} is \
                 allowed. Build again from scratch (`cargo clean`), run the CPU at its normal clock and test its memory; \
                 if it stays so, please report this"
            ),
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::cli::doctor::State;

    #[test]
    fn all_kernels_agree_with_nalgebra_on_this_machine() {
        for finding in findings() {
            assert_eq!(finding.state, State::Good, "{}: {}", finding.what, finding.detail);
            assert!(finding.detail.contains("largest"), "{}", finding.detail);
        }
    }

    #[test]
    fn a_difference_beyond_its_tolerance_fails_and_says_where_and_what_to_try() {
        for wrong in [1e-3, f64::INFINITY, f64::NAN] {
            let mut worst = Worst::new(1e-5);
            for (difference, at) in [(1e-6, "first"), (wrong, "second"), (1e-6, "third")] {
                worst.take(difference, || at.to_owned());
            }
            let Finding { state, detail, .. } = worst.finding("kernels", "relative");
            assert_eq!(state, State::Bad, "{wrong}");
            assert!(detail.contains("(second)") && detail.contains("1e-5") && detail.contains("test its memory"));
        }
    }

    #[test]
    fn a_product_that_is_wrong_in_one_place_is_seen() {
        assert_eq!(larger(0.5, 0.25), 0.5);
        assert!(larger(f64::NAN, 1.0).is_nan() && larger(1.0, f64::NAN).is_nan());
        assert_eq!(relative(1e-12, 0.0), 1e-12);
        assert!((relative(2.2, 2.0) - 0.1).abs() < 1e-12);
    }
}
