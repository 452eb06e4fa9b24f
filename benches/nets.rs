//! Acting and learning with the built-in network, at the sizes that the project's figures are quoted for.
//!
//! `cargo bench --bench nets`; criterion measures wall time, so give it an idle core. Everything runs on one thread.

use std::{
    hint::black_box,
    ops::Range,
    time::{Duration, Instant},
};

use agon::{
    learn::nets::{
        Activation, ActorCritic, Architecture, CriticInput, LOSS_TERMS, Loss, Minibatch, OutputGradients, Outputs,
        StepSize, fused::Fused,
    },
    policy::network::Scratch,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Squared distance to a constant: as cheap as a loss can be, so that the network's share is what is measured.
struct Distance;

impl Loss for Distance {
    fn differentiate(&self, _: Range<usize>, outputs: Outputs<'_>, to: OutputGradients<'_>) -> [f64; LOSS_TERMS] {
        let mut terms = [0.0; LOSS_TERMS];
        for (x, gradient) in outputs.head.iter().zip(to.head).chain(outputs.values.iter().zip(to.values)) {
            *gradient = 1e-4 * (x - 0.3);
            terms[0] += f64::from(*gradient);
        }
        terms
    }
}

fn network(observation: usize, hidden: usize, activation: Activation) -> Fused {
    let critic = CriticInput::Mean;
    let architecture = Architecture { observation, hidden, activation, continuous: 2, discrete: vec![4], critic };
    Fused::new(architecture, -0.5, 1).expect("sizes are in range")
}

fn observations(rows: usize, observation: usize) -> Vec<f32> {
    (0..rows * observation).map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0).collect()
}

/// Observation to head, 128 wide, per batch.
fn acting(c: &mut Criterion) {
    for activation in [Activation::Relu, Activation::Tanh] {
        let mut group = c.benchmark_group(format!("acting_128_{activation:?}").to_lowercase());
        for (observation, batch) in [5, 80].into_iter().flat_map(|o| [1, 8, 4096].map(|b| (o, b))) {
            let network = network(observation, 128, activation).actor();
            let rows = observations(batch, observation);
            let mut head = vec![0.0; batch * network.shape().head()];
            let mut scratch = Scratch::default();
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(format!("obs{observation}"), format!("b{batch}")), |bencher| {
                bencher.iter(|| network.forward(black_box(&rows), black_box(&mut head), &mut scratch));
            });
        }
        group.finish();
    }
}

/// Forward, backward, clipping and Adam for a minibatch, critic over the mean of embeddings.
fn learning(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread can be started");
    let size = StepSize { actor_learning_rate: 3e-4, critic_learning_rate: 3e-4, adam_eps: 1e-5, max_grad_norm: 0.5 };
    for activation in [Activation::Relu, Activation::Tanh] {
        let mut group = c.benchmark_group(format!("learning_{activation:?}").to_lowercase());
        for (observation, hidden, agents, entries) in [(80, 128, 4, 1024), (8, 64, 6, 21)] {
            let mut network = network(observation, hidden, activation);
            let rows = observations(4 * entries * agents, observation);
            let steps: Vec<u32> = (0..entries as u32).map(|i| i * 37 % (4 * entries as u32)).collect();
            let minibatch = Minibatch { observations: &rows, global: &[], shares: None, agents, steps: &steps };
            group.throughput(Throughput::Elements((entries * agents) as u64));
            let name = BenchmarkId::new(format!("obs{observation}_hidden{hidden}"), format!("mb{}", entries * agents));
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|count| {
                    pool.install(|| {
                        let start = Instant::now();
                        for _ in 0..count {
                            black_box(network.step(black_box(minibatch), &Distance, size));
                        }
                        start.elapsed()
                    })
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = acting, learning
}
criterion_main!(benches);
