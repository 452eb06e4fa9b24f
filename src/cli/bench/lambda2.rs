//! Algebraic connectivity of random geometric graphs, which is what radio networks look like.

use super::{Figure, Meter};
use crate::{
    math::{
        fiedler::{DenseSolver, SparseSolver, samples::Geometric},
        statistics::median,
    },
    session::cpu_time,
};

/// Ticks of a large graph that are timed.
const TICKS: usize = 7;
/// How far its points move in a tick along each axis, at most, in units of the grid: about one link in 200 changes.
const TICK_DISTANCE: f64 = 0.005;
/// Relative error asked of the sparse solver.
const TOLERANCE: f64 = 1e-6;

pub(super) fn figures() -> Vec<Figure> {
    let dense = |name, n, must, aim| Figure::micros(name, must, aim, move || Ok(dense_micros(n)));
    let sparse = |name, side, must, aim| Figure::millis(name, must, aim, move || Ok(sparse_millis(side)));
    vec![
        dense("lambda2_dense_n10_us", 10, 0.5, 0.10).peer(3.08, "nalgebra 0.34"),
        dense("lambda2_dense_n30_us", 30, 4.0, 1.2).peer(24.2, "torch eigvalsh, batched"),
        dense("lambda2_dense_n100_us", 100, 100.0, 32.0).peer(220.0, "scipy eigh, subset"),
        sparse("lambda2_sparse_n1e4_warm_ms", 100, 30.0, 1.0).peer(63.0, "scipy eigsh, shift-invert, cold"),
        sparse("lambda2_sparse_n1e5_warm_ms", 316, 300.0, 8.0).peer(40.0, "LOBPCG + pyamg to 3e-3"),
    ]
}

/// Per graph, in a batch of connected graphs of `n` nodes that are not complete: the others are decided without a solver.
fn dense_micros(n: usize) -> f64 {
    let mut solver = DenseSolver::new();
    let radius = 1.6 * (libm::log(n as f64) / (std::f64::consts::PI * n as f64)).sqrt();
    let mut bits = Vec::new();
    let mut lambda2 = Vec::new();
    for seed in 0.. {
        let rows = Geometric::uniform(n, radius, seed).bit_rows();
        let mut found = [0.0];
        solver.lambda2_batch(n, &rows, &mut found);
        if 0.0 < found[0] && found[0] < n as f64 {
            bits.extend(rows);
            lambda2.push(0.0);
        }
        if lambda2.len() == 256 {
            break;
        }
    }
    let seconds = Meter::default().seconds(|| solver.lambda2_batch(n, &bits, std::hint::black_box(&mut lambda2)));
    1e6 * seconds / lambda2.len() as f64
}

/// Per tick of a connected graph of `side` times `side` nodes, the first solve left out.
fn sparse_millis(side: usize) -> f64 {
    let mut points = Geometric::jittered_grid(side, 1);
    let mut solver = SparseSolver::new(TOLERANCE);
    solver.lambda2(&points.csr());
    let mut seconds = Vec::with_capacity(TICKS);
    while seconds.len() < TICKS {
        points.tick(TICK_DISTANCE);
        let graph = points.csr();
        let start = cpu_time();
        std::hint::black_box(solver.lambda2(&graph));
        seconds.push((cpu_time() - start).as_secs_f64());
    }
    1e3 * median(&seconds)
}
