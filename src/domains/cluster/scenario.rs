//! Configuration of the cluster domain.

use super::{amounts::MOST, components::NUM_RESOURCES};
use crate::{
    error::{Error, Result},
    sim::params::{choices, params},
};

choices! {
    /// Which rules the cluster lives by.
    pub enum Mode {
        /// Workloads last, wait, expire, are lost with their node and come back; nodes fail and are repaired.
        Full = "full",
        /// The published system with its two crashing defects repaired: one attempt, and usage that drains by itself.
        Repaired = "repaired",
        /// The published system as it is: the queue is never emptied, and as many idle nodes again count in every mean.
        Published = "published",
    }
}

choices! {
    /// What a node does each tick.
    pub enum ActionKind {
        /// One score: the highest among the nodes that fit wins the workload, and one of -0.9 or less declines it.
        Scores = "scores",
        /// Four fractions of what is free: the smallest offer that suffices wins the workload.
        Bids = "bids",
    }
}

choices! {
    /// What a node sees.
    pub enum ObservationLayout {
        /// Itself, the workload at hand, the queue and a summary of the other nodes.
        Nodes = "nodes",
        /// The eight numbers of the published system: its own use and what is free.
        Published8 = "published8",
    }
}

choices! {
    /// The four resources of a node.
    pub enum Resources {
        /// CPU, memory, bandwidth, storage.
        Host = "host",
        /// CPU, memory, GPU, storage.
        Gpu = "gpu",
    }
}

choices! {
    /// Where in a trace an episode begins.
    pub enum TraceStart {
        /// At its first arrival.
        First = "first",
        /// At an arrival that is drawn for each episode.
        Random = "random",
    }
}

/// Most arrivals in a mean tick: thousands of times what a small cluster can place, and quick enough to be drawn.
const MAX_MEAN_ARRIVALS: usize = 1000;

/// Most rows of a trace that a scenario may hold.
pub const MAX_ROWS: usize = 20_000;

params! {
    /// A trace: nodes and arrivals that are replayed instead of being drawn. Columns of a table have equal lengths.
    pub struct Trace {
        /// CPU of each node.
        node_cpu: Vec<f64> = Vec::new(), list 0..=MAX_NODES, range 0.0..=MOST, next_reset;
        /// Memory of each node.
        node_memory: Vec<f64> = Vec::new(), list 0..=MAX_NODES, range 0.0..=MOST, next_reset;
        /// Bandwidth or GPUs of each node.
        node_third: Vec<f64> = Vec::new(), list 0..=MAX_NODES, range 0.0..=MOST, next_reset;
        /// Storage of each node.
        node_storage: Vec<f64> = Vec::new(), list 0..=MAX_NODES, range 0.0..=MOST, next_reset;
        /// When each workload arrives, in order; the first arrival is at 0.
        arrival_s: Vec<f64> = Vec::new(), list 0..=MAX_ROWS, unit "s", range 0.0..=1e12, next_reset;
        /// How long it runs.
        duration_s: Vec<f64> = Vec::new(), list 0..=MAX_ROWS, unit "s", range 0.0..=1e12, next_reset;
        /// CPU that it asks for.
        cpu: Vec<f64> = Vec::new(), list 0..=MAX_ROWS, range 0.0..=MOST, next_reset;
        /// Memory that it asks for.
        memory: Vec<f64> = Vec::new(), list 0..=MAX_ROWS, range 0.0..=MOST, next_reset;
        /// Bandwidth or GPUs that it asks for.
        third: Vec<f64> = Vec::new(), list 0..=MAX_ROWS, range 0.0..=MOST, next_reset;
        /// Storage that it asks for.
        storage: Vec<f64> = Vec::new(), list 0..=MAX_ROWS, range 0.0..=MOST, next_reset;
        /// Its priority, 1 to 3; empty: all have 2.
        priority: Vec<usize> = Vec::new(), list 0..=MAX_ROWS, range 1..=3, next_reset;
        /// Arrivals come so many times as fast as in the trace; running times stay as they are.
        speed: f64 = 1.0, range 0.001..=1e6, next_reset;
        /// Where in the trace an episode begins.
        start: TraceStart = TraceStart::Random, choice, next_reset;
    }
}

/// Most nodes of a cluster.
pub const MAX_NODES: usize = 5_000;

params! {
    /// Configuration of the cluster domain.
    pub struct ClusterParams {
        /// Which rules the cluster lives by.
        mode: Mode = Mode::Full, choice, next_reset;
        /// Nodes, each of them an agent. A trace with nodes must have as many.
        num_nodes: usize = 10, range 1..=MAX_NODES, next_reset;
        /// Workloads that can wait and run at once; one that arrives beyond that is turned away.
        max_workloads: usize = 192, range 1..=MAX_ROWS, next_reset;
        /// Length of a tick.
        dt_s: f64 = 0.1, unit "s", range 0.001..=100000.0, next_reset;

        /// The four resources of a node.
        resources: Resources = Resources::Host, choice, next_reset;
        /// CPU, memory, bandwidth (or GPUs) and storage of a mean node.
        node_capacity: Vec<f64> = vec![100.0, 57.0, 820.0, 370.0], list 4..=4, range 0.0..=MOST, next_reset;
        /// Capacities are drawn uniformly from the mean less and plus this share; each for itself in mode `full`, all of a node
        /// alike in the other modes.
        capacity_spread: f64 = 0.5, range 0.0..=0.99, next_reset;
        /// Factor of a node's CPU up to which it accepts workloads; those on a node that is asked for more than it has slow down.
        cpu_overcommit: f64 = 1.0, range 1.0..=10.0, next_reset;

        /// Mean arrivals per second, without spikes and the time of day.
        arrival_rate_hz: f64 = 5.0, unit "1/s", range 0.0..=100000.0, live;
        /// Least and most CPU that a workload asks for.
        cpu_demand: Vec<f64> = vec![5.0, 30.0], list 2..=2, range 0.0..=MOST, next_reset;
        /// Least and most memory.
        memory_demand: Vec<f64> = vec![2.0, 16.0], list 2..=2, range 0.0..=MOST, next_reset;
        /// Least and most bandwidth, or GPUs.
        third_demand: Vec<f64> = vec![50.0, 200.0], list 2..=2, range 0.0..=MOST, next_reset;
        /// Least and most storage.
        storage_demand: Vec<f64> = vec![10.0, 100.0], list 2..=2, range 0.0..=MOST, next_reset;
        /// Mean time that a workload runs.
        duration_s: f64 = 9.3, unit "s", range 0.001..=1e9, next_reset;
        /// Spread of the running times: standard deviation of their logarithm.
        duration_sigma: f64 = 0.6, range 0.0..=3.0, next_reset;
        /// Least and most time that a workload waits before it counts as failed.
        patience_s: Vec<f64> = vec![0.5, 2.0], list 2..=2, unit "s", range 0.0..=1e9, next_reset;
        /// Attempts to place a workload that succeed or are declined, per tick; what does not fit costs none (mode `full`). Nodes
        /// that have won stand back for the rest of the tick as long as others want what comes next.
        decisions_per_tick: usize = 1, range 1..=100000, next_reset;

        /// Swing of the arrival rate over the day, as a share of its mean.
        diurnal_swing: f64 = 0.0, range 0.0..=1.0, live;
        /// Length of a day.
        day_s: f64 = 60.0, unit "s", range 0.1..=1e6, live;
        /// Mean time between spikes of the arrival rate; 0: there are none.
        spike_interval_s: f64 = 0.0, unit "s", range 0.0..=1e6, next_reset;
        /// Length of a spike.
        spike_s: f64 = 3.0, unit "s", range 0.0..=1e6, live;
        /// Factor of the arrival rate during a spike.
        spike_factor: f64 = 4.0, range 0.0..=1000.0, live;

        /// Mean time between failures of a node; 0: none fails.
        mtbf_s: f64 = 0.0, unit "s", range 0.0..=1e9, next_reset;
        /// Mean time to repair a node.
        mttr_s: f64 = 5.0, unit "s", range 0.001..=1e9, next_reset;
        /// Least and most round trip to a node, which passes before a workload that was placed there starts.
        rtt_s: Vec<f64> = vec![0.001, 0.02], list 2..=2, unit "s", range 0.0..=1000.0, next_reset;

        /// Nodes and arrivals that are replayed instead of being drawn (mode `full`).
        trace: Trace = Trace::default(), group, next_reset;

        /// What a node does each tick.
        action: ActionKind = ActionKind::Scores, choice, next_reset;
        /// What a node sees.
        observation: ObservationLayout = ObservationLayout::Nodes, choice, next_reset;

        /// Part of every node's reward that is the mean over all nodes.
        team_share: f64 = 0.0, range 0.0..=1.0, live;
        /// Weight of placing a workload, times its priority; taken back when the node fails under it.
        w_success: f64 = 10.0, range -1000.0..=1000.0, live;
        /// Weight of an offer that is no larger than it has to be.
        w_efficiency: f64 = 5.0, range -1000.0..=1000.0, live;
        /// Weight of a workload that fails, times its priority; shared by all nodes.
        w_failure: f64 = 5.0, range -1000.0..=1000.0, live;
        /// Weight of the variance of the nodes' CPU use, per tick and node.
        w_balance: f64 = 2.0, range -1000.0..=1000.0, live;
    }
}

impl Resources {
    /// Names of the four resources.
    pub fn names(self) -> [&'static str; NUM_RESOURCES] {
        match self {
            Self::Host => ["cpu", "memory", "bandwidth", "storage"],
            Self::Gpu => ["cpu", "memory", "gpu", "storage"],
        }
    }
}

impl Trace {
    /// Nodes of the trace; 0 where it has none.
    pub fn num_nodes(&self) -> usize {
        self.node_cpu.len()
    }

    /// Arrivals of the trace; 0 where it has none.
    pub fn num_arrivals(&self) -> usize {
        self.arrival_s.len()
    }

    /// Time from the first arrival to the last, in s of the trace.
    pub fn span_s(&self) -> f64 {
        self.arrival_s.last().copied().unwrap_or_default()
    }

    /// Capacities of a node.
    pub fn node(&self, index: usize) -> [f64; NUM_RESOURCES] {
        [self.node_cpu[index], self.node_memory[index], self.node_third[index], self.node_storage[index]]
    }

    /// What the workload in this row asks for.
    pub fn demand(&self, row: usize) -> [f64; NUM_RESOURCES] {
        [self.cpu[row], self.memory[row], self.third[row], self.storage[row]]
    }

    fn check(&self, num_nodes: usize) -> Result<()> {
        let equal = |name: &str, found: usize, expected: usize, of: &str| {
            let told = format!("`trace.{name}` has {found} entries, `trace.{of}` has {expected}");
            if found == expected { Ok(()) } else { Err(Error::input(told).hint("columns of a trace are equally long")) }
        };
        for (name, column) in
            [("node_memory", &self.node_memory), ("node_third", &self.node_third), ("node_storage", &self.node_storage)]
        {
            equal(name, column.len(), self.num_nodes(), "node_cpu")?;
        }
        for (name, column) in [
            ("duration_s", &self.duration_s),
            ("cpu", &self.cpu),
            ("memory", &self.memory),
            ("third", &self.third),
            ("storage", &self.storage),
        ] {
            equal(name, column.len(), self.num_arrivals(), "arrival_s")?;
        }
        if !self.priority.is_empty() {
            equal("priority", self.priority.len(), self.num_arrivals(), "arrival_s")?;
        }
        if self.num_nodes() > 0 && self.num_nodes() != num_nodes {
            let what = format!("`num_nodes` is {num_nodes}, but the trace has {} nodes", self.num_nodes());
            return Err(Error::input(what).hint("set `num_nodes` to that, or leave the nodes out of the trace"));
        }
        if !self.arrival_s.is_sorted() {
            return Err(Error::input("`trace.arrival_s` is not in the order of time"));
        }
        Ok(())
    }
}

impl ClusterParams {
    /// What parameters demand of each other.
    pub(super) fn consistent(&self) -> Result<()> {
        for (name, range) in [
            ("cpu_demand", &self.cpu_demand),
            ("memory_demand", &self.memory_demand),
            ("third_demand", &self.third_demand),
            ("storage_demand", &self.storage_demand),
            ("patience_s", &self.patience_s),
            ("rtt_s", &self.rtt_s),
        ] {
            if let [low, high] = range[..]
                && low > high
            {
                return Err(Error::input(format!("`{name}` goes from {low} down to {high}")).hint("least comes first"));
            }
        }
        if self.mode != Mode::Full && (self.trace.num_arrivals() > 0 || self.trace.num_nodes() > 0) {
            return Err(Error::input("`mode` must be `full` where a trace is replayed"));
        }
        self.trace.check(self.num_nodes)?;
        self.check_arrivals()
    }

    /// Arrivals that a tick cannot have are refused: they would be cut, and drawing them would take for ever.
    fn check_arrivals(&self) -> Result<()> {
        let (mean, peak) = self.arrivals_per_tick();
        let most = self.max_workloads.min(MAX_MEAN_ARRIVALS);
        let (name, value) = match self.trace.num_arrivals() {
            0 => ("arrival_rate_hz", self.arrival_rate_hz),
            _ => ("trace.speed", self.trace.speed),
        };
        let what = format!("`{name}` {value} with `dt_s` {} makes about", self.dt_s);
        if mean > most as f64 {
            let (limit, or) = if most < MAX_MEAN_ARRIVALS {
                ("`max_workloads` leaves room for", ", or raise `max_workloads`")
            } else {
                ("a mean tick has at most", "")
            };
            return Err(Error::input(format!("{what} {mean:.0} arrivals a tick, and {limit} {most}"))
                .hint(format!("shorten `dt_s` or lower `{name}`{or}")));
        }
        if peak > MAX_ROWS as f64 {
            return Err(Error::input(format!(
                "{what} {peak:.0} arrivals in a tick of a spike, and {MAX_ROWS} are the most"
            ))
            .hint(format!("shorten `dt_s`, or lower `{name}` or `spike_factor`")));
        }
        Ok(())
    }

    /// Mean arrivals in a tick, over all of an episode and while most arrive. A trace that is played once has no more than
    /// its rows, whatever the tick.
    fn arrivals_per_tick(&self) -> (f64, f64) {
        let trace = &self.trace;
        if trace.num_arrivals() == 0 {
            let mean = self.arrival_rate_hz * self.dt_s;
            let spike = if self.spike_interval_s > 0.0 { self.spike_factor.max(1.0) } else { 1.0 };
            return (mean, mean * spike * (1.0 + self.diurnal_swing));
        }
        let rows = trace.num_arrivals() as f64;
        let mean = match trace.start {
            TraceStart::First => 0.0,
            TraceStart::Random => rows * self.dt_s / (trace.span_s() / trace.speed).max(self.dt_s),
        };
        (mean, mean)
    }
}
