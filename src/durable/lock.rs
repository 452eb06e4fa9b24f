//! One writer per run folder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::failed;
use crate::error::{Error, Result};

/// Exclusive right to write a run folder, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    /// The operating system releases the lock when this is closed.
    _file: File,
}

impl RunLock {
    /// Takes the lock of the run folder `run`, which must exist.
    ///
    /// The file `lock` in it stays after the release: removing it would let two writers lock two different files.
    ///
    /// # Errors
    /// [`Input`](crate::error::ErrorKind::Input) when another process writes this run; otherwise what the file system
    /// reports.
    pub fn acquire(run: &Path) -> Result<Self> {
        let path = run.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed("cannot open the lock of this run", &path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked_by_another(run, &file)),
            Err(TryLockError::Error(error)) => return Err(failed("cannot lock this run", &path, &error)),
        }
        // The number is only read by the message of `locked_by_another`, so a failure to write it does not matter.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn locked_by_another(run: &Path, mut lock: &File) -> Error {
    let mut owner = String::new();
    let _ = lock.rewind().and_then(|()| lock.take(20).read_to_string(&mut owner));
    let what = match owner.trim().parse::<u32>() {
        Ok(process) => format!("this run is being written by another process ({process})"),
        Err(_) => "this run is being written by another process".to_owned(),
    };
    Error::input(what).in_file(run).hint("wait until it ends, stop it, or start a run of another name")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_writer_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let lock = RunLock::acquire(dir.path()).unwrap();
        let error = RunLock::acquire(dir.path()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(&format!("({})", std::process::id())), "{error}");
        drop(lock);
        RunLock::acquire(dir.path()).unwrap();
    }
}
