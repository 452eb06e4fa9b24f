//! What `sim` asks of a domain, and what acts in it.

use bevy_app::App;
use bevy_ecs::world::World;

use super::{editor::Editor, spec::Spec, view::View};
use crate::error::Result;

/// One of the simulated systems under one configuration.
pub trait Domain: Send + Sync {
    /// Name of the domain, as in the table of domains.
    fn id(&self) -> &'static str;

    /// Checks parameters against each other. Each has been checked against its own range before.
    ///
    /// # Errors
    /// Parameters that do not go together. The first name in backticks says which key of the scenario is at fault.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Groups, metrics and limits under this configuration, for episodes of `max_steps` ticks.
    fn spec(&self, max_steps: u32) -> Spec;

    /// Length of a tick, in s.
    fn dt_s(&self) -> f64;

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

    /// How a person changes an env by hand; none for a domain in which nothing can be moved.
    fn editor(&self) -> Option<&dyn Editor> {
        None
    }

    /// Which of its scenarios a person meets first, and which last.
    fn showcase(&self) -> Showcase {
        Showcase::default()
    }
}

/// Scenarios of a domain, by their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Showcase {
    /// Those that show what it is for, in the order in which they are met.
    pub first: &'static [&'static str],
    /// Those that demonstrate defects of a system that was published; they are met last.
    pub defects: &'static [&'static str],
}

/// A scripted policy of a domain.
pub struct Baseline {
    /// Name, as given to `--policy`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// Name of the group that it acts for.
    pub group: &'static str,
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

    /// The distributions from which the policy would draw the next action of the agent in `row`: one entry per
    /// dimension of the action, in order; none for a policy that does not draw. `row` counts as in the group's port, in
    /// env-major order. Nothing in the world is changed.
    ///
    /// # Errors
    /// As [`act`](Self::act), or there is no such agent.
    fn explain(&mut self, world: &mut World, group: usize, row: usize) -> Result<Option<Vec<Choices>>> {
        let _ = (world, group, row);
        Ok(None)
    }

    /// The same policy without memory of what it has seen, for another world.
    fn fork(&self) -> Box<dyn Policy>;
}

/// The distribution from which a policy would draw one dimension of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Choices {
    /// Settings of a continuous dimension, evenly spaced and ascending, with their density; the greatest density is 1.
    Density(Vec<(f32, f32)>),
    /// Settings or names with their probabilities, which sum to 1.
    Discrete(Vec<(String, f32)>),
}
