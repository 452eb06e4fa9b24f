//! The entities of the cluster domain: nodes, workloads, and what is kept per env.
//!
//! Workloads are a pool of fixed size: a row that nobody needs any more is taken by the next arrival. Values that are
//! read from a file are checked here, so that no impossible number gets into a world.

use bevy_ecs::component::Component;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::amounts;

/// Resources of a node: CPU, memory, bandwidth (or GPUs), storage.
pub const NUM_RESOURCES: usize = 4;

/// Priorities are 1 to this.
pub const NUM_PRIORITIES: usize = 3;

/// Marks a node.
#[derive(Component, Clone, Copy, Debug)]
pub struct Node;

/// What a node has, and how far away it is.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Capacity of each resource.
    #[serde(deserialize_with = "amounts")]
    pub capacity: [f32; NUM_RESOURCES],
    /// Round trip to it in s.
    #[serde(deserialize_with = "time_s")]
    pub rtt_s: f32,
}

/// What of a node is taken. Sums of `f32` in `f64` are exact, so what was taken and given back is gone without a trace.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage(#[serde(deserialize_with = "totals")] pub [f64; NUM_RESOURCES]);

/// Whether a node works, and until when.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// It has failed and is not repaired yet.
    pub is_down: bool,
    /// Tick at which that changes.
    pub changes_at: u32,
}

/// What a workload asks for.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Demand(#[serde(deserialize_with = "amounts")] pub [f32; NUM_RESOURCES]);

/// Where a workload is in its life.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Nobody has needed this row yet.
    #[default]
    Unused,
    /// It waits to be placed.
    Queued,
    /// It is on its way to the node in this row of the env, or runs there.
    Placed(u16),
    /// It is done; the row is free.
    Done(u16),
    /// It failed; the row is free.
    Failed(Cause),
}

/// Why a workload failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// No node had room for it in time.
    Insufficient,
    /// The same, and it had arrived in a spike.
    Spike,
    /// Its node failed, and no other took it in time.
    NodeFailure,
    /// Nodes had room, but were too far away to start it in time.
    Latency,
}

/// What else is known of a workload.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Number of its arrival within the episode.
    pub number: u32,
    /// Priority, 1 to 3; 3 is the most urgent.
    #[serde(deserialize_with = "priority")]
    pub priority: u8,
    /// How often the nodes have declined it.
    pub declined: u16,
    /// Tick since when it has been in its phase.
    pub since: u32,
    /// Longest wait in s.
    #[serde(deserialize_with = "time_s")]
    pub patience_s: f32,
    /// How long it runs on a node that is not overcommitted, in s.
    #[serde(deserialize_with = "time_s")]
    pub duration_s: f32,
    /// Time of that, and of its way to the node, that is left, in s.
    #[serde(deserialize_with = "number")]
    pub left_s: f32,
    /// It arrived when more came than usual.
    pub is_of_spike: bool,
    /// A node failed under it.
    pub was_lost: bool,
    /// At its last attempt only nodes that were too far away had room.
    pub was_too_far: bool,
}

/// What arrives; lives on the env's entity.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arrivals {
    /// Arrivals so far.
    pub count: u32,
    /// Recent arrivals, those of a second ago counted less than half.
    #[serde(deserialize_with = "total")]
    pub recent: f64,
    /// Tick until which the present spike lasts.
    pub spike_until: u32,
    /// Tick at which the next one begins.
    pub next_spike: u32,
    /// Phase of the day at tick 0, in turns.
    #[serde(deserialize_with = "total")]
    pub day_phase: f64,
    /// Row of the trace in which the episode began.
    pub first_row: u32,
    /// Row of the trace that arrives next.
    pub next_row: u32,
    /// Node at which a round robin goes on.
    pub cursor: u16,
}

/// What became of the workloads of an episode; lives on the env's entity.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Workloads done, or placed in the modes in which they do not run, by priority.
    pub completed: [u32; NUM_PRIORITIES],
    /// Workloads failed, by priority.
    pub failed: [u32; NUM_PRIORITIES],
    /// Workloads failed, in the order of [`Cause::ALL`].
    pub by_cause: [u32; Cause::ALL.len()],
    /// Workloads lost with their node.
    pub lost: u32,
    /// Workloads started.
    pub started: u32,
    /// Sum of their waits, ways to the node included, in s.
    #[serde(deserialize_with = "total")]
    pub waited_s: f64,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 4] = [Self::Insufficient, Self::Spike, Self::NodeFailure, Self::Latency];

    /// Index into [`Cause::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Name for people.
    pub fn label(self) -> &'static str {
        ["no room", "spike", "node failure", "latency"][self.index()]
    }
}

impl Phase {
    /// The node that holds resources for the workload.
    pub fn node(self) -> Option<usize> {
        if let Self::Placed(node) = self { Some(usize::from(node)) } else { None }
    }

    /// Whether the next arrival may take the row.
    pub fn is_free(self) -> bool {
        matches!(self, Self::Unused | Self::Done(_) | Self::Failed(_))
    }
}

impl Counts {
    /// Workloads whose fate is known.
    pub fn resolved(&self) -> u32 {
        self.completed.iter().chain(&self.failed).fold(0, |sum, count| sum.saturating_add(*count))
    }
}

impl Usage {
    /// A workload takes what it asks for.
    pub fn take(&mut self, demand: &Demand) {
        for (used, demand) in self.0.iter_mut().zip(demand.0) {
            *used += f64::from(demand);
        }
    }

    /// A workload gives back what it took.
    pub fn give_back(&mut self, demand: &Demand) {
        for (used, demand) in self.0.iter_mut().zip(demand.0) {
            *used -= f64::from(demand);
        }
    }
}

/// No time is longer, in s.
pub const MAX_TIME_S: f32 = 1e13;

/// No amount of a resource is larger: the capacity of a node may be twice the mean, and be given away ten times over.
const MAX_AMOUNT: f64 = 20.0 * amounts::MOST;

fn within<T>(value: T, is_within: bool) -> Result<T, &'static str> {
    if is_within { Ok(value) } else { Err("expected a number within bounds") }
}

fn number<'de, D: Deserializer<'de>>(source: D) -> Result<f32, D::Error> {
    let number = f32::deserialize(source)?;
    within(number, number.abs() <= MAX_TIME_S).map_err(D::Error::custom)
}

fn time_s<'de, D: Deserializer<'de>>(source: D) -> Result<f32, D::Error> {
    let time_s = f32::deserialize(source)?;
    within(time_s, (0.0..=MAX_TIME_S).contains(&time_s)).map_err(D::Error::custom)
}

fn amounts<'de, D: Deserializer<'de>>(source: D) -> Result<[f32; NUM_RESOURCES], D::Error> {
    let amounts = <[f32; NUM_RESOURCES]>::deserialize(source)?;
    within(amounts, amounts.iter().all(|amount| (0.0..=MAX_AMOUNT).contains(&f64::from(*amount))))
        .map_err(D::Error::custom)
}

fn total<'de, D: Deserializer<'de>>(source: D) -> Result<f64, D::Error> {
    let total = f64::deserialize(source)?;
    within(total, total.abs() <= f64::from(MAX_TIME_S)).map_err(D::Error::custom)
}

fn totals<'de, D: Deserializer<'de>>(source: D) -> Result<[f64; NUM_RESOURCES], D::Error> {
    let totals = <[f64; NUM_RESOURCES]>::deserialize(source)?;
    within(totals, totals.iter().all(|total| total.abs() <= MAX_AMOUNT)).map_err(D::Error::custom)
}

fn priority<'de, D: Deserializer<'de>>(source: D) -> Result<u8, D::Error> {
    let priority = u8::deserialize(source)?;
    within(priority, usize::from(priority) <= NUM_PRIORITIES).map_err(D::Error::custom)
}
