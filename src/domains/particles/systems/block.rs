//! Eight envs side by side.

use glam::Vec2;

/// Envs in a block: as many `f32` as a register of AVX2 holds.
pub(super) const LANES: usize = 8;

/// One number of each of eight envs.
pub(super) type Lanes = [f32; LANES];

/// A vector of each of eight envs.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Vectors {
    pub x: Lanes,
    pub y: Lanes,
}

impl Vectors {
    /// The way from `self` to `other`.
    #[inline(always)]
    pub(super) fn to(&self, other: &Self) -> Self {
        Self {
            x: std::array::from_fn(|lane| other.x[lane] - self.x[lane]),
            y: std::array::from_fn(|lane| other.y[lane] - self.y[lane]),
        }
    }

    /// Squared lengths.
    #[inline(always)]
    pub(super) fn length2(&self) -> Lanes {
        std::array::from_fn(|lane| self.x[lane] * self.x[lane] + self.y[lane] * self.y[lane])
    }
}

/// What is known of eight envs.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Block {
    /// One per agent.
    pub positions: Vec<Vectors>,
    pub velocities: Vec<Vectors>,
    pub forces: Vec<Vectors>,
    /// Agents that touch it.
    pub touches: Vec<Lanes>,
    /// One per landmark.
    pub landmarks: Vec<Vectors>,
    /// As in [`Measure`](super::measure::Measure).
    pub distance_m: Lanes,
    pub num_covered: Lanes,
    pub num_touches: Lanes,
}

impl Block {
    /// Makes room for so many agents and landmarks.
    pub(super) fn resize(&mut self, num_agents: usize, num_landmarks: usize) {
        for vectors in [&mut self.positions, &mut self.velocities, &mut self.forces] {
            vectors.resize(num_agents, Vectors::default());
        }
        self.touches.resize(num_agents, [0.0; LANES]);
        self.landmarks.resize(num_landmarks, Vectors::default());
    }
}

/// Whether any number is below `bound`.
#[inline(always)]
pub(super) fn is_any_below(numbers: &Lanes, bound: f32) -> bool {
    numbers.iter().fold(false, |is_any, number| is_any | (*number < bound))
}

/// Turns the rows of up to eight envs, `[envs, entities]`, around into `[entities]` vectors of eight; lanes without an env keep
/// what they had.
#[inline(always)]
pub(super) fn load<T>(rows: &[T], into: &mut [Vectors], vector: impl Fn(&T) -> Vec2) {
    // A block without entities has no rows either.
    for (lane, env) in rows.chunks_exact(into.len().max(1)).take(LANES).enumerate() {
        for (to, row) in into.iter_mut().zip(env) {
            (to.x[lane], to.y[lane]) = vector(row).into();
        }
    }
}

/// Turns them back.
#[inline(always)]
pub(super) fn store<T>(from: &[Vectors], rows: &mut [T], row: impl Fn(Vec2) -> T) {
    for (lane, env) in rows.chunks_exact_mut(from.len().max(1)).take(LANES).enumerate() {
        for (from, to) in from.iter().zip(env) {
            *to = row(Vec2::new(from.x[lane], from.y[lane]));
        }
    }
}
