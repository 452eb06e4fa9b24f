//! The planner: coordinate ascent over all jammers' positions with full knowledge, moved to at full speed. It is a strong reference, not a
//! bound: it plans greedily, jammer by jammer.

use glam::Vec2;

use super::{Order, Rule, Situation, scripted};
use crate::{
    domains::jamming::{components::Position, neighbours::for_each_link, radio::RadioKernel, scenario::JamModel},
    math::fiedler::DenseSolver,
    sim::Policy,
};

/// Plans where each jammer should be and flies there.
///
/// Every few ticks the plan is improved jammer by jammer: with the others flying to their planned positions, a jammer's
/// new target is the best of its old one and a set of candidates (where it is, steps from there, small and large steps
/// around its plan, places where the jamming model says that links are weak). A target is judged by lambda-2 of the whole
/// swarm under that model, flown straight on, at three moments of the flight there; then by the links left alive, then by
/// how far it is. Privileged: it sees every drone and commands the whole team at once.
pub(super) fn planner() -> Box<dyn Policy> {
    scripted(Planner::default)
}

/// Ticks ahead at which a plan is judged: now counts as much as later.
const HORIZONS: [u32; 3] = [1, 4, 12];

/// Small steps and large ones around a planned position, in jam ranges.
const RADII: [f32; 3] = [0.25, 0.7, 1.6];

/// Weak places tried per jammer.
const WEAK_TRIED: usize = 16;

/// Sweeps over the team per plan.
const SWEEPS: usize = 2;

/// Teams up to this size plan every tick, larger ones in proportion less often.
const TEAM_PER_TICK: usize = 10;

/// Weight of the share of links left alive, and of a flight across the arena, against lambda-2 over the swarm's size.
const LINK_WEIGHT: f64 = 1e-3;
const FLIGHT_WEIGHT: f64 = 1e-4;

#[derive(Default)]
struct Planner {
    plans: Vec<Vec<Vec2>>,
    kernel: RadioKernel,
    solver: DenseSolver,
    moments: [Moment; HORIZONS.len()],
    weak: Vec<Vec2>,
    candidates: Vec<Vec2>,
    cost: Vec<f64>,
    packed: Vec<u64>,
    lambda2: Vec<f64>,
}

/// The swarm some ticks ahead.
#[derive(Default)]
struct Moment {
    drones: Vec<Position>,
    /// Where the other jammers are; one more place is scratch.
    jammers: Vec<Vec2>,
    /// Links that the other jammers leave alive, as bit rows.
    rows: Vec<u64>,
    links: Vec<Link>,
}

/// A link that the other jammers leave alive.
#[derive(Clone, Copy)]
struct Link {
    i: usize,
    j: usize,
    midpoint: Vec2,
}

impl Rule for Planner {
    fn command(&mut self, slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        if self.plans.len() <= slot {
            self.plans.resize(slot + 1, Vec::new());
        }
        let begins = situation.clock.tick == 0 || self.plans[slot].len() != situation.around.team.len();
        let mut plan = std::mem::take(&mut self.plans[slot]);
        if begins {
            plan.clear();
            plan.extend(situation.around.team.iter().map(|jammer| jammer.0));
        }
        let interval = situation.around.team.len().div_ceil(TEAM_PER_TICK) as u32;
        if begins || situation.clock.tick.is_multiple_of(interval) {
            self.improve(situation, &mut plan);
        }
        orders.extend(situation.around.team.iter().zip(&plan).map(|(jammer, target)| Order {
            velocity_mps: situation.towards(jammer.0, *target),
            band: situation.swarm.band,
        }));
        self.plans[slot] = plan;
    }
}

impl Planner {
    fn improve(&mut self, situation: &Situation<'_>, plan: &mut [Vec2]) {
        for (moment, ticks) in self.moments.iter_mut().zip(HORIZONS) {
            moment.drones.clear();
            moment
                .drones
                .extend((0..situation.around.drones.len()).map(|drone| situation.around.predicted(drone, ticks)));
        }
        for _ in 0..SWEEPS {
            let mut has_changed = false;
            for jammer in 0..plan.len() {
                let better = self.best_target(situation, plan, jammer);
                has_changed |= better != plan[jammer];
                plan[jammer] = better;
            }
            if !has_changed {
                break;
            }
        }
    }

    /// The best target of one jammer while the others fly to theirs.
    fn best_target(&mut self, situation: &Situation<'_>, plan: &[Vec2], jammer: usize) -> Vec2 {
        for (moment, ticks) in self.moments.iter_mut().zip(HORIZONS) {
            let others = (0..plan.len()).filter(|other| *other != jammer);
            moment.jammers.clear();
            moment
                .jammers
                .extend(others.map(|other| situation.on_the_way(situation.around.team[other].0, plan[other], ticks)));
            moment.look(situation, &mut self.kernel);
        }
        let own = situation.around.team[jammer].0;
        self.gather_candidates(situation, plan[jammer], own);
        self.judge(situation, own);
        let best = (0..self.candidates.len()).min_by(|a, b| self.cost[*a].total_cmp(&self.cost[*b]));
        self.candidates[best.unwrap_or_default()]
    }

    fn gather_candidates(&mut self, situation: &Situation<'_>, planned: Vec2, own: Vec2) {
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
        let arena = Vec2::splat(situation.around.model.arena_m);
        let range = situation.around.model.budgets.band(situation.swarm.band).jam_range_m;
        let step = situation.around.model.jammer_speed_mps * situation.around.model.dt_s;
        let around = |centre: Vec2, radius: f32| {
            DIRECTIONS.map(|direction| (centre + Vec2::from(direction) * radius).clamp(Vec2::ZERO, arena))
        };
        self.candidates.clear();
        // The old plan first: equal costs change nothing.
        self.candidates.extend([planned, own]);
        self.candidates.extend(around(own, step));
        for radius in RADII {
            self.candidates.extend(around(planned, radius * range));
        }
        // The weak places nearest to the jammer, then some spread over all of them.
        self.moments[1].weak_places(situation.around.model.params.jam_model, &mut self.weak);
        self.weak.sort_by(|a, b| a.distance_squared(own).total_cmp(&b.distance_squared(own)));
        let near = WEAK_TRIED / 2;
        self.candidates.extend(self.weak.iter().take(near));
        let stride = (self.weak.len().saturating_sub(near) / (WEAK_TRIED - near)).max(1);
        self.candidates.extend(self.weak.iter().skip(near).step_by(stride).take(WEAK_TRIED - near));
    }

    /// The cost of flying to each candidate.
    fn judge(&mut self, situation: &Situation<'_>, own: Vec2) {
        let n = situation.around.drones.len();
        let (pairs, scale) = ((n * (n - 1) / 2) as f64, 1.0 / n as f64);
        let flight = |to: &Vec2| f64::from(to.distance(own) / situation.around.model.arena_m);
        self.cost.clear();
        self.cost.extend(self.candidates.iter().map(|to| FLIGHT_WEIGHT * flight(to)));
        self.lambda2.resize(self.candidates.len(), 0.0);
        for (moment, ticks) in self.moments.iter_mut().zip(HORIZONS) {
            self.packed.clear();
            for (to, cost) in self.candidates.iter().zip(&mut self.cost) {
                let at = situation.on_the_way(own, *to, ticks);
                let alive = moment.with(situation, &mut self.kernel, at, &mut self.packed);
                *cost += LINK_WEIGHT * alive as f64 / pairs;
            }
            self.solver.lambda2_batch(n, &self.packed, &mut self.lambda2);
            for (cost, lambda2) in self.cost.iter_mut().zip(&self.lambda2) {
                *cost += lambda2 * scale;
            }
        }
    }
}

impl Moment {
    /// Finds the links that the other jammers leave alive.
    fn look(&mut self, situation: &Situation<'_>, kernel: &mut RadioKernel) {
        let n = self.drones.len();
        self.rows.resize(n * n.div_ceil(64), 0);
        let budgets = &situation.around.model.budgets;
        kernel.graph(budgets, situation.swarm.band, &self.drones, &self.jammers, &mut self.rows);
        self.links.clear();
        for_each_link(&self.rows, n, |i, j| {
            self.links.push(Link { i, j, midpoint: 0.5 * (self.drones[i].0 + self.drones[j].0) });
        });
    }

    /// Where jamming cuts most: at the midpoints of live links, or at the drones that still hear one.
    fn weak_places(&self, model: JamModel, places: &mut Vec<Vec2>) {
        places.clear();
        match model {
            JamModel::Midpoint => places.extend(self.links.iter().map(|link| link.midpoint)),
            JamModel::Sinr => {
                let words = self.drones.len().div_ceil(64);
                let hears = |row: &[u64]| row.iter().any(|word| *word != 0);
                let rows = self.drones.iter().zip(self.rows.chunks_exact(words));
                places.extend(rows.filter(|(_, row)| hears(row)).map(|(drone, _)| drone.0));
            }
        }
    }

    /// Appends the graph with one more jammer to `packed`; returns how many links are left.
    fn with(
        &mut self,
        situation: &Situation<'_>,
        kernel: &mut RadioKernel,
        jammer: Vec2,
        packed: &mut Vec<u64>,
    ) -> usize {
        let model = situation.around.model;
        match model.params.jam_model {
            JamModel::Midpoint => {
                let range = model.budgets.band(situation.swarm.band).jam_range_m;
                self.cut(jammer, range * range, packed)
            }
            JamModel::Sinr => {
                let start = packed.len();
                packed.resize(start + self.rows.len(), 0);
                self.jammers.push(jammer);
                let rows = &mut packed[start..];
                kernel.graph(&model.budgets, situation.swarm.band, &self.drones, &self.jammers, rows);
                self.jammers.pop();
                rows.iter().map(|word| word.count_ones() as usize).sum::<usize>() / 2
            }
        }
    }

    /// A jammer cuts the links whose midpoints it reaches, whatever the others do.
    fn cut(&self, jammer: Vec2, range2: f32, packed: &mut Vec<u64>) -> usize {
        let words = self.drones.len().div_ceil(64);
        let start = packed.len();
        packed.extend_from_slice(&self.rows);
        let rows = &mut packed[start..];
        let mut alive = self.links.len();
        for link in self.links.iter().filter(|link| link.midpoint.distance_squared(jammer) <= range2) {
            rows[link.i * words + link.j / 64] &= !(1 << (link.j % 64));
            rows[link.j * words + link.i / 64] &= !(1 << (link.i % 64));
            alive -= 1;
        }
        alive
    }
}
