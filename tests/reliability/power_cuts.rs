//! A power cut between any two system calls loses nothing that was promised.
//!
//! A kill cannot show this, because the system keeps what a dead process wrote. So the calls that the victim really makes
//! are recorded, and a model of a disk replays them that keeps only what it must: the content of a file from its sync on,
//! a name from the sync of its folder on, and of everything else any part in any combination. Each state such a disk can
//! be in is written out and read with the real code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use agon::session::generation;

use super::{CHECKPOINTS, card, durable, is_installed, sample, skip, victim_command};

const STEPS: u64 = 4;
const BYTES: usize = 2000;
/// A disk writes no less than this at once.
const SECTOR: usize = 512;

/// What the victim did, as far as it concerns the disk. Paths are relative to its folder.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    MakeFolder(PathBuf),
    Create(PathBuf),
    /// To the file that was created last, this many bytes.
    Write(usize),
    SyncFile,
    SyncFolder(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    Committed(u64),
    Exported(u64),
}

#[test]
fn a_power_cut_between_any_two_calls_loses_nothing() {
    let temp = tempfile::tempdir().unwrap();
    if !is_installed("strace") {
        return skip("a_power_cut_between_any_two_calls_loses_nothing", "strace");
    }
    let events = record(temp.path());
    if events.is_empty() {
        return skip("a_power_cut_between_any_two_calls_loses_nothing", "strace");
    }
    let scratch = temp.path().join("state");
    let without = |dropped: &dyn Fn(&Event) -> bool| -> Vec<Event> {
        events.iter().filter(|event| !dropped(event)).cloned().collect()
    };
    let num_states = replay(&events, &scratch).unwrap();
    assert!(num_states > 500, "only {num_states} states: {events:?}");
    // The model must bite: without any one kind of sync it finds a loss.
    let is_folder = |event: &Event, folder: &str| *event == Event::SyncFolder(PathBuf::from(folder));
    for (what, sabotaged) in [
        ("the file", without(&|event| *event == Event::SyncFile)),
        ("the checkpoints folder", without(&|event| is_folder(event, CHECKPOINTS))),
        ("the run folder", without(&|event| is_folder(event, ""))),
    ] {
        assert!(sabotaged.len() < events.len(), "{what} is never synced: {events:?}");
        assert!(replay(&sabotaged, &scratch).is_err(), "a missing sync of {what} goes unnoticed");
    }
}

/// Runs the victim and reads its calls from strace's log.
fn record(temp: &Path) -> Vec<Event> {
    let folder = temp.join("run");
    fs::create_dir(&folder).unwrap();
    let log = temp.join("log").display().to_string();
    // One log per thread, so that lines of several threads cannot interleave.
    let wrapper = [
        "strace",
        "-ff",
        "-qq",
        "-s",
        "64",
        "-o",
        &log,
        "-e",
        "trace=mkdir,openat,write,fsync,rename,unlink,ftruncate",
    ];
    let output = victim_command(&wrapper, &folder, STEPS, BYTES).output().unwrap();
    let logs = durable::files_in(temp).unwrap().into_iter().filter(|path| path.is_file());
    let logs = logs.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    let Some(calls) = logs.into_iter().find(|log| log.contains("committed")) else {
        assert!(!output.status.success(), "strace ran, but recorded nothing");
        return Vec::new();
    };
    let mut descriptors = BTreeMap::new();
    let events: Vec<Event> = calls.lines().filter_map(|line| event(line, &folder, &mut descriptors)).collect();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Committed(_))).count() as u64, STEPS);
    events
}

/// What an open descriptor stands for.
#[derive(Clone, PartialEq)]
enum Opened {
    Folder(PathBuf),
    NewFile,
    Other,
}

fn event(line: &str, folder: &Path, descriptors: &mut BTreeMap<usize, Opened>) -> Option<Event> {
    let (call, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let result: usize = result.split_whitespace().next()?.parse().ok()?;
    let quoted: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
    let path = |nth: usize| Path::new(*quoted.get(nth)?).strip_prefix(folder).ok().map(Path::to_owned);
    let descriptor = || arguments.split([',', ')']).next()?.parse::<usize>().ok();
    match call {
        "openat" => {
            let opened = match path(0) {
                None => Opened::Other,
                Some(_) if arguments.contains("O_CREAT") => Opened::NewFile,
                Some(path) if folder.join(&path).is_dir() => Opened::Folder(path),
                Some(_) => Opened::Other,
            };
            descriptors.insert(result, opened.clone());
            (opened == Opened::NewFile).then(|| Event::Create(path(0).unwrap()))
        }
        "write" if descriptor()? == 1 => {
            let (word, step) = quoted.first()?.split_once(' ')?;
            let step = step.strip_suffix("\\n")?.parse().ok()?;
            match word {
                "committed" => Some(Event::Committed(step)),
                "exported" => Some(Event::Exported(step)),
                _ => None,
            }
        }
        "write" => (descriptors.get(&descriptor()?)? == &Opened::NewFile).then_some(Event::Write(result)),
        "fsync" => match descriptors.get(&descriptor()?)? {
            Opened::Folder(path) => Some(Event::SyncFolder(path.clone())),
            Opened::NewFile => Some(Event::SyncFile),
            Opened::Other => None,
        },
        "mkdir" => path(0).map(Event::MakeFolder),
        "rename" => Some(Event::Rename(path(0)?, path(1)?)),
        "unlink" => path(0).map(Event::Remove),
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
    let (mut committed, mut exported, mut num_states) = (0, 0, 0);
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Committed(step) => committed = *step,
            Event::Exported(step) => exported = *step,
            change => disk.apply(change, exported),
        }
        for survivors in 0..1_u32 << disk.pending.len() {
            for fate in [Fate::Lost, Fate::Torn, Fate::Zeroed, Fate::Kept] {
                disk.write_out(scratch, survivors, fate);
                num_states += 1;
                check(scratch, committed, exported).map_err(|loss| {
                    format!(
                        "{loss}, cut after event {at} of {events:?}, surviving {survivors:b} of {:?}, {fate:?}",
                        disk.pending
                    )
                })?;
            }
        }
    }
    Ok(num_states)
}

impl Disk {
    fn apply(&mut self, event: &Event, exported: u64) {
        let node = |disk: &Self, path: &PathBuf| {
            let mut names = disk.names.clone();
            disk.pending.iter().for_each(|change| change.apply(&mut names));
            names[path]
        };
        match event {
            Event::MakeFolder(path) => self.change(None, Some((path.clone(), Node::Folder))),
            Event::Create(path) => {
                self.files.push(Content { bytes: content_of(path, exported + 1), written: 0, synced: 0 });
                self.change(None, Some((path.clone(), Node::File(self.files.len() - 1))));
            }
            Event::Write(bytes) => self.files.last_mut().unwrap().written += bytes,
            Event::SyncFile => {
                let file = self.files.last_mut().unwrap();
                file.synced = file.written;
            }
            Event::SyncFolder(folder) => {
                let (safe, pending) = self.pending.drain(..).partition(|change| change.folder() == folder);
                self.pending = pending;
                let safe: Vec<Change> = safe;
                safe.iter().for_each(|change| change.apply(&mut self.names));
            }
            Event::Rename(from, to) => self.change(Some(from.clone()), Some((to.clone(), node(self, from)))),
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

/// What the victim writes into this temporary file while it works on `step`.
fn content_of(path: &Path, step: u64) -> Vec<u8> {
    if path.to_string_lossy().contains("card.ron") {
        card(step).into_bytes()
    } else {
        assert!(path.to_string_lossy().contains(&format!("{step:012}.agon")), "{}", path.display());
        sample(step, BYTES).encode(step).unwrap()
    }
}

/// Whether everything promised is there and nothing half-written is taken for whole.
fn check(folder: &Path, committed: u64, exported: u64) -> Result<(), String> {
    let checkpoints = folder.join(CHECKPOINTS);
    match generation::load_latest(&checkpoints) {
        Ok(loaded) if loaded.step < committed => return Err(format!("step {committed} was promised: {loaded:?}")),
        Ok(loaded) if loaded.generation != sample(loaded.step, BYTES) => return Err("a wrong read".to_owned()),
        Ok(loaded) if loaded.warnings.is_empty() => {}
        Ok(loaded) => return Err(format!("visible but unreadable: {:?}", loaded.warnings)),
        Err(_) if committed == 0 && generation::steps(&checkpoints).unwrap().is_empty() => {}
        Err(error) => return Err(error.to_string()),
    }
    match fs::read_to_string(folder.join("card.ron")) {
        Ok(text) if (exported..=exported + 1).any(|step| text == card(step)) => Ok(()),
        Err(_) if exported == 0 => Ok(()),
        other => Err(format!("the card of step {exported} was promised: {other:?}")),
    }
}
