//! Actor and critic for a CPU: hand-written forward and backward passes and Adam, for networks of two small hidden
//! layers.
//!
//! A minibatch is cut into tiles of a fixed size, the tiles into at most `GROUPS` groups, each group with a gradient
//! of its own; groups are what threads take. Neither cut depends on the number of threads, and groups are summed in
//! order, so results have the same bits for any of them.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use self::{
    layout::{Layout, Turned},
    tile::{Pass, Workspace},
};
use super::{ActorCritic, Architecture, CriticInput, LOSS_TERMS, Loss, Minibatch, StepReport, StepSize};
use crate::{
    error::{Error, Result},
    math::gemm::{Adam, Aligned, Isa, add, sum_of_squares},
    policy::{
        network::{Activation, Network, find_tensor},
        tensor::NamedTensor,
    },
    priority::give_way,
};

pub(super) mod initial;
mod layout;
#[cfg(test)]
mod tests;
mod tile;
mod value_net;

pub use self::value_net::ValueNet;

/// Agent rows of one tile, as long as one entry does not have more.
const TILE_ROWS: usize = 128;

/// Most pieces a minibatch is cut into that can be worked on side by side.
const GROUPS: usize = 8;

/// Adam's decay of the mean gradient and of the mean square (Kingma & Ba 2015).
const BETAS: (f32, f32) = (0.9, 0.999);

/// Step counts stay exact in f32 up to here, where Adam's bias corrections have long become 1.
const MOST_STEPS: u32 = 1 << 24;

/// The built-in actor and critic.
#[derive(Debug)]
pub struct Fused {
    architecture: Architecture,
    isa: Isa,
    layout: Layout,
    parameters: Aligned,
    first_moments: Aligned,
    second_moments: Aligned,
    /// Optimiser steps of actor and critic.
    steps: [u32; 2],
    turned: [Turned; 2],
    gradients: Vec<Group>,
    workspaces: Vec<Workspace>,
}

/// The part of a minibatch's gradient and of its loss terms that one group of tiles contributes.
#[derive(Debug)]
struct Group {
    gradient: Aligned,
    terms: [f64; LOSS_TERMS],
}

impl Fused {
    /// A network with orthogonal weights drawn from `seed`, zero biases, and `log_std` for every continuous dimension.
    ///
    /// Hidden layers have gain sqrt(2) before a rectifier and 5/3 before tanh, the actor's head 0.01, the critic's 1.
    ///
    /// # Errors
    /// Impossible sizes, a `log_std` that is not finite, or a critic with attention.
    pub fn new(architecture: Architecture, log_std: f32, seed: u64) -> Result<Self> {
        architecture.actor().check()?;
        if architecture.critic == CriticInput::Attention {
            return Err(Error::input("the built-in network has no critic with attention")
                .hint("use `--backend torch`, or the critic `mean`"));
        }
        if !log_std.is_finite() {
            return Err(Error::input(format!("the initial log_std is {log_std}, not a finite number")));
        }
        let mut fused = Self::zeros(architecture);
        fused.draw_weights(log_std, seed);
        Ok(fused)
    }

    fn zeros(architecture: Architecture) -> Self {
        let layout = Layout::new(&architecture);
        let zeros = || Aligned::zeros(layout.len());
        Self {
            isa: Isa::best(),
            parameters: zeros(),
            first_moments: zeros(),
            second_moments: zeros(),
            steps: [0; 2],
            turned: [Turned::new(&layout.actor), Turned::new(&layout.critic)],
            gradients: Vec::new(),
            workspaces: Vec::new(),
            architecture,
            layout,
        }
    }

    fn draw_weights(&mut self, log_std: f32, seed: u64) {
        let hidden_gain = match self.architecture.activation {
            Activation::Relu => std::f32::consts::SQRT_2,
            Activation::Tanh => 5.0 / 3.0,
        };
        let weights = self.layout.names().filter(|(name, _)| name.ends_with(".weight"));
        for (stream, (name, shape)) in (0..).zip(weights) {
            let gain = match name {
                "actor.2.weight" => 0.01,
                "critic.2.weight" => 1.0,
                _ => hidden_gain,
            };
            let drawn = initial::orthogonal(seed, stream, (shape[0], shape[1]), gain);
            self.layout.write(&mut self.parameters, name, &drawn);
        }
        let log_std = vec![log_std; self.architecture.continuous];
        self.layout.write(&mut self.parameters, "actor.log_std", &log_std);
        self.refresh();
    }

    /// Brings the turned copies of the weights up to date.
    fn refresh(&mut self) {
        let [actor, critic] = &mut self.turned;
        actor.refresh(&self.layout.actor, &self.parameters);
        critic.refresh(&self.layout.critic, &self.parameters);
    }

    /// Entries per tile for `agents` rows per entry.
    fn tile_entries(agents: usize) -> usize {
        (TILE_ROWS / agents).max(1)
    }

    /// Brings the gradient of the loss over the whole minibatch into the first group's place; returns the summed terms.
    fn differentiate(&mut self, minibatch: Minibatch<'_>, loss: &dyn Loss, train_actor: bool) -> [f64; LOSS_TERMS] {
        let entries = minibatch.steps.len();
        let tile = Self::tile_entries(minibatch.agents);
        let group = tile * entries.div_ceil(tile).div_ceil(GROUPS);
        let groups = entries.div_ceil(group);
        while self.gradients.len() < groups {
            self.gradients.push(Group { gradient: Aligned::zeros(self.layout.len()), terms: [0.0; LOSS_TERMS] });
        }
        let pass = Pass {
            isa: self.isa,
            architecture: &self.architecture,
            layout: &self.layout,
            parameters: &self.parameters,
            turned: &self.turned,
            agents: minibatch.agents,
        };
        let jobs = pieces(entries, group).zip(&mut self.gradients);
        share_out(&mut self.workspaces, groups, jobs, |work, (range, group)| {
            group.gradient.fill(0.0);
            group.terms = [0.0; LOSS_TERMS];
            for piece in pieces(range.len(), tile) {
                let piece = range.start + piece.start..range.start + piece.end;
                let terms = pass.differentiate(work, minibatch, piece, loss, train_actor, &mut group.gradient);
                add_terms(&mut group.terms, terms);
            }
        });
        let (sum, rest) = self.gradients.split_first_mut().expect("a minibatch has at least one group");
        let mut terms = sum.terms;
        for group in &rest[..groups - 1] {
            add(self.isa, &mut sum.gradient, &group.gradient);
            add_terms(&mut terms, group.terms);
        }
        terms
    }

    /// One step of Adam for one of the two networks along its part of the summed gradient; returns the gradient's norm.
    ///
    /// A gradient that is not finite is not followed: the norm tells.
    fn follow(&mut self, network: usize, learning_rate: f32, size: &StepSize) -> f32 {
        let range = if network == 0 { self.layout.actor_range() } else { self.layout.critic_range() };
        let gradient = &self.gradients[0].gradient[range.clone()];
        let norm = sum_of_squares(self.isa, gradient).sqrt() as f32;
        if norm.is_finite() {
            let step = (self.steps[network] + 1).min(MOST_STEPS);
            self.steps[network] = step;
            // The 1e-6 keeps the quotient finite for a zero gradient, as in torch.nn.utils.clip_grad_norm_.
            let scale = (size.max_grad_norm / (norm + 1e-6)).min(1.0);
            let adam = Adam { learning_rate, beta1: BETAS.0, beta2: BETAS.1, eps: size.adam_eps };
            let moments = (
                &mut self.parameters[range.clone()],
                &mut self.first_moments[range.clone()],
                &mut self.second_moments[range],
            );
            adam.apply(self.isa, step, gradient, scale, moments);
        }
        norm
    }

    /// Names and shapes of everything in [`ActorCritic::state`], in order.
    fn state_names(&self) -> Vec<(String, Vec<usize>)> {
        let parameters = || self.layout.names().map(|(name, shape)| (name.to_owned(), shape.to_vec()));
        let with = |prefix: &'static str| parameters().map(move |(name, shape)| (format!("{prefix}{name}"), shape));
        let steps = ("adam.steps".to_owned(), vec![2]);
        parameters().chain(with("adam.m.")).chain(with("adam.v.")).chain([steps]).collect()
    }
}

impl ActorCritic for Fused {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn values(&mut self, observations: &[f32], agents: usize, shares: Option<&[f32]>, values: &mut [f32]) {
        let entry = agents * self.architecture.critic_width();
        let per_entry = self.architecture.values_per_step(agents);
        let entries = observations.len() / entry;
        assert_eq!(observations.len(), entries * entry, "whole steps");
        assert_eq!(values.len(), entries * per_entry, "values for each step");
        let pass = Pass {
            isa: self.isa,
            architecture: &self.architecture,
            layout: &self.layout,
            parameters: &self.parameters,
            turned: &self.turned,
            agents,
        };
        let tile = Self::tile_entries(agents);
        let jobs = observations.chunks(tile * entry).zip(values.chunks_mut(tile * per_entry)).enumerate();
        share_out(&mut self.workspaces, entries.div_ceil(tile), jobs, |work, (index, (observations, values))| {
            let first = index * tile * agents;
            let shares = shares.map(|shares| &shares[first..first + observations.len() / entry * agents]);
            pass.values(work, observations, shares, values);
        });
    }

    fn step(&mut self, minibatch: Minibatch<'_>, loss: &dyn Loss, size: StepSize) -> StepReport {
        if minibatch.steps.is_empty() || minibatch.agents == 0 {
            return StepReport::default();
        }
        let train_actor = size.actor_learning_rate != 0.0;
        let terms = self.differentiate(minibatch, loss, train_actor);
        let actor_grad_norm = if train_actor { self.follow(0, size.actor_learning_rate, &size) } else { 0.0 };
        let critic_grad_norm = self.follow(1, size.critic_learning_rate, &size);
        self.refresh();
        StepReport { terms, actor_grad_norm, critic_grad_norm }
    }

    fn state(&self) -> Vec<NamedTensor> {
        let vectors = [("", &self.parameters), ("adam.m.", &self.first_moments), ("adam.v.", &self.second_moments)];
        let mut state: Vec<NamedTensor> = vectors
            .into_iter()
            .flat_map(|(prefix, vector)| {
                self.layout.read(vector).map(move |(name, shape, data)| NamedTensor {
                    name: format!("{prefix}{name}"),
                    shape: shape.to_vec(),
                    data,
                })
            })
            .collect();
        let steps = self.steps.map(|steps| steps as f32).to_vec();
        state.push(NamedTensor { name: "adam.steps".to_owned(), shape: vec![2], data: steps });
        state
    }

    fn load_state(&mut self, state: &[NamedTensor]) -> Result<()> {
        let names = self.state_names();
        if let Some(tensor) = state.iter().find(|tensor| names.iter().all(|(name, _)| *name != tensor.name)) {
            return Err(Error::input(format!("unexpected tensor `{}`", tensor.name))
                .did_you_mean(&tensor.name, names.iter().map(|(name, _)| name.as_str())));
        }
        let mut loaded = Self::zeros(self.architecture.clone());
        for (name, shape) in &names {
            let data = find_tensor(state, name, shape)?;
            if let Some(parameter) = name.strip_prefix("adam.m.") {
                loaded.layout.write(&mut loaded.first_moments, parameter, data);
            } else if let Some(parameter) = name.strip_prefix("adam.v.") {
                if let Some(index) = data.iter().position(|&x| x < 0.0) {
                    return Err(Error::input(format!("`{name}` is {} at {index}, but is a square", data[index])));
                }
                loaded.layout.write(&mut loaded.second_moments, parameter, data);
            } else if name == "adam.steps" {
                let count = |x: &f32| (0.0..=MOST_STEPS as f32).contains(x) && x.fract() == 0.0;
                if !data.iter().all(count) {
                    return Err(Error::input(format!("`adam.steps` is {data:?}, not two counts")));
                }
                loaded.steps = [data[0] as u32, data[1] as u32];
            } else {
                loaded.layout.write(&mut loaded.parameters, name, data);
            }
        }
        loaded.refresh();
        *self = loaded;
        Ok(())
    }

    fn critic(&self) -> Option<ValueNet> {
        Some(ValueNet {
            architecture: self.architecture.clone(),
            isa: self.isa,
            layout: self.layout.clone(),
            parameters: self.parameters.clone(),
            turned: self.turned.clone(),
        })
    }

    fn actor(&self) -> Network {
        let mut tensors: Vec<NamedTensor> = self
            .layout
            .read(&self.parameters)
            .filter(|(name, ..)| name.starts_with("actor."))
            .map(|(name, shape, data)| NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data })
            .collect();
        let observation = self.architecture.observation;
        for (name, x) in [("normaliser.mean", 0.0), ("normaliser.std", 1.0)] {
            tensors.push(NamedTensor { name: name.to_owned(), shape: vec![observation], data: vec![x; observation] });
        }
        Network::from_training(self.architecture.actor(), &tensors)
            .expect("names and shapes are the architecture's own")
    }
}

/// `0..len` in pieces of `size`.
fn pieces(len: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(size).map(move |start| start..len.min(start + size))
}

fn add_terms(sum: &mut [f64; LOSS_TERMS], terms: [f64; LOSS_TERMS]) {
    sum.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}

/// Does the `count` jobs on the threads of the current rayon pool, each thread with a workspace of its own.
///
/// With one thread or one job everything happens right here, without waking anybody.
fn share_out<J: Send>(
    workspaces: &mut Vec<Workspace>,
    count: usize,
    jobs: impl Iterator<Item = J> + Send,
    work: impl Fn(&mut Workspace, J) + Sync,
) {
    let workers = if count < 2 { 1 } else { rayon::current_num_threads().min(count) };
    if workspaces.len() < workers {
        workspaces.resize_with(workers, Workspace::default);
    }
    let workspaces = &mut workspaces[..workers];
    if let [workspace] = workspaces {
        jobs.for_each(|job| {
            give_way();
            work(workspace, job);
        });
        return;
    }
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    rayon::scope(|scope| {
        for workspace in workspaces {
            let (next, work) = (&next, &work);
            scope.spawn(move |_| {
                while let Some(job) = next() {
                    give_way();
                    work(workspace, job);
                }
            });
        }
    });
}
