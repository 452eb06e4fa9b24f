//! Gradients against finite differences in f64, the optimiser against scalar code, and the promises on bits.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use super::*;
mod reference;

use self::reference::{Reference, Waves};
use crate::{
    learn::nets::{OutputGradients, Outputs},
    policy::network::Scratch,
};

const OBSERVATION: usize = 5;
const CONTINUOUS: usize = 2;
const HEAD: usize = 6;

fn architecture(critic: CriticInput, activation: Activation) -> Architecture {
    Architecture { observation: OBSERVATION, hidden: 20, activation, continuous: CONTINUOUS, discrete: vec![4], critic }
}

const KINDS: [(CriticInput, Activation); 6] = [
    (CriticInput::Own, Activation::Relu),
    (CriticInput::Own, Activation::Tanh),
    (CriticInput::Mean, Activation::Relu),
    (CriticInput::Mean, Activation::Tanh),
    (CriticInput::Global(7), Activation::Relu),
    (CriticInput::Global(7), Activation::Tanh),
];

/// What critics with a view of their own are shown, of as many steps as the longest rollout here has.
static GLOBAL: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..500 * 7).map(|i| (((i + 1) as f64 * 0.569_840_29).fract() * 2.0 - 1.0) as f32).collect());

/// What the critic is shown of a rollout, and of how many agents that is.
fn shown<'a>(fused: &Fused, observations: &'a [f32], agents: usize) -> (&'a [f32], usize) {
    match fused.architecture.critic {
        CriticInput::Global(width) => (&GLOBAL[..observations.len() / (agents * OBSERVATION) * width], 1),
        _ => (observations, agents),
    }
}

const SIZE: StepSize =
    StepSize { actor_learning_rate: 1e-2, critic_learning_rate: 2e-2, adam_eps: 1e-5, max_grad_norm: 0.5 };

fn fused(critic: CriticInput, activation: Activation) -> Fused {
    Fused::new(architecture(critic, activation), -0.3, 11).unwrap()
}

/// A rollout of `steps` steps of `agents` agents.
fn observations(steps: usize, agents: usize) -> Vec<f32> {
    (0..steps * agents * OBSERVATION).map(|i| (((i + 1) as f64 * 0.754_877_666).fract() * 2.0 - 1.0) as f32).collect()
}

/// Two tiles and a piece, out of order and with one step twice.
fn steps(agents: usize) -> Vec<u32> {
    let count = 2 * Fused::tile_entries(agents) + 3;
    (0..count).map(|i| (i * 17 % 40) as u32).collect()
}

fn state_bits(fused: &Fused) -> Vec<(String, Vec<u32>)> {
    let bits = |tensor: NamedTensor| (tensor.name, tensor.data.iter().map(|x| x.to_bits()).collect());
    fused.state().into_iter().map(bits).collect()
}

#[test]
fn gradients_agree_with_finite_differences() {
    for (critic, activation) in KINDS {
        let (agents, mut fused) = (30, fused(critic, activation));
        let (observations, steps) = (observations(40, agents), steps(agents));
        let minibatch = Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps };
        let terms = fused.differentiate(minibatch, &Waves { agents }, true);
        let gradient = fused.gradients[0].gradient.clone();
        let mut reference = Reference::of(&fused);
        let loss = reference.loss(minibatch);
        assert!((terms[0] - loss).abs() < 1e-3, "{critic:?} {activation:?}: {} for {loss}", terms[0]);
        assert_eq!(terms[1], steps.len() as f64);
        let found: Vec<Vec<f32>> = fused.layout.read(&gradient).map(|(.., data)| data).collect();
        let largest = found.iter().flatten().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        for (tensor, found) in found.iter().enumerate() {
            // Every seventh number of a long tensor: all rows and columns are met, in a seventh of the time.
            let stride = if found.len() > 50 { 7 } else { 1 };
            for index in (0..found.len()).step_by(stride) {
                let at = |reference: &mut Reference, x: f64| {
                    reference.tensors[tensor].2[index] = x;
                    reference.loss(minibatch)
                };
                let x = reference.tensors[tensor].2[index];
                let expected = (at(&mut reference, x + 1e-6) - at(&mut reference, x - 1e-6)) / 2e-6;
                reference.tensors[tensor].2[index] = x;
                let error = (f64::from(found[index]) - expected).abs();
                assert!(
                    error < 2e-5 * f64::from(largest),
                    "{critic:?} {activation:?} {} {index}: {} for {expected}",
                    reference.tensors[tensor].0,
                    found[index]
                );
            }
        }
    }
}

/// A parameter tensor with its moments and its gradient.
struct Moving {
    weights: Vec<f64>,
    m: Vec<f64>,
    v: Vec<f64>,
    gradient: Vec<f32>,
}

/// Adam and clipping of one network as in PyTorch, one number at a time.
fn scalar_adam(tensors: &mut [Moving], step: u32, learning_rate: f32, size: StepSize) {
    let squares: f64 = tensors.iter().flat_map(|tensor| &tensor.gradient).map(|&g| f64::from(g) * f64::from(g)).sum();
    let scale = (f64::from(size.max_grad_norm) / (squares.sqrt() + 1e-6)).min(1.0);
    let correction = |beta: f64| 1.0 - libm::pow(beta, f64::from(step));
    for Moving { weights, m, v, gradient } in tensors {
        for i in 0..weights.len() {
            let g = f64::from(gradient[i]) * scale;
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            let (mean, square) = (m[i] / correction(0.9), v[i] / correction(0.999));
            weights[i] -= f64::from(learning_rate) * mean / (square.sqrt() + f64::from(size.adam_eps));
        }
    }
}

#[test]
fn steps_agree_with_scalar_adam_and_clipping() {
    for max_grad_norm in [0.5, 1e6] {
        let (agents, mut fused) = (4, fused(CriticInput::Mean, Activation::Tanh));
        let (observations, steps) = (observations(40, agents), steps(agents));
        let minibatch = Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps };
        let size = StepSize { max_grad_norm, ..SIZE };
        let named = Reference::of(&fused).tensors;
        let actors = named.iter().filter(|(name, ..)| name.starts_with("actor.")).count();
        let still = |weights: Vec<f64>| {
            let zeros = vec![0.0; weights.len()];
            Moving { weights, m: zeros.clone(), v: zeros, gradient: vec![] }
        };
        let mut expected: Vec<Moving> = named.into_iter().map(|(.., weights)| still(weights)).collect();
        for step in 1..=5 {
            fused.differentiate(minibatch, &Waves { agents }, true);
            let gradients = fused.layout.read(&fused.gradients[0].gradient);
            for (tensor, (.., gradient)) in expected.iter_mut().zip(gradients) {
                tensor.gradient = gradient;
            }
            let (actor, critic) = expected.split_at_mut(actors);
            scalar_adam(actor, step, size.actor_learning_rate, size);
            scalar_adam(critic, step, size.critic_learning_rate, size);
            let report = fused.step(minibatch, &Waves { agents }, size);
            assert!(report.actor_grad_norm > 0.5 && report.critic_grad_norm > 0.5, "0.5 clips both: {report:?}");
            for ((name, _, found), expected) in Reference::of(&fused).tensors.iter().zip(&expected) {
                for (found, expected) in found.iter().zip(&expected.weights) {
                    assert!((found - expected).abs() < 2e-5, "step {step} {name}: {found} for {expected}");
                }
            }
        }
    }
}

/// State after some steps on a rollout, in a pool of `threads`.
fn trained(
    threads: usize,
    isa: Isa,
    (critic, activation): (CriticInput, Activation),
) -> (Vec<(String, Vec<u32>)>, String) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (agents, mut fused) = (4, fused(critic, activation));
    fused.isa = isa;
    let observations = observations(500, agents);
    let steps: Vec<u32> = (0..500).map(|i| i * 17 % 500).collect();
    let report = pool.install(|| {
        for count in [500, 33, 1] {
            let minibatch = Minibatch {
                observations: &observations,
                global: &GLOBAL,
                shares: None,
                agents,
                steps: &steps[..count],
            };
            fused.step(minibatch, &Waves { agents }, SIZE);
        }
        let mut values = vec![0.0; 500 * fused.architecture.values_per_step(agents)];
        let (seen, of) = shown(&fused, &observations, agents);
        fused.values(seen, of, None, &mut values);
        let minibatch = Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps };
        format!("{values:?} {:?}", fused.step(minibatch, &Waves { agents }, SIZE))
    });
    (state_bits(&fused), report)
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for kind in KINDS {
        let expected = trained(1, Isa::best(), kind);
        assert!(expected == trained(2, Isa::best(), kind), "{kind:?}: two threads");
        assert!(expected == trained(4, Isa::best(), kind), "{kind:?}: four threads");
    }
}

#[test]
fn the_instruction_set_changes_no_bit() {
    for kind in KINDS {
        let expected = trained(1, Isa::best(), kind);
        assert!(Isa::available().all(|isa| trained(1, isa, kind) == expected), "{kind:?}");
    }
}

#[test]
fn loaded_state_continues_with_the_same_bits() {
    for (critic, activation) in KINDS {
        let (agents, mut one) = (4, fused(critic, activation));
        let (observations, steps) = (observations(40, agents), steps(agents));
        let minibatch = Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps };
        for _ in 0..3 {
            one.step(minibatch, &Waves { agents }, SIZE);
        }
        let mut other = Fused::new(architecture(critic, activation), 0.0, 99).unwrap();
        other.load_state(&one.state()).unwrap();
        for _ in 0..3 {
            let report = one.step(minibatch, &Waves { agents }, SIZE);
            assert_eq!(other.step(minibatch, &Waves { agents }, SIZE), report);
        }
        assert_eq!(state_bits(&other), state_bits(&one));
    }
}

#[test]
fn acting_and_training_see_the_same_bits() {
    struct Heads(Mutex<Vec<Vec<u32>>>);
    impl Loss for Heads {
        fn differentiate(&self, _: Range<usize>, outputs: Outputs<'_>, _: OutputGradients<'_>) -> [f64; LOSS_TERMS] {
            let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            self.0.lock().unwrap().extend([bits(outputs.head), bits(outputs.values)]);
            [0.0; LOSS_TERMS]
        }
    }
    for (critic, activation) in KINDS {
        let (agents, mut fused) = (4, fused(critic, activation));
        let observations = observations(32, agents);
        let steps: Vec<u32> = (0..32).collect();
        let seen = Heads(Mutex::default());
        let (mut head, mut values) =
            (vec![0.0; 32 * agents * HEAD], vec![0.0; 32 * fused.architecture.values_per_step(agents)]);
        fused.actor().forward(&observations, &mut head, &mut Scratch::default());
        let (seen_by_critic, rows) = shown(&fused, &observations, agents);
        fused.values(seen_by_critic, rows, None, &mut values);
        fused.step(
            Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps },
            &seen,
            SIZE,
        );
        let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(seen.0.into_inner().unwrap(), [bits(&head), bits(&values)], "{critic:?} {activation:?}");
    }
}

#[test]
fn padding_of_parameters_and_moments_stays_zero() {
    for (critic, activation) in KINDS {
        let (agents, mut fused) = (4, fused(critic, activation));
        let (observations, steps) = (observations(40, agents), steps(agents));
        for _ in 0..3 {
            fused.step(
                Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps },
                &Waves { agents },
                SIZE,
            );
        }
        for vector in [&fused.parameters, &fused.first_moments, &fused.second_moments] {
            let named: usize = fused.layout.read(vector).flat_map(|(.., data)| data).filter(|&x| x != 0.0).count();
            assert_eq!(vector.iter().filter(|&&x| x != 0.0).count(), named);
        }
    }
}

#[test]
fn an_actor_learning_rate_of_zero_leaves_the_actor_alone() {
    let (agents, mut fused) = (4, fused(CriticInput::Mean, Activation::Relu));
    let (observations, steps) = (observations(40, agents), steps(agents));
    let minibatch = Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps };
    fused.step(minibatch, &Waves { agents }, SIZE);
    let before = state_bits(&fused);
    let report = fused.step(minibatch, &Waves { agents }, StepSize { actor_learning_rate: 0.0, ..SIZE });
    assert_eq!(report.actor_grad_norm, 0.0);
    assert_eq!(fused.steps, [1, 2]);
    for (before, after) in before.iter().zip(state_bits(&fused)) {
        let changes = before.0.contains("critic.") || before.0 == "adam.steps";
        assert_eq!(*before == after, !changes, "{}", before.0);
    }
}

#[test]
fn a_gradient_that_is_not_finite_is_not_followed() {
    struct Broken;
    impl Loss for Broken {
        fn differentiate(&self, _: Range<usize>, _: Outputs<'_>, gradients: OutputGradients<'_>) -> [f64; LOSS_TERMS] {
            gradients.head[0] = f32::NAN;
            gradients.values[0] = f32::INFINITY;
            [0.0; LOSS_TERMS]
        }
    }
    let mut fused = fused(CriticInput::Own, Activation::Tanh);
    let before = state_bits(&fused);
    let observations = observations(3, 2);
    let report = fused.step(
        Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents: 2, steps: &[0, 2] },
        &Broken,
        SIZE,
    );
    assert!(!report.actor_grad_norm.is_finite() && !report.critic_grad_norm.is_finite());
    assert_eq!(state_bits(&fused), before);
}

#[test]
fn an_empty_minibatch_changes_nothing() {
    let mut fused = fused(CriticInput::Mean, Activation::Relu);
    let before = state_bits(&fused);
    let report = fused.step(
        Minibatch { observations: &[], global: &[], shares: None, agents: 4, steps: &[] },
        &Waves { agents: 4 },
        SIZE,
    );
    assert_eq!((report, state_bits(&fused)), (StepReport::default(), before));
}

#[test]
fn steps_along_a_loss_lower_it() {
    for (critic, activation) in KINDS {
        let (agents, mut fused) = (4, fused(critic, activation));
        let (observations, steps) = (observations(40, agents), steps(agents));
        let minibatch = Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps };
        let size = StepSize { actor_learning_rate: 3e-3, critic_learning_rate: 3e-3, ..SIZE };
        let losses: Vec<f64> = (0..200).map(|_| fused.step(minibatch, &Waves { agents }, size).terms[0]).collect();
        assert!(losses[199] < losses[0] - 100.0, "{critic:?} {activation:?}: {} to {}", losses[0], losses[199]);
    }
}

#[test]
fn groups_larger_than_a_tile_and_heads_without_continuous_dimensions_work() {
    let architecture =
        Architecture { continuous: 0, discrete: vec![2, 4], ..architecture(CriticInput::Mean, Activation::Relu) };
    let (agents, mut fused) = (300, Fused::new(architecture, 0.0, 1).unwrap());
    let observations = observations(3, agents);
    let report = fused.step(
        Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &[2, 0] },
        &Waves { agents },
        SIZE,
    );
    assert_eq!(report.terms[1], 2.0);
    assert!(report.actor_grad_norm > 0.0 && report.critic_grad_norm > 0.0);
}

#[test]
fn what_cannot_be_built_is_refused() {
    let message = |architecture, log_std| Fused::new(architecture, log_std, 0).unwrap_err().to_string();
    let good = architecture(CriticInput::Own, Activation::Relu);
    let attention = Architecture { critic: CriticInput::Attention, ..good.clone() };
    assert!(message(attention, 0.0).contains("use `--backend torch`"));
    assert!(message(Architecture { hidden: 0, ..good.clone() }, 0.0).starts_with("a network's hidden layer has 0"));
    assert_eq!(message(good, f32::NAN), "the initial log_std is NaN, not a finite number");
}

#[test]
fn damaged_state_is_refused_and_changes_nothing() {
    type Damage = fn(&mut Vec<NamedTensor>);
    let cases: [(Damage, &str); 8] = [
        (|t| drop(t.remove(0)), "tensor `actor.0.weight` is missing"),
        (|t| t.push(t[0].clone()), "tensor `actor.0.weight` is there more than once"),
        (|t| t[0].shape.reverse(), "tensor `actor.0.weight` has shape [20, 5], expected [5, 20]"),
        (|t| t[1].data[2] = f32::NAN, "tensor `actor.0.bias` is NaN at 2"),
        (|t| t[0].name.push('s'), "unexpected tensor `actor.0.weights`; did you mean `actor.0.weight`?"),
        (|t| t.last_mut().unwrap().data[0] = 1.5, "`adam.steps` is [1.5, 1.0], not two counts"),
        (|t| t.last_mut().unwrap().data[0] = -1.0, "`adam.steps` is [-1.0, 1.0], not two counts"),
        (|t| set(t, "adam.v.critic.2.bias", -1.0), "`adam.v.critic.2.bias` is -1 at 0, but is a square"),
    ];
    fn set(tensors: &mut [NamedTensor], name: &str, x: f32) {
        tensors.iter_mut().find(|tensor| tensor.name == name).unwrap().data[0] = x;
    }
    let (agents, mut fused) = (4, fused(CriticInput::Mean, Activation::Relu));
    let (observations, steps) = (observations(40, agents), steps(agents));
    fused.step(
        Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps },
        &Waves { agents },
        SIZE,
    );
    let before = state_bits(&fused);
    for (damage, message) in cases {
        let mut state = fused.state();
        damage(&mut state);
        let error = fused.load_state(&state).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}\nexpected {message}");
        assert_eq!(state_bits(&fused), before);
    }
}

#[test]
fn a_copied_critic_gives_the_same_values_and_learns_nothing_more() {
    for (critic, activation) in KINDS {
        let (agents, mut fused) = (3, fused(critic, activation));
        let observations = observations(200, agents);
        let mut expected = vec![0.0; 200 * fused.architecture.values_per_step(agents)];
        let (rows, of) = shown(&fused, &observations, agents);
        fused.values(rows, of, None, &mut expected);
        let copied = fused.critic().unwrap();
        let named = ValueNet::new(&fused.architecture, &fused.state()).unwrap();
        let minibatch =
            Minibatch { observations: &observations, global: &GLOBAL, shares: None, agents, steps: &steps(agents) };
        fused.step(minibatch, &Waves { agents }, SIZE);
        for copy in [copied, named] {
            assert_eq!(copy.values(rows, of).unwrap(), expected, "{critic:?}, {activation:?}");
            assert_eq!(copy.values(&rows[1..], of), None);
            assert_eq!(copy.values(rows, 0), None);
        }
        assert_ne!(fused.critic().unwrap().values(rows, of).unwrap(), expected);
    }
    let attentive = architecture(CriticInput::Attention, Activation::Relu);
    assert!(ValueNet::new(&attentive, &[]).is_none(), "libtorch's alone");
}
