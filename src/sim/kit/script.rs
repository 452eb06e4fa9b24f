//! Scripted policies: a rule that reads the tables of a world and writes the actions of a group.

use bevy_ecs::{
    system::{SystemParam, SystemParamItem, SystemState},
    world::World,
};

use crate::{
    error::{Error, Result},
    sim::Policy,
};

/// A rule that acts for a group.
pub trait Script: Send + Sync + 'static {
    /// The tables that it reads, and the ports that it writes.
    type Tables: SystemParam + 'static;

    /// Writes the actions of group `group` of every env of the world into its port.
    fn act(&mut self, tables: SystemParamItem<'_, '_, Self::Tables>, group: usize);
}

/// The script that `fresh` makes as a policy. A fork of it is a fresh one, which remembers nothing.
pub fn scripted<S: Script>(fresh: impl Fn() -> S + Clone + Send + Sync + 'static) -> Box<dyn Policy> {
    Box::new(Scripted { script: fresh(), fresh, tables: None })
}

struct Scripted<S: Script, F> {
    fresh: F,
    script: S,
    tables: Option<SystemState<S::Tables>>,
}

impl<S: Script, F: Fn() -> S + Clone + Send + Sync + 'static> Policy for Scripted<S, F> {
    fn act(&mut self, world: &mut World, group: usize) -> Result<()> {
        let tables = self.tables.get_or_insert_with(|| SystemState::new(world));
        let tables = tables
            .get_mut(world)
            .map_err(|error| Error::input(format!("a baseline cannot act in a domain that is not its own: {error}")))?;
        self.script.act(tables, group);
        Ok(())
    }

    fn fork(&self) -> Box<dyn Policy> {
        scripted(self.fresh.clone())
    }
}
