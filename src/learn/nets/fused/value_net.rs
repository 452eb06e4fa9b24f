//! The critic as it was at one moment, apart from the network that goes on learning.

use super::{
    Fused,
    layout::{Layout, Turned},
    tile::{Pass, Workspace},
};
use crate::{
    learn::nets::{Architecture, CriticInput},
    math::gemm::{Aligned, Isa},
    policy::tensor::NamedTensor,
};

/// A critic that only gives values.
#[derive(Clone, Debug)]
pub struct ValueNet {
    pub(super) architecture: Architecture,
    pub(super) isa: Isa,
    /// Room for the actor is here too: the kernels know only networks that have both.
    pub(super) layout: Layout,
    pub(super) parameters: Aligned,
    pub(super) turned: [Turned; 2],
}

impl ValueNet {
    /// The critic among `tensors`, whose names and shapes are those of the architecture; none for a critic with attention.
    pub fn new(architecture: &Architecture, tensors: &[NamedTensor]) -> Option<Self> {
        if architecture.critic == CriticInput::Attention {
            return None;
        }
        let mut fused = Fused::zeros(architecture.clone());
        for NamedTensor { name, data, .. } in tensors {
            fused.layout.write(&mut fused.parameters, name, data);
        }
        fused.refresh();
        let Fused { architecture, isa, layout, parameters, turned, .. } = fused;
        Some(Self { architecture, isa, layout, parameters, turned })
    }

    /// Values of `[steps, agents, critic_width]`, `[steps, values_per_step]`, in normalised units; none where the observations
    /// are not those of whole steps of so many agents.
    pub fn values(&self, observations: &[f32], agents: usize) -> Option<Vec<f32>> {
        let entry = agents * self.architecture.critic_width();
        if agents == 0 || !observations.len().is_multiple_of(entry) {
            return None;
        }
        let per_entry = self.architecture.values_per_step(agents);
        let mut values = vec![0.0; observations.len() / entry * per_entry];
        let pass = Pass {
            isa: self.isa,
            architecture: &self.architecture,
            layout: &self.layout,
            parameters: &self.parameters,
            turned: &self.turned,
            agents,
        };
        let tile = Fused::tile_entries(agents);
        let mut work = Workspace::default();
        for (observations, values) in observations.chunks(tile * entry).zip(values.chunks_mut(tile * per_entry)) {
            pass.values(&mut work, observations, None, values);
        }
        Some(values)
    }
}
