//! What a person should know: it stands there until it is read.

use std::{collections::VecDeque, time::Duration};

use crate::{
    error::Error,
    session::{
        Ending,
        background::{Phase, Status},
    },
};

/// Messages that are kept.
const MOST: usize = 200;
/// What was done stands there for so long.
const FRESH: Duration = Duration::from_secs(6);

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counted from 1 as long as the window is open.
    pub number: u64,
    /// How bad it is.
    pub severity: Severity,
    /// What it says.
    pub text: String,
    /// How long it has been standing there.
    pub age: Duration,
}

impl Message {
    /// Whether it is to be read still: what was done for a while, what went wrong until it is taken away.
    pub fn is_fresh(&self) -> bool {
        self.severity > Severity::Info || self.age < FRESH
    }
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something was done.
    Info,
    /// Something is not as one would want it.
    Warning,
    /// Something was not done.
    Error,
}

/// The messages, oldest first.
#[derive(Default)]
pub struct Messages {
    messages: VecDeque<Message>,
    count: u64,
    errors: u64,
}

impl Messages {
    /// Adds a message.
    pub fn push(&mut self, severity: Severity, text: impl Into<String>) {
        self.count += 1;
        self.errors += u64::from(severity == Severity::Error);
        self.messages.push_back(Message { number: self.count, severity, text: text.into(), age: Duration::ZERO });
        if self.messages.len() > MOST {
            self.messages.pop_front();
        }
    }

    /// Adds what went wrong.
    pub fn error(&mut self, error: &Error) {
        self.push(Severity::Error, error.to_string());
    }

    /// Says how a training run has ended, if it has.
    pub(super) fn ended(&mut self, name: &str, status: &Status) {
        match &status.phase {
            Phase::Training | Phase::Paused => {}
            Phase::Ended(Ending::Done) => self.push(Severity::Info, format!("{name} has reached its goal")),
            Phase::Ended(Ending::Stopped) => self.push(Severity::Info, format!("{name} has saved and stopped")),
            Phase::Failed(why) => self.push(Severity::Error, format!("{name}: {why}")),
        }
    }

    /// Lets time go by; whether a message that stands for a while only has stood there long enough.
    pub(super) fn age(&mut self, elapsed: Duration) -> bool {
        let mut any = false;
        for message in &mut self.messages {
            let was_fresh = message.is_fresh();
            message.age += elapsed;
            any |= was_fresh != message.is_fresh();
        }
        any
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter()
    }

    /// Number of the newest message, 0 before the first.
    pub fn newest(&self) -> u64 {
        self.count
    }

    /// Errors so far, those that were taken away among them.
    pub fn num_errors(&self) -> u64 {
        self.errors
    }

    /// Takes one away.
    pub fn dismiss(&mut self, number: u64) {
        self.messages.retain(|message| message.number != number);
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.messages.clear();
    }
}
