//! Where a write lands that goes to a path which the user typed.
//!
//! A file is replaced by a rename, and a rename onto a link replaces the link. Whoever typed the path of a link means what it
//! points to. A link that is found inside a folder is another matter: nobody typed it, and it is never followed.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::failed;
use crate::error::{Error, Result};

/// Most links that lead from one to the next; as many as Linux follows.
const MAX_LINKS: usize = 40;

/// The file or folder that a write to `typed` makes or replaces: `typed` itself, or what it points to if it is a link. It need
/// not be there.
///
/// # Errors
/// Links that lead in a circle, a device or a pipe, which a file cannot take the place of, or what the file system reports.
pub fn landing(typed: &Path) -> Result<PathBuf> {
    let mut path = typed.to_owned();
    for _ in 0..MAX_LINKS {
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found.file_type(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(failed("cannot write here", typed, &error)),
        };
        if found.is_file() || found.is_dir() {
            return Ok(path);
        }
        if !found.is_symlink() {
            return Err(Error::input("this is no ordinary file, and none can take its place")
                .in_file(typed)
                .hint("write to a file"));
        }
        let target = fs::read_link(&path).map_err(|error| failed("cannot follow this link", typed, &error))?;
        // Joining an absolute path gives that path.
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(Error::input("these links lead in a circle").in_file(typed).hint("name a file"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_without_a_link_is_where_it_lands_whether_or_not_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        assert_eq!(landing(&path).unwrap(), path);
        fs::write(&path, b"x").unwrap();
        assert_eq!(landing(&path).unwrap(), path);
        assert_eq!(landing(dir.path()).unwrap(), dir.path());
        assert_eq!(landing(Path::new("a.csv")).unwrap(), Path::new("a.csv"));
    }

    #[test]
    fn links_are_followed_to_the_last_relative_and_absolute_and_dangling() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("deep")).unwrap();
        symlink("deep/b", path("a")).unwrap();
        symlink(path("c"), path("deep/b")).unwrap();
        assert_eq!(landing(&path("a")).unwrap(), path("c"), "it need not be there");
        fs::write(path("c"), b"x").unwrap();
        assert_eq!(landing(&path("a")).unwrap(), path("c"));
        symlink("../c", path("deep/up")).unwrap();
        assert_eq!(fs::canonicalize(landing(&path("deep/up")).unwrap()).unwrap(), fs::canonicalize(path("c")).unwrap());
    }

    #[test]
    fn a_mount_point_that_cannot_be_replaced_is_told_with_the_way_out() {
        // What Linux says of a rename onto a file that is mounted by itself.
        let busy = std::io::Error::from_raw_os_error(16);
        let told = failed("cannot put the new content in place", Path::new("a.csv"), &busy).to_string();
        assert!(told.starts_with("a.csv: ") && told.contains("mount the folder"), "{told}");
    }

    #[test]
    fn a_circle_and_a_device_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        symlink("/dev/null", dir.path().join("null")).unwrap();
        let refused = |name: &str, because: &str| {
            let error = landing(&dir.path().join(name)).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(because), "{error}");
        };
        refused("a", "circle");
        refused("null", "no ordinary file");
    }
}
