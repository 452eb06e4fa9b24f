//! What agon and its plugin have in common: how parameters lie in a vector, and the functions through which the two speak.
//!
//! Both compile this one file. They are built apart, each with its own standard library, so nothing crosses but numbers,
//! pointers and functions of C, and no memory changes hands. Neither lets a panic out.

use std::ffi::{CStr, c_void};

/// The number of this interface: a hash of this file, so that it is another one after every change.
pub(crate) const NUMBER: u64 = fnv1a(include_bytes!("interface.rs"));

/// Name of the one function that a plugin exports, an [`Entry`].
pub(crate) const ENTRY: &CStr = c"agon_torch";

/// Gives the functions of a plugin, for as long as the program runs.
pub(crate) type Entry = unsafe extern "C" fn() -> *const Table;

/// Heads of the critic with attention.
pub(crate) const HEADS: usize = 4;

/// Sizes and choices that fix a network's parameters.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Sizes {
    /// Numbers in one agent's observation.
    pub(crate) observation: usize,
    /// Width of both hidden layers.
    pub(crate) hidden: usize,
    /// Numbers that the actor puts out per agent.
    pub(crate) head: usize,
    /// Continuous action dimensions, each with a log_std.
    pub(crate) continuous: usize,
    pub(crate) activation: Activation,
    pub(crate) critic: Critic,
}

/// Nonlinearity after each hidden layer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) enum Activation {
    Relu,
    Tanh,
}

/// What the critic sees: each agent's own observation, the mean over agents, or attention over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) enum Critic {
    Own,
    Mean,
    Attention,
}

/// Name and shape of one parameter.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
}

impl Slot {
    /// How many numbers it has.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Sizes {
    /// The parameters of actor and critic, in the order in which they lie in a vector; weights are `[inputs, outputs]`.
    pub(crate) fn slots(&self) -> [Vec<Slot>; 2] {
        let hidden = self.hidden;
        let slot = |name: String, shape: &[usize]| Slot { name, shape: shape.to_vec() };
        let layers = |network: &str, outputs: usize| -> Vec<Slot> {
            let sizes = [(self.observation, hidden), (hidden, hidden), (hidden, outputs)];
            let slots = sizes.into_iter().enumerate().flat_map(|(index, (inputs, outputs))| {
                let weight = slot(format!("{network}.{index}.weight"), &[inputs, outputs]);
                [weight, slot(format!("{network}.{index}.bias"), &[outputs])]
            });
            slots.collect()
        };
        let mut actor = layers("actor", self.head);
        actor.push(slot("actor.log_std".to_owned(), &[self.continuous]));
        let mut critic = layers("critic", 1);
        if self.critic == Critic::Attention {
            critic.push(slot("critic.attention.query".to_owned(), &[hidden, HEADS]));
            critic.push(slot("critic.attention.map".to_owned(), &[hidden, hidden]));
        }
        [actor, critic]
    }
}

/// What a plugin can do. A function that gives `false` has failed, and `text` was told why.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Table {
    /// [`NUMBER`] of the plugin. It comes first, whatever else a plugin has.
    pub(crate) number: u64,
    /// Tells `text` what the plugin's results depend on.
    pub(crate) settings: unsafe extern "C" fn(text: Sink) -> bool,
    /// Makes a network of zeros, which `free` takes back.
    pub(crate) create: unsafe extern "C" fn(sizes: *const Sizes, network: *mut *mut c_void, text: Sink) -> bool,
    /// Sets everything that training changes.
    pub(crate) load: unsafe extern "C" fn(network: *mut c_void, state: *const State<Numbers>, text: Sink) -> bool,
    /// Reads everything that training changes; a vector of length zero is left out.
    pub(crate) read: unsafe extern "C" fn(network: *mut c_void, state: *mut State<NumbersMut>, text: Sink) -> bool,
    /// Values of observations `[steps, agents, observation]`; shares are those of a minibatch.
    pub(crate) values: unsafe extern "C" fn(
        network: *mut c_void,
        observations: Numbers,
        shares: Numbers,
        agents: usize,
        values: NumbersMut,
        text: Sink,
    ) -> bool,
    /// What the actor puts out for observations `[rows, observation]`, `[rows, head]`.
    pub(crate) head:
        unsafe extern "C" fn(network: *mut c_void, observations: Numbers, head: NumbersMut, text: Sink) -> bool,
    /// One optimiser step; writes the norms of both gradients before clipping.
    pub(crate) step: unsafe extern "C" fn(
        network: *mut c_void,
        minibatch: *const Minibatch,
        norms: *mut [f32; 2],
        text: Sink,
    ) -> bool,
    /// Takes a network back.
    pub(crate) free: unsafe extern "C" fn(network: *mut c_void),
}

/// Where a text goes: `write` is called with `to` and UTF-8.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Sink {
    pub(crate) to: *mut c_void,
    pub(crate) write: unsafe extern "C" fn(to: *mut c_void, text: *const u8, len: usize),
}

/// Of actor and critic: parameters, Adam's first and second moments, each as one vector, and optimiser steps taken.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct State<N> {
    pub(crate) vectors: [[N; 3]; 2],
    pub(crate) steps: [u32; 2],
}

/// What an optimiser step works on.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Minibatch {
    /// `[entries, agents, observation]`.
    pub(crate) observations: Numbers,
    /// Share of each agent in what the critic pools, `[entries, agents]`, 0 for who is not there; empty where all have the same.
    pub(crate) shares: Numbers,
    pub(crate) agents: usize,
    pub(crate) size: StepSize,
    pub(crate) loss: Loss,
}

/// How far an optimiser step goes; an actor with learning rate 0 stays as it is.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct StepSize {
    /// Of actor and critic.
    pub(crate) learning_rates: [f32; 2],
    pub(crate) adam_eps: f32,
    pub(crate) max_grad_norm: f32,
}

/// Writes the gradient of the loss with respect to the outputs; `false` ends the step, and nothing is changed.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Loss {
    pub(crate) context: *mut c_void,
    pub(crate) differentiate: unsafe extern "C" fn(context: *mut c_void, Outputs<Numbers>, Outputs<NumbersMut>) -> bool,
}

/// What the networks put out for a minibatch, or the gradient by it, which starts from zeros.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Outputs<N> {
    /// `[entries, agents, head]`.
    pub(crate) head: N,
    /// `[continuous]`.
    pub(crate) log_std: N,
    /// `[entries, values per step]`.
    pub(crate) values: N,
}

/// Numbers that are read.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Numbers {
    data: *const f32,
    len: usize,
}

/// Numbers that are written.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct NumbersMut {
    data: *mut f32,
    len: usize,
}

impl Numbers {
    pub(crate) fn of(numbers: &[f32]) -> Self {
        Self { data: numbers.as_ptr(), len: numbers.len() }
    }

    /// # Safety
    /// The slice that this was made of is still there, and nobody writes to it meanwhile.
    #[allow(unsafe_code, reason = "what is behind a pointer")]
    pub(crate) unsafe fn get<'a>(self) -> &'a [f32] {
        // SAFETY: pointer and length are a slice's own, and the caller answers for the slice.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl NumbersMut {
    pub(crate) fn of(numbers: &mut [f32]) -> Self {
        Self { data: numbers.as_mut_ptr(), len: numbers.len() }
    }

    /// # Safety
    /// The slice that this was made of is still there, and nobody else uses it meanwhile.
    #[allow(unsafe_code, reason = "what is behind a pointer")]
    pub(crate) unsafe fn get<'a>(self) -> &'a mut [f32] {
        // SAFETY: pointer and length are a slice's own, and the caller answers for the slice.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

/// The hash of Fowler, Noll and Vo, 64 bits, variant 1a.
const fn fnv1a(bytes: &[u8]) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}
