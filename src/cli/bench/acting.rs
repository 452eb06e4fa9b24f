//! Acting: a forward pass of the policy's network, 5 numbers in, two layers of 128, 6 numbers out, tanh, the
//! normalisation of the observations included.

use super::{Figure, Meter};
use crate::{
    error::Result,
    policy::{
        network::{Activation, ActorShape, Network, Scratch},
        tensor::NamedTensor,
    },
};

pub(super) fn figures() -> Vec<Figure> {
    let act = |name, batch: usize, per: usize, must, aim| {
        Figure::micros(name, must, aim, move || Ok(1e6 * seconds(batch)? / per as f64))
    };
    vec![
        act("act_b1_us", 1, 1, 3.0, 0.8).peer(9.04, "libtorch 2.13 from C++"),
        act("act_b8_us", 8, 1, 10.0, 3.5).peer(17.9, "libtorch 2.13 from C++"),
        act("act_b4096_row_us", 4096, 4096, 1.0, 0.45).peer(1.13, "torch 2.13"),
    ]
}

/// CPU seconds of a forward pass over `batch` observations.
fn seconds(batch: usize) -> Result<f64> {
    let shape =
        ActorShape { observation: 5, hidden: 128, activation: Activation::Tanh, continuous: 2, discrete: vec![4] };
    let network = network(shape.clone())?;
    let rows: Vec<f32> = numbers().take(batch * shape.observation).collect();
    let mut head = vec![0.0; batch * shape.head()];
    let mut scratch = Scratch::default();
    Ok(Meter::default().seconds(|| network.forward(&rows, std::hint::black_box(&mut head), &mut scratch)))
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
