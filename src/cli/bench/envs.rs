//! The simulation: one world on one thread, with rewards, observations and measures every tick, in the layouts that policies are
//! trained with.
//!
//! Whole episodes are timed, so what a reset costs is in. Actions are drawn beforehand: it is the envs that are measured.
//! Figures of the cluster whose name has `rule` in it let a rule decide, whose time is in.

use std::time::Duration;

use super::{Figure, Unit, Work, lambda2, meter::seconds_within};
use crate::{
    domains::{AnyDomain, Scenario, jamming::JammingParams, particles::ParticlesParams},
    error::Result,
    places::load_scenario,
    sim::{ActionSpace, Address, Lane, Purpose, Seeds},
};

/// Sets of actions that are used in turn.
const ACTION_SETS: u32 = 8;
/// Ticks before anything is timed.
const WARM_UP_TICKS: u32 = 10;
/// CPU time per figure, as long as an episode is shorter than that.
const BUDGET: Duration = Duration::from_millis(400);

/// An env-step of a scenario with some parameters changed.
#[derive(Clone)]
struct Bench {
    scenario: &'static str,
    changes: &'static [(&'static str, &'static str)],
    /// Envs of the world.
    envs: u64,
    /// Baseline that decides; none for random actions.
    rule: Option<&'static str>,
    /// Whether steps of agents are counted instead of steps of envs.
    counts_agents: bool,
}

/// As many jammers and drones as the parameters allow, as dense as in the scenario.
const LARGEST: &[(&str, &str)] = &[
    ("num_jammers", "1000"),
    ("num_enemies", "1000"),
    ("arena_m", "1581.0"),
    ("min_start_lambda2", "0.0"),
    ("max_steps", "10"),
];

pub(super) fn figures() -> Vec<Figure> {
    let jamming = |size, scenario, envs, changes, bars| {
        let bench = Bench { scenario, changes, envs, rule: None, counts_agents: false };
        figure(format!("env_jamming_{size}_sps"), bench, bars)
    };
    let cluster = |name, scenario, rule, bars| {
        let bench = Bench { scenario, changes: &[], envs: 64, rule, counts_agents: false };
        figure(format!("env_cluster_{name}_sps"), bench, bars)
    };
    let particles = |name, scenario, bars| {
        let bench = Bench { scenario, changes: &[], envs: 512, rule: None, counts_agents: true };
        figure(format!("env_particles_{name}_agent_sps"), bench, bars)
    };
    let least_loaded = Some("least_loaded");
    vec![
        jamming("4_10", "jamming/skirmish", 64, &[], [0.020, 0.15]),
        jamming("6_30", "jamming/published", 64, &[], [0.020, 0.12]),
        jamming("40_100", "jamming/swarm-40-100", 64, &[], [0.040, 0.15]),
        jamming("40_300", "jamming/swarm-40-300", 8, &[("max_steps", "50")], [0.080, 0.30]),
        jamming("1000_1000", "jamming/swarm-40-300", 1, LARGEST, [0.003, 0.03]),
        cluster("repaired_10_rule", "cluster/repaired", least_loaded, [0.022, 0.15]),
        cluster("repaired_10_actions", "cluster/repaired", None, [0.011, 0.075]),
        cluster("full_10_rule", "cluster/default", least_loaded, [0.022, 0.15]),
        cluster("full_10_actions", "cluster/default", None, [0.011, 0.075]),
        particles("spread", "particles/spread", [0.05, 0.5]),
        particles("spread_vmas", "particles/spread-vmas", [0.05, 0.5]),
        particles("tag", "particles/tag", [0.05, 0.5]),
    ]
}

fn figure(name: String, bench: Bench, bars: [f64; 2]) -> Figure {
    let asked = bench.clone();
    let work = move || {
        let scenario = asked.load()?;
        let lane = asked.lane(&scenario);
        Ok(work(&scenario, &lane) * (1.0 / asked.counted_per_step(&lane)))
    };
    let unit = Unit::PerSecond(if bench.counts_agents { "agent-steps/s" } else { "env-steps/s" });
    Figure::new(name, unit, bars, work, move || bench.steps_per_s())
}

/// What an env-step cannot do without: what agents are shown has to be written, and what is measured has to be computed.
pub(super) fn work(scenario: &Scenario, lane: &Lane) -> Work {
    let numbers: usize = lane.ports().groups.iter().map(|port| port.observations.len() + port.actions.len()).sum();
    let shown = Work { bytes: (4 * numbers / lane.envs()) as f64, ..Work::default() };
    match &scenario.domain {
        AnyDomain::Jamming(params) => shown + jamming(params, links(scenario, lane)),
        AnyDomain::Cluster(_) => shown,
        AnyDomain::Particles(params) => shown + particles(params),
    }
}

/// The radio graph of `n` drones, its lambda-2, and what each jammer works out about the eight drones that it sees: lambda-2
/// after each of nine steps, at two horizons.
fn jamming(params: &JammingParams, links: f64) -> Work {
    const SEEN: usize = 8;
    const GRAPHS: f64 = 18.0;
    // A pair of drones: their distance, their midpoint, its distance from the nearest jammer, and the power there.
    let graph = |n: usize| Work { flops_f32: 16.0 * (n * (n - 1) / 2) as f64, ..Work::default() };
    let seen = SEEN.min(params.num_enemies);
    let looked_at = (graph(seen) + lambda2::work(seen, (seen * (seen - 1) / 2) as f64)) * GRAPHS;
    graph(params.num_enemies) + lambda2::work(params.num_enemies, links) + looked_at * params.num_jammers as f64
}

/// Squared distances of all pairs of agents, and of agents and landmarks, each of which is looked at twice: for forces or
/// distances, and for touches; thrust, damping and motion of each agent.
fn particles(params: &ParticlesParams) -> Work {
    let (agents, landmarks) = (params.num_movers(), params.num_places());
    let pairs = agents * (agents - 1) / 2 + agents * landmarks;
    Work { flops_f32: (2 * 5 * pairs + 10 * agents) as f64, ..Work::default() }
}

/// Live links of an env when episodes begin, the mean over all envs.
fn links(scenario: &Scenario, lane: &Lane) -> f64 {
    let view = scenario.domain.domain().view();
    let graphs = (0..lane.envs()).filter_map(|slot| view?.graph(lane.world(), slot));
    graphs.map(|graph| graph.edges.len() as f64).sum::<f64>() / lane.envs() as f64
}

impl Bench {
    fn load(&self) -> Result<Scenario> {
        let mut scenario = load_scenario(self.scenario)?;
        self.changes.iter().try_for_each(|(name, value)| scenario.set(name, value))?;
        Ok(scenario)
    }

    fn lane(&self, scenario: &Scenario) -> Lane {
        Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(1), 0..self.envs)
    }

    /// How much is counted in an env-step.
    fn counted_per_step(&self, lane: &Lane) -> f64 {
        let agents: usize = lane.spec().groups.iter().map(|group| group.agents).sum();
        if self.counts_agents { agents as f64 } else { 1.0 }
    }

    /// Steps per CPU second of random actions of all groups, or of a baseline that decides for the first.
    fn steps_per_s(&self) -> Result<f64> {
        let scenario = self.load()?;
        let (domain, mut lane) = (scenario.domain.domain(), self.lane(&scenario));
        let groups = lane.spec().groups.iter().zip(&lane.ports().groups);
        let sets: Vec<_> = groups.map(|(group, port)| action_sets(&group.action, port.actions.len())).collect();
        let counted = self.counted_per_step(&lane);
        let mut next = (0..ACTION_SETS as usize).cycle();
        let mut policy = domain.baselines().into_iter().find(|it| Some(it.name) == self.rule).map(|it| it.policy);
        let mut play = |ticks: u32| -> Result<()> {
            for set in next.by_ref().take(ticks as usize) {
                match &mut policy {
                    Some(policy) => lane.act(&mut **policy, 0)?,
                    None => {
                        let ports = lane.ports_mut().groups.iter_mut().zip(&sets);
                        ports.for_each(|(port, sets)| port.actions.copy_from_slice(&sets[set]));
                    }
                }
                lane.step();
            }
            Ok(())
        };
        play(WARM_UP_TICKS)?;
        let mut outcome = Ok(());
        let seconds = seconds_within(BUDGET, || {
            if let Err(error) = play(scenario.max_steps) {
                outcome = Err(error);
            }
        });
        outcome?;
        Ok(counted * f64::from(scenario.max_steps) * self.envs as f64 / seconds)
    }
}

/// Uniform actions, `len` numbers a set.
fn action_sets(space: &ActionSpace, len: usize) -> Vec<Vec<f32>> {
    let set = |tick: u32| {
        let address = Address { env: 0, episode: 0, tick };
        let mut stream = Seeds::new(1).stream(Purpose::new("bench.actions"), address);
        let mut actions = Vec::with_capacity(len);
        while actions.len() < len {
            actions
                .extend(space.continuous.iter().map(|axis| stream.uniform(*axis.bounds.start(), *axis.bounds.end())));
            actions.extend(space.discrete.iter().map(|choice| stream.below(choice.choices.len()) as f32));
        }
        actions
    };
    (0..ACTION_SETS).map(set).collect()
}
