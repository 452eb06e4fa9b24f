//! What a session asks of an algorithm, whichever it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{critic::Critic, demand, hyperparameters::PpoParams, maddpg, mappo};
use crate::{
    error::{Error, Result},
    policy::network::Network,
    sim::{Domain, EpisodeRecord, Lane, Policy, Spec, params::Params},
};

/// Sections of a checkpoint that belong to the learner, by name.
pub type Sections = BTreeMap<String, Vec<u8>>;

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Iterations done.
    pub iterations: u64,
    /// Ticks of single envs done.
    pub env_steps: u64,
    /// Actions of single agents done.
    pub agent_steps: u64,
    /// Episodes finished.
    pub episodes: u64,
    /// Iterations that imitated the teacher.
    pub imitated: u64,
}

/// What one iteration came to.
#[derive(Clone, Debug, PartialEq)]
pub struct IterationReport {
    /// Where the run is now.
    pub counters: Counters,
    /// Named numbers for the log, as `group/name`.
    pub scalars: Vec<(String, f64)>,
}

/// A run of an algorithm: envs, networks and everything a resumed run needs.
pub trait Learner: Send {
    /// Plays for some ticks and learns. `progress` is the share of the run that is done, for schedules.
    ///
    /// # Errors
    /// Observations, rewards or the network have left the finite numbers.
    fn iterate(&mut self, progress: f64) -> Result<IterationReport>;

    /// Gives the run a teacher, for algorithms that imitate.
    fn learn_from(&mut self, teacher: Box<dyn Policy>);

    /// The policy as it is now, for acting.
    ///
    /// # Errors
    /// The network has left the finite numbers.
    fn policy(&self) -> Result<Network>;

    /// The critic as it is now, which values the observations of [`policy`](Self::policy); none where it cannot be
    /// copied, or values actions.
    fn critic(&self) -> Option<Critic>;

    /// Declaration of the domain.
    fn spec(&self) -> &Spec;

    /// The worlds that it plays in.
    fn lanes_mut(&mut self) -> &mut [Lane];

    /// How far the run has come.
    fn counters(&self) -> Counters;

    /// Env-steps of one iteration.
    fn steps_per_iteration(&self) -> u64;

    /// Other values for the hyperparameters that may change while a run goes on; the others must stay what they are.
    fn set_params(&mut self, params: &PpoParams);

    /// Everything a resumed run needs. Randomness has an address, so the counters are all there is to save of it.
    ///
    /// # Errors
    /// The network has left the finite numbers.
    fn save(&self) -> Result<Sections>;

    /// Puts back what [`save`](Self::save) returned, bit for bit, into a learner of the same scenario, seed and hyperparameters.
    ///
    /// # Errors
    /// A section is missing, damaged or of another scenario or network. The learner must not be used then.
    fn load(&mut self, sections: &Sections) -> Result<()>;

    /// Starts from the actor and the normaliser of a policy; the critic learns from nothing.
    ///
    /// # Errors
    /// The policy's network has another shape, or it normalises observations and this run does not.
    fn start_from(&mut self, policy: &Network) -> Result<()>;

    /// Goes on in another scenario.
    ///
    /// # Errors
    /// Agents there have other observations or actions, or there are more or fewer of them than the networks can act
    /// for.
    fn change_scenario(&mut self, domain: &dyn Domain, max_steps: u32) -> Result<()>;
}

/// A run at its beginning, of the algorithm that `params` choose.
///
/// # Errors
/// Hyperparameters out of range, a combination that cannot be trained, or more memory than there is.
pub fn learner(domain: &dyn Domain, max_steps: u32, seed: u64, params: &PpoParams) -> Result<Box<dyn Learner>> {
    params.check()?;
    demand::check(domain, max_steps, params)?;
    Ok(if params.algo.is_off_policy() {
        Box::new(maddpg::Trainer::new(domain, max_steps, seed, params)?)
    } else {
        Box::new(mappo::Trainer::new(domain, max_steps, seed, params)?)
    })
}

/// The policy in what [`Learner::save`] returned, without envs to play in. `spec` is that of the scenario that was trained,
/// `params` those of the run.
///
/// # Errors
/// A section is missing, damaged or of another scenario or network.
pub fn policy_in(sections: &Sections, spec: &Spec, params: &PpoParams) -> Result<Network> {
    if params.algo.is_off_policy() {
        maddpg::policy_in(sections, spec, params)
    } else {
        mappo::policy_in(sections, spec, params)
    }
}

/// Means over episodes that have ended.
pub(super) fn episode_scalars(records: &[EpisodeRecord], spec: &Spec) -> Vec<(String, f64)> {
    if records.is_empty() {
        return Vec::new();
    }
    let mean = |of: &dyn Fn(&EpisodeRecord) -> f64| records.iter().map(of).sum::<f64>() / records.len() as f64;
    let mut scalars = vec![
        ("charts/episodic_return".to_owned(), mean(&|record| record.episode_return)),
        ("charts/episodic_length".to_owned(), mean(&|record| f64::from(record.length))),
    ];
    for (i, term) in spec.groups[0].reward_terms.iter().enumerate() {
        scalars.push((format!("reward/{}", term.name), mean(&|record| record.terms[i])));
    }
    for (i, metric) in spec.metrics.iter().enumerate() {
        scalars.push((format!("env/{}", metric.name), mean(&|record| record.metrics[i])));
    }
    scalars
}

pub(super) fn section<'a>(sections: &'a Sections, name: &str) -> Result<&'a [u8]> {
    sections.get(name).map(Vec::as_slice).ok_or_else(|| {
        Error::input(format!("the checkpoint has no section `{name}`"))
            .hint("it is not one of this agon's training runs")
    })
}

pub(super) fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value)
        .map_err(|error| Error::system(format!("a checkpoint section could not be written: {error}")))
}

pub(super) fn from_bytes<T: DeserializeOwned>(bytes: &[u8], name: &str) -> Result<T> {
    postcard::from_bytes(bytes)
        .map_err(|error| Error::input(format!("section `{name}` of the checkpoint is damaged: {error}")))
}
