//! The ceiling: coordinate ascent over all jammers' positions with full knowledge, moved to at full speed.

use bevy::math::Vec2;

use super::{Order, Script, Situation, scripted};
use crate::{
    domains::jamming::{
        components::Position,
        observe::for_each_link,
        radio::RadioKernel,
    },
    math::fiedler::DenseSolver,
    sim::Policy,
};

/// Plans where each jammer should be and flies there.
///
/// Every few ticks the plan is improved jammer by jammer: with the others at their planned positions, a jammer's new
/// position is the best of its old one and a set of candidates (where it is, small and large steps around its plan, the
/// midpoints of nearby live links). A position is judged by lambda-2 of the whole swarm flown straight on, then by the
/// links left alive, then by how far it is. Privileged: it sees every drone and commands the whole team at once.
pub(super) fn planner() -> Box<dyn Policy> {
    scripted(Planner::default())
}

/// Small steps and large ones around a planned position, in jam ranges.
const RADII: [f32; 3] = [0.25, 0.7, 1.6];

/// Midpoints of live links tried per jammer.
const LINKS_TRIED: usize = 16;

/// Sweeps over the team per plan.
const SWEEPS: usize = 2;

/// Teams up to this size plan every tick, larger ones in proportion less often.
const TEAM_PER_TICK: usize = 10;

/// Weight of the share of links left alive, and of a flight across the arena, against lambda-2 over the swarm's size.
const LINK_WEIGHT: f64 = 1e-3;
const FLIGHT_WEIGHT: f64 = 2e-2;

#[derive(Default)]
struct Planner {
    plans: Vec<Vec<Vec2>>,
    kernel: RadioKernel,
    solver: DenseSolver,
    drones: Vec<Position>,
    others: Vec<Vec2>,
    rows: Vec<u64>,
    links: Vec<Link>,
    candidates: Vec<Vec2>,
    packed: Vec<u64>,
    lambda2: Vec<f64>,
    alive: Vec<usize>,
}

/// A link that the other jammers leave alive.
#[derive(Clone, Copy)]
struct Link {
    i: usize,
    j: usize,
    midpoint: Vec2,
}

impl Script for Planner {
    fn command(&mut self, slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        if self.plans.len() <= slot {
            self.plans.resize(slot + 1, Vec::new());
        }
        let begins = situation.clock.tick == 0 || self.plans[slot].len() != situation.team.len();
        let mut plan = std::mem::take(&mut self.plans[slot]);
        if begins {
            plan.clear();
            plan.extend(situation.team.iter().map(|jammer| jammer.0));
        }
        let interval = situation.team.len().div_ceil(TEAM_PER_TICK) as u32;
        if begins || situation.clock.tick % interval == 0 {
            self.improve(situation, &mut plan);
        }
        orders.extend(situation.team.iter().zip(&plan).map(|(jammer, target)| Order {
            velocity_mps: situation.towards(jammer.0, *target),
            band: situation.swarm.band,
        }));
        self.plans[slot] = plan;
    }

    fn forget(&self) -> Box<dyn Policy> {
        planner()
    }
}

impl Planner {
    fn improve(&mut self, situation: &Situation<'_>, plan: &mut [Vec2]) {
        self.drones.clear();
        self.drones.extend((0..situation.drones.len()).map(|drone| situation.predicted(drone)));
        for _ in 0..SWEEPS {
            let mut has_changed = false;
            for jammer in 0..plan.len() {
                let better = self.best_position(situation, plan, jammer);
                has_changed |= better != plan[jammer];
                plan[jammer] = better;
            }
            if !has_changed {
                break;
            }
        }
    }

    /// The best position of one jammer while the others are where the plan has them.
    fn best_position(&mut self, situation: &Situation<'_>, plan: &[Vec2], jammer: usize) -> Vec2 {
        let n = self.drones.len();
        let words = n.div_ceil(64);
        self.others.clear();
        self.others.extend(plan.iter().enumerate().filter(|(i, _)| *i != jammer).map(|(_, position)| *position));
        self.rows.resize(n * words, 0);
        self.kernel.graph(&situation.model.budgets, situation.swarm.band, &self.drones, &self.others, &mut self.rows);
        self.links.clear();
        for_each_link(&self.rows, n, |i, j| {
            self.links.push(Link { i, j, midpoint: 0.5 * (self.drones[i].0 + self.drones[j].0) });
        });

        let range = situation.model.budgets.band(situation.swarm.band).jam_range_m;
        self.gather_candidates(situation, plan[jammer], situation.team[jammer].0, range);
        self.judge(words, range * range);
        let pairs = (n * (n - 1) / 2) as f64;
        let cost = |c: usize| {
            let flight = f64::from(self.candidates[c].distance(situation.team[jammer].0) / situation.model.arena_m);
            self.lambda2[c] / n as f64 + LINK_WEIGHT * self.alive[c] as f64 / pairs + FLIGHT_WEIGHT * flight / n as f64
        };
        let best = (0..self.candidates.len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or_default();
        self.candidates[best]
    }

    fn gather_candidates(&mut self, situation: &Situation<'_>, planned: Vec2, own: Vec2, range: f32) {
        const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
        const DIRECTIONS: [(f32, f32); 8] = [
            (1.0, 0.0),
            (DIAGONAL, DIAGONAL),
            (0.0, 1.0),
            (-DIAGONAL, DIAGONAL),
            (-1.0, 0.0),
            (-DIAGONAL, -DIAGONAL),
            (0.0, -1.0),
            (DIAGONAL, -DIAGONAL),
        ];
        let arena = Vec2::splat(situation.model.arena_m);
        self.candidates.clear();
        // The old plan first: equal costs change nothing.
        self.candidates.extend([planned, own]);
        for radius in RADII {
            self.candidates.extend(DIRECTIONS.map(|d| (planned + Vec2::from(d) * radius * range).clamp(Vec2::ZERO, arena)));
        }
        // The live links nearest to the jammer, then some spread over all of them.
        self.links.sort_by(|a, b| a.midpoint.distance_squared(own).total_cmp(&b.midpoint.distance_squared(own)));
        let near = LINKS_TRIED / 2;
        self.candidates.extend(self.links.iter().take(near).map(|link| link.midpoint));
        let stride = (self.links.len().saturating_sub(near) / (LINKS_TRIED - near)).max(1);
        let spread = self.links.iter().skip(near).step_by(stride).take(LINKS_TRIED - near);
        self.candidates.extend(spread.map(|link| link.midpoint));
    }

    /// Lambda-2 and the number of live links with the jammer at each candidate.
    fn judge(&mut self, words: usize, range2: f32) {
        let n = self.drones.len();
        self.packed.clear();
        self.alive.clear();
        for candidate in &self.candidates {
            let start = self.packed.len();
            self.packed.extend_from_slice(&self.rows);
            let rows = &mut self.packed[start..];
            let mut alive = self.links.len();
            for link in self.links.iter().filter(|link| link.midpoint.distance_squared(*candidate) <= range2) {
                rows[link.i * words + link.j / 64] &= !(1 << (link.j % 64));
                rows[link.j * words + link.i / 64] &= !(1 << (link.i % 64));
                alive -= 1;
            }
            self.alive.push(alive);
        }
        self.lambda2.resize(self.candidates.len(), 0.0);
        self.solver.lambda2_batch(n, &self.packed, &mut self.lambda2);
    }
}
