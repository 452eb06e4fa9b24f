//! What a run asks of the machine: time and memory.

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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

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
