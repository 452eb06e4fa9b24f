//! Scripted jammers to compare with.
//!
//! All but the planner use only what layout `local` shows a jammer: itself, the swarm's band, the eight nearest drones and
//! how many live links each has, the three nearest jammers; and its assigned centroid. Like the learned policy they know
//! the link budgets. Those that keep a formation also know the jammer's number in its team, and how large the team is.

mod extrapolate;
mod formation;
mod greedy;
mod planner;
mod simple;
mod two_horizon;

use bevy_ecs::{
    query::With,
    system::{Query, Res, ResMut, SystemParam},
};
use glam::Vec2;

use super::{
    components::{Assignment, Enemy, JamBand, Jammer, Position, Swarm, Velocity},
    lookahead::Surroundings,
    model::Model,
    systems::RadioGraphs,
};
use crate::sim::{
    Baseline, Clock, Policy, Ports, Purpose, column,
    kit::{self, Script},
};

const RANDOM: Purpose = Purpose::new("jamming.policy.random");

/// All baselines, roughly weakest first: the order of neighbours differs between scenarios.
pub(super) fn all() -> Vec<Baseline> {
    let scripted = |name, doc, privileged, policy| Baseline { name, doc, group: "jammers", privileged, policy };
    vec![
        scripted("random", "uniform velocities and bands", false, kit::uniform(RANDOM)),
        scripted("hold", "holds its position on the band the swarm started on", false, simple::hold()),
        scripted("follow", "holds its position, always on the swarm's band", false, simple::follow()),
        scripted("nearest", "flies to its assigned centroid, always on the swarm's band", false, simple::nearest()),
        scripted(
            "formation",
            "keeps its place in a grid of jammers around the arena's centre, spaced by the jam range",
            false,
            formation::formation(),
        ),
        scripted("greedy", "takes the step that lowers lambda-2 of its own view most", false, greedy::greedy()),
        scripted(
            "two_horizon",
            "weighs lambda-2 and links of its own view after one tick and after four",
            false,
            two_horizon::two_horizon(),
        ),
        scripted(
            "extrapolate",
            "completes its own view to a swarm by the links that lead out of it, and lowers lambda-2 of that",
            false,
            extrapolate::extrapolate(),
        ),
        scripted(
            "planner",
            "knows everything and seeks the best positions by coordinate ascent",
            true,
            planner::planner(),
        ),
    ]
}

/// The tables that scripts read, and the ports they write.
#[derive(SystemParam)]
struct Tables<'w, 's> {
    model: Res<'w, Model>,
    graphs: Res<'w, RadioGraphs>,
    ports: ResMut<'w, Ports>,
    envs: Query<'w, 's, (&'static Clock, &'static Swarm)>,
    drones: Query<'w, 's, &'static Position, With<Enemy>>,
    drone_velocities: Query<'w, 's, &'static Velocity, With<Enemy>>,
    team: Query<'w, 's, &'static Position, With<Jammer>>,
    bands: Query<'w, 's, &'static JamBand>,
    assignments: Query<'w, 's, &'static Assignment>,
}

/// One env as a script sees it.
struct Situation<'a> {
    clock: &'a Clock,
    swarm: &'a Swarm,
    around: Surroundings<'a>,
    /// Live links as bit rows, `[drones, words]`.
    links: &'a [u64],
    assignments: &'a [Assignment],
}

/// What a jammer is ordered to do.
#[derive(Clone, Copy, Debug)]
struct Order {
    velocity_mps: Vec2,
    band: u8,
}

/// A rule that commands the team of one env.
trait Rule: Send + Sync + 'static {
    /// Writes one order per jammer.
    fn command(&mut self, slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>);
}

/// The policy of a rule.
fn scripted<R: Rule>(fresh: impl Fn() -> R + Clone + Send + Sync + 'static) -> Box<dyn Policy> {
    kit::scripted(move || Ruled { rule: fresh(), orders: Vec::new() })
}

struct Ruled<R> {
    rule: R,
    orders: Vec<Order>,
}

impl<R: Rule> Script for Ruled<R> {
    type Tables = Tables<'static, 'static>;

    fn act(&mut self, tables: Tables<'_, '_>, group: usize) {
        let Tables { model, graphs, mut ports, envs, drones, drone_velocities, team, bands, assignments } = tables;
        let (drones, drone_velocities) = (column(&drones), column(&drone_velocities));
        let (team, bands, assignments) = (column(&team), column(&bands), column(&assignments));
        let actions = ports.groups[group].actions.chunks_exact_mut(3 * model.num_jammers);
        for (slot, ((clock, swarm), actions)) in envs.iter().zip(actions).enumerate() {
            let (d, j) = (model.drones(slot), model.jammers(slot));
            let around = Surroundings {
                model: &model,
                band: swarm.band,
                drones: &drones[d.clone()],
                drone_velocities: &drone_velocities[d],
                team: &team[j.clone()],
                bands: &bands[j.clone()],
            };
            let links = graphs.links(slot);
            let situation = Situation { clock, swarm, around, links, assignments: &assignments[j] };
            self.orders.clear();
            self.rule.command(slot, &situation, &mut self.orders);
            for (action, order) in actions.chunks_exact_mut(3).zip(&self.orders) {
                action.copy_from_slice(&[order.velocity_mps.x, order.velocity_mps.y, f32::from(order.band)]);
            }
        }
    }
}

impl Situation<'_> {
    /// How many live links a drone has.
    fn degree(&self, drone: usize) -> usize {
        let words = self.around.drones.len().div_ceil(64);
        self.links[drone * words..(drone + 1) * words].iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The velocity that brings `from` to `to` within this tick, or as far as top speed allows per axis.
    fn towards(&self, from: Vec2, to: Vec2) -> Vec2 {
        let top = Vec2::splat(self.around.model.jammer_speed_mps);
        ((to - from) / self.around.model.dt_s).clamp(-top, top)
    }

    /// Where a jammer at `from` is `ticks` from now if it flies to `to`.
    fn on_the_way(&self, from: Vec2, to: Vec2, ticks: u32) -> Vec2 {
        let reach = Vec2::splat(self.around.model.jammer_speed_mps * self.around.model.dt_s * ticks as f32);
        from + (to - from).clamp(-reach, reach)
    }
}
