//! What a pass computes, against plain sums and finite differences.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::learn::nets::optimiser::{Optimiser, Step};

const ROWS: usize = 7;

fn shape(last: Option<Activation>) -> MlpShape {
    MlpShape { sizes: vec![5, 19, 33, 3], hidden: Activation::Tanh, last }
}

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), step).skip(1).take(count).map(|x| (x >> 8) as f32 / 8_388_608.0 - 1.0).collect()
}

/// Sum over rows of weights times outputs, and the network's own gradients of it.
fn loss(mlp: &Mlp, x: &[f32], weights: &[f32]) -> f64 {
    let mut pass = Pass::default();
    mlp.forward(View { data: x, stride: 5 }, ROWS, &mut pass);
    let outputs = pass.output(3).take(ROWS).flatten();
    outputs.zip(weights).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum()
}

fn gradients(mlp: &Mlp, x: &[f32], weights: &[f32], columns: Range<usize>) -> (Vec<f32>, Vec<f32>) {
    let (mut pass, mut gradient) = (Pass::default(), vec![0.0; mlp.len()]);
    let x = View { data: x, stride: 5 };
    mlp.forward(x, ROWS, &mut pass);
    let (_, by_output) = pass.output_gradient(3, ROWS);
    for (row, weights) in by_output.chunks_mut(stride(3)).zip(weights.chunks(3)) {
        row[..3].copy_from_slice(weights);
    }
    mlp.backward(x, ROWS, &mut pass, Some(&mut gradient));
    let to_stride = input_stride(columns.len());
    let mut by_input = vec![0.0; ROWS * to_stride];
    let width = columns.len();
    mlp.backward_input(ROWS, columns, &pass, &mut by_input, to_stride);
    (gradient, by_input.chunks(to_stride).flat_map(|row| row[..width].to_vec()).collect())
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for last in [None, Some(Activation::Tanh)] {
        let mlp = Mlp::new(shape(last), 1.0, 3, 0).unwrap();
        let (x, weights) = (numbers(ROWS * 5, 1), numbers(ROWS * 3, 2));
        let (gradient, by_input) = gradients(&mlp, &x, &weights, 0..5);
        let slope = |plus: f64, minus: f64| (plus - minus) / 2e-2;
        for (at, found) in gradient.iter().enumerate() {
            let moved = |by: f32| {
                let mut mlp = mlp.clone();
                mlp.parameters[at] += by;
                loss(&mlp, &x, &weights)
            };
            if mlp.parameters[at] != 0.0 || *found != 0.0 {
                let expected = slope(moved(1e-2), moved(-1e-2));
                assert!((f64::from(*found) - expected).abs() < 4e-3, "{at}: {found} {expected}");
            }
        }
        for at in 0..x.len() {
            let moved = |by: f32| {
                let mut x = x.clone();
                x[at] += by;
                loss(&mlp, &x, &weights)
            };
            let expected = slope(moved(1e-2), moved(-1e-2));
            assert!((f64::from(by_input[at]) - expected).abs() < 4e-3, "{at}: {} {expected}", by_input[at]);
        }
    }
}

#[test]
fn some_columns_of_an_input_gradient_are_those_of_the_whole() {
    let mlp = Mlp::new(shape(None), 1.0, 3, 0).unwrap();
    let (x, weights) = (numbers(ROWS * 5, 1), numbers(ROWS * 3, 2));
    let whole = gradients(&mlp, &x, &weights, 0..5).1;
    let some = gradients(&mlp, &x, &weights, 3..5).1;
    let expected: Vec<f32> = whole.chunks(5).flat_map(|row| row[3..].to_vec()).collect();
    assert_eq!(some, expected);
}

#[test]
fn a_row_does_not_know_its_neighbours() {
    let mlp = Mlp::new(shape(Some(Activation::Relu)), 1.0, 3, 0).unwrap();
    let x = numbers(ROWS * 5, 1);
    let mut pass = Pass::default();
    mlp.forward(View { data: &x, stride: 5 }, ROWS, &mut pass);
    let together: Vec<f32> = pass.output(3).take(ROWS).flatten().copied().collect();
    let mut alone: Vec<f32> = Vec::new();
    for row in x.chunks(5) {
        mlp.forward(View { data: row, stride: 5 }, 1, &mut pass);
        alone.extend(pass.output(3).take(1).flatten());
    }
    assert_eq!(together, alone);
}

#[test]
fn a_target_goes_its_share_of_the_way() {
    let source = Mlp::new(shape(None), 1.0, 1, 0).unwrap();
    let start = Mlp::new(shape(None), 1.0, 2, 0).unwrap();
    let mut target = start.clone();
    target.blend(&source, 0.25);
    for ((target, start), source) in target.parameters.iter().zip(&*start.parameters).zip(&*source.parameters) {
        assert!((target - (0.75 * start + 0.25 * source)).abs() < 1e-6);
    }
    target.blend(&source, 1.0);
    assert!(target.parameters.iter().zip(&*source.parameters).all(|(a, b)| (a - b).abs() < 1e-6));
}

/// Adam moves each parameter by about the learning rate at first, whatever the gradient's size.
#[test]
fn a_step_goes_downhill_by_the_learning_rate_and_is_resumed_with_its_bits() {
    let step = Step { learning_rate: 1e-3, adam_eps: 1e-8, max_grad_norm: 0.5 };
    let mut mlp = Mlp::new(shape(None), 1.0, 1, 0).unwrap();
    let (x, weights) = (numbers(ROWS * 5, 1), numbers(ROWS * 3, 2));
    let mut optimiser = Optimiser::new(mlp.len());
    let before = mlp.clone();
    let gradient = gradients(&mlp, &x, &weights, 0..1).0;
    let norm = optimiser.follow([&mut mlp], &gradient, step);
    let expected = gradient.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    assert!((f64::from(norm) - expected).abs() < 1e-4);
    for ((after, before), slope) in mlp.parameters.iter().zip(&*before.parameters).zip(&gradient) {
        let expected = if slope.abs() > 1e-3 { -1e-3 * slope.signum() } else { 0.0 };
        assert!((after - before - expected).abs() < 1.1e-3 && (slope.abs() < 1e-3 || (after - before) * slope < 0.0));
    }
    let mut again = before.clone();
    again.load(&mlp.tensors("x."), "x.").unwrap();
    let mut resumed = Optimiser::new(mlp.len());
    let saved = optimiser.tensors(&[("y.", &mlp)], "adam.");
    resumed.load(&[("y.", &again)], &saved, "adam.").unwrap();
    optimiser.follow([&mut mlp], &gradient, step);
    resumed.follow([&mut again], &gradient, step);
    assert_eq!(*mlp.parameters, *again.parameters);
    for (turned, again) in mlp.turned.iter().zip(&again.turned) {
        assert_eq!(**turned, **again);
    }
}

#[test]
fn a_gradient_that_is_not_finite_is_not_followed() {
    let mut mlp = Mlp::new(shape(None), 1.0, 1, 0).unwrap();
    let before = mlp.clone();
    let mut gradient = vec![0.0; mlp.len()];
    gradient[4] = f32::NAN;
    let step = Step { learning_rate: 1e-3, adam_eps: 1e-8, max_grad_norm: 0.5 };
    assert!(!Optimiser::new(mlp.len()).follow([&mut mlp], &gradient, step).is_finite());
    assert_eq!(*mlp.parameters, *before.parameters);
}

#[test]
fn impossible_sizes_are_refused() {
    for sizes in [vec![], vec![3], vec![3, 0], vec![70_000, 2]] {
        let shape = MlpShape { sizes, hidden: Activation::Relu, last: None };
        assert_eq!(Mlp::new(shape, 1.0, 1, 0).unwrap_err().exit_code(), 2);
    }
}
