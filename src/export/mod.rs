//! What happened, as files: clips, single pictures, tables, graphs.
//!
//! A [`Film`] is anything that shows one moment after the other: a policy at play, or a recording. What it shows becomes
//! pictures, rows or a graph, and these a file, which appears complete or not at all.

mod csv;
mod dot;
mod film;
mod frames;
mod gif;
#[cfg(feature = "video")]
mod mp4;
mod palette;
#[cfg(feature = "parquet")]
mod parquet;
mod png;
mod recorded;
mod table;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, BufWriter},
    path::Path,
};

use self::frames::Frames;
pub use self::{
    film::{Film, Played},
    gif::MAX_GIF_FPS,
    table::Table,
};
use crate::{
    durable::{Durability, landing, write_atomic_with},
    error::{Error, Result},
    picture::Theme,
    sim::ViewOptions,
};

/// What a file is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A clip that every browser shows.
    Gif,
    /// A clip that is smaller and has more colours.
    Mp4,
    /// One picture.
    Png,
    /// One row per tick, as text.
    Csv,
    /// One row per tick, as columns.
    Parquet,
    /// Who is joined to whom at one tick, for Graphviz, NetworkX and Gephi.
    Dot,
}

/// How to show a film.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportOptions {
    /// First tick; without it the film's first, for a single picture or a graph the last.
    pub from: Option<u64>,
    /// Last tick; without it the film's last.
    pub until: Option<u64>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pictures per second of a clip; a GIF has at most [`MAX_GIF_FPS`] and plays as long.
    pub fps: u32,
    /// Seconds of the film per second of a clip; without it, every tick is a picture.
    pub speed: Option<f64>,
    /// What colours look like.
    pub theme: Theme,
    /// What is shown.
    pub view: ViewOptions,
}

/// What stopped an export.
enum Failure {
    /// The file could not take it.
    Io(io::Error),
    /// Anything else.
    Told(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

impl Format {
    const ENDINGS: [(&str, Self); 6] = [
        ("gif", Self::Gif),
        ("mp4", Self::Mp4),
        ("png", Self::Png),
        ("csv", Self::Csv),
        ("parquet", Self::Parquet),
        ("dot", Self::Dot),
    ];

    /// What a file of this name is to hold.
    ///
    /// # Errors
    /// A name that ends in none of the formats, or in one that this agon was built without.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        let endings = Self::ENDINGS.map(|(name, _)| format!("`.{name}`")).join(", ");
        let found = Self::ENDINGS.iter().find(|(name, _)| *name == ending).map(|(_, format)| *format);
        let format = found.ok_or_else(|| {
            Error::input(match ending.as_str() {
                "" => "the file's name says no format".to_owned(),
                _ => format!("agon writes no `.{}` files", ending.escape_debug()),
            })
            .in_file(path)
            .hint(format!("the name may end in {endings}"))
        })?;
        let (is_missing, feature, instead) = match format {
            Self::Mp4 => (cfg!(not(feature = "video")), "video", "gif"),
            Self::Parquet => (cfg!(not(feature = "parquet")), "parquet", "csv"),
            Self::Gif | Self::Png | Self::Csv | Self::Dot => (false, "", ""),
        };
        if is_missing {
            return Err(Error::input(format!("this agon was built without the feature `{feature}`"))
                .in_file(path)
                .hint(format!("write a `.{instead}` file, or build with `--features {feature}`")));
        }
        Ok(format)
    }
}

/// Writes what `film` shows to `path`, in the format that its name says. If it is a link, what it points to is replaced.
///
/// `on_step` is told how many of how many steps are done.
///
/// # Errors
/// A film that cannot be shown so, a format that is not known, or what the file system reports. The file is as it was
/// then.
pub fn export(
    film: &mut dyn Film,
    path: &Path,
    options: &ExportOptions,
    on_step: &mut dyn FnMut(u64, u64),
) -> Result<Durability> {
    let (format, path) = (Format::of(path)?, &landing(path)?);
    match format {
        Format::Csv => {
            let table = Table::of(film, options.from, options.until, on_step)?;
            crate::durable::write_atomic(path, csv::text(&table).as_bytes())
        }
        #[cfg(feature = "parquet")]
        Format::Parquet => {
            let table = Table::of(film, options.from, options.until, on_step)?;
            write(path, |out| parquet::write(&table, out))
        }
        Format::Dot => crate::durable::write_atomic(path, dot::of(film, options, on_step)?.as_bytes()),
        Format::Png => {
            let (first, last) = film.ticks().into_inner();
            let only = options.until.or(options.from).unwrap_or(last);
            // The tick before stands in for one that has ended its episode and shows the next one.
            let (from, until) = (Some(only.saturating_sub(1).max(first)), Some(only));
            let options = ExportOptions { from, until, speed: None, ..options.clone() };
            let mut frames = Frames::new(film, &options, on_step)?;
            write(path, |out| png::write(&mut frames, out))
        }
        Format::Gif => {
            let options = gif::in_time(film, options)?;
            let mut frames = Frames::new(film, &options, on_step)?;
            write(path, |out| gif::write(&mut frames, out))
        }
        #[cfg(feature = "video")]
        Format::Mp4 => {
            let mut frames = Frames::new(film, options, on_step)?;
            write(path, |out| mp4::write(&mut frames, out))
        }
        #[allow(unreachable_patterns, reason = "which formats are left depends on the features")]
        _ => Err(Error::input("this agon was built without this format").in_file(path)),
    }
}

/// Replaces the file at `path` by what `put` puts out.
fn write(path: &Path, put: impl FnOnce(&mut BufWriter<&File>) -> Result<(), Failure>) -> Result<Durability> {
    let mut told = None;
    let written = write_atomic_with(path, |out| match put(out) {
        Ok(()) => Ok(()),
        Err(Failure::Io(error)) => Err(error),
        Err(Failure::Told(error)) => {
            told = Some(error);
            Err(io::Error::other("told"))
        }
    });
    match told {
        Some(error) => Err(error),
        None => written,
    }
}
