//! A rollout that both networks learn from, and that the loss is tested on.

#![allow(dead_code, reason = "each test crate uses a part of this")]

use agon::{
    learn::{
        nets::{ActorCritic, Minibatch, StepReport, StepSize},
        ppo_loss::{Experience, PpoCoefficients, PpoLoss},
    },
    policy::distribution::{HeadRows, HybridHead},
};

pub(crate) const AGENTS: usize = 4;
pub(crate) const NUM_STEPS: usize = 300;
pub(crate) const OBSERVATION: usize = 9;
pub(crate) const HEAD: usize = 6;
pub(crate) const SIZE: StepSize =
    StepSize { actor_learning_rate: 3e-4, critic_learning_rate: 1e-3, adam_eps: 1e-5, max_grad_norm: 0.5 };
pub(crate) const COEFFICIENTS: PpoCoefficients =
    PpoCoefficients { clip_coef: 0.2, ent_coef: 0.02, vf_coef: 0.5, norm_adv: true, clip_vloss: true };

/// A rollout of numbers that look random and are the same everywhere.
pub(crate) struct Rollout {
    pub(crate) observations: Vec<f32>,
    pub(crate) stored: Vec<f32>,
    pub(crate) log_probs: Vec<f32>,
    pub(crate) advantages: Vec<f32>,
    pub(crate) returns: Vec<f32>,
    pub(crate) values: Vec<f32>,
}

/// Numbers in [-1, 1) from the top bits of a multiplicative hash.
pub(crate) fn numbers(count: usize, salt: u64) -> Vec<f32> {
    let number =
        |i: u64| (i + 1 + (salt << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd134_2543_de82_ef95);
    (0..count as u64).map(|i| (number(i) >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
}

pub(crate) fn space() -> HybridHead {
    HybridHead::new(&[(-5.0, 5.0), (-2.0, 1.0)], &[4]).unwrap()
}

impl Rollout {
    /// `values` per step; advantages are per agent where values are.
    pub(crate) fn new(values: usize) -> Self {
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

    pub(crate) fn experience(&self) -> Experience<'_> {
        Experience {
            agents: AGENTS,
            stored: &self.stored,
            log_probs: &self.log_probs,
            masks: None,
            matters: None,
            counts: None,
            advantages: &self.advantages,
            returns: &self.returns,
            values: &self.values,
        }
    }

    /// `updates` optimiser steps on changing minibatches of 100 steps.
    pub(crate) fn train(&self, network: &mut dyn ActorCritic, updates: u32) -> StepReport {
        let space = space();
        let mut report = StepReport::default();
        for update in 0..updates {
            let steps: Vec<u32> = (0..100).map(|i| (i * 7 + update * 31) % NUM_STEPS as u32).collect();
            let loss = PpoLoss::new(&space, self.experience(), &steps, COEFFICIENTS).unwrap();
            let minibatch = Minibatch {
                observations: &self.observations,
                global: &[],
                shares: None,
                agents: AGENTS,
                steps: &steps,
            };
            report = network.step(minibatch, &loss, SIZE);
        }
        report
    }
}
