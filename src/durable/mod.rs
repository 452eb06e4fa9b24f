//! Files that survive a crash at any byte: a reader sees the old content or the new, never a mixture.
//!
//! Everything that must outlive a crash is written as a temporary file beside its target, synced, renamed over the target,
//! and promised only after the directory was synced as well. All of it happens inside a [`Folder`] that is held open.

use std::{
    fs::{self, File},
    io::{self, BufWriter, ErrorKind, Write},
    path::Path,
};

use crate::error::{Error, Result};

mod folder;
mod landing;
mod lock;
mod read;
mod temp;

// Linux's numbers for two errors that std does not tell apart from others.
const EIO: i32 = 5;
const EMFILE: i32 = 24;

pub use folder::{Folder, Kind};
pub use landing::landing;
pub use lock::{LOCK, RunLock};
pub use read::{files_in, read_capped, read_failed, truncate_log};

/// How far a finished write can be relied upon.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a write that is not promised must not be relied upon"]
pub enum Durability {
    /// The content survives a power cut.
    Promised,
    /// The content is complete and visible, but the directory could not be synced: after a power cut the old content may
    /// be back. Keep what it replaces.
    Uncertain(Error),
}

impl Durability {
    /// Whether the content survives a power cut.
    pub fn is_promised(&self) -> bool {
        matches!(self, Self::Promised)
    }

    /// Both or nothing: the first doubt stays.
    pub fn and(self, other: Self) -> Self {
        if self.is_promised() { other } else { self }
    }
}

/// Replaces the file at `path` by `bytes`, or leaves it as it was.
///
/// # Errors
/// What the file system reports; the old content is untouched then and no temporary file stays.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<Durability> {
    write_atomic_with(path, |out| out.write_all(bytes))
}

/// Replaces the file at `path` by what `write` puts out, or leaves it as it was.
///
/// # Errors
/// What `write` or the file system reports; the old content is untouched then and no temporary file stays. Also when
/// another process is writing the same file at this moment.
pub fn write_atomic_with(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<Durability> {
    let name = path.file_name().ok_or_else(|| Error::input("this path names no file").in_file(path))?;
    Folder::open_to_write(parent(path))?.replace_with(name, write)
}

/// Makes `dir` and its missing parents, and brings their names to disk.
///
/// # Errors
/// What the file system reports.
pub fn create_dir(dir: &Path) -> Result<Durability> {
    let mut missing: Vec<&Path> =
        dir.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    if missing.is_empty() {
        // It may be the work of a process that was killed before the next line.
        return if dir.is_dir() { Ok(sync_dir(parent(dir))) } else { Err(not_a_folder(dir)) };
    }
    let mut durability = Durability::Promised;
    while let Some(folder) = missing.pop() {
        match fs::create_dir(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(error) => return Err(failed("cannot make the folder", folder, &error)),
        }
        durability = durability.and(sync_dir(parent(folder)));
    }
    Ok(durability)
}

/// Brings the names in `dir` to disk.
pub fn sync_dir(dir: &Path) -> Durability {
    match Folder::open(dir) {
        Ok(folder) => folder.sync(),
        Err(error) => Durability::Uncertain(error),
    }
}

/// The error of a file operation: what was tried, what the system said, what may help.
pub fn failed(tried: &str, path: &Path, error: &io::Error) -> Error {
    let what = format!("{tried}: {error}");
    let told = match (error.kind(), error.raw_os_error()) {
        (ErrorKind::NotFound, _) => Error::input(what).hint("check the path"),
        (ErrorKind::IsADirectory | ErrorKind::NotADirectory, _) => Error::input(what).hint("check the path"),
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::WriteZero, _) => {
            Error::system(what).hint("free space on this disk, or choose a folder on another one")
        }
        (ErrorKind::PermissionDenied, _) => Error::system(what).hint("check who may read and write this path"),
        (ErrorKind::ReadOnlyFilesystem, _) => Error::system(what).hint("choose a folder that can be written"),
        (ErrorKind::ResourceBusy, _) => {
            Error::system(what).hint("if this file is a mount point of its own, mount the folder that it is in instead")
        }
        (ErrorKind::FileTooLarge, _) => Error::system(what).hint("raise the file size limit, `ulimit -f`"),
        (_, Some(EIO)) => Error::system(what).hint("the disk itself failed: look at the system log, use another disk"),
        (_, Some(EMFILE)) => Error::system(what).hint("raise the limit of open files, `ulimit -n`"),
        _ => Error::system(what),
    };
    told.in_file(path)
}

/// The folder that holds `path`.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn not_a_folder(path: &Path) -> Error {
    Error::input("this is a file, but a folder is needed here")
        .in_file(path)
        .hint("move it away, or choose another name")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{
        ffi::OsStr,
        os::unix::fs::{PermissionsExt, symlink},
        path::PathBuf,
    };

    use super::{temp::owns, *};

    fn clean_stale(dir: &Path) -> Vec<PathBuf> {
        Folder::open(dir).unwrap().clean_stale().unwrap()
    }

    fn names(dir: &Path) -> Vec<String> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        files_in(dir).unwrap().iter().map(name).collect()
    }

    #[test]
    fn a_write_replaces_the_content_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card.ron");
        for content in [b"first".as_slice(), b"second, longer", b""] {
            assert_eq!(write_atomic(&path, content).unwrap(), Durability::Promised);
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert_eq!(names(dir.path()), ["card.ron"]);
    }

    #[test]
    fn a_write_that_fails_halfway_leaves_the_old_content_and_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card.ron");
        write_atomic(&path, b"old").unwrap().is_promised();
        let error = write_atomic_with(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::from(ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert!(error.to_string().contains("free space"), "{error}");
        assert_eq!(error.exit_code(), 1);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["card.ron"]);
    }

    #[test]
    fn a_planted_link_is_never_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (outside, path) = (dir.path().join("outside"), dir.path().join("card.ron"));
        fs::write(&outside, b"precious").unwrap();
        symlink(&outside, dir.path().join(".card.ron.tmp")).unwrap();
        write_atomic(&path, b"new").unwrap().is_promised();
        fs::hard_link(&outside, dir.path().join(".card.ron.tmp")).unwrap();
        write_atomic(&path, b"newer").unwrap().is_promised();
        assert_eq!(fs::read(&outside).unwrap(), b"precious");
        assert_eq!(fs::read(&path).unwrap(), b"newer");
    }

    #[test]
    fn a_second_writer_of_one_file_is_refused_while_the_first_is_at_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card.ron");
        write_atomic_with(&path, |out| {
            let error = write_atomic(&path, b"intruder").unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(clean_stale(dir.path()).is_empty(), "a file in use is no leftover");
            out.write_all(b"first")
        })
        .unwrap()
        .is_promised();
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn a_file_that_lost_its_name_is_no_longer_owned() {
        let dir = tempfile::tempdir().unwrap();
        let (name, folder) = (OsStr::new(".card.ron.tmp"), Folder::open(dir.path()).unwrap());
        let file = File::create(folder.path_of(name)).unwrap();
        assert!(owns(&folder, &file, name).unwrap());
        folder.remove(name).unwrap();
        assert!(!owns(&folder, &file, name).unwrap());
        fs::write(folder.path_of(name), b"of another writer").unwrap();
        assert!(!owns(&folder, &file, name).unwrap());
    }

    #[test]
    fn only_leftovers_are_cleaned() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".5.agon.tmp", ".tmp", "..tmp", "notes.tmp", ".hidden", "5.agon"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        assert_eq!(clean_stale(dir.path()), [dir.path().join(".5.agon.tmp")]);
        assert_eq!(names(dir.path()), ["..tmp", ".hidden", ".tmp", "5.agon", "notes.tmp"]);
    }

    #[test]
    fn folders_are_made_with_their_parents_and_a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("runs/a/checkpoints");
        assert!(create_dir(&deep).unwrap().is_promised());
        assert!(create_dir(&deep).unwrap().is_promised());
        fs::write(dir.path().join("file"), b"").unwrap();
        for path in [dir.path().join("file"), dir.path().join("file/inside")] {
            let error = create_dir(&path).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_there_already_is_made_safe_as_well() {
        // The names in this folder cannot be brought to any disk.
        assert!(!create_dir(Path::new("/proc/self")).unwrap().is_promised());
    }

    #[test]
    fn an_unreadable_folder_makes_a_write_uncertain_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o300)).unwrap();
        let written = write_atomic(&dir.path().join("card.ron"), b"x").unwrap();
        let is_root = File::open(dir.path()).is_ok();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(written.is_promised(), is_root, "root may read every folder");
        assert_eq!(fs::read(dir.path().join("card.ron")).unwrap(), b"x");
    }
}
