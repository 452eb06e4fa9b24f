//! The built-in network and the hand-written loss against libtorch.
#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{ops::Range, sync::Mutex};

use agon::{
    learn::{
        nets::{
            Activation, ActorCritic, Architecture, CriticInput, LOSS_TERMS, Loss, Minibatch, NamedTensor,
            OutputGradients, Outputs, StepReport, StepSize, fused::Fused, torch::Torch,
        },
        ppo_loss::{Experience, PpoCoefficients, PpoLoss, Term},
    },
    policy::{
        distribution::{HeadRows, HybridHead},
        network::Scratch,
    },
};
use tch::{Kind, Tensor};

const AGENTS: usize = 4;
const NUM_STEPS: usize = 300;
const OBSERVATION: usize = 9;
const HEAD: usize = 6;
const SIZE: StepSize =
    StepSize { actor_learning_rate: 3e-4, critic_learning_rate: 1e-3, adam_eps: 1e-5, max_grad_norm: 0.5 };
const COEFFICIENTS: PpoCoefficients =
    PpoCoefficients { clip_coef: 0.2, ent_coef: 0.02, vf_coef: 0.5, norm_adv: true, clip_vloss: true };

/// A rollout of numbers that look random and are the same everywhere.
struct Rollout {
    observations: Vec<f32>,
    stored: Vec<f32>,
    log_probs: Vec<f32>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
    values: Vec<f32>,
}

/// Numbers in [-1, 1) from the top bits of a multiplicative hash.
fn numbers(count: usize, salt: u64) -> Vec<f32> {
    let number =
        |i: u64| (i + 1 + (salt << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd134_2543_de82_ef95);
    (0..count as u64).map(|i| (number(i) >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn space() -> HybridHead {
    HybridHead::new(&[(-5.0, 5.0), (-2.0, 1.0)], &[4]).unwrap()
}

impl Rollout {
    /// `values` per step; advantages are per agent where values are.
    fn new(values: usize) -> Self {
        let rows = NUM_STEPS * AGENTS;
        let mut stored = numbers(rows * 3, 1);
        for row in stored.chunks_exact_mut(3) {
            row[2] = ((row[2] + 1.0) * 2.0).floor().min(3.0);
        }
        // The log-probability of the stored actions under a policy not far from the one at the start of the tests.
        let (head, mut log_probs, mut entropies) = (numbers(rows * HEAD, 2), vec![0.0; rows], vec![0.0; rows]);
        let head: Vec<f32> = head.iter().map(|x| 0.15 * x).collect();
        let outputs = HeadRows { head: &head, log_std: &[-0.45, -0.55], masks: None };
        space().evaluate(outputs, &stored, &mut log_probs, &mut entropies);
        Self {
            observations: numbers(rows * OBSERVATION, 3).iter().map(|x| 2.0 * x).collect(),
            stored,
            log_probs,
            advantages: numbers(NUM_STEPS * values, 4),
            returns: numbers(NUM_STEPS * values, 5),
            values: numbers(NUM_STEPS * values, 6),
        }
    }

    fn experience(&self) -> Experience<'_> {
        Experience {
            agents: AGENTS,
            stored: &self.stored,
            log_probs: &self.log_probs,
            masks: None,
            matters: None,
            advantages: &self.advantages,
            returns: &self.returns,
            values: &self.values,
        }
    }

    /// `updates` optimiser steps on changing minibatches of 100 steps.
    fn train(&self, network: &mut dyn ActorCritic, updates: u32) -> StepReport {
        let space = space();
        let mut report = StepReport::default();
        for update in 0..updates {
            let steps: Vec<u32> = (0..100).map(|i| (i * 7 + update * 31) % NUM_STEPS as u32).collect();
            let loss = PpoLoss::new(&space, self.experience(), &steps, COEFFICIENTS).unwrap();
            let minibatch = Minibatch { observations: &self.observations, agents: AGENTS, steps: &steps };
            report = network.step(minibatch, &loss, SIZE);
        }
        report
    }
}

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

/// Writes down the heads that a network shows to its loss.
struct Witness(Mutex<Vec<f32>>);

impl Loss for Witness {
    fn differentiate(&self, _: Range<usize>, outputs: Outputs<'_>, _: OutputGradients<'_>) -> [f64; LOSS_TERMS] {
        self.0.lock().unwrap().extend_from_slice(outputs.head);
        [0.0; LOSS_TERMS]
    }
}

#[test]
fn acting_in_plain_rust_agrees_with_libtorch() {
    let rollout = Rollout::new(1);
    for architecture in cases().chain([Architecture { hidden: 128, ..cases().last().unwrap() }]) {
        let mut torch = Torch::new(architecture.clone(), -0.5, 5).unwrap();
        Rollout::new(architecture.values_per_step(AGENTS)).train(&mut torch, 10);
        let mut head = vec![0.0; NUM_STEPS * AGENTS * HEAD];
        torch.actor().forward_normalised(&rollout.observations, &mut head, &mut Scratch::default());

        let (witness, steps) = (Witness(Mutex::default()), (0..NUM_STEPS as u32).collect::<Vec<_>>());
        let minibatch = Minibatch { observations: &rollout.observations, agents: AGENTS, steps: &steps };
        torch.step(minibatch, &witness, StepSize { actor_learning_rate: 0.0, critic_learning_rate: 0.0, ..SIZE });
        let expected = witness.0.into_inner().unwrap();
        assert_eq!(head.len(), expected.len());
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
        fused.values(&rollout.observations, AGENTS, &mut ours);
        torch.values(&rollout.observations, AGENTS, &mut theirs);
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

#[test]
fn the_hand_written_loss_has_the_gradient_of_automatic_differentiation() {
    for values in [1, AGENTS] {
        let rollout = Rollout::new(values);
        let steps: Vec<u32> = (0..120).map(|i| (i * 11) % NUM_STEPS as u32).collect();
        let rows = steps.len() * AGENTS;
        let head: Vec<f32> = numbers(rows * HEAD, 7).iter().map(|x| 0.4 * x).collect();
        let (log_std, new_values) = ([-0.3, -0.6], numbers(steps.len() * values, 8));

        let space = space();
        let loss = PpoLoss::new(&space, rollout.experience(), &steps, COEFFICIENTS).unwrap();
        let (mut by_head, mut by_log_std) = (vec![0.0; head.len()], [0.0; 2]);
        let mut by_values = vec![0.0; new_values.len()];
        let terms = loss.differentiate(
            0..steps.len(),
            Outputs { head: &head, log_std: &log_std, values: &new_values },
            OutputGradients { head: &mut by_head, log_std: &mut by_log_std, values: &mut by_values },
        );

        let leaf = |data: &[f32]| Tensor::from_slice(data).to_kind(Kind::Double).set_requires_grad(true);
        let leaves = [leaf(&head), leaf(&log_std), leaf(&new_values)];
        let expected = torch_loss(&rollout, &steps, values, &leaves);
        assert!((expected.double_value(&[]) - terms[Term::Loss.index()]).abs() < 1e-5, "{terms:?}");
        let fraction = terms[Term::ClipFraction.index()];
        assert!(fraction > 0.2 && fraction < 0.8, "both clipped and free ratios are needed: {fraction}");
        let gradients = Tensor::run_backward(&[&expected], &leaves, false, false);
        for (found, expected) in [&by_head[..], &by_log_std, &by_values].into_iter().zip(gradients) {
            let expected = Vec::<f64>::try_from(expected).unwrap();
            let size = expected.iter().fold(0.0f64, |size, x| size.max(x.abs()));
            for (found, expected) in found.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5 * size, "{found}, not {expected}");
            }
        }
    }
}

/// The loss as cleanrl writes it, in f64 tensor operations.
fn torch_loss(rollout: &Rollout, steps: &[u32], values: usize, [head, log_std, new_values]: &[Tensor; 3]) -> Tensor {
    let index = Tensor::from_slice(&steps.iter().map(|&step| i64::from(step)).collect::<Vec<_>>());
    let gather = |data: &[f32], width: usize| {
        Tensor::from_slice(data).to_kind(Kind::Double).view([NUM_STEPS as i64, width as i64]).index_select(0, &index)
    };
    let stored = gather(&rollout.stored, AGENTS * 3).view([-1, 3]);
    let old_log_prob = gather(&rollout.log_probs, AGENTS).view([-1]);
    let advantages = gather(&rollout.advantages, values);
    let advantages = (&advantages - advantages.mean(Kind::Double)) / (advantages.std(true) + 1e-8);
    let advantages = advantages.expand([steps.len() as i64, AGENTS as i64], false).reshape([-1]);

    let head = head.view([-1, HEAD as i64]);
    let (mean, logits) = (head.narrow(1, 0, 2), head.narrow(1, 2, 4));
    let u = stored.narrow(1, 0, 2);
    let half = Tensor::from_slice(&[5.0f64, 1.5]);
    let std = log_std.exp();
    let half_ln_tau = 0.5 * libm::log(std::f64::consts::TAU);
    let density = ((&u - &mean) / &std).square() * -0.5 - log_std - half_ln_tau;
    let slope = half.log() + (u.tanh().square() * -1.0 + 1.0).log();
    let log_p = logits.log_softmax(1, Kind::Double);
    let chosen = log_p.gather(1, &stored.narrow(1, 2, 1).to_kind(Kind::Int64), false).view([-1]);
    let log_prob = (density - slope).sum_dim_intlist(1, false, Kind::Double) + chosen;

    // tanh as a mixture of error functions: E|v| for v ~ Normal(mean, t), with t^2 = std^2 + c^2.
    let mut ln_cosh = mean.zeros_like() - std::f64::consts::LN_2;
    for (weight, c) in [(0.654_449_3, 0.683_726_4), (0.345_550_7, 1.221_098)] {
        let t = (std.square() + c * c).sqrt();
        let x = &mean / &t / std::f64::consts::SQRT_2;
        let bell: Tensor = (x.square() * -1.0).exp() * &t * (2.0 / std::f64::consts::PI).sqrt();
        ln_cosh += (bell + &mean * x.erf()) * weight;
    }
    let entropy = log_std + half.log() + (0.5 + half_ln_tau) - ln_cosh * 2.0;
    let entropy = entropy.sum_dim_intlist(1, false, Kind::Double);
    let entropy = entropy - (log_p.exp() * &log_p).sum_dim_intlist(1, false, Kind::Double);

    let clip_coef = f64::from(COEFFICIENTS.clip_coef);
    let ratio = (log_prob - old_log_prob).exp();
    let clipped = &advantages * -1.0 * ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef);
    let policy_loss = (&advantages * -1.0 * &ratio).maximum(&clipped).mean(Kind::Double);
    let (returns, old_values) =
        (gather(&rollout.returns, values).view([-1]), gather(&rollout.values, values).view([-1]));
    let held = &old_values + (new_values - &old_values).clamp(-clip_coef, clip_coef);
    let squares = (new_values - &returns).square().maximum(&(held - &returns).square());
    policy_loss - entropy.mean(Kind::Double) * f64::from(COEFFICIENTS.ent_coef)
        + squares.mean(Kind::Double) * (0.5 * f64::from(COEFFICIENTS.vf_coef))
}
