//! What a critic expects of a moment, for people to look at.

use super::{nets::fused::ValueNet, value_norm::ValueNorm};

/// A critic as it was at one moment.
#[derive(Clone, Debug)]
pub struct Critic {
    net: ValueNet,
    norm: ValueNorm,
}

impl Critic {
    pub(super) fn new(net: ValueNet, norm: ValueNorm) -> Self {
        Self { net, norm }
    }

    /// The return that is expected from each of the moments `[moments, agents, observation]`, whose observations are
    /// normalised as the policy beside this critic does it: one number per moment if the critic sees the whole team
    /// (MAPPO), one per agent if it sees what the agent sees (IPPO). None where these are not whole moments of so many
    /// agents.
    pub fn values(&self, normalised: &[f32], agents: usize) -> Option<Vec<f32>> {
        let mut values = self.net.values(normalised, agents)?;
        self.norm.denormalise(&mut values);
        Some(values)
    }
}
