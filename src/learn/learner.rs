//! What a session asks of an algorithm, whichever it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{critic::Critic, demand, hyperparameters::Hyperparameters, maddpg, mappo};
use crate::{
    error::{Error, Result},
    policy::network::Network,
    sim::{Domain, EpisodeRecord, GroupSpec, Lane, Policy, Spec, params::Params},
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

/// Who learns in a run, and who acts for the others.
#[derive(Default)]
pub struct Lineup {
    /// The groups that learn, in the order of the spec.
    pub learners: Vec<Seat>,
    /// For each other group its place in the spec and who acts for it.
    pub opponents: Vec<(usize, Box<dyn Policy>)>,
}

/// A group that learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Place of the group in the spec.
    pub group: usize,
    /// Whether earlier policies of the run act for it in some of the lanes.
    pub has_pool: bool,
}

/// A policy that a run has learned.
#[derive(Clone, Debug)]
pub struct Learned {
    /// Place of its group in the spec.
    pub group: usize,
    /// What acts.
    pub network: Network,
}

impl Lineup {
    /// Every group that is paid learns, and defaults act for the others.
    ///
    /// # Errors
    /// A group that is not paid and has no default.
    pub fn all(domain: &dyn Domain, max_steps: u32) -> Result<Self> {
        let spec = domain.spec(max_steps);
        let mut lineup = Self::default();
        for (group, declared) in spec.groups.iter().enumerate() {
            if declared.reward_terms.is_empty() {
                lineup.opponents.push((group, baseline(domain, declared, declared.default)?));
            } else {
                lineup.learners.push(Seat { group, has_pool: false });
            }
        }
        Ok(lineup)
    }
}

/// The baseline of a group that is called `name`.
///
/// # Errors
/// The group has no such baseline.
pub fn baseline(domain: &dyn Domain, group: &GroupSpec, name: &str) -> Result<Box<dyn Policy>> {
    let mut own = domain.baselines().into_iter().filter(|baseline| baseline.group == group.name);
    own.find(|baseline| baseline.name == name)
        .map(|baseline| baseline.policy)
        .ok_or_else(|| Error::input(format!("`{}` has no baseline called `{}`", group.name, name.escape_debug())))
}

/// A run of an algorithm: envs, networks and everything a resumed run needs.
pub trait Learner: Send {
    /// Plays for some ticks and learns. `progress` is the share of the run that is done, for schedules.
    ///
    /// # Errors
    /// Observations, rewards or the network have left the finite numbers.
    fn iterate(&mut self, progress: f64) -> Result<IterationReport>;

    /// Gives the group at `group` a teacher, for algorithms that imitate.
    fn learn_from(&mut self, group: usize, teacher: Box<dyn Policy>);

    /// The policies as they are now, for acting, in the order of their groups.
    ///
    /// # Errors
    /// A network has left the finite numbers.
    fn policies(&self) -> Result<Vec<Learned>>;

    /// The critic of the group at `group` as it is now, which values what its policy sees; none where it cannot be copied, or
    /// values actions.
    fn critic(&self, group: usize) -> Option<Critic>;

    /// Declaration of the domain.
    fn spec(&self) -> &Spec;

    /// The worlds that it plays in.
    fn lanes_mut(&mut self) -> &mut [Lane];

    /// How far the run has come.
    fn counters(&self) -> Counters;

    /// Env-steps of one iteration.
    fn steps_per_iteration(&self) -> u64;

    /// Other values for the hyperparameters that may change while a run goes on; the others must stay what they are.
    fn set_params(&mut self, params: &Hyperparameters);

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

    /// Starts the group of a policy from its actor and its normaliser; the critic learns from nothing.
    ///
    /// # Errors
    /// The group does not learn, the policy's network has another shape, or it normalises observations and this run does not.
    fn start_from(&mut self, policy: &Learned) -> Result<()>;

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
pub fn learner(
    domain: &dyn Domain,
    max_steps: u32,
    seed: u64,
    params: &Hyperparameters,
    lineup: Lineup,
) -> Result<Box<dyn Learner>> {
    params.check()?;
    if lineup.learners.is_empty() {
        return Err(Error::input("nobody learns in this run").hint("name a group that is paid"));
    }
    demand::check(domain, max_steps, params, &lineup)?;
    Ok(if params.run.algo.is_off_policy() {
        Box::new(maddpg::Trainer::with_lineup(domain, max_steps, seed, params, lineup)?)
    } else {
        Box::new(mappo::Trainer::with_lineup(domain, max_steps, seed, params, lineup)?)
    })
}

/// The policies in what [`Learner::save`] returned, without envs to play in: those of the groups at `groups`. `spec` is that of
/// the scenario that was trained, `params` those of the run.
///
/// # Errors
/// A section is missing, damaged or of another scenario or network.
pub fn policies_in(
    sections: &Sections,
    spec: &Spec,
    groups: &[usize],
    params: &Hyperparameters,
) -> Result<Vec<Learned>> {
    let policy = |group: &usize| {
        let network = if params.run.algo.is_off_policy() {
            maddpg::policy_in(sections, spec, *group, params)
        } else {
            mappo::policy_in(sections, spec, *group, params)
        };
        network.map(|network| Learned { group: *group, network })
    };
    groups.iter().map(policy).collect()
}

/// Means over episodes that have ended.
pub(super) fn episode_scalars(records: &[EpisodeRecord], spec: &Spec) -> Vec<(String, f64)> {
    if records.is_empty() {
        return Vec::new();
    }
    let mean = |of: &dyn Fn(&EpisodeRecord) -> f64| records.iter().map(of).sum::<f64>() / records.len() as f64;
    let paths: Vec<String> = (0..spec.groups.len()).map(|index| group_path(spec, index)).collect();
    let paid = |(index, path): (usize, &String)| {
        (format!("charts/episodic_return{path}"), mean(&|record| record.groups[index].episode_return))
    };
    let mut scalars: Vec<(String, f64)> = paths.iter().enumerate().map(paid).collect();
    scalars.push(("charts/episodic_length".to_owned(), mean(&|record| f64::from(record.length))));
    for (index, (group, path)) in spec.groups.iter().zip(&paths).enumerate() {
        for (i, term) in group.reward_terms.iter().enumerate() {
            scalars.push((format!("reward{path}/{}", term.name), mean(&|record| record.groups[index].terms[i])));
        }
    }
    for (i, metric) in spec.metrics.iter().enumerate() {
        scalars.push((format!("env/{}", metric.name), mean(&|record| record.metrics[i])));
    }
    scalars
}

/// What names of numbers and sections say of the group at `index`: `/<group>`, and nothing for the only one.
pub(crate) fn group_path(spec: &Spec, index: usize) -> String {
    if spec.groups.len() > 1 { format!("/{}", spec.groups[index].name) } else { String::new() }
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
