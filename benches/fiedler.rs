//! Algebraic connectivity: time per graph in a batch of 256 dense ones, beside nalgebra, and per tick of a large sparse
//! one.

use agon::math::fiedler::{CsrGraph, DenseSolver, SparseSolver, samples::Geometric};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nalgebra::{DMatrix, SymmetricEigen};
use std::hint::black_box;

const BATCH: usize = 256;

/// Bit rows of connected, not complete random geometric graphs: the solver has a short cut for all others.
fn connected_graphs(n: usize) -> Vec<Vec<u64>> {
    let radius = Geometric::connecting_radius(n);
    let mut solver = DenseSolver::new();
    let graphs = (0..).map(|seed| Geometric::uniform(n, radius, seed).bit_rows());
    graphs.filter(|rows| (1e-9..n as f64 - 0.5).contains(&solver.lambda2(n, rows))).take(BATCH).collect()
}

fn laplacian(n: usize, rows: &[u64]) -> DMatrix<f64> {
    let words = n.div_ceil(64);
    let is_linked = |i: usize, j: usize| (rows[i * words + j / 64] >> (j % 64) & 1) as f64;
    DMatrix::from_fn(n, n, |i, j| if i == j { (0..n).map(|k| is_linked(i, k)).sum() } else { -is_linked(i, j) })
}

fn dense(c: &mut Criterion) {
    let mut group = c.benchmark_group("dense");
    group.throughput(Throughput::Elements(BATCH as u64));
    for n in [10, 30, 50, 100] {
        let graphs = connected_graphs(n);
        let bits = graphs.concat();
        let mut values = vec![0.0; BATCH];
        let mut solver = DenseSolver::new();
        group.bench_function(BenchmarkId::new("batch", n), |b| {
            b.iter(|| solver.lambda2_batch(n, black_box(&bits), &mut values));
        });
        let laplacians: Vec<DMatrix<f64>> = graphs.iter().map(|rows| laplacian(n, rows)).collect();
        group.sample_size(10);
        group.bench_function(BenchmarkId::new("nalgebra", n), |b| {
            b.iter(|| {
                for laplacian in &laplacians {
                    // Bounded, because the unbounded form can run for ever on 0/1 matrices.
                    black_box(SymmetricEigen::try_new(black_box(laplacian.clone()), 1e-12, 10_000));
                }
            });
        });
    }
    group.finish();
    let mut group = c.benchmark_group("dense one by one");
    for n in [10, 30, 50, 100, 200] {
        let graphs = connected_graphs(n);
        let mut solver = DenseSolver::new();
        group.bench_function(BenchmarkId::new("lambda2", n), |b| b.iter(|| solver.lambda2(n, black_box(&graphs[0]))));
        let mut vector = vec![0.0; n];
        group.bench_function(BenchmarkId::new("vector", n), |b| {
            b.iter(|| solver.fiedler_vector(n, black_box(&graphs[0]), &mut vector));
        });
    }
    group.finish();
}

fn sparse(c: &mut Criterion) {
    let mut group = c.benchmark_group("sparse");
    group.sample_size(20);
    for side in [100, 316] {
        let n = side * side;
        let mut positions = Geometric::jittered_grid(side, 1);
        // Ticks that each change 0.8 % of the links.
        let ticks: Vec<CsrGraph> = (0..8)
            .map(|_| {
                positions.tick(0.01);
                positions.csr()
            })
            .collect();
        let mut solver = SparseSolver::new(1e-6);
        solver.lambda2(&ticks[0]);
        let mut at = 0;
        group.bench_function(BenchmarkId::new("warm", n), |b| {
            b.iter(|| {
                at += 1;
                solver.lambda2(black_box(&ticks[at % ticks.len()]))
            });
        });
        group.bench_function(BenchmarkId::new("cold", n), |b| {
            b.iter_batched(
                || SparseSolver::new(1e-6),
                |mut solver| solver.lambda2(black_box(&ticks[0])),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, dense, sparse);
criterion_main!(benches);
