//! The border between the plugin and agon: what is behind pointers becomes slices, what fails or panics becomes a text.
#![allow(unsafe_code, reason = "agon calls this through pointers to functions of C, with pointers to what it owns")]

use std::{
    any::Any,
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    interface::{Minibatch, NUMBER, Numbers, NumbersMut, Sink, Sizes, State, Table},
    network::Network,
    threads,
};

static TABLE: Table = Table { number: NUMBER, settings, create, load, read, values, head, step, free };

/// What agon looks for when it has opened this plugin.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
extern "C" fn agon_torch() -> *const Table {
    &raw const TABLE
}

unsafe extern "C" fn settings(text: Sink) -> bool {
    guarded(text, || {
        tell(text, &threads::settings());
        Ok(())
    })
}

unsafe extern "C" fn create(sizes: *const Sizes, network: *mut *mut c_void, text: Sink) -> bool {
    guarded(text, || {
        // SAFETY: agon points to sizes, and to a place for the network.
        let (sizes, place) = unsafe { (*sizes, &mut *network) };
        *place = Box::into_raw(Box::new(Network::zeros(sizes))).cast();
        Ok(())
    })
}

unsafe extern "C" fn load(network: *mut c_void, state: *const State<Numbers>, text: Sink) -> bool {
    guarded(text, || {
        // SAFETY: agon points to a network of `create` and to a state.
        let (network, state) = unsafe { (&mut *network.cast::<Network>(), &*state) };
        // SAFETY: agon keeps the vectors as they are until this returns.
        let vectors = state.vectors.map(|of| of.map(|vector| unsafe { vector.get() }));
        network.load(vectors, state.steps)
    })
}

unsafe extern "C" fn read(network: *mut c_void, state: *mut State<NumbersMut>, text: Sink) -> bool {
    guarded(text, || {
        // SAFETY: agon points to a network of `create` and to a state.
        let (network, state) = unsafe { (&*network.cast::<Network>(), &mut *state) };
        // SAFETY: the vectors are agon's, are apart from each other, and nobody else uses them until this returns.
        let vectors = state.vectors.map(|of| of.map(|vector| unsafe { vector.get() }));
        state.steps = network.read(vectors)?;
        Ok(())
    })
}

unsafe extern "C" fn values(
    network: *mut c_void,
    observations: Numbers,
    shares: Numbers,
    agents: usize,
    values: NumbersMut,
    text: Sink,
) -> bool {
    guarded(text, || {
        // SAFETY: agon points to a network of `create`, and to slices that nobody else uses until this returns.
        let (network, observations, shares, values) =
            unsafe { (&*network.cast::<Network>(), observations.get(), shares.get(), values.get()) };
        network.values(observations, shares, agents, values);
        Ok(())
    })
}

unsafe extern "C" fn head(network: *mut c_void, observations: Numbers, head: NumbersMut, text: Sink) -> bool {
    guarded(text, || {
        // SAFETY: agon points to a network of `create`, and to two slices that nobody else uses until this returns.
        let (network, observations, head) = unsafe { (&*network.cast::<Network>(), observations.get(), head.get()) };
        network.head(observations, head);
        Ok(())
    })
}

unsafe extern "C" fn step(network: *mut c_void, minibatch: *const Minibatch, norms: *mut [f32; 2], text: Sink) -> bool {
    guarded(text, || {
        // SAFETY: agon points to a network of `create`, to a minibatch, and to a place for the norms.
        let (network, minibatch, norms) = unsafe { (&mut *network.cast::<Network>(), &*minibatch, &mut *norms) };
        // SAFETY: agon keeps observations and shares as they are until this returns.
        let seen = unsafe { (minibatch.observations.get(), minibatch.shares.get()) };
        let loss = minibatch.loss;
        *norms = network.step(seen, minibatch.agents, &minibatch.size, |outputs, gradients| {
            // SAFETY: the context is agon's own, and the slices behind the numbers stay until this returns.
            let is_done = unsafe { (loss.differentiate)(loss.context, outputs, gradients) };
            if is_done { Ok(()) } else { Err("the loss could not be computed".to_owned()) }
        })?;
        Ok(())
    })
}

unsafe extern "C" fn free(network: *mut c_void) {
    // SAFETY: agon gives back a network of `create`, once.
    let network = unsafe { Box::from_raw(network.cast::<Network>()) };
    // There is nobody to tell.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(network)));
}

/// Whether it went well; if not, `text` is told why. agon does not go on with a network that failed in the midst of a step.
fn guarded(text: Sink, operation: impl FnOnce() -> Result<(), String>) -> bool {
    let reason = match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Ok(())) => return true,
        Ok(Err(reason)) => reason,
        Err(panic) => words(&*panic),
    };
    tell(text, &reason);
    false
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

fn tell(text: Sink, what: &str) {
    // SAFETY: the sink is agon's own, and it copies what it is given.
    unsafe { (text.write)(text.to, what.as_ptr(), what.len()) }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    unsafe extern "C" fn write(to: *mut c_void, text: *const u8, len: usize) {
        // SAFETY: `to` is the text of `outcome`, the rest a string.
        let (to, text) = unsafe { (&mut *to.cast::<String>(), slice::from_raw_parts(text, len)) };
        to.push_str(&String::from_utf8_lossy(text));
    }

    fn outcome(operation: impl FnOnce() -> Result<(), String>) -> (bool, String) {
        let mut text = String::new();
        let is_good = guarded(Sink { to: (&raw mut text).cast(), write }, operation);
        (is_good, text)
    }

    #[test]
    fn failures_and_panics_leave_as_text() {
        assert_eq!(outcome(|| Ok(())), (true, String::new()));
        assert_eq!(outcome(|| Err("no memory".to_owned())), (false, "no memory".to_owned()));
        assert_eq!(outcome(|| panic!("index {} of 2", 3)), (false, "index 3 of 2".to_owned()));
        assert_eq!(outcome(|| panic!("out of range")), (false, "out of range".to_owned()));
        let (is_good, text) = outcome(|| {
            let _ = tch::Tensor::from_slice(&[1.0_f32; 6]).view([4, 4]);
            Ok(())
        });
        assert!(!is_good && text.contains("shape"), "{text}");
    }
}
