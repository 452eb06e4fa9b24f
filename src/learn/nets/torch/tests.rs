//! What is promised without libtorch: where the plugin is looked for, what is said of it, how a state is named.
//! What needs libtorch is tested in torch/tests.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use super::{plugin::*, *};

fn architecture(critic: CriticInput) -> Architecture {
    Architecture { observation: 5, hidden: 8, activation: Activation::Tanh, continuous: 2, discrete: vec![3], critic }
}

#[test]
fn the_plugin_is_beside_the_program_or_in_lib_or_where_cargo_puts_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("bin");
    fs::create_dir_all(folder.join("deps")).unwrap();
    fs::create_dir(dir.path().join("lib")).unwrap();
    assert_eq!(near(&folder), None);
    for place in ["deps", "../lib", "."] {
        let file = folder.join(place).join("libagon_torch.so");
        fs::write(&file, "").unwrap();
        let found = near(&folder).unwrap();
        assert_eq!(found.canonicalize().unwrap(), file.canonicalize().unwrap());
    }
}

#[test]
fn a_folder_is_not_taken_for_the_plugin() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("libagon_torch.so")).unwrap();
    assert_eq!(near(dir.path()), None);
}

#[test]
fn impossible_networks_are_refused_before_the_plugin_is_looked_for() {
    let uneven = Architecture { hidden: 18, ..architecture(CriticInput::Attention) };
    assert!(Torch::new(uneven, -0.5, 1).unwrap_err().to_string().contains("multiple of 4"));
    let flat = Architecture { hidden: 0, ..architecture(CriticInput::Own) };
    assert!(Torch::new(flat, -0.5, 1).unwrap_err().to_string().contains("hidden layer"));
}

#[test]
fn a_state_has_the_names_and_shapes_of_the_built_in_network() {
    for critic in [CriticInput::Own, CriticInput::Mean] {
        let layout = Layout::new(&sizes(&architecture(critic)));
        let state = Fused::new(architecture(critic), -0.5, 3).unwrap().state();
        let (vectors, steps) = layout.read(&state).unwrap();
        assert_eq!(layout.name(&vectors, steps), state);
        assert!(layout.initial_attention().is_empty(), "{critic:?}");
        for (network, name) in ["actor.", "critic."].into_iter().enumerate() {
            let parameters = layout.name_parameters(network, &vectors);
            assert!(parameters.iter().all(|tensor| tensor.name.starts_with(name)) && !parameters.is_empty());
            assert_eq!(layout.zeros_of(network)[network][0].len(), vectors[network][0].len());
        }
    }
}

#[test]
fn attention_begins_with_queries_of_zero_and_the_identity() {
    let layout = Layout::new(&sizes(&architecture(CriticInput::Attention)));
    let attention = layout.initial_attention();
    assert_eq!(attention.len(), 6);
    for tensor in attention {
        let is_map = tensor.name == "critic.attention.map";
        let expected = |index: usize| f32::from(u8::from(is_map && index / 8 == index % 8));
        for (index, x) in tensor.data.iter().enumerate() {
            assert_eq!(*x, expected(index), "{} at {index}", tensor.name);
        }
    }
}
