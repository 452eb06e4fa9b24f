//! Other programs that compute the same, in the same process and thus on the same machine: libraries that somebody would otherwise
//! use.

use nalgebra::{DMatrix, SymmetricEigen};

use super::{Meter, acting, lambda2::connected, step, training::Recipe};
use crate::{
    error::{Error, Result},
    learn::nets::torch::{self, Torch},
};

/// What stands behind the plugin.
const LIBTORCH: &str = "libtorch, one thread";

/// Somebody else's figure.
pub(super) struct Peer {
    /// The figure that it stands beside.
    pub figure: &'static str,
    /// Who.
    pub who: &'static str,
    /// Their value, in the unit of the figure.
    pub measure: Box<dyn Fn() -> Result<f64>>,
}

/// All peers, in the order of the figures.
pub(super) fn peers() -> Vec<Peer> {
    // Fewer of the larger graphs, for others take longer.
    let sizes = [
        ("lambda2_n10_us", 10, 64),
        ("lambda2_n30_us", 30, 32),
        ("lambda2_n100_us", 100, 8),
        ("lambda2_n300_us", 300, 4),
    ];
    let solvers: [(&'static str, Solver); 2] = [("nalgebra, vectors too", by_nalgebra), ("faer", by_faer)];
    let beside = |(figure, n, graphs): (&'static str, usize, usize)| {
        solvers.map(|(who, solve)| Peer { figure, who, measure: Box::new(move || micros(n, graphs, solve)) })
    };
    let acting = [("act_b1_us", 1, 1), ("act_b8_us", 8, 1), ("act_b4096_row_us", 4096, 4096)];
    let acting = acting.map(|(figure, batch, per)| Peer {
        figure,
        who: LIBTORCH,
        measure: Box::new(move || Ok(1e6 * act(batch)? / f64::from(per))),
    });
    let step = Peer { figure: "train_step_ms", who: LIBTORCH, measure: Box::new(|| Ok(1e3 * step()?)) };
    // What needs a plugin is left out where there is none; `agon doctor` says how to build it.
    let libtorch = acting.into_iter().chain([step]).filter(|_| torch::place().is_some());
    sizes.into_iter().flat_map(beside).chain(libtorch).collect()
}

/// CPU seconds of a forward pass over `batch` observations, on one thread; observations are not normalised.
fn act(batch: usize) -> Result<f64> {
    let architecture = Recipe::of("jamming/skirmish")?.architecture();
    let rows = acting::observations(&architecture.actor(), batch);
    let mut head = vec![0.0; batch * architecture.head()];
    let mut network = Torch::new(architecture, -0.5, 1)?;
    network.head(&rows, &mut head)?;
    let mut outcome = Ok(());
    let seconds = Meter::default().seconds(|| {
        if let Err(error) = network.head(&rows, std::hint::black_box(&mut head)) {
            outcome = Err(error);
        }
    });
    outcome.map(|()| seconds)
}

/// CPU seconds of a training step, on one thread.
fn step() -> Result<f64> {
    let recipe = Recipe::of("jamming/skirmish")?;
    let mut network = Torch::new(recipe.architecture(), -0.5, 1)?;
    Ok(step::seconds(&recipe, &mut network))
}

/// Finds the second smallest eigenvalue of a Laplacian, entries by rows.
type Solver = fn(usize, &[f64]) -> Option<f64>;

/// Steps of the search for eigenvalues after which `nalgebra` has to give up; it needs a few per node.
const MAX_STEPS: usize = 100_000;

fn by_nalgebra(n: usize, laplacian: &[f64]) -> Option<f64> {
    let matrix = DMatrix::from_row_slice(n, n, laplacian);
    // Without a bound the search can run for ever on matrices of whole numbers.
    second_smallest(SymmetricEigen::try_new(matrix, f64::EPSILON, MAX_STEPS)?.eigenvalues.as_slice())
}

fn by_faer(n: usize, laplacian: &[f64]) -> Option<f64> {
    let matrix = faer::MatRef::from_row_major_slice(laplacian, n, n);
    second_smallest(&matrix.self_adjoint_eigenvalues(faer::Side::Lower).ok()?)
}

fn second_smallest(eigenvalues: &[f64]) -> Option<f64> {
    let mut eigenvalues = eigenvalues.to_vec();
    eigenvalues.sort_by(f64::total_cmp);
    eigenvalues.get(1).copied()
}

/// CPU time per graph, the Laplacians made beforehand.
fn micros(n: usize, graphs: usize, solve: Solver) -> Result<f64> {
    let laplacians: Vec<Vec<f64>> = connected(n, graphs).iter().map(|rows| laplacian(n, rows)).collect();
    let mut found = Vec::new();
    let seconds = Meter::default().seconds(|| {
        found.clear();
        found.extend(laplacians.iter().map(|laplacian| solve(n, laplacian)));
    });
    if found.contains(&None) {
        return Err(Error::system("another library found no eigenvalues of a Laplacian"));
    }
    Ok(1e6 * seconds / graphs as f64)
}

/// D - A of bit rows, entries by rows.
fn laplacian(n: usize, rows: &[u64]) -> Vec<f64> {
    let mut laplacian = vec![0.0; n * n];
    for (i, row) in rows.chunks_exact(n.div_ceil(64)).enumerate() {
        laplacian[i * n + i] = f64::from(row.iter().map(|word| word.count_ones()).sum::<u32>());
        for j in (0..n).filter(|j| row[j / 64] >> (j % 64) & 1 == 1) {
            laplacian[i * n + j] = -1.0;
        }
    }
    laplacian
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::math::fiedler::DenseSolver;

    #[test]
    fn peers_find_what_we_find() {
        for n in [10, 30, 100] {
            for rows in connected(n, 3) {
                let (ours, laplacian) = (DenseSolver::new().lambda2(n, &rows), laplacian(n, &rows));
                for theirs in [by_nalgebra, by_faer].map(|solve| solve(n, &laplacian).unwrap()) {
                    assert!((theirs - ours).abs() < 1e-8 * n as f64, "{n} nodes: {theirs}, ours {ours}");
                }
            }
        }
    }
}
