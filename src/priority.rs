//! Who goes first where cores are short: threads that draw, then threads that train.
//!
//! Threads that train are of the system's idle class, so that those that draw interrupt them. Where the processor itself
//! draws, that is not enough. The system gives an idle thread its small share in whole ticks of its clock, 4 ms often, and it
//! leaves a thread that waits for one core waiting while the other has an idle thread to run. So a window that draws in
//! software [claims](RightOfWay::claim) the time of each frame, and threads that train rest meanwhile, from the next piece
//! of their work on.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A claim ends by itself after this long, so that nobody waits for a window that has stopped to draw.
const LONGEST: Duration = Duration::from_millis(100);
/// Time between two looks whether a claim has ended. A lock would be faster, and could keep the window waiting for a thread
/// that holds it and is not let run.
const REST: Duration = Duration::from_micros(250);
/// Stands for a claim that never begins.
const NEVER: u64 = u64::MAX;

thread_local! {
    /// Whom this thread gives way to.
    static HEEDED: RefCell<Option<RightOfWay>> = const { RefCell::new(None) };
}

/// What a window has to say about when it wants the cores, to any number of threads. Clones speak for the same window.
#[derive(Clone, Debug)]
pub struct RightOfWay(Arc<Claim>);

#[derive(Debug)]
struct Claim {
    epoch: Instant,
    /// Nanoseconds from `epoch` until the claim begins.
    from_ns: AtomicU64,
}

impl Default for RightOfWay {
    fn default() -> Self {
        Self(Arc::new(Claim { epoch: Instant::now(), from_ns: AtomicU64::new(NEVER) }))
    }
}

impl RightOfWay {
    /// Claims the time from `from` on, until something else is claimed; none claims nothing.
    pub fn claim(&self, from: Option<Instant>) {
        self.0.from_ns.store(from.map_or(NEVER, |from| self.ns(from)), Ordering::Relaxed);
    }

    /// Whether the time is claimed that `now` tells.
    fn holds(&self, now: impl FnOnce() -> Instant) -> bool {
        let from_ns = self.0.from_ns.load(Ordering::Relaxed);
        // Most often nothing is claimed, and then no clock is asked.
        from_ns != NEVER && (from_ns..from_ns + LONGEST.as_nanos() as u64).contains(&self.ns(now()))
    }

    fn ns(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.0.epoch).as_nanos() as u64
    }
}

/// From now on the calling thread lets others go first: by its priority, and at every [`give_way`].
pub(crate) fn go_last(heeded: &RightOfWay) {
    lower_priority();
    HEEDED.set(Some(heeded.clone()));
}

/// Rests while a window whom this thread heeds wants the cores. Whoever trains asks this before each piece of work, the
/// smaller the better; it changes no result.
pub(crate) fn give_way() {
    HEEDED.with_borrow(|heeded| {
        while heeded.as_ref().is_some_and(|heeded| heeded.holds(Instant::now)) {
            std::thread::sleep(REST);
        }
    });
}

/// Gives the calling thread only those cores that are idle. Without a window there is nobody to give way to.
pub(crate) fn lower_priority() {
    // On Linux a priority is that of a thread; elsewhere it would be that of the whole process, the window included. A nice
    // value alone is not enough: a thread that wakes to draw may wait until a training thread has used up its time slice.
    // A system that refuses is no error: the thread then trains with the priority it has.
    #[cfg(all(target_os = "linux", feature = "window"))]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
            thread_native_id,
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_begins_and_ends() {
        let (right, ms) = (RightOfWay::default(), Duration::from_millis);
        let now = Instant::now();
        assert!(!right.holds(|| now));
        right.claim(Some(now + ms(10)));
        assert_eq!([9, 10, 109, 110].map(|after| right.holds(|| now + ms(after))), [false, true, true, false]);
        right.clone().claim(Some(now + ms(50)));
        assert!(!right.holds(|| now + ms(10)));
        right.claim(None);
        assert!(!right.holds(|| now + ms(60)));
    }

    #[test]
    fn only_threads_that_heed_a_window_rest_and_no_longer_than_a_claim_holds() {
        let right = RightOfWay::default();
        let rest = move |heeds: bool| {
            let right = right.clone();
            let thread = std::thread::spawn(move || {
                if heeds {
                    go_last(&right);
                }
                let begun = Instant::now();
                right.claim(Some(begun));
                give_way();
                (right.holds(Instant::now), begun.elapsed())
            });
            thread.join().expect("nothing in it panics")
        };
        let (is_claimed, rested) = rest(true);
        assert!(!is_claimed && rested >= LONGEST, "{rested:?}");
        // However slow a machine is, one of these looks comes before a claim is over.
        assert!((0..100).any(|_| rest(false).0));
    }
}
