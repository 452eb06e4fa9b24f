//! Algebraic connectivity of random geometric graphs, which is what radio networks look like, as the simulation asks for it.

use super::{Figure, Meter, Unit, Work};
use crate::math::fiedler::{DenseSolver, samples::Geometric};

/// Products of the Laplacian with a vector that a multigrid method needs for the ten digits which are asked for: a digit takes
/// one of its own and a cycle, which costs five.
const SPARSE_PRODUCTS: f64 = 60.0;

/// Nodes from which on a sparse graph takes less that way than by the tridiagonal form of its matrix, as measured: a link costs
/// far more than its two operations, because its ends lie apart in memory.
const LARGE: usize = 400;

pub(super) fn figures() -> Vec<Figure> {
    let figure = |n: usize, graphs: usize, bars| {
        Figure::new(
            format!("lambda2_n{n}_us"),
            Unit::Micros,
            bars,
            move || {
                let graphs = connected(n, graphs);
                let links: u32 = graphs.concat().iter().map(|word| word.count_ones()).sum::<u32>() / 2;
                Ok(work(n, f64::from(links) / graphs.len() as f64))
            },
            move || Ok(micros(n, &connected(n, graphs).concat(), graphs)),
        )
    };
    vec![
        figure(10, 256, [0.033, 0.17]),
        figure(30, 256, [0.14, 0.46]),
        figure(100, 256, [0.22, 0.69]),
        figure(300, 16, [0.22, 0.70]),
        figure(1000, 4, [0.004, 0.03]),
    ]
}

/// What lambda-2 of a graph takes: the tridiagonal form of a dense matrix or, of a large one, products with a sparse one if that
/// is less.
pub(super) fn work(n: usize, links: f64) -> Work {
    let m = n as f64 - 1.0;
    let dense = 4.0 / 3.0 * m * m * m;
    let sparse = SPARSE_PRODUCTS * 2.0 * (2.0 * links + n as f64);
    Work { flops_f64: if n < LARGE { dense } else { dense.min(sparse) }, ..Work::default() }
}

/// Bit rows of connected graphs of `n` nodes that are not complete: the others are decided without a solver.
pub(super) fn connected(n: usize, graphs: usize) -> Vec<Vec<u64>> {
    let mut solver = DenseSolver::new();
    let drawn = (0..).map(|seed| Geometric::uniform(n, Geometric::connecting_radius(n), seed).bit_rows());
    let is_asked_for = |rows: &Vec<u64>| (f64::MIN_POSITIVE..n as f64).contains(&solver.lambda2(n, rows));
    drawn.filter(is_asked_for).take(graphs).collect()
}

/// CPU time per graph, in a batch.
fn micros(n: usize, bits: &[u64], graphs: usize) -> f64 {
    let (mut solver, mut lambda2) = (DenseSolver::new(), vec![0.0; graphs]);
    let seconds = Meter::default().seconds(|| solver.lambda2_batch(n, bits, std::hint::black_box(&mut lambda2)));
    1e6 * seconds / graphs as f64
}
