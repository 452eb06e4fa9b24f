//! The built-in network against libtorch.

use agon::{
    learn::nets::{Activation, ActorCritic, Architecture, CriticInput, NamedTensor, fused::Fused, torch::Torch},
    policy::network::Scratch,
};

use crate::rollout::{AGENTS, HEAD, NUM_STEPS, OBSERVATION, Rollout};

fn cases() -> impl Iterator<Item = Architecture> {
    let critics = [CriticInput::Own, CriticInput::Mean];
    critics.into_iter().flat_map(|critic| {
        [Activation::Relu, Activation::Tanh].map(|activation| Architecture {
            observation: OBSERVATION,
            hidden: 48,
            activation,
            continuous: 2,
            discrete: vec![4],
            critic,
        })
    })
}

fn pair(architecture: &Architecture) -> (Fused, Torch) {
    let fused = Fused::new(architecture.clone(), -0.5, 11).unwrap();
    let torch = Torch::from_state(architecture.clone(), &fused.state()).unwrap();
    assert_eq!(torch.state(), fused.state(), "both start with the same state");
    (fused, torch)
}

/// Largest difference within a tensor, relative to its largest number.
fn distance(a: &NamedTensor, b: &NamedTensor) -> f32 {
    assert_eq!((&a.name, &a.shape), (&b.name, &b.shape));
    let size = a.data.iter().fold(0.0f32, |size, x| size.max(x.abs()));
    let difference = a.data.iter().zip(&b.data).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    if difference == 0.0 { 0.0 } else { difference / size }
}

#[test]
fn acting_in_plain_rust_agrees_with_libtorch() {
    let rollout = Rollout::new(1);
    for architecture in cases().chain([Architecture { hidden: 128, ..cases().last().unwrap() }]) {
        let mut torch = Torch::new(architecture.clone(), -0.5, 5).unwrap();
        Rollout::new(architecture.values_per_step(AGENTS)).train(&mut torch, 10);
        let mut head = vec![0.0; NUM_STEPS * AGENTS * HEAD];
        torch.actor().forward_normalised(&rollout.observations, &mut head, &mut Scratch::default());

        let mut expected = vec![0.0; head.len()];
        torch.head(&rollout.observations, &mut expected).unwrap();
        for (row, (found, expected)) in head.iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() < 1e-5, "{architecture:?}, number {row}: {found}, not {expected}");
        }
    }
}

#[test]
fn values_agree() {
    for architecture in cases() {
        let (mut fused, mut torch) = pair(&architecture);
        let rollout = Rollout::new(architecture.values_per_step(AGENTS));
        let (mut ours, mut theirs) = (rollout.values.clone(), rollout.values.clone());
        fused.values(&rollout.observations, AGENTS, None, &mut ours);
        torch.values(&rollout.observations, AGENTS, None, &mut theirs);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours - theirs).abs() < 1e-5, "{architecture:?}: {ours} and {theirs}");
        }
    }
}

#[test]
fn one_optimiser_step_agrees() {
    for architecture in cases() {
        let (mut fused, mut torch) = pair(&architecture);
        let rollout = Rollout::new(architecture.values_per_step(AGENTS));
        let reports = [rollout.train(&mut fused, 1), rollout.train(&mut torch, 1)];
        for (ours, theirs) in reports[0].terms.iter().zip(reports[1].terms) {
            assert!((ours - theirs).abs() < 1e-6 * theirs.abs().max(1.0), "{reports:?}");
        }
        let norms = reports.map(|report| [report.actor_grad_norm, report.critic_grad_norm]);
        for (ours, theirs) in norms[0].iter().zip(norms[1]) {
            assert!((ours / theirs - 1.0).abs() < 1e-5, "{norms:?}");
        }
        // After one step Adam's first moment is a tenth of the (clipped) gradient.
        for (ours, theirs) in fused.state().iter().zip(torch.state()) {
            let distance = distance(ours, &theirs);
            assert!(distance < 2e-5, "{}: {distance} apart with {architecture:?}", ours.name);
        }
    }
}

#[test]
fn twenty_optimiser_steps_agree() {
    for architecture in cases() {
        let (mut fused, mut torch) = pair(&architecture);
        let rollout = Rollout::new(architecture.values_per_step(AGENTS));
        let start = fused.state();
        rollout.train(&mut fused, 20);
        rollout.train(&mut torch, 20);
        for ((ours, theirs), start) in fused.state().iter().zip(torch.state()).zip(&start) {
            let distance = distance(ours, &theirs);
            let parameter = !ours.name.starts_with("adam.");
            assert!(
                distance < if parameter { 2e-5 } else { 1e-3 },
                "{}: {distance} apart with {architecture:?}",
                ours.name
            );
            assert_ne!(ours, start, "{} was trained", ours.name);
        }
    }
}
