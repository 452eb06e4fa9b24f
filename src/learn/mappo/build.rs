//! What a run is made of: envs, action head, networks.

use crate::{
    error::Result,
    learn::{
        hyperparameters::{Algo, Backend, CriticPool, HiddenActivation, Hyperparameters},
        nets::{ActorCritic, Architecture, CriticInput, fused::Fused, torch::Torch},
    },
    math::moments::RunningMoments,
    policy::{distribution::HybridHead, network::Activation},
    sim::{Batch, Domain, GroupSpec, Seeds},
};

pub(super) fn new_batch(domain: &dyn Domain, max_steps: u32, seeds: Seeds, params: &Hyperparameters) -> Batch {
    Batch::new(domain, max_steps, seeds, 0..params.run.num_envs as u64, params.run.envs_per_world)
}

/// The action head that a group asks for.
pub(super) fn hybrid_head(group: &GroupSpec, params: &Hyperparameters) -> Result<HybridHead> {
    let space = &group.action;
    let bounds: Vec<(f32, f32)> = space.continuous.iter().map(|f| (*f.bounds.start(), *f.bounds.end())).collect();
    let choices: Vec<usize> = space.discrete.iter().map(|d| d.choices.len()).collect();
    HybridHead::with_bins(&bounds, &choices, params.ppo.action_bins)
}

/// The networks of a group, whose critic is shown `global` numbers apart from what agents see.
pub(super) fn architecture(
    group: &GroupSpec,
    head: &HybridHead,
    global: usize,
    params: &Hyperparameters,
) -> Architecture {
    Architecture {
        observation: group.observation.len(),
        hidden: params.run.hidden,
        activation: match params.run.activation {
            HiddenActivation::Relu => Activation::Relu,
            HiddenActivation::Tanh => Activation::Tanh,
        },
        continuous: head.continuous(),
        discrete: head.choices(),
        critic: match (params.run.algo, params.run.critic) {
            _ if global > 0 => CriticInput::Global(global),
            (Algo::Ippo, _) => CriticInput::Own,
            (_, CriticPool::Mean) => CriticInput::Mean,
            (_, CriticPool::Attention) => CriticInput::Attention,
        },
    }
}

pub(super) fn network(architecture: Architecture, params: &Hyperparameters, seed: u64) -> Result<Box<dyn ActorCritic>> {
    let log_std = params.ppo.log_std_init as f32;
    match params.run.backend {
        Backend::Fused => Ok(Box::new(Fused::new(architecture, log_std, seed)?)),
        Backend::Torch => Ok(Box::new(Torch::new(architecture, log_std, seed)?)),
    }
}

/// Mean and deviation that observations are normalised with.
pub(super) fn normaliser(moments: &RunningMoments, params: &Hyperparameters) -> (Vec<f32>, Vec<f32>) {
    if !params.run.norm_obs {
        return (vec![0.0; moments.columns()], vec![1.0; moments.columns()]);
    }
    (moments.mean().iter().map(|mean| *mean as f32).collect(), moments.scale().map(|std| std as f32).collect())
}
