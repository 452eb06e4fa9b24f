//! Answers on their way to a reader who may be slow, stand still or be gone.
//!
//! A thread of its own writes them, so that deciding goes on while it waits. What waits is bounded: beyond the limit the
//! oldest answers give way, as the newest tell most about the present, and the next line that is written says how many
//! did: `{"dropped":3}`. Someone who would rather wait than lose anything can say so.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// Bytes of answers that wait, at most.
pub(super) const MAX_WAITING: usize = 16 << 20;
/// Bytes that are written at once, unless a single answer is longer.
const AT_ONCE: usize = 64 << 10;

/// Answers that wait to be written.
pub(super) struct Outbox {
    state: Mutex<State>,
    has_more: Condvar,
    has_room: Condvar,
    max_bytes: usize,
    waits: bool,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// Answers that gave way since the writer last said so, all of them older than what waits.
    unsaid: u64,
    dropped: u64,
    /// No more answers will come.
    is_closed: bool,
    /// The writer is gone, and why.
    end: Option<io::Result<()>>,
}

impl Outbox {
    /// Keeps so many bytes at most. With `waits`, [`put`](Self::put) waits for room instead of dropping answers.
    pub(super) fn new(max_bytes: usize, waits: bool) -> Self {
        let state = Mutex::new(State::default());
        Self { state, has_more: Condvar::new(), has_room: Condvar::new(), max_bytes, waits }
    }

    /// Hands in an answer; false once nobody writes any more.
    pub(super) fn put(&self, line: &[u8]) -> bool {
        let mut state = self.lock();
        while self.waits && state.end.is_none() && state.bytes > 0 && state.bytes + line.len() > self.max_bytes {
            state = self.has_room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.end.is_some() {
            return false;
        }
        while state.bytes + line.len() > self.max_bytes
            && let Some(oldest) = state.lines.pop_front()
        {
            state.bytes -= oldest.len();
            state.unsaid += 1;
            state.dropped += 1;
        }
        let was_empty = state.lines.is_empty();
        state.bytes += line.len();
        state.lines.push_back(line.into());
        drop(state);
        if was_empty {
            self.has_more.notify_one();
        }
        true
    }

    /// Answers that gave way so far.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Says that no more answers will come.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.has_more.notify_one();
    }

    /// Why the writer ended, if it did.
    pub(super) fn end(&self) -> io::Result<()> {
        self.lock().end.take().unwrap_or(Ok(()))
    }

    /// Writes answers until there are no more, or nobody takes them.
    pub(super) fn write(&self, mut output: impl Write) {
        let mut batch = Vec::new();
        let mut ended = Ok(());
        while ended.is_ok() && self.take(&mut batch) {
            ended = output.write_all(&batch).and_then(|()| output.flush());
        }
        let mut state = self.lock();
        *state = State { end: Some(ended), dropped: state.dropped, ..State::default() };
        drop(state);
        self.has_room.notify_one();
    }

    /// Waits for answers and takes some; false when there will be no more.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        batch.clear();
        let mut state = self.lock();
        while state.lines.is_empty() && !state.is_closed {
            state = self.has_more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.unsaid > 0 {
            batch.extend_from_slice(format!("{{\"dropped\":{}}}\n", state.unsaid).as_bytes());
            state.unsaid = 0;
        }
        while let Some(next) = state.lines.front()
            && (batch.is_empty() || batch.len() + next.len() <= AT_ONCE)
        {
            batch.extend_from_slice(next);
            state.bytes -= next.len();
            state.lines.pop_front();
        }
        drop(state);
        self.has_room.notify_one();
        !batch.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is done under the lock that could leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn put(outbox: &Outbox, numbers: std::ops::Range<u32>) {
        for number in numbers {
            assert!(outbox.put(format!("{number}\n").as_bytes()));
        }
    }

    fn written(outbox: &Outbox) -> String {
        let mut output = Vec::new();
        outbox.close();
        outbox.write(&mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn answers_come_in_order_and_none_is_lost_while_there_is_room() {
        let outbox = Outbox::new(1 << 20, false);
        put(&outbox, 0..10_000);
        assert_eq!(written(&outbox), (0..10_000).map(|number| format!("{number}\n")).collect::<String>());
        assert_eq!((outbox.dropped(), outbox.end().is_ok()), (0, true));
    }

    #[test]
    fn the_oldest_answers_give_way_and_the_next_line_says_how_many() {
        let outbox = Outbox::new(6, false);
        put(&outbox, 1..8);
        assert_eq!(outbox.dropped(), 4);
        assert_eq!(written(&outbox), "{\"dropped\":4}\n5\n6\n7\n");
    }

    #[test]
    fn who_waits_loses_nothing() {
        let outbox = Outbox::new(6, true);
        let mut output = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                put(&outbox, 0..1000);
                outbox.close();
            });
            outbox.write(&mut output);
        });
        assert_eq!(output, (0..1000).map(|number| format!("{number}\n")).collect::<String>().as_bytes());
    }

    #[test]
    fn who_waits_is_told_when_nobody_writes_any_more() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let outbox = Outbox::new(6, true);
        std::thread::scope(|scope| {
            scope.spawn(|| outbox.write(Full));
            while outbox.put(b"answer\n") {}
        });
        assert_eq!(outbox.end().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
