//! A few rows of a batch, loaded and stored column by column.

use super::lanes::{LANES, Lanes};

/// Rows that are worked on side by side, and where their actions (and masks) are stored.
pub(crate) struct Block {
    /// First row in arrays that hold the batch in order.
    pub(crate) first: usize,
    /// Rows present; the other lanes hold zeros.
    pub(crate) rows: usize,
    /// Row of each lane in arrays that hold a whole rollout.
    pub(crate) sources: [usize; LANES],
}

impl Block {
    /// Blocks over a batch whose arrays all have the same order.
    pub(super) fn cover(rows: usize) -> impl Iterator<Item = Self> {
        (0..rows).step_by(LANES).map(move |first| Self {
            first,
            rows: LANES.min(rows - first),
            sources: std::array::from_fn(|lane| first + lane),
        })
    }

    /// One column of the batch.
    #[inline(always)]
    pub(crate) fn load(&self, batch: &[f32], width: usize, column: usize) -> Lanes {
        let mut lanes = [0.0; LANES];
        let values = batch[self.first * width + column..].iter().step_by(width);
        for (lane, value) in lanes[..self.rows].iter_mut().zip(values) {
            *lane = *value;
        }
        lanes
    }

    /// One column of the rollout.
    #[inline(always)]
    pub(crate) fn load_source(&self, rollout: &[f32], width: usize, column: usize) -> Lanes {
        let mut lanes = [0.0; LANES];
        for (value, source) in lanes.iter_mut().zip(&self.sources[..self.rows]) {
            *value = rollout[source * width + column];
        }
        lanes
    }

    /// Writes one column of the batch.
    #[inline(always)]
    pub(super) fn store(&self, lanes: Lanes, batch: &mut [f32], width: usize, column: usize) {
        let values = batch[self.first * width + column..].iter_mut().step_by(width);
        for (lane, value) in lanes[..self.rows].iter().zip(values) {
            *value = *lane;
        }
    }
}
