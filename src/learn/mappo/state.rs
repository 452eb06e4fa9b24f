//! Saving and restoring a run, starting one from a policy, and moving one to another scenario.

use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    learn::learner::{Sections, from_bytes, section, to_bytes},
    policy::tensor::NamedTensor,
};

/// Everything but weights and envs.
#[derive(Serialize, Deserialize)]
struct Saved {
    counters: Counters,
    moments: RunningMoments,
    value_norm: ValueNorm,
}

impl Trainer {
    /// Everything a resumed run needs. Randomness has an address, so the counters are all there is to save of it.
    ///
    /// # Errors
    /// The network has left the finite numbers.
    pub fn save(&self) -> Result<Sections> {
        let learner =
            Saved { counters: self.counters, moments: self.moments.clone(), value_norm: self.value_norm.clone() };
        Ok(BTreeMap::from([
            ("weights".to_owned(), to_safetensors(&self.net.state(), &BTreeMap::new())?),
            ("learner".to_owned(), to_bytes(&learner)?),
            ("envs".to_owned(), to_bytes(&self.batch.snapshots())?),
        ]))
    }

    /// Puts back what [`save`](Self::save) returned, bit for bit, into a trainer of the same scenario, seed and parameters.
    ///
    /// # Errors
    /// A section is missing, damaged or of another scenario or network. The trainer must not be used then.
    pub fn load(&mut self, sections: &Sections) -> Result<()> {
        let learner: Saved = from_bytes(section(sections, "learner")?, "learner")?;
        if learner.moments.columns() != self.moments.columns() {
            let (theirs, ours) = (learner.moments.columns(), self.moments.columns());
            return Err(Error::input(format!("the checkpoint observes {theirs} numbers, the scenario shows {ours}")));
        }
        let weights = from_safetensors(section(sections, "weights")?, std::path::Path::new("weights"))?;
        self.net.load_state(&weights.tensors)?;
        self.batch.restore(&from_bytes::<Vec<Vec<u8>>>(section(sections, "envs")?, "envs")?)?;
        (self.counters, self.moments, self.value_norm) = (learner.counters, learner.moments, learner.value_norm);
        Ok(())
    }

    /// Starts from the actor and the normaliser of a policy; the critic learns from nothing.
    ///
    /// # Errors
    /// The policy's network has another shape, or it normalises observations and this run does not.
    pub fn start_from(&mut self, policy: &Network) -> Result<()> {
        let ours = self.net.architecture().actor();
        if *policy.shape() != ours {
            return Err(Error::input(format!("the policy's network has {}, this run's has {ours}", policy.shape())).hint(
                "start from a policy with the same observation, or set `hidden`, `activation` and `action_bins` to those of its card",
            ));
        }
        let (mean, std) = policy.normaliser();
        let normalises = mean.iter().any(|mean| *mean != 0.0) || std.iter().any(|std| *std != 1.0);
        if normalises && !self.params.norm_obs {
            return Err(Error::input("the policy normalises what it sees, this run does not")
                .hint("set `norm_obs` to `true`, or start from another policy"));
        }
        let mut state = self.net.state();
        for theirs in policy.tensors() {
            if let Some(tensor) = state.iter_mut().find(|tensor| tensor.name == theirs.name) {
                tensor.data = theirs.data;
            }
        }
        self.net.load_state(&state)?;
        self.moments = RunningMoments::assumed(mean, std, INHERITED_ROWS)?;
        Ok(())
    }

    /// Goes on in another scenario, which must show and ask the same of each agent; how many there are may differ.
    ///
    /// # Errors
    /// The scenario's observation layout or action space is another one.
    pub fn change_scenario(&mut self, domain: &dyn Domain, max_steps: u32) -> Result<()> {
        let batch = new_batch(domain, max_steps, self.seeds, &self.params);
        let (ours, theirs) = (&self.batch.spec().groups[0], &batch.spec().groups[0]);
        if ours.layout != theirs.layout || ours.action != theirs.action {
            return Err(Error::input(format!(
                "a curriculum cannot go from observations `{}` to `{}` or change the action space",
                ours.layout, theirs.layout
            )));
        }
        self.rollout =
            Rollout::new(Shape::of(&batch, &self.head, self.params.num_steps, self.params.algo == Algo::Mappo));
        self.batch = batch;
        Ok(())
    }
}

/// See [`learner::policy_in`](crate::learn::learner::policy_in).
pub(in crate::learn) fn policy_in(sections: &Sections, spec: &Spec, params: &PpoParams) -> Result<Network> {
    let learner: Saved = from_bytes(section(sections, "learner")?, "learner")?;
    let mut tensors = from_safetensors(section(sections, "weights")?, std::path::Path::new("weights"))?.tensors;
    tensors.retain(|tensor| tensor.name.starts_with("actor."));
    let (mean, std) = normaliser(&learner.moments, params);
    for (name, data) in [("normaliser.mean", mean), ("normaliser.std", std)] {
        tensors.push(NamedTensor { name: name.to_owned(), shape: vec![data.len()], data });
    }
    let shape = architecture(spec, &hybrid_head(spec, params)?, params).actor();
    Network::from_tensors(shape, &tensors)
}
