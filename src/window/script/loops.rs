//! What frames lose to any program that runs beside them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use crate::priority::lower_priority;

/// Loops that do nothing but count, one per core, until this is dropped.
pub(super) struct Loops(Arc<AtomicBool>, Vec<JoinHandle<()>>);

impl Loops {
    pub(super) fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let count = |is_over: Arc<AtomicBool>| {
            lower_priority();
            let mut count = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                count = std::hint::black_box(count.wrapping_add(1));
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let start = |_| {
            let is_over = Arc::clone(&is_over);
            // A loop that the system has no thread for is one fewer.
            std::thread::Builder::new().name("loop".to_owned()).spawn(move || count(is_over)).ok()
        };
        let threads = (0..cores).filter_map(start).collect();
        Self(is_over, threads)
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        for thread in self.1.drain(..) {
            let _ = thread.join();
        }
    }
}
