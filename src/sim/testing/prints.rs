//! What an env came to, as numbers that are equal only if every bit is.

use xxhash_rust::xxh3::Xxh3;

use crate::sim::{EpisodeRecord, Lane, Pay};

/// What one env came to in one tick, bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// Hash of its state.
    pub state: u64,
    /// Hash of everything that its ports show.
    pub ports: u64,
}

/// Prints of all envs of `lane`.
pub fn prints(lane: &Lane) -> Vec<Print> {
    (0..lane.envs()).map(|slot| Print { state: lane.hash(slot), ports: shown(lane, slot) }).collect()
}

/// Hash of what the ports show of the env at `slot`.
///
/// # Panics
/// The lane has no such env.
pub fn shown(lane: &Lane, slot: usize) -> u64 {
    let ports = lane.ports();
    let mut hash = Xxh3::new();
    for group in &ports.groups {
        let mut rows = |numbers: &[f32], width: usize| {
            let part = slot * group.agents * width..(slot + 1) * group.agents * width;
            numbers[part].iter().for_each(|number| hash.update(&number.to_bits().to_le_bytes()));
        };
        rows(&group.observations, group.observation_width);
        rows(&group.terms, group.num_terms);
        rows(&group.rewards, 1);
        if ports.truncated[slot] || ports.terminated[slot] {
            rows(&group.final_observations, group.observation_width);
        }
    }
    let width = ports.metrics.len() / ports.envs;
    let mut numbers = |numbers: &[f64]| numbers.iter().for_each(|number| hash.update(&number.to_bits().to_le_bytes()));
    numbers(&ports.metrics[slot * width..(slot + 1) * width]);
    let ended = usize::from(ports.truncated[slot] || ports.terminated[slot]);
    // Records come in the order of their envs, one for each env whose episode ended.
    let before = (0..slot).filter(|env| ports.truncated[*env] || ports.terminated[*env]).count();
    for EpisodeRecord { env, episode, length, groups, metrics, stratum } in &ports.finished[before..before + ended] {
        let Some((first, later)) = groups.split_first() else { continue };
        numbers(&[*env as f64, *episode as f64, f64::from(*length), first.episode_return, f64::from(*stratum)]);
        numbers(&first.terms);
        for Pay { episode_return, terms } in later {
            numbers(&[*episode_return]);
            numbers(terms);
        }
        numbers(metrics);
    }
    hash.update(&[u8::from(ports.truncated[slot]), u8::from(ports.terminated[slot]), ports.stratum[slot]]);
    hash.digest()
}
