//! Saving and restoring a run, starting one from a policy, and moving one to another scenario.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    build::{architecture, hybrid_head, normaliser},
    pool::{Pool, SavedPool},
    *,
};
use crate::{
    error::Error,
    learn::{
        learner::{Sections, from_bytes, section, to_bytes},
        value_norm::ValueNorm,
    },
    math::moments::RunningMoments,
    policy::{
        tensor::NamedTensor,
        tensors::{from_safetensors, to_safetensors},
    },
};

/// Weight, in rows, of the normaliser that a policy brings along when a run starts from it.
const INHERITED_ROWS: u64 = 1_000_000;

/// Everything of a group but weights. Each has the counters of the run.
#[derive(Serialize, Deserialize)]
struct Saved {
    counters: Counters,
    moments: RunningMoments,
    value_norm: ValueNorm,
}

/// Name of a section that belongs to the group at `group`; where there is one group it is `name` itself.
fn name_of(name: &str, spec: &Spec, group: usize) -> String {
    format!("{name}{}", group_path(spec, group))
}

impl Trainer {
    /// Everything a resumed run needs. Randomness has an address, so the counters are all there is to save of it.
    ///
    /// # Errors
    /// A network has left the finite numbers.
    pub fn save(&self) -> Result<Sections> {
        let mut sections = Sections::from([("envs".to_owned(), to_bytes(&self.batch.snapshots())?)]);
        for pupil in &self.pupils {
            let saved =
                Saved { counters: self.counters, moments: pupil.moments.clone(), value_norm: pupil.value_norm.clone() };
            let mut add = |name: &str, bytes| sections.insert(name_of(name, self.spec(), pupil.group()), bytes);
            add("weights", to_safetensors(&pupil.net.state(), &BTreeMap::new())?);
            add("learner", to_bytes(&saved)?);
            if let Some(global) = &pupil.global {
                add("global", to_bytes(&global.moments())?);
            }
            if let Some(pool) = &pupil.pool {
                add("pool", to_bytes(&pool.save()?)?);
            }
        }
        Ok(sections)
    }

    /// Puts back what [`save`](Self::save) returned, bit for bit, into a trainer of the same scenario, seed, parameters and
    /// lineup.
    ///
    /// # Errors
    /// A section is missing, damaged or of another scenario or network. The trainer must not be used then.
    pub fn load(&mut self, sections: &Sections) -> Result<()> {
        for pupil in &mut self.pupils {
            let (spec, group) = (self.batch.spec(), pupil.group());
            let read = |name: &str| section(sections, &name_of(name, spec, group));
            let saved: Saved = from_bytes(read("learner")?, "learner")?;
            if saved.moments.columns() != pupil.moments.columns() {
                let (theirs, ours) = (saved.moments.columns(), pupil.moments.columns());
                return Err(Error::input(format!(
                    "the checkpoint observes {theirs} numbers, the scenario shows {ours}"
                )));
            }
            let weights = from_safetensors(read("weights")?, std::path::Path::new("weights"))?;
            pupil.net.load_state(&weights.tensors)?;
            match &mut pupil.global {
                Some(global) => global.restore(from_bytes(read("global")?, "global")?)?,
                None if sections.contains_key(&name_of("global", spec, group)) => return Err(GlobalView::another()),
                None => {}
            }
            if pupil.pool.is_some() {
                let saved: SavedPool = from_bytes(read("pool")?, "pool")?;
                pupil.pool = Some(Pool::load(&saved, &pupil.net.architecture().actor())?);
            }
            (self.counters, pupil.moments, pupil.value_norm) = (saved.counters, saved.moments, saved.value_norm);
        }
        self.batch.restore(&from_bytes::<Vec<Vec<u8>>>(section(sections, "envs")?, "envs")?)
    }

    /// Starts a group from the actor and the normaliser of a policy; the critic learns from nothing.
    ///
    /// # Errors
    /// The group does not learn, the policy's network has another shape, or it normalises observations and this run does not.
    pub fn start_from(&mut self, Learned { group, network: policy }: &Learned) -> Result<()> {
        let pupil = self.pupils.iter_mut().find(|pupil| pupil.group() == *group);
        let pupil = pupil.ok_or_else(|| Error::input("the group of this policy does not learn in this run"))?;
        let ours = pupil.net.architecture().actor();
        if *policy.shape() != ours {
            return Err(Error::input(format!("the policy's network has {}, this run's has {ours}", policy.shape())).hint(
                "start from a policy with the same observation, or set `hidden`, `activation` and `action_bins` to those of its card",
            ));
        }
        let (mean, std) = policy.normaliser();
        let normalises = mean.iter().any(|mean| *mean != 0.0) || std.iter().any(|std| *std != 1.0);
        if normalises && !self.params.run.norm_obs {
            return Err(Error::input("the policy normalises what it sees, this run does not")
                .hint("set `norm_obs` to `true`, or start from another policy"));
        }
        let mut state = pupil.net.state();
        for theirs in policy.tensors() {
            if let Some(tensor) = state.iter_mut().find(|tensor| tensor.name == theirs.name) {
                tensor.data = theirs.data;
            }
        }
        pupil.net.load_state(&state)?;
        pupil.moments = RunningMoments::assumed(mean, std, INHERITED_ROWS)?;
        Ok(())
    }

    /// Goes on in another scenario, which must show and ask the same of each agent; how many there are may differ.
    ///
    /// # Errors
    /// The scenario's groups, observation layouts or action spaces are others.
    pub fn change_scenario(&mut self, domain: &dyn Domain, max_steps: u32) -> Result<()> {
        let batch = new_batch(domain, max_steps, self.seeds, &self.params);
        let (ours, theirs) = (&self.batch.spec().groups, &batch.spec().groups);
        if ours.len() != theirs.len() {
            return Err(Error::input("a curriculum cannot change how many groups there are"));
        }
        for (ours, theirs) in ours.iter().zip(theirs) {
            if ours.name != theirs.name || ours.layout != theirs.layout || ours.action != theirs.action {
                return Err(Error::input(format!(
                    "a curriculum cannot go from observations `{}` to `{}` or change the action space",
                    ours.layout, theirs.layout
                )));
            }
        }
        let shown = |pupil: &Pupil| pupil.global.as_ref().map_or(0, GlobalView::width);
        for pupil in &self.pupils {
            let there = GlobalView::new(batch.spec(), self.params.ppo.critic_sees, self.params.run.norm_obs)?;
            if there.map_or(0, |view| view.width()) != shown(pupil) {
                return Err(Error::input("a curriculum cannot change how much a critic is shown")
                    .hint("set `critic_sees` to `group`, whose critic takes teams of any size"));
            }
        }
        self.pupils.iter_mut().for_each(|pupil| pupil.move_to(&batch, &self.params));
        self.batch = batch;
        Ok(())
    }
}

/// See [`learner::policies_in`](crate::learn::learner::policies_in).
pub(in crate::learn) fn policy_in(
    sections: &Sections,
    spec: &Spec,
    group: usize,
    params: &Hyperparameters,
) -> Result<Network> {
    let learner: Saved = from_bytes(section(sections, &name_of("learner", spec, group))?, "learner")?;
    let weights = section(sections, &name_of("weights", spec, group))?;
    let mut tensors = from_safetensors(weights, std::path::Path::new("weights"))?.tensors;
    tensors.retain(|tensor| tensor.name.starts_with("actor."));
    let (mean, std) = normaliser(&learner.moments, params);
    for (name, data) in [("normaliser.mean", mean), ("normaliser.std", std)] {
        tensors.push(NamedTensor { name: name.to_owned(), shape: vec![data.len()], data });
    }
    let group = &spec.groups[group];
    let shape = architecture(group, &hybrid_head(group, params)?, 0, params).actor();
    Network::from_tensors(shape, &tensors)
}
