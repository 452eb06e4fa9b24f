//! What is told of a node or a workload that a person points at.
//!
//! Amounts of resources have the unit of the scenario, whichever that is; times are in s.

use bevy_ecs::{entity::Entity, query::With, world::World};

use crate::{
    domains::cluster::{
        components::{Demand, Health, Job, Machine, NUM_PRIORITIES, Node, Phase, Usage},
        queue::num_before,
        systems::Model,
    },
    sim::{Clock, Description, EnvSlot, Fact, clock_of, number_of},
};

/// A node: what of it is taken, and by how many.
pub(super) fn of_node(world: &World, who: Entity) -> Option<Description> {
    let (slot, number) = number_of::<With<Node>>(world, who)?;
    let (node, env) = (world.get_entity(who).ok()?, Moment::of(world, slot)?);
    let (machine, usage, health) = node.get_components::<(&Machine, &Usage, &Health)>().ok()?;
    let is_on_node = |(phase, _): &(&Phase, &Job)| phase.node() == Some(number);
    let mut facts = vec![Fact::count("workloads", env.with_workloads(|all| all.filter(is_on_node).count()))];
    if health.is_down {
        facts.push(Fact::new("repaired in", env.seconds(health.changes_at.saturating_sub(env.clock.tick)), "s"));
    }
    let names = env.model.params.resources.names();
    let shares = names.into_iter().zip(usage.0).zip(machine.capacity);
    facts.extend(shares.map(|((name, used), capacity)| Fact::new(name, used, "").of(capacity)));
    if env.model.params.cpu_overcommit > 1.0 {
        facts.push(Fact::new("speed", 100.0 * env.model.speed(machine, usage.0[0]), "%"));
    }
    if env.model.is_full() {
        facts.push(Fact::new("round trip", 1e3 * machine.rtt_s, "ms"));
    }
    let state = if health.is_down { "has failed" } else { "works" };
    Some(Description { title: format!("node {number}"), state: state.to_owned(), facts, ..Description::default() })
}

/// A workload: where it is in its life, and what it asks for. Its row has had others before and will have others after it.
pub(super) fn of_workload(world: &World, who: Entity) -> Option<Description> {
    let workload = world.get_entity(who).ok()?;
    let (at, phase, job, demand) = workload.get_components::<(&EnvSlot, &Phase, &Job, &Demand)>().ok()?;
    let env = Moment::of(world, at.0 as usize)?;
    let mut facts = vec![Fact::new("priority", job.priority, "").of(NUM_PRIORITIES as u32)];
    facts.extend(env.times_of(phase, job));
    if job.declined > 0 {
        facts.push(Fact::new("declined", job.declined, "times"));
    }
    let names = env.model.params.resources.names();
    facts.extend(names.into_iter().zip(demand.0).map(|(name, amount)| Fact::new(name, amount, "")));
    Some(Description {
        title: format!("workload {}", job.number),
        state: state_of(phase, job)?,
        // Numbers begin anew with each episode.
        life: env.clock.episode << 32 | u64::from(job.number),
        is_over: phase.is_free(),
        facts,
    })
}

/// Where a workload is in its life; none for a row that nobody has needed yet.
fn state_of(phase: &Phase, job: &Job) -> Option<String> {
    Some(match phase {
        Phase::Unused => return None,
        Phase::Queued if job.was_lost => "waits again, its node has failed".to_owned(),
        Phase::Queued => "waits".to_owned(),
        Phase::Placed(node) if is_on_its_way(job) => format!("on its way to node {node}"),
        Phase::Placed(node) => format!("runs on node {node}"),
        Phase::Done(node) => format!("done on node {node}"),
        Phase::Failed(cause) => format!("failed: {}", cause.label()),
    })
}

fn is_on_its_way(job: &Job) -> bool {
    job.left_s > job.duration_s
}

/// An env at the tick that it is in.
struct Moment<'a> {
    world: &'a World,
    model: &'a Model,
    slot: usize,
    clock: Clock,
}

impl<'a> Moment<'a> {
    fn of(world: &'a World, slot: usize) -> Option<Self> {
        Some(Self { world, model: world.get_resource()?, slot, clock: clock_of(world, slot)? })
    }

    fn seconds(&self, ticks: u32) -> f64 {
        f64::from(ticks) * self.model.params.dt_s
    }

    /// Looks through the workloads of the env.
    fn with_workloads<T: Default>(&self, look: impl FnOnce(&mut dyn Iterator<Item = (&Phase, &Job)>) -> T) -> T {
        let Some(mut rows) = self.world.try_query::<(&EnvSlot, &Phase, &Job)>() else { return T::default() };
        let of_env = rows.iter(self.world).filter(|(at, ..)| at.0 as usize == self.slot);
        look(&mut of_env.map(|(_, phase, job)| (phase, job)))
    }

    /// How long a workload has been in its phase, or will be.
    fn times_of(&self, phase: &Phase, job: &Job) -> Vec<Fact> {
        let age_s = self.seconds(self.clock.tick.saturating_sub(job.since));
        match phase {
            Phase::Queued => {
                let waiting = Fact::new("waiting", age_s, "s");
                // Only in mode `full` do workloads run out of patience.
                let waiting = if self.model.is_full() { waiting.of(job.patience_s) } else { waiting };
                vec![self.turn_of(job), waiting]
            }
            Phase::Placed(_) if is_on_its_way(job) => {
                vec![
                    Fact::new("begins in", job.left_s - job.duration_s, "s"),
                    Fact::new("left", job.duration_s, "s").of(job.duration_s),
                ]
            }
            Phase::Placed(_) => vec![Fact::new("left", job.left_s.max(0.0), "s").of(job.duration_s)],
            Phase::Done(_) | Phase::Failed(_) => vec![Fact::new("ended", age_s, "s ago")],
            Phase::Unused => Vec::new(),
        }
    }

    /// When it is the turn of a workload that waits, from 1, of all that wait.
    fn turn_of(&self, job: &Job) -> Fact {
        let is_waiting = |(phase, _): &(&Phase, &Job)| **phase == Phase::Queued;
        let before = self.with_workloads(|all| num_before(self.model, job, all.filter(is_waiting).map(|(_, job)| job)));
        let waiting = self.with_workloads(|all| all.filter(is_waiting).count());
        Fact::count("turn", before + 1).of(waiting as u32)
    }
}
