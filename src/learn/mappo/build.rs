//! What a run is made of: envs, action head, networks.

use crate::{
    error::Result,
    learn::{
        hyperparameters::{Algo, Backend, CriticPool, HiddenActivation, PpoParams},
        nets::{ActorCritic, Architecture, CriticInput, fused::Fused, torch::Torch},
    },
    math::moments::RunningMoments,
    policy::{distribution::HybridHead, network::Activation},
    sim::{Batch, Domain, GroupSpec, Seeds},
};

pub(super) fn new_batch(domain: &dyn Domain, max_steps: u32, seeds: Seeds, params: &PpoParams) -> Batch {
    Batch::new(domain, max_steps, seeds, 0..params.num_envs as u64, params.envs_per_world)
}

/// The action head that a group asks for.
pub(super) fn hybrid_head(group: &GroupSpec, params: &PpoParams) -> Result<HybridHead> {
    let space = &group.action;
    let bounds: Vec<(f32, f32)> = space.continuous.iter().map(|f| (*f.bounds.start(), *f.bounds.end())).collect();
    let choices: Vec<usize> = space.discrete.iter().map(|d| d.choices.len()).collect();
    HybridHead::with_bins(&bounds, &choices, params.action_bins)
}

/// The networks of a group, whose critic is shown `global` numbers apart from what agents see.
pub(super) fn architecture(group: &GroupSpec, head: &HybridHead, global: usize, params: &PpoParams) -> Architecture {
    Architecture {
        observation: group.observation.len(),
        hidden: params.hidden,
        activation: match params.activation {
            HiddenActivation::Relu => Activation::Relu,
            HiddenActivation::Tanh => Activation::Tanh,
        },
        continuous: head.continuous(),
        discrete: head.choices(),
        critic: match (params.algo, params.critic) {
            _ if global > 0 => CriticInput::Global(global),
            (Algo::Ippo, _) => CriticInput::Own,
            (_, CriticPool::Mean) => CriticInput::Mean,
            (_, CriticPool::Attention) => CriticInput::Attention,
        },
    }
}

pub(super) fn network(architecture: Architecture, params: &PpoParams, seed: u64) -> Result<Box<dyn ActorCritic>> {
    let log_std = params.log_std_init as f32;
    match params.backend {
        Backend::Fused => Ok(Box::new(Fused::new(architecture, log_std, seed)?)),
        Backend::Torch => Ok(Box::new(Torch::new(architecture, log_std, seed)?)),
    }
}

/// Mean and deviation that observations are normalised with.
pub(super) fn normaliser(moments: &RunningMoments, params: &PpoParams) -> (Vec<f32>, Vec<f32>) {
    if !params.norm_obs {
        return (vec![0.0; moments.columns()], vec![1.0; moments.columns()]);
    }
    (moments.mean().iter().map(|mean| *mean as f32).collect(), moments.scale().map(|std| std as f32).collect())
}
