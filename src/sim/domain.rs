//! What `sim` asks of a domain, and what acts in it.

use bevy::{app::App, ecs::world::World};

use super::{spec::Spec, view::View};
use crate::error::Result;

/// One of the simulated systems under one configuration.
pub trait Domain: Send + Sync {
    /// Name of the domain, as in the table of domains.
    fn id(&self) -> &'static str;

    /// Groups, metrics and limits under this configuration, for episodes of `max_steps` ticks.
    fn spec(&self, max_steps: u32) -> Spec;

    /// Length of a tick, in s.
    fn dt_s(&self) -> f64;

    /// Checks what one parameter demands of another; ranges are checked before.
    ///
    /// # Errors
    /// Parameters that do not go together; see [`DomainConfig::check`](super::scenario::DomainConfig::check).
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Adds the domain's systems and resources, declares its state and spawns the agents of `envs` envs.
    ///
    /// Called once per world, after [`SimPlugin`](super::tick::SimPlugin). Rows of each table must be in env-major order.
    fn install(&self, app: &mut App, envs: usize);

    /// Scripted policies to compare with.
    fn baselines(&self) -> Vec<Baseline>;

    /// How an env looks; none for a domain that is not a place.
    fn view(&self) -> Option<&dyn View> {
        None
    }
}

/// A scripted policy of a domain.
pub struct Baseline {
    /// Name, as given to `--policy`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// Whether it reads more than the observations.
    pub privileged: bool,
    /// The policy itself.
    pub policy: Box<dyn Policy>,
}

/// Anything that turns what a world shows into actions.
pub trait Policy: Send + Sync {
    /// Writes the actions of group `group` of every env of the world into its port.
    ///
    /// Scripted policies that need more than the observations read the world's entities and say so in their
    /// [`Baseline`]. Randomness is drawn from the env's address, so results do not depend on how envs share worlds.
    ///
    /// # Errors
    /// The policy does not fit the group, or gave a number that is not finite.
    fn act(&mut self, world: &mut World, group: usize) -> Result<()>;

    /// The same policy without memory of what it has seen, for another world.
    fn fork(&self) -> Box<dyn Policy>;
}
