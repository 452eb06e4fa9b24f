//! Reading with a bound, and cutting logs back to where a checkpoint was made.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{EIO, Folder, failed};
use crate::error::{Error, Result};

/// The paths directly inside `dir` in the order of their names; none when the folder does not exist.
///
/// # Errors
/// What the file system reports.
pub fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let list = || fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match list() {
        Ok(mut paths) => {
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed("cannot list the folder", dir, &error)),
    }
}

/// Reads a whole file that is not longer than `max_bytes`.
///
/// # Errors
/// [`Input`](crate::error::ErrorKind::Input) when the file is missing, longer, not an ordinary file, or on a disk that
/// cannot read it back: another file may serve. [`System`](crate::error::ErrorKind::System) when trying again later may
/// help: no memory, no permission.
pub fn read_capped(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let read_error = |error: io::Error| read_failed(path, &error);
    // Asked before opening: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(read_error)?;
    if !metadata.is_file() {
        return Err(Error::input("this is not an ordinary file").in_file(path).hint("name the file itself"));
    }
    let file = File::open(path).map_err(read_error)?;
    read_whole(file, metadata.len(), max_bytes, path)
}

/// Reads all of an ordinary file of `len` bytes, unless they are too many; `path` is only named in errors.
pub(super) fn read_whole(file: File, len: u64, max_bytes: u64, path: &Path) -> Result<Vec<u8>> {
    let too_long = || {
        Error::input(format!("longer than {max_bytes} bytes, the most that is read"))
            .in_file(path)
            .hint("check that this is the file you mean")
    };
    if len > max_bytes {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    let expected = usize::try_from(len).map_err(|_| too_long())?;
    bytes.try_reserve_exact(expected).map_err(|_| out_of_memory(path, len))?;
    // One byte more than allowed tells a file that grew meanwhile, or whose length the system does not know.
    let read = file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| read_failed(path, &error))?;
    if bytes.len() as u64 > max_bytes { Err(too_long()) } else { Ok(bytes) }
}

/// Cuts the append-only log `name` back to its first `offset` bytes, where a resumed run goes on.
///
/// The cut need not be brought to disk: what a power cut brings back is cut away again by the next resume.
///
/// # Errors
/// [`Input`](crate::error::ErrorKind::Input) when the log is missing, shorter than that or a link; otherwise what the file
/// system reports.
pub fn truncate_log(folder: &Folder, name: &str, offset: u64) -> Result<()> {
    let path = folder.path_of(name);
    let truncate_error = |error: io::Error| failed("cannot cut this log back", &path, &error);
    let file = match folder.open_to_change(name)? {
        Some(file) => file,
        None if offset == 0 => return Ok(()),
        None => return Err(truncate_error(ErrorKind::NotFound.into())),
    };
    let len = file.metadata().map_err(truncate_error)?.len();
    if len < offset {
        return Err(Error::input(format!("this log has {len} bytes, but its checkpoint was made at byte {offset}"))
            .in_file(path)
            .hint("put the original file back, or start a new run"));
    }
    file.set_len(offset).map_err(truncate_error)
}

/// The error of a failed read. What the disk cannot give back counts as damage of the file, so that another may serve.
pub fn read_failed(path: &Path, error: &io::Error) -> Error {
    let told = match (error.kind(), error.raw_os_error()) {
        (ErrorKind::UnexpectedEof, _) => "damaged: it is cut short",
        (_, Some(EIO)) => "damaged: the disk cannot read it back",
        _ => return failed("cannot read", path, error),
    };
    Error::input(told).in_file(path).hint("use another copy, and look after this disk")
}

fn out_of_memory(path: &Path, bytes: u64) -> Error {
    Error::system(format!("no memory for its {bytes} bytes")).in_file(path).hint("close other programs and try again")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_bounded_and_refuses_what_is_not_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        fs::write(&path, [7; 100]).unwrap();
        assert_eq!(read_capped(&path, 100).unwrap(), [7; 100]);
        assert!(read_capped(&path, 99).unwrap_err().to_string().contains("longer than 99 bytes"));
        assert!(read_capped(dir.path(), 99).unwrap_err().to_string().contains("not an ordinary file"));
        assert_eq!(read_capped(&dir.path().join("missing"), 99).unwrap_err().exit_code(), 2);
        // Its length is reported as 0 although it never ends.
        assert!(read_capped(Path::new("/proc/self/maps"), 10).is_err());
    }

    #[test]
    fn a_log_is_cut_back_but_never_extended() {
        let dir = tempfile::tempdir().unwrap();
        let (path, folder) = (dir.path().join("metrics.jsonl"), Folder::open(dir.path()).unwrap());
        fs::write(&path, b"0123456789").unwrap();
        truncate_log(&folder, "metrics.jsonl", 6).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"012345");
        let error = truncate_log(&folder, "metrics.jsonl", 7).unwrap_err();
        assert!(error.to_string().contains("6 bytes") && error.to_string().contains("byte 7"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"012345");
        assert!(truncate_log(&folder, "missing", 1).is_err());
        truncate_log(&folder, "missing", 0).unwrap();
    }
}
