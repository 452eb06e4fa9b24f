//! One actor with its critic, or twin critics: all that learns for one agent, or for all agents that share it.
//!
//! A batch is cut into tiles, the tiles into groups with a gradient of their own; groups are what threads take. Neither cut depends
//! on the number of threads, and groups are summed in order, so results have the same bits for any of them.

use std::ops::Range;

use rayon::prelude::*;

use super::{lesson::Lesson, report::Report};
use crate::{
    error::Result,
    learn::nets::{
        mlp::{Mlp, MlpShape, Pass, input_stride},
        optimiser::{Optimiser, Step},
        q_net::{Company, QNet, QPass, QShape},
    },
    math::gemm::{Aligned, Isa, View, add, stride},
    policy::tensor::NamedTensor,
    priority::give_way,
};

/// Rows of a tile, as long as one entry does not have more.
const TILE_ROWS: usize = 128;

/// Most pieces of an update that can be worked on side by side.
const GROUPS: usize = 8;

/// Weight of the mean square of the inputs to an actor's last tanh. It keeps them small: far from zero a tanh has no
/// slope to learn from (Lowe et al. 2017 use the same weight).
const HEAD_PENALTY: f32 = 1e-3;

/// Whose rows a member works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    /// The agent, or all of them.
    pub agent: Option<usize>,
    pub agents: usize,
    pub observation: usize,
    pub action: usize,
}

/// Networks, targets and optimisers.
pub(super) struct Member {
    seat: Seat,
    pub actor: Mlp,
    target_actor: Mlp,
    pub critics: Vec<QNet>,
    target_critics: Vec<QNet>,
    actor_optimiser: Optimiser,
    critic_optimisers: Vec<Optimiser>,
    work: Vec<Work>,
}

/// What one group of tiles needs and finds.
#[derive(Default)]
struct Work {
    actor: Pass,
    critic: QPass,
    /// One per critic; the actor's in the first place.
    gradients: Vec<Aligned>,
    targets: Vec<f32>,
    by_action: Vec<f32>,
    errors: Vec<f32>,
    sums: [f64; 2],
}

impl Seat {
    fn row(&self) -> usize {
        self.observation + self.action
    }

    fn rows_per_entry(&self) -> usize {
        if self.agent.is_some() { 1 } else { self.agents }
    }

    /// Where in a row the action stands.
    fn action_columns(&self) -> Range<usize> {
        self.observation..self.row()
    }

    /// This member's rows among `rows`, `[entries, agents, row]`, for the actor and about it.
    fn own<'a>(&self, rows: &'a [f32]) -> View<'a> {
        let step = if self.agent.is_some() { self.agents } else { 1 };
        View { data: &rows[self.agent.unwrap_or(0) * self.row()..], stride: step * self.row() }
    }

    /// The part of `[entries, agents, row]` that belongs to some entries.
    fn part<'a>(&self, rows: &'a [f32], entries: &Range<usize>) -> &'a [f32] {
        let width = self.agents * self.row();
        &rows[entries.start * width..entries.end * width]
    }

    /// For each of this member's rows of some entries, which numbers of its action could change anything.
    fn matters<'a>(&self, lesson: &'a Lesson, entries: &Range<usize>) -> impl Iterator<Item = &'a [bool]> + use<'a> {
        let (first, step) = self.agent.map_or((0, 1), |agent| (agent, self.agents));
        let width = self.agents * self.action;
        let rows = lesson.matters[entries.start * width..entries.end * width].chunks_exact(self.action);
        rows.skip(first).step_by(step)
    }

    fn company<'a>(&self, rows: &'a [f32], entries: usize) -> Company<'a> {
        Company { rows, entries, agents: self.agents, valued: self.agent }
    }
}

impl Member {
    /// Networks with weights drawn from a seed and an index; `members` is how many there are.
    pub(super) fn new(
        seat: Seat,
        (actor, head_gain): (&MlpShape, f32),
        (critic, critics): (QShape, u64),
        members: usize,
        (seed, index): (u64, u64),
    ) -> Result<Self> {
        let actor = Mlp::new(actor.clone(), head_gain, seed, 8 * index)?;
        let critics =
            (0..critics).map(|twin| QNet::new(critic, seed, 4 * index + 1 + twin)).collect::<Result<Vec<_>>>()?;
        let groups = (GROUPS / members).max(1);
        Ok(Self {
            seat,
            actor_optimiser: Optimiser::new(actor.len()),
            critic_optimisers: critics.iter().map(|critic| Optimiser::new(critic.len())).collect(),
            target_actor: actor.clone(),
            target_critics: critics.clone(),
            actor,
            critics,
            work: (0..groups).map(|_| Work::default()).collect(),
        })
    }

    /// Writes this member's actions, in -1..=1, for normalised observations `[envs, agents, observation]` into
    /// `[envs, agents, action]`.
    pub(super) fn act(&self, observations: &[f32], pass: &mut Pass, actions: &mut [f32]) {
        let Seat { agent, agents, observation, action } = self.seat;
        let (first, step) = agent.map_or((0, 1), |agent| (agent, agents));
        let rows = observations.len() / observation / step;
        let x = View { data: &observations[first * observation..], stride: step * observation };
        self.actor.forward(x, rows, pass);
        squash(pass, action, actions.chunks_exact_mut(action).skip(first).step_by(step));
    }

    /// What the target actor would do after each step, `[entries, own agents, action]`.
    pub(super) fn target_actions(&mut self, lesson: &Lesson) -> Vec<f32> {
        let Self { seat, target_actor, work, .. } = self;
        actions_of(target_actor, seat, &lesson.next, lesson.entries, work)
    }

    /// What the actor would do in each step now, `[entries, own agents, action]`.
    pub(super) fn actions(&mut self, lesson: &Lesson) -> Vec<f32> {
        let Self { seat, actor, work, .. } = self;
        actions_of(actor, seat, &lesson.now, lesson.entries, work)
    }

    /// One step of every critic towards what the targets expect.
    pub(super) fn learn_values(&mut self, lesson: &Lesson, step: Step) -> Report {
        let Self { seat, critics, target_critics, work, .. } = self;
        let (seat, per_entry) = (*seat, seat.rows_per_entry());
        let (tile, group) = cut(lesson.entries, per_entry, work.len());
        let (critics_now, targets) = (&*critics, &*target_critics);
        work.par_iter_mut().enumerate().for_each(|(index, work)| {
            work.begin(critics_now.iter().map(QNet::len));
            for entries in pieces(index * group..lesson.entries.min((index + 1) * group), tile) {
                give_way();
                work.expect(&seat, targets, lesson, &entries);
                work.value(&seat, critics_now, lesson, &entries);
            }
        });
        let count = critics.len() as f64;
        let mut report = Report { critics: 1.0, ..Report::default() };
        let rows = (lesson.entries * per_entry) as f64;
        for work in work.iter() {
            report.errors.extend(work.errors.iter().map(|error| error / (critics.len() * per_entry) as f32));
            report.value_loss += work.sums[0] / rows / count;
            report.values += work.sums[1] / rows / count;
        }
        for (twin, (critic, optimiser)) in critics.iter_mut().zip(&mut self.critic_optimisers).enumerate() {
            let gradient = sum_groups(work, twin);
            report.critic_norm += f64::from(critic.follow(optimiser, gradient, step)) / count;
        }
        report
    }

    /// One step of the actor up the slope of the (first) critic.
    pub(super) fn learn_actions(&mut self, lesson: &Lesson, step: Step, report: &mut Report) {
        let Self { seat, actor, critics, work, .. } = self;
        let (seat, per_entry) = (*seat, seat.rows_per_entry());
        let (tile, group) = cut(lesson.entries, per_entry, work.len());
        let (actor_now, critic) = (&*actor, &critics[0]);
        let mattering = seat.matters(lesson, &(0..lesson.entries)).filter(|matters| matters.contains(&true)).count();
        let share = 1.0 / mattering.max(1) as f32;
        work.par_iter_mut().enumerate().for_each(|(index, work)| {
            work.begin([actor_now.len()].into_iter());
            for entries in pieces(index * group..lesson.entries.min((index + 1) * group), tile) {
                give_way();
                work.improve(&seat, (actor_now, critic), lesson, &entries, share);
            }
        });
        let rows = (lesson.entries * per_entry) as f64;
        report.actor_loss -= work.iter().map(|work| work.sums[1]).sum::<f64>() / rows;
        report.actors += 1.0;
        let norm = self.actor_optimiser.follow([actor], sum_groups(work, 0), step);
        report.actor_norm += f64::from(norm);
    }

    /// Moves all targets the share `tau` of the way.
    pub(super) fn move_targets(&mut self, tau: f32) {
        self.target_actor.blend(&self.actor, tau);
        self.target_critics.iter_mut().zip(&self.critics).for_each(|(target, critic)| target.blend(critic, tau));
    }

    /// Works for a team of another size from now on; the networks must be able to.
    pub(super) fn sit(&mut self, seat: Seat) {
        self.seat = seat;
    }

    /// Actor and target become `tensors`, which are named as in [`tensors`](Self::tensors).
    pub(super) fn take_actor(&mut self, tensors: &[NamedTensor], prefix: &str) -> Result<()> {
        self.actor.load(tensors, &format!("{prefix}actor."))?;
        self.target_actor.load(tensors, &format!("{prefix}actor."))
    }

    /// Everything a resumed run needs.
    pub(super) fn tensors(&self, prefix: &str) -> Vec<NamedTensor> {
        let mut tensors = self.actor.tensors(&format!("{prefix}actor."));
        tensors.extend(self.target_actor.tensors(&format!("{prefix}target.actor.")));
        tensors.extend(self.actor_optimiser.tensors(&[("", &self.actor)], &format!("{prefix}adam.actor.")));
        for (twin, (critic, target)) in self.critics.iter().zip(&self.target_critics).enumerate() {
            tensors.extend(critic.tensors(&format!("{prefix}critic{twin}.")));
            tensors.extend(target.tensors(&format!("{prefix}target.critic{twin}.")));
            let optimiser = &self.critic_optimisers[twin];
            tensors.extend(optimiser.tensors(&critic.named(), &format!("{prefix}adam.critic{twin}.")));
        }
        tensors
    }

    /// Puts back what [`tensors`](Self::tensors) gave.
    pub(super) fn load(&mut self, tensors: &[NamedTensor], prefix: &str) -> Result<()> {
        self.actor.load(tensors, &format!("{prefix}actor."))?;
        self.target_actor.load(tensors, &format!("{prefix}target.actor."))?;
        self.actor_optimiser.load(&[("", &self.actor)], tensors, &format!("{prefix}adam.actor."))?;
        for (twin, (critic, target)) in self.critics.iter_mut().zip(&mut self.target_critics).enumerate() {
            critic.load(tensors, &format!("{prefix}critic{twin}."))?;
            target.load(tensors, &format!("{prefix}target.critic{twin}."))?;
            let optimiser = &mut self.critic_optimisers[twin];
            optimiser.load(&critic.named(), tensors, &format!("{prefix}adam.critic{twin}."))?;
        }
        Ok(())
    }
}

impl Work {
    /// Forgets the last update; the gradients to come have these lengths.
    fn begin(&mut self, lengths: impl Iterator<Item = usize>) {
        for (index, len) in lengths.enumerate() {
            match self.gradients.get_mut(index) {
                Some(gradient) if gradient.len() >= len => gradient.fill(0.0),
                Some(gradient) => *gradient = Aligned::zeros(len),
                None => self.gradients.push(Aligned::zeros(len)),
            }
        }
        self.errors.clear();
        self.sums = [0.0; 2];
    }

    /// What each row of the entries should be worth: reward, and the least of what the targets say of the rest.
    fn expect(&mut self, seat: &Seat, targets: &[QNet], lesson: &Lesson, entries: &Range<usize>) {
        let (rows, per_entry) = (entries.len() * seat.rows_per_entry(), seat.rows_per_entry());
        self.targets.clear();
        self.targets.resize(rows, f32::INFINITY);
        let next = seat.part(&lesson.next, entries);
        for target in targets {
            target.forward(seat.company(next, entries.len()), &mut self.critic);
            // `f32::min` would hide a value that is not a number behind the other one.
            let least = |ours: f32, q: f32| if q < ours || q.is_nan() { q } else { ours };
            self.targets.iter_mut().zip(self.critic.values()).for_each(|(target, q)| *target = least(*target, q));
        }
        for (row, target) in self.targets.iter_mut().enumerate() {
            let (entry, agent) = (entries.start + row / per_entry, seat.agent.unwrap_or(row % per_entry));
            *target = lesson.rewards[entry * seat.agents + agent] + lesson.discounts[entry] * *target;
        }
    }

    /// Adds the gradient of each critic's mean square error.
    fn value(&mut self, seat: &Seat, critics: &[QNet], lesson: &Lesson, entries: &Range<usize>) {
        let per_entry = seat.rows_per_entry();
        let rows = entries.len() * per_entry;
        let share = 2.0 / (lesson.entries * per_entry) as f32;
        let now = seat.part(&lesson.now, entries);
        let company = seat.company(now, entries.len());
        let first_error = self.errors.len();
        self.errors.resize(first_error + entries.len(), 0.0);
        for (critic, gradient) in critics.iter().zip(&mut self.gradients) {
            critic.forward(company, &mut self.critic);
            let values: Vec<f32> = self.critic.values().take(rows).collect();
            for (row, by_value) in self.critic.value_gradient(rows).enumerate() {
                let entry = row / per_entry;
                let error = values[row] - self.targets[row];
                let weight = lesson.weights[entries.start + entry];
                *by_value = share * weight * error;
                self.errors[first_error + entry] += error.abs();
                self.sums[0] += f64::from(weight * error * error);
                self.sums[1] += f64::from(values[row]);
            }
            critic.backward(company, &mut self.critic, &mut gradient[..critic.len()]);
        }
    }

    /// Adds the gradient of minus the value of what the actor would do while the others do what they would; each action that could change
    /// anything has this `share` of the sum.
    fn improve(
        &mut self,
        seat: &Seat,
        (actor, critic): (&Mlp, &QNet),
        lesson: &Lesson,
        entries: &Range<usize>,
        share: f32,
    ) {
        let (rows, columns) = (entries.len() * seat.rows_per_entry(), seat.action_columns());
        let doing = seat.part(&lesson.doing, entries);
        let company = seat.company(doing, entries.len());
        critic.forward(company, &mut self.critic);
        self.sums[1] += self.critic.values().take(rows).map(f64::from).sum::<f64>();
        self.critic.value_gradient(rows).for_each(|by_value| *by_value = -1.0);
        let width = input_stride(seat.action);
        self.by_action.resize(rows * width, 0.0);
        critic.backward_own(company, columns.clone(), &mut self.critic, &mut self.by_action);

        let own = seat.own(doing);
        actor.forward(own, rows, &mut self.actor);
        let (heads, by_heads) = self.actor.output_gradient(seat.action, rows);
        let padded = stride(seat.action);
        let acted = own.data.chunks(own.stride).zip(seat.matters(lesson, entries));
        for (row, (seen_and_done, matters)) in acted.enumerate() {
            for (i, action) in seen_and_done[columns.clone()].iter().enumerate() {
                let share = if matters[i] { share } else { 0.0 };
                let (u, by_action) = (heads[row * padded + i], share * self.by_action[row * width + i]);
                let pull = 2.0 * HEAD_PENALTY * share / seat.action as f32 * u;
                by_heads[row * padded + i] = by_action * (1.0 - action * action) + pull;
            }
        }
        actor.backward(own, rows, &mut self.actor, Some(&mut self.gradients[0][..actor.len()]));
    }
}

/// An actor's actions for the rows `[entries, agents, row]`.
fn actions_of(actor: &Mlp, seat: &Seat, rows: &[f32], entries: usize, work: &mut [Work]) -> Vec<f32> {
    let per_entry = seat.rows_per_entry();
    let mut actions = vec![0.0; entries * per_entry * seat.action];
    let (tile, group) = cut(entries, per_entry, work.len());
    let jobs = actions.par_chunks_mut(group * per_entry * seat.action).zip(work).enumerate();
    jobs.for_each(|(index, (actions, work))| {
        let entries = index * group..entries.min((index + 1) * group);
        let tiles = actions.chunks_mut(tile * per_entry * seat.action);
        for (actions, entries) in tiles.zip(pieces(entries, tile)) {
            give_way();
            let x = seat.own(seat.part(rows, &entries));
            actor.forward(x, entries.len() * per_entry, &mut work.actor);
            squash(&work.actor, seat.action, actions.chunks_exact_mut(seat.action));
        }
    });
    actions
}

/// Heads become actions in -1..=1.
fn squash<'a>(pass: &Pass, width: usize, actions: impl Iterator<Item = &'a mut [f32]>) {
    for (action, head) in actions.zip(pass.output(width)) {
        action.iter_mut().zip(head).for_each(|(action, u)| *action = libm::tanhf(*u));
    }
}

/// Entries of a tile and of a group, for at most `groups` groups.
fn cut(entries: usize, rows_per_entry: usize, groups: usize) -> (usize, usize) {
    let tile = (TILE_ROWS / rows_per_entry).max(1);
    (tile, tile * entries.div_ceil(tile).div_ceil(groups))
}

/// `range` in pieces of `size`; none if it has passed its end.
fn pieces(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |start| start..end.min(start + size))
}

/// The sum of the groups' gradients of one network, in the first group's place.
fn sum_groups(work: &mut [Work], network: usize) -> &[f32] {
    let (first, rest) = work.split_at_mut(1);
    let sum = &mut first[0].gradients[network];
    rest.iter().for_each(|work| add(Isa::best(), sum, &work.gradients[network]));
    sum
}
