//! A network at work: observations of a whole world in, actions of all its agents out.
//!
//! Only the observation layout and the action space have to match; how many agents there are does not, so a policy
//! trained small acts in a large team.

use std::{ops::Range, sync::Arc};

use bevy_ecs::{
    query::{QueryState, With},
    world::{World, WorldId},
};

use super::{
    card::Shared,
    distribution::{HeadRows, HybridHead, Noise},
    network::Scratch,
};
use crate::{
    error::{Error, Result},
    sim::{Address, Choices, Clock, Declared, Env, GroupPort, Policy, Ports, Purpose, Seeds},
};

const SAMPLE: Purpose = Purpose::new("policy.sample");

/// How the network's output becomes an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// The most likely one: what the policy has learned, without the noise it learned with.
    #[default]
    Mode,
    /// Drawn from the policy's distribution, as in training; the randomness has the address of the env.
    Sample,
}

/// A learned policy that acts in a world.
pub struct NetworkPolicy {
    shared: Arc<Shared>,
    head: HybridHead,
    decision: Decision,
    /// Where this policy was last found to fit, so that it is not asked again every tick.
    fits: Option<(WorldId, usize)>,
    clocks: Option<(WorldId, QueryState<&'static Clock, With<Env>>)>,
    rows: Rows,
}

/// Buffers over the agents of a world, reused from tick to tick.
#[derive(Default)]
struct Rows {
    scratch: Scratch,
    head: Vec<f32>,
    masks: Vec<f32>,
    normals: Vec<f32>,
    uniforms: Vec<f32>,
    stored: Vec<f32>,
    log_probs: Vec<f32>,
}

impl NetworkPolicy {
    /// A policy that acts with `shared`.
    ///
    /// # Errors
    /// An action space without a dimension, or with bounds that no action lies in.
    pub fn new(shared: Arc<Shared>, decision: Decision) -> Result<Self> {
        let actions = &shared.card.actions;
        let head = actions.head()?;
        Ok(Self { shared, head, decision, fits: None, clocks: None, rows: Rows::default() })
    }

    /// Writes the most likely actions of agents that see `observations`, `[agents, width]`, into `actions`. For callers
    /// that keep a team outside of any world; they have to check that the policy fits the team.
    ///
    /// # Errors
    /// An output that is not a number.
    pub fn decide(&mut self, observations: &[f32], actions: &mut [f32]) -> Result<()> {
        let agents = observations.len() / self.shared.card.observation;
        self.see(observations, agents)?;
        self.head
            .mode(HeadRows { head: &self.rows.head, log_std: self.shared.network.log_std(), masks: None }, actions);
        Ok(())
    }

    /// Computes the network's head for these observations; every env has `agents` rows of them.
    fn see(&mut self, observations: &[f32], agents: usize) -> Result<()> {
        let (network, width) = (&self.shared.network, self.head.head());
        let rows = observations.len() / self.shared.card.observation;
        self.rows.head.resize(rows * width, 0.0);
        network.forward(observations, &mut self.rows.head, &mut self.rows.scratch);
        check_finite(&self.rows.head, width, 0, agents)
    }

    fn check_fit(&mut self, world: &World, group: usize) -> Result<()> {
        if self.fits == Some((world.id(), group)) {
            return Ok(());
        }
        let spec = &world.resource::<Declared>().0;
        let group_spec = spec.groups.get(group).ok_or_else(|| Error::input(format!("there is no group {group}")))?;
        self.shared.card.check_fit(group_spec)?;
        self.fits = Some((world.id(), group));
        Ok(())
    }

    /// Addresses of the world's envs, in order.
    fn addresses(&mut self, world: &mut World) -> Vec<Address> {
        let id = world.id();
        if self.clocks.as_ref().is_none_or(|(of, _)| *of != id) {
            self.clocks = Some((id, world.query_filtered()));
        }
        let clocks = self.clocks.iter_mut().flat_map(|(_, clocks)| clocks.iter(world));
        clocks.map(Clock::address).collect()
    }
}

impl Policy for NetworkPolicy {
    fn act(&mut self, world: &mut World, group: usize) -> Result<()> {
        self.check_fit(world, group)?;
        let seeds = *world.resource::<Seeds>();
        let addresses = if self.decision == Decision::Sample { self.addresses(world) } else { Vec::new() };
        let port = &mut world.resource_mut::<Ports>().into_inner().groups[group];
        self.see(&port.observations, port.agents)?;
        let Rows { head, masks, normals, uniforms, stored, log_probs, .. } = &mut self.rows;
        let agents = port.observations.len() / port.observation_width;
        spread_masks(&self.head, port, 0..agents, masks)?;
        let masks = (!masks.is_empty()).then_some(&masks[..]);
        let outputs = HeadRows { head, log_std: self.shared.network.log_std(), masks };
        match self.decision {
            Decision::Mode => self.head.mode(outputs, &mut port.actions),
            Decision::Sample => {
                let (continuous, discrete) = (self.head.continuous(), self.head.discrete());
                normals.clear();
                uniforms.clear();
                for address in addresses {
                    let mut stream = seeds.stream(SAMPLE, address);
                    normals.extend((0..port.agents * continuous).map(|_| stream.normal()));
                    uniforms.extend((0..port.agents * discrete).map(|_| stream.unit()));
                }
                stored.resize(agents * self.head.stored(), 0.0);
                log_probs.resize(agents, 0.0);
                self.head.sample(outputs, Noise { normals, uniforms }, stored, &mut port.actions, log_probs);
            }
        }
        Ok(())
    }

    fn explain(&mut self, world: &mut World, group: usize, row: usize) -> Result<Option<Vec<Choices>>> {
        self.check_fit(world, group)?;
        let port = &world.resource::<Ports>().groups[group];
        let network = &self.shared.network;
        // A network of a fixed team needs the observations of all of it.
        let together = network.team().agents().unwrap_or(1);
        let (first, place) = (row / together * together, row % together);
        let width = port.observation_width;
        let Some(observations) = port.observations.get(first * width..(first + together) * width) else {
            return Err(Error::input(format!("there is no agent {row}")));
        };
        let mut heads = vec![0.0; together * self.head.head()];
        network.forward(observations, &mut heads, &mut self.rows.scratch);
        let head = &heads[place * self.head.head()..][..self.head.head()];
        check_finite(head, self.head.head(), row, port.agents)?;
        spread_masks(&self.head, port, row..row + 1, &mut self.rows.masks)?;
        let masks = (!self.rows.masks.is_empty()).then_some(&self.rows.masks[..]);
        let outputs = HeadRows { head, log_std: network.log_std(), masks };
        Ok(Some(self.shared.card.actions.choices(self.head.marginals(outputs))))
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(Self {
            shared: Arc::clone(&self.shared),
            head: self.head.clone(),
            decision: self.decision,
            fits: None,
            clocks: None,
            rows: Rows::default(),
        })
    }
}

/// Writes the masks of these rows of a group; none where nothing ever is forbidden.
fn spread_masks(head: &HybridHead, port: &GroupPort, rows: Range<usize>, masks: &mut Vec<f32>) -> Result<()> {
    masks.clear();
    if port.masks.is_empty() {
        return Ok(());
    }
    masks.resize(rows.len() * head.logits(), 0.0);
    head.spread_masks(&port.masks[rows.start * port.num_choices..rows.end * port.num_choices], port.num_choices, masks)
}

/// Whether the heads of the agents from row `first` on are numbers.
fn check_finite(head: &[f32], width: usize, first: usize, agents: usize) -> Result<()> {
    // No early exit: this form is vectorised, and it runs every tick.
    if head.iter().fold(true, |finite, x| finite & x.is_finite()) {
        return Ok(());
    }
    let row = first + head.iter().position(|x| !x.is_finite()).unwrap_or_default() / width;
    Err(Error::input(format!(
        "the policy's output for agent {} of env {} of its world is not a number",
        row % agents,
        row / agents
    ))
    .hint("its weights are too large for these observations; use an earlier checkpoint"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use bevy_app::App;

    use super::*;
    use crate::{
        policy::{
            card::tests::{binned as binned_shared, group, shared},
            network::{Network, Team},
            tensor::NamedTensor,
        },
        sim::{Baseline, Domain, Lane, Spec},
    };

    /// Birds that see numbers made of their env's number and the tick, and whose actions have no effect.
    struct Sky {
        agents: usize,
        layout: &'static str,
    }

    impl Domain for Sky {
        fn id(&self) -> &'static str {
            "sky"
        }

        fn spec(&self, max_steps: u32) -> Spec {
            let mut birds = group(self.layout, 4, 2.0);
            birds.agents = self.agents;
            Spec { groups: vec![birds], metrics: vec![], stratum: None, state: vec![], max_steps }
        }

        fn dt_s(&self) -> f64 {
            1.0
        }

        fn install(&self, _app: &mut App, _envs: usize) {}

        fn baselines(&self) -> Vec<Baseline> {
            vec![]
        }
    }

    /// A lane whose observations are set by hand; reward terms are absent, so nothing is ever stepped.
    fn lane(agents: usize, first: u64, envs: u64) -> Lane {
        let mut lane = Lane::new(&Sky { agents, layout: "local" }, 10, Seeds::new(3), first..first + envs);
        let width = agents * 4;
        for (slot, row) in lane.ports_mut().groups[0].observations.chunks_exact_mut(width).enumerate() {
            for (i, x) in row.iter_mut().enumerate() {
                *x = ((first as usize + slot) * 31 + i) as f32 % 7.0 - 3.0;
            }
        }
        lane
    }

    fn policy(decision: Decision) -> NetworkPolicy {
        NetworkPolicy::new(Arc::new(shared(&group("local", 4, 2.0), 1)), decision).unwrap()
    }

    fn actions(policy: &mut dyn Policy, lane: &mut Lane) -> Vec<f32> {
        lane.act(policy, 0).unwrap();
        lane.ports().groups[0].actions.clone()
    }

    #[test]
    fn actions_lie_within_their_bounds_and_choices() {
        for decision in [Decision::Mode, Decision::Sample] {
            let found = actions(&mut policy(decision), &mut lane(3, 0, 40));
            assert!(found.chunks_exact(2).all(|a| a[0].abs() <= 2.0 && [0.0, 1.0, 2.0].contains(&a[1])), "{found:?}");
        }
    }

    #[test]
    fn actions_do_not_depend_on_how_envs_share_worlds() {
        for decision in [Decision::Mode, Decision::Sample] {
            let mut policy = policy(decision);
            let together = actions(&mut policy, &mut lane(3, 0, 10));
            let apart: Vec<f32> = (0..10).flat_map(|env| actions(&mut *policy.fork(), &mut lane(3, env, 1))).collect();
            assert_eq!(together, apart, "{decision:?}");
            // The same policy may also wander from world to world.
            let wandering: Vec<f32> = (0..10).flat_map(|env| actions(&mut policy, &mut lane(3, env, 1))).collect();
            assert_eq!(together, wandering, "{decision:?}");
        }
    }

    #[test]
    fn a_policy_acts_in_a_team_of_any_size() {
        assert_eq!(actions(&mut policy(Decision::Mode), &mut lane(40, 0, 2)).len(), 2 * 40 * 2);
    }

    #[test]
    fn samples_scatter_around_the_mode_and_have_an_address() {
        let (mut lane, mut mode, mut sampled) = (lane(3, 0, 10), policy(Decision::Mode), policy(Decision::Sample));
        let still = actions(&mut mode, &mut lane);
        let first = actions(&mut sampled, &mut lane);
        assert_ne!(still, first);
        assert_eq!(first, actions(&mut sampled, &mut lane), "the same tick has the same randomness");
    }

    /// A policy whose `turn` is one of `bins` settings, or any if that is 0.
    fn binned(bins: usize) -> NetworkPolicy {
        let shared = binned_shared(&group("local", 4, 2.0), 1, bins);
        NetworkPolicy::new(Arc::new(shared), Decision::Mode).unwrap()
    }

    #[test]
    fn what_an_action_is_drawn_from_is_told_in_the_words_of_its_dimensions() {
        let (mut lane, mut policy) = (lane(3, 0, 4), policy(Decision::Mode));
        let acted = actions(&mut policy, &mut lane);
        for (row, action) in acted.chunks_exact(2).enumerate() {
            let told = policy.explain(lane.world_mut(), 0, row).unwrap().unwrap();
            let [Choices::Density(turn), Choices::Discrete(call)] = &told[..] else { panic!("{told:?}") };
            assert_eq!(turn.iter().map(|(_, density)| *density).fold(0.0, f32::max), 1.0);
            assert!(turn.iter().all(|(setting, _)| setting.abs() < 2.0));
            assert_eq!(call.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["none", "low", "high"]);
            assert!((call.iter().map(|(_, p)| p).sum::<f32>() - 1.0).abs() < 1e-5);
            let best = call.iter().enumerate().max_by(|(_, a), (_, b)| a.1.total_cmp(&b.1)).unwrap();
            assert_eq!(best.0 as f32, action[1], "the mode is what is done");
        }
    }

    /// Three policies, and one of a team in which each of them has its place.
    fn team_of_three() -> ([NetworkPolicy; 3], NetworkPolicy) {
        let birds = group("local", 4, 2.0);
        let tensors = [1, 2, 3].map(|seed| shared(&birds, seed).network.tensors());
        let is_layer = |tensor: &&NamedTensor| tensor.name.starts_with("actor.") && tensor.name != "actor.log_std";
        let common: Vec<NamedTensor> = tensors[0].iter().filter(|tensor| !is_layer(tensor)).cloned().collect();
        let layers = |tensors: &[NamedTensor]| tensors.iter().filter(is_layer).cloned().collect::<Vec<_>>();
        let acting = |team, tensors: &[NamedTensor]| {
            let Shared { mut card, .. } = shared(&birds, 1);
            card.team = team;
            let network = Network::for_team(card.shape(), team, tensors).unwrap();
            NetworkPolicy::new(Arc::new(Shared { network, card }), Decision::Mode).unwrap()
        };
        let alone = tensors.each_ref().map(|own| acting(Team::Any, &[layers(own), common.clone()].concat()));
        let placed = tensors.iter().enumerate().flat_map(|(place, own)| {
            let name = move |layer: NamedTensor| NamedTensor { name: format!("agent{place}.{}", layer.name), ..layer };
            layers(own).into_iter().map(name)
        });
        (alone, acting(Team::Each(3), &placed.chain(common.clone()).collect::<Vec<_>>()))
    }

    #[test]
    fn each_agent_of_a_fixed_team_is_explained_with_its_own_actor() {
        let (mut alone, mut team) = team_of_three();
        let mut lane = lane(3, 0, 4);
        for row in 0..12 {
            let told = team.explain(lane.world_mut(), 0, row).unwrap();
            for (place, actor) in alone.iter_mut().enumerate() {
                let of_actor = actor.explain(lane.world_mut(), 0, row).unwrap();
                assert_eq!(told == of_actor, place == row % 3, "row {row}, actor {place}: {told:?} {of_actor:?}");
            }
        }
        assert!(team.explain(lane.world_mut(), 0, 12).unwrap_err().to_string().contains("no agent 12"));
    }

    #[test]
    fn settings_of_a_grid_are_told_as_text() {
        let (mut lane, mut policy) = (lane(3, 0, 4), binned(5));
        let acted = actions(&mut policy, &mut lane);
        for (row, action) in acted.chunks_exact(2).enumerate() {
            let told = policy.explain(lane.world_mut(), 0, row).unwrap().unwrap();
            let [Choices::Discrete(turn), Choices::Discrete(_)] = &told[..] else { panic!("{told:?}") };
            assert_eq!(turn.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["-2", "-1", "0", "1", "2"]);
            assert!((turn.iter().map(|(_, p)| p).sum::<f32>() - 1.0).abs() < 1e-5);
            let best = turn.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            assert_eq!(best.0, action[0].to_string());
        }
    }

    #[test]
    fn explaining_changes_nothing_and_knows_who_is_there() {
        let (mut lane, mut policy) = (lane(3, 0, 4), policy(Decision::Sample));
        let before = (lane.hash(2), lane.ports().groups[0].actions.clone());
        let told = policy.explain(lane.world_mut(), 0, 7).unwrap();
        assert_eq!(policy.explain(lane.world_mut(), 0, 7).unwrap(), told);
        assert_ne!(policy.explain(lane.world_mut(), 0, 8).unwrap(), told, "each sees something else");
        assert_eq!((lane.hash(2), lane.ports().groups[0].actions.clone()), before);
        assert!(policy.explain(lane.world_mut(), 0, 12).unwrap_err().to_string().contains("no agent 12"));
        lane.ports_mut().groups[0].observations[4 * 4] = f32::NAN;
        let error = policy.explain(lane.world_mut(), 0, 4).unwrap_err().to_string();
        assert!(error.contains("agent 1 of env 1"), "{error}");
    }

    #[test]
    fn another_layout_is_refused_before_acting() {
        let mut lane = Lane::new(&Sky { agents: 3, layout: "distant" }, 10, Seeds::new(3), 0..1);
        let error = lane.act(&mut policy(Decision::Mode), 0).unwrap_err().to_string();
        assert!(error.contains("`local`") && error.contains("`distant`"), "{error}");
    }

    #[test]
    fn an_output_that_is_no_number_is_an_error() {
        let mut lane = lane(3, 0, 2);
        lane.ports_mut().groups[0].observations[4 * 4] = f32::NAN;
        let error = lane.act(&mut policy(Decision::Mode), 0).unwrap_err().to_string();
        assert!(error.contains("agent 1 of env 1"), "{error}");
    }
}
