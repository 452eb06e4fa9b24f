//! One writer per run folder.

use std::{
    fs::{File, TryLockError},
    io::{self, ErrorKind, Read, Seek, Write},
};

use rustix::io::Errno;

use super::{Folder, failed};
use crate::error::{Error, Result};

/// Name of the file that is locked.
pub const LOCK: &str = "lock";

/// What a file system without locks answers.
const NO_LOCKS: [Errno; 3] = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP];

/// Exclusive right to write a run folder, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    /// The operating system releases the lock when this is closed.
    _file: File,
    warning: Option<String>,
}

impl RunLock {
    /// Takes the lock of the run folder `run`.
    ///
    /// The file `lock` in it stays after the release: removing it would let two writers lock two different files. Where the
    /// file system has no locks, as some of clusters have not, the run is written without one; [`warning`](Self::warning)
    /// says so.
    ///
    /// # Errors
    /// [`Input`](crate::error::ErrorKind::Input) when another process writes this run, or when `lock` is a link; otherwise
    /// what the file system reports.
    pub fn acquire(run: &Folder) -> Result<Self> {
        let mut file = run.open_or_make(LOCK)?;
        let warning = match file.try_lock() {
            Ok(()) => None,
            Err(TryLockError::WouldBlock) => return Err(locked_by_another(run, &file)),
            Err(TryLockError::Error(error)) if has_no_locks(&error) => Some(format!(
                "{}: this file system has no locks ({error}), so nothing keeps a second process from writing this run",
                run.path().display()
            )),
            Err(TryLockError::Error(error)) => {
                return Err(failed("cannot lock this run", &run.path_of(LOCK), &error));
            }
        };
        // The number is only read by the message of `locked_by_another`, so a failure to write it does not matter.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file, warning })
    }

    /// What a person should know of it.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

fn has_no_locks(error: &io::Error) -> bool {
    let is_told = NO_LOCKS.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
    is_told || error.kind() == ErrorKind::Unsupported
}

fn locked_by_another(run: &Folder, mut lock: &File) -> Error {
    let mut owner = String::new();
    let _ = lock.rewind().and_then(|()| lock.take(20).read_to_string(&mut owner));
    let what = match owner.trim().parse::<u32>() {
        Ok(process) => format!("this run is being written by another process ({process})"),
        Err(_) => "this run is being written by another process".to_owned(),
    };
    Error::input(what).in_file(run.path()).hint("wait until it ends, stop it, or start a run of another name")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_run_has_one_writer_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let lock = RunLock::acquire(&folder).unwrap();
        assert_eq!(lock.warning(), None);
        let error = RunLock::acquire(&folder).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(&format!("({})", std::process::id())), "{error}");
        drop(lock);
        RunLock::acquire(&folder).unwrap();
    }

    #[test]
    fn a_lock_that_is_a_link_is_refused_and_what_it_leads_to_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        let (outside, folder) = (dir.path().join("outside"), Folder::open(&dir.path().join("run")).unwrap());
        fs::write(&outside, "precious").unwrap();
        symlink(&outside, folder.path_of(LOCK)).unwrap();
        let error = RunLock::acquire(&folder).unwrap_err().to_string();
        assert!(error.contains("run/lock: this is a link"), "{error}");
        folder.remove(LOCK).unwrap();
        fs::hard_link(&outside, folder.path_of(LOCK)).unwrap();
        assert!(RunLock::acquire(&folder).is_err());
        assert_eq!(fs::read(outside).unwrap(), b"precious");
    }

    #[test]
    fn only_a_file_system_without_locks_is_let_off() {
        assert!(NO_LOCKS.into_iter().all(|errno| has_no_locks(&errno.into())));
        assert!(![Errno::IO, Errno::MFILE].into_iter().any(|errno| has_no_locks(&errno.into())));
    }
}
