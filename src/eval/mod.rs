//! Evaluation: policies play the same unseen episodes and are compared pair by pair.
//!
//! Episode i of every policy is the first episode of env number i of a [`Family`] under the run seed, so all policies meet
//! the same starts and the same chance (common random numbers), and none of them was ever trained on. How envs are spread
//! over worlds and threads changes nothing but the speed.
//!
//! Whoever compares recipes by some episodes and keeps the best has chosen by these episodes, and the best looks better on them
//! than it is. So there are two families: one to choose by, and one for tables.

mod json;
mod play;
mod report;
mod table;
mod text;

use std::ops::{Range, RangeInclusive};

pub use self::{
    report::{Comparison, FRACTION, Measured, PolicyReport, Report, Slice},
    table::{Align, Table, paragraph},
};

use crate::{
    error::{Error, Result},
    policy::cast::{Cast, Casting},
    sim::{
        EVALUATION_ENVS, TEST_ENVS,
        scenario::{Playable, Scenario},
    },
};

/// Episodes that can be asked for.
pub const EPISODES: RangeInclusive<u64> = 1..=1_000_000;

/// Which evaluation episodes are played. The two have none in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// To look at and to choose by: recipes, checkpoints, curves.
    #[default]
    Development,
    /// For tables. Nothing is chosen by them.
    Test,
}

impl Family {
    /// Its name, as in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Test => "test",
        }
    }

    /// Numbers of the envs whose first episodes are its first so many.
    pub fn envs(self, episodes: u64) -> Range<u64> {
        let first = match self {
            Self::Development => EVALUATION_ENVS,
            Self::Test => TEST_ENVS,
        };
        first..first.saturating_add(episodes)
    }
}

/// How to evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalOptions {
    /// Episodes of each policy.
    pub episodes: u64,
    /// Run seed of the episodes.
    pub seed: u64,
    /// Which episodes they are.
    pub family: Family,
    /// Play the baseline that the domain declares as its reference even if it was not asked for, to have something to quote
    /// results against.
    pub with_reference: bool,
    /// Name of the metric that policies are compared by; without it, the domain's first one. The metric says which way is better.
    pub score: Option<String>,
    /// Envs that share a world.
    pub envs_per_world: u64,
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self {
            episodes: 100,
            seed: 1,
            family: Family::default(),
            with_reference: true,
            score: None,
            envs_per_world: 16,
        }
    }
}

/// Lets every cast of `casts` play the same episodes.
///
/// `on_ticks` is told, from any thread, how many env-steps have just been played; [`env_steps`] says how many there will
/// be at most. Worlds are played side by side on rayon's current pool.
///
/// # Errors
/// Numbers of episodes out of range, a score that nothing measures, a scenario that is not valid, or a policy that cannot act.
pub fn evaluate<D: Playable>(
    scenario: &Scenario<D>,
    mut casts: Vec<Cast>,
    options: &EvalOptions,
    on_ticks: &(dyn Fn(u64) + Sync),
) -> Result<Report> {
    if !EPISODES.contains(&options.episodes) {
        let (low, high) = EPISODES.into_inner();
        return Err(Error::input(format!("{} episodes: {low} to {high} are possible", options.episodes)));
    }
    scenario.check()?;
    let score = report::score(scenario, options.score.as_deref())?;
    if let Some(reference) = missing_reference(scenario, &casts, options) {
        casts.push(casting(scenario).cast(reference)?);
    }
    let played = play::play(scenario, &casts, options, on_ticks)?;
    Report::new(scenario, &casts, options, score, &played)
}

/// Env-steps that [`evaluate`] will play at most.
pub fn env_steps<D: Playable>(scenario: &Scenario<D>, casts: &[Cast], options: &EvalOptions) -> u64 {
    let added = usize::from(missing_reference(scenario, casts, options).is_some());
    let policies = (casts.len() + added) as u64;
    policies.saturating_mul(options.episodes).saturating_mul(u64::from(scenario.max_steps))
}

/// Name of the baseline to quote results against that is still to be played.
fn missing_reference<D: Playable>(
    scenario: &Scenario<D>,
    casts: &[Cast],
    options: &EvalOptions,
) -> Option<&'static str> {
    let reference = reference(scenario, casts).filter(|_| options.with_reference)?;
    (!casts.iter().any(|cast| cast.name == reference)).then_some(reference)
}

/// Name of the baseline to quote results against: that of the first group which a policy was named for.
fn reference<D: Playable>(scenario: &Scenario<D>, casts: &[Cast]) -> Option<&'static str> {
    let groups = scenario.spec().groups;
    let asked = casts.first()?.is_named.iter().position(|is_named| *is_named)?;
    groups.get(asked)?.reference
}

/// Where the names of baselines are looked up.
fn casting<D: Playable>(scenario: &Scenario<D>) -> Casting<'_> {
    Casting::new(scenario.domain.domain(), &scenario.name, scenario.spec())
}

#[cfg(test)]
mod tests;
