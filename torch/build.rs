//! Gives the plugin and its tests run paths to libtorch, so that it opens in any program and any folder.
//!
//! torch-sys knows where it found libtorch but can pass link arguments to nobody. It does publish the folder, as
//! `DEP_TCH_LIBTORCH_LIB`, to packages that depend on it directly: that is why Cargo.toml names torch-sys beside tch.

use std::path::{Component, Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else { return };
    let library = lib.join("libtorch_cpu.so");
    // A path that does not exist counts as changed, so this looks again at every build until libtorch is back.
    println!("cargo::rerun-if-changed={}", library.display());
    if !library.exists() {
        println!(
            "cargo::error=libtorch is missing: there is no {}. Run scripts/setup.sh --torch, then build again.",
            library.display()
        );
        return;
    }
    // Beside a plugin that was copied to elsewhere.
    run_path("$ORIGIN/libtorch/lib");
    run_path("$ORIGIN/../libtorch/lib");
    // Where it was built, seen from the plugin and from tests, which lie one folder deeper: a checkout may move as a whole.
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from);
    if let Some(built) = out.as_deref().and_then(|out| out.ancestors().nth(3)) {
        for folder in [built.to_owned(), built.join("deps")] {
            run_path(&format!("$ORIGIN/{}", relative(&folder, &lib).display()));
        }
    }
    // A plugin that was copied without its libtorch still opens on the machine that built it.
    run_path(&lib.display().to_string());
    // DT_RPATH instead of DT_RUNPATH: a libtorch of another version in LD_LIBRARY_PATH must not replace the one whose
    // headers the binding was compiled against.
    println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags");
}

fn run_path(folder: &str) {
    println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
}

/// The way from one absolute folder to another.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component>, Vec<Component>) = (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(Component::ParentDir, from.len() - shared);
    up.chain(to[shared..].iter().copied()).collect()
}
