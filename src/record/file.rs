//! A recording that is written to its place as it goes.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
};

use bevy_ecs::world::World;

use super::recorder::{Opening, Recorder};
use crate::{
    durable::{Durability, create_dir, failed, sync_dir},
    error::{Error, Result},
};

/// A recorder whose sink is a file, under its final name from the beginning: what a crash leaves is a recording.
pub struct RecordingFile {
    recorder: Recorder<BufWriter<File>>,
    /// The same file, to be synced beside the writer.
    file: File,
    path: PathBuf,
}

impl RecordingFile {
    /// Makes a file that did not exist, and its folder, and begins a recording there.
    ///
    /// # Errors
    /// A file that is there already, what the file system reports, and as [`Recorder::start`]. No file stays then.
    pub fn create(path: &Path, opening: &Opening<'_>, world: &World, slot: usize) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let _ = create_dir(folder)?;
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::input("there is such a file already, and a recording replaces nothing")
                .in_file(path)
                .hint("name another one"),
            _ => failed("cannot make the file", path, &error),
        })?;
        let begin = || {
            let twin = file.try_clone().map_err(|error| failed("cannot use the file", path, &error))?;
            let recorder = Recorder::start(BufWriter::new(file), opening, world, slot);
            Ok(Self { recorder: recorder.map_err(|error| error.in_file(path))?, file: twin, path: path.to_owned() })
        };
        let begun = begin();
        if begun.is_err() {
            // Nothing is in it, and the error that matters is the one that is told.
            let _ = fs::remove_file(path);
        } else {
            let _ = sync_dir(folder);
        }
        begun
    }

    /// The recorder.
    pub fn recorder(&mut self) -> &mut Recorder<BufWriter<File>> {
        &mut self.recorder
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings to disk the chunks that are complete; [`Recorder::flush`] completes one.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| failed("cannot bring to disk", &self.path, &error))
    }

    /// Ends the recording and brings it to disk.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn finish(self) -> Result<Durability> {
        let mut out = self.recorder.finish().map_err(|error| error.in_file(&self.path))?;
        out.flush().map_err(|error| failed("cannot write", &self.path, &error))?;
        self.file.sync_all().map_err(|error| failed("cannot bring to disk", &self.path, &error))?;
        Ok(self.path.parent().map_or(Durability::Promised, |folder| {
            sync_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        }))
    }
}
