//! The hand-written loss against automatic differentiation, which needs no plugin.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "plugin/rollout.rs"]
mod rollout;

use agon::learn::{
    nets::{Loss, OutputGradients, Outputs},
    ppo_loss::{PpoLoss, Term},
};
use tch::{Kind, Tensor};

use rollout::{AGENTS, COEFFICIENTS, HEAD, NUM_STEPS, Rollout, numbers, space};

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
