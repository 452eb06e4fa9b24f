//! A process that dies at any system call, or at any moment, loses nothing that it promised.

use std::{
    fs,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use super::{
    needs::{self, say},
    victim::{self, CARD, CHECKPOINTS, LOG, Promised, check_leftovers},
};

const STEPS: u64 = 4;
/// Above the write buffer, so that a file is written in several calls.
const BYTES: usize = 300_000;
/// Every call that changes the disk, and the one in front of each read.
const CALLS: [&str; 6] = ["mkdirat", "openat", "write", "fsync", "renameat", "unlinkat"];

/// The files that the victim touches: strace counts and kills only calls on these, not those of a starting program.
fn touched(folder: &Path) -> Vec<String> {
    let checkpoints = folder.join(CHECKPOINTS);
    let mut paths = vec![folder.to_owned(), folder.join(LOG), checkpoints.clone()];
    let generations = (1..=STEPS).map(|step| checkpoints.join(format!("{step:012}.agon")));
    for path in generations.chain([folder.join(CARD)]) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        paths.extend([path.with_file_name(format!(".{name}.tmp")), path]);
    }
    paths.iter().flat_map(|path| ["-P".to_owned(), path.display().to_string()]).collect()
}

/// Runs the victim in a fresh folder, dying at its `nth` call of `call` (0: at none), and returns the log of its calls.
fn run_traced(folder: &Path, call: &str, nth: usize) -> (std::process::Output, String) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    let log = folder.with_extension("strace");
    let (log_name, trace) = (log.display().to_string(), format!("trace={}", CALLS.join(",")));
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let paths = touched(folder);
    let mut wrapper = vec!["strace", "-f", "-qq", "-o", &log_name, "-e", &trace];
    if nth > 0 {
        wrapper.extend(["-e", &inject]);
    }
    wrapper.extend(paths.iter().map(String::as_str));
    let output = victim::command(&wrapper, folder, STEPS, BYTES).output().unwrap();
    (output, fs::read_to_string(&log).unwrap_or_default())
}

#[test]
fn a_kill_at_any_system_call_loses_nothing() {
    const BUDGET: Duration = Duration::from_secs(25);
    if !needs::program("strace", "strace") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("run");
    let started = Instant::now();
    let (output, log) = run_traced(&folder, "", 0);
    if log.is_empty() && !needs::lacks("strace to be allowed to trace") {
        return;
    }
    assert!(output.status.success() && Promised::by(&output).exported == STEPS, "{output:?}");
    let points: Vec<(&str, usize)> = CALLS
        .iter()
        .flat_map(|call| {
            let count = log.lines().filter(|line| line.contains(&format!(" {call}("))).count();
            assert!(count > 0, "the victim never calls {call}:\n{log}");
            (1..=count).map(move |nth| (*call, nth))
        })
        .collect();
    // Where a program starts slowly, not every point fits into the time of a test run.
    let fitting = BUDGET.as_nanos() / started.elapsed().as_nanos().max(1);
    let stride = (points.len() as u128).div_ceil(fitting.max(1)).max(1) as usize;
    let mut num_temps = 0;
    for &(call, nth) in points.iter().step_by(stride) {
        let (output, log) = run_traced(&folder, call, nth);
        assert!(log.contains("killed by SIGKILL"), "{call} {nth} was not reached:\n{log}");
        num_temps += usize::from(has_temp(&folder));
        check_leftovers(&folder, Promised::by(&output), BYTES);
    }
    let killed = points.len().div_ceil(stride);
    assert!(num_temps * 5 >= killed, "only {num_temps} of {killed} kills fell inside a write");
}

#[test]
#[ignore = "make torture"]
fn a_kill_at_any_moment_loses_nothing() {
    const BIG: usize = 4 << 20;
    let kills: u32 = std::env::var("AGON_KILLS").map_or(200, |text| text.parse().unwrap());
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("run");
    let mut num_temps = 0;
    for kill in 0..kills {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut victim = victim::command(&[], &folder, u64::MAX, BIG).stdout(Stdio::piped()).spawn().unwrap();
        // The first write begins once the folder is there; from then on 64 delays spread over several generations.
        while !folder.join(CHECKPOINTS).exists() {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_micros(u64::from(kill % 64) * 1370 + u64::from(kill / 64) * 97));
        victim.kill().unwrap();
        let output = victim.wait_with_output().unwrap();
        num_temps += u32::from(has_temp(&folder));
        check_leftovers(&folder, Promised::by(&output), BIG);
    }
    assert!(num_temps * 20 >= kills, "only {num_temps} of {kills} kills fell inside a write: widen the delays");
    say(&format!("{kills} kills, {num_temps} of them inside a write, nothing lost"));
}

/// Whether the victim died inside a write.
fn has_temp(folder: &Path) -> bool {
    let is_temp = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "tmp");
    [folder.to_owned(), folder.join(CHECKPOINTS)]
        .iter()
        .any(|folder| agon::durable::files_in(folder).unwrap().iter().any(is_temp))
}
