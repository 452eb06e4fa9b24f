//! The phases of a tick in the cluster domain.

pub(super) mod arrive;
pub(super) mod live;
pub(super) mod measure;
pub(super) mod place;

pub(super) use measure::{balance, metrics};
pub(super) use place::{Decider, Outcomes};

// Views ask for these beside what systems derive.
pub(super) use super::model::Model;

/// Share of its capacity that every node gives back each tick in the modes without running times.
pub(super) const DRAIN: f64 = 0.001;
