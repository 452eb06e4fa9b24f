//! Proximal policy optimisation for teams that share one policy: MAPPO (Yu et al. 2022) and IPPO (de Witt et al. 2020).
//!
//! One iteration: the current policy plays `num_steps` ticks in every env; values are bootstrapped where the time limit
//! cut an episode; advantages by GAE; then some epochs of minibatch steps on the clipped surrogate (Schulman et al.
//! 2017), stopped early when the policy has moved too far. MAPPO's critic sees the whole team and gives one value per
//! step, IPPO's sees what an agent sees and gives one each; nothing else differs.
//!
//! Where several groups learn, each has a policy, a critic, normalisers and an optimiser of its own (a `Pupil`); all of them
//! learn from one rollout, in which the envs are stepped once.

mod build;
mod learner;
mod pool;
mod pupil;
mod state;
mod sums;
#[cfg(test)]
mod tests;

pub(super) use self::state::policy_in;
use self::{build::new_batch, pupil::Pupil};
use super::{
    critic::Critic,
    hyperparameters::Hyperparameters,
    learner::{Counters, IterationReport, Learned, Learner, Lineup, episode_scalars, group_path},
    rollout::{Actor, GlobalView, Learning, Opponent, Teacher, collect},
};
use crate::{
    error::Result,
    policy::network::Network,
    sim::{Batch, Domain, Policy, Seeds, Spec, params::Params},
};

/// Share of the imitation in which the teacher plays itself.
const TEACHER_PLAYS: f64 = 0.1;

/// A run of MAPPO or IPPO: envs, networks and everything a resumed run needs.
pub struct Trainer {
    params: Hyperparameters,
    seeds: Seeds,
    batch: Batch,
    pupils: Vec<Pupil>,
    /// Who acts for the groups that do not learn.
    opponents: Vec<(usize, Box<dyn Policy>)>,
    counters: Counters,
}

impl Trainer {
    /// A run at its beginning, in which every group that is paid learns.
    ///
    /// # Errors
    /// As [`with_lineup`](Self::with_lineup).
    pub fn new(domain: &dyn Domain, max_steps: u32, seed: u64, params: &Hyperparameters) -> Result<Self> {
        Self::with_lineup(domain, max_steps, seed, params, Lineup::all(domain, max_steps)?)
    }

    /// A run at its beginning, in which the groups of `lineup` learn.
    ///
    /// # Errors
    /// Hyperparameters out of range or a combination that cannot be trained.
    pub fn with_lineup(
        domain: &dyn Domain,
        max_steps: u32,
        seed: u64,
        params: &Hyperparameters,
        lineup: Lineup,
    ) -> Result<Self> {
        params.check()?;
        let seeds = Seeds::new(seed);
        let batch = new_batch(domain, max_steps, seeds, params);
        let pupil = |seat| Pupil::new(&batch, seat, seed, params);
        Ok(Self {
            pupils: lineup.learners.into_iter().map(pupil).collect::<Result<_>>()?,
            opponents: lineup.opponents,
            counters: Counters::default(),
            params: params.clone(),
            seeds,
            batch,
        })
    }

    /// One rollout and the updates on it. `progress` is the share of the run that is done, for schedules.
    ///
    /// # Errors
    /// Observations, rewards or a network have left the finite numbers.
    pub fn iterate(&mut self, progress: f64) -> Result<IterationReport> {
        let imitates = self.imitates(progress);
        if self.ends_imitation(progress) {
            self.pupils.iter_mut().try_for_each(|pupil| pupil.narrow(&self.params))?;
        }
        let plays = progress < TEACHER_PLAYS * self.params.ppo.imitation;
        let actors = self.pupils.iter().map(|pupil| pupil.policy(&self.params)).collect::<Result<Vec<Network>>>()?;
        let (seeds, iteration) = (self.seeds, self.counters.iterations);
        let stand_ins = pool::stand_ins(&self.pupils, &self.batch, seeds, iteration, &self.params);
        let learning = self.pupils.iter_mut().zip(&actors).zip(&stand_ins);
        let mut learning: Vec<Learning<'_>> = learning
            .map(|((pupil, network), stand_ins)| {
                let Pupil { head, rollout, moments, teacher, pool, global, .. } = pupil;
                let policy = teacher.as_deref().filter(|_| imitates);
                let teacher = policy.map(|policy| Teacher { policy, plays });
                let earlier = |index: &Option<usize>| index.and_then(|index| Some(pool.as_ref()?.policy(index)));
                let stand_ins = stand_ins.iter().map(earlier).collect();
                // The moments of this rollout count from the next one on: a rollout is seen through one normaliser.
                let actor = Actor { network, head, seeds, teacher, stand_ins, global: global.as_ref() };
                Learning { rollout, actor, moments }
            })
            .collect();
        let opponents = self.opponents.iter().map(|(group, policy)| Opponent { group: *group, policy: &**policy });
        let opponents: Vec<Opponent<'_>> = opponents.collect();
        let records = collect(&mut self.batch, &mut learning, &opponents)?;
        drop(learning);

        let mut scalars = episode_scalars(&records, self.batch.spec());
        for (pupil, actor) in self.pupils.iter_mut().zip(actors) {
            let path = group_path(self.batch.spec(), pupil.group());
            let found = pupil.update(&self.params, seeds, iteration, progress)?;
            scalars.extend(found.into_iter().map(|(name, value)| (named_for(&name, &path), value)));
            pupil.remember(iteration, actor, &self.params);
        }
        self.counters.imitated += u64::from(imitates);
        self.counters.iterations += 1;
        self.counters.env_steps += self.steps_per_iteration();
        self.counters.agent_steps += self.pupils.iter().map(Pupil::agent_steps).sum::<u64>();
        self.counters.episodes += records.len() as u64;
        Ok(IterationReport { counters: self.counters, scalars })
    }

    /// Env-steps of one iteration.
    pub fn steps_per_iteration(&self) -> u64 {
        (self.params.run.num_steps * self.batch.envs()) as u64
    }

    /// Declaration of the domain.
    pub fn spec(&self) -> &Spec {
        self.batch.spec()
    }

    /// How far the run has come.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether this part of the run learns from teachers.
    fn imitates(&self, progress: f64) -> bool {
        self.pupils.iter().any(|pupil| pupil.teacher.is_some()) && progress < self.params.ppo.imitation
    }

    /// Whether the iteration before was the last one to imitate.
    fn ends_imitation(&self, progress: f64) -> bool {
        let has_imitated = self.counters.imitated > 0 && self.counters.imitated == self.counters.iterations;
        has_imitated && !self.imitates(progress)
    }
}

/// The name of a number that belongs to one of several groups: `losses/entropy/<group>`.
fn named_for(name: &str, path: &str) -> String {
    format!("{name}{path}")
}
