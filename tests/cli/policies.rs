//! Shared policies to evaluate, made of random weights.

use std::path::Path;

use agon::{
    domains::Scenario,
    policy::{
        card::{self, Actions, Card},
        network::{Activation, Network, Team},
        tensor::NamedTensor,
    },
};

/// Writes a policy for the agents of a scenario, changed by `set`, into `folder`.
pub(crate) fn write(folder: &Path, scenario: &str, set: &[(&str, &str)]) {
    let card = card_for(scenario, set);
    let network = Network::from_tensors(card.shape(), &weights(&card)).unwrap();
    assert!(card::save(folder, &network, &card).unwrap().is_promised());
}

/// The card of such a policy.
pub(crate) fn card_for(scenario: &str, set: &[(&str, &str)]) -> Card {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/jamming/{scenario}.ron"));
    let mut scenario = Scenario::parse_bytes(&std::fs::read(&path).unwrap(), &path).unwrap();
    set.iter().for_each(|(name, value)| scenario.set(name, value).unwrap());
    let domain = scenario.domain.domain();
    let group = domain.spec(scenario.max_steps).groups.remove(0);
    Card {
        version: card::VERSION,
        name: "untrained".to_owned(),
        domain: domain.id().to_owned(),
        scenario: scenario.name.clone(),
        group: group.name.to_owned(),
        layout: group.layout.to_owned(),
        observation: group.observation.len(),
        hidden: 16,
        activation: Activation::Tanh,
        team: Team::Any,
        actions: Actions::of(&group.action),
        algorithm: "none".to_owned(),
        seed: 1,
        env_steps: 0,
        minutes: 0.0,
        results: vec![],
        agon: "0.1.0".to_owned(),
        sha256: String::new(),
    }
}

pub(crate) fn weights(card: &Card) -> Vec<NamedTensor> {
    let shape = card.shape();
    let mut state = 1_u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    let mut tensors = Vec::new();
    let mut add = |name: String, sizes: &[usize], value: Option<f32>| {
        let data = (0..sizes.iter().product()).map(|_| value.unwrap_or_else(&mut number)).collect();
        tensors.push(NamedTensor { name, shape: sizes.to_vec(), data });
    };
    for (index, (inputs, outputs)) in shape.layers().into_iter().enumerate() {
        add(format!("actor.{index}.weight"), &[inputs, outputs], None);
        add(format!("actor.{index}.bias"), &[outputs], None);
    }
    add("actor.log_std".to_owned(), &[shape.continuous], None);
    add("normaliser.mean".to_owned(), &[shape.observation], Some(0.0));
    add("normaliser.std".to_owned(), &[shape.observation], Some(1.0));
    tensors
}
