//! The built program, interrupted by Ctrl-C and by SIGKILL, then resumed from the command line.

use std::{
    fs,
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

#[test]
fn a_killed_program_resumes_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, broken) = (dir.path().join("whole"), dir.path().join("broken"));
    run_to_the_end(&fresh(&whole));
    let expected = remains(&whole);
    assert_eq!(expected.step, STEPS);

    // SIGKILL before any checkpoint but the first: everything is done again.
    let mut child = train(&fresh(&broken));
    wait_for(&mut child, &broken, 40);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(generation::load_latest(&broken.join("checkpoints")).unwrap().step, 0);

    // Ctrl-C: it finishes the iteration, saves and says how to go on.
    let folder = broken.display().to_string();
    let mut child = train(&["--resume", &folder]);
    wait_for(&mut child, &broken, 100);
    let id = child.id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -INT \"$0\"", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("--resume"), "{told}");
    let saved = generation::load_latest(&broken.join("checkpoints")).unwrap().step;
    assert!((100 * STEPS_PER_ITERATION..STEPS).contains(&saved), "saved at {saved}");

    // SIGKILL again, with a checkpoint to fall back to and logs that are ahead of it.
    let mut child = train(&["--resume", &folder]);
    wait_for(&mut child, &broken, usize::try_from(saved / STEPS_PER_ITERATION).unwrap() + 60);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(generation::load_latest(&broken.join("checkpoints")).unwrap().step, saved);

    run_to_the_end(&["--resume", &folder]);
    assert_same(&remains(&broken), &expected, "killed twice, interrupted once");
}
