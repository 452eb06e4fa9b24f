//! Where the plugin is, and what is said where it is not or cannot be used.

use std::{
    env,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf, absolute},
    sync::OnceLock,
};

use super::border::{Plugin, Unusable};
use crate::error::{Error, Result};

/// The environment variable that names the plugin's file.
const VARIABLE: &str = "AGON_TORCH";

/// The plugin's file.
const FILE: &str = "libagon_torch.so";

/// The file of the plugin: the one that `AGON_TORCH` names, be it there or not, or the first near the program.
pub fn place() -> Option<PathBuf> {
    named().or_else(|| near(env::current_exe().ok()?.parent()?))
}

/// The command that builds a plugin where this program was built.
pub fn how_to_build() -> String {
    // A program looks for the plugin that was built as it was.
    let profile = if cfg!(debug_assertions) { "" } else { "--release " };
    format!("scripts/setup.sh --torch && cargo build {profile}-p agon-torch")
}

/// The plugin, opened by whoever asks first.
pub(super) fn plugin() -> Result<Plugin> {
    static OPEN: OnceLock<Plugin> = OnceLock::new();
    if let Some(plugin) = OPEN.get() {
        return Ok(*plugin);
    }
    let plugin = open(place())?;
    Ok(*OPEN.get_or_init(|| plugin))
}

/// What [`VARIABLE`] says, unless it is empty.
fn named() -> Option<PathBuf> {
    let name = env::var_os(VARIABLE).filter(|name| !name.is_empty())?;
    // A name without a folder would be looked for in all folders of the loader.
    Some(absolute(&name).unwrap_or_else(|_| name.into()))
}

/// The first file of the plugin's name beside a program in `folder`, in the `lib` beside that folder, or where cargo puts
/// what its tests need.
pub(super) fn near(folder: &Path) -> Option<PathBuf> {
    [folder.join(FILE), folder.join("../lib").join(FILE), folder.join("deps").join(FILE)]
        .into_iter()
        .find(|file| file.is_file())
}

fn open(place: Option<PathBuf>) -> Result<Plugin> {
    let build = format!("build it: `{}`", how_to_build());
    let Some(path) = place else {
        return Err(Error::input(format!(
            "training with `--backend torch` needs {FILE}, which is not beside this program"
        ))
        .hint(format!("{build}; {VARIABLE} can name one that lies elsewhere")));
    };
    let opened = match is_object(&path) {
        Ok(true) => Plugin::open(&path),
        Ok(false) => Err(Unusable::Foreign),
        Err(error) => return Err(Error::input(format!("the plugin cannot be read: {error}")).in_file(path)),
    };
    let error = match opened {
        Ok(plugin) => return Ok(plugin),
        Err(Unusable::Foreign) => Error::input("this is not a plugin of agon").hint(build),
        Err(Unusable::Outdated) => Error::input("this plugin was built for another agon").hint(build),
        Err(Unusable::Refused(reason)) => Error::system(format!("the plugin cannot be loaded: {reason}")).hint(
            "bring libtorch back with `scripts/setup.sh --torch`, or put its folder beside the plugin as `libtorch`",
        ),
    };
    Err(error.in_file(path))
}

/// Whether a file begins as shared objects do.
fn is_object(path: &Path) -> io::Result<bool> {
    let mut begin = [0; 4];
    let len = File::open(path)?.read(&mut begin)?;
    Ok(begin[..len] == *b"\x7fELF")
}
