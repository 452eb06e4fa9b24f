//! What each dimension of an action would be drawn from, for people to look at.

use super::{Block, HeadRows, HybridHead, gaussian::Normal};

/// Parts of a continuous dimension's range, all equally wide.
const PARTS: usize = 33;

impl HybridHead {
    /// What the first row of `outputs` would draw each dimension of its action from, in the order of the action: settings
    /// in ascending order with their probabilities, which sum to 1.
    ///
    /// A continuous dimension is cut into 33 equal parts, named by their middles; on a grid its settings are those of the
    /// grid, whatever is chosen of the others. The settings of a discrete dimension are the indices of its choices.
    pub fn marginals(&self, outputs: HeadRows<'_>) -> Vec<Vec<(f32, f32)>> {
        let Some(row) = Block::cover(1).next() else { return Vec::new() };
        let gaussians = self.continuous.iter().zip(outputs.log_std).enumerate();
        let mut marginals: Vec<Vec<(f32, f32)>> = gaussians
            .map(|(dim, (squash, log_std))| {
                let mean = row.load(outputs.head, self.head(), dim)[0];
                parts(mean, Normal::new(*log_std).std).map(|(tanh, share)| (squash.apply(tanh), share)).collect()
            })
            .collect();
        for (dim, categorical) in self.discrete.iter().enumerate() {
            let softmax = categorical.softmax(outputs, &row, self.head(), self.logits);
            let probabilities: Vec<f32> = softmax.choices().map(|choice| softmax.probability(choice)[0]).collect();
            match &self.lattice {
                Some(lattice) if dim == 0 => marginals.extend(lattice.marginals(&probabilities)),
                _ => marginals.push((0_u16..).map(f32::from).zip(probabilities).collect()),
            }
        }
        marginals
    }
}

/// The middle of each part of -1..=1 and the probability that the tanh of a normal number falls into it.
fn parts(mean: f32, std: f32) -> impl Iterator<Item = (f32, f32)> {
    let (mean, std) = (f64::from(mean), f64::from(std));
    let edge = |part: usize| 2.0 * part as f64 / PARTS as f64 - 1.0;
    let below =
        move |part: usize| 0.5 * libm::erfc((mean - libm::atanh(edge(part))) / (std * std::f64::consts::SQRT_2));
    (0..PARTS).map(move |part| (0.5 * (edge(part) + edge(part + 1)) as f32, (below(part + 1) - below(part)) as f32))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::{
        super::{Noise, tests::head},
        *,
    };

    const LOG_STD: [f32; 2] = [-0.5, 0.4];

    fn outputs(head: &[f32]) -> HeadRows<'_> {
        HeadRows { head, log_std: &LOG_STD, masks: None }
    }

    /// A grid of three by three settings, and a choice of two.
    fn grid() -> HybridHead {
        HybridHead::with_bins(&[(-5.0, 5.0), (-1.0, 3.0)], &[2], 3).unwrap()
    }

    fn row(space: &HybridHead, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..space.head()).map(|_| StandardNormal.sample(&mut rng)).collect()
    }

    #[test]
    fn probabilities_are_how_often_each_setting_is_drawn() {
        for space in [head(), grid()] {
            let (rows, row) = (40_000, row(&space, 3));
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            let normals: Vec<f32> = (0..rows * space.continuous()).map(|_| StandardNormal.sample(&mut rng)).collect();
            let uniforms: Vec<f32> = (0..rows * space.discrete()).map(|_| rng.random()).collect();
            let (mut stored, mut log_probs) = (vec![0.0; rows * space.stored()], vec![0.0; rows]);
            let mut actions = vec![0.0; rows * space.action()];
            let noise = Noise { normals: &normals, uniforms: &uniforms };
            space.sample(outputs(&row.repeat(rows)), noise, &mut stored, &mut actions, &mut log_probs);
            let marginals = space.marginals(outputs(&row));
            assert_eq!(marginals.len(), space.action());
            for (dim, settings) in marginals.iter().enumerate() {
                let half = 0.5 * (settings[1].0 - settings[0].0);
                for (setting, probability) in settings {
                    let is_here = |action: &&[f32]| (action[dim] - setting).abs() <= half;
                    let drawn = actions.chunks_exact(space.action()).filter(is_here).count() as f32 / rows as f32;
                    assert!((drawn - probability).abs() < 0.01, "{dim}, {setting}: {drawn} for {probability}");
                }
            }
        }
    }

    #[test]
    fn probabilities_sum_to_one_over_settings_in_order() {
        for space in [head(), grid()] {
            for seed in 0..20 {
                // Means far beyond the bounds and logits far apart are among them.
                let row: Vec<f32> = row(&space, seed).iter().map(|x| 8.0 * x).collect();
                for settings in space.marginals(outputs(&row)) {
                    let sum: f32 = settings.iter().map(|(_, probability)| probability).sum();
                    assert!((sum - 1.0).abs() < 1e-5, "{settings:?}");
                    assert!(settings.is_sorted_by(|a, b| a.0 < b.0), "{settings:?}");
                    assert!(settings.iter().all(|(_, probability)| *probability >= 0.0), "{settings:?}");
                }
            }
        }
    }

    /// A continuous dimension acts at its median, a discrete one at its most likely choice.
    #[test]
    fn the_action_without_noise_is_in_the_middle_or_the_most_likely() {
        for seed in 0..20 {
            let (space, mut action) = (head(), [0.0; 4]);
            let row = row(&space, seed);
            space.mode(outputs(&row), &mut action);
            for (dim, settings) in space.marginals(outputs(&row)).iter().enumerate() {
                if dim < space.continuous() {
                    let half = 0.5 * (settings[1].0 - settings[0].0);
                    let share = |reach: f32| -> f32 {
                        settings.iter().filter(|(at, _)| at + reach < action[dim]).map(|(_, share)| share).sum()
                    };
                    assert!((share(half)..=share(-half) + 1e-6).contains(&0.5), "{dim}: {settings:?}");
                } else {
                    let best = settings.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
                    assert_eq!(action[dim], best.0, "{dim}");
                }
            }
        }
    }
}
