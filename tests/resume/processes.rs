//! The built program, interrupted by Ctrl-C and by SIGKILL, then resumed from the command line.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::*;

/// Env-steps: long enough to be caught in the middle.
const STEPS: u64 = 600 * STEPS_PER_ITERATION;

fn train<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_agon"))
        .arg("train")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Arguments of a small run in `out`.
fn fresh(out: &Path) -> Vec<String> {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/jamming/skirmish.ron");
    let mut args = vec![scenario.display().to_string()];
    args.extend(["--out".to_owned(), out.display().to_string()]);
    args.extend(["--steps".to_owned(), STEPS.to_string()]);
    args.extend(["--seed", "7", "--envs", "4", "--threads", "2"].map(str::to_owned));
    let smaller =
        ["max_steps=5", "num_steps=8", "envs_per_world=2", "hidden=8", "minibatch_size=40", "update_epochs=2"];
    for value in smaller.into_iter().chain(["imitation=0.01"]) {
        args.extend(["--set".to_owned(), value.to_owned()]);
    }
    args
}

fn run_to_the_end<A: AsRef<std::ffi::OsStr>>(args: &[A]) {
    let output = train(args).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until the run in `folder` has logged `lines` lines.
fn wait_for(child: &mut Child, folder: &Path, lines: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let count =
        || fs::read(folder.join("metrics.jsonl")).map_or(0, |text| text.iter().filter(|b| **b == b'\n').count());
    while count() < lines {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be interrupted");
        assert!(Instant::now() < deadline, "{} lines were logged, not {lines}", count());
        std::thread::sleep(Duration::from_millis(2));
    }
}

const SIGINT: i32 = 2;

/// Sends signals by their names, one after the other; a negative id is that of a group.
fn send(signals: &[&str], id: &str) {
    for signal in signals {
        assert!(Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", signal, id]).status().unwrap().success());
    }
}

/// Shells show 128 and the number of the signal for both ways to end.
#[test]
fn an_interrupted_run_is_saved_and_its_end_tells_the_signal() {
    for (signals, code) in [
        (&["INT"][..], 130),
        (&["TERM"], 143),
        (&["HUP"], 129),
        (&["TERM", "INT", "HUP"], 143),
        (&["INT", "INT", "INT"], 130),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        let mut child = train(&fresh(&run));
        wait_for(&mut child, &run, 3);
        let (first, others) = signals.split_first().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        // Signals that come at once are listed by their numbers; only the answer to the first tells that it was first.
        send(&[first], &child.id().to_string());
        while !told.contains("stopping after this iteration") {
            assert_ne!(
                stderr.read_line(&mut told).unwrap(),
                0,
                "{signals:?}: the run ended before it answered: {told}"
            );
        }
        send(others, &child.id().to_string());
        stderr.read_to_string(&mut told).unwrap();
        let status = child.wait().unwrap();
        let shown = status.code().or(status.signal().map(|signal| 128 + signal));
        assert_eq!(shown, Some(code), "{signals:?}: {told}");
        assert!(told.contains("interrupted and saved; continue it with `agon train --resume"), "{signals:?}: {told}");
        let lines = fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count() as u64;
        assert!(lines >= 3 && newest(&run).step == lines * STEPS_PER_ITERATION, "{signals:?}: nothing was lost");
    }
}

/// A shell goes on with the next round unless the program itself has died of Ctrl-C.
#[test]
fn ctrl_c_ends_a_loop_around_agon() {
    if !Command::new("bash").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("1");
    let mut command = Command::new("bash");
    command.args([
        "-c",
        "out=$1; shift; for i in 1 2 3; do \"$@\" --out \"$out/$i\"; done; touch \"$out/after\"",
        "loop",
    ]);
    command.arg(dir.path()).args([env!("CARGO_BIN_EXE_agon"), "train"]);
    command.args(fresh(&first).into_iter().filter(|arg| arg != "--out" && *arg != first.display().to_string()));
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut shell = command.spawn().unwrap();
    wait_for(&mut shell, &first, 3);
    send(&["INT"], &format!("-{}", shell.id()));
    assert!(!shell.wait().unwrap().success());
    let left: Vec<_> = dir.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["1"]);
    assert!(newest(&first).step >= 3 * STEPS_PER_ITERATION);
}

/// `agon train --resume` with a goal that is behind the run: a command that did nothing, and says so.
#[test]
fn a_smaller_goal_on_the_command_line_is_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let mut child = train(&fresh(&run));
    wait_for(&mut child, &run, 3);
    send(&["TERM"], &child.id().to_string());
    child.wait_with_output().unwrap();
    let plan = fs::read(run.join("run.ron")).unwrap();
    let output = train(&["--resume", &run.display().to_string(), "--steps", "64"]).wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && told.contains("nothing was trained"), "{told}");
    assert_eq!(fs::read(run.join("run.ron")).unwrap(), plan);
}

#[test]
fn a_killed_program_resumes_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, broken) = (dir.path().join("whole"), dir.path().join("broken"));
    run_to_the_end(&fresh(&whole));
    let expected = remains(&whole);
    assert_eq!(expected.step, STEPS);

    // SIGKILL before any checkpoint but the first: everything is done again.
    let mut child = train(&fresh(&broken));
    wait_for(&mut child, &broken, 3);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(newest(&broken).step, 0);

    // Ctrl-C: it finishes the iteration, saves and says how to go on.
    let folder = broken.display().to_string();
    let mut child = train(&["--resume", &folder]);
    wait_for(&mut child, &broken, 10);
    send(&["INT"], &child.id().to_string());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.signal() == Some(SIGINT) && told.contains("--resume"), "{told}");
    let saved = newest(&broken).step;
    assert!((10 * STEPS_PER_ITERATION..STEPS).contains(&saved), "saved at {saved}");

    // SIGKILL again, with a checkpoint to fall back to and logs that are ahead of it.
    let mut child = train(&["--resume", &folder]);
    wait_for(&mut child, &broken, usize::try_from(saved / STEPS_PER_ITERATION).unwrap() + 3);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(newest(&broken).step, saved);

    run_to_the_end(&["--resume", &folder]);
    assert_same(&remains(&broken), &expected, "killed twice, interrupted once");
}
