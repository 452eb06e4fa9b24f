//! Noise on actions that are otherwise certain, in units of half an action's range. Without it, an actor that learns
//! through a critic would never find out where the critic is wrong.
//!
//! Gaussian noise is new at every tick; that of Ornstein and Uhlenbeck drifts, so that a push lasts (Lillicrap et al.
//! 2016), and is at rest when an episode begins. The draws have the env's address, so the present drift is the only
//! state.

use serde::{Deserialize, Serialize};

use crate::sim::{Address, Purpose, Seeds};

const NOISE: Purpose = Purpose::new("learn.exploration");
const WARMUP: Purpose = Purpose::new("learn.warmup");

/// Share of the drift that is lost per tick (Lillicrap et al. 2016).
const THETA: f32 = 0.15;

/// The noise of a lane's envs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exploration {
    /// Numbers per env.
    width: usize,
    /// Where the drift of each env has come to, `[envs, width]`; empty for Gaussian noise.
    drift: Vec<f32>,
}

impl Exploration {
    /// Noise for envs with `width` numbers of action each.
    pub fn new(envs: usize, width: usize, drifts: bool) -> Self {
        Self { width, drift: vec![0.0; if drifts { envs * width } else { 0 }] }
    }

    /// Adds noise of the deviation `scale` to the actions of env `slot`, each in -1..=1, and keeps them there.
    pub fn add(&mut self, seeds: Seeds, address: Address, slot: usize, scale: f32, actions: &mut [f32]) {
        let mut stream = seeds.stream(NOISE, address);
        let row = slot * self.width..(slot + 1) * self.width;
        if self.drift.is_empty() {
            for action in actions {
                *action = (*action + scale * stream.normal()).clamp(-1.0, 1.0);
            }
            return;
        }
        let drift = &mut self.drift[row];
        if address.tick == 0 {
            drift.fill(0.0);
        }
        for (action, drift) in actions.iter_mut().zip(drift) {
            // In the long run the drift has deviation 1, so that a scale means the same for both kinds.
            *drift = (1.0 - THETA) * *drift + (THETA * (2.0 - THETA)).sqrt() * stream.normal();
            *action = (*action + scale * *drift).clamp(-1.0, 1.0);
        }
    }

    /// Actions of one env that lie anywhere in -1..1.
    pub fn anywhere(seeds: Seeds, address: Address, actions: &mut [f32]) {
        let mut stream = seeds.stream(WARMUP, address);
        actions.iter_mut().for_each(|action| *action = stream.uniform(-1.0, 1.0));
    }

    /// Whether this is noise of the same kind for the same envs.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.width, self.drift.len()) == (other.width, other.drift.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(episode: u64, tick: u32) -> Address {
        Address { env: 1, episode, tick }
    }

    /// Noise of `ticks` ticks on an action of 0.
    fn noise(exploration: &mut Exploration, episode: u64, ticks: u32, scale: f32) -> Vec<f32> {
        let mut at_tick = |tick| {
            let mut action = [0.0];
            exploration.add(Seeds::new(3), at(episode, tick), 0, scale, &mut action);
            action[0]
        };
        (0..ticks).map(&mut at_tick).collect()
    }

    fn correlation(x: &[f32]) -> (f64, f64) {
        let product = |lag: usize| x[lag..].iter().zip(x).map(|(a, b)| f64::from(a * b)).sum::<f64>() / x.len() as f64;
        (product(0).sqrt(), product(1) / product(0))
    }

    #[test]
    fn both_kinds_have_the_deviation_they_are_given_and_only_one_drifts() {
        for (drifts, expected) in [(false, 0.0), (true, f64::from(1.0 - THETA))] {
            let mut exploration = Exploration::new(1, 1, drifts);
            let (deviation, lagged) = correlation(&noise(&mut exploration, 0, 40_000, 0.1));
            assert!((deviation - 0.1).abs() < 0.005, "{deviation}");
            assert!((lagged - expected).abs() < 0.03, "{lagged}");
        }
    }

    #[test]
    fn an_episode_begins_at_rest_and_its_noise_has_an_address() {
        let mut exploration = Exploration::new(1, 1, true);
        let first = noise(&mut exploration, 0, 9, 0.1);
        let second = noise(&mut exploration, 1, 9, 0.1);
        assert_ne!(first, second);
        assert_eq!(first, noise(&mut exploration, 0, 9, 0.1), "what came before leaves no trace");
    }

    #[test]
    fn actions_stay_within_their_range() {
        for drifts in [false, true] {
            let found = noise(&mut Exploration::new(1, 1, drifts), 0, 1000, 3.0);
            assert!(found.iter().all(|x| x.abs() <= 1.0) && found.contains(&1.0) && found.contains(&-1.0));
        }
        let mut anywhere = [0.0; 1000];
        Exploration::anywhere(Seeds::new(1), at(0, 0), &mut anywhere);
        assert!(anywhere.iter().all(|x| x.abs() <= 1.0) && anywhere.iter().sum::<f32>().abs() < 60.0);
        assert!(anywhere.iter().filter(|x| x.abs() > 0.5).count() > 400);
    }
}
