//! Claims about the libtorch network on its own.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use agon::learn::nets::{
    Activation, ActorCritic, Architecture, CriticInput, LOSS_TERMS, Loss, Minibatch, NamedTensor, OutputGradients,
    Outputs, StepReport, StepSize,
    torch::{Torch, settings},
};

const AGENTS: usize = 3;
const SIZE: StepSize =
    StepSize { actor_learning_rate: 1e-2, critic_learning_rate: 1e-2, adam_eps: 1e-5, max_grad_norm: 0.5 };

/// Half the squared distance of all outputs from a constant.
struct Towards(f32);

impl Loss for Towards {
    fn differentiate(
        &self,
        _: Range<usize>,
        outputs: Outputs<'_>,
        gradients: OutputGradients<'_>,
    ) -> [f64; LOSS_TERMS] {
        let mut sum = 0.0;
        let pairs =
            [(outputs.head, gradients.head), (outputs.log_std, gradients.log_std), (outputs.values, gradients.values)];
        for (output, gradient) in pairs.into_iter().flat_map(|(outputs, gradients)| outputs.iter().zip(gradients)) {
            *gradient = output - self.0;
            sum += f64::from(0.5 * *gradient * *gradient);
        }
        let mut terms = [0.0; LOSS_TERMS];
        terms[0] = sum;
        terms
    }
}

fn architecture(critic: CriticInput) -> Architecture {
    Architecture { observation: 5, hidden: 16, activation: Activation::Tanh, continuous: 2, discrete: vec![3], critic }
}

fn observations(steps: usize) -> Vec<f32> {
    (0..steps * AGENTS * 5).map(|i| ((i * 7919 % 1009) as f32 / 500.0) - 1.0).collect()
}

fn values(torch: &mut Torch, observations: &[f32]) -> Vec<f32> {
    let steps = observations.len() / (AGENTS * 5);
    let mut values = vec![f32::NAN; steps * torch.architecture().values_per_step(AGENTS)];
    torch.values(observations, AGENTS, None, &mut values);
    values
}

fn train(torch: &mut Torch, observations: &[f32], updates: usize, size: StepSize) -> StepReport {
    let steps: Vec<u32> = (0..(observations.len() / (AGENTS * 5)) as u32).rev().collect();
    let mut report = StepReport::default();
    for _ in 0..updates {
        let minibatch = Minibatch { observations, global: &[], shares: None, agents: AGENTS, steps: &steps };
        report = torch.step(minibatch, &Towards(0.7), size);
    }
    report
}

#[test]
fn attention_starts_as_the_mean() {
    let observations = observations(11);
    let mut mean = Torch::new(architecture(CriticInput::Mean), -0.5, 3).unwrap();
    let mut attention = Torch::new(architecture(CriticInput::Attention), -0.5, 3).unwrap();
    let pairs = values(&mut mean, &observations).into_iter().zip(values(&mut attention, &observations));
    for (mean, attention) in pairs {
        assert!((mean - attention).abs() < 1e-6, "{attention}, not {mean}");
    }
}

#[test]
fn attention_learns_to_tell_agents_apart_whatever_their_order() {
    let observations = observations(11);
    let mut torch = Torch::new(architecture(CriticInput::Attention), -0.5, 4).unwrap();
    train(&mut torch, &observations, 5, SIZE);
    let query = torch.state().into_iter().find(|tensor| tensor.name == "critic.attention.query").unwrap();
    assert!(query.data.iter().any(|x| x.abs() > 1e-3), "the queries never moved");
    let mut rotated = observations.clone();
    rotated.chunks_exact_mut(AGENTS * 5).for_each(|step| step.rotate_left(5));
    for (value, rotated) in values(&mut torch, &observations).into_iter().zip(values(&mut torch, &rotated)) {
        assert!((value - rotated).abs() < 1e-5, "{rotated}, not {value}");
    }
}

#[test]
fn every_critic_lowers_the_loss() {
    for critic in [CriticInput::Own, CriticInput::Mean, CriticInput::Attention] {
        let (mut torch, observations) = (Torch::new(architecture(critic), -0.5, 5).unwrap(), observations(16));
        let before = train(&mut torch, &observations, 1, SIZE).terms[0];
        let after = train(&mut torch, &observations, 100, SIZE).terms[0];
        assert!(after < 0.2 * before, "{critic:?}: from {before} to {after}");
    }
}

#[test]
fn save_load_and_go_on_gives_the_same_bits() {
    for critic in [CriticInput::Own, CriticInput::Mean, CriticInput::Attention] {
        let (mut torch, observations) = (Torch::new(architecture(critic), -0.5, 6).unwrap(), observations(16));
        train(&mut torch, &observations, 3, SIZE);
        let mut restored = Torch::from_state(architecture(critic), &torch.state()).unwrap();
        assert_eq!(restored.state(), torch.state());
        let reports = [&mut torch, &mut restored].map(|torch| train(torch, &observations, 3, SIZE));
        assert_eq!(reports[0], reports[1]);
        assert_eq!(restored.state(), torch.state());
    }
}

#[test]
fn a_network_works_the_same_on_another_thread() {
    let mut here = Torch::new(architecture(CriticInput::Mean), -0.5, 7).unwrap();
    let mut there = Torch::new(architecture(CriticInput::Mean), -0.5, 7).unwrap();
    let observations = observations(600);
    train(&mut here, &observations, 3, SIZE);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            train(&mut there, &observations, 3, SIZE);
            let settings = settings().unwrap();
            assert!(settings.contains("threads 1, interop threads 1"), "{settings}");
        });
    });
    assert_eq!(here.state(), there.state());
}

#[test]
fn a_learning_rate_of_zero_leaves_the_actor_alone() {
    let mut torch = Torch::new(architecture(CriticInput::Mean), -0.5, 8).unwrap();
    let before = torch.state();
    let report = train(&mut torch, &observations(4), 2, StepSize { actor_learning_rate: 0.0, ..SIZE });
    assert_eq!(report.actor_grad_norm, 0.0);
    assert!(report.critic_grad_norm > 0.0);
    for (before, after) in before.iter().zip(torch.state()) {
        match before.name.as_str() {
            "adam.steps" => assert_eq!(after.data, [0.0, 2.0]),
            name => assert_eq!(*before == after, name.contains("actor."), "{name}"),
        }
    }
}

#[test]
fn a_gradient_that_is_not_finite_is_not_followed() {
    let mut torch = Torch::new(architecture(CriticInput::Mean), -0.5, 9).unwrap();
    let (before, mut observations) = (torch.state(), observations(4));
    observations[3] = f32::NAN;
    let report = train(&mut torch, &observations, 1, SIZE);
    assert!(report.actor_grad_norm.is_nan() && report.critic_grad_norm.is_nan());
    assert_eq!(torch.state(), before);
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() {
    let mut torch = Torch::new(architecture(CriticInput::Attention), -0.5, 10).unwrap();
    let good = torch.state();
    let broken = |break_it: &dyn Fn(&mut Vec<NamedTensor>)| {
        let mut state = good.clone();
        break_it(&mut state);
        state
    };
    let at = |name: &str| good.iter().position(|tensor| tensor.name == name).unwrap();
    let cases = [
        (broken(&|state| state.truncate(5)), "missing"),
        (broken(&|state| state[0].shape.reverse()), "shape"),
        (broken(&|state| state[2].data[1] = f32::NAN), "NaN"),
        (broken(&|state| state[at("adam.v.critic.0.bias")].data[0] = -1.0), "square"),
        (broken(&|state| state[at("adam.steps")].data[1] = 0.5), "counts"),
        (broken(&|state| state[1].name = "actor.0.bais".to_owned()), "did you mean `actor.0.bias`"),
    ];
    for (state, reason) in cases {
        let error = torch.load_state(&state).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(torch.state(), good);
    }
}

#[test]
fn impossible_networks_are_refused() {
    let uneven = Architecture { hidden: 18, ..architecture(CriticInput::Attention) };
    assert!(Torch::new(uneven, -0.5, 1).unwrap_err().to_string().contains("multiple of 4"));
    assert!(Torch::new(Architecture { hidden: 0, ..architecture(CriticInput::Own) }, -0.5, 1).is_err());
    assert!(Torch::new(architecture(CriticInput::Attention), f32::NAN, 1).is_err());
}

#[test]
fn purely_discrete_actions_need_no_log_std() {
    let architecture = Architecture { continuous: 0, ..architecture(CriticInput::Mean) };
    let mut torch = Torch::new(architecture.clone(), -0.5, 11).unwrap();
    let report = train(&mut torch, &observations(4), 2, SIZE);
    assert!(report.actor_grad_norm > 0.0);
    assert_eq!(Torch::from_state(architecture, &torch.state()).unwrap().state(), torch.state());
}

/// A loss that cannot be computed.
struct Broken;

impl Loss for Broken {
    fn differentiate(&self, _: Range<usize>, _: Outputs<'_>, _: OutputGradients<'_>) -> [f64; LOSS_TERMS] {
        panic!("no loss today")
    }
}

#[test]
fn a_panic_of_the_loss_comes_through_and_changes_nothing() {
    let mut torch = Torch::new(architecture(CriticInput::Mean), -0.5, 12).unwrap();
    let (before, observations) = (torch.state(), observations(4));
    let minibatch =
        Minibatch { observations: &observations, global: &[], shares: None, agents: AGENTS, steps: &[0, 1] };
    let panic = catch_unwind(AssertUnwindSafe(|| torch.step(minibatch, &Broken, SIZE))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"no loss today"));
    assert_eq!(torch.state(), before);
    train(&mut torch, &observations, 1, SIZE);
    assert_ne!(torch.state(), before);
}
