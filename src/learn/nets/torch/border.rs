//! The border between agon and its plugin: opens a shared object and calls what it offers, behind functions that are safe.
#![allow(unsafe_code, reason = "functions of a shared object, which only its makers can answer for")]

use std::{
    any::Any,
    ffi::c_void,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    ptr, slice,
};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::{
    interface::{
        ENTRY, Entry, Loss, Minibatch, NUMBER, Numbers, NumbersMut, Outputs, Sink, Sizes, State, StepSize, Table,
    },
    state::Vectors,
};
use crate::learn::nets::{OutputGradients, Outputs as NetOutputs};

/// What is wrong with a file that is to be the plugin.
#[derive(Debug)]
pub(super) enum Unusable {
    /// The loader refuses it, for this reason.
    Refused(String),
    /// It is no plugin of agon.
    Foreign,
    /// It is one whose interface has another number.
    Outdated,
}

/// A plugin that is open, and stays so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plugin(&'static Table);

impl Plugin {
    /// Opens the file at an absolute path.
    pub(super) fn open(path: &Path) -> Result<Self, Unusable> {
        let refused = |error: libloading::Error| {
            let reason = error.to_string();
            // The loader begins with the path.
            let about = format!("{}: ", path.display());
            Unusable::Refused(reason.strip_prefix(&about).unwrap_or(&reason).to_owned())
        };
        // SAFETY: this runs code of the file, which its owner put beside agon or named, and trusts as agon itself.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(refused)?;
        // Neither libtorch nor what it starts can be unloaded.
        let library = ManuallyDrop::new(library);
        // SAFETY: no other project has a function of this name, and ours have this type.
        let entry = unsafe { library.get::<Entry>(ENTRY.to_bytes_with_nul()) }.map_err(|_| Unusable::Foreign)?;
        // SAFETY: as above.
        let table = unsafe { entry() };
        if table.is_null() {
            return Err(Unusable::Foreign);
        }
        // SAFETY: whatever its number is, the table begins with it.
        let number = unsafe { table.cast::<u64>().read() };
        if number != NUMBER {
            return Err(Unusable::Outdated);
        }
        // SAFETY: a plugin with our number has our table, in static memory of a library that stays.
        Ok(Self(unsafe { &*table }))
    }

    /// What the plugin's results depend on.
    pub(super) fn settings(self) -> Result<String, String> {
        // SAFETY: the sink is good for the time of the call.
        told(|text| unsafe { (self.0.settings)(text) })
    }
}

/// An actor and a critic that the plugin keeps.
#[derive(Debug)]
pub(super) struct Network {
    table: &'static Table,
    handle: *mut c_void,
}

// SAFETY: a network is used through `&mut`, or read through `&` by one thread at a time since it is not `Sync`; libtorch's
// tensors may be used by one thread after the other.
unsafe impl Send for Network {}

impl Network {
    /// A network of zeros.
    pub(super) fn zeros(plugin: Plugin, sizes: &Sizes) -> Result<Self, String> {
        let (table, mut handle) = (plugin.0, ptr::null_mut());
        // SAFETY: all pointers are to variables of this function.
        told(|text| unsafe { (table.create)(sizes, &raw mut handle, text) })?;
        Ok(Self { table, handle })
    }

    /// Sets everything that training changes.
    pub(super) fn load(&mut self, vectors: &Vectors, steps: [u32; 2]) -> Result<(), String> {
        let state = State { vectors: vectors.each_ref().map(|of| of.each_ref().map(|v| Numbers::of(v))), steps };
        // SAFETY: the state points into `vectors`, which outlive the call.
        told(|text| unsafe { (self.table.load)(self.handle, &raw const state, text) }).map(drop)
    }

    /// Reads vectors that have their length, leaves out empty ones, and returns the step counts.
    pub(super) fn read(&self, vectors: &mut Vectors) -> Result<[u32; 2], String> {
        let vectors = vectors.each_mut().map(|of| of.each_mut().map(|v| NumbersMut::of(v)));
        let mut state = State { vectors, steps: [0; 2] };
        // SAFETY: the state points into `vectors`, which are borrowed for longer than the call.
        told(|text| unsafe { (self.table.read)(self.handle, &raw mut state, text) })?;
        Ok(state.steps)
    }

    /// Values of observations `[steps, agents, observation]`.
    pub(super) fn values(
        &mut self,
        observations: &[f32],
        agents: usize,
        shares: &[f32],
        values: &mut [f32],
    ) -> Result<(), String> {
        let (observations, shares) = (Numbers::of(observations), Numbers::of(shares));
        let values = NumbersMut::of(values);
        // SAFETY: all slices are borrowed for longer than the call.
        told(|text| unsafe { (self.table.values)(self.handle, observations, shares, agents, values, text) }).map(drop)
    }

    /// What the actor puts out for observations `[rows, observation]`.
    pub(super) fn head(&mut self, observations: &[f32], head: &mut [f32]) -> Result<(), String> {
        let (observations, head) = (Numbers::of(observations), NumbersMut::of(head));
        // SAFETY: both slices are borrowed for longer than the call.
        told(|text| unsafe { (self.table.head)(self.handle, observations, head, text) }).map(drop)
    }

    /// One optimiser step on observations `[entries, agents, observation]` with shares `[entries, agents]`, or none; returns the
    /// norms of both gradients.
    pub(super) fn step(
        &mut self,
        (observations, shares): (&[f32], &[f32]),
        agents: usize,
        size: StepSize,
        loss: &mut dyn FnMut(NetOutputs<'_>, OutputGradients<'_>),
    ) -> Result<[f32; 2], String> {
        let (mut question, mut norms) = (Question { loss, panic: None }, [0.0; 2]);
        let loss = Loss { context: (&raw mut question).cast(), differentiate };
        let minibatch =
            Minibatch { observations: Numbers::of(observations), shares: Numbers::of(shares), agents, size, loss };
        // SAFETY: all pointers are to variables and slices that outlive the call.
        let done = told(|text| unsafe { (self.table.step)(self.handle, &raw const minibatch, &raw mut norms, text) });
        if let Some(panic) = question.panic {
            resume_unwind(panic);
        }
        done.map(|_| norms)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // SAFETY: the handle came from `create` and is not used again.
        unsafe { (self.table.free)(self.handle) };
    }
}

/// What the plugin asks in the midst of a step, and the panic that was the answer.
struct Question<'a> {
    loss: &'a mut dyn FnMut(NetOutputs<'_>, OutputGradients<'_>),
    panic: Option<Box<dyn Any + Send>>,
}

unsafe extern "C" fn differentiate(
    context: *mut c_void,
    outputs: Outputs<Numbers>,
    gradients: Outputs<NumbersMut>,
) -> bool {
    // SAFETY: this is the `question` of `step`, which waits for the plugin.
    let question = unsafe { &mut *context.cast::<Question<'_>>() };
    // SAFETY: the plugin made these of slices that it does not touch before this returns.
    let (outputs, gradients) = unsafe {
        (
            NetOutputs { head: outputs.head.get(), log_std: outputs.log_std.get(), values: outputs.values.get() },
            OutputGradients {
                head: gradients.head.get(),
                log_std: gradients.log_std.get(),
                values: gradients.values.get(),
            },
        )
    };
    let answer = catch_unwind(AssertUnwindSafe(|| (question.loss)(outputs, gradients)));
    question.panic = answer.err();
    question.panic.is_none()
}

/// The text of a call: what was asked for, or why it failed.
fn told(call: impl FnOnce(Sink) -> bool) -> Result<String, String> {
    let mut text = String::new();
    let is_done = call(Sink { to: (&raw mut text).cast(), write });
    if is_done { Ok(text) } else { Err(text) }
}

unsafe extern "C" fn write(to: *mut c_void, text: *const u8, len: usize) {
    // SAFETY: `to` is the `text` of `told`, which waits for the plugin; the rest is a string of the plugin.
    let (to, bytes) = unsafe { (&mut *to.cast::<String>(), slice::from_raw_parts(text, len)) };
    to.push_str(&String::from_utf8_lossy(bytes));
}
