//! Self-play against the past: policies that the run had earlier, of which some act in a part of the lanes.
//!
//! Whoever only meets the newest opponent learns to beat that one alone, and may go in circles (Heinrich, Lanctot & Silver 2015;
//! Bansal et al. 2018). What was drawn for a lane and an iteration has an address, so a resumed run meets the same opponents.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::Pupil;
use crate::{
    error::Result,
    learn::hyperparameters::Hyperparameters,
    policy::{
        network::{ActorShape, Network},
        tensors::{from_safetensors, to_safetensors},
    },
    sim::{Address, Batch, Purpose, Seeds},
};

const OPPONENT: Purpose = Purpose::new("learn.opponent");

/// What a group was at some iterations of the run, evenly spaced.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    /// Iterations between two of them.
    every: u64,
    policies: Vec<(u64, Network)>,
}

/// A pool in a checkpoint.
#[derive(Serialize, Deserialize)]
pub(super) struct SavedPool {
    every: u64,
    /// By their iterations, as safetensors.
    policies: Vec<(u64, Vec<u8>)>,
}

impl Default for Pool {
    fn default() -> Self {
        Self { every: 1, policies: Vec::new() }
    }
}

impl Pool {
    /// Takes in what the group was in this iteration, if it is one of those that are kept. A pool that is full gives up every
    /// second policy and takes in half as many from then on, so that it always covers the whole run.
    pub(super) fn offer(&mut self, iteration: u64, policy: Network, params: &Hyperparameters) {
        if !iteration.is_multiple_of(self.every) {
            return;
        }
        self.policies.push((iteration, policy));
        if self.policies.len() > params.ppo.pool_size {
            self.every *= 2;
            self.policies.retain(|(iteration, _)| iteration.is_multiple_of(self.every));
        }
    }

    fn len(&self) -> usize {
        self.policies.len()
    }

    /// The policy at `index`.
    pub(super) fn policy(&self, index: usize) -> &Network {
        &self.policies[index].1
    }

    /// What a checkpoint holds of it.
    ///
    /// # Errors
    /// A network has left the finite numbers.
    pub(super) fn save(&self) -> Result<SavedPool> {
        let policy = |(iteration, network): &(u64, Network)| {
            to_safetensors(&network.tensors(), &BTreeMap::new()).map(|bytes| (*iteration, bytes))
        };
        Ok(SavedPool { every: self.every, policies: self.policies.iter().map(policy).collect::<Result<_>>()? })
    }

    /// A pool of networks of one shape.
    ///
    /// # Errors
    /// Tensors that are not those of such networks.
    pub(super) fn load(saved: &SavedPool, shape: &ActorShape) -> Result<Self> {
        let network = |(iteration, bytes): &(u64, Vec<u8>)| {
            let tensors = from_safetensors(bytes, Path::new("pool"))?.tensors;
            Network::from_tensors(shape.clone(), &tensors).map(|network| (*iteration, network))
        };
        Ok(Self { every: saved.every.max(1), policies: saved.policies.iter().map(network).collect::<Result<_>>()? })
    }
}

/// For each pupil and lane, which of its earlier policies acts there in this iteration. In each lane one group at most is played
/// by its past, so that somebody learns everywhere.
pub(super) fn stand_ins(
    pupils: &[Pupil],
    batch: &Batch,
    seeds: Seeds,
    iteration: u64,
    params: &Hyperparameters,
) -> Vec<Vec<Option<usize>>> {
    let sizes: Vec<usize> = pupils.iter().map(|pupil| pupil.pool.as_ref().map_or(0, Pool::len)).collect();
    let pooled: Vec<usize> = (0..pupils.len()).filter(|pupil| sizes[*pupil] > 0).collect();
    let mut chosen = vec![Vec::new(); pupils.len()];
    if pooled.is_empty() {
        return chosen;
    }
    for lane in batch.lanes() {
        let address = Address { env: lane.first_env(), episode: iteration, tick: 0 };
        let mut stream = seeds.stream(OPPONENT, address);
        let is_past = f64::from(stream.unit()) < params.ppo.pool_fraction;
        let (whose, which) = (pooled[stream.below(pooled.len())], stream.unit());
        for (pupil, chosen) in chosen.iter_mut().enumerate() {
            let number = (which * sizes[pupil] as f32) as usize;
            chosen.push((is_past && pupil == whose).then_some(number.min(sizes[pupil].saturating_sub(1))));
        }
    }
    chosen
}
