//! Who learns in a run, and who acts for the others.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    domains::Scenario,
    error::{Error, Result},
    learn::learner::{Lineup, Seat, baseline},
    policy::{
        acting::{Decision, NetworkPolicy},
        card::Shared,
    },
    sim::GroupSpec,
};

/// The opponent that is what a group was earlier in the run.
pub const POOL: &str = "pool";

/// Who learns in a run, and against whom; by default every group that is paid learns, and defaults act for the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Names of the groups that learn; none for all that are paid and that nobody else plays.
    #[serde(default)]
    pub learn: Vec<String>,
    /// By name of the group: the name of the policy that plays it, or [`POOL`].
    #[serde(default)]
    pub opponents: BTreeMap<String, String>,
}

impl Roles {
    /// The lineup of a run in `scenario`. `learned` gives the policy that was kept for a group, if its opponent is one.
    ///
    /// # Errors
    /// Groups and baselines that there are not, groups that are not paid but shall learn, or a policy that does not fit.
    pub(crate) fn lineup(
        &self,
        scenario: &Scenario,
        learned: impl Fn(&str) -> Result<Option<Shared>>,
    ) -> Result<Lineup> {
        let domain = scenario.domain.domain();
        let groups = domain.spec(scenario.max_steps).groups;
        for name in self.learn.iter().chain(self.opponents.keys()) {
            if !groups.iter().any(|group| group.name == name) {
                return Err(Error::input(format!("no group is called `{}`", name.escape_debug()))
                    .did_you_mean(name, groups.iter().map(|group| group.name)));
            }
        }
        let mut lineup = Lineup::default();
        for (index, group) in groups.iter().enumerate() {
            let opponent = self.opponents.get(group.name).map(String::as_str);
            match (self.learns(group)?, opponent) {
                (true, None | Some(POOL)) => {
                    lineup.learners.push(Seat { group: index, has_pool: opponent == Some(POOL) });
                }
                (true, Some(_)) => {
                    return Err(Error::input(format!("`{}` cannot learn and be played by somebody else", group.name)));
                }
                (false, Some(POOL)) => {
                    return Err(Error::input(format!("`{}` does not learn, so it has no past to play", group.name))
                        .hint("let it learn, or name a policy as the opponent"));
                }
                (false, name) => {
                    let policy = match learned(group.name)? {
                        Some(shared) => {
                            shared.card.check_fit(group)?;
                            Box::new(NetworkPolicy::new(Arc::new(shared), Decision::Mode)?)
                        }
                        None => baseline(domain, group, name.unwrap_or(group.default))?,
                    };
                    lineup.opponents.push((index, policy));
                }
            }
        }
        Ok(lineup)
    }

    /// Whether a group learns.
    fn learns(&self, group: &GroupSpec) -> Result<bool> {
        let (is_paid, is_named) = (!group.reward_terms.is_empty(), self.learn.iter().any(|name| name == group.name));
        if is_named && !is_paid {
            return Err(Error::input(format!("`{}` are never paid, so there is nothing to learn from", group.name)));
        }
        let is_played = self.opponents.get(group.name).is_some_and(|opponent| opponent != POOL);
        Ok(if self.learn.is_empty() { is_paid && !is_played } else { is_named })
    }
}
