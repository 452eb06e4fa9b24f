//! What is kept of the desk from one time to the next.

use std::path::{Path, PathBuf};

use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use super::{Pane, SCALES, layout::default_layout};
use crate::{
    durable::{read_capped, write_atomic},
    error::{Error, Result},
};

/// Longest settings file that is read.
const MAX_BYTES: u64 = 256 * 1024;

/// Version of the settings file; another one is not read.
pub(super) const VERSION: u32 = 1;

/// What is kept from one time to the next.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) version: u32,
    pub(super) theme: String,
    pub(super) scale: f32,
    pub(super) size: (f32, f32),
    pub(super) layout: Tree<Pane>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { version: VERSION, theme: "dark".to_owned(), scale: 1.0, size: (1280.0, 720.0), layout: default_layout() }
    }
}

/// Where settings are kept: `agon/window.ron` in the user's folder of settings.
pub fn settings_path() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))?;
    Some(base.join("agon").join("window.ron"))
}

/// Reads the settings.
///
/// # Errors
/// A file that cannot be read, or is of another version or damaged.
pub(super) fn read(path: &Path) -> Result<Settings> {
    let bytes = read_capped(path, MAX_BYTES)?;
    let settings: Settings = ron::de::from_bytes(&bytes).map_err(|error| {
        let at = error.span.start;
        Error::input(format!("these settings are not used: {}", error.code)).in_file(path).at(at.line, at.col)
    })?;
    let tiles = &settings.layout.tiles;
    let is_whole = settings.version == VERSION
        && settings.layout.root().is_some_and(|root| tiles.get(root).is_some())
        && Pane::ALL.iter().filter(|pane| tiles.find_pane(pane).is_some()).count() > 0
        && settings.scale.is_finite()
        && settings.size.0.is_finite()
        && settings.size.1.is_finite();
    if !is_whole {
        return Err(Error::input("these settings are of another version of agon, or damaged").in_file(path));
    }
    let size = (settings.size.0.clamp(640.0, 8192.0), settings.size.1.clamp(400.0, 8192.0));
    Ok(Settings { scale: settings.scale.clamp(SCALES.0, SCALES.1), size, ..settings })
}

/// Writes the settings.
///
/// # Errors
/// What the file system reports.
pub(super) fn write(path: &Path, settings: &Settings) -> Result<()> {
    let text = ron::ser::to_string_pretty(settings, ron::ser::PrettyConfig::new().new_line("\n"))
        .map_err(|error| Error::system(format!("the settings cannot be written: {error}")))?;
    if let Some(folder) = path.parent() {
        let _ = crate::durable::create_dir(folder)?;
    }
    let _ = write_atomic(path, text.as_bytes())?;
    Ok(())
}
