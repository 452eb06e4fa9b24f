//! A batch in the form that networks read: each agent's observation and action side by side.

use super::{build::Seats, play::Normaliser};
use crate::learn::replay::Drawn;

/// What all members learn from in one update. A row is an agent's observation, normalised, and its action.
#[derive(Clone, Debug, Default)]
pub(super) struct Lesson {
    pub entries: usize,
    /// `[entries, agents, row]`: what was seen and done.
    pub now: Vec<f32>,
    /// The same for what followed, the actions being those of the targets.
    pub next: Vec<f32>,
    /// What was seen, and what the actors would do there now.
    pub doing: Vec<f32>,
    /// `[entries, agents]`.
    pub rewards: Vec<f32>,
    /// `[entries]`.
    pub discounts: Vec<f32>,
    /// `[entries]`.
    pub weights: Vec<f32>,
    /// `[entries, agents, action]`: whether this number of an action could change anything. Where it could not, critics see the middle of
    /// its range whatever was done, and actors have nothing to learn.
    pub matters: Vec<bool>,
    pub next_matters: Vec<bool>,
    normalised: Vec<f32>,
}

impl Lesson {
    /// Takes over what was drawn; the actions that follow are still to come.
    pub(super) fn prepare(&mut self, seats: &Seats, drawn: &Drawn, normaliser: &Normaliser) {
        self.entries = drawn.steps.len();
        let rows = self.entries * seats.agents;
        self.now.resize(rows * seats.row(), 0.0);
        self.next.resize(rows * seats.row(), 0.0);
        for (to, from) in [(&mut self.now, &drawn.observations), (&mut self.next, &drawn.next_observations)] {
            self.normalised.clone_from(from);
            normaliser.apply(&mut self.normalised);
            let observations = self.normalised.chunks_exact(seats.observation);
            for (row, observation) in to.chunks_exact_mut(seats.row()).zip(observations) {
                row[..seats.observation].copy_from_slice(observation);
            }
        }
        let width = seats.action / seats.together();
        for (to, from) in [(&mut self.matters, &drawn.matters), (&mut self.next_matters, &drawn.next_matters)] {
            to.clear();
            to.extend(from.iter().flat_map(|matters| std::iter::repeat_n(*matters, width)));
        }
        write_actions(&mut self.now, seats, std::slice::from_ref(&drawn.actions));
        pass_over(&mut self.now, seats, &self.matters);
        self.rewards.clone_from(&drawn.rewards);
        self.discounts.clone_from(&drawn.discounts);
        self.weights.clone_from(&drawn.weights);
    }

    /// Writes the actions that follow: `next` has those of each member, `noise` is added to them in the order of entries and agents.
    pub(super) fn do_next(&mut self, seats: &Seats, next: &[Vec<f32>], noise: Option<&[f32]>) {
        write_actions(&mut self.next, seats, next);
        for (row, noise) in self.next.chunks_exact_mut(seats.row()).zip(noise.unwrap_or_default().chunks(seats.action))
        {
            for (action, noise) in row[seats.observation..].iter_mut().zip(noise) {
                *action = (*action + noise).clamp(-1.0, 1.0);
            }
        }
        pass_over(&mut self.next, seats, &self.next_matters);
    }

    /// Writes what the members would do now.
    pub(super) fn do_now(&mut self, seats: &Seats, now: &[Vec<f32>]) {
        self.doing.clone_from(&self.now);
        write_actions(&mut self.doing, seats, now);
        pass_over(&mut self.doing, seats, &self.matters);
    }
}

/// Puts the actions of each member into its rows.
fn write_actions(rows: &mut [f32], seats: &Seats, of_members: &[Vec<f32>]) {
    let members = of_members.len();
    for (at, row) in rows.chunks_exact_mut(seats.row()).enumerate() {
        let actions = &of_members[at % members][at / members * seats.action..][..seats.action];
        row[seats.observation..].copy_from_slice(actions);
    }
}

/// Takes out of the rows what could not change anything.
fn pass_over(rows: &mut [f32], seats: &Seats, matters: &[bool]) {
    for (row, matters) in rows.chunks_exact_mut(seats.row()).zip(matters.chunks_exact(seats.action)) {
        let actions = row[seats.observation..].iter_mut().zip(matters);
        actions.filter(|(_, matters)| !**matters).for_each(|(action, _)| *action = 0.0);
    }
}
