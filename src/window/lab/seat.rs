//! Who acts for a group of a displayed env, and the one agent that a person may drive.

use std::sync::Arc;

use bevy::ecs::world::WorldId;

use super::training::{Training, TrainingId};
use crate::{
    error::Result,
    policy::{
        acting::{Decision, NetworkPolicy},
        card::Shared,
        cast::Player,
    },
    sim::{Lane, Policy},
};

/// Who acts for one group.
pub struct Seat {
    name: String,
    is_privileged: bool,
    policy: Box<dyn Policy>,
    follows: Option<(TrainingId, Arc<Shared>)>,
    drive: Option<Drive>,
    /// The world in which it last acted.
    world: Option<WorldId>,
}

/// What a person at the keyboard orders one agent to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// Row of the agent within its group.
    pub row: usize,
    /// Orders for the continuous dimensions, -1 to 1 of their range; beyond the list, the middle.
    pub axes: Vec<f32>,
    /// Choices of the discrete dimensions.
    pub choices: Vec<usize>,
}

impl From<Player> for Seat {
    fn from(Player { name, privileged, policy, .. }: Player) -> Self {
        Self { name, is_privileged: privileged, policy, follows: None, drive: None, world: None }
    }
}

impl Seat {
    /// The newest policy of a training run, `shared` as it is now, from tick to tick.
    ///
    /// # Errors
    /// An action space that no head fits.
    pub fn following(training: &Training, shared: Arc<Shared>) -> Result<Self> {
        Ok(Self {
            name: followed_name(training),
            is_privileged: false,
            policy: Box::new(NetworkPolicy::new(Arc::clone(&shared), Decision::Mode)?),
            follows: Some((training.id(), shared)),
            drive: None,
            world: None,
        })
    }

    /// The same policy for another env.
    pub fn fork(&self) -> Self {
        let follows = self.follows.clone();
        Self {
            name: self.name.clone(),
            is_privileged: self.is_privileged,
            policy: self.policy.fork(),
            follows,
            drive: None,
            world: None,
        }
    }

    /// What the policy is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it reads more than the observations.
    pub fn is_privileged(&self) -> bool {
        self.is_privileged
    }

    /// The training run whose newest policy this is.
    pub fn follows(&self) -> Option<TrainingId> {
        self.follows.as_ref().map(|(id, _)| *id)
    }

    /// Takes the newest policy of the run that it follows.
    ///
    /// # Errors
    /// An action space that no head fits.
    pub fn catch_up(&mut self, trainings: &[Training]) -> Result<()> {
        let Some((id, shared)) = &mut self.follows else { return Ok(()) };
        if let Some(training) = trainings.iter().find(|training| training.id() == *id) {
            self.name = followed_name(training);
            let newest = training.policy_for(&shared.card.group);
            if let Some(newest) = newest.filter(|newest| !Arc::ptr_eq(shared, newest)) {
                self.policy = Box::new(NetworkPolicy::new(Arc::clone(&newest), Decision::Mode)?);
                *shared = newest;
            }
        }
        Ok(())
    }

    /// The agent that a person drives, if one does.
    pub fn drive(&self) -> Option<&Drive> {
        self.drive.as_ref()
    }

    /// Lets a person drive one agent, or none.
    pub fn set_drive(&mut self, drive: Option<Drive>) {
        self.drive = drive;
    }

    /// Writes the actions of the group into the ports of `lane`.
    ///
    /// # Errors
    /// See [`Policy::act`].
    pub fn act(&mut self, lane: &mut Lane, group: usize) -> Result<()> {
        // A policy belongs to one world, and an env gets another one when its scenario changes.
        let world = lane.world().id();
        if self.world.replace(world).is_some_and(|before| before != world) {
            self.policy = self.policy.fork();
        }
        lane.act(&mut *self.policy, group)?;
        if let Some(drive) = &self.drive {
            drive.override_action(lane, group);
        }
        Ok(())
    }

    /// The policy itself.
    pub fn policy(&mut self) -> &mut dyn Policy {
        &mut *self.policy
    }
}

/// What the newest policy of a run is called, and its last one once it is over.
fn followed_name(training: &Training) -> String {
    format!("{} of {}", if training.is_alive() { "newest" } else { "last" }, training.name())
}

impl Drive {
    fn override_action(&self, lane: &mut Lane, group: usize) {
        let Some(space) = lane.spec().groups.get(group).map(|group| group.action.clone()) else { return };
        let width = space.width();
        let Some(port) = lane.ports_mut().groups.get_mut(group) else { return };
        let Some(action) = port.actions.get_mut(self.row * width..(self.row + 1) * width) else { return };
        let (continuous, discrete) = action.split_at_mut(space.continuous.len());
        for (dim, (number, field)) in continuous.iter_mut().zip(&space.continuous).enumerate() {
            let (low, high) = (*field.bounds.start(), *field.bounds.end());
            let order = self.axes.get(dim).copied().unwrap_or(0.0).clamp(-1.0, 1.0);
            *number = 0.5 * (low + high) + 0.5 * order * (high - low);
        }
        for (dim, (number, spec)) in discrete.iter_mut().zip(&space.discrete).enumerate() {
            let last = spec.choices.len().saturating_sub(1);
            *number = self.choices.get(dim).copied().unwrap_or(0).min(last) as f32;
        }
    }
}
