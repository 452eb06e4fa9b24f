//! Saving and restoring a run, starting one from a policy, and moving one to another scenario.

use serde::{Deserialize, Serialize};

use super::*;
use crate::policy::tensor::NamedTensor;

/// Sections of a checkpoint that belong to the learner, by name.
pub type Sections = BTreeMap<String, Vec<u8>>;

/// Everything but weights and envs.
#[derive(Serialize, Deserialize)]
struct Learner {
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
            Learner { counters: self.counters, moments: self.moments.clone(), value_norm: self.value_norm.clone() };
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
        let learner: Learner = from_bytes(section(sections, "learner")?, "learner")?;
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
    /// The policy's network has another shape, or normalises what it sees when this run does not.
    pub fn start_from(&mut self, policy: &Network) -> Result<()> {
        let ours = self.net.architecture().actor();
        if *policy.shape() != ours {
            return Err(Error::input(format!("the policy's network is {:?}, this run's is {ours:?}", policy.shape()))
                .hint("start from a policy with the same observation, or set `hidden` and `action_bins` to those of its card"));
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

/// The policy in what [`Trainer::save`] returned, without envs to play in. `spec` is that of the scenario that was trained,
/// `params` those of the run.
///
/// # Errors
/// A section is missing, damaged or of another scenario or network.
pub fn policy_in(sections: &Sections, spec: &Spec, params: &PpoParams) -> Result<Network> {
    let learner: Learner = from_bytes(section(sections, "learner")?, "learner")?;
    let mut tensors = from_safetensors(section(sections, "weights")?, std::path::Path::new("weights"))?.tensors;
    tensors.retain(|tensor| tensor.name.starts_with("actor."));
    let (mean, std) = normaliser(&learner.moments, params);
    for (name, data) in [("normaliser.mean", mean), ("normaliser.std", std)] {
        tensors.push(NamedTensor { name: name.to_owned(), shape: vec![data.len()], data });
    }
    let shape = architecture(spec, &hybrid_head(spec, params)?, params).actor();
    Network::from_tensors(shape, &tensors)
}

fn section<'a>(sections: &'a Sections, name: &str) -> Result<&'a [u8]> {
    sections.get(name).map(Vec::as_slice).ok_or_else(|| {
        Error::input(format!("the checkpoint has no section `{name}`"))
            .hint("it is not one of this agon's training runs")
    })
}

fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value)
        .map_err(|error| Error::system(format!("a checkpoint section could not be written: {error}")))
}

fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8], name: &str) -> Result<T> {
    postcard::from_bytes(bytes)
        .map_err(|error| Error::input(format!("section `{name}` of the checkpoint is damaged: {error}")))
}
