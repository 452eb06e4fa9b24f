//! The phases of a tick among particles.
//!
//! A tick of a few discs is so little work that envs are taken eight at a time: a [`Block`](block::Block) has the same number
//! of all eight beside each other, and the CPU does all eight at once.

mod block;
pub(super) mod measure;
pub(super) mod motion;
mod trial;

pub(super) use measure::{COVERED_M, Measures, SpreadMetrics, TagMetrics};
pub(super) use trial::{FUTURES, Trial};

// Views ask for these beside what systems derive.
pub(super) use super::model::{Body, LANDMARK_M, Model, OBSTACLE_M};
