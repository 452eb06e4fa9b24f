//! Ctrl-C, SIGTERM and SIGHUP: a command that has something to save comes to an end by itself, and the process says by
//! its own end that it was interrupted.
//!
//! A shell ends a loop only when the program in it dies of Ctrl-C, not when it exits with 130; so does agon, once all is
//! saved. The shell shows 130 for it.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::{
        Once,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
    low_level::emulate_default_handler,
};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It did what it was asked to do.
    Done,
    /// It was interrupted by this signal, has saved what there was, and said how to go on.
    Interrupted(Signal),
}

/// A signal that asks a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal(i32);

/// While this lives, signals are noted instead of ending the process; whoever holds it asks.
pub(super) struct Watch(());

/// Whether somebody asks for signals.
static IS_WATCHED: AtomicBool = AtomicBool::new(false);
/// The first signal since somebody asked; 0 for none.
static FIRST: AtomicI32 = AtomicI32::new(0);

impl Watch {
    /// From now on the first signal is noted and answered with `promise`, and none of them ends the process.
    pub(super) fn begin(promise: &'static str) -> Self {
        static LISTEN: Once = Once::new();
        LISTEN.call_once(|| {
            let signals =
                [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| *signal != SIGHUP || !ignores_hangups());
            // Without a listener signals end the process as they always do.
            let Ok(mut signals) = Signals::new(signals) else { return };
            let _ = std::thread::Builder::new()
                .name("signals".to_owned())
                .spawn(move || signals.forever().for_each(|signal| receive(signal, promise)));
        });
        FIRST.store(0, Ordering::SeqCst);
        IS_WATCHED.store(true, Ordering::SeqCst);
        Self(())
    }

    /// The signal that came first, if one came; of those that came in the same instant, the one with the least number.
    pub(super) fn signal(&self) -> Option<Signal> {
        Some(FIRST.load(Ordering::SeqCst)).filter(|signal| *signal != 0).map(Signal)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        IS_WATCHED.store(false, Ordering::SeqCst);
    }
}

impl Outcome {
    /// Ends the process, or says how it should end.
    pub(super) fn end(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Interrupted(Signal(SIGINT)) => {
                let _ = io::stdout().flush();
                let _ = emulate_default_handler(SIGINT);
                ExitCode::from(Signal(SIGINT).exit_code())
            }
            Self::Interrupted(signal) => ExitCode::from(signal.exit_code()),
        }
    }
}

impl Signal {
    /// What shells show for a process that this signal has ended.
    fn exit_code(self) -> u8 {
        u8::try_from(self.0).map_or(1, |number| number.saturating_add(128))
    }
}

/// On the thread that listens.
fn receive(signal: i32, promise: &str) {
    // Whoever was interrupted comes to an end by itself, and no later signal is to look as if nothing had been saved.
    if !IS_WATCHED.load(Ordering::SeqCst) && FIRST.load(Ordering::SeqCst) == 0 {
        let _ = emulate_default_handler(signal);
    }
    match FIRST.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => tell(promise),
        Err(_) => tell("still saving; Ctrl-\\ ends it at once, and what is not saved is lost"),
    }
}

fn tell(text: &str) {
    // A terminal has just shown ^C.
    let line = if io::stderr().is_terminal() { "\n" } else { "" };
    let _ = writeln!(io::stderr(), "{line}note: {text}");
}

/// Whether this process was started to outlive its terminal, as by `nohup`.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_the_signal_as_shells_do() {
        assert_eq!([SIGHUP, SIGINT, SIGTERM].map(|signal| Signal(signal).exit_code()), [129, 130, 143]);
    }
}
