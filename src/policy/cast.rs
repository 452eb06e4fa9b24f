//! From a name on the command line to who acts for which group: scripted baselines, shipped checkpoints, runs, files.
//!
//! A name seats a policy wherever it fits: a baseline for its own group, a run for every group that it has learned for. A
//! cast `one=a+other=b` names a policy for each group by itself. Whoever is not named is played by the baseline that
//! the group declares, so nobody stands still for want of a name.

mod casting;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::casting::Casting;
use super::{
    acting::{Decision, NetworkPolicy},
    card::Shared,
};
use crate::{
    error::Result,
    sim::{Baseline, Lane, Policy},
};

/// Stands for every baseline and the shipped checkpoint of the scenario.
pub const ALL: &str = "all";

/// What acts for one group.
pub struct Player {
    /// Name in tables: as given on the command line.
    pub name: String,
    /// What it is, in a sentence.
    pub doc: String,
    /// Whether it reads more than the observations.
    pub privileged: bool,
    /// The observation layout that it has learned to read; none for a script, which reads the world itself.
    pub layout: Option<&'static str>,
    /// The policy itself.
    pub policy: Box<dyn Policy>,
}

/// Who acts for each group of a scenario.
pub struct Cast {
    /// Name in tables: as given on the command line.
    pub name: String,
    /// One for each group, in the order of the spec.
    pub players: Vec<Player>,
    /// Which of them were asked for; the others are defaults.
    pub is_named: Vec<bool>,
}

/// What names were resolved to.
#[derive(Default)]
pub struct Casts {
    /// In the order of their names, none twice.
    pub casts: Vec<Cast>,
    /// What the user should know: a checkpoint that [`ALL`] had to leave out, say.
    pub notes: Vec<String>,
}

impl From<Baseline> for Player {
    fn from(Baseline { name, doc, privileged, policy, .. }: Baseline) -> Self {
        Self { name: name.to_owned(), doc: doc.to_owned(), privileged, layout: None, policy }
    }
}

impl Player {
    /// A policy that was learned, called `name`.
    ///
    /// # Errors
    /// An action space that no network acts in.
    pub fn learned(name: String, shared: Shared, decision: Decision, layout: &'static str) -> Result<Self> {
        let doc = shared.card.origin();
        let policy = Box::new(NetworkPolicy::new(Arc::new(shared), decision)?);
        Ok(Self { name, doc, privileged: false, layout: Some(layout), policy })
    }

    /// The same player without memory of what it has seen, for another world.
    pub fn fork(&self) -> Self {
        Self {
            name: self.name.clone(),
            doc: self.doc.clone(),
            privileged: self.privileged,
            layout: self.layout,
            policy: self.policy.fork(),
        }
    }
}

impl From<Player> for Cast {
    /// The cast of a scenario in which one group acts.
    fn from(player: Player) -> Self {
        Self { name: player.name.clone(), players: vec![player], is_named: vec![true] }
    }
}

impl Cast {
    /// Those that were asked for.
    pub fn named(&self) -> impl Iterator<Item = &Player> {
        self.players.iter().zip(&self.is_named).filter(|(_, is_named)| **is_named).map(|(player, _)| player)
    }

    /// What they are, in a sentence each.
    pub fn doc(&self) -> String {
        self.named().map(|player| player.doc.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Whether one of those that were asked for reads more than the observations.
    pub fn is_privileged(&self) -> bool {
        self.named().any(|player| player.privileged)
    }

    /// The observation layouts that the players have learned to read, one for each group.
    pub fn layouts(&self) -> Vec<Option<&'static str>> {
        self.players.iter().map(|player| player.layout).collect()
    }

    /// The same cast without memory of what it has seen, for another world.
    pub fn fork(&self) -> Self {
        let players = self.players.iter().map(Player::fork).collect();
        Self { name: self.name.clone(), players, is_named: self.is_named.clone() }
    }

    /// Writes the actions of every group of `lane`.
    ///
    /// # Errors
    /// See [`Policy::act`].
    pub fn act(&mut self, lane: &mut Lane) -> Result<()> {
        let mut players = self.players.iter_mut().enumerate();
        players.try_for_each(|(group, player)| lane.act(&mut *player.policy, group))
    }

    fn is_like(&self, other: &Self) -> bool {
        self.players.iter().zip(&other.players).all(|(a, b)| a.name == b.name)
    }
}
