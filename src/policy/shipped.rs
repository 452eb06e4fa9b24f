//! The checkpoints that come with agon.

use std::path::{Path, PathBuf};

use super::card::{self, Card};
use crate::{durable::files_in, error::Result};

/// A checkpoint that comes with agon.
pub struct Shipped {
    /// Its domain.
    pub domain: String,
    /// Its name within the domain.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// What it is, one card for each group that it was trained for, or what is wrong with it.
    pub cards: Result<Vec<Card>>,
}

/// The checkpoints below the folder `checkpoints`, in the order of their names.
///
/// # Errors
/// What the file system reports.
pub fn shipped(checkpoints: &Path) -> Result<Vec<Shipped>> {
    let mut found = Vec::new();
    for domain in files_in(checkpoints)?.into_iter().filter(|path| path.is_dir()) {
        for path in files_in(&domain)?.into_iter().filter(|path| path.is_dir()) {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let cards = card::folders(&path).and_then(|own| own.iter().map(|path| card::load_card(path)).collect());
            found.push(Shipped { domain: name(&domain), name: name(&path), cards, path });
        }
    }
    Ok(found)
}
