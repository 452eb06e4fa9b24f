//! Gives every binary, test, example and bench a run path to libtorch, so that they start from any shell.
//!
//! torch-sys knows where it found libtorch but can pass link arguments to nobody. It does publish the folder, as
//! `DEP_TCH_LIBTORCH_LIB`, to packages that depend on it directly: that is why Cargo.toml names torch-sys beside tch.
//! Without the `torch` feature the variable is absent and there is nothing to do.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else { return };
    let library = lib.join("libtorch_cpu.so");
    // A path that does not exist counts as changed, so this looks again at every build until libtorch is back.
    println!("cargo::rerun-if-changed={}", library.display());
    if !library.exists() {
        println!(
            "cargo::error=libtorch is missing: there is no {}. Run scripts/setup.sh (or make run), then build again.",
            library.display()
        );
        return;
    }
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    // DT_RPATH instead of DT_RUNPATH: a libtorch of another version in LD_LIBRARY_PATH must not replace the one whose
    // headers the binding was compiled against.
    println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags");
}
