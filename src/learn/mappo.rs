//! Proximal policy optimisation for teams that share one policy: MAPPO (Yu et al. 2022) and IPPO (de Witt et al. 2020).
//!
//! One iteration: the current policy plays `num_steps` ticks in every env; values are bootstrapped where the time limit
//! cut an episode; advantages by GAE; then some epochs of minibatch steps on the clipped surrogate (Schulman et al.
//! 2017), stopped early when the policy has moved too far. MAPPO's critic sees the whole team and gives one value per
//! step, IPPO's sees what an agent sees and gives one each; nothing else differs.

mod build;
mod learner;
mod state;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(super) use self::state::policy_in;
use self::{
    build::{architecture, hybrid_head, network, new_batch, normaliser},
    sums::{Sums, explained_variance},
};
use super::{
    critic::Critic,
    hyperparameters::{Algo, PpoParams},
    imitation::{ImitationLoss, Lesson},
    learner::{Counters, IterationReport, Learner, episode_scalars},
    nets::{ActorCritic, Minibatch, StepSize},
    ppo_loss::{Experience, PpoCoefficients, PpoLoss, Term},
    rollout::{Actor, Rollout, Shape, Teacher},
    schedule::Schedule,
    value_norm::ValueNorm,
};
use crate::{
    error::{Error, Result},
    math::moments::RunningMoments,
    policy::{
        distribution::HybridHead,
        network::Network,
        tensors::{from_safetensors, to_safetensors},
    },
    sim::{Address, Batch, Domain, Policy, Purpose, Seeds, Spec, params::Params},
};

const SHUFFLE: Purpose = Purpose::new("learn.shuffle");

/// Returns are normalised by about this many of the latest ones.
const RETURNS_REMEMBERED: f64 = 1e6;

/// Share of the imitation in which the teacher plays itself.
const TEACHER_PLAYS: f64 = 0.1;

/// Weight, in rows, of the normaliser that a policy brings along when a run starts from it.
const INHERITED_ROWS: u64 = 1_000_000;

/// A run of MAPPO or IPPO: envs, networks and everything a resumed run needs.
pub struct Trainer {
    params: PpoParams,
    seeds: Seeds,
    batch: Batch,
    head: HybridHead,
    net: Box<dyn ActorCritic>,
    moments: RunningMoments,
    value_norm: ValueNorm,
    rollout: Rollout,
    counters: Counters,
    teacher: Option<Box<dyn Policy>>,
}

impl Trainer {
    /// A run at its beginning.
    ///
    /// # Errors
    /// Hyperparameters out of range or a combination that cannot be trained.
    pub fn new(domain: &dyn Domain, max_steps: u32, seed: u64, params: &PpoParams) -> Result<Self> {
        params.check()?;
        let seeds = Seeds::new(seed);
        let batch = new_batch(domain, max_steps, seeds, params);
        let head = hybrid_head(batch.spec(), params)?;
        let architecture = architecture(batch.spec(), &head, params);
        let observation = architecture.observation;
        Ok(Self {
            net: network(architecture, params, seed)?,
            moments: RunningMoments::new(observation),
            value_norm: ValueNorm::new(RETURNS_REMEMBERED),
            rollout: Rollout::new(Shape::of(&batch, &head, params.num_steps, params.algo == Algo::Mappo)),
            counters: Counters::default(),
            params: params.clone(),
            seeds,
            batch,
            head,
            teacher: None,
        })
    }

    /// Gives the run a teacher for the share [`imitation`](PpoParams::imitation) of it.
    pub fn learn_from(&mut self, teacher: Box<dyn Policy>) {
        self.teacher = Some(teacher);
    }

    /// One rollout and the update on it. `progress` is the share of the run that is done, for schedules.
    ///
    /// # Errors
    /// Observations, rewards or the network have left the finite numbers.
    pub fn iterate(&mut self, progress: f64) -> Result<IterationReport> {
        if self.ends_imitation(progress) {
            self.narrow()?;
        }
        let imitates = self.imitates(progress);
        let actor = self.policy()?;
        let teacher = self
            .teacher
            .as_deref()
            .filter(|_| imitates)
            .map(|policy| Teacher { policy, plays: progress < TEACHER_PLAYS * self.params.imitation });
        let actor = Actor { network: &actor, head: &self.head, seeds: self.seeds, teacher };
        // The moments of this rollout count from the next one on: a rollout is seen through one normaliser.
        self.rollout.collect(&mut self.batch, actor, &mut self.moments)?;
        let update = self.update(progress)?;
        self.counters.imitated += u64::from(imitates);
        let steps = self.rollout.shape().steps() as u64;
        self.counters.iterations += 1;
        self.counters.env_steps += steps;
        self.counters.agent_steps += steps * self.rollout.shape().agents as u64;
        self.counters.episodes += self.rollout.records.len() as u64;
        let mut scalars = episode_scalars(&self.rollout.records, self.batch.spec());
        scalars.extend(update);
        Ok(IterationReport { counters: self.counters, scalars })
    }

    /// The policy as it is now, for acting.
    ///
    /// # Errors
    /// The network has left the finite numbers.
    pub fn policy(&self) -> Result<Network> {
        let (mean, std) = normaliser(&self.moments, &self.params);
        self.net.actor().with_normaliser(&mean, &std)
    }

    /// The critic as it is now, which values the observations of [`policy`](Self::policy); none where it cannot be
    /// copied.
    pub fn critic(&self) -> Option<Critic> {
        Some(Critic::new(self.net.critic()?, self.value_norm.clone()))
    }

    /// Declaration of the domain.
    pub fn spec(&self) -> &Spec {
        self.batch.spec()
    }

    /// Hyperparameters.
    pub fn params(&self) -> &PpoParams {
        &self.params
    }

    /// Other values for the hyperparameters that may change while a run goes on; the others must stay what they are.
    pub(crate) fn set_params(&mut self, params: &PpoParams) {
        self.params = params.clone();
    }

    /// How far the run has come.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Env-steps of one iteration.
    pub fn steps_per_iteration(&self) -> u64 {
        self.rollout.shape().steps() as u64
    }

    /// Whether this part of the run learns from the teacher.
    fn imitates(&self, progress: f64) -> bool {
        self.teacher.is_some() && progress < self.params.imitation
    }

    /// Whether the iteration before was the last one to imitate.
    fn ends_imitation(&self, progress: f64) -> bool {
        let has_imitated = self.counters.imitated > 0 && self.counters.imitated == self.counters.iterations;
        has_imitated && !self.imitates(progress)
    }

    /// Sets how far the policy strays from what it has been taught. Imitation makes it as wide as its teacher is hard
    /// to predict, and that width says nothing about how much exploration is worth.
    fn narrow(&mut self) -> Result<()> {
        let mut state = self.net.state();
        for tensor in state.iter_mut().filter(|tensor| tensor.name == "actor.log_std") {
            tensor.data.fill(self.params.imitation_log_std as f32);
        }
        self.net.load_state(&state)
    }

    fn update(&mut self, progress: f64) -> Result<Vec<(String, f64)>> {
        let shape = self.rollout.shape().clone();
        let values = self.values(|rollout| &rollout.observations);
        let last_values = self.values(|rollout| &rollout.last_observations);
        let final_values = self.values(|rollout| &rollout.final_observations);
        let in_reward_unit = |mut values: Vec<f32>| {
            self.value_norm.denormalise(&mut values);
            values
        };
        let (advantages, mut returns) = self.rollout.advantages(
            (&in_reward_unit(values.clone()), &in_reward_unit(last_values), &in_reward_unit(final_values)),
            (self.params.gamma as f32, self.params.gae_lambda as f32),
        )?;
        if let Some(at) = returns.iter().position(|number| !number.is_finite()) {
            return Err(Error::system(format!("the return of step {} is {}", at / shape.columns, returns[at]))
                .hint("a reward or the network has left the finite numbers; what was saved before is good"));
        }
        let explained = explained_variance(&in_reward_unit(values.clone()), &returns);
        self.value_norm.update(&returns);
        self.value_norm.normalise(&mut returns);

        let experience = Experience {
            agents: shape.agents,
            stored: &self.rollout.stored,
            log_probs: &self.rollout.log_probs,
            masks: None,
            matters: Some(&self.rollout.matters),
            advantages: &advantages,
            returns: &returns,
            values: &values,
        };
        let lesson = Lesson {
            agents: shape.agents,
            labels: &self.rollout.labels,
            matters: &self.rollout.matters,
            returns: &returns,
        };
        let (coefficients, size) = self.scheduled(progress);
        let per_minibatch = (self.params.minibatch_size / shape.agents).clamp(1, shape.steps());
        let mut order: Vec<u32> = (0..shape.steps() as u32).collect();
        let acted_on = self.rollout.acted_on();
        let mut sums = Sums::default();
        for epoch in 0..self.params.update_epochs {
            if epoch == 1 {
                // Steps in which no action mattered teach only the critic. For them one epoch is enough.
                order.retain(|step| acted_on[*step as usize]);
            }
            self.shuffle(&mut order, epoch);
            let mut of_epoch = Sums::default();
            for steps in order.chunks(per_minibatch) {
                let minibatch = Minibatch { observations: &self.rollout.observations, agents: shape.agents, steps };
                of_epoch.add(&if self.rollout.labels.is_empty() {
                    let loss = PpoLoss::new(&self.head, experience, steps, coefficients)?;
                    self.net.step(minibatch, &loss, size)
                } else {
                    let loss = ImitationLoss::new(&self.head, lesson, steps, coefficients.vf_coef);
                    self.net.step(minibatch, &loss, size)
                });
            }
            sums.merge(&of_epoch);
            if self.params.target_kl.is_some_and(|limit| of_epoch.mean(Term::ApproxKl) > limit) {
                break;
            }
        }
        let mut scalars = sums.scalars();
        scalars.push(("losses/explained_variance".into(), explained));
        scalars.push(("charts/learning_rate".into(), f64::from(size.actor_learning_rate)));
        scalars.push(("charts/ent_coef".into(), f64::from(coefficients.ent_coef)));
        Ok(scalars)
    }

    /// The critic's values, in its own unit.
    fn values(&mut self, of: fn(&Rollout) -> &Vec<f32>) -> Vec<f32> {
        let shape = self.rollout.shape();
        let (agents, columns) = (shape.agents, shape.columns);
        let observations = of(&self.rollout);
        let mut values = vec![0.0; observations.len() / (agents * shape.observation) * columns];
        self.net.values(observations, agents, &mut values);
        values
    }

    /// Coefficients and step sizes at this point of the run.
    fn scheduled(&self, progress: f64) -> (PpoCoefficients, StepSize) {
        let p = &self.params;
        let falling = |start: f64, left: f64| Schedule { start, end: start * left }.at(progress);
        let is_warming_up = self.counters.iterations < p.critic_warmup as u64;
        let actor = if is_warming_up { 0.0 } else { falling(p.learning_rate, p.final_lr_fraction) };
        let coefficients = PpoCoefficients {
            clip_coef: p.clip_coef as f32,
            ent_coef: falling(p.ent_coef, p.final_ent_fraction) as f32,
            vf_coef: p.vf_coef as f32,
            norm_adv: p.norm_adv,
            clip_vloss: p.clip_vloss,
        };
        let size = StepSize {
            actor_learning_rate: actor as f32,
            critic_learning_rate: falling(p.critic_learning_rate, p.final_lr_fraction) as f32,
            adam_eps: p.adam_eps as f32,
            max_grad_norm: p.max_grad_norm as f32,
        };
        (coefficients, size)
    }

    /// Fisher-Yates; the order of an epoch has an address of its own.
    fn shuffle(&self, order: &mut [u32], epoch: usize) {
        let address = Address { env: 0, episode: self.counters.iterations, tick: epoch as u32 };
        let mut stream = self.seeds.stream(SHUFFLE, address);
        for last in (1..order.len()).rev() {
            order.swap(last, stream.below(last + 1));
        }
    }
}
