//! `--backend torch` where its plugin is missing or cannot be used. None of this needs libtorch.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{needs, stderr, text};

/// A program far from where it was built, so that no plugin is beside it.
struct Moved {
    folder: tempfile::TempDir,
}

impl Moved {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(env!("CARGO_BIN_EXE_agon"), folder.path().join("agon")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path("agon"));
        command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("AGON_TORCH");
        command
    }

    /// Trains as little as possible into the folder `run`.
    fn train(&self, backend: &str) -> Command {
        let run = self.path("run");
        let args = ["train", "skirmish", "--backend", backend, "--steps", "64", "--envs", "8", "--out", text(&run)];
        let mut command = self.command(&args);
        command.args(["--set", "num_steps=8", "--set", "hidden=8", "--set", "max_steps=2"]);
        command
    }

    /// Training with `--backend torch` must end with this code and one line that says all of `because`, and write nothing.
    #[track_caller]
    fn refuses(&self, command: &mut Command, code: i32, because: &[&str]) {
        let output: Output = command.output().unwrap();
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.starts_with("error: ") && told.trim_end().lines().count() == 1, "{told}");
        for because in because {
            assert!(told.contains(because), "expected `{because}` in: {told}");
        }
        assert!(output.stdout.is_empty() && !self.path("run").exists(), "something was written");
    }
}

/// Compiles a shared object, with more arguments for the compiler.
#[track_caller]
fn compile(code: &str, object: &Path, more: &[&str]) {
    let source = object.with_extension("c");
    fs::write(&source, code).unwrap();
    let mut cc = Command::new("cc");
    let built = cc.args(["-shared", "-fPIC", "-Wl,--no-as-needed", "-o"]).args([object, &source]).args(more).output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", stderr(&built));
    fs::remove_file(&source).unwrap();
}

#[test]
fn a_program_alone_trains_with_the_built_in_network_and_says_what_libtorch_needs() {
    let agon = Moved::new();
    agon.refuses(
        &mut agon.train("torch"),
        2,
        &[
            "training with `--backend torch` needs libagon_torch.so, which is not beside this program",
            "scripts/setup.sh --torch && cargo build ",
            "-p agon-torch`",
            "AGON_TORCH",
        ],
    );
    let output = agon.train("fused").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(agon.path("run/policy.safetensors").is_file());
}

#[test]
fn doctor_says_how_to_build_the_plugin_and_what_is_wrong_with_one() {
    let agon = Moved::new();
    // Long findings are wrapped.
    let words = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let missing = words(&mut agon.command(&["doctor"]));
    let expected =
        "ok torch not beside this binary, for training through libtorch: build it with `scripts/setup.sh --torch";
    assert!(missing.contains(expected) && missing.contains("-p agon-torch`"), "{missing}");
    let wrong = words(agon.command(&["doctor"]).env("AGON_TORCH", "Cargo.toml"));
    assert!(wrong.contains("poor torch") && wrong.contains("this is not a plugin of agon"), "{wrong}");
}

#[test]
fn a_file_that_is_no_plugin_is_refused() {
    let agon = Moved::new();
    let named = |file: &str, because: &[&str]| {
        agon.refuses(agon.train("torch").env("AGON_TORCH", file), 2, because);
    };
    named("no-such.so", &["no-such.so: the plugin cannot be read"]);
    // The name is that of a file, whatever folders the loader knows.
    named(
        "Cargo.toml",
        &[concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml: this is not a plugin of agon"), "build it"],
    );
    fs::write(agon.path("libagon_torch.so"), "").unwrap();
    agon.refuses(&mut agon.train("torch"), 2, &["libagon_torch.so: this is not a plugin of agon"]);
}

#[test]
fn shared_objects_of_others_and_of_another_agon_are_refused() {
    if !needs::program("cc", "gcc") {
        return;
    }
    let agon = Moved::new();
    let plugin = agon.path("libagon_torch.so");
    compile("int nothing;", &plugin, &[]);
    agon.refuses(&mut agon.train("torch"), 2, &["libagon_torch.so: this is not a plugin of agon", "build it"]);
    compile("void *agon_torch(void) { return 0; }", &plugin, &[]);
    agon.refuses(&mut agon.train("torch"), 2, &["libagon_torch.so: this is not a plugin of agon"]);
    compile("static unsigned long long number = 1; void *agon_torch(void) { return &number; }", &plugin, &[]);
    agon.refuses(
        &mut agon.train("torch"),
        2,
        &[
            "libagon_torch.so: this plugin was built for another agon",
            "build it: `scripts/setup.sh --torch && cargo build ",
        ],
    );
}

#[test]
fn a_plugin_that_has_lost_its_libtorch_is_told_with_the_loaders_reason() {
    if !needs::program("cc", "gcc") {
        return;
    }
    let agon = Moved::new();
    let libtorch = agon.path("libtorch_cpu.so");
    compile("int torch;", &libtorch, &[]);
    compile("int nothing;", &agon.path("libagon_torch.so"), &[text(&libtorch)]);
    fs::remove_file(&libtorch).unwrap();
    agon.refuses(
        &mut agon.train("torch"),
        1,
        &[
            "the plugin cannot be loaded: ",
            "libtorch_cpu.so: cannot open shared object file",
            "scripts/setup.sh --torch",
        ],
    );
}
