//! Two policies in the same episodes, tick by tick.

use std::collections::BTreeMap;

use crate::{
    math::statistics::{Interval, paired_difference},
    metrics::series::Series,
    sim::{EpisodeRecord, Spec},
};

/// Seed of the bootstrap, the same for every estimate, so that it changes only when the episodes do.
const BOOTSTRAP_SEED: u64 = 0;

/// What two envs with the same randomness have come to under two policies.
pub struct Comparison {
    metric: usize,
    first_difference: Option<u64>,
    difference: Series,
    episodes: [BTreeMap<u64, f64>; 2],
    estimate: Option<Interval>,
}

impl Comparison {
    /// Nothing yet. `headline` is the name of the metric that is compared, the first one if there is none of this name.
    pub fn new(spec: &Spec, headline: Option<&str>) -> Self {
        let metric = headline.and_then(|name| spec.metric(name)).unwrap_or(0);
        Self {
            metric,
            first_difference: None,
            difference: Series::default(),
            episodes: [BTreeMap::new(), BTreeMap::new()],
            estimate: None,
        }
    }

    /// Index of the metric that is compared.
    pub fn metric(&self) -> usize {
        self.metric
    }

    /// The first tick at which the two states were different.
    pub fn first_difference(&self) -> Option<u64> {
        self.first_difference
    }

    /// The first minus the second, over ticks.
    pub fn difference(&self) -> &Series {
        &self.difference
    }

    /// Episodes that both have finished.
    pub fn num_episodes(&self) -> usize {
        let [first, second] = &self.episodes;
        first.keys().filter(|episode| second.contains_key(episode)).count()
    }

    /// Mean over episodes of the first minus the second, with its 95 % interval; none before two episodes.
    pub fn estimate(&self) -> Option<Interval> {
        self.estimate
    }

    /// Notes a tick of both: the hashes of their states, what they measured, and the episodes that ended.
    pub fn observe(&mut self, tick: u64, hashes: [u64; 2], metrics: [&[f64]; 2], ended: [Option<&EpisodeRecord>; 2]) {
        if hashes[0] != hashes[1] && self.first_difference.is_none_or(|first| tick < first) {
            self.first_difference = Some(tick);
        }
        let value = |of: usize| metrics[of].get(self.metric).copied().unwrap_or(f64::NAN);
        self.difference.push(tick as f64, value(0) - value(1));
        let mut is_new = false;
        for (episodes, record) in self.episodes.iter_mut().zip(ended) {
            if let Some(record) = record {
                let value = record.metrics.get(self.metric).copied().unwrap_or(f64::NAN);
                is_new |= episodes.insert(record.episode, value) != Some(value);
            }
        }
        if is_new {
            self.estimate = self.pairs();
        }
    }

    fn pairs(&self) -> Option<Interval> {
        let [first, second] = &self.episodes;
        let pairs = first.iter().filter_map(|(episode, a)| second.get(episode).map(|b| (*a, *b)));
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();
        if a.len() < 2 { None } else { paired_difference(&a, &b, BOOTSTRAP_SEED).ok() }
    }
}
