//! The built program on disks that lack something: locks, or space.

use std::{
    fs,
    process::{Command, Output},
};

use super::*;

/// What a file system without locks answers, and what a full disk answers to a new content that is put in place.
const SHIM: &str = r#"
    #define _GNU_SOURCE
    #include <errno.h>
    #include <stdlib.h>
    #include <string.h>
    #include <dlfcn.h>
    int flock(int fd, int operation) { errno = ENOSYS; return -1; }
    int renameat(int from_fd, const char *from, int to_fd, const char *to) {
        int (*real)(int, const char *, int, const char *) = dlsym(RTLD_NEXT, "renameat");
        const char *full = getenv("FULL_FOR");
        if (full && strstr(to, full)) { errno = ENOSPC; return -1; }
        return real(from_fd, from, to_fd, to);
    }
"#;

/// The shim as a library; none where there is no C compiler.
fn shim(dir: &Path) -> Option<PathBuf> {
    let (source, library) = (dir.join("shim.c"), dir.join("shim.so"));
    fs::write(&source, SHIM).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl").status();
    built.is_ok_and(|status| status.success()).then_some(library)
}

/// Trains a little under the shim; contents of files whose name contains `full_for` find no space.
fn train(shim: &Path, out: &Path, full_for: Option<&str>) -> Output {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/jamming/skirmish.ron");
    let mut command = Command::new(env!("CARGO_BIN_EXE_agon"));
    command.arg("train").arg(scenario).args(["--steps", "64", "--envs", "4", "--threads", "1", "--out"]).arg(out);
    for value in ["max_steps=5", "num_steps=8", "envs_per_world=2", "hidden=8", "minibatch_size=40"] {
        command.args(["--set", value]);
    }
    command.env("LD_PRELOAD", shim);
    command.envs(full_for.map(|name| ("FULL_FOR", name)));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat()
}

#[test]
fn a_disk_without_locks_is_trained_on_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let Some(shim) = shim(dir.path()) else { return };
    let run = dir.path().join("run");
    let output = train(&shim, &run, None);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output).matches("has no locks").count(), 1, "{}", said(&output));
    assert_eq!(newest(&run).step, 64);
}

#[test]
fn a_start_that_fails_leaves_no_folder_and_nothing_in_one_that_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let Some(shim) = shim(dir.path()) else { return };
    let (new, old) = (dir.path().join("new"), dir.path().join("old"));
    fs::create_dir(&old).unwrap();
    fs::write(old.join("notes"), "mine").unwrap();
    for full_for in [".agon", "scenario.ron", "run.ron", "policy.safetensors", "card.ron"] {
        for out in [&new, &old] {
            let output = train(&shim, out, Some(full_for));
            assert_eq!(output.status.code(), Some(1), "{full_for}: {}", said(&output));
            assert!(said(&output).contains("free space"), "{full_for}: {}", said(&output));
        }
        assert!(!new.exists(), "{full_for}");
        assert_eq!(old.read_dir().unwrap().count(), 1, "{full_for}");
    }
    for out in [&new, &old] {
        assert!(train(&shim, out, None).status.success());
    }
}
