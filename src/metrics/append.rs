//! A file that only grows, of which a known prefix is durable: the base of both log files.
//!
//! A record goes out in one write without a buffer of ours, so killing the process loses none. When a write fails half
//! way, the torn record is cut off again, so that the next one starts clean.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use crate::{
    durable::Folder,
    error::{Error, Result},
};

#[derive(Debug)]
pub(super) struct AppendFile {
    path: PathBuf,
    file: File,
    /// Where the last whole record ends.
    end: u64,
    /// What a sync has covered.
    durable: u64,
    /// Bytes of a torn record may lie beyond `end`.
    is_torn: bool,
    /// A sync has failed: the kernel may have dropped the pages and would call the next sync a success.
    has_lost_faith: bool,
}

impl AppendFile {
    /// Makes a new file; never touches one that exists.
    pub(super) fn create(folder: &Folder, name: &str) -> Result<Self> {
        let file = folder.create(name)?;
        match folder.sync_raw() {
            // File systems that cannot sync folders say so and are let off.
            Err(error) if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
                return Err(failed("its folder cannot be synced", &error, &folder.path_of(name)));
            }
            _ => {}
        }
        Ok(Self { path: folder.path_of(name), file, end: 0, durable: 0, is_torn: false, has_lost_faith: false })
    }

    /// Opens a file to go on after its first `offset` bytes; what lies beyond is cut off.
    pub(super) fn open_at(folder: &Folder, name: &str, offset: u64) -> Result<Self> {
        let path = folder.path_of(name);
        let file = folder.open_to_change(name)?.ok_or_else(|| {
            Error::input("the log to be continued is missing")
                .in_file(&path)
                .hint("put it back, or start a new run from the checkpoint's weights")
        })?;
        let length = file.metadata().map_err(|error| failed("cannot be examined", &error, &path))?.len();
        if length < offset {
            return Err(Error::input(format!("the log has {length} bytes, the checkpoint knows of {offset}"))
                .in_file(&path)
                .hint("it was cut or replaced since; put the original back, or resume from an older checkpoint"));
        }
        let mut log = Self { path, file, end: offset, durable: 0, is_torn: true, has_lost_faith: false };
        log.cut_torn_record()?;
        log.sync()?;
        Ok(log)
    }

    /// Writes one whole record behind the last, or nothing.
    pub(super) fn append(&mut self, record: &[u8]) -> Result<()> {
        self.cut_torn_record()?;
        self.is_torn = true;
        if let Err(error) = self.file.write_all(record) {
            // The disk may be full; should cutting fail as well, the next append tries again.
            let _ = self.cut_torn_record();
            return Err(failed("cannot be written", &error, &self.path));
        }
        self.is_torn = false;
        self.end += record.len() as u64;
        Ok(())
    }

    /// Makes all records durable.
    pub(super) fn sync(&mut self) -> Result<()> {
        if self.has_lost_faith {
            return Err(Error::system("an earlier sync failed, so later ones prove nothing")
                .in_file(&self.path)
                .hint("check the disk, then resume the run"));
        }
        if let Err(error) = self.file.sync_data() {
            self.has_lost_faith = true;
            return Err(failed("cannot be synced", &error, &self.path));
        }
        self.durable = self.end;
        Ok(())
    }

    /// Bytes that survive a power cut.
    pub(super) fn offset(&self) -> u64 {
        self.durable
    }

    fn cut_torn_record(&mut self) -> Result<()> {
        if self.is_torn {
            self.file.set_len(self.end).map_err(|error| failed("cannot be cut back", &error, &self.path))?;
            self.is_torn = false;
        }
        Ok(())
    }
}

/// A machine's failure to do something with a file, and what helps.
pub(super) fn failed(what: &str, error: &io::Error, path: &Path) -> Error {
    let message = Error::system(format!("{what}: {error}")).in_file(path);
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => message.hint("free some disk space and resume the run"),
        ErrorKind::PermissionDenied => message.hint("check who owns the folder"),
        ErrorKind::NotFound => message.hint("make its folder first"),
        _ => message,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let path = folder.path_of("log");
        (dir, folder, path)
    }

    #[test]
    fn only_synced_bytes_count() {
        let (_dir, folder, path) = folder();
        let mut log = AppendFile::create(&folder, "log").unwrap();
        log.append(b"one\n").unwrap();
        assert_eq!((log.offset(), fs::read(&path).unwrap()), (0, b"one\n".to_vec()));
        log.sync().unwrap();
        assert_eq!(log.offset(), 4);
    }

    #[test]
    fn continuing_cuts_what_came_after_the_offset() {
        let (_dir, folder, path) = folder();
        fs::write(&path, "one\ntwo\nthr").unwrap();
        let mut log = AppendFile::open_at(&folder, "log", 4).unwrap();
        assert_eq!(log.offset(), 4);
        log.append(b"2\n").unwrap();
        log.sync().unwrap();
        assert_eq!((log.offset(), fs::read_to_string(&path).unwrap()), (6, "one\n2\n".to_owned()));
    }

    #[test]
    fn a_log_that_is_there_is_not_overwritten_and_one_that_lacks_bytes_is_not_continued() {
        let (_dir, folder, path) = folder();
        let error = AppendFile::open_at(&folder, "log", 0).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("log: the log to be continued is missing"), "{error}");
        fs::write(&path, "short").unwrap();
        let error = AppendFile::create(&folder, "log").unwrap_err();
        assert!(error.to_string().contains("will not be overwritten"), "{error}");
        let error = AppendFile::open_at(&folder, "log", 6).unwrap_err();
        assert!(error.to_string().contains("log: the log has 5 bytes, the checkpoint knows of 6"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_and_nothing_is_claimed() {
        let path = Path::new("/dev/full");
        let file = OpenOptions::new().append(true).open(path).unwrap();
        let mut log =
            AppendFile { path: path.to_owned(), file, end: 0, durable: 0, is_torn: false, has_lost_faith: false };
        let error = log.append(b"record").unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: cannot be written: No space left"), "{error}");
        assert!(error.ends_with("free some disk space and resume the run"), "{error}");
        // A device cannot be cut either; as long as that is so, nothing is written behind a torn record.
        let error = log.append(b"record").unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: cannot be cut back"), "{error}");
        // Nor can it be synced, and a sync that failed once is never believed again.
        assert!(log.sync().is_err());
        assert!(log.sync().unwrap_err().to_string().contains("an earlier sync failed"));
        assert_eq!((log.end, log.offset()), (0, 0));
    }
}
