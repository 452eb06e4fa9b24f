//! A folder is never left by a name or a link.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use super::*;

/// A folder, and a file outside of it that must stay as it is.
fn folder() -> (tempfile::TempDir, Folder, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("run")).unwrap();
    fs::write(dir.path().join("outside"), "precious").unwrap();
    let (folder, outside) = (Folder::open(&dir.path().join("run")).unwrap(), dir.path().join("outside"));
    (dir, folder, outside)
}

#[test]
fn a_name_with_more_than_a_name_in_it_is_refused() {
    let (_dir, folder, outside) = folder();
    let absolute = outside.display().to_string();
    for name in ["", ".", "..", "../outside", "./x", "a/b", "/", &absolute, "x\0", "\0"] {
        let errors = [
            folder.open_file(name).err(),
            folder.create(name).err(),
            folder.open_to_change(name).err(),
            folder.replace(name, b"x").err(),
            folder.remove(name).err(),
            folder.folder(name).err(),
            folder.make_folder(name).err(),
            folder.rename(name, "y").err(),
            folder.kind(name).err(),
        ];
        for error in errors {
            let error = error.unwrap();
            assert!(error.to_string().contains("not the name of a file"), "{name:?}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
    assert_eq!(fs::read(outside).unwrap(), b"precious");
}

#[test]
fn a_link_is_neither_read_nor_written_nor_entered() {
    let (dir, folder, outside) = folder();
    let at = |name: &str| folder.path_of(name);
    symlink(&outside, at("file")).unwrap();
    symlink(dir.path().join("nothing"), at("dangling")).unwrap();
    symlink(dir.path(), at("folder")).unwrap();
    for name in ["file", "dangling", "folder"] {
        assert_eq!(folder.kind(name).unwrap(), Some(Kind::Link));
        let errors = [
            folder.open_file(name).err(),
            folder.open_to_change(name).err(),
            folder.open_or_make(name).err(),
            folder.folder(name).err(),
            folder.make_folder(name).err(),
        ];
        for error in errors {
            let error = error.unwrap().to_string();
            assert!(error.starts_with(&at(name).display().to_string()) && error.contains("a link"), "{error}");
        }
        assert!(folder.create(name).unwrap_err().to_string().contains("will not be overwritten"));
        assert!(folder.replace(name, b"new").unwrap().is_promised());
        assert_eq!((folder.kind(name).unwrap(), fs::read(at(name)).unwrap()), (Some(Kind::File), b"new".to_vec()));
    }
    assert_eq!(fs::read(outside).unwrap(), b"precious");
    assert!(!dir.path().join("nothing").exists());
}

#[test]
fn a_file_with_a_second_name_is_replaced_but_not_changed() {
    let (_dir, folder, outside) = folder();
    fs::hard_link(&outside, folder.path_of("log")).unwrap();
    let errors = [folder.open_to_change("log").err(), folder.open_or_make("log").err()];
    for error in errors {
        assert!(error.unwrap().to_string().contains("second name"));
    }
    assert_eq!(folder.read("log", 100).unwrap(), b"precious");
    assert!(folder.replace("log", b"new").unwrap().is_promised());
    assert_eq!(fs::read(outside).unwrap(), b"precious");
    assert!(folder.open_to_change("log").unwrap().is_some());
}

/// A pipe would be waited for, for ever.
#[test]
fn what_is_no_ordinary_file_is_refused_at_once() {
    let (_dir, folder, _) = folder();
    rustix::fs::mknodat(&*folder.handle, "pipe", FileType::Fifo, FILE_MODE, 0).unwrap();
    fs::create_dir(folder.path_of("inner")).unwrap();
    for name in ["pipe", "inner"] {
        assert!(folder.open_file(name).is_err());
        assert!(folder.open_to_change(name).is_err());
        assert!(folder.open_or_make(name).is_err());
    }
    assert_eq!(folder.kind("pipe").unwrap(), Some(Kind::Other));
}

#[test]
fn the_folder_stays_the_same_one_when_its_path_leads_elsewhere() {
    let (dir, folder, _) = folder();
    fs::write(folder.path_of("file"), "ours").unwrap();
    let away = dir.path().join("away");
    #[allow(clippy::disallowed_methods, reason = "nothing here has to survive")]
    fs::rename(folder.path(), &away).unwrap();
    symlink(dir.path(), folder.path()).unwrap();
    assert_eq!(folder.read("file", 100).unwrap(), b"ours");
    folder.replace("new", b"x").unwrap().is_promised();
    assert!(away.join("new").exists() && !dir.path().join("new").exists());
    assert_eq!(folder.names().unwrap(), ["file", "new"]);
}

#[test]
fn a_path_that_the_user_typed_may_be_a_link() {
    let (dir, folder, _) = folder();
    symlink(folder.path(), dir.path().join("link")).unwrap();
    let linked = Folder::open(&dir.path().join("link")).unwrap();
    linked.create("file").unwrap();
    assert_eq!(folder.kind("file").unwrap(), Some(Kind::File));
    assert!(Folder::open(&dir.path().join("outside")).is_err() && Folder::open(&dir.path().join("none")).is_err());
}

#[test]
fn new_files_are_as_open_to_others_as_the_user_lets_them_be() {
    let (dir, folder, _) = folder();
    fs::write(dir.path().join("plain"), "").unwrap();
    let expected = fs::metadata(dir.path().join("plain")).unwrap().permissions().mode();
    folder.create("created").unwrap();
    folder.replace("replaced", b"").unwrap().is_promised();
    for name in ["created", "replaced"] {
        assert_eq!(fs::metadata(folder.path_of(name)).unwrap().permissions().mode(), expected, "{name}");
    }
}
