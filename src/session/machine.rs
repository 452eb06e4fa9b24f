//! What a run asks of the machine: time and memory.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::stopwatch::PHASES;

/// Speed of an iteration of `env_steps` that took `seconds`, and the memory that the process has come to.
pub(super) fn scalars(env_steps: u64, seconds: f64) -> impl Iterator<Item = (String, f64)> {
    // A clock that stood still measures no speed.
    let speed = (seconds > 0.0).then(|| ("charts/SPS".to_owned(), env_steps as f64 / seconds));
    let memory = memory_mb().map(|memory_mb| ("system/memory_mb".to_owned(), memory_mb));
    speed.into_iter().chain(memory)
}

/// Mean time of a tick of one env, of each phase and of all together.
pub(super) fn times(phases_us: Option<[f64; PHASES.len()]>) -> impl Iterator<Item = (String, f64)> {
    let whole = phases_us.map(|phases| ("time/step_us".to_owned(), phases.iter().sum()));
    let named = |phases| PHASES.into_iter().zip(phases).map(|(name, us)| (format!("time/{name}_us"), us));
    whole.into_iter().chain(phases_us.into_iter().flat_map(named))
}

/// Physical memory of this process in megabytes; none where the system does not tell.
fn memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = resident.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// CPU time that this process has used so far, over all its threads: `CLOCK_PROCESS_CPUTIME_ID`.
pub(crate) fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

/// Threads whose CPU time counts together.
#[derive(Clone, Debug, Default)]
pub(super) struct Crew(Arc<Mutex<Vec<PathBuf>>>);

impl Crew {
    /// The calling thread is one of them from now on.
    pub(super) fn join(&self) {
        // Linux alone tells of single threads; a crew without members has no time to tell.
        if let Ok(thread) = std::fs::read_link("/proc/thread-self") {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(PathBuf::from("/proc").join(thread));
        }
    }

    /// CPU time that they have had so far, in seconds; none where the system does not tell, or when one has ended.
    pub(super) fn cpu_s(&self) -> Option<f64> {
        let threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |thread: &PathBuf| {
            let running_ns = std::fs::read_to_string(thread.join("schedstat")).ok()?;
            running_ns.split_whitespace().next()?.parse::<f64>().ok()
        };
        let sum_ns = threads.iter().map(of).sum::<Option<f64>>()?;
        (!threads.is_empty()).then_some(1e-9 * sum_ns)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_crew_has_the_time_of_its_members_and_of_nobody_else() {
        let crew = Crew::default();
        assert_eq!(crew.cpu_s(), None);
        let own_s = || clock_gettime(ClockId::ThreadCPUTime).tv_nsec as f64 * 1e-9;
        let busy = move || {
            let begun = own_s();
            // A second that ends in between makes it longer, never shorter.
            while (own_s() - begun).abs() < 0.04 {
                std::hint::spin_loop();
            }
        };
        crew.join();
        let before = crew.cpu_s().unwrap();
        std::thread::spawn(busy).join().unwrap();
        let (own, begun) = (crew.cpu_s().unwrap() - before, crew.cpu_s().unwrap());
        busy();
        let more = crew.cpu_s().unwrap() - begun;
        assert!(own < 0.02 && more > 0.03, "{own} s while another worked, {more} s of work");
    }

    #[test]
    fn speed_is_steps_by_time() {
        let of = |seconds| scalars(300, seconds).find(|(name, _)| name == "charts/SPS");
        assert_eq!(of(1.5), Some(("charts/SPS".to_owned(), 200.0)));
        assert_eq!((of(0.0), of(-1.0)), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_that_of_this_process() {
        let before = memory_mb().unwrap();
        let filled = std::hint::black_box(vec![1_u8; 64_000_000]);
        let grown = memory_mb().unwrap() - before;
        drop(filled);
        assert!(before > 0.5 && (50.0..200.0).contains(&grown), "{before} MB and {grown} MB more");
    }
}
