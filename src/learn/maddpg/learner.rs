//! MADDPG, MATD3 and DDPG as a session sees them: saved and restored, begun from a policy, moved to another scenario.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    learn::{
        critic::Critic,
        exploration::Exploration,
        learner::{Learned, Learner, Sections, from_bytes, section, to_bytes},
    },
    policy::{
        distribution::LOG_STD_MIN,
        network::{Network, Team},
        tensor::NamedTensor,
        tensors::{from_safetensors, to_safetensors},
    },
    sim::{Lane, Policy, Spec},
};

/// Weight, in rows, of the normaliser that a policy brings along when a run starts from it.
const INHERITED_ROWS: u64 = 1_000_000;

/// Everything but weights, memory and envs.
#[derive(Serialize, Deserialize)]
struct Saved {
    counters: Counters,
    updates: u64,
    moments: RunningMoments,
    exploration: Vec<Exploration>,
}

impl Learner for Trainer {
    fn iterate(&mut self, progress: f64) -> Result<IterationReport> {
        self.iterate(progress)
    }

    fn learn_from(&mut self, _group: usize, _teacher: Box<dyn Policy>) {}

    fn policies(&self) -> Result<Vec<Learned>> {
        let tensors = self.prefixes().zip(&self.members);
        let tensors = tensors.flat_map(|(prefix, member)| member.actor.tensors(&format!("{prefix}actor."))).collect();
        let network = network(tensors, &self.seats, &self.moments, &self.params)?;
        Ok(vec![Learned { group: self.seats.group, network }])
    }

    fn critic(&self, _group: usize) -> Option<Critic> {
        None
    }

    fn spec(&self) -> &Spec {
        self.batch.spec()
    }

    fn lanes_mut(&mut self) -> &mut [Lane] {
        self.batch.lanes_mut()
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn steps_per_iteration(&self) -> u64 {
        (self.params.run.num_steps * self.batch.envs()) as u64
    }

    fn set_params(&mut self, params: &Hyperparameters) {
        self.params = params.clone();
    }

    fn save(&self) -> Result<Sections> {
        let saved = Saved {
            counters: self.counters,
            updates: self.updates,
            moments: self.moments.clone(),
            exploration: self.lanes.iter().map(|lane| lane.exploration.clone()).collect(),
        };
        let weights: Vec<NamedTensor> =
            self.prefixes().zip(&self.members).flat_map(|(prefix, member)| member.tensors(&prefix)).collect();
        let mut sections = BTreeMap::from([
            ("weights".to_owned(), to_safetensors(&weights, &BTreeMap::new())?),
            ("learner".to_owned(), to_bytes(&saved)?),
            ("envs".to_owned(), to_bytes(&self.batch.snapshots())?),
        ]);
        if self.params.ddpg.save_replay {
            sections.insert("replay".to_owned(), self.replay.save()?);
        }
        Ok(sections)
    }

    fn load(&mut self, sections: &Sections) -> Result<()> {
        let saved: Saved = from_bytes(section(sections, "learner")?, "learner")?;
        let fits = |(lane, exploration): (&PlayLane, &Exploration)| lane.exploration.is_like(exploration);
        let has_our_lanes = saved.exploration.len() == self.lanes.len();
        if saved.moments.columns() != self.moments.columns()
            || !(has_our_lanes && self.lanes.iter().zip(&saved.exploration).all(fits))
        {
            return Err(Error::input("the checkpoint is of a run with other observations, actions or envs"));
        }
        let weights = from_safetensors(section(sections, "weights")?, Path::new("weights"))?;
        for (prefix, member) in prefixes(self.seats.team).iter().zip(&mut self.members) {
            member.load(&weights.tensors, prefix)?;
        }
        self.batch.restore(&from_bytes::<Vec<Vec<u8>>>(section(sections, "envs")?, "envs")?)?;
        if self.params.ddpg.save_replay {
            self.replay.load(section(sections, "replay")?)?;
        }
        for (lane, exploration) in self.lanes.iter_mut().zip(saved.exploration) {
            lane.exploration = exploration;
        }
        (self.counters, self.updates, self.moments) = (saved.counters, saved.updates, saved.moments);
        Ok(())
    }

    fn start_from(&mut self, Learned { group, network: policy }: &Learned) -> Result<()> {
        if *group != self.seats.group {
            return Err(Error::input("the group of this policy does not learn in this run"));
        }
        let (ours, team) = (self.seats.actor_shape(), self.seats.team);
        if (policy.shape(), policy.team()) != (&ours, team) {
            let (theirs, for_whom) = (policy.shape(), policy.team());
            return Err(Error::input(format!(
                "the policy's network has {theirs} for {for_whom}, this run's has {ours} for {team}"
            ))
            .hint("start from a policy of the same team and observation, or set `hidden` to that of its card"));
        }
        let (mean, std) = policy.normaliser();
        let normalises = mean.iter().any(|mean| *mean != 0.0) || std.iter().any(|std| *std != 1.0);
        if normalises && !self.params.run.norm_obs {
            return Err(Error::input("the policy normalises what it sees, this run does not")
                .hint("set `norm_obs` to `true`, or start from another policy"));
        }
        let tensors = policy.tensors();
        for (prefix, member) in prefixes(team).iter().zip(&mut self.members) {
            member.take_actor(&tensors, prefix)?;
        }
        let observed = self.seats.observed;
        self.moments = RunningMoments::assumed(&mean[..observed], &std[..observed], INHERITED_ROWS)?;
        Ok(())
    }

    fn change_scenario(&mut self, domain: &dyn Domain, max_steps: u32) -> Result<()> {
        let spec = domain.spec(max_steps);
        let group = self.seats.group;
        let fewer = || Error::input("a curriculum cannot change how many groups there are");
        let (ours, theirs) = (&self.batch.spec().groups[group], spec.groups.get(group).ok_or_else(fewer)?);
        if ours.layout != theirs.layout || ours.action != theirs.action {
            return Err(Error::input(format!(
                "a curriculum cannot go from observations `{}` to `{}` or change the action space",
                ours.layout, theirs.layout
            )));
        }
        let seats = seats(&spec, group, &self.params)?;
        if seats.team != self.seats.team {
            return Err(Error::input(format!(
                "a curriculum cannot go from {} to {} agents with networks for a team of fixed size",
                ours.agents, theirs.agents
            ))
            .hint("train with `parameter_sharing`, and with `maddpg` or `matd3`"));
        }
        let p = &self.params;
        // The memory is of another scenario: a return that begins in one and ends in the other would mean nothing.
        self.replay = new_replay(&seats, p)?;
        self.batch = Batch::new(domain, max_steps, self.seeds, 0..p.run.num_envs as u64, p.run.envs_per_world);
        self.lanes = new_lanes(&self.batch, &seats, p);
        for (member, seat) in self.members.iter_mut().zip(seats.places()) {
            member.sit(seat);
        }
        self.seats = seats;
        Ok(())
    }
}

impl Trainer {
    /// What the tensors of each member begin with.
    fn prefixes(&self) -> impl Iterator<Item = String> + use<> {
        prefixes(self.seats.team).into_iter()
    }
}

/// See [`learner::policy_in`](crate::learn::learner::policy_in).
pub(in crate::learn) fn policy_in(
    sections: &Sections,
    spec: &Spec,
    group: usize,
    params: &Hyperparameters,
) -> Result<Network> {
    let saved: Saved = from_bytes(section(sections, "learner")?, "learner")?;
    let seats = seats(spec, group, params)?;
    let mut tensors = from_safetensors(section(sections, "weights")?, Path::new("weights"))?.tensors;
    let actors: Vec<String> = prefixes(seats.team).iter().map(|prefix| format!("{prefix}actor.")).collect();
    tensors.retain(|tensor| actors.iter().any(|actor| tensor.name.starts_with(actor.as_str())));
    network(tensors, &seats, &saved.moments, params)
}

fn prefixes(team: Team) -> Vec<String> {
    match team {
        Team::Each(agents) => (0..agents).map(|agent| format!("agent{agent}.")).collect(),
        Team::Any | Team::Whole(_) => vec![String::new()],
    }
}

/// The acting network of these actors. Its distribution is as narrow as possible, because these algorithms learn
/// certain actions.
fn network(
    mut tensors: Vec<NamedTensor>,
    seats: &Seats,
    moments: &RunningMoments,
    params: &Hyperparameters,
) -> Result<Network> {
    let normaliser = seats.normaliser(moments, params);
    let of_team = |of_agent: Vec<f32>| of_agent.repeat(seats.observation / seats.observed);
    let std = normaliser.inverse.iter().map(|inverse| 1.0 / inverse).collect();
    let others = [
        ("actor.log_std", vec![LOG_STD_MIN; seats.action]),
        ("normaliser.mean", of_team(normaliser.mean)),
        ("normaliser.std", of_team(std)),
    ];
    tensors.extend(others.map(|(name, data)| NamedTensor { name: name.to_owned(), shape: vec![data.len()], data }));
    Network::for_team(seats.actor_shape(), seats.team, &tensors)
}
