//! Acting: a forward pass of the network that `jamming/skirmish` is trained with, from observations to the numbers that actions
//! are drawn from, the normalisation of the observations included.

use super::{Figure, Meter, Unit, Work, training::Recipe};
use crate::{
    error::Result,
    policy::{
        network::{ActorShape, Network, Scratch},
        tensor::NamedTensor,
    },
};

pub(super) fn figures() -> Vec<Figure> {
    let act = |name, batch: usize, per: usize, bars| {
        let of = move |whole: f64| whole / per as f64;
        let work = move || Ok(forward(&shape()?) * of(batch as f64));
        Figure::new(name, Unit::Micros, bars, work, move || Ok(1e6 * of(seconds(&network(shape()?)?, batch))))
    };
    vec![
        act("act_b1_us", 1, 1, [0.10, 0.38]),
        act("act_b8_us", 8, 1, [0.24, 0.70]),
        act("act_b4096_row_us", 4096, 4096, [0.30, 0.70]),
    ]
}

/// Sizes of that network.
pub(super) fn shape() -> Result<ActorShape> {
    Ok(Recipe::of("jamming/skirmish")?.architecture().actor())
}

/// What a forward pass for one agent takes.
pub(super) fn forward(shape: &ActorShape) -> Work {
    let products: usize = shape.layers().iter().map(|(inputs, outputs)| inputs * outputs).sum();
    Work { flops_f32: 2.0 * products as f64, ..Work::default() }
}

/// CPU seconds of a forward pass over `batch` observations.
fn seconds(network: &Network, batch: usize) -> f64 {
    let rows = observations(network.shape(), batch);
    let mut head = vec![0.0; batch * network.shape().head()];
    let mut scratch = Scratch::default();
    Meter::default().seconds(|| network.forward(&rows, std::hint::black_box(&mut head), &mut scratch))
}

/// Observations of so many agents.
pub(super) fn observations(shape: &ActorShape, batch: usize) -> Vec<f32> {
    numbers().take(batch * shape.observation).collect()
}

/// A network of this shape with weights of the usual size.
pub(super) fn network(shape: ActorShape) -> Result<Network> {
    let mut numbers = numbers();
    let mut tensor = |name: String, sizes: &[usize]| {
        // About the size that training leaves: outputs of a layer are of order one.
        let scale = 2.0 / (sizes[0] as f32).sqrt();
        let data = numbers.by_ref().take(sizes.iter().product()).map(|x| scale * x).collect();
        NamedTensor { name, shape: sizes.to_vec(), data }
    };
    let mut tensors = Vec::new();
    for (index, (inputs, outputs)) in shape.layers().into_iter().enumerate() {
        tensors.push(tensor(format!("actor.{index}.weight"), &[inputs, outputs]));
        tensors.push(tensor(format!("actor.{index}.bias"), &[outputs]));
    }
    tensors.push(tensor("actor.log_std".to_owned(), &[shape.continuous]));
    tensors.push(tensor("normaliser.mean".to_owned(), &[shape.observation]));
    let ones = vec![1.0; shape.observation];
    tensors.push(NamedTensor { name: "normaliser.std".to_owned(), shape: vec![shape.observation], data: ones });
    Network::from_tensors(shape, &tensors)
}

/// Numbers that scatter over -0.5..0.5 without any pattern that a cache or a branch could learn.
fn numbers() -> impl Iterator<Item = f32> {
    let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), step).map(|state| (state >> 8) as f32 / 16_777_216.0 - 0.5)
}
