//! Who lives in an env, and how an episode begins.

use bevy_app::App;
use bevy_ecs::system::{Query, Res};

use super::{
    amounts,
    components::{Arrivals, Counts, Demand, Health, Job, Machine, NUM_RESOURCES, Node, Phase, Usage},
    model::Model,
    source::{Source, between, until_next},
};
use crate::sim::{Address, Clock, DeclareState, Due, Purpose, Seeds, Stream, column_mut, kit::Populate};

const NODES: Purpose = Purpose::new("cluster.nodes");
const LOAD: Purpose = Purpose::new("cluster.load");

/// Spawns the nodes and the pools of workloads of the envs and declares what of them is state.
pub(super) fn spawn(app: &mut App, num_nodes: usize, num_workloads: usize) {
    app.declare_state::<Arrivals>("arrivals")
        .declare_state::<Counts>("counts")
        .declare_state::<Machine>("machine")
        .declare_state::<Usage>("usage")
        .declare_state::<Health>("health")
        .declare_state::<Demand>("demand")
        .declare_state::<Phase>("phase")
        .declare_state::<Job>("job");
    app.give_envs((Arrivals::default(), Counts::default()))
        .spawn_each(num_nodes, (Node, Machine::default(), Usage::default(), Health::default()))
        .spawn_each(num_workloads, (Demand::default(), Phase::default(), Job::default()));
}

/// Sets up empty nodes and empties the pool in the envs that begin an episode.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(super) fn set_up(
    model: Res<Model>,
    source: Res<Source>,
    seeds: Res<Seeds>,
    due: Res<Due>,
    mut envs: Query<(&Clock, &mut Arrivals, &mut Counts)>,
    mut machines: Query<&mut Machine>,
    mut usage: Query<&mut Usage>,
    mut health: Query<&mut Health>,
    mut demands: Query<&mut Demand>,
    mut phases: Query<&mut Phase>,
    mut jobs: Query<&mut Job>,
) {
    let (machines, usage, health) = (column_mut(&mut machines), column_mut(&mut usage), column_mut(&mut health));
    let (demands, phases, jobs) = (column_mut(&mut demands), column_mut(&mut phases), column_mut(&mut jobs));
    for (slot, (clock, mut arrivals, mut counts)) in envs.iter_mut().enumerate().filter(|(slot, _)| due.0[*slot]) {
        let address = Address { tick: 0, ..clock.address() };
        let (n, w) = (model.nodes(slot), model.workloads(slot));
        let mut stream = seeds.stream(NODES, address);
        for (node, machine) in machines[n.clone()].iter_mut().enumerate() {
            *machine = build(&model, &mut stream, node);
        }
        for health in &mut health[n.clone()] {
            let changes_at = until_next(&model, &mut stream, model.params.mtbf_s);
            *health = Health { is_down: false, changes_at };
        }
        usage[n].fill(Usage::default());
        demands[w.clone()].fill(Demand::default());
        phases[w.clone()].fill(Phase::default());
        jobs[w].fill(Job::default());
        *arrivals = source.begin(&model, &mut seeds.stream(LOAD, address));
        *counts = Counts::default();
    }
}

/// A machine as the trace has it, or one that is drawn.
fn build(model: &Model, stream: &mut Stream, node: usize) -> Machine {
    let spread = model.params.capacity_spread as f32;
    let mut factor = || stream.uniform(1.0 - spread, 1.0 + spread);
    let capacity = if model.params.trace.num_nodes() > 0 {
        model.params.trace.node(node).map(amounts::capacity)
    } else if model.is_full() {
        model.mean_capacity.map(|mean| mean * factor())
    } else {
        let common = factor();
        model.mean_capacity.map(|mean| mean * common)
    };
    let capacity: [f32; NUM_RESOURCES] = capacity;
    let rtt_s = if model.is_full() { between(stream, &model.params.rtt_s) } else { 0.0 };
    Machine { capacity, rtt_s }
}
