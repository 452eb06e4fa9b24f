//! Scripted jammers to compare with.
//!
//! All but the planner use only what layout `local` shows a jammer: itself, the swarm's band, the eight nearest drones,
//! the three nearest jammers, its assigned centroid. Like the learned policy they know the link budgets.

mod greedy;
mod planner;
mod simple;

use bevy_ecs::{
    query::With,
    system::{Query, Res, ResMut, SystemParam, SystemState},
    world::World,
};
use glam::Vec2;

use super::{
    components::{Assignment, Enemy, JamBand, Jammer, Position, Swarm, Velocity},
    lookahead::Surroundings,
    systems::Model,
};
use crate::{
    error::{Error, Result},
    sim::{Baseline, Clock, Policy, Ports, Seeds, column},
};

/// All baselines, weakest first.
pub(super) fn all() -> Vec<Baseline> {
    let scripted = |name, doc, privileged, policy| Baseline { name, doc, privileged, policy };
    vec![
        scripted("random", "uniform velocities and bands", false, simple::random()),
        scripted("hold", "holds its position on the band the swarm started on", false, simple::hold()),
        scripted("follow", "holds its position, always on the swarm's band", false, simple::follow()),
        scripted("nearest", "flies to its assigned centroid, always on the swarm's band", false, simple::nearest()),
        scripted("greedy", "takes the step that lowers lambda-2 of its own view most", false, greedy::greedy()),
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
    seeds: Res<'w, Seeds>,
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
    seeds: &'a Seeds,
    clock: &'a Clock,
    swarm: &'a Swarm,
    around: Surroundings<'a>,
    assignments: &'a [Assignment],
}

/// What a jammer is ordered to do.
#[derive(Clone, Copy, Debug)]
struct Order {
    velocity_mps: Vec2,
    band: u8,
}

/// A rule that commands the team of one env.
trait Script: Send + Sync + 'static {
    /// Writes one order per jammer.
    fn command(&mut self, slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>);

    /// The same rule without memory.
    fn forget(&self) -> Box<dyn Policy>;
}

/// A script as a policy.
struct Scripted<S> {
    script: S,
    tables: Option<SystemState<Tables<'static, 'static>>>,
    orders: Vec<Order>,
}

fn scripted(script: impl Script) -> Box<dyn Policy> {
    Box::new(Scripted { script, tables: None, orders: Vec::new() })
}

impl<S: Script> Policy for Scripted<S> {
    fn act(&mut self, world: &mut World, group: usize) -> Result<()> {
        let state = self.tables.get_or_insert_with(|| SystemState::new(world));
        let tables = state
            .get_mut(world)
            .map_err(|error| Error::input(format!("a baseline of `jamming` cannot act in another domain: {error}")))?;
        let Tables { model, seeds, mut ports, envs, drones, drone_velocities, team, bands, assignments } = tables;
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
            let situation = Situation { seeds: &seeds, clock, swarm, around, assignments: &assignments[j] };
            self.orders.clear();
            self.script.command(slot, &situation, &mut self.orders);
            for (action, order) in actions.chunks_exact_mut(3).zip(&self.orders) {
                action.copy_from_slice(&[order.velocity_mps.x, order.velocity_mps.y, f32::from(order.band)]);
            }
        }
        Ok(())
    }

    fn fork(&self) -> Box<dyn Policy> {
        self.script.forget()
    }
}

impl Situation<'_> {
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
