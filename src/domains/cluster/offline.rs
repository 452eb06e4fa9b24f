//! What nobody can be paid more than in an episode, whatever they know: the value of a relaxed offline problem.
//!
//! Everything that will arrive is known, the nodes are one large node, and workloads may be placed in parts. A dual of that linear
//! program sets a price on each resource and each decision in each tick; every workload then takes its cheapest start, or none if even that
//! costs more than it pays. The sum of all prices and of what workloads gain bounds the reward for *any* prices (weak duality), so a
//! bound that was searched for too briefly is loose, never wrong. The search is subgradient descent (Held, Wolfe and Crowder, Validation of
//! subgradient optimization, 1974).

use super::{
    components::{Arrivals, Demand, Job, Machine, NUM_RESOURCES, Phase},
    model::Model,
    scenario::{ClusterParams, Mode},
    source::Source,
};
use crate::{
    error::{Error, Result},
    sim::{Address, Lane, Seeds},
};

/// Steps of the search.
const STEPS: usize = 400;
/// Steps after which the step size has halved.
const HALVED_AFTER: f64 = 40.0;
/// Part of a tick that rounding may leave of a running time of whole ticks, and more.
const ROUNDING: f64 = 0.01;

/// What has a price in a tick: each resource, and a decision.
const PRICES: usize = NUM_RESOURCES + 1;
/// Length of the first step against all prices being as high as the most that a workload is worth.
const STEP_SHARE: f64 = 0.1;

/// A workload as the relaxation sees it.
struct Workload {
    /// Shares of all that there is of each resource.
    share: [f64; NUM_RESOURCES],
    /// First and last tick in which it can be placed.
    first: usize,
    last: usize,
    /// Ticks that it takes room for.
    ticks: usize,
    /// What placing it is worth, failing included where it would fail within the episode.
    worth: f64,
}

/// An upper bound on the reward of all nodes together in the first episode of an env.
///
/// # Errors
/// Rules that the bound does not hold for: other modes than `full`, failing nodes, negative weights.
pub fn most_reward(params: &ClusterParams, max_steps: u32, seeds: Seeds, env: u64) -> Result<f64> {
    let weights = [params.w_success, params.w_efficiency, params.w_failure, params.w_balance];
    if params.mode != Mode::Full || params.mtbf_s > 0.0 || weights.iter().any(|weight| *weight < 0.0) {
        return Err(Error::input(
            "the offline bound holds in mode `full`, for nodes that do not fail and weights from 0 on",
        ));
    }
    let (workloads, lost) = workloads(params, max_steps, seeds, env);
    Ok(relaxed(&workloads, max_steps as usize + 1, params.decisions_per_tick as f64) - lost)
}

/// The workloads of an episode, and what it would cost if all of them failed that can.
fn workloads(params: &ClusterParams, max_steps: u32, seeds: Seeds, env: u64) -> (Vec<Workload>, f64) {
    let mut lane = Lane::new(params, max_steps, seeds, env..env + 1);
    let world = lane.world_mut();
    let machines: Vec<Machine> = world.query::<&Machine>().iter(world).copied().collect();
    let waiting: Vec<(Demand, Job)> = world
        .query::<(&Phase, &Demand, &Job)>()
        .iter(world)
        .filter(|(phase, ..)| **phase == Phase::Queued)
        .map(|(_, demand, job)| (*demand, *job))
        .collect();
    let mut arrivals = world.query::<&Arrivals>().iter(world).copied().next().unwrap_or_default();
    let (model, source) = (world.resource::<Model>(), world.resource::<Source>());
    let room = std::array::from_fn(|k| machines.iter().map(|machine| model.limit(machine, k)).sum::<f64>().max(1e-6));
    let mut problem = Problem { params, last: max_steps as usize, room, workloads: Vec::new(), lost: 0.0 };
    for (demand, job) in waiting {
        problem.add(0, &demand, job.priority, job.patience_s, job.duration_s);
    }
    let mut new = Vec::new();
    for tick in 1..max_steps {
        new.clear();
        source.draw(model, &seeds, Address { env, episode: 0, tick }, &mut arrivals, &mut new);
        for workload in &new {
            problem.add(tick as usize, &workload.demand, workload.priority, workload.patience_s, workload.duration_s);
        }
    }
    (problem.workloads, problem.lost)
}

/// The workloads so far.
struct Problem<'a> {
    params: &'a ClusterParams,
    /// The last tick of the episode.
    last: usize,
    /// All that there is of each resource.
    room: [f64; NUM_RESOURCES],
    workloads: Vec<Workload>,
    /// What it would cost if all of them failed that can.
    lost: f64,
}

impl Problem<'_> {
    /// A workload that arrives in `tick`.
    fn add(&mut self, tick: usize, demand: &Demand, priority: u8, patience_s: f32, duration_s: f32) {
        let in_ticks = |s: f32| f64::from(s) / self.params.dt_s;
        // It is tried from the next tick on, until its patience is used up.
        let first = tick + 1;
        let end = first + (in_ticks(patience_s) + ROUNDING) as usize;
        let fails = if end <= self.last { self.params.w_failure * f64::from(priority) } else { 0.0 };
        self.lost += fails;
        self.workloads.push(Workload {
            share: std::array::from_fn(|k| f64::from(demand.0[k]) / self.room[k]),
            first,
            last: end.min(self.last),
            ticks: ((in_ticks(duration_s) - ROUNDING).ceil() as usize).max(1),
            worth: self.params.w_success * f64::from(priority) + self.params.w_efficiency + fails,
        });
    }
}

/// The least sum that was found of what all prices and all workloads gain.
fn relaxed(workloads: &[Workload], ticks: usize, decisions: f64) -> f64 {
    // Prices in each tick: of all that there is of each resource, and of a decision.
    let mut prices = vec![[0.0; PRICES]; ticks];
    let mut least = f64::INFINITY;
    let scale = workloads.iter().map(|workload| workload.worth).fold(0.0, f64::max) * (ticks as f64).sqrt();
    for step in 0..STEPS {
        let mut left = vec![[1.0; PRICES]; ticks];
        left.iter_mut().for_each(|left| left[NUM_RESOURCES] = decisions);
        let paid = prices.iter().flatten().zip(left.iter().flatten()).map(|(price, room)| price * room).sum::<f64>();
        let sums = summed(&prices);
        let mut gains = 0.0;
        for workload in workloads {
            let best = (workload.first..=workload.last).map(|start| (workload.gain(start, &prices, &sums), start));
            let best = best.fold((0.0, usize::MAX), |best, next| if next.0 > best.0 { next } else { best });
            if best.0 > 0.0 {
                gains += best.0;
                workload.take(best.1, &mut left);
            }
        }
        least = least.min(paid + gains);
        // What is left over lowers its price, what is wanted too much raises it.
        let norm = left.iter().flatten().map(|left| left * left).sum::<f64>().sqrt();
        if norm == 0.0 {
            break;
        }
        let length = STEP_SHARE * scale / (1.0 + step as f64 / HALVED_AFTER) / norm;
        for (price, left) in prices.iter_mut().flatten().zip(left.iter().flatten()) {
            *price = (*price - length * left).max(0.0);
        }
    }
    least
}

impl Workload {
    /// What it gains by a start in this tick.
    fn gain(&self, start: usize, prices: &[[f64; PRICES]], sums: &[[f64; PRICES]]) -> f64 {
        let end = (start + self.ticks).min(prices.len());
        let room = (0..NUM_RESOURCES).map(|k| self.share[k] * (sums[end][k] - sums[start][k])).sum::<f64>();
        self.worth - room - prices[start][NUM_RESOURCES]
    }

    /// Takes its room, and a decision.
    fn take(&self, start: usize, left: &mut [[f64; PRICES]]) {
        left[start][NUM_RESOURCES] -= 1.0;
        let end = (start + self.ticks).min(left.len());
        for left in &mut left[start..end] {
            (0..NUM_RESOURCES).for_each(|k| left[k] -= self.share[k]);
        }
    }
}

/// Sums of the prices before each tick, and of all.
fn summed(prices: &[[f64; PRICES]]) -> Vec<[f64; PRICES]> {
    let mut sum = [0.0; PRICES];
    let mut sums = vec![sum];
    for prices in prices {
        (0..PRICES).for_each(|k| sum[k] += prices[k]);
        sums.push(sum);
    }
    sums
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn workload(share: f64, ticks: usize, worth: f64) -> Workload {
        Workload { share: [share, 0.0, 0.0, 0.0], first: 1, last: 3, ticks, worth }
    }

    #[test]
    fn who_all_find_room_are_all_paid() {
        let workloads = [workload(0.4, 5, 3.0), workload(0.5, 9, 4.0)];
        assert!((relaxed(&workloads, 20, 5.0) - 7.0).abs() < 1e-6);
    }

    /// Two that each need all the room for the rest of the episode: only one can have it. Half of each is no more than the better one.
    #[test]
    fn the_bound_is_the_value_of_the_linear_program() {
        let workloads = [workload(1.0, 19, 3.0), workload(1.0, 19, 4.0)];
        let bound = relaxed(&workloads, 20, 5.0);
        assert!((4.0..4.2).contains(&bound), "{bound}");
        // Of three that come at once and take no room, one decision a tick starts two in two ticks.
        let mut three: Vec<Workload> = (0..3).map(|_| workload(0.0, 1, 2.0)).collect();
        three.iter_mut().for_each(|workload| workload.last = 2);
        let bound = relaxed(&three, 5, 1.0);
        assert!((4.0..4.2).contains(&bound), "{bound}");
    }

    #[test]
    fn nobody_is_paid_more() {
        use crate::{domains::cluster::baselines, sim::EVALUATION_ENVS};
        let params = ClusterParams { num_nodes: 3, arrival_rate_hz: 2.0, ..ClusterParams::default() };
        for env in EVALUATION_ENVS..EVALUATION_ENVS + 2 {
            let bound = most_reward(&params, 200, Seeds::new(1), env).unwrap();
            for mut baseline in baselines::all() {
                let mut lane = Lane::new(&params, 200, Seeds::new(1), env..env + 1);
                for _ in 0..200 {
                    lane.act(&mut *baseline.policy, 0).unwrap();
                    lane.step();
                }
                let paid = lane.ports().finished[0].groups[0].episode_return * params.num_nodes as f64;
                assert!(paid <= bound, "{}: {paid} and {bound}", baseline.name);
            }
        }
    }

    #[test]
    fn where_it_does_not_hold_there_is_none() {
        let bound = |params: &ClusterParams| most_reward(params, 20, Seeds::new(1), 0);
        bound(&ClusterParams::default()).unwrap();
        bound(&ClusterParams { mtbf_s: 30.0, ..ClusterParams::default() }).unwrap_err();
        bound(&ClusterParams { mode: Mode::Repaired, ..ClusterParams::default() }).unwrap_err();
    }
}
