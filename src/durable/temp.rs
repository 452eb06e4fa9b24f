//! The temporary file that a new content is written to before it is put in place.
//!
//! Its name is fixed per target (`.name.tmp`), so that what a killed process leaves is found and never piles up.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, TryLockError},
    io::{self, ErrorKind},
    path::PathBuf,
};

use rustix::fs::OFlags;

use super::{
    failed,
    folder::{Folder, Kind},
};
use crate::error::{Error, Result};

/// A temporary file that nobody else writes; removed when dropped before it was put in place.
pub(super) struct Temp<'a> {
    folder: &'a Folder,
    name: OsString,
    file: File,
    is_in_place: bool,
}

impl<'a> Temp<'a> {
    /// Makes the file new: writing into an existing one could damage a file that shares its content.
    pub(super) fn create(folder: &'a Folder, target: &OsStr) -> Result<Self> {
        const ATTEMPTS: usize = 8;
        let name = temp_name(target);
        let path = folder.path_of(&name);
        let temp_error = |error: io::Error| failed("cannot make a temporary file", &path, &error);
        for _ in 0..ATTEMPTS {
            match folder.create_raw(&name) {
                Ok(file) if owns(folder, &file, &name).map_err(temp_error)? => {
                    return Ok(Self { folder, name, file, is_in_place: false });
                }
                // Another writer took the new file for a leftover before it was locked.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if !discard_unless_in_use(folder, &name).map_err(temp_error)? {
                        break;
                    }
                }
                Err(error) => return Err(temp_error(error)),
            }
        }
        Err(Error::input("another process is writing this file at this moment")
            .in_file(path)
            .hint("wait for it, or write to another place"))
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it the name of its target.
    pub(super) fn put_in_place(mut self, target: &OsStr) -> io::Result<()> {
        self.folder.rename_raw(&self.name, target)?;
        self.is_in_place = true;
        Ok(())
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if !self.is_in_place {
            // What cannot be removed now is removed by `clean_stale` or by the next write of the same target.
            let _ = self.folder.remove_raw(&self.name);
        }
    }
}

impl Folder {
    /// Removes the temporary files that killed writers left here and returns their paths.
    ///
    /// Files that a live process is writing are left alone.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn clean_stale(&self) -> Result<Vec<PathBuf>> {
        let mut stale = Vec::new();
        for name in self.names()?.into_iter().filter(|name| is_temp_name(name)) {
            let path = self.path_of(&name);
            match discard_unless_in_use(self, &name) {
                Ok(true) => stale.push(path),
                Ok(false) => {}
                Err(error) => return Err(failed("cannot remove the leftover of a killed process", &path, &error)),
            }
        }
        Ok(stale)
    }
}

/// Locks `file` and tells whether it is still what `name` stands for.
pub(super) fn owns(folder: &Folder, file: &File, name: &OsStr) -> io::Result<bool> {
    match file.try_lock() {
        // A file system without locks: nothing better than going on.
        Ok(()) | Err(TryLockError::Error(_)) => folder.is_called(file, name),
        Err(TryLockError::WouldBlock) => Ok(false),
    }
}

/// Removes a temporary file; false when a live process is writing it.
fn discard_unless_in_use(folder: &Folder, name: &OsStr) -> io::Result<bool> {
    let discard = || -> io::Result<bool> {
        if folder.look(name)? == Some(Kind::File) {
            let file = File::from(folder.open_raw(name, OFlags::RDONLY | OFlags::NONBLOCK)?);
            if !owns(folder, &file, name)? {
                return Ok(false);
            }
        }
        folder.remove_raw(name)?;
        Ok(true)
    };
    match discard() {
        // Renamed or removed by its writer in between.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        outcome => outcome,
    }
}

/// `.name.tmp` for `name`.
fn temp_name(target: &OsStr) -> OsString {
    let mut temp = OsString::from(".");
    temp.push(target);
    temp.push(".tmp");
    temp
}

fn is_temp_name(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.len() > b"..tmp".len() && name.starts_with(b".") && name.ends_with(b".tmp")
}
