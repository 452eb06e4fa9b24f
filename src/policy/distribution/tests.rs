//! Claims about the head, against integrals and a plain f64 reference.
#![allow(clippy::unwrap_used, reason = "tests")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

/// The head of most tests: two bounded velocities, one choice of four and one of three.
pub(crate) fn head() -> HybridHead {
    HybridHead::new(&[(-5.0, 5.0), (-1.0, 3.0)], &[4, 3]).unwrap()
}

/// Random outputs, masks and noise for `rows` rows.
struct Batch {
    head: Vec<f32>,
    masks: Vec<f32>,
    normals: Vec<f32>,
    uniforms: Vec<f32>,
}

impl Batch {
    fn new(space: &HybridHead, rows: usize, spread: f32, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normals = |count: usize| -> Vec<f32> { (0..count).map(|_| StandardNormal.sample(&mut rng)).collect() };
        let head = normals(rows * space.head()).into_iter().map(|x| spread * x).collect();
        let normals = normals(rows * space.continuous());
        let uniforms = (0..rows * space.discrete()).map(|_| rng.random()).collect();
        // Forbids some choices, never the last of the first dimension or the first of the second.
        let masks =
            (0..rows * space.logits()).map(|i| if i % 7 == 3 || i % 11 % 7 == 4 { 1.0 } else { (i % 3) as f32 });
        Self { head, masks: masks.collect(), normals, uniforms }
    }

    fn outputs<'a>(&'a self, log_std: &'a [f32]) -> HeadRows<'a> {
        HeadRows { head: &self.head, log_std, masks: Some(&self.masks) }
    }

    /// (stored, actions, log-probabilities)
    fn sample(&self, space: &HybridHead, log_std: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let rows = self.head.len() / space.head();
        let mut stored = vec![0.0; rows * space.action()];
        let (mut actions, mut log_probs) = (stored.clone(), vec![0.0; rows]);
        let noise = Noise { normals: &self.normals, uniforms: &self.uniforms };
        space.sample(self.outputs(log_std), noise, &mut stored, &mut actions, &mut log_probs);
        (stored, actions, log_probs)
    }
}

/// ln p and entropy of one row of [`head`], in f64, with the expectation of ln cosh as an integral.
pub(crate) fn reference(row: &[f64], log_std: &[f64], mask: &[f32], stored: &[f32]) -> (f64, f64) {
    let (mut log_prob, mut entropy) = (0.0, 0.0);
    for (dim, half) in [5.0f64, 2.0].into_iter().enumerate() {
        let (mean, log_std, u) = (row[dim], log_std[dim], f64::from(stored[dim]));
        let z = (u - mean) / libm::exp(log_std);
        let half_ln_tau = 0.5 * libm::log(std::f64::consts::TAU);
        log_prob += -0.5 * z * z - log_std - half_ln_tau - libm::log(half) + 2.0 * ln_cosh(u);
        entropy += 0.5 + half_ln_tau + log_std + libm::log(half) - 2.0 * mean_ln_cosh(mean, libm::exp(log_std));
    }
    for (columns, choice) in [(2..6, stored[2]), (6..9, stored[3])] {
        let allowed: Vec<usize> = columns.clone().filter(|column| mask[column - 2] != 0.0).collect();
        let sum: f64 = allowed.iter().map(|&column| libm::exp(row[column])).sum();
        log_prob += row[columns.start + choice as usize] - libm::log(sum);
        entropy -= allowed.iter().map(|&c| libm::exp(row[c]) / sum * (row[c] - libm::log(sum))).sum::<f64>();
    }
    (log_prob, entropy)
}

fn ln_cosh(u: f64) -> f64 {
    u.abs() + libm::log1p(libm::exp(-2.0 * u.abs())) - std::f64::consts::LN_2
}

/// E[ln cosh(mean + std * normal)] by the trapezoidal rule.
fn mean_ln_cosh(mean: f64, std: f64) -> f64 {
    let step = 1.0 / 64.0;
    let points = (-640..=640).map(|i| f64::from(i) * step);
    let density = |x: f64| libm::exp(-0.5 * x * x) / libm::sqrt(std::f64::consts::TAU);
    points.map(|x| ln_cosh(mean + std * x) * density(x) * step).sum()
}

#[test]
fn log_prob_and_entropy_match_the_reference() {
    let (space, log_std) = (head(), [0.3f32, -1.2]);
    let batch = Batch::new(&space, 203, 1.5, 1);
    let (stored, _, _) = batch.sample(&space, &log_std);
    let (mut log_probs, mut entropies) = (vec![0.0; 203], vec![0.0; 203]);
    space.evaluate(batch.outputs(&log_std), &stored, &mut log_probs, &mut entropies);
    for row in 0..203 {
        let outputs: Vec<f64> = batch.head[row * 9..][..9].iter().map(|&x| x.into()).collect();
        let (log_prob, entropy) =
            reference(&outputs, &log_std.map(f64::from), &batch.masks[row * 7..][..7], &stored[row * 4..][..4]);
        assert!((f64::from(log_probs[row]) - log_prob).abs() < 1e-5 * log_prob.abs().max(1.0), "row {row}");
        assert!((f64::from(entropies[row]) - entropy).abs() < 2.4e-3, "row {row}: two dimensions of 0.0012 each");
    }
}

#[test]
fn entropy_of_an_action_is_right_for_every_mean_and_deviation() {
    let space = HybridHead::new(&[(-1.0, 1.0)], &[]).unwrap();
    for log_std in [-5.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0] {
        for mean in [0.0, 0.1, 0.4, 0.8, 1.3, 2.0, 3.0, 5.0, 9.0f32] {
            let outputs = HeadRows { head: &[mean, -mean], log_std: &[log_std], masks: None };
            let (mut log_probs, mut entropies) = ([0.0; 2], [0.0; 2]);
            space.evaluate(outputs, &[0.0; 2], &mut log_probs, &mut entropies);
            let gaussian = 0.5 + 0.5 * libm::log(std::f64::consts::TAU) + f64::from(log_std);
            let exact = gaussian - 2.0 * mean_ln_cosh(mean.into(), libm::exp(log_std.into()));
            assert!((f64::from(entropies[0]) - exact).abs() < 1.2e-3, "mean {mean}, log_std {log_std}");
            assert_eq!(entropies[0], entropies[1], "entropy is even in the mean");
        }
    }
}

#[test]
fn the_density_of_actions_integrates_to_one() {
    let space = HybridHead::new(&[(-2.0, 7.0)], &[]).unwrap();
    for (mean, log_std) in [(0.0, 0.0), (1.5, -1.0), (-0.7, 0.4)] {
        // Substituting a = action(u): the integral over actions of p(a) da, with da taken from `mode`.
        let grid: Vec<f32> = (0..=40_000).map(|i| -10.0 + i as f32 * 5e-4).collect();
        let mut actions = vec![0.0; grid.len()];
        space.mode(HeadRows { head: &grid, log_std: &[0.0], masks: None }, &mut actions);
        let head = vec![mean; grid.len()];
        let (mut log_probs, mut entropies) = (vec![0.0; grid.len()], vec![0.0; grid.len()]);
        space.evaluate(
            HeadRows { head: &head, log_std: &[log_std], masks: None },
            &grid,
            &mut log_probs,
            &mut entropies,
        );
        let density = |i: usize| libm::exp(f64::from(log_probs[i]));
        let integral: f64 =
            (1..grid.len()).map(|i| f64::from(actions[i] - actions[i - 1]) * 0.5 * (density(i) + density(i - 1))).sum();
        assert!((integral - 1.0).abs() < 2e-3, "{integral} at mean {mean}, log_std {log_std}");
    }
}

#[test]
fn sampling_reports_the_same_bits_as_evaluating() {
    let (space, log_std) = (head(), [0.8f32, -4.0]);
    let batch = Batch::new(&space, 77, 2.0, 2);
    let (stored, actions, sampled) = batch.sample(&space, &log_std);
    let (mut log_probs, mut entropies) = (vec![0.0; 77], vec![0.0; 77]);
    space.evaluate(batch.outputs(&log_std), &stored, &mut log_probs, &mut entropies);
    assert_eq!(sampled, log_probs);
    for row in 0..77 {
        assert!(actions[row * 4].abs() <= 5.0 && (-1.0..=3.0).contains(&actions[row * 4 + 1]));
        assert_eq!(actions[row * 4 + 2..][..2], stored[row * 4 + 2..][..2]);
    }
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    let (space, log_std) = (head(), [0.1f32, -0.3]);
    let batch = Batch::new(&space, 29, 1.0, 3);
    let (stored, actions, log_probs) = batch.sample(&space, &log_std);
    for row in 0..29 {
        let alone = Batch {
            head: batch.head[row * 9..][..9].to_vec(),
            masks: batch.masks[row * 7..][..7].to_vec(),
            normals: batch.normals[row * 2..][..2].to_vec(),
            uniforms: batch.uniforms[row * 2..][..2].to_vec(),
        };
        let (stored_alone, actions_alone, log_probs_alone) = alone.sample(&space, &log_std);
        assert_eq!(stored[row * 4..][..4], stored_alone);
        assert_eq!(actions[row * 4..][..4], actions_alone);
        assert_eq!(log_probs[row], log_probs_alone[0]);
    }
}

#[test]
fn gradients_match_finite_differences() {
    let (space, log_std, rows) = (head(), [0.4f32, -0.6], 13);
    let batch = Batch::new(&space, rows, 1.0, 4);
    let (stored, _, _) = batch.sample(&space, &log_std);
    let by_log_prob: Vec<f32> = (0..rows).map(|row| 1.0 - 0.3 * row as f32).collect();
    let by_entropy: Vec<f32> = (0..rows).map(|row| -0.5 + 0.2 * row as f32).collect();
    let (mut by_head, mut by_log_std) = (vec![0.0; rows * 9], vec![0.0; 2]);
    let by = (&by_log_prob[..], &by_entropy[..]);
    space.differentiate(batch.outputs(&log_std), &stored, by, &mut by_head, &mut by_log_std);

    let loss_of_row = |row: usize, outputs: &[f64], log_std: &[f64]| {
        let (log_prob, entropy) = reference(outputs, log_std, &batch.masks[row * 7..][..7], &stored[row * 4..][..4]);
        f64::from(by_log_prob[row]) * log_prob + f64::from(by_entropy[row]) * entropy
    };
    let outputs = |row: usize| -> Vec<f64> { batch.head[row * 9..][..9].iter().map(|&x| x.into()).collect() };
    let log_std = log_std.map(f64::from);
    for row in 0..rows {
        for column in 0..9 {
            let difference = central(|h| {
                let mut outputs = outputs(row);
                outputs[column] += h;
                loss_of_row(row, &outputs, &log_std)
            });
            // The entropy of a continuous dimension is an approximation with a gradient of its own, off by up to 0.005.
            let tolerance = if column < 2 { 0.012 * f64::from(by_entropy[row]).abs() + 1e-5 } else { 1e-5 };
            let found = f64::from(by_head[row * 9 + column]);
            assert!((found - difference).abs() < tolerance, "row {row}, column {column}: {found}, not {difference}");
        }
    }
    for dim in 0..2 {
        let difference = central(|h| {
            let mut log_std = log_std;
            log_std[dim] += h;
            (0..rows).map(|row| loss_of_row(row, &outputs(row), &log_std)).sum()
        });
        assert!((f64::from(by_log_std[dim]) - difference).abs() < 0.05, "{}, not {difference}", by_log_std[dim]);
    }
}

/// The gradient must be that of the approximate entropy itself, or an optimiser would chase a loss nobody reports.
#[test]
fn the_gradient_of_the_reported_entropy_is_exact() {
    let space = HybridHead::new(&[(-1.0, 1.0)], &[]).unwrap();
    let entropy = |mean: f32, log_std: f32| {
        let (mut log_probs, mut entropies) = ([0.0], [0.0]);
        space.evaluate(
            HeadRows { head: &[mean], log_std: &[log_std], masks: None },
            &[0.0],
            &mut log_probs,
            &mut entropies,
        );
        f64::from(entropies[0])
    };
    for mean in [-3.0f32, -0.9, -0.1, 0.0, 0.2, 0.7, 1.6, 4.0] {
        for log_std in [-3.0f32, -1.0, 0.0, 0.9] {
            let (mut by_head, mut by_log_std) = ([0.0], [0.0]);
            let outputs = HeadRows { head: &[mean], log_std: &[log_std], masks: None };
            space.differentiate(outputs, &[0.0], (&[0.0], &[1.0]), &mut by_head, &mut by_log_std);
            let h = 1.0 / 64.0;
            let by_mean = (entropy(mean + h, log_std) - entropy(mean - h, log_std)) / (2.0 * f64::from(h));
            let by_deviation = (entropy(mean, log_std + h) - entropy(mean, log_std - h)) / (2.0 * f64::from(h));
            assert!((f64::from(by_head[0]) - by_mean).abs() < 1e-3, "mean {mean}, log_std {log_std}");
            assert!((f64::from(by_log_std[0]) - by_deviation).abs() < 1e-3, "mean {mean}, log_std {log_std}");
        }
    }
}

fn central(f: impl Fn(f64) -> f64) -> f64 {
    (f(1e-4) - f(-1e-4)) / 2e-4
}

#[test]
fn draws_have_the_frequencies_of_the_softmax_and_never_a_forbidden_choice() {
    let space = HybridHead::new(&[], &[4]).unwrap();
    let draws = 40_000;
    let logits = [libm::logf(1.0), libm::logf(2.0), libm::logf(50.0), libm::logf(5.0)];
    let head: Vec<f32> = logits.iter().copied().cycle().take(4 * draws).collect();
    let masks: Vec<f32> = [1.0, 1.0, 0.0, 1.0].into_iter().cycle().take(4 * draws).collect();
    let uniforms: Vec<f32> = (0..draws).map(|i| (i as f32 + 0.5) / draws as f32).collect();
    let (mut stored, mut actions, mut log_probs) = (vec![0.0; draws], vec![0.0; draws], vec![0.0; draws]);
    let outputs = HeadRows { head: &head, log_std: &[], masks: Some(&masks) };
    space.sample(outputs, Noise { normals: &[], uniforms: &uniforms }, &mut stored, &mut actions, &mut log_probs);
    for (choice, share) in [1.0 / 8.0, 2.0 / 8.0, 0.0, 5.0 / 8.0].into_iter().enumerate() {
        let count = stored.iter().filter(|&&drawn| drawn == choice as f32).count();
        assert!((count as f64 - share * draws as f64).abs() <= 2.0, "{count} draws of choice {choice}");
    }
    let ends = HeadRows { head: &head[..8], log_std: &[], masks: Some(&[0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]) };
    let noise = Noise { normals: &[], uniforms: &[0.0, 1.0] };
    space.sample(ends, noise, &mut stored[..2], &mut actions[..2], &mut log_probs[..2]);
    assert_eq!(stored[..2], [1.0, 2.0]);
}

#[test]
fn the_mode_is_the_first_best_allowed_choice_and_the_squashed_mean() {
    let space = HybridHead::new(&[(-4.0, 2.0)], &[3]).unwrap();
    let head = [0.0, 1.0, 7.0, 7.0, 0.5, f32::NEG_INFINITY, -3.0, -9.0];
    let mut actions = [9.0; 4];
    space.mode(HeadRows { head: &head, log_std: &[0.0], masks: None }, &mut actions);
    assert_eq!(actions[..2], [-1.0, 1.0]);
    assert!((f64::from(actions[2]) - (-1.0 + 3.0 * libm::tanh(0.5))).abs() < 1e-6);
    assert_eq!(actions[3], 1.0);
    let masks = Some(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0][..]);
    space.mode(HeadRows { head: &head, log_std: &[0.0], masks }, &mut actions);
    assert_eq!([actions[1], actions[3]], [2.0, 2.0]);
}

#[test]
fn an_overshot_log_std_can_only_come_back() {
    let space = HybridHead::new(&[(-1.0, 1.0)], &[]).unwrap();
    // u at the mean: ln p falls with log_std; u far out: it rises.
    let gradient = |log_std: f32, stored: &[f32]| {
        let head = vec![0.0; stored.len()];
        let (ones, zeros) = (vec![1.0; stored.len()], vec![0.0; stored.len()]);
        let (mut by_head, mut by_log_std) = (zeros.clone(), [0.0]);
        let outputs = HeadRows { head: &head, log_std: &[log_std], masks: None };
        space.differentiate(outputs, stored, (&ones, &zeros), &mut by_head, &mut by_log_std);
        by_log_std[0]
    };
    let (raises, lowers) = (0.0, 9.0);
    assert!(gradient(1.0, &[raises]) < 0.0 && gradient(1.0, &[lowers]) > 0.0);
    assert!(gradient(1.1, &[raises]) == 0.0 && gradient(1.1, &[lowers]) > 0.0);
    assert!(gradient(-5.1, &[raises]) < 0.0 && gradient(-5.1, &[lowers]) == 0.0);
    assert_eq!(gradient(1.1, &[raises, lowers]), gradient(1.1, &[lowers]));
    assert_eq!(gradient(7.0, &[lowers]), gradient(1.1, &[lowers]), "beyond the limit the deviation stays");
}

#[test]
fn extreme_outputs_stay_finite() {
    let space = HybridHead::new(&[(-1.0, 1.0)], &[3]).unwrap();
    let rows = [
        [1e4, f32::NEG_INFINITY, 0.0, 0.0],
        [-300.0, 1e30, -1e30, 0.0],
        [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY],
        [1e-30, 3e4, 3e4, 2e4],
    ];
    let head = rows.concat();
    for log_std in [-90.0, -5.0, 1.0, 90.0] {
        let outputs = HeadRows { head: &head, log_std: &[log_std], masks: None };
        let noise = Noise { normals: &[4.0, -4.0, 0.0, 1.0], uniforms: &[0.0, 0.5, 0.99, 0.3] };
        let (mut stored, mut actions, mut log_probs) = ([0.0; 8], [0.0; 8], [0.0; 4]);
        space.sample(outputs, noise, &mut stored, &mut actions, &mut log_probs);
        let (mut by_head, mut by_log_std, mut entropies) = ([0.0; 16], [0.0], [0.0; 4]);
        space.evaluate(outputs, &stored, &mut log_probs, &mut entropies);
        space.differentiate(outputs, &stored, (&[1.0; 4], &[1.0; 4]), &mut by_head, &mut by_log_std);
        for number in [&stored[..], &actions, &log_probs, &entropies, &by_head, &by_log_std].concat() {
            assert!(number.is_finite(), "log_std {log_std}");
        }
        assert_eq!([stored[1], stored[3]], [1.0, 0.0], "no weight on forbidden or hopeless choices");
    }
}

#[test]
fn impossible_action_spaces_are_refused() {
    assert!(HybridHead::new(&[], &[]).is_err());
    assert!(HybridHead::new(&[(0.0, 1.0)], &[2, 0]).is_err());
    for bounds in [(1.0, 1.0), (2.0, 1.0), (f32::NAN, 1.0), (0.0, f32::INFINITY), (0.0, 1e-45)] {
        let error = HybridHead::new(&[(-1.0, 1.0), bounds], &[]).unwrap_err();
        assert!(error.to_string().contains("dimension 1"), "{error}");
    }
    assert!(HybridHead::new(&[(f32::MIN, f32::MAX)], &[]).is_ok());
}

/// Three settings of each of two dimensions, and a choice of two.
fn grid() -> HybridHead {
    HybridHead::with_bins(&[(-5.0, 5.0), (-1.0, 3.0)], &[2], 3).unwrap()
}

#[test]
fn on_a_grid_the_continuous_dimensions_are_one_choice() {
    let space = grid();
    assert_eq!((space.continuous(), space.choices(), space.head()), (0, vec![9, 2], 11));
    assert_eq!((space.action(), space.stored()), (3, 2));
    // Logits that make each point the best in turn.
    let rows: Vec<f32> =
        (0..9).flat_map(|point| (0..11).map(move |logit| f32::from(u8::from(logit == point)))).collect();
    let mut actions = vec![0.0; 9 * 3];
    space.mode(HeadRows { head: &rows, log_std: &[], masks: None }, &mut actions);
    let settings: Vec<(f32, f32)> = actions.chunks_exact(3).map(|row| (row[0], row[1])).collect();
    let expected: Vec<(f32, f32)> =
        [-5.0, 0.0, 5.0].into_iter().flat_map(|x| [-1.0, 1.0, 3.0].map(|y| (x, y))).collect();
    assert_eq!(settings, expected);
}

#[test]
fn what_a_grid_draws_is_what_it_stores() {
    let space = grid();
    let rows = 203;
    let batch = Batch::new(&space, rows, 1.5, 6);
    let (mut stored, mut actions) = (vec![0.0; rows * 2], vec![0.0; rows * 3]);
    let mut log_probs = vec![0.0; rows];
    let outputs = HeadRows { head: &batch.head, log_std: &[], masks: None };
    let noise = Noise { normals: &batch.normals, uniforms: &batch.uniforms };
    space.sample(outputs, noise, &mut stored, &mut actions, &mut log_probs);
    let mut again = vec![0.0; rows * 2];
    space.unsquash(&actions, &mut again);
    assert_eq!(stored, again);
    assert!((0..9).all(|point| stored.chunks_exact(2).any(|row| row[0] == point as f32)), "every point is drawn");
    let (mut evaluated, mut entropies) = (vec![0.0; rows], vec![0.0; rows]);
    space.evaluate(outputs, &stored, &mut evaluated, &mut entropies);
    assert_eq!(log_probs, evaluated);
}

#[test]
fn an_action_between_the_points_is_taken_as_the_nearest() {
    let mut stored = vec![0.0; 3 * 2];
    grid().unsquash(&[-2.4, 0.1, 1.0, 9.0, -7.0, 0.0, 2.6, 2.1, 1.0], &mut stored);
    assert_eq!(stored, [4.0, 1.0, 6.0, 0.0, 8.0, 1.0]);
}

#[test]
fn grids_that_make_no_sense_are_refused() {
    let message = |bounds: &[(f32, f32)], bins| HybridHead::with_bins(bounds, &[2], bins).unwrap_err().to_string();
    assert!(message(&[(0.0, 1.0)], 1).contains("1 settings"));
    assert!(message(&[(0.0, 1.0); 9], 3).contains("more than 4096"));
    assert!(message(&[(1.0, 0.0)], 3).contains("bounds 1 to 0"));
    assert_eq!(HybridHead::with_bins(&[], &[2], 3).unwrap(), HybridHead::new(&[], &[2]).unwrap());
    assert_eq!(HybridHead::with_bins(&[(0.0, 1.0)], &[2], 0).unwrap(), HybridHead::new(&[(0.0, 1.0)], &[2]).unwrap());
}
