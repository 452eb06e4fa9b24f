//! The vocabulary of the laboratory: envs, ticks, ports, specs, params, seeds, snapshots, scenarios and batches.
//!
//! State lives in Bevy's ECS: every agent is an entity, and one more entity stands for each env. Many envs share a world
//! ([`Lane`]) so that the cost of a schedule is paid once for all of them; systems walk whole tables, whose rows are in
//! env-major order, and per-env kernels get contiguous slices of them. Many worlds make a [`Batch`].
//!
//! [`kit`] has what domains are built from, [`testing`] the laws that they keep.
//!
//! Nothing here reads a clock, a file or a shared random generator, and nothing names a domain.

mod batch;
mod description;
mod domain;
mod editor;
pub mod graph;
pub mod kit;
pub mod params;
mod ports;
pub mod scenario;
mod seeds;
pub mod snapshot;
mod spec;
mod table;
pub mod testing;
#[cfg(test)]
mod tests;
mod tick;
mod view;

pub use batch::{Batch, EVALUATION_ENVS, Lane, TEST_ENVS};
pub use description::{Description, Fact};
pub use domain::{Baseline, Choices, Domain, Policy, Showcase};
pub use editor::{Editor, EntityKind};
pub use graph::Graph;
pub use ports::{EpisodeRecord, GroupPort, Pay, Ports};
pub use seeds::{Address, Purpose, Seeds, Stream};
pub use snapshot::DeclareState;
pub use spec::{
    ActionSpace, Aggregate, Better, DiscreteSpec, Field, GroupSpec, MetricSpec, RewardTerm, Spec, Stratum, field,
};
pub use table::{column, column_mut};
pub use tick::{Clock, Declared, Due, Env, EnvSlot, Refresh, Reset, SimPlugin, Tick, TickSystems};
pub use view::{ColourBy, LayerSpec, View, ViewOptions, ViewSpec, clock_of, number_of, picture_of};
