//! A folder that is held open, so that nothing found in it leads elsewhere.
//!
//! A folder may come from a stranger. What lies in it is reached by its plain name from the folder's handle, and never
//! through a link: not to be read, and above all not to be written. With single names, `O_NOFOLLOW` is as strict as
//! `openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS` is for longer paths, and every Unix has it. A path that the user
//! typed is another matter: [`Folder::open`] follows it like any program.

#[cfg(test)]
mod tests;

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, BufWriter, ErrorKind, Write},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::{Durability, failed, read::read_whole, temp::Temp};
use crate::error::{Error, Result};

/// What anybody may do with a new file or folder, as far as the user's own mask allows.
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

/// A folder held by its handle. Clones share the handle.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    handle: Arc<OwnedFd>,
}

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

impl Folder {
    /// Opens the folder at a path that the user gave. Links on the way are followed.
    ///
    /// # Errors
    /// No folder there, or one that may not be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_as(path, OFlags::RDONLY).map_err(|error| failed("cannot open the folder", path, &error))
    }

    /// The same for one that need not be readable: its files can be reached, only listing and syncing it may fail.
    pub(super) fn open_to_write(path: &Path) -> Result<Self> {
        match Self::open_as(path, OFlags::RDONLY) {
            #[cfg(target_os = "linux")]
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Self::open_as(path, OFlags::PATH),
            opened => opened,
        }
        .map_err(|error| failed("cannot open the folder", path, &error))
    }

    fn open_as(path: &Path, access: OFlags) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = retry(|| rustix::fs::open(path, flags, Mode::empty()))?;
        Ok(Self { path: path.to_owned(), handle: Arc::new(handle) })
    }

    /// Where it is, as the user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of it is, for messages.
    pub fn path_of(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }

    /// What is called `name` here; none where nothing is.
    ///
    /// # Errors
    /// A name that is none, or what the file system reports.
    pub fn kind(&self, name: impl AsRef<OsStr>) -> Result<Option<Kind>> {
        let name = self.plain(name.as_ref())?;
        self.look(name).map_err(|error| failed("cannot look at", &self.path_of(name), &error))
    }

    /// The names of everything in it, in order.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn names(&self) -> Result<Vec<OsString>> {
        let list = || -> io::Result<Vec<OsString>> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&*self.handle)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if name != b"." && name != b".." {
                    names.push(OsStr::from_bytes(name).to_owned());
                }
            }
            names.sort();
            Ok(names)
        };
        list().map_err(|error| failed("cannot list the folder", &self.path, &error))
    }

    /// A folder in it; none where nothing is called so.
    ///
    /// # Errors
    /// A link or something else in its place, or what the file system reports.
    pub fn folder(&self, name: impl AsRef<OsStr>) -> Result<Option<Self>> {
        let name = self.plain(name.as_ref())?;
        match self.open_raw(name, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(handle) => Ok(Some(Self { path: self.path_of(name), handle: Arc::new(handle) })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.told("cannot open the folder", name, &error)),
        }
    }

    /// A folder in it, made if it is missing, and its name brought to disk.
    ///
    /// # Errors
    /// As [`folder`](Self::folder).
    pub fn make_folder(&self, name: impl AsRef<OsStr>) -> Result<(Self, Durability)> {
        let name = self.plain(name.as_ref())?;
        match retry(|| rustix::fs::mkdirat(&*self.handle, name, FOLDER_MODE)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(self.told("cannot make the folder", name, &error)),
        }
        match self.folder(name)? {
            // Also where it was there: it may be the work of a process that was killed before the next call.
            Some(made) => Ok((made, self.sync())),
            None => Err(Error::system("this folder was removed by somebody else").in_file(self.path_of(name))),
        }
    }

    /// Opens a file for reading, and tells its length.
    ///
    /// # Errors
    /// As [`read`](Self::read), length aside.
    pub fn open_file(&self, name: impl AsRef<OsStr>) -> Result<(File, u64)> {
        let name = self.plain(name.as_ref())?;
        // Opening a pipe would wait for a writer.
        let opened = self.open_raw(name, OFlags::RDONLY | OFlags::NONBLOCK).map(File::from);
        let opened = opened.and_then(|file| Ok((file.metadata()?, file)));
        match opened {
            Ok((metadata, file)) if metadata.is_file() => Ok((file, metadata.len())),
            Ok(_) => Err(not_a_file(&self.path_of(name))),
            Err(_) if self.is_link(name) => Err(a_link(&self.path_of(name))),
            Err(error) => Err(super::read_failed(&self.path_of(name), &error)),
        }
    }

    /// Reads a whole file that is not longer than `max_bytes`.
    ///
    /// # Errors
    /// As [`read_capped`](super::read_capped), and a link.
    pub fn read(&self, name: impl AsRef<OsStr>, max_bytes: u64) -> Result<Vec<u8>> {
        let (file, len) = self.open_file(&name)?;
        read_whole(file, len, max_bytes, &self.path_of(name))
    }

    /// Makes a new file to append to; never touches anything that exists.
    ///
    /// # Errors
    /// Something is called so already (input), or what the file system reports.
    pub fn create(&self, name: impl AsRef<OsStr>) -> Result<File> {
        let name = self.plain(name.as_ref())?;
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        self.open_raw(name, flags).map(File::from).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::input("the file is there already and will not be overwritten")
                .in_file(self.path_of(name))
                .hint("resume that run or write to another folder"),
            _ => failed("cannot be created", &self.path_of(name), &error),
        })
    }

    /// Opens a file to be changed in its place; none where nothing is called so.
    ///
    /// # Errors
    /// A link of either kind: what is written to a file with a second name changes that as well. Anything else but an
    /// ordinary file, or what the file system reports.
    pub fn open_to_change(&self, name: impl AsRef<OsStr>) -> Result<Option<File>> {
        let name = self.plain(name.as_ref())?;
        match self.open_raw(name, OFlags::RDWR | OFlags::APPEND | OFlags::NONBLOCK) {
            Ok(file) => self.only_ours(File::from(file), name).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.told("cannot be opened", name, &error)),
        }
    }

    /// The same for a file that is made where it is missing.
    pub(super) fn open_or_make(&self, name: &str) -> Result<File> {
        let name = self.plain(OsStr::new(name))?;
        let opened = self.open_raw(name, OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK);
        self.only_ours(File::from(opened.map_err(|error| self.told("cannot be opened", name, &error))?), name)
    }

    /// Replaces the file `name` by `bytes`, or leaves it as it was. A link there is itself replaced.
    ///
    /// # Errors
    /// What the file system reports; the old content is untouched then and no temporary file stays.
    pub fn replace(&self, name: impl AsRef<OsStr>, bytes: &[u8]) -> Result<Durability> {
        self.replace_with(name, |out| out.write_all(bytes))
    }

    /// Replaces the file `name` by what `write` puts out, or leaves it as it was. A link there is itself replaced.
    ///
    /// # Errors
    /// What `write` or the file system reports; the old content is untouched then and no temporary file stays. Also when
    /// another process is writing the same file at this moment.
    pub fn replace_with(
        &self,
        name: impl AsRef<OsStr>,
        write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> Result<Durability> {
        let name = self.plain(name.as_ref())?;
        let path = self.path_of(name);
        let temp = Temp::create(self, name)?;
        let mut out = BufWriter::with_capacity(256 * 1024, temp.file());
        let written = write(&mut out).and_then(|()| out.flush());
        // Taken apart because dropping a writer that failed would try the same write once more.
        drop(out.into_parts());
        written.map_err(|error| failed("cannot write", &path, &error))?;
        // After a failed sync the pages may be gone although a second sync would succeed: the file is given up instead.
        temp.file().sync_all().map_err(|error| failed("cannot bring to disk", &path, &error))?;
        temp.put_in_place(name).map_err(|error| failed("cannot put the new content in place", &path, &error))?;
        Ok(self.sync())
    }

    /// Gives a file another name, which must be free.
    ///
    /// # Errors
    /// Something is called `to` already, or what the file system reports.
    pub fn rename(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> Result<()> {
        let (from, to) = (self.plain(from.as_ref())?, self.plain(to.as_ref())?);
        if self.kind(to)?.is_some() {
            return Err(Error::input("something is called so already").in_file(self.path_of(to)));
        }
        self.rename_raw(from, to).map_err(|error| failed("cannot rename", &self.path_of(from), &error))
    }

    /// Removes a file; a link is removed itself.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> Result<()> {
        let name = self.plain(name.as_ref())?;
        self.remove_raw(name).map_err(|error| failed("cannot remove", &self.path_of(name), &error))
    }

    /// Removes an empty folder in it.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn remove_folder(&self, name: impl AsRef<OsStr>) -> Result<()> {
        let name = self.plain(name.as_ref())?;
        let removed = retry(|| rustix::fs::unlinkat(&*self.handle, name, AtFlags::REMOVEDIR));
        removed.map_err(|error| failed("cannot remove", &self.path_of(name), &error))
    }

    /// Brings the names in it to disk.
    pub fn sync(&self) -> Durability {
        match self.sync_raw() {
            Ok(()) => Durability::Promised,
            Err(error) => Durability::Uncertain(failed("written, but not safe from a power cut", &self.path, &error)),
        }
    }

    /// The same with the system's own answer.
    pub(crate) fn sync_raw(&self) -> io::Result<()> {
        retry(|| rustix::fs::fsync(&*self.handle))
    }

    /// Makes a new file, or fails where anything is called so.
    pub(super) fn create_raw(&self, name: &OsStr) -> io::Result<File> {
        self.open_raw(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL).map(File::from)
    }

    /// Whether `name` stands for this very file.
    pub(super) fn is_called(&self, file: &File, name: &OsStr) -> io::Result<bool> {
        let named = match retry(|| rustix::fs::statat(&*self.handle, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(named) => named,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let ours = retry(|| rustix::fs::fstat(file))?;
        Ok((named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino))
    }

    pub(super) fn open_raw(&self, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        retry(|| rustix::fs::openat(&*self.handle, name, flags, FILE_MODE))
    }

    pub(super) fn look(&self, name: &OsStr) -> io::Result<Option<Kind>> {
        match retry(|| rustix::fs::statat(&*self.handle, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(found) => Ok(Some(match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Folder,
                FileType::Symlink => Kind::Link,
                _ => Kind::Other,
            })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn rename_raw(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        retry(|| rustix::fs::renameat(&*self.handle, from, &*self.handle, to))
    }

    pub(super) fn remove_raw(&self, name: &OsStr) -> io::Result<()> {
        retry(|| rustix::fs::unlinkat(&*self.handle, name, AtFlags::empty()))
    }

    /// A single name that says nothing of other folders.
    fn plain<'a>(&self, name: &'a OsStr) -> Result<&'a OsStr> {
        let bytes = name.as_bytes();
        if matches!(bytes, b"" | b"." | b"..") || bytes.iter().any(|byte| matches!(byte, b'/' | 0)) {
            return Err(Error::input(format!(
                "`{}` is not the name of a file",
                name.display().to_string().escape_debug()
            ))
            .in_file(&self.path)
            .hint("this folder is damaged, or was made to harm: do not use it"));
        }
        Ok(name)
    }

    fn only_ours(&self, file: File, name: &OsStr) -> Result<File> {
        let metadata = file.metadata().map_err(|error| failed("cannot be examined", &self.path_of(name), &error))?;
        if !metadata.is_file() {
            return Err(not_a_file(&self.path_of(name)));
        }
        if metadata.nlink() > 1 {
            return Err(Error::input("this file has a second name elsewhere, which would be changed as well")
                .in_file(self.path_of(name))
                .hint("put a copy in its place, or remove it"));
        }
        Ok(file)
    }

    fn is_link(&self, name: &OsStr) -> bool {
        self.look(name).is_ok_and(|kind| kind == Some(Kind::Link))
    }

    fn told(&self, tried: &str, name: &OsStr, error: &io::Error) -> Error {
        let path = self.path_of(name);
        // Systems differ in what they call this error.
        if self.is_link(name) { a_link(&path) } else { failed(tried, &path, error) }
    }
}

/// Does it again where a signal came in between.
fn retry<T>(call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    Ok(rustix::io::retry_on_intr(call)?)
}

fn a_link(path: &Path) -> Error {
    Error::input("this is a link, and links inside a folder are not followed")
        .in_file(path)
        .hint("put what it leads to in its place, or remove it")
}

fn not_a_file(path: &Path) -> Error {
    Error::input("this is not an ordinary file").in_file(path).hint("name the file itself")
}
