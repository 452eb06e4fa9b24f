//! What one step would do, as far as a jammer can see.
//!
//! A jammer sees the eight nearest drones and the three nearest jammers. Flown straight on for a tick, those drones form a
//! small radio graph; for each of nine steps (standing still, eight directions at full speed) the jammer works out how well
//! that graph would hold together. Baseline `greedy` takes the best step; layout `lookahead` shows them all.

use bevy::math::Vec2;

use super::{
    components::{JamBand, Position, Velocity},
    observe::{NEAREST_ENEMIES, NEAREST_JAMMERS, Nearest, live_midpoints},
    radio::RadioKernel,
    systems::Model,
};
use crate::math::fiedler::DenseSolver;

/// Directions of the steps, in units of top speed per axis. Standing still comes first.
pub(super) const STEPS: [(f32, f32); 9] =
    [(0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)];

/// What a step would leave of the graph that the jammer sees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// Its algebraic connectivity.
    pub lambda2: f64,
    /// Its live links.
    pub links: usize,
    /// Distance in m from the jammer to the midpoint of the nearest live link.
    pub nearest_link_m: f32,
}

/// One env, as its jammers look at it.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub model: &'a Model,
    /// Band of the swarm.
    pub band: u8,
    pub drones: &'a [Position],
    pub drone_velocities: &'a [Velocity],
    pub team: &'a [Position],
    pub bands: &'a [JamBand],
}

impl Surroundings<'_> {
    /// Where a drone will be `ticks` from now if it flies straight on.
    pub(super) fn predicted(&self, drone: usize, ticks: u32) -> Position {
        let straight = self.drones[drone].0 + self.drone_velocities[drone].0 * (self.model.dt_s * ticks as f32);
        let arena = self.model.arena_m;
        // Reflected at the border, once: no scenario's drones cross their arena within a plan.
        let reflect = |x: f32| if x > arena { 2.0 * arena - x } else { x.abs() };
        Position(Vec2::new(reflect(straight.x), reflect(straight.y)))
    }

    /// Where a jammer at `from` is after flying at `velocity_mps` for a tick.
    pub(super) fn after(&self, from: Vec2, velocity_mps: Vec2) -> Vec2 {
        (from + velocity_mps * self.model.dt_s).clamp(Vec2::ZERO, Vec2::splat(self.model.arena_m))
    }
}

/// Works out what steps would do; scratch only.
#[derive(Default)]
pub(super) struct Lookahead {
    kernel: RadioKernel,
    solver: DenseSolver,
    seen: Vec<Position>,
    jammers: Vec<Vec2>,
    midpoints: Vec<Vec2>,
    rows: Vec<u64>,
}

impl Lookahead {
    /// The outcomes of the nine steps of `jammer`.
    pub(super) fn outcomes(&mut self, around: Surroundings<'_>, jammer: usize) -> [Outcome; STEPS.len()] {
        self.look(around, jammer);
        let own = around.team[jammer].0;
        let n = self.seen.len();
        let size = n * n.div_ceil(64);
        self.rows.resize(size * STEPS.len(), 0);
        let mut outcomes = [Outcome::default(); STEPS.len()];
        let last = self.jammers.len();
        self.jammers.push(own);
        for ((step, outcome), rows) in STEPS.iter().zip(&mut outcomes).zip(self.rows.chunks_exact_mut(size)) {
            let there = around.after(own, Vec2::from(*step) * around.model.jammer_speed_mps);
            self.jammers[last] = there;
            self.kernel.graph(&around.model.budgets, around.band, &self.seen, &self.jammers, rows);
            live_midpoints(rows, &self.seen, &mut self.midpoints);
            outcome.links = self.midpoints.len();
            let nearest2 = self.midpoints.iter().map(|m| m.distance_squared(there)).fold(f32::INFINITY, f32::min);
            outcome.nearest_link_m = nearest2.sqrt();
        }
        let mut lambda2 = [0.0; STEPS.len()];
        self.solver.lambda2_batch(n, &self.rows, &mut lambda2);
        for (outcome, lambda2) in outcomes.iter_mut().zip(lambda2) {
            outcome.lambda2 = lambda2;
        }
        outcomes
    }

    /// The drones a tick from now, and the other jammers on the band, that `jammer` sees.
    fn look(&mut self, around: Surroundings<'_>, jammer: usize) {
        let own = around.team[jammer].0;
        let drones = Nearest::<NEAREST_ENEMIES>::among(around.drones.iter().map(|d| d.0.distance_squared(own)));
        self.seen.clear();
        self.seen.extend(drones.indices().map(|drone| around.predicted(drone, 1)));
        let others = around.team.iter().enumerate().map(|(other, position)| {
            if other == jammer { f32::INFINITY } else { position.0.distance_squared(own) }
        });
        let others = Nearest::<NEAREST_JAMMERS>::among(others);
        self.jammers.clear();
        let on_band = others.indices().filter(|other| around.bands[*other].0 == around.band);
        self.jammers.extend(on_band.map(|other| around.team[other].0));
    }
}
