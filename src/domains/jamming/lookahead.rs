//! What one step would do, as far as a jammer can see.
//!
//! A jammer sees the eight nearest drones and the three nearest jammers. Flown straight on for some ticks, those drones form
//! a small radio graph; for each of nine steps (standing still, eight directions at full speed) the jammer works out how
//! well that graph would hold together. Baseline `greedy` takes the best step of one tick; layout `lookahead` shows the
//! outcomes of all, of one tick and of more.
//!
//! The jammer also sees how many live links each of those drones has in the whole swarm. Baseline `extrapolate` adds
//! drones that stand in for the unseen ones, so that each seen drone has as many links as it is seen to have.

use glam::Vec2;

use super::{
    components::{JamBand, Position, Velocity},
    model::Model,
    neighbours::{NEAREST_ENEMIES, for_each_link, nearest_drones, nearest_mates},
    radio::RadioKernel,
    scenario::JamModel,
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

    /// Where a jammer at `from` is after `ticks` of flying one of the [`STEPS`].
    pub(super) fn after(&self, from: Vec2, step: (f32, f32), ticks: u32) -> Vec2 {
        let velocity_mps = Vec2::from(step) * (self.model.jammer_speed_mps * ticks as f32);
        (from + velocity_mps * self.model.dt_s).clamp(Vec2::ZERO, Vec2::splat(self.model.arena_m))
    }
}

/// Works out what steps would do; scratch only.
#[derive(Default)]
pub(super) struct Lookahead {
    kernel: RadioKernel,
    solver: DenseSolver,
    distances2: Vec<f32>,
    seen: Vec<Position>,
    jammers: Vec<Vec2>,
    links: Vec<Link>,
    standing: Vec<u64>,
    rows: Vec<u64>,
    completed: Vec<u64>,
}

/// How many live links lead from each drone that a jammer sees, nearest first, to drones that it does not see.
pub(super) type Outside = [usize; NEAREST_ENEMIES];

/// Drones that can stand in for unseen ones: with those that are seen, a row of the graph is one word.
const MOST_STAND_INS: usize = u64::BITS as usize - NEAREST_ENEMIES;

/// A link that the other jammers leave alive.
#[derive(Clone, Copy)]
struct Link {
    i: usize,
    j: usize,
    midpoint: Vec2,
}

impl Lookahead {
    /// The outcomes of flying `ticks` of each of the nine steps of `jammer`, while the drones fly straight on and the other
    /// jammers stay where they are.
    pub(super) fn outcomes(&mut self, around: Surroundings<'_>, jammer: usize, ticks: u32) -> [Outcome; STEPS.len()] {
        self.outcomes_within(around, jammer, ticks, &Outside::default())
    }

    /// The same, with lambda-2 of a swarm that goes on beyond the drones that the jammer sees: so many links lead out.
    pub(super) fn outcomes_within(
        &mut self,
        around: Surroundings<'_>,
        jammer: usize,
        ticks: u32,
        outside: &Outside,
    ) -> [Outcome; STEPS.len()] {
        self.look(around, jammer, ticks);
        let own = around.team[jammer].0;
        let there = STEPS.map(|step| around.after(own, step, ticks));
        let mut outcomes = match around.model.params.jam_model {
            JamModel::Midpoint => self.cut(around, &there),
            JamModel::Sinr => self.drown(around, &there),
        };
        let (of_step, num_graphs) = self.unite_equal();
        let all = self.complete(num_graphs, outside);
        let mut lambda2 = [0.0; STEPS.len()];
        self.solver.lambda2_batch(all, &self.completed, &mut lambda2[..num_graphs]);
        for (outcome, graph) in outcomes.iter_mut().zip(of_step) {
            outcome.lambda2 = lambda2[graph];
        }
        outcomes
    }

    /// Links that lead out of what `jammer` sees. `degree` tells how many live links a drone has.
    pub(super) fn outside(
        &mut self,
        around: Surroundings<'_>,
        jammer: usize,
        degree: impl Fn(usize) -> usize,
    ) -> Outside {
        let own = around.team[jammer].0;
        self.look(around, jammer, 0);
        if around.bands[jammer].0 == around.band {
            self.jammers.push(own);
        }
        self.standing.resize(self.seen.len(), 0);
        self.kernel.graph(&around.model.budgets, around.band, &self.seen, &self.jammers, &mut self.standing);
        let mut outside = Outside::default();
        let drones = nearest_drones(around.drones, own, &mut self.distances2);
        for ((outside, drone), seen) in outside.iter_mut().zip(drones.indices()).zip(&self.standing) {
            *outside = degree(drone).saturating_sub(seen.count_ones() as usize).min(MOST_STAND_INS);
        }
        outside
    }

    /// Adds stand-ins to each of the first graphs; returns how many drones they then have.
    ///
    /// They are as many as the drone with the most links that lead out needs. All of them are linked with each other, for
    /// the rest of a swarm holds together better than the drones that are jammed, and those share them in turn.
    fn complete(&mut self, num_graphs: usize, outside: &Outside) -> usize {
        let seen = self.seen.len();
        let stand_ins = outside.iter().copied().max().unwrap_or_default();
        let all = seen + stand_ins;
        let among_themselves = (seen..all).fold(0_u64, |bits, drone| bits | 1 << drone);
        self.completed.clear();
        for rows in self.rows.chunks_exact(seen).take(num_graphs) {
            let at = self.completed.len();
            self.completed.extend_from_slice(rows);
            self.completed.extend((seen..all).map(|drone| among_themselves & !(1 << drone)));
            let graph = &mut self.completed[at..];
            let mut turn = (seen..all).cycle();
            for (drone, count) in outside.iter().enumerate().take(seen) {
                for other in turn.by_ref().take(*count) {
                    graph[drone] |= 1 << other;
                    graph[other] |= 1 << drone;
                }
            }
        }
        all
    }

    /// Keeps one of each of the steps' graphs, for many steps leave the same; returns which one each step has, and how many there
    /// are.
    fn unite_equal(&mut self) -> ([usize; STEPS.len()], usize) {
        let (n, mut num_graphs) = (self.seen.len(), 0);
        let of_step = std::array::from_fn(|step| {
            let (kept, others) = self.rows.split_at(step * n);
            let earlier = kept.chunks_exact(n).take(num_graphs).position(|graph| *graph == others[..n]);
            earlier.unwrap_or_else(|| {
                self.rows.copy_within(step * n..(step + 1) * n, num_graphs * n);
                num_graphs += 1;
                num_graphs - 1
            })
        });
        (of_step, num_graphs)
    }

    /// Cuts each step's links out of what the other jammers leave alive.
    fn cut(&mut self, around: Surroundings<'_>, there: &[Vec2; STEPS.len()]) -> [Outcome; STEPS.len()] {
        let n = self.seen.len();
        let range = around.model.budgets.band(around.band).jam_range_m;
        self.standing.resize(n, 0);
        self.kernel.graph(&around.model.budgets, around.band, &self.seen, &self.jammers, &mut self.standing);
        self.links.clear();
        for_each_link(&self.standing, n, |i, j| {
            self.links.push(Link { i, j, midpoint: 0.5 * (self.seen[i].0 + self.seen[j].0) });
        });
        self.rows.clear();
        there.map(|there| {
            let at = self.rows.len();
            self.rows.extend_from_slice(&self.standing);
            let rows = &mut self.rows[at..];
            let (mut alive, mut nearest2) = (0, f32::INFINITY);
            for link in &self.links {
                let d2 = link.midpoint.distance_squared(there);
                if d2 <= range * range {
                    rows[link.i] &= !(1 << link.j);
                    rows[link.j] &= !(1 << link.i);
                } else {
                    alive += 1;
                    nearest2 = nearest2.min(d2);
                }
            }
            Outcome { lambda2: 0.0, links: alive, nearest_link_m: nearest2.sqrt() }
        })
    }

    /// Builds each step's graph anew: interference adds up.
    fn drown(&mut self, around: Surroundings<'_>, there: &[Vec2; STEPS.len()]) -> [Outcome; STEPS.len()] {
        let n = self.seen.len();
        self.rows.resize(n * STEPS.len(), 0);
        let last = self.jammers.len();
        self.jammers.push(Vec2::ZERO);
        let mut outcomes = [Outcome::default(); STEPS.len()];
        for ((there, outcome), rows) in there.iter().zip(&mut outcomes).zip(self.rows.chunks_exact_mut(n)) {
            self.jammers[last] = *there;
            self.kernel.graph(&around.model.budgets, around.band, &self.seen, &self.jammers, rows);
            let mut nearest2 = f32::INFINITY;
            for_each_link(rows, n, |i, j| {
                outcome.links += 1;
                nearest2 = nearest2.min((0.5 * (self.seen[i].0 + self.seen[j].0)).distance_squared(*there));
            });
            outcome.nearest_link_m = nearest2.sqrt();
        }
        outcomes
    }

    /// Looks up the drones that `jammer` sees, where they will be `ticks` from now, and the other jammers that it sees
    /// on the swarm's band. A word has a bit for each of the drones.
    fn look(&mut self, around: Surroundings<'_>, jammer: usize, ticks: u32) {
        let own = around.team[jammer].0;
        let drones = nearest_drones(around.drones, own, &mut self.distances2);
        self.seen.clear();
        self.seen.extend(drones.indices().map(|drone| around.predicted(drone, ticks)));
        let others = nearest_mates(around.team, jammer, &mut self.distances2);
        self.jammers.clear();
        let on_band = others.indices().filter(|other| around.bands[*other].0 == around.band);
        self.jammers.extend(on_band.map(|other| around.team[other].0));
    }
}
