//! A power cut between any two system calls loses nothing that was promised.
//!
//! A kill cannot show this, because the system keeps what a dead process wrote. So the calls that the victim really makes
//! are recorded, and a model of a disk replays them that keeps only what it must: the content of a file from its sync on,
//! a name from the sync of its folder on, and of everything else any part in any combination. Each state such a disk can
//! be in is written out and resumed from with the real code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use agon::durable;

use super::{
    needs,
    victim::{self, CARD, CHECKPOINTS, LOG, Promised, card, log, resume, sample},
};

const STEPS: u64 = 4;
const BYTES: usize = 2000;
/// A disk writes no less than this at once.
const SECTOR: usize = 512;

/// What the victim did, as far as it concerns the disk. Paths are relative to its folder.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    MakeFolder(PathBuf),
    /// Makes the file if it is not there.
    Open(PathBuf),
    Write(PathBuf, usize),
    SyncFile(PathBuf),
    SyncFolder(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    Committed(u64),
    Exported(u64),
}

#[test]
fn a_power_cut_between_any_two_calls_loses_nothing() {
    if !needs::program("strace", "strace") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let events = record(temp.path());
    if events.is_empty() && !needs::lacks("strace to be allowed to trace") {
        return;
    }
    let scratch = temp.path().join("state");
    let num_states = replay(&events, &scratch).unwrap();
    assert!(num_states > 500, "only {num_states} states: {events:?}");
    // The model must bite: without any one kind of sync it finds a loss.
    for missing in [CHECKPOINTS, "", LOG, ".card.ron.tmp", ".agon.tmp"] {
        let is_missing = |event: &&Event| match event {
            Event::SyncFolder(path) => path == Path::new(missing),
            Event::SyncFile(path) => !missing.is_empty() && path.to_string_lossy().ends_with(missing),
            _ => false,
        };
        let sabotaged: Vec<Event> = events.iter().filter(|event| !is_missing(event)).cloned().collect();
        assert!(sabotaged.len() < events.len(), "`{missing}` is never synced: {events:?}");
        assert!(replay(&sabotaged, &scratch).is_err(), "a missing sync of `{missing}` goes unnoticed");
    }
}

/// Lets the victim work and reads its calls from strace's log; nothing when strace may not trace here.
fn record(temp: &Path) -> Vec<Event> {
    let folder = temp.join("run");
    fs::create_dir(&folder).unwrap();
    let log_path = temp.join("log").display().to_string();
    let calls = "trace=mkdirat,openat,write,fsync,renameat,unlinkat,ftruncate";
    // One log per thread, so that lines of several threads cannot interleave.
    let wrapper = ["strace", "-ff", "-qq", "-s", "64", "-o", &log_path, "-e", calls];
    let output = victim::command(&wrapper, &folder, STEPS, BYTES).output().unwrap();
    let logs = durable::files_in(temp).unwrap().into_iter().filter(|path| path.is_file());
    let logs = logs.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    let Some(calls) = logs.into_iter().find(|log| log.contains("committed")) else {
        assert!(!output.status.success(), "strace ran, but recorded nothing");
        return Vec::new();
    };
    let mut descriptors = BTreeMap::new();
    let events: Vec<Event> = calls.lines().filter_map(|line| event(line, &folder, &mut descriptors)).collect();
    assert_eq!(events.last(), Some(&Event::Exported(STEPS)));
    events
}

/// The event of a line such as `fsync(3) = 0`; `descriptors` remembers the path of each that is open below `folder`.
fn event(line: &str, folder: &Path, descriptors: &mut BTreeMap<usize, PathBuf>) -> Option<Event> {
    let (call, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let result: usize = result.split_whitespace().next()?.parse().ok()?;
    let arguments: Vec<&str> = arguments.trim_end().trim_end_matches(')').split(", ").collect();
    let descriptor = || arguments.first()?.parse::<usize>().ok();
    // A path by itself, or a name in a folder that is open: the folder comes before it.
    let path = |nth: usize| {
        let name = arguments.get(nth + 1)?.trim_matches('"');
        match arguments[nth].parse::<usize>() {
            Ok(open) if !name.starts_with('/') => Some(descriptors.get(&open)?.join(name)),
            _ => Path::new(name).strip_prefix(folder).ok().map(Path::to_owned),
        }
    };
    match call {
        "openat" => {
            let path = path(0);
            descriptors.remove(&result);
            descriptors.insert(result, path.clone()?);
            arguments.get(2)?.contains("O_CREAT").then_some(Event::Open(path?))
        }
        "write" if descriptor()? == 1 => {
            let (word, step) = arguments.get(1)?.trim_matches('"').split_once(' ')?;
            let step = step.strip_suffix("\\n")?.parse().ok()?;
            match word {
                "committed" => Some(Event::Committed(step)),
                "exported" => Some(Event::Exported(step)),
                _ => None,
            }
        }
        "write" => Some(Event::Write(descriptors.get(&descriptor()?)?.clone(), result)),
        "fsync" => {
            let path = descriptors.get(&descriptor()?)?.clone();
            Some(if folder.join(&path).is_dir() { Event::SyncFolder(path) } else { Event::SyncFile(path) })
        }
        "mkdirat" => path(0).map(Event::MakeFolder),
        "renameat" => Some(Event::Rename(path(0)?, path(2)?)),
        "unlinkat" => path(0).map(Event::Remove),
        _ => panic!("the model does not know this call: {line}"),
    }
}

/// A disk that may forget what was not synced.
#[derive(Default)]
struct Disk {
    files: Vec<Content>,
    /// Names that are safe.
    names: BTreeMap<PathBuf, Node>,
    /// Changes of names that may be lost, in the order in which they were made.
    pending: Vec<Change>,
}

/// The bytes that a file will have in the end, and how many of them were written and synced so far.
struct Content {
    bytes: Vec<u8>,
    written: usize,
    synced: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Clone, Debug)]
struct Change {
    removed: Option<PathBuf>,
    added: Option<(PathBuf, Node)>,
}

/// What became of the bytes that were written but not synced.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Lost,
    Torn,
    Zeroed,
    Kept,
}

/// Replays the events and looks at every state after each of them; the number of states, or the first that lost something.
fn replay(events: &[Event], scratch: &Path) -> Result<usize, String> {
    let mut disk = Disk::default();
    let (mut promised, mut num_states) = (Promised::default(), 0);
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Committed(step) => promised.committed = *step,
            Event::Exported(step) => promised.exported = *step,
            change => disk.apply(change, promised.exported + 1),
        }
        for survivors in 0..1_u32 << disk.pending.len() {
            for fate in [Fate::Lost, Fate::Torn, Fate::Zeroed, Fate::Kept] {
                disk.write_out(scratch, survivors, fate);
                num_states += 1;
                resume(scratch, promised, BYTES).map_err(|loss| {
                    let pending = &disk.pending;
                    format!(
                        "{loss}: cut after event {at} of {events:?}, surviving {survivors:b} of {pending:?}, {fate:?}"
                    )
                })?;
            }
        }
    }
    Ok(num_states)
}

impl Disk {
    /// What a process sees, whether it is safe or not.
    fn visible(&self) -> BTreeMap<PathBuf, Node> {
        let mut names = self.names.clone();
        self.pending.iter().for_each(|change| change.apply(&mut names));
        names
    }

    fn file(&mut self, path: &Path) -> &mut Content {
        match self.visible()[path] {
            Node::File(index) => &mut self.files[index],
            Node::Folder => panic!("{} is no file", path.display()),
        }
    }

    /// `step` is the one that the victim is at work on.
    fn apply(&mut self, event: &Event, step: u64) {
        match event {
            Event::MakeFolder(path) => self.change(None, Some((path.clone(), Node::Folder))),
            Event::Open(path) if self.visible().contains_key(path) => {}
            Event::Open(path) => {
                self.files.push(Content { bytes: content_of(path, step), written: 0, synced: 0 });
                self.change(None, Some((path.clone(), Node::File(self.files.len() - 1))));
            }
            Event::Write(path, bytes) => self.file(path).written += bytes,
            Event::SyncFile(path) => {
                let file = self.file(path);
                file.synced = file.written;
            }
            Event::SyncFolder(folder) => {
                for change in std::mem::take(&mut self.pending) {
                    if change.folder() == folder {
                        change.apply(&mut self.names);
                    } else {
                        self.pending.push(change);
                    }
                }
            }
            Event::Rename(from, to) => self.change(Some(from.clone()), Some((to.clone(), self.visible()[from]))),
            Event::Remove(path) => self.change(Some(path.clone()), None),
            Event::Committed(_) | Event::Exported(_) => unreachable!("these do not concern the disk"),
        }
    }

    fn change(&mut self, removed: Option<PathBuf>, added: Option<(PathBuf, Node)>) {
        self.pending.push(Change { removed, added });
    }

    /// Makes `scratch` the folder that is found after a cut, with those pending changes whose bit is set in `survivors`.
    fn write_out(&self, scratch: &Path, survivors: u32, fate: Fate) {
        let mut names = self.names.clone();
        let survived = self.pending.iter().enumerate().filter(|(bit, _)| survivors >> bit & 1 == 1);
        survived.for_each(|(_, change)| change.apply(&mut names));
        let _ = fs::remove_dir_all(scratch);
        fs::create_dir(scratch).unwrap();
        // In the order of paths a folder comes before what is in it; what is in a lost folder is lost.
        for (path, node) in names {
            let path = scratch.join(path);
            match node {
                Node::Folder => fs::create_dir(path).unwrap(),
                Node::File(index) if path.parent().unwrap().is_dir() => {
                    fs::write(path, self.files[index].after(fate)).unwrap();
                }
                Node::File(_) => {}
            }
        }
    }
}

impl Change {
    /// The folder whose sync makes this safe.
    fn folder(&self) -> &Path {
        let path = self.added.as_ref().map(|(path, _)| path).or(self.removed.as_ref());
        path.and_then(|path| path.parent()).unwrap()
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        if let Some(path) = &self.removed {
            names.remove(path);
        }
        names.extend(self.added.clone());
    }
}

impl Content {
    fn after(&self, fate: Fate) -> Vec<u8> {
        let mut bytes = self.bytes[..self.written].to_vec();
        match fate {
            Fate::Lost => bytes.truncate(self.synced),
            Fate::Torn => {
                let torn = self.synced + (self.written - self.synced) / 2;
                bytes.truncate(torn.next_multiple_of(SECTOR).clamp(self.synced, self.written));
            }
            Fate::Zeroed => bytes[self.synced..].fill(0),
            Fate::Kept => {}
        }
        bytes
    }
}

/// What the victim will have written into the file that it makes here while at work on `step`.
fn content_of(path: &Path, step: u64) -> Vec<u8> {
    let name = path.to_string_lossy();
    if name == LOG {
        log(STEPS).into_bytes()
    } else if name.contains(CARD) {
        card(step).into_bytes()
    } else {
        assert!(name.contains(&format!("{step:012}.agon")), "{name}");
        sample(step, BYTES).encode(step).unwrap()
    }
}
