//! A group that learns: its policy and critic, what they have seen, and the update of both.

use super::{
    build::{architecture, hybrid_head, network, normaliser},
    pool::Pool,
    sums::{Sums, explained_variance},
};
use crate::{
    error::{Error, Result},
    learn::{
        hyperparameters::{Algo, Hyperparameters},
        imitation::{ImitationLoss, Lesson},
        learner::Seat,
        nets::{ActorCritic, Minibatch, StepSize},
        ppo_loss::{Experience, PpoCoefficients, PpoLoss, Term},
        rollout::{GlobalView, Rollout, Seen, Shape, some_of},
        schedule::Schedule,
        value_norm::ValueNorm,
    },
    math::moments::RunningMoments,
    policy::{distribution::HybridHead, network::Network},
    sim::{Address, Batch, Policy, Purpose, Seeds},
};

const SHUFFLE: Purpose = Purpose::new("learn.shuffle");

/// Returns are normalised by about this many of the latest ones.
const RETURNS_REMEMBERED: f64 = 1e6;

/// Policy, critic, normalisers and optimiser of one group.
pub(super) struct Pupil {
    pub(super) head: HybridHead,
    pub(super) net: Box<dyn ActorCritic>,
    pub(super) moments: RunningMoments,
    /// What the critic is shown apart from what agents see.
    pub(super) global: Option<GlobalView>,
    pub(super) value_norm: ValueNorm,
    pub(super) rollout: Rollout,
    pub(super) teacher: Option<Box<dyn Policy>>,
    /// What it was earlier in this run, if it also plays against that.
    pub(super) pool: Option<Pool>,
}

impl Pupil {
    /// A group at the beginning of a run.
    pub(super) fn new(batch: &Batch, seat: Seat, seed: u64, params: &Hyperparameters) -> Result<Self> {
        let group = &batch.spec().groups[seat.group];
        let head = hybrid_head(group, params)?;
        let global = GlobalView::new(batch.spec(), params.ppo.critic_sees, params.run.norm_obs)?;
        let architecture = architecture(group, &head, global.as_ref().map_or(0, GlobalView::width), params);
        let observation = architecture.observation;
        // Groups begin with different weights; those of the first one are what a single group begins with.
        let seed = seed.wrapping_add((seat.group as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Ok(Self {
            net: network(architecture, params, seed)?,
            moments: RunningMoments::new(observation),
            value_norm: ValueNorm::new(RETURNS_REMEMBERED),
            rollout: Rollout::new(shape(batch, seat.group, &head, global.as_ref(), params)),
            head,
            global,
            teacher: None,
            pool: seat.has_pool.then(Pool::default),
        })
    }

    /// Place of the group in the spec.
    pub(super) fn group(&self) -> usize {
        self.rollout.shape().group
    }

    /// Actions of one rollout.
    pub(super) fn agent_steps(&self) -> u64 {
        (self.rollout.shape().steps() * self.rollout.shape().agents) as u64
    }

    /// Goes on in other envs.
    pub(super) fn move_to(&mut self, batch: &Batch, params: &Hyperparameters) {
        self.rollout = Rollout::new(shape(batch, self.group(), &self.head, self.global.as_ref(), params));
    }

    /// The policy as it is now, for acting.
    pub(super) fn policy(&self, params: &Hyperparameters) -> Result<Network> {
        let (mean, std) = normaliser(&self.moments, params);
        self.net.actor().with_normaliser(&mean, &std)
    }

    /// Remembers what it was in this iteration, where it plays against its past.
    pub(super) fn remember(&mut self, iteration: u64, policy: Network, params: &Hyperparameters) {
        if let Some(pool) = &mut self.pool {
            pool.offer(iteration, policy, params);
        }
    }

    /// Sets how far the policy strays from what it has been taught. Imitation makes it as wide as its teacher is hard
    /// to predict, and that width says nothing about how much exploration is worth.
    pub(super) fn narrow(&mut self, params: &Hyperparameters) -> Result<()> {
        let mut state = self.net.state();
        for tensor in state.iter_mut().filter(|tensor| tensor.name == "actor.log_std") {
            tensor.data.fill(params.ppo.imitation_log_std as f32);
        }
        self.net.load_state(&state)
    }

    /// Learns from the rollout; returns what there is to tell.
    pub(super) fn update(
        &mut self,
        params: &Hyperparameters,
        seeds: Seeds,
        iteration: u64,
        progress: f64,
    ) -> Result<Vec<(String, f64)>> {
        let Self { net, rollout, value_norm, global, .. } = self;
        let shape = rollout.shape();
        let shares = shares(&rollout.present, shape.agents);
        let values = values_of(&mut **net, shape, (&rollout.observations, &rollout.global), &shares);
        let mut seen = |seen: &Seen| {
            let shares = self::shares(&seen.present, shape.agents);
            values_of(&mut **net, shape, (&seen.observations, &seen.global), &shares)
        };
        let (last_values, end_values) = (seen(&rollout.last), seen(&rollout.ends));
        if let Some(global) = global {
            // As with the moments of observations: they count from the next rollout on.
            global.merge(&rollout.global_moments)?;
        }
        let in_reward_unit = |mut values: Vec<f32>| {
            value_norm.denormalise(&mut values);
            values
        };
        let earlier = in_reward_unit(values.clone());
        let (advantages, mut returns) = rollout.advantages(
            (&earlier, &in_reward_unit(last_values), &in_reward_unit(end_values)),
            (params.run.gamma as f32, params.ppo.gae_lambda as f32),
        )?;
        if let Some(at) = returns.iter().position(|number| !number.is_finite()) {
            return Err(Error::system(format!("the return of step {} is {}", at / shape.columns, returns[at]))
                .hint("a reward or the network has left the finite numbers; what was saved before is good"));
        }
        let counted = |numbers: &[f32]| -> Vec<f32> {
            numbers.iter().zip(&rollout.counts).filter(|(_, counts)| **counts).map(|(number, _)| *number).collect()
        };
        let explained = explained_variance(&counted(&earlier), &counted(&returns));
        value_norm.update(&counted(&returns));
        value_norm.normalise(&mut returns);
        let (coefficients, size) = scheduled(params, iteration, progress);
        let mut scalars = self.epochs(
            params,
            seeds,
            iteration,
            &Targets { advantages, returns, values, shares },
            (coefficients, size),
        )?;
        scalars.push(("losses/explained_variance".into(), explained));
        scalars.push(("charts/learning_rate".into(), f64::from(size.actor_learning_rate)));
        scalars.push(("charts/ent_coef".into(), f64::from(coefficients.ent_coef)));
        Ok(scalars)
    }

    /// Some epochs of minibatch steps.
    fn epochs(
        &mut self,
        params: &Hyperparameters,
        seeds: Seeds,
        iteration: u64,
        targets: &Targets,
        (coefficients, size): (PpoCoefficients, StepSize),
    ) -> Result<Vec<(String, f64)>> {
        let Self { rollout, head, net, .. } = self;
        let shape = rollout.shape();
        let experience = Experience {
            agents: shape.agents,
            stored: &rollout.stored,
            log_probs: &rollout.log_probs,
            masks: some_of(&rollout.masks),
            matters: Some(&rollout.matters),
            counts: Some(&rollout.counts),
            advantages: &targets.advantages,
            returns: &targets.returns,
            values: &targets.values,
        };
        let lesson = Lesson {
            agents: shape.agents,
            labels: &rollout.labels,
            masks: &rollout.masks,
            matters: &rollout.matters,
            counts: &rollout.counts,
            returns: &targets.returns,
        };
        let per_minibatch = (params.ppo.minibatch_size / shape.agents).clamp(1, shape.steps());
        let (acted_on, learned_from) = (rollout.acted_on(), rollout.is_learned_from());
        let mut order: Vec<u32> = (0..shape.steps() as u32).filter(|step| learned_from[*step as usize]).collect();
        let mut sums = Sums::default();
        for epoch in 0..params.ppo.update_epochs {
            if epoch == 1 {
                // Steps in which no action mattered teach only the critic. For them one epoch is enough.
                order.retain(|step| acted_on[*step as usize]);
            }
            shuffle(&mut order, seeds, Address { env: 0, episode: iteration, tick: epoch as u32 }, shape.group);
            let mut of_epoch = Sums::default();
            for steps in order.chunks(per_minibatch) {
                let (observations, shares) = (&rollout.observations[..], some_of(&targets.shares));
                let global = &rollout.global[..];
                let minibatch = Minibatch { observations, global, shares, agents: shape.agents, steps };
                of_epoch.add(&if rollout.labels.is_empty() {
                    let loss = PpoLoss::new(head, experience, steps, coefficients)?;
                    net.step(minibatch, &loss, size)
                } else {
                    let loss = ImitationLoss::new(head, lesson, steps, coefficients.vf_coef);
                    net.step(minibatch, &loss, size)
                });
            }
            sums.merge(&of_epoch);
            if params.ppo.target_kl.is_some_and(|limit| of_epoch.mean(Term::ApproxKl) > limit) {
                break;
            }
        }
        Ok(sums.scalars())
    }
}

/// What the networks are to learn from a rollout.
struct Targets {
    /// `[steps, columns]`, in the reward's unit.
    advantages: Vec<f32>,
    /// `[steps, columns]`, in the critic's unit, as the values of the time are.
    returns: Vec<f32>,
    values: Vec<f32>,
    /// `[steps, agents]`, empty where everybody is there.
    shares: Vec<f32>,
}

/// The critic's values of some moments, in its own unit, from what the group sees of them or from what is told apart from that.
pub(super) fn values_of(
    net: &mut dyn ActorCritic,
    shape: &Shape,
    (observations, global): (&[f32], &[f32]),
    shares: &[f32],
) -> Vec<f32> {
    let Shape { agents, columns, observation, .. } = *shape;
    let mut values = vec![0.0; observations.len() / (agents * observation) * columns];
    if shape.global > 0 {
        net.values(global, 1, None, &mut values);
    } else {
        net.values(observations, agents, some_of(shares), &mut values);
    }
    values
}

fn shape(
    batch: &Batch,
    group: usize,
    head: &HybridHead,
    global: Option<&GlobalView>,
    params: &Hyperparameters,
) -> Shape {
    let shape = Shape::of(batch, group, head, params.run.num_steps, params.run.algo == Algo::Mappo);
    Shape { global: global.map_or(0, GlobalView::width), ..shape }
}

/// Share of each agent in what a critic pools, `[moments, agents]`: nothing for those who are not there. Empty if all are.
fn shares(present: &[bool], agents: usize) -> Vec<f32> {
    if !present.contains(&false) {
        return Vec::new();
    }
    let of_moment = |present: &[bool]| {
        let share = 1.0 / present.iter().filter(|present| **present).count().max(1) as f32;
        present.iter().map(|present| if *present { share } else { 0.0 }).collect::<Vec<f32>>()
    };
    present.chunks_exact(agents).flat_map(of_moment).collect()
}

/// Coefficients and step sizes at this point of the run.
pub(super) fn scheduled(p: &Hyperparameters, iteration: u64, progress: f64) -> (PpoCoefficients, StepSize) {
    let falling = |start: f64, left: f64| Schedule { start, end: start * left }.at(progress);
    let is_warming_up = iteration < p.ppo.critic_warmup as u64;
    let actor = if is_warming_up { 0.0 } else { falling(p.run.learning_rate, p.run.final_lr_fraction) };
    let coefficients = PpoCoefficients {
        clip_coef: p.ppo.clip_coef as f32,
        ent_coef: falling(p.ppo.ent_coef, p.ppo.final_ent_fraction) as f32,
        vf_coef: p.ppo.vf_coef as f32,
        norm_adv: p.ppo.norm_adv,
        clip_vloss: p.ppo.clip_vloss,
    };
    let size = StepSize {
        actor_learning_rate: actor as f32,
        critic_learning_rate: falling(p.run.critic_learning_rate, p.run.final_lr_fraction) as f32,
        adam_eps: p.run.adam_eps as f32,
        max_grad_norm: p.run.max_grad_norm as f32,
    };
    (coefficients, size)
}

/// Fisher-Yates; the order of an epoch has an address of its own.
pub(super) fn shuffle(order: &mut [u32], seeds: Seeds, address: Address, group: usize) {
    let mut stream = seeds.stream(SHUFFLE.of(group as u64), address);
    for last in (1..order.len()).rev() {
        order.swap(last, stream.below(last + 1));
    }
}
