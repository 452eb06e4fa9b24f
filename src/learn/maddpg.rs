//! Deterministic policy gradients for teams: MADDPG (Lowe et al. 2017), MATD3 (Ackermann et al. 2019, after Fujimoto et al. 2018) and
//! DDPG (Lillicrap et al. 2016).
//!
//! Actors see what an agent sees; critics, which only training needs, see what all observe and do. With `parameter_sharing` one actor
//! and one critic serve all agents; without, each agent has its own. Either way a critic can learn by attention whom of the others to
//! look at (`critic`; Iqbal & Sha 2019). DDPG is the same algorithm for a team of one agent, which has the observations and actions of
//! all and is paid their mean reward.
//!
//! An update: a batch from the replay; what the target actors would do next, all of them as they were before the
//! update; each critic one step towards reward + discount * target value; each actor one step up its critic's slope; at
//! last all targets a little of the way, together. While an actor learns the others do what they would do now, as the
//! policy gradient has it (Lowe et al. 2017, eq. 5); the paper's algorithm takes from the replay what they once did,
//! which would be an answer to policies that no longer exist. A time limit does not end the discounted sum of what
//! follows, a terminated episode does.
//!
//! Where an agent can change nothing (`matters` of the ports), its action would be noise to the critic. The critic is
//! shown the middle of the range instead, and the actor learns nothing from that step.
//!
//! Observations are remembered as they were seen and normalised when they are learned from, through one normaliser per iteration.

mod build;
mod learner;
mod lesson;
mod member;
mod play;
mod report;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub(super) use self::learner::policy_in;
use self::{
    build::{Seats, members, new_lanes, new_replay, seats},
    lesson::Lesson,
    member::Member,
    play::{Play, PlayLane},
    report::{Report, mean_errors},
};
use super::{
    hyperparameters::{Algo, Hyperparameters},
    learner::{Counters, IterationReport, Lineup, episode_scalars},
    nets::optimiser::Step,
    replay::{Draw, Drawn, Replay},
    schedule::Schedule,
};
use crate::{
    error::{Error, Result},
    math::moments::RunningMoments,
    sim::{Address, Batch, Domain, Policy, Purpose, Seeds, params::Params},
};

const TARGET_NOISE: Purpose = Purpose::new("learn.target_noise");

/// A run of MADDPG, MATD3 or DDPG.
pub struct Trainer {
    params: Hyperparameters,
    seeds: Seeds,
    batch: Batch,
    seats: Seats,
    /// Who acts for the groups that do not learn.
    opponents: Vec<(usize, Box<dyn Policy>)>,
    members: Vec<Member>,
    moments: RunningMoments,
    replay: Replay,
    lanes: Vec<PlayLane>,
    counters: Counters,
    /// Updates done.
    updates: u64,
    drawn: Drawn,
    lesson: Lesson,
}

impl Trainer {
    /// A run at its beginning, in which the one group that is paid learns.
    ///
    /// # Errors
    /// As [`with_lineup`](Self::with_lineup).
    pub fn new(domain: &dyn Domain, max_steps: u32, seed: u64, params: &Hyperparameters) -> Result<Self> {
        Self::with_lineup(domain, max_steps, seed, params, Lineup::all(domain, max_steps)?)
    }

    /// A run at its beginning, in which the one group of `lineup` learns.
    ///
    /// # Errors
    /// Hyperparameters out of range or a combination that cannot be trained, such as actions that are choices or several groups.
    pub fn with_lineup(
        domain: &dyn Domain,
        max_steps: u32,
        seed: u64,
        params: &Hyperparameters,
        lineup: Lineup,
    ) -> Result<Self> {
        params.check()?;
        let seeds = Seeds::new(seed);
        let [seat] = lineup.learners[..] else {
            let (name, groups) = (params.run.algo.name(), lineup.learners.len());
            return Err(Error::input(format!("`{name}` trains one group at a time, and here {groups} would learn"))
                .hint("name one with `--learn`, or train with `--algo mappo`"));
        };
        if seat.has_pool {
            return Err(Error::input(format!("`{}` does not play against its past", params.run.algo.name()))
                .hint("train with `--algo mappo`, or name a policy as the opponent"));
        }
        let seats = seats(&domain.spec(max_steps), seat.group, params)?;
        let replay = new_replay(&seats, params)?;
        let batch = Batch::new(domain, max_steps, seeds, 0..params.run.num_envs as u64, params.run.envs_per_world);
        Ok(Self {
            members: members(&seats, params, seed)?,
            moments: RunningMoments::new(seats.observed),
            lanes: new_lanes(&batch, &seats, params),
            replay,
            counters: Counters::default(),
            updates: 0,
            drawn: Drawn::default(),
            lesson: Lesson::default(),
            params: params.clone(),
            seeds,
            batch,
            seats,
            opponents: lineup.opponents,
        })
    }

    /// Some ticks of every env and the updates between them. `progress` is the share of the run that is done, for schedules.
    ///
    /// # Errors
    /// Observations, rewards or a network have left the finite numbers.
    pub fn iterate(&mut self, progress: f64) -> Result<IterationReport> {
        let normaliser = self.seats.normaliser(&self.moments, &self.params);
        let (envs, agents) = (self.batch.envs() as u64, self.batch.spec().groups[self.seats.group].agents as u64);
        // Their memory ends with the iteration, so that a resumed run meets the same opponents.
        let opponents = || self.opponents.iter().map(|(group, policy)| (*group, policy.fork())).collect();
        self.lanes.iter_mut().for_each(|lane| lane.opponents = opponents());
        let mut sums = Report::default();
        let scale = self.exploration_noise(progress);
        for tick in 1..=self.params.run.num_steps {
            let play = Play {
                seats: &self.seats,
                members: &self.members,
                normaliser: &normaliser,
                seeds: self.seeds,
                noise: (self.counters.env_steps >= self.params.ddpg.learning_starts as u64).then_some(scale as f32),
                reward_scale: self.params.ddpg.reward_scale as f32,
            };
            let lanes = self.batch.lanes_mut().par_iter_mut().zip(&mut self.lanes);
            lanes.map(|(lane, state)| play.tick(lane, state)).collect::<Result<Vec<()>>>()?;
            self.replay.store(self.lanes.iter().map(PlayLane::taken));
            self.counters.env_steps += envs;
            self.counters.agent_steps += envs * agents;
            let has_begun = self.counters.env_steps >= self.params.ddpg.learning_starts as u64;
            if has_begun && tick.is_multiple_of(self.params.ddpg.train_frequency.min(self.params.run.num_steps)) {
                for _ in 0..self.params.ddpg.gradient_steps {
                    sums.add(&self.update(progress, &normaliser)?);
                }
            }
        }
        let mut records = Vec::new();
        for lane in &mut self.lanes {
            records.append(&mut lane.records);
            self.moments.merge(&lane.moments)?;
            lane.moments = RunningMoments::new(self.seats.observed);
        }
        self.counters.iterations += 1;
        self.counters.episodes += records.len() as u64;
        let mut scalars = episode_scalars(&records, self.batch.spec());
        scalars.extend(sums.scalars());
        scalars.push(("charts/exploration_noise".into(), scale));
        scalars.push(("charts/learning_rate".into(), f64::from(self.steps(progress)[0].learning_rate)));
        scalars.push(("charts/replay".into(), self.replay.len() as f64 / self.replay.shape().steps() as f64));
        Ok(IterationReport { counters: self.counters, scalars })
    }

    /// One update of every network on what is remembered, without playing on.
    ///
    /// # Errors
    /// A network has left the finite numbers, or nothing is remembered yet.
    pub fn learn(&mut self, progress: f64) -> Result<()> {
        if self.replay.is_empty() {
            return Err(Error::input("there is nothing to learn from yet").hint("play an iteration first"));
        }
        let normaliser = self.seats.normaliser(&self.moments, &self.params);
        self.update(progress, &normaliser).map(|_| ())
    }

    fn update(&mut self, progress: f64, normaliser: &play::Normaliser) -> Result<Report> {
        let p = &self.params;
        let beta = Schedule { start: p.ddpg.priority_beta, end: 1.0 }.at(progress);
        let draw = Draw { batch: p.ddpg.batch_size, n_step: p.ddpg.n_step, gamma: p.run.gamma as f32, beta };
        self.replay.draw(draw, self.seeds, self.updates, &mut self.drawn);
        self.lesson.prepare(&self.seats, &self.drawn, normaliser);

        // Every target actor is asked before any network has changed.
        let lesson = &self.lesson;
        let next: Vec<Vec<f32>> = self.members.par_iter_mut().map(|member| member.target_actions(lesson)).collect();
        let is_matd3 = p.run.algo == Algo::Matd3;
        let noise = is_matd3.then(|| self.target_noise());
        self.lesson.do_next(&self.seats, &next, noise.as_deref());

        self.updates += 1;
        let [actor_step, critic_step] = self.steps(progress);
        let is_actors_turn = !is_matd3 || self.updates.is_multiple_of(self.params.ddpg.policy_frequency as u64);
        let lesson = &self.lesson;
        let learn = |member: &mut Member| member.learn_values(lesson, critic_step);
        let mut reports: Vec<Report> = self.members.par_iter_mut().map(learn).collect();
        if is_actors_turn {
            let now: Vec<Vec<f32>> = self.members.par_iter_mut().map(|member| member.actions(lesson)).collect();
            self.lesson.do_now(&self.seats, &now);
            let (lesson, tau) = (&self.lesson, self.params.ddpg.tau as f32);
            let members = self.members.par_iter_mut().zip(&mut reports);
            members.for_each(|(member, report)| member.learn_actions(lesson, actor_step, report));
            self.members.par_iter_mut().for_each(|member| member.move_targets(tau));
        }
        let mut report = Report::default();
        reports.iter().for_each(|member| report.add(member));
        if !report.is_finite() {
            return Err(Error::system("a critic or an actor has left the finite numbers")
                .hint("lower the learning rates or `reward_scale`; what was saved before is good"));
        }
        self.replay.learned(&self.drawn.steps, &mean_errors(&reports));
        Ok(report)
    }

    /// Deviation of the noise that actions are tried out with.
    fn exploration_noise(&self, progress: f64) -> f64 {
        let start = self.params.ddpg.exploration_noise;
        Schedule { start, end: start * self.params.ddpg.final_noise_fraction }.at(progress)
    }

    /// Clipped noise for the target actions of a batch (Fujimoto et al. 2018, section 5.3).
    fn target_noise(&self) -> Vec<f32> {
        let mut stream = self.seeds.stream(TARGET_NOISE, Address { env: 0, episode: self.updates, tick: 0 });
        let (deviation, most) = (self.params.ddpg.policy_noise as f32, self.params.ddpg.noise_clip as f32);
        let count = self.lesson.entries * self.seats.agents * self.seats.action;
        (0..count).map(|_| (deviation * stream.normal()).clamp(-most, most)).collect()
    }

    /// Step sizes of actors and critics at this point of the run.
    fn steps(&self, progress: f64) -> [Step; 2] {
        let p = &self.params;
        [p.run.learning_rate, p.run.critic_learning_rate].map(|start| Step {
            learning_rate: Schedule { start, end: start * p.run.final_lr_fraction }.at(progress) as f32,
            adam_eps: p.run.adam_eps as f32,
            max_grad_norm: p.run.max_grad_norm as f32,
        })
    }
}
