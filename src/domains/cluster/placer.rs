//! Decisions for a cluster outside of any world: somebody else keeps its nodes up to date and asks for one workload after
//! the other. What nodes see and how rules choose is the code of the simulation, over tables of one env.
//!
//! Some of what nodes see has a meaning of its own here. A workload is answered for at once, so the queue is the workload
//! at hand. What came recently is what was asked for, and fades as in the simulation. Capacities are shown in those of the
//! scenario's mean node, as a policy has learned them.

use super::{
    baselines::{self, Script},
    components::{Arrivals, Demand, Health, Job, MAX_TIME_S, Machine, NUM_PRIORITIES, NUM_RESOURCES, Phase, Usage},
    dispatcher::Dispatcher,
    model::Model,
    nodes::{Fitting, Nodes},
    observe,
    rules::{Foresight, Question, Rule},
    scenario::{ClusterParams, MAX_NODES},
    source::Source,
    systems::Decider,
};
use crate::{
    error::{Error, Result},
    sim::{ActionSpace, Address, Field, Seeds, kit},
};

/// The tick in which a workload that came in tick 0 is tried: it has not waited yet.
const NEXT_TICK: u32 = 1;

/// A workload that wants a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// What it asks for.
    pub demand: Demand,
    /// Priority, 1 to 3; 3 is the most urgent.
    pub priority: u8,
    /// How long it can still wait, in s. The modes without deadlines do not ask.
    pub patience_s: f32,
    /// How often it has been declined before.
    pub declined: u16,
}

/// A rule of the domain that decides by itself.
#[derive(Clone, Copy)]
pub struct Scripted(Script);

/// The rule that decides where a policy cannot: least-loaded CPU.
pub const FALLBACK: Scripted = Scripted(Script::Rule(Rule::LeastLoaded));

/// Name of [`FALLBACK`] among the baselines.
pub const FALLBACK_NAME: &str = "least_loaded";

/// Why nodes did not get a workload: each counts once, for the first reason that holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejections {
    /// Nodes that do not work.
    pub down: u32,
    /// Nodes that lack a resource; the first that they lack.
    pub lacking: [u32; NUM_RESOURCES],
    /// Nodes with room that are too far away to start it in time.
    pub too_far: u32,
    /// Nodes that could take it and were not chosen.
    pub declined: u32,
}

/// The nodes of a cluster, and what is needed to decide for them.
pub struct Placer {
    model: Model,
    source: Source,
    seeds: Seeds,
    arrivals: Arrivals,
    /// Number of the request at hand, which is the tick at which chance is drawn.
    number: u32,
    machines: Vec<Machine>,
    usage: Vec<Usage>,
    health: Vec<Health>,
    demand: [Demand; 1],
    job: [Job; 1],
    fitting: Fitting,
    dispatcher: Dispatcher,
    scratch: observe::Scratch,
    fields: Vec<Field>,
    space: ActionSpace,
    rows: Vec<f32>,
    actions: Vec<f32>,
}

impl Placer {
    /// A cluster without nodes.
    pub fn new(params: &ClusterParams, seed: u64) -> Self {
        let model = Model::new(params);
        let source = Source::new(&model);
        Self {
            arrivals: Arrivals { recent: source.usual, ..Arrivals::default() },
            source,
            model,
            seeds: Seeds::new(seed),
            number: 0,
            machines: Vec::new(),
            usage: Vec::new(),
            health: Vec::new(),
            demand: [Demand::default()],
            job: [Job::default()],
            fitting: Fitting::default(),
            dispatcher: Dispatcher::default(),
            scratch: observe::Scratch::default(),
            fields: observe::fields(params),
            space: params.action_space(),
            rows: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Names of the four resources.
    pub fn resources(&self) -> [&'static str; NUM_RESOURCES] {
        self.model.params.resources.names()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.machines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.machines.is_empty()
    }

    /// Another node, empty and at work; its number.
    ///
    /// # Errors
    /// More nodes than a cluster can have.
    pub fn add(&mut self, machine: Machine) -> Result<usize> {
        if self.len() == MAX_NODES {
            return Err(Error::input(format!("a cluster has at most {MAX_NODES} nodes")));
        }
        self.machines.push(machine);
        self.usage.push(Usage::default());
        self.health.push(Health::default());
        Ok(self.len() - 1)
    }

    /// Only the nodes whose numbers `stays` names are left; those behind one that leaves move up. One pass, however many
    /// leave.
    pub fn retain(&mut self, stays: impl Fn(usize) -> bool) {
        fn keep<T>(column: &mut Vec<T>, stays: impl Fn(usize) -> bool) {
            let mut numbers = 0..;
            column.retain(|_| numbers.next().is_some_and(&stays));
        }
        keep(&mut self.machines, &stays);
        keep(&mut self.usage, &stays);
        keep(&mut self.health, &stays);
    }

    /// What a node has.
    pub fn machine_mut(&mut self, node: usize) -> &mut Machine {
        &mut self.machines[node]
    }

    /// What of a node is taken.
    pub fn usage_mut(&mut self, node: usize) -> &mut Usage {
        &mut self.usage[node]
    }

    /// Whether a node has failed.
    pub fn is_down(&self, node: usize) -> bool {
        self.health[node].is_down
    }

    /// A node fails, and what ran there is gone, or it works again.
    pub fn set_down(&mut self, node: usize, is_down: bool) {
        self.health[node].is_down = is_down;
        if is_down {
            self.usage[node] = Usage::default();
        }
    }

    /// A workload on a node is done. Where less is in use than it had asked for, nothing is left.
    pub fn release(&mut self, node: usize, demand: &Demand) {
        self.usage[node].give_back(demand);
        self.usage[node].0.iter_mut().for_each(|used| *used = used.max(0.0));
    }

    /// Share of a resource that is in use, mean over the nodes.
    pub fn utilisation(&self) -> [f64; NUM_RESOURCES] {
        let (nodes, n) = (self.nodes(), self.len().max(1) as f64);
        std::array::from_fn(|k| (0..self.len()).map(|node| nodes.used(node, k)).sum::<f64>() / n)
    }

    /// Takes a request in hand, `elapsed_s` after the one before; whether some node could take it.
    pub fn ask(&mut self, request: &Request, elapsed_s: f64) -> bool {
        let ticks = (elapsed_s / self.model.params.dt_s).max(0.0);
        self.arrivals.recent = self.source.faded(self.arrivals.recent, ticks) + 1.0;
        self.number = self.number.wrapping_add(1);
        self.demand = [request.demand];
        self.job = [Job {
            priority: request.priority.clamp(1, NUM_PRIORITIES as u8),
            declined: request.declined,
            patience_s: request.patience_s.clamp(0.0, MAX_TIME_S),
            ..Job::default()
        }];
        let budget_s = self.model.budget_s(&self.job[0], NEXT_TICK);
        let mut fitting = std::mem::take(&mut self.fitting);
        fitting.find(self.nodes(), &self.demand[0].0, budget_s);
        self.fitting = fitting;
        self.fitting.any()
    }

    /// What the nodes see of the request at hand, `[nodes, width]`, and room for their actions, `[nodes, axes]`.
    pub fn see(&mut self) -> (&[f32], &mut [f32]) {
        self.rows.resize(self.machines.len() * self.fields.len(), 0.0);
        self.actions.resize(self.machines.len() * self.space.width(), 0.0);
        let nodes = Nodes { model: &self.model, machines: &self.machines, usage: &self.usage, health: &self.health };
        let pool = (&self.demand[..], &[Phase::Queued][..], &self.job[..]);
        let recent = self.source.crowding(self.arrivals.recent);
        observe::describe(nodes, pool, NEXT_TICK - 1, recent, &mut self.scratch, (&self.fields, &mut self.rows));
        (&self.rows, &mut self.actions)
    }

    /// The node that the actions written beside what nodes [`see`](Self::see) give the request to.
    pub fn choose(&mut self) -> Option<usize> {
        let actions = std::mem::take(&mut self.actions);
        let node = self.decide(Decider::of(self.model.params.action, &actions));
        self.actions = actions;
        node
    }

    /// The node that a rule gives the request to.
    pub fn choose_by(&mut self, Scripted(script): Scripted) -> Option<usize> {
        match script {
            Script::Rule(rule) => return self.decide(Decider::Rule(rule)),
            Script::AllOnes => {
                self.see().1.fill(1.0);
            }
            Script::Random => {
                let mut stream = self.seeds.stream(baselines::RANDOM, self.address());
                let space = self.space.clone();
                let actions = self.see().1.chunks_exact_mut(space.width());
                actions.for_each(|action| kit::draw(&mut stream, &space, &[], action));
            }
        }
        self.choose()
    }

    /// The request goes to a node, or to nobody.
    pub fn settle(&mut self, node: Option<usize>) {
        let next = match node {
            Some(node) => {
                self.usage[node].take(&self.demand[0]);
                node + 1
            }
            None if self.fitting.any() => usize::from(self.arrivals.cursor) + 1,
            None => return,
        };
        self.arrivals.cursor = (next % self.len()) as u16;
    }

    /// Why the request at hand went to nobody.
    pub fn rejections(&self) -> Rejections {
        let (nodes, demand) = (self.nodes(), &self.demand[0].0);
        let mut rejections = Rejections::default();
        for node in 0..self.len() {
            *match nodes.lacking(node, demand) {
                _ if self.health[node].is_down => &mut rejections.down,
                Some(k) => &mut rejections.lacking[k],
                None if self.fitting.nodes.binary_search(&(node as u16)).is_ok() => &mut rejections.declined,
                None => &mut rejections.too_far,
            } += 1;
        }
        rejections
    }

    fn decide(&mut self, decider: Decider<'_>) -> Option<usize> {
        if !self.fitting.any() {
            return None;
        }
        let mut dispatcher = std::mem::take(&mut self.dispatcher);
        let question = Question {
            nodes: self.nodes(),
            demand: &self.demand[0].0,
            fitting: &self.fitting,
            cursor: self.arrivals.cursor,
            chance: (&self.seeds, self.address()),
            foresight: Foresight {
                source: &self.source,
                arrivals: &self.arrivals,
                demands: &self.demand,
                phases: &[Phase::Queued],
                jobs: &self.job,
                row: 0,
            },
        };
        let chosen = decider.choose(&mut dispatcher, &question, &[]).map(|(node, _)| node);
        self.dispatcher = dispatcher;
        chosen
    }

    fn address(&self) -> Address {
        Address { env: 0, episode: 0, tick: self.number }
    }

    fn nodes(&self) -> Nodes<'_> {
        Nodes { model: &self.model, machines: &self.machines, usage: &self.usage, health: &self.health }
    }
}

impl Scripted {
    /// The baseline of this name, if it decides by what nodes see; none where there is no such baseline.
    ///
    /// # Errors
    /// A baseline that knows the future, which nobody outside of a simulation does.
    pub fn named(name: &str) -> Result<Option<Self>> {
        match Script::named(name) {
            Some(script) if script.is_privileged() => Err(Error::input(format!(
                "`{name}` knows arrivals and running times to come, which only a simulation can tell it"
            ))
            .hint(format!("`{FALLBACK_NAME}` is the best rule without foresight"))),
            script => Ok(script.map(Self)),
        }
    }
}
