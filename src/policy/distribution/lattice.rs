//! Continuous dimensions as one choice among the points of a grid.

use super::gaussian::check_bounds;
use crate::error::{Error, Result};

/// Most points of a grid: they are all logits of the network.
const MAX_POINTS: usize = 4096;

/// Evenly spaced settings of each of several dimensions, in all combinations. The last dimension changes fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lattice {
    bounds: Vec<(f32, f32)>,
    bins: usize,
    /// `[points, dimensions]`.
    points: Vec<f32>,
}

impl Lattice {
    pub(super) fn new(bounds: &[(f32, f32)], bins: usize) -> Result<Self> {
        if bins < 2 {
            return Err(Error::input(format!("a continuous dimension cannot be chosen from {bins} settings"))
                .hint("2 or more are possible; 3 are both bounds and the middle"));
        }
        let count = u32::try_from(bounds.len()).ok().and_then(|dimensions| bins.checked_pow(dimensions));
        let Some(count) = count.filter(|count| *count <= MAX_POINTS) else {
            return Err(Error::input(format!(
                "{bins} settings of each of {} dimensions have more than {MAX_POINTS} combinations",
                bounds.len()
            )));
        };
        for (dim, &(low, high)) in bounds.iter().enumerate() {
            check_bounds(dim, low, high)?;
        }
        let mut lattice = Self { bounds: bounds.to_vec(), bins, points: Vec::with_capacity(count * bounds.len()) };
        for point in 0..count {
            let settings = (0..bounds.len()).map(|dim| {
                let bin = point / bins.pow((bounds.len() - 1 - dim) as u32) % bins;
                let (low, high) = bounds[dim];
                let share = bin as f32 / (bins - 1) as f32;
                low * (1.0 - share) + high * share
            });
            lattice.points.extend(settings);
        }
        Ok(lattice)
    }

    pub(super) fn dimensions(&self) -> usize {
        self.bounds.len()
    }

    pub(super) fn count(&self) -> usize {
        self.points.len() / self.bounds.len()
    }

    /// Settings of the point with this index.
    pub(super) fn point(&self, index: usize) -> &[f32] {
        &self.points[index * self.bounds.len()..][..self.bounds.len()]
    }

    /// The settings of each dimension with their probabilities, from those of the points.
    pub(super) fn marginals(&self, probabilities: &[f32]) -> impl Iterator<Item = Vec<(f32, f32)>> {
        (0..self.bounds.len()).map(move |dim| {
            let stride = self.bins.pow((self.bounds.len() - 1 - dim) as u32);
            let mut settings: Vec<(f32, f32)> =
                (0..self.bins).map(|bin| (self.point(bin * stride)[dim], 0.0)).collect();
            for (point, probability) in probabilities.iter().enumerate() {
                settings[point / stride % self.bins].1 += probability;
            }
            settings
        })
    }

    /// Index of the point nearest to `settings`.
    pub(super) fn nearest(&self, settings: &[f32]) -> usize {
        let last = (self.bins - 1) as f32;
        self.bounds.iter().zip(settings).fold(0, |index, (&(low, high), setting)| {
            let bin = ((setting - low) / (high - low) * last + 0.5).clamp(0.0, last);
            index * self.bins + bin as usize
        })
    }
}
