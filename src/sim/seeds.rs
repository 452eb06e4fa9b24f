//! Randomness with an address: (run seed, env, episode, purpose, tick) selects a ChaCha8 stream.
//!
//! No generator is shared and none is part of an env's state, so adding a draw in one place changes nothing elsewhere,
//! and results depend neither on the order in which envs are stepped nor on how they are spread over threads.

use bevy_ecs::resource::Resource;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The run seed, from which every stream of a run derives.
#[derive(Resource, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    run: u64,
}

/// What a stream is for. Two purposes never share a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose(u64);

impl Purpose {
    /// The purpose called `name`; the name is the address (FNV-1a), so it must not change once results depend on it.
    pub const fn new(name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
            i += 1;
        }
        Self(hash)
    }

    /// The purpose of the same name for the group at `index`; for the first one it is the purpose itself.
    pub const fn of(self, index: u64) -> Self {
        // An odd factor keeps the purposes of different groups apart.
        Self(self.0 ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// One env in one episode at one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Number of the env within the run, counted over all worlds.
    pub env: u64,
    /// Episodes this env has finished.
    pub episode: u64,
    /// Ticks since the episode began.
    pub tick: u32,
}

impl Seeds {
    /// Streams of the run with this seed.
    pub fn new(run: u64) -> Self {
        Self { run }
    }

    /// The run seed itself.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// The stream of `purpose` at `address`.
    pub fn stream(&self, purpose: Purpose, address: Address) -> Stream {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([self.run, address.env, address.episode, purpose.0]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(u64::from(address.tick));
        Stream { rng }
    }
}

/// Random numbers of one purpose at one address.
#[derive(Clone, Debug)]
pub struct Stream {
    rng: ChaCha8Rng,
}

impl Stream {
    /// Uniform in [0, 1), a multiple of 2⁻²⁴.
    pub fn unit(&mut self) -> f32 {
        const SCALE: f32 = 1.0 / 16_777_216.0;
        (self.rng.next_u32() >> 8) as f32 * SCALE
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in 0..n (n > 0), by multiply and shift; the bias is below n/2³².
    pub fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.rng.next_u32()) * n as u64) >> 32) as usize
    }

    /// Standard normal, by the ziggurat method.
    pub fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Address = Address { env: 3, episode: 5, tick: 7 };

    fn first(seeds: Seeds, purpose: Purpose, address: Address) -> u64 {
        seeds.stream(purpose, address).rng.next_u64()
    }

    #[test]
    fn every_part_of_the_address_counts() {
        let (seeds, motion) = (Seeds::new(1), Purpose::new("motion"));
        let here = first(seeds, motion, HERE);
        assert_eq!(here, first(seeds, motion, HERE));
        assert_ne!(here, first(Seeds::new(2), motion, HERE));
        assert_ne!(here, first(seeds, Purpose::new("placement"), HERE));
        assert_ne!(here, first(seeds, motion, Address { env: 4, ..HERE }));
        assert_ne!(here, first(seeds, motion, Address { episode: 6, ..HERE }));
        assert_ne!(here, first(seeds, motion, Address { tick: 8, ..HERE }));
    }

    #[test]
    fn draws_have_the_law_they_claim() {
        let mut stream = Seeds::new(9).stream(Purpose::new("law"), HERE);
        let n = 100_000;
        let (mut sum, mut squares, mut units, mut counts) = (0.0, 0.0, 0.0, [0; 4]);
        for _ in 0..n {
            let x = f64::from(stream.normal());
            sum += x;
            squares += x * x;
            units += f64::from(stream.uniform(2.0, 4.0));
            counts[stream.below(4)] += 1;
        }
        let n = f64::from(n);
        assert!((sum / n).abs() < 0.02, "mean of normals {}", sum / n);
        assert!((squares / n - 1.0).abs() < 0.02, "variance of normals {}", squares / n);
        assert!((units / n - 3.0).abs() < 0.01, "mean of uniforms {}", units / n);
        assert!(counts.iter().all(|count| (24_000..26_000).contains(count)), "choices {counts:?}");
    }
}
