//! The phases of a tick in the jamming domain.

pub(super) mod measure;
mod metrics;
pub(super) mod motion;
pub(super) mod sense;

pub(super) use measure::{Measure, Measures, RadioGraphs, overlap};
pub(super) use metrics::Metrics;
pub(super) use motion::{finite, fly};
pub(super) use sense::Sensing;

// Views ask for these beside what systems derive.
pub(super) use super::model::Model;
