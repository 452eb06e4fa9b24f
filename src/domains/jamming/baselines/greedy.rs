//! The step that lowers lambda-2 of a jammer's own view most.

use bevy::math::Vec2;

use super::{Order, Script, Situation, scripted};
use crate::{
    domains::jamming::{
        components::Position,
        observe::{NEAREST_ENEMIES, NEAREST_JAMMERS, live_midpoints},
        radio::RadioKernel,
    },
    math::fiedler::DenseSolver,
    sim::Policy,
};

/// Each jammer for itself: of standing still and the eight directions at full speed, the step after which the drones it
/// sees (flying straight on) are connected least, given the jammers it sees. Ties go to the step that leaves fewest links,
/// then to the one nearest to a live link.
pub(super) fn greedy() -> Box<dyn Policy> {
    scripted(Greedy::default())
}

#[derive(Default)]
struct Greedy {
    kernel: RadioKernel,
    solver: DenseSolver,
    seen: Vec<Position>,
    jammers: Vec<Vec2>,
    midpoints: Vec<Vec2>,
    rows: Vec<u64>,
    lambda2: [f64; STEPS.len()],
}

/// Standing still first, so that a jammer that gains nothing by moving stays.
const STEPS: [(f32, f32); 9] =
    [(0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)];

impl Script for Greedy {
    fn command(&mut self, _slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        for jammer in 0..situation.team.len() {
            let velocity_mps = self.step(situation, jammer);
            orders.push(Order { velocity_mps, band: situation.swarm.band });
        }
    }

    fn forget(&self) -> Box<dyn Policy> {
        greedy()
    }
}

impl Greedy {
    fn step(&mut self, situation: &Situation<'_>, jammer: usize) -> Vec2 {
        self.look(situation, jammer);
        let (own, band) = (situation.team[jammer].0, situation.swarm.band);
        let n = self.seen.len();
        let size = n * n.div_ceil(64);
        self.rows.resize(size * STEPS.len(), 0);
        let mut others = [(0, 0.0); STEPS.len()];
        let last = self.jammers.len();
        self.jammers.push(own);
        for (i, step) in STEPS.iter().enumerate() {
            let there = situation.after(own, Vec2::from(*step) * situation.model.jammer_speed_mps);
            self.jammers[last] = there;
            let rows = &mut self.rows[i * size..(i + 1) * size];
            self.kernel.graph(&situation.model.budgets, band, &self.seen, &self.jammers, rows);
            live_midpoints(rows, &self.seen, &mut self.midpoints);
            let nearest = self.midpoints.iter().map(|m| m.distance(there)).fold(f32::INFINITY, f32::min);
            others[i] = (self.midpoints.len(), nearest);
        }
        self.solver.lambda2_batch(n, &self.rows, &mut self.lambda2);
        let order = |a: &usize, b: &usize| {
            let by_lambda2 = self.lambda2[*a].total_cmp(&self.lambda2[*b]);
            by_lambda2.then(others[*a].0.cmp(&others[*b].0)).then(others[*a].1.total_cmp(&others[*b].1))
        };
        let best = (0..STEPS.len()).min_by(order).unwrap_or_default();
        Vec2::from(STEPS[best]) * situation.model.jammer_speed_mps
    }

    /// The drones and jammers that `jammer` sees.
    fn look(&mut self, situation: &Situation<'_>, jammer: usize) {
        let own = situation.team[jammer].0;
        let mut drones: Vec<usize> = (0..situation.drones.len()).collect();
        drones.sort_by(|a, b| {
            let distance = |i: usize| situation.drones[i].0.distance_squared(own);
            distance(*a).total_cmp(&distance(*b))
        });
        drones.truncate(NEAREST_ENEMIES);
        self.seen.clear();
        self.seen.extend(drones.into_iter().map(|drone| situation.predicted(drone, 1)));

        let mut jammers: Vec<usize> = (0..situation.team.len()).filter(|other| *other != jammer).collect();
        jammers.sort_by(|a, b| {
            let distance = |i: usize| situation.team[i].0.distance_squared(own);
            distance(*a).total_cmp(&distance(*b))
        });
        jammers.truncate(NEAREST_JAMMERS);
        jammers.retain(|other| situation.bands[*other].0 == situation.swarm.band);
        self.jammers.clear();
        self.jammers.extend(jammers.into_iter().map(|other| situation.team[other].0));
    }
}
