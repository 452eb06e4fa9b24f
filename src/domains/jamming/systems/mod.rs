//! The phases of a tick in the jamming domain.

pub(super) mod measure;
pub(super) mod motion;
pub(super) mod sense;

pub(super) use measure::{Measure, Measures, Metrics, RadioGraphs, draw_graphs, overlap};
pub(super) use motion::{finite, fly};
pub(super) use sense::Sensing;

// Views ask for these beside what systems derive.
pub(super) use super::model::Model;
