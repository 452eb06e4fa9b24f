//! The acting network against f64, its promises on bits, and what it refuses.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const OBSERVATION: usize = 5;
const HIDDEN: usize = 20;

fn shape(activation: Activation) -> ActorShape {
    ActorShape { observation: OBSERVATION, hidden: HIDDEN, activation, continuous: 2, discrete: vec![4] }
}

fn noise(len: usize, seed: usize) -> Vec<f32> {
    let number = |i: usize| ((i + 1) as f64 * 0.754_877_666 + seed as f64 * 0.569_840_29).fract() * 2.0 - 1.0;
    (0..len).map(|i| number(i) as f32).collect()
}

fn tensors(shape: &ActorShape) -> Vec<NamedTensor> {
    let mut tensors = Vec::new();
    for (index, (inputs, outputs)) in shape.layers().into_iter().enumerate() {
        let weight = noise(inputs * outputs, 2 * index);
        tensors.push(tensor(format!("actor.{index}.weight"), &[inputs, outputs], weight));
        tensors.push(tensor(format!("actor.{index}.bias"), &[outputs], noise(outputs, 2 * index + 1)));
    }
    tensors.push(tensor("actor.log_std".to_owned(), &[shape.continuous], vec![-0.5; shape.continuous]));
    tensors.push(tensor("normaliser.mean".to_owned(), &[shape.observation], noise(shape.observation, 8)));
    let std = noise(shape.observation, 9).iter().map(|x| x.abs() + 0.1).collect();
    tensors.push(tensor("normaliser.std".to_owned(), &[shape.observation], std));
    tensors
}

fn network(activation: Activation) -> Network {
    Network::from_tensors(shape(activation), &tensors(&shape(activation))).unwrap()
}

fn head_of(network: &Network, rows: &[f32]) -> Vec<u32> {
    let mut head = vec![0.0; rows.len() / OBSERVATION * network.shape.head()];
    network.forward(rows, &mut head, &mut Scratch::default());
    head.iter().map(|x| x.to_bits()).collect()
}

/// The same network in f64, layer by layer.
fn in_f64(tensors: &[NamedTensor], activation: Activation, row: &[f32]) -> Vec<f64> {
    let get = |name: &str| &tensors.iter().find(|tensor| tensor.name == name).unwrap().data;
    let (mean, std) = (get("normaliser.mean"), get("normaliser.std"));
    let normalised = |i: usize| f64::from((row[i] - mean[i]) / std[i]).clamp(-10.0, 10.0);
    let mut x: Vec<f64> = (0..row.len()).map(normalised).collect();
    for layer in 0..3 {
        let (weight, bias) = (get(&format!("actor.{layer}.weight")), get(&format!("actor.{layer}.bias")));
        let z = |j: usize| {
            let terms = x.iter().enumerate().map(|(i, x)| x * f64::from(weight[i * bias.len() + j]));
            f64::from(bias[j]) + terms.sum::<f64>()
        };
        x = (0..bias.len())
            .map(|j| match activation {
                _ if layer == 2 => z(j),
                Activation::Relu => z(j).max(0.0),
                Activation::Tanh => libm::tanh(z(j)),
            })
            .collect();
    }
    x
}

#[test]
fn the_head_agrees_with_f64() {
    for activation in [Activation::Relu, Activation::Tanh] {
        let rows = noise(70 * OBSERVATION, 20);
        let heads = head_of(&network(activation), &rows);
        for (row, head) in rows.chunks(OBSERVATION).zip(heads.chunks(6)) {
            for (found, expected) in head.iter().zip(in_f64(&tensors(&shape(activation)), activation, row)) {
                let found = f64::from(f32::from_bits(*found));
                assert!((found - expected).abs() < 2e-5, "{activation:?}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_any_batch_and_place() {
    let network = network(Activation::Tanh);
    let rows = noise(150 * OBSERVATION, 20);
    let heads = head_of(&network, &rows);
    for (start, end) in [(0, 1), (3, 4), (149, 150), (10, 18), (60, 131), (1, 150)] {
        let part = head_of(&network, &rows[start * OBSERVATION..end * OBSERVATION]);
        assert_eq!(part, heads[start * 6..end * 6], "rows {start}..{end}");
    }
}

#[test]
fn every_instruction_set_acts_the_same() {
    for activation in [Activation::Relu, Activation::Tanh] {
        let (network, rows) = (network(activation), noise(75 * OBSERVATION, 20));
        let expected = head_of(&network, &rows);
        assert!(Isa::available().all(|isa| head_of(&network.clone().with_isa(isa), &rows) == expected));
    }
}

#[test]
fn normalising_beforehand_changes_nothing() {
    let network = network(Activation::Relu);
    let rows: Vec<f32> = noise(70 * OBSERVATION, 20).iter().map(|x| x * 30.0).collect();
    let (mut normalised, mut head) = (vec![0.0; rows.len()], vec![0.0; 70 * 6]);
    network.normalise(&rows, &mut normalised);
    assert!(normalised.iter().all(|x| x.abs() <= OBSERVATION_CLIP));
    assert!(normalised.contains(&OBSERVATION_CLIP), "the rows reach beyond the clip");
    network.forward_normalised(&normalised, &mut head, &mut Scratch::default());
    assert_eq!(head.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), head_of(&network, &rows));
}

#[test]
fn a_warm_scratch_is_not_allocated_again() {
    let (network, rows) = (network(Activation::Relu), noise(200 * OBSERVATION, 20));
    let (mut head, mut scratch) = (vec![0.0; 200 * 6], Scratch::default());
    let places = |scratch: &Scratch| {
        let [first, second] = &scratch.hidden;
        [scratch.normalised.as_ptr(), first.as_ptr(), second.as_ptr(), scratch.head.as_ptr()]
    };
    network.forward(&rows, &mut head, &mut scratch);
    let before = places(&scratch);
    for batch in [1, 8, 100, 200] {
        network.forward(&rows[..batch * OBSERVATION], &mut head[..batch * 6], &mut scratch);
    }
    assert_eq!(places(&scratch), before);
}

#[test]
fn tensors_make_the_same_network_again() {
    let network = network(Activation::Tanh);
    assert_eq!(network.tensors(), tensors(network.shape()));
    let again = Network::from_tensors(network.shape().clone(), &network.tensors()).unwrap();
    let rows = noise(9 * OBSERVATION, 20);
    assert_eq!(head_of(&again, &rows), head_of(&network, &rows));
}

#[test]
fn bad_tensors_are_refused_by_name() {
    type Damage = fn(&mut Vec<NamedTensor>);
    let cases: [(Damage, &str); 9] = [
        (|t| drop(t.remove(0)), "tensor `actor.0.weight` is missing"),
        (|t| t.push(t[1].clone()), "tensor `actor.0.bias` is there more than once"),
        (|t| t[2].shape = vec![HIDDEN, HIDDEN + 1], "tensor `actor.1.weight` has shape [20, 21], expected [20, 20]"),
        (|t| t[2].data.truncate(399), "tensor `actor.1.weight` has 399 numbers for shape [20, 20]"),
        (|t| t[3].data[7] = f32::NAN, "tensor `actor.1.bias` is NaN at 7"),
        (|t| t[6].data[1] = f32::INFINITY, "tensor `actor.log_std` is inf at 1"),
        (
            |t| t[0].name = "actor.0.weights".to_owned(),
            "unexpected tensor `actor.0.weights`; did you mean `actor.0.weight`?",
        ),
        (|t| t[8].data[3] = 0.0, "`normaliser.std` is 0 at 3, not a positive number"),
        (|t| t[8].data[2] = 1e-40, "`normaliser.std` is 0.0000000000000000000000000000000000000001 at 2"),
    ];
    let shape = shape(Activation::Relu);
    for (damage, message) in cases {
        let mut tensors = tensors(&shape);
        damage(&mut tensors);
        let error = Network::from_tensors(shape.clone(), &tensors).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}\nexpected {message}");
    }
}

#[test]
fn impossible_shapes_are_refused() {
    let good = shape(Activation::Relu);
    let cases = [
        (ActorShape { observation: 0, ..good.clone() }, "a network's observation has 0 numbers"),
        (
            ActorShape { hidden: usize::MAX, ..good.clone() },
            "a network's hidden layer has 18446744073709551615 numbers",
        ),
        (ActorShape { continuous: 0, discrete: vec![], ..good.clone() }, "a network's head has 0 numbers"),
        (ActorShape { discrete: vec![usize::MAX, 2], ..good.clone() }, "a network's head has 18446744073709551615"),
        (ActorShape { discrete: vec![3, 0], ..good.clone() }, "discrete action dimension 1 has no choices"),
    ];
    for (shape, message) in cases {
        let error = Network::from_tensors(shape, &tensors(&good)).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}\nexpected {message}");
    }
}

#[test]
fn training_that_diverged_is_taken_as_it_is() {
    let shape = shape(Activation::Relu);
    let mut tensors = tensors(&shape);
    tensors[4].data[0] = f32::NAN;
    let network = Network::from_training(shape, &tensors).unwrap();
    let head = head_of(&network, &[0.1; OBSERVATION]);
    assert!(f32::from_bits(head[0]).is_nan());
}

/// Tensors of a team of three with layers of their own, and those of its members.
fn team_of_three() -> (ActorShape, Vec<NamedTensor>, Vec<Vec<NamedTensor>>) {
    let shape = ActorShape { observation: 3, hidden: 5, activation: Activation::Tanh, continuous: 2, discrete: vec![] };
    let filled = |name: String, sizes: &[usize], salt: usize| {
        let data = (0..sizes.iter().product()).map(|i| ((i * 7919 + 31 * salt) % 211) as f32 / 100.0 - 1.0).collect();
        NamedTensor { name, shape: sizes.to_vec(), data }
    };
    let common = [("actor.log_std", 2, 0.5), ("normaliser.mean", 3, 0.25), ("normaliser.std", 3, 2.0)];
    let common = common.map(|(name, len, x)| NamedTensor { name: name.into(), shape: vec![len], data: vec![x; len] });
    let layers = |prefix: &str, member: usize| -> Vec<NamedTensor> {
        let each = shape.layers().into_iter().enumerate().flat_map(|(index, (inputs, outputs))| {
            let weight = filled(format!("{prefix}actor.{index}.weight"), &[inputs, outputs], 7 * member + index);
            [weight, filled(format!("{prefix}actor.{index}.bias"), &[outputs], 11 * member + index)]
        });
        each.collect()
    };
    let members = (0..3).map(|member| [layers("", member), common.to_vec()].concat()).collect();
    let own: Vec<NamedTensor> = (0..3).flat_map(|member| layers(&format!("agent{member}."), member)).collect();
    (shape, [own, common.to_vec()].concat(), members)
}

#[test]
fn each_place_in_a_team_has_layers_of_its_own() {
    let (shape, tensors, members) = team_of_three();
    let team = Network::for_team(shape.clone(), Team::Each(3), &tensors).unwrap();
    assert_eq!(team.tensors(), tensors);
    let rows: Vec<f32> = (0..3 * 70 * 3).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let mut head = vec![0.0; 3 * 70 * 2];
    team.forward(&rows, &mut head, &mut Scratch::default());
    for (place, tensors) in members.iter().enumerate() {
        let member = Network::from_tensors(shape.clone(), tensors).unwrap();
        let own: Vec<f32> = rows.chunks(3).skip(place).step_by(3).flatten().copied().collect();
        let mut expected = vec![0.0; 70 * 2];
        member.forward(&own, &mut expected, &mut Scratch::default());
        let found: Vec<f32> = head.chunks(2).skip(place).step_by(3).flatten().copied().collect();
        assert_eq!(found, expected, "place {place}");
    }
}

#[test]
fn a_team_that_is_not_there_is_refused() {
    let (shape, tensors, _) = team_of_three();
    for team in [Team::Any, Team::Each(0), Team::Each(2), Team::Each(4), Team::Whole(0), Team::Each(usize::MAX)] {
        assert!(Network::for_team(shape.clone(), team, &tensors).is_err(), "{team:?}");
    }
}
