//! Replay: the latest steps of a team, in flat memory of a fixed size, drawn from at random.
//!
//! A step is one tick of one env with all its agents. The memory is a ring of ticks, each with one step per env, so the step after another
//! is found without a pointer and returns over several steps ([`n_step`](super::n_step)) are worked out when a batch is drawn.
//! What an episode's last observation was is stored with the step, because the env has moved on by then.
//!
//! Priorities are those of Schaul et al. 2016 (proportional, with one draw from each of as many equal parts of the sum as a batch has
//! entries). Draws have an address: the number of the update.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{
    n_step::{discounted, n_step},
    sum_tree::SumTree,
};
use crate::{
    error::{Error, Result},
    sim::{Address, Purpose, Seeds},
};

const SAMPLE: Purpose = Purpose::new("learn.replay");

/// Added to every error before it becomes a priority, so that no step is out of reach for ever.
const LEAST_ERROR: f64 = 1e-3;

/// Sizes of a replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayShape {
    /// Ticks it holds.
    pub ticks: usize,
    /// Steps per tick.
    pub envs: usize,
    /// Numbers that a team observes in one step.
    pub observation: usize,
    /// Numbers of a team's action.
    pub action: usize,
    /// Agents of the team.
    pub agents: usize,
    /// Rewards per step.
    pub rewards: usize,
}

/// The memory.
#[derive(Clone, Debug)]
pub struct Replay {
    steps: Steps,
    /// None if all steps are equally likely.
    priorities: Option<Priorities>,
}

/// Everything a resumed run needs of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Steps {
    shape: ReplayShape,
    /// Where the next tick goes.
    next: usize,
    /// All `[steps, …]`, as many steps as there are, oldest or not.
    observations: Vec<f32>,
    actions: Vec<f32>,
    matters: Vec<bool>,
    rewards: Vec<f32>,
    next_observations: Vec<f32>,
    next_matters: Vec<bool>,
    terminated: Vec<bool>,
    truncated: Vec<bool>,
}

#[derive(Clone, Debug)]
struct Priorities {
    tree: SumTree,
    alpha: f64,
    /// Priority of a step that nobody has learned from yet: the highest so far.
    highest: f64,
}

/// The steps of some envs in one tick, in the order of the envs.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// `[envs, observation]`, before the action.
    pub observations: &'a [f32],
    /// `[envs, action]`.
    pub actions: &'a [f32],
    /// `[envs, agents]`: whether an agent's action could change anything.
    pub matters: &'a [bool],
    /// `[envs, rewards]`.
    pub rewards: &'a [f32],
    /// `[envs, observation]`, after it; of an episode that has ended, its last.
    pub next_observations: &'a [f32],
    /// `[envs, agents]`: whether the next action could.
    pub next_matters: &'a [bool],
    /// `[envs]`.
    pub terminated: &'a [bool],
    /// `[envs]`.
    pub truncated: &'a [bool],
}

/// How a batch is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Steps in it.
    pub batch: usize,
    /// Steps of a return, at most.
    pub n_step: usize,
    /// Discount per step.
    pub gamma: f32,
    /// How much of the bias of priorities is taken back by weights, 0 to 1.
    pub beta: f64,
}

/// Steps to learn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Which steps of the memory these are.
    pub steps: Vec<usize>,
    /// `[batch, observation]`.
    pub observations: Vec<f32>,
    /// `[batch, action]`.
    pub actions: Vec<f32>,
    /// `[batch, agents]`: whether an agent's action could change anything.
    pub matters: Vec<bool>,
    /// `[batch, rewards]`: sum over the steps of the return, discounted.
    pub rewards: Vec<f32>,
    /// `[batch, observation]`: what was seen after the last step of the return.
    pub next_observations: Vec<f32>,
    /// `[batch, agents]`: whether what is done there could.
    pub next_matters: Vec<bool>,
    /// `[batch]`: what the value there counts.
    pub discounts: Vec<f32>,
    /// `[batch]`: the weight of each step, at most 1.
    pub weights: Vec<f32>,
}

impl Replay {
    /// An empty memory; with an exponent `alpha`, steps are drawn by priority.
    ///
    /// # Errors
    /// A memory larger than this machine can address.
    pub fn new(shape: ReplayShape, alpha: Option<f64>) -> Result<Self> {
        if shape.bytes().is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(Error::input(format!("no memory holds {} ticks of {} envs", shape.ticks, shape.envs))
                .hint("choose a smaller `buffer_size`"));
        }
        let steps = Steps {
            next: 0,
            observations: Vec::new(),
            actions: Vec::new(),
            matters: Vec::new(),
            rewards: Vec::new(),
            next_observations: Vec::new(),
            next_matters: Vec::new(),
            terminated: Vec::new(),
            truncated: Vec::new(),
            shape,
        };
        let priorities = alpha.map(|alpha| Priorities { tree: SumTree::new(steps.shape.steps()), alpha, highest: 1.0 });
        Ok(Self { steps, priorities })
    }

    /// Its sizes.
    pub fn shape(&self) -> &ReplayShape {
        &self.steps.shape
    }

    /// Steps it holds now.
    pub fn len(&self) -> usize {
        self.steps.terminated.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores the next tick, over the oldest one if the memory is full. `parts` are the steps of the envs in order, in
    /// pieces of any size.
    ///
    /// # Panics
    /// When the parts are not one step of each env.
    pub fn store<'a>(&mut self, parts: impl Iterator<Item = Taken<'a>>) {
        let (tick, envs) = (self.steps.next, self.steps.shape.envs);
        let mut step = tick * envs;
        for part in parts {
            self.steps.put(step, part);
            step += part.terminated.len();
        }
        assert_eq!(step, (tick + 1) * envs, "one step of each env");
        if let Some(Priorities { tree, highest, .. }) = &mut self.priorities {
            (tick * envs..step).for_each(|step| tree.set(step, *highest));
        }
        self.steps.next = (tick + 1) % self.steps.shape.ticks;
    }

    /// Draws a batch into `drawn`, for the update with this number. There must be steps to draw from.
    pub fn draw(&self, draw: Draw, seeds: Seeds, update: u64, drawn: &mut Drawn) {
        let mut stream = seeds.stream(SAMPLE, Address { env: 0, episode: update, tick: 0 });
        drawn.clear();
        for entry in 0..draw.batch {
            let step = match &self.priorities {
                None => stream.below(self.len()),
                Some(Priorities { tree, .. }) => {
                    let part = tree.total() / draw.batch as f64;
                    tree.find(part * (entry as f64 + f64::from(stream.unit())))
                }
            };
            self.steps.take(step, draw, drawn);
        }
        self.weigh(draw.beta, drawn);
    }

    /// Gives the drawn steps priorities by the critic's errors about them, `[batch]`.
    pub fn learned(&mut self, steps: &[usize], errors: &[f32]) {
        let Some(Priorities { tree, alpha, highest }) = &mut self.priorities else { return };
        for (step, error) in steps.iter().zip(errors).filter(|(_, error)| error.is_finite()) {
            let priority = libm::pow(f64::from(error.abs()) + LEAST_ERROR, *alpha);
            *highest = highest.max(priority);
            tree.set(*step, priority);
        }
    }

    /// Importance weights (n p)^-beta, scaled so that the largest of the batch is 1.
    fn weigh(&self, beta: f64, drawn: &mut Drawn) {
        let Some(Priorities { tree, .. }) = &self.priorities else {
            drawn.weights.resize(drawn.steps.len(), 1.0);
            return;
        };
        let rare = drawn.steps.iter().map(|step| tree.get(*step)).fold(f64::INFINITY, f64::min);
        let weight = |step: &usize| libm::pow(rare / tree.get(*step).max(f64::MIN_POSITIVE), beta) as f32;
        drawn.weights.extend(drawn.steps.iter().map(weight));
    }

    /// Everything a resumed run needs.
    ///
    /// # Errors
    /// What the format cannot hold.
    pub fn save(&self) -> Result<Vec<u8>> {
        let of_steps = self.priorities.as_ref().map(|priorities| {
            let each: Vec<f64> = (0..self.len()).map(|step| priorities.tree.get(step)).collect();
            (each, priorities.highest)
        });
        postcard::to_stdvec(&(&self.steps, of_steps))
            .map_err(|error| Error::system(format!("the replay could not be written: {error}")))
    }

    /// Puts back what [`save`](Self::save) returned.
    ///
    /// # Errors
    /// Bytes that are damaged or those of another memory; nothing is changed then.
    pub fn load(&mut self, bytes: &[u8]) -> Result<()> {
        type Saved = (Steps, Option<(Vec<f64>, f64)>);
        let damaged = |why: &dyn std::fmt::Display| Error::input(format!("the replay is damaged: {why}"));
        let (steps, priorities): Saved = postcard::from_bytes(bytes).map_err(|error| damaged(&error))?;
        if steps.shape != self.steps.shape || priorities.is_some() != self.priorities.is_some() {
            return Err(Error::input(format!(
                "the checkpoint's replay is {:?}, this run's {:?}",
                steps.shape,
                self.shape()
            )));
        }
        if !steps.is_sound() {
            return Err(damaged(&"its parts do not belong together"));
        }
        if let (Some(ours), Some((each, highest))) = (&mut self.priorities, priorities) {
            let is_sound = |priority: &f64| *priority >= 0.0 && priority.is_finite();
            if each.len() != steps.terminated.len() || !each.iter().chain([&highest]).all(is_sound) {
                return Err(damaged(&"a priority is not a number of at least 0"));
            }
            ours.tree = SumTree::new(steps.shape.steps());
            each.iter().enumerate().for_each(|(step, priority)| ours.tree.set(step, *priority));
            ours.highest = highest;
        }
        self.steps = steps;
        Ok(())
    }
}

impl ReplayShape {
    /// Steps in a full memory.
    pub fn steps(&self) -> usize {
        self.ticks * self.envs
    }

    /// Bytes of a full memory; none if they are more than a `usize` can say.
    pub fn bytes(&self) -> Option<usize> {
        let numbers = self.observation.checked_mul(2)?.checked_add(self.action)?.checked_add(self.rewards)?;
        let flags = self.agents.checked_mul(2)?.checked_add(2)?;
        let step = numbers.checked_mul(size_of::<f32>())?.checked_add(flags)?;
        self.ticks.checked_mul(self.envs)?.checked_mul(step)
    }
}

impl Steps {
    fn put(&mut self, first: usize, part: Taken<'_>) {
        let ReplayShape { observation, action, agents, rewards, .. } = self.shape;
        put(&mut self.observations, first * observation, part.observations);
        put(&mut self.actions, first * action, part.actions);
        put(&mut self.matters, first * agents, part.matters);
        put(&mut self.next_matters, first * agents, part.next_matters);
        put(&mut self.rewards, first * rewards, part.rewards);
        put(&mut self.next_observations, first * observation, part.next_observations);
        put(&mut self.terminated, first, part.terminated);
        put(&mut self.truncated, first, part.truncated);
    }

    /// Adds one step and its return to `drawn`.
    fn take(&self, step: usize, draw: Draw, drawn: &mut Drawn) {
        let ReplayShape { ticks, envs, observation, action, agents, rewards } = self.shape;
        let (tick, env) = (step / envs, step % envs);
        let after = |steps: usize| (tick + steps) % ticks * envs + env;
        let until_newest = (self.next + ticks - 1 - tick) % ticks + 1;
        let reach = n_step(draw.n_step, until_newest, draw.gamma, |steps| {
            (self.terminated[after(steps)], self.truncated[after(steps)])
        });
        let last = after(reach.steps - 1);
        drawn.steps.push(step);
        drawn.observations.extend_from_slice(row(&self.observations, step, observation));
        drawn.actions.extend_from_slice(row(&self.actions, step, action));
        drawn.matters.extend_from_slice(row(&self.matters, step, agents));
        drawn.next_matters.extend_from_slice(row(&self.next_matters, last, agents));
        drawn.next_observations.extend_from_slice(row(&self.next_observations, last, observation));
        drawn.discounts.push(reach.discount);
        drawn.rewards.extend((0..rewards).map(|column| {
            discounted((0..reach.steps).map(|steps| self.rewards[after(steps) * rewards + column]), draw.gamma)
        }));
    }

    fn is_sound(&self) -> bool {
        let ReplayShape { ticks, envs, observation, action, agents, rewards } = self.shape;
        let len = self.terminated.len();
        let whole = envs > 0 && len.is_multiple_of(envs) && len <= ticks * envs;
        // A memory that is not full yet has been filled from its beginning.
        let place = whole && self.next < ticks && (len == ticks * envs || self.next * envs == len);
        let lengths = [self.observations.len(), self.next_observations.len(), self.actions.len(), self.rewards.len()];
        place
            && lengths == [len * observation, len * observation, len * action, len * rewards]
            && [&self.matters, &self.next_matters].map(Vec::len) == [len * agents; 2]
            && self.truncated.len() == len
            && [&self.observations, &self.next_observations, &self.actions, &self.rewards]
                .iter()
                .all(|numbers| numbers.iter().all(|number| number.is_finite()))
    }
}

impl Drawn {
    fn clear(&mut self) {
        self.steps.clear();
        for numbers in [
            &mut self.observations,
            &mut self.actions,
            &mut self.rewards,
            &mut self.next_observations,
            &mut self.discounts,
            &mut self.weights,
        ] {
            numbers.clear();
        }
        self.matters.clear();
        self.next_matters.clear();
    }
}

fn row<T>(rows: &[T], row: usize, width: usize) -> &[T] {
    &rows[row * width..(row + 1) * width]
}

/// Writes `from` at `at`: behind the end, or over the numbers that are there.
fn put<T: Copy>(to: &mut Vec<T>, at: usize, from: &[T]) {
    if at == to.len() {
        to.extend_from_slice(from);
    } else {
        to[at..at + from.len()].copy_from_slice(from);
    }
}
