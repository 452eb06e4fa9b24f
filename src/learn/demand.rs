//! What a run asks of the machine, worked out before any of it is taken.
//!
//! Memory is a lower bound: only what grows with the settings counts, and the state of an env counts as its snapshot. So no run is
//! refused that would fit.

use super::{
    hyperparameters::{Algo, CriticPool, Hyperparameters},
    learner::Lineup,
    replay::ReplayShape,
};
use crate::{
    error::{Error, Result},
    memory,
    sim::{Domain, GroupSpec, Lane, Seeds},
};

const NUMBER: u128 = size_of::<f32>() as u128;

/// Envs from which on one more is worth playing to see how large it is.
const MANY_ENVS: usize = 256;

/// Copies of a network's parameters: parameters, gradient, two moments of Adam.
const COPIES: u128 = 4;

/// Operations after which somebody would wonder whether the program still works: about a minute of a core.
const MANY_OPERATIONS: f64 = 2e12;

/// A part of what a run holds in memory.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    what: &'static str,
    bytes: u128,
    /// What makes it smaller.
    settings: &'static str,
}

/// Refuses a run that does not fit into memory.
///
/// # Errors
/// It needs more than is free, told with the largest part and the settings that make it smaller.
pub fn check(domain: &dyn Domain, max_steps: u32, params: &Hyperparameters, lineup: &Lineup) -> Result<()> {
    fits(&parts(domain, max_steps, params, lineup), memory::available())
}

fn fits(parts: &[Part], free: u64) -> Result<()> {
    let bytes = parts.iter().fold(0_u128, |sum, part| sum.saturating_add(part.bytes));
    match parts.iter().max_by_key(|part| part.bytes) {
        Some(largest) if bytes > u128::from(free) => Err(Error::input(format!(
            "this run would take at least {} of memory, {} of it for {}, and {} are free",
            memory::words(bytes),
            memory::words(largest.bytes),
            largest.what,
            memory::words(free.into())
        ))
        .hint(format!("choose a smaller {}", largest.settings))),
        _ => Ok(()),
    }
}

/// Whether an iteration takes so long that somebody should be told: with its envs, hidden layers and epochs, about.
pub fn is_slow(domain: &dyn Domain, max_steps: u32, params: &Hyperparameters, lineup: &Lineup) -> bool {
    let groups = domain.spec(max_steps).groups;
    let learners = lineup.learners.iter().filter_map(|seat| groups.get(seat.group));
    learners.map(|group| operations(group, params)).sum::<f64>() > MANY_OPERATIONS
}

/// Operations of an iteration of one group, about.
fn operations(group: &GroupSpec, params: &Hyperparameters) -> f64 {
    let (hidden, width) = (params.run.hidden as f64, group.observation.len() as f64);
    // A pass forward takes two operations per weight, one backward twice as many; actor and critic.
    let pass = 2.0 * hidden * (width + hidden);
    let played = params.run.num_envs as f64 * params.run.num_steps as f64 * group.agents as f64;
    let learned = if params.run.algo.is_off_policy() {
        let updates =
            params.run.num_steps as f64 / params.ddpg.train_frequency as f64 * params.ddpg.gradient_steps as f64;
        updates * params.ddpg.batch_size as f64 * group.agents as f64
    } else {
        played * params.ppo.update_epochs as f64
    };
    // Initial weights are made orthogonal, each row against all before it, twice, by sums that no processor can do side by side.
    let drawn = 100.0 * hidden * hidden * hidden;
    pass * (played + 6.0 * learned) + drawn
}

fn parts(domain: &dyn Domain, max_steps: u32, params: &Hyperparameters, lineup: &Lineup) -> Vec<Part> {
    let groups = domain.spec(max_steps).groups;
    let [envs, hidden] = [params.run.num_envs, params.run.hidden].map(|count| count as u128);
    let worlds = Part {
        what: "the envs",
        bytes: envs.saturating_mul(env_bytes(domain, max_steps, params)),
        settings: "`num_envs`, or a smaller scenario",
    };
    let of_group = |group: &GroupSpec| {
        let experience = if params.run.algo.is_off_policy() { replay(group, params) } else { rollout(group, params) };
        let weights = weights(group, params).saturating_mul(hidden).saturating_mul(NUMBER * COPIES);
        let networks = Part { what: "the networks", bytes: weights, settings: "`hidden`" };
        [networks].into_iter().chain(experience).collect::<Vec<Part>>()
    };
    let learners = lineup.learners.iter().filter_map(|seat| groups.get(seat.group));
    [worlds].into_iter().chain(learners.flat_map(of_group)).collect()
}

/// What an env shows, and its state if there are many of them.
fn env_bytes(domain: &dyn Domain, max_steps: u32, params: &Hyperparameters) -> u128 {
    let spec = domain.spec(max_steps);
    let shown = |group: &GroupSpec| {
        // Observations count twice: those at the end of an episode are kept.
        let numbers = 2 * group.observation.len() + group.action.width() + group.reward_terms.len() + 1;
        (group.agents as u128).saturating_mul(numbers as u128 * NUMBER)
    };
    let ports: u128 = spec.groups.iter().map(shown).sum();
    let is_many = params.run.num_envs >= MANY_ENVS;
    let state = if is_many { Lane::new(domain, max_steps, Seeds::new(0), 0..1).snapshot(0).len() } else { 0 };
    ports + state as u128
}

/// What MAPPO and IPPO learn from.
fn rollout(group: &GroupSpec, params: &Hyperparameters) -> Vec<Part> {
    let steps = (params.run.num_envs as u128).saturating_mul(params.run.num_steps as u128);
    // Beside what is seen and done: logarithm of its probability, whether it mattered, whether somebody was there.
    let agent = (group.observation.len() + group.action.width() + 1) as u128 * NUMBER + 2;
    let columns = if params.run.algo == Algo::Mappo { 1 } else { group.agents as u128 };
    // Rewards, values, advantages and returns.
    let step = (group.agents as u128).saturating_mul(agent).saturating_add(4 * columns * NUMBER);
    vec![Part { what: "a rollout", bytes: steps.saturating_mul(step), settings: "`num_envs` or `num_steps`" }]
}

/// What the others remember, and what they take from it at once.
fn replay(group: &GroupSpec, params: &Hyperparameters) -> Vec<Part> {
    let action = group.action.continuous.len();
    let shape = ReplayShape {
        ticks: (params.ddpg.buffer_size / params.run.num_envs.max(1)).max(1),
        envs: params.run.num_envs,
        observation: group.agents.saturating_mul(group.observation.len()),
        action: group.agents.saturating_mul(action),
        agents: group.agents,
        rewards: if params.run.algo == Algo::Ddpg { 1 } else { group.agents },
    };
    let numbers = (2 * shape.observation as u128).saturating_add(shape.action as u128);
    let bytes = |shape: &ReplayShape| shape.bytes().map_or(u128::MAX, |bytes| bytes as u128);
    let batch = (params.ddpg.batch_size as u128).saturating_mul(numbers).saturating_mul(NUMBER);
    vec![
        Part { what: "the memory of earlier steps", bytes: bytes(&shape), settings: "`buffer_size`" },
        Part { what: "a batch", bytes: batch, settings: "`batch_size`" },
    ]
}

/// Weights of all networks that learn, per unit of a hidden layer.
fn weights(group: &GroupSpec, params: &Hyperparameters) -> u128 {
    let (hidden, agents) = (params.run.hidden as u128, group.agents as u128);
    let row = (group.observation.len() + group.action.width()) as u128;
    let is_alone = params.run.algo == Algo::Ddpg;
    let is_joint = is_alone || (!params.ddpg.parameter_sharing && params.run.critic == CriticPool::Mean);
    if !params.run.algo.is_off_policy() {
        return 2 * (group.observation.len() as u128 + hidden);
    }
    let places = if params.ddpg.parameter_sharing || is_alone { 1 } else { agents };
    let actor = row.saturating_mul(if is_alone { agents } else { 1 });
    let critic = row.saturating_mul(if is_joint { agents } else { 1 });
    places.saturating_mul(actor.saturating_add(critic).saturating_add(2 * hidden))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{
        learn::learner::learner,
        sim::params::{Kind, Params},
    };

    // The domains are what is trained in; only tests of `learn` may name one.
    use crate::domains::{cluster::ClusterParams, jamming::JammingParams};

    const FREE: u64 = 8 << 30;

    fn needs(domain: &dyn Domain, set: &[(&str, &str)]) -> Result<()> {
        let mut params = Hyperparameters::default();
        set.iter().for_each(|(name, value)| params.set(name, value).unwrap());
        fits(&parts(domain, 200, &params, &Lineup::all(domain, 200).unwrap()), FREE)
    }

    #[track_caller]
    fn refused(domain: &dyn Domain, set: &[(&str, &str)], because: &str) {
        let error = needs(domain, set).unwrap_err();
        assert!(error.to_string().contains(because), "{set:?}: {error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_it_would_take() {
        let jamming = JammingParams::default();
        refused(&jamming, &[("num_envs", "65536"), ("num_steps", "65536")], "a smaller `num_envs` or `num_steps`");
        refused(&jamming, &[("algo", "maddpg"), ("buffer_size", "1073741824")], "a smaller `buffer_size`");
        let team = JammingParams { num_jammers: 100, ..JammingParams::default() };
        refused(&team, &[("algo", "maddpg"), ("batch_size", "1048576"), ("buffer_size", "1")], "for a batch");
        let many = JammingParams { num_jammers: 1000, ..JammingParams::default() };
        refused(&many, &[("num_envs", "65536"), ("num_steps", "1")], "for the envs");
        refused(&many, &[("algo", "maddpg"), ("parameter_sharing", "false"), ("hidden", "1024")], "for the networks");
        let large = ClusterParams { num_nodes: 5000, max_workloads: 20_000, ..ClusterParams::default() };
        refused(&large, &[("num_envs", "65536"), ("num_steps", "1")], "for the envs");
    }

    #[test]
    fn what_people_train_fits() {
        for algo in ["mappo", "ippo", "maddpg", "matd3", "ddpg"] {
            let algo = ("algo", algo);
            needs(&JammingParams::default(), &[algo]).unwrap();
            needs(&ClusterParams::default(), &[algo]).unwrap();
            needs(&JammingParams::default(), &[algo, ("num_envs", "2048"), ("hidden", "256")]).unwrap();
        }
        let (jamming, lineup) = (JammingParams::default(), Lineup::all(&JammingParams::default(), 200).unwrap());
        assert!(!is_slow(&jamming, 200, &Hyperparameters::default(), &lineup));
        let small = Hyperparameters::default().with(|params| {
            params.run.num_envs = 1;
            params.run.num_steps = 1;
        });
        assert!(is_slow(&jamming, 200, &small.clone().with(|params| params.run.hidden = 4096), &lineup));
    }

    #[test]
    fn no_greatest_value_of_a_hyperparameter_is_beyond_what_is_worked_out() {
        for param in Hyperparameters::declarations() {
            let Kind::Whole { high, .. } = param.kind else { continue };
            for algo in ["mappo", "maddpg", "ddpg"] {
                // That it is told or let pass is enough; nothing overflows and nothing is taken.
                let _ = needs(&JammingParams::default(), &[("algo", algo), (param.name, &high.to_string())]);
            }
        }
    }

    #[test]
    fn a_learner_that_cannot_fit_is_not_even_begun() {
        let params = Hyperparameters::default().with(|params| {
            params.run.num_envs = 65536;
            params.run.num_steps = 65536;
        });
        let lineup = Lineup::all(&JammingParams::default(), 200).unwrap();
        let error = learner(&JammingParams::default(), 200, 1, &params, lineup).err().unwrap();
        assert!(error.to_string().contains("TiB of memory"), "{error}");
    }
}
