//! Curves of ten million points: appending to one, drawing it, smoothing it; and reading the file of a run.
//!
//! `cargo bench --no-default-features --bench series`; takes about 1.5 GB of memory.

use std::{fmt::Write, hint::black_box, time::Duration};

use agon::metrics::series::{RunCurves, Series, Smoothed};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const POINTS: u64 = 10_000_000;

/// A slow wave under noise that looks random and is the same everywhere.
fn points() -> impl Iterator<Item = (f64, f64)> {
    (0..POINTS).map(|i| {
        let noise = (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1 << 24) as f64;
        ((i * 4096) as f64, (i % 1_000_000) as f64 * 1e-6 + noise)
    })
}

fn appending(c: &mut Criterion) {
    let mut group = c.benchmark_group("series_push");
    group.throughput(Throughput::Elements(POINTS)).sample_size(10);
    group.bench_function("10M", |b| b.iter_batched(points, Series::from_iter, BatchSize::PerIteration));
    group.finish();
}

fn drawing(c: &mut Criterion) {
    let series: Series = points().collect();
    let end = (POINTS * 4096) as f64;
    let mut out = Vec::new();
    let mut group = c.benchmark_group("series_visible");
    for columns in [500, 1000, 2000] {
        group.bench_function(BenchmarkId::new("all_of_10M", columns), |b| {
            b.iter(|| series.visible(black_box(0.0..=end), columns, &mut out));
        });
    }
    // Which level of the pyramid serves depends on the share, and with it how many blocks a column is read from.
    for share in [0.5, 0.2, 0.05, 0.001, 0.0001] {
        group.bench_function(BenchmarkId::new("1000_columns_of", share), |b| {
            b.iter(|| series.visible(black_box(0.3 * end..=(0.3 + share) * end), 1000, &mut out));
        });
    }
    group.bench_function("nearest", |b| b.iter(|| series.nearest(black_box(0.7 * end))));
    group.bench_function("y_range", |b| b.iter(|| black_box(&series).y_range()));
    group.finish();

    let mut group = c.benchmark_group("series_smooth");
    group.throughput(Throughput::Elements(POINTS)).sample_size(10);
    let mut smoothed = Smoothed::new(0.5);
    group.bench_function("10M", |b| {
        b.iter(|| {
            smoothed.set_weight(if smoothed.weight() == 0.6 { 0.9 } else { 0.6 });
            smoothed.follow(&series);
        });
    });
    group.finish();
}

/// Twenty thousand updates of forty scalars.
fn reading(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("metrics.jsonl");
    let mut text = String::new();
    for (i, (x, y)) in points().take(20_000).enumerate() {
        write!(text, "{{\"step\":{x},\"wall_s\":{}.25", i * 3).expect("a string grows");
        for scalar in 0..40 {
            write!(text, ",\"env/measure_number_{scalar}\":{}", y * f64::from(scalar)).expect("a string grows");
        }
        text.push_str("}\n");
    }
    std::fs::write(&path, &text).expect("the folder is new");
    let mut group = c.benchmark_group("run_curves");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
    group.bench_function("read", |b| b.iter(|| RunCurves::read(&path).expect("it was just written")));
    let mut curves = RunCurves::read(&path).expect("it was just written");
    group.throughput(Throughput::Elements(1));
    group.bench_function("follow_without_news", |b| b.iter(|| curves.follow().expect("it is still there")));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = appending, drawing, reading
}
criterion_main!(benches);
