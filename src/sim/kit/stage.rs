//! The stage on which domains test their laws: envs whose entities a test puts where it wants them. Whatever a test asks for
//! and is not there panics.

use bevy_ecs::{
    component::{Component, Mutable},
    query::QueryFilter,
};

use crate::sim::{Address, Domain, Lane, Purpose, Seeds};

/// Envs of one domain. A domain adds in its tests what is its own.
pub(crate) struct Stage<P> {
    pub(crate) lane: Lane,
    pub(crate) params: P,
}

impl<P: Domain + Clone> Stage<P> {
    /// One env under seed 1, without a time limit.
    pub(crate) fn new(params: &P) -> Self {
        Self::seeded(params, 1)
    }

    pub(crate) fn seeded(params: &P, seed: u64) -> Self {
        Self { lane: Lane::new(params, u32::MAX, Seeds::new(seed), 0..1), params: params.clone() }
    }

    pub(crate) fn sized(params: &P, max_steps: u32, envs: u64) -> Self {
        Self { lane: Lane::new(params, max_steps, Seeds::new(1), 0..envs), params: params.clone() }
    }

    /// Components `C` of all entities that `F` selects, in the order of their rows.
    pub(crate) fn all<C: Component + Clone, F: QueryFilter>(&mut self) -> Vec<C> {
        let world = self.lane.world_mut();
        world.query_filtered::<&C, F>().iter(world).cloned().collect()
    }

    /// Puts components where others were, from the first row on. Nothing is derived from them before [`refresh`](Self::refresh).
    pub(crate) fn put<C: Component<Mutability = Mutable> + Clone, F: QueryFilter>(&mut self, values: &[C]) {
        let world = self.lane.world_mut();
        let mut rows = world.query_filtered::<&mut C, F>();
        assert!(rows.iter(world).count() >= values.len(), "{} values are too many", values.len());
        rows.iter_mut(world).zip(values).for_each(|(mut row, value)| row.clone_from(value));
    }

    /// Derives anew what follows from what was put somewhere.
    pub(crate) fn refresh(&mut self) {
        (0..self.lane.envs()).for_each(|slot| self.lane.refresh(slot));
    }

    /// A tick in which the agents of the first group act like this.
    pub(crate) fn step(&mut self, actions: &[f32]) {
        self.lane.ports_mut().groups[0].actions.copy_from_slice(actions);
        self.lane.step();
    }

    /// What was measured in the last tick of the first env.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let at = self.lane.spec().metric(name).unwrap_or_else(|| panic!("no metric `{name}`"));
        self.lane.ports().metrics[at]
    }

    /// A reward term of an agent of the first env in the last tick.
    pub(crate) fn term(&self, group: usize, agent: usize, name: &str) -> f32 {
        let terms = &self.lane.spec().groups[group].reward_terms;
        let at = terms.iter().position(|term| term.name == name).unwrap_or_else(|| panic!("no term `{name}`"));
        self.lane.ports().groups[group].terms[agent * terms.len() + at]
    }

    /// What an agent of the first env sees under this name.
    pub(crate) fn seen(&self, group: usize, agent: usize, name: &str) -> f32 {
        let fields = &self.lane.spec().groups[group].observation;
        let at = fields.iter().position(|field| field.name == name).unwrap_or_else(|| panic!("no field `{name}`"));
        self.lane.ports().groups[group].observations[agent * fields.len() + at]
    }
}

/// Uniform numbers in [0, 1) that depend on `seed` alone.
pub(crate) fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut stream = Seeds::new(seed).stream(Purpose::new("test"), Address { env: 0, episode: 0, tick: 0 });
    move || stream.unit()
}
