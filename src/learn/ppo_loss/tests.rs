//! The loss against a plain f64 reference: its terms, and its gradient by finite differences.
#![allow(clippy::unwrap_used, reason = "tests")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::policy::distribution::tests::{head, reference};

const AGENTS: usize = 3;
const NUM_STEPS: usize = 9;
const ROWS: usize = NUM_STEPS * AGENTS;
/// Order as a shuffled minibatch has it, some steps left out.
const STEPS: [u32; 6] = [7, 2, 8, 0, 3, 5];

const COEFFICIENTS: PpoCoefficients =
    PpoCoefficients { clip_coef: 0.2, ent_coef: 0.03, vf_coef: 0.5, norm_adv: true, clip_vloss: false };

/// A rollout of random numbers, and outputs of a network that has moved on since.
struct Case {
    stored: Vec<f32>,
    log_probs: Vec<f32>,
    masks: Vec<f32>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
    values: Vec<f32>,
    head: Vec<f32>,
    log_std: [f32; 2],
    new_values: Vec<f32>,
}

/// Outputs in f64, so that differences are not lost in rounding.
#[derive(Clone)]
struct Exact {
    head: Vec<f64>,
    log_std: [f64; 2],
    values: Vec<f64>,
}

impl Case {
    fn new(advantages: usize, values: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.5f32..1.5)).collect() };
        let mut stored = numbers(ROWS * 4);
        for row in stored.chunks_exact_mut(4) {
            row[2] = (row[2] * 10.0).abs() % 4.0;
            row[3] = (row[3] * 10.0).abs() % 3.0;
            row[2..].iter_mut().for_each(|choice| *choice = choice.floor());
        }
        let masks = (0..ROWS * 7).map(|i| {
            let (row, column) = (i / 7, i % 7);
            let chosen = [stored[row * 4 + 2] as usize, 4 + stored[row * 4 + 3] as usize];
            if chosen.contains(&column) || i % 5 != 0 { 1.0 } else { 0.0 }
        });
        let masks: Vec<f32> = masks.collect();
        let (head, log_std) = (numbers(STEPS.len() * AGENTS * 9), [0.2, -0.4]);
        // Old log-probabilities near the new ones, so that some ratios are clipped and some are not.
        let mut log_probs = numbers(ROWS);
        for (entry, &step) in STEPS.iter().enumerate() {
            for agent in 0..AGENTS {
                let (row, source) = (entry * AGENTS + agent, step as usize * AGENTS + agent);
                let outputs: Vec<f64> = head[row * 9..][..9].iter().map(|&x| x.into()).collect();
                let (mask, stored) = (&masks[source * 7..][..7], &stored[source * 4..][..4]);
                let (log_prob, _) = reference(&outputs, &log_std.map(f64::from), mask, stored);
                log_probs[source] = log_prob as f32 + 0.3 * log_probs[source];
            }
        }
        let (advantages, returns) = (numbers(NUM_STEPS * advantages), numbers(NUM_STEPS * values));
        let (old, new_values) = (numbers(NUM_STEPS * values), numbers(STEPS.len() * values));
        Self { stored, log_probs, masks, advantages, returns, values: old, head, log_std, new_values }
    }

    fn experience(&self) -> Experience<'_> {
        Experience {
            agents: AGENTS,
            stored: &self.stored,
            log_probs: &self.log_probs,
            masks: Some(&self.masks),
            matters: None,
            counts: None,
            advantages: &self.advantages,
            returns: &self.returns,
            values: &self.values,
        }
    }

    /// Gradients and terms, the minibatch cut into pieces of `piece` entries.
    fn differentiate(&self, loss: &PpoLoss<'_>, piece: usize) -> (Exact, [f64; LOSS_TERMS]) {
        let (mut head, mut values) = (vec![0.0f32; self.head.len()], vec![0.0f32; self.new_values.len()]);
        let (mut log_std, mut terms) = ([0.0f32; 2], [0.0; LOSS_TERMS]);
        let (rows, columns) = (AGENTS * 9, self.new_values.len() / STEPS.len());
        for first in (0..STEPS.len()).step_by(piece) {
            let entries = first..(first + piece).min(STEPS.len());
            let (in_head, in_values) = (first * rows..entries.end * rows, first * columns..entries.end * columns);
            let outputs = Outputs {
                head: &self.head[in_head.clone()],
                log_std: &self.log_std,
                values: &self.new_values[in_values.clone()],
            };
            let gradients =
                OutputGradients { head: &mut head[in_head], log_std: &mut log_std, values: &mut values[in_values] };
            for (sum, term) in terms.iter_mut().zip(loss.differentiate(entries, outputs, gradients)) {
                *sum += term;
            }
        }
        let wide = |x: Vec<f32>| x.into_iter().map(f64::from).collect();
        (Exact { head: wide(head), log_std: log_std.map(f64::from), values: wide(values) }, terms)
    }

    fn outputs(&self) -> Exact {
        let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect();
        Exact { head: wide(&self.head), log_std: self.log_std.map(f64::from), values: wide(&self.new_values) }
    }

    /// The terms as their definitions say, without any of the tricks.
    fn reference(&self, coefficients: PpoCoefficients, outputs: &Exact) -> [f64; LOSS_TERMS] {
        let columns = self.advantages.len() / NUM_STEPS;
        let all = STEPS.iter().flat_map(|&step| &self.advantages[step as usize * columns..][..columns]);
        let all: Vec<f64> = all.map(|&advantage| advantage.into()).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let std = libm::sqrt(all.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / (all.len() - 1) as f64);
        let (mean, std) = if coefficients.norm_adv { (mean, std + 1e-8) } else { (0.0, 1.0) };
        let clip_coef = f64::from(coefficients.clip_coef);

        let mut terms = [0.0; LOSS_TERMS];
        let agents = (STEPS.len() * AGENTS) as f64;
        for row in 0..STEPS.len() * AGENTS {
            let source = STEPS[row / AGENTS] as usize * AGENTS + row % AGENTS;
            let (mask, stored) = (&self.masks[source * 7..][..7], &self.stored[source * 4..][..4]);
            let (log_prob, entropy) = reference(&outputs.head[row * 9..][..9], &outputs.log_std, mask, stored);
            let log_ratio = log_prob - f64::from(self.log_probs[source]);
            let ratio = libm::exp(log_ratio);
            let advantage = self.advantages[if columns == 1 { source / AGENTS } else { source }];
            let advantage = (f64::from(advantage) - mean) / std;
            let clipped = ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef);
            terms[Term::PolicyLoss.index()] += f64::max(-advantage * ratio, -advantage * clipped) / agents;
            terms[Term::Entropy.index()] += entropy / agents;
            terms[Term::ApproxKl.index()] += (ratio - 1.0 - log_ratio) / agents;
            terms[Term::OldApproxKl.index()] -= log_ratio / agents;
            terms[Term::ClipFraction.index()] += if clipped == ratio { 0.0 } else { 1.0 / agents };
        }
        let columns = self.returns.len() / NUM_STEPS;
        for (i, value) in outputs.values.iter().enumerate() {
            let at = STEPS[i / columns] as usize * columns + i % columns;
            let (target, old) = (f64::from(self.returns[at]), f64::from(self.values[at]));
            let mut square = (value - target) * (value - target);
            if coefficients.clip_vloss {
                let held = old + (value - old).clamp(-clip_coef, clip_coef) - target;
                square = square.max(held * held);
            }
            terms[Term::ValueLoss.index()] += 0.5 * square / outputs.values.len() as f64;
        }
        terms[Term::Loss.index()] = terms[Term::PolicyLoss.index()]
            - f64::from(coefficients.ent_coef) * terms[Term::Entropy.index()]
            + f64::from(coefficients.vf_coef) * terms[Term::ValueLoss.index()];
        terms
    }
}

fn assert_gradient_matches_differences(case: &Case, coefficients: PpoCoefficients) {
    let space = head();
    let loss = PpoLoss::new(&space, case.experience(), &STEPS, coefficients).unwrap();
    let (found, _) = case.differentiate(&loss, STEPS.len());
    let outputs = case.outputs();
    let difference = |shift: &dyn Fn(&mut Exact, f64)| {
        let at = |h: f64| {
            let mut outputs = outputs.clone();
            shift(&mut outputs, h);
            case.reference(coefficients, &outputs)[Term::Loss.index()]
        };
        (at(1e-5) - at(-1e-5)) / 2e-5
    };
    // The entropy of squashed dimensions is an approximation whose gradient may be off by a little.
    let (per_row, shared) =
        (1e-6 + 0.012 * f64::from(coefficients.ent_coef) / 18.0, 1e-5 + 0.02 * f64::from(coefficients.ent_coef));
    for i in 0..found.head.len() {
        let expected = difference(&|outputs, h| outputs.head[i] += h);
        assert!((found.head[i] - expected).abs() < per_row, "head {i}: {}, not {expected}", found.head[i]);
    }
    for i in 0..2 {
        let expected = difference(&|outputs, h| outputs.log_std[i] += h);
        assert!((found.log_std[i] - expected).abs() < shared, "log_std {i}: {}, not {expected}", found.log_std[i]);
    }
    for i in 0..found.values.len() {
        let expected = difference(&|outputs, h| outputs.values[i] += h);
        assert!((found.values[i] - expected).abs() < 1e-6, "value {i}: {}, not {expected}", found.values[i]);
    }
}

#[test]
fn gradients_match_finite_differences_for_individual_advantages() {
    let case = Case::new(AGENTS, AGENTS, 1);
    assert_gradient_matches_differences(&case, COEFFICIENTS);
    assert_gradient_matches_differences(&case, PpoCoefficients { ent_coef: 0.0, norm_adv: false, ..COEFFICIENTS });
}

#[test]
fn gradients_match_finite_differences_for_a_shared_advantage() {
    assert_gradient_matches_differences(&Case::new(1, 1, 2), COEFFICIENTS);
}

#[test]
fn gradients_match_finite_differences_with_clipped_values() {
    let coefficients = PpoCoefficients { clip_vloss: true, clip_coef: 0.5, ..COEFFICIENTS };
    assert_gradient_matches_differences(&Case::new(1, 1, 3), coefficients);
    assert_gradient_matches_differences(&Case::new(AGENTS, AGENTS, 4), coefficients);
}

#[test]
fn terms_match_their_definitions() {
    let space = head();
    for (case, clip_vloss) in [(Case::new(AGENTS, AGENTS, 5), false), (Case::new(1, 1, 6), true)] {
        let coefficients = PpoCoefficients { clip_vloss, ..COEFFICIENTS };
        let loss = PpoLoss::new(&space, case.experience(), &STEPS, coefficients).unwrap();
        let (_, terms) = case.differentiate(&loss, STEPS.len());
        let expected = case.reference(coefficients, &case.outputs());
        for term in Term::ALL.into_iter().filter(|&term| term != Term::DiscreteEntropy) {
            let tolerance = if matches!(term, Term::Entropy | Term::Loss) { 2.4e-3 } else { 1e-5 };
            let (found, expected) = (terms[term.index()], expected[term.index()]);
            assert!((found - expected).abs() < tolerance, "{term:?}: {found}, not {expected}");
        }
        let fraction = terms[Term::ClipFraction.index()];
        assert!(fraction > 0.1 && fraction < 0.9, "the case must hold both clipped and free ratios: {fraction}");
        assert!(terms[Term::DiscreteEntropy.index()] > 0.5 && terms[Term::DiscreteEntropy.index()] < 2.5);
    }
}

#[test]
fn a_minibatch_may_be_cut_anywhere() {
    let (space, case) = (head(), Case::new(AGENTS, 1, 7));
    let loss = PpoLoss::new(&space, case.experience(), &STEPS, COEFFICIENTS).unwrap();
    let (whole, terms) = case.differentiate(&loss, STEPS.len());
    for piece in [1, 2, 5] {
        let (cut, cut_terms) = case.differentiate(&loss, piece);
        assert_eq!((&whole.head, &whole.values), (&cut.head, &cut.values));
        assert!(whole.log_std.iter().zip(cut.log_std).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!(terms.iter().zip(cut_terms).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}

/// Agents that do not matter might as well not be there: the policy's part of the loss is that of a rollout without them.
#[test]
fn what_does_not_matter_teaches_the_policy_nothing() {
    let (space, case) = (head(), Case::new(AGENTS, AGENTS, 8));
    let matters: Vec<bool> = (0..ROWS).map(|row| row % AGENTS == 1).collect();
    let masked = Experience { matters: Some(&matters), ..case.experience() };
    let loss = PpoLoss::new(&space, masked, &STEPS, COEFFICIENTS).unwrap();
    let (found, terms) = case.differentiate(&loss, STEPS.len());

    let middle = |numbers: &[f32], width: usize| -> Vec<f32> {
        numbers.chunks_exact(AGENTS * width).flat_map(|step| &step[width..2 * width]).copied().collect()
    };
    let alone = Case {
        stored: middle(&case.stored, 4),
        log_probs: middle(&case.log_probs, 1),
        masks: middle(&case.masks, 7),
        advantages: middle(&case.advantages, 1),
        returns: case.returns.clone(),
        values: case.values.clone(),
        head: middle(&case.head, 9),
        log_std: case.log_std,
        new_values: case.new_values.clone(),
    };
    let loss = PpoLoss::new(&space, Experience { agents: 1, ..alone.experience() }, &STEPS, COEFFICIENTS).unwrap();
    let (mut head, mut values) = (vec![0.0; alone.head.len()], vec![0.0; alone.new_values.len()]);
    let mut log_std = [0.0; 2];
    let outputs = Outputs { head: &alone.head, log_std: &alone.log_std, values: &alone.new_values };
    let gradients = OutputGradients { head: &mut head, log_std: &mut log_std, values: &mut values };
    let expected = loss.differentiate(0..STEPS.len(), outputs, gradients);

    for term in Term::ALL {
        assert!((terms[term.index()] - expected[term.index()]).abs() < 1e-6, "{term:?}");
    }
    for (row, gradients) in found.head.chunks_exact(9).enumerate() {
        let (step, agent) = (row / AGENTS, row % AGENTS);
        for (column, gradient) in gradients.iter().enumerate() {
            let expected = if agent == 1 { f64::from(head[step * 9 + column]) } else { 0.0 };
            assert!((gradient - expected).abs() < 1e-6, "step {step}, agent {agent}: {gradient}, not {expected}");
        }
    }
    assert!(found.log_std.iter().zip(log_std).all(|(found, expected)| (found - f64::from(expected)).abs() < 1e-6));
    assert!(found.values.iter().zip(values).all(|(found, expected)| (found - f64::from(expected)).abs() < 1e-9));
}

#[test]
fn a_shared_advantage_counts_by_the_agents_that_matter() {
    let (space, case) = (head(), Case::new(1, 1, 9));
    // Of the second step two agents matter, of the third one, of all others none.
    let matters: Vec<bool> = (0..ROWS).map(|row| [7 * AGENTS, 7 * AGENTS + 2, 2 * AGENTS + 1].contains(&row)).collect();
    let masked = Experience { matters: Some(&matters), ..case.experience() };
    let loss = PpoLoss::new(&space, masked, &STEPS, COEFFICIENTS).unwrap();
    let (two, one) = (f64::from(case.advantages[7]), f64::from(case.advantages[2]));
    let mean = (2.0 * two + one) / 3.0;
    assert!((f64::from(loss.advantage_mean) - mean).abs() < 1e-6, "{}, not {mean}", loss.advantage_mean);
    assert_eq!(loss.agent_share, 1.0 / 3.0);
    let nobody = vec![false; ROWS];
    let loss = PpoLoss::new(&space, Experience { matters: Some(&nobody), ..masked }, &STEPS, COEFFICIENTS).unwrap();
    let (found, terms) = case.differentiate(&loss, STEPS.len());
    assert!(found.head.iter().chain(&found.log_std).all(|gradient| *gradient == 0.0));
    assert_eq!((terms[Term::PolicyLoss.index()], terms[Term::Entropy.index()]), (0.0, 0.0));
    assert!(terms[Term::ValueLoss.index()] > 0.0, "the critic learns all the same");
}

#[test]
fn an_unchanged_policy_has_ratio_one() {
    let space = HybridHead::new(&[(-1.0, 1.0)], &[2]).unwrap();
    let (stored, head, log_std) = ([0.3, 1.0, -2.0, 0.0], [0.5, 0.1, 0.2, -0.5, 3.0, 1.0], [0.1]);
    let (mut log_probs, mut entropies) = ([0.0; 2], [0.0; 2]);
    let rows = HeadRows { head: &head, log_std: &log_std, masks: None };
    space.evaluate(rows, &stored, &mut log_probs, &mut entropies);
    let experience = Experience {
        agents: 1,
        stored: &stored,
        log_probs: &log_probs,
        masks: None,
        matters: None,
        counts: None,
        advantages: &[1.0, -1.0],
        returns: &[0.0; 2],
        values: &[0.0; 2],
    };
    let loss = PpoLoss::new(&space, experience, &[0, 1], COEFFICIENTS).unwrap();
    let gradients = OutputGradients { head: &mut [0.0; 6], log_std: &mut [0.0], values: &mut [0.0; 2] };
    let terms = loss.differentiate(0..2, Outputs { head: &head, log_std: &log_std, values: &[0.0; 2] }, gradients);
    for term in [Term::PolicyLoss, Term::ApproxKl, Term::OldApproxKl, Term::ClipFraction] {
        assert_eq!(terms[term.index()], 0.0, "{term:?}");
    }
}

#[test]
fn a_wild_ratio_leaves_every_gradient_finite() {
    let space = HybridHead::new(&[(-1.0, 1.0)], &[2]).unwrap();
    for advantage in [1e6, -1e6] {
        let experience = Experience {
            agents: 2,
            stored: &[0.0, 1.0, 40.0, 0.0],
            log_probs: &[-300.0, 300.0],
            masks: None,
            matters: None,
            counts: None,
            advantages: &[advantage],
            returns: &[1e4],
            values: &[-1e4],
        };
        let loss = PpoLoss::new(&space, experience, &[0], PpoCoefficients { norm_adv: false, ..COEFFICIENTS }).unwrap();
        let (mut head, mut log_std, mut values) = ([0.0; 6], [0.0], [0.0]);
        let gradients = OutputGradients { head: &mut head, log_std: &mut log_std, values: &mut values };
        let outputs = Outputs { head: &[0.0, 1.0, -1.0, 0.0, 1.0, 1.0], log_std: &[-5.0], values: &[1e5] };
        let terms = loss.differentiate(0..1, outputs, gradients);
        assert!(head.iter().chain(&log_std).chain(&values).all(|x| x.is_finite()));
        assert!(terms.iter().all(|x| x.is_finite()), "{terms:?}");
    }
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let (space, case) = (head(), Case::new(1, 1, 8));
    let good = case.experience();
    for broken in [
        Experience { agents: 0, ..good },
        Experience { agents: 4, ..good },
        Experience { stored: &case.stored[1..], ..good },
        Experience { advantages: &case.stored[..2 * NUM_STEPS], ..good },
        Experience { advantages: &[], ..good },
        Experience { returns: &[], values: &[], ..good },
        Experience { values: &case.values[1..], ..good },
        Experience { masks: Some(&case.masks[7..]), ..good },
        Experience { matters: Some(&[true; ROWS - 1]), ..good },
    ] {
        assert!(PpoLoss::new(&space, broken, &STEPS, COEFFICIENTS).is_err());
    }
    assert!(PpoLoss::new(&space, good, &[], COEFFICIENTS).is_err());
    let error = PpoLoss::new(&space, good, &[0, 9], COEFFICIENTS).unwrap_err();
    assert_eq!(error.to_string(), "step 9 is beyond the 9 steps of the rollout");
    for clip_coef in [-0.1, f32::NAN, f32::INFINITY] {
        assert!(PpoLoss::new(&space, good, &STEPS, PpoCoefficients { clip_coef, ..COEFFICIENTS }).is_err());
    }
}

#[test]
fn every_term_has_its_own_place_and_tag() {
    for (index, term) in Term::ALL.into_iter().enumerate() {
        assert_eq!(term.index(), index);
        assert!(Term::ALL[..index].iter().all(|other| other.tag() != term.tag()));
    }
}
