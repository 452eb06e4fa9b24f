//! Whatever error any file operation returns: it is reported, the process lives, and nothing promised is lost.

use std::{
    fmt::Debug,
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use agon::{
    durable::{self, Durability, Folder},
    error::{self, Result},
    session::generation::{self, Loaded, Saved},
};

use super::{
    needs::{self, say},
    victim::{
        self, CARD, CHECKPOINTS, FAULT, LOG, Promised, card, check_leftovers, last_told, log, sample, tell, work,
    },
};

const BYTES: usize = 2000;
const EINTR: i32 = 4;
const EIO: i32 = 5;
const EACCES: i32 = 13;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const EDQUOT: i32 = 122;
/// What the shim takes for a write that goes halfway, without and with the death of the process.
const HALF: i32 = 0;
const HALF_AND_DIE: i32 = -1;
/// What it takes for a write or rename that claims success and does nothing.
const LIE: i32 = -2;

#[test]
fn an_error_of_any_operation_is_reported_and_loses_nothing() {
    if !needs::program("cc", "gcc") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let shim = build_shim(temp.path());
    let folder = temp.path().join("run");
    let sweep = attacked(&shim, &folder, "sweep");
    let (text, errors) = (String::from_utf8_lossy(&sweep.stdout), String::from_utf8_lossy(&sweep.stderr));
    assert!(sweep.status.success(), "{text}\n{errors}");
    let cases = last_told(&sweep, "faults put in: ");
    assert!(cases > 500, "only {cases} faults were put in: does the shim see every call?\n{text}");
    let mut deaths = 0;
    loop {
        let died = attacked(&shim, &folder, &(deaths + 1).to_string());
        check_leftovers(&folder, Promised::by(&died), BYTES);
        if died.status.success() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 9, "{deaths} deaths, but the log, the generation and the card were written three times each");
    say(&format!("{cases} errors and {deaths} deaths inside a write, nothing lost"));
}

/// Runs the victim in a fresh folder under the shim.
fn attacked(shim: &Path, folder: &Path, fault: &str) -> Output {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    victim::command(&[], folder, 0, BYTES).env("LD_PRELOAD", shim).env(FAULT, fault).output().unwrap()
}

fn build_shim(folder: &Path) -> PathBuf {
    let (source, shim) = (folder.join("shim.c"), folder.join("shim.so"));
    fs::write(&source, include_str!("shim.c")).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]).args([&shim, &source]).arg("-ldl");
    let built = cc.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    shim
}

/// The victim's part, with the shim in place: every error at every operation, or (`fault` is a number) death in the
/// middle of that write.
pub(crate) fn attack(folder: &Path, fault: &str) {
    if let Ok(nth) = fault.parse() {
        arm(folder, &Fault { nth, error: HALF_AND_DIE, is_sticky: false });
        work(folder, 1, 3, BYTES, tell);
        disarm();
        return;
    }
    let mut cases = 0;
    for attack_once in [saving, loading, tidying] {
        for error in [HALF, EINTR, EIO, EACCES, EMFILE, ENOSPC, EDQUOT] {
            // An interruption that never ends is retried for ever, as it should be.
            for is_sticky in [false, true].into_iter().take(if error == EINTR { 1 } else { 2 }) {
                for nth in 1.. {
                    fs::remove_dir_all(folder).unwrap();
                    fs::create_dir(folder).unwrap();
                    work(folder, 1, 3, BYTES, |_| {});
                    if !attack_once(folder, &Fault { nth, error, is_sticky }) {
                        break;
                    }
                    cases += 1;
                }
            }
        }
    }
    let mut lies = 0;
    while lying(folder, lies + 1) {
        lies += 1;
    }
    assert_eq!(lies, 4);
    tell(&format!("faults put in: {cases}"));
}

/// The error of the `nth` operation, and of all later ones if it is sticky.
#[derive(Debug)]
struct Fault {
    nth: u64,
    error: i32,
    is_sticky: bool,
}

impl Fault {
    /// An operation may try again after an interruption and go on after half a write, but must tell any other error.
    fn check_told<T: Debug>(&self, is_hit: bool, is_told: bool, outcome: &T) {
        match self.error {
            HALF => assert!(!is_told, "{self:?}: half a write is no error: {outcome:?}"),
            EINTR => {}
            _ => assert_eq!(is_told, is_hit, "{self:?}: {outcome:?}"),
        }
    }

    /// An error says what, where and, where something can be done, what to try.
    fn check_words<T>(&self, folder: &Path, outcome: &Result<T>) {
        let Err(error) = outcome else { return };
        let text = error.to_string();
        assert!(text.starts_with(&folder.display().to_string()), "{self:?}: no place in {text}");
        assert!(self.error == EINTR || text.contains("; "), "{self:?}: no advice in {text}");
    }
}

/// Saves and exports under a fault; false when there are fewer operations.
fn saving(folder: &Path, fault: &Fault) -> bool {
    fs::write(folder.join(LOG), log(5)).unwrap();
    arm(folder, fault);
    let saved = [4, 5].map(|step| victim::save(folder, step, &sample(step, BYTES)));
    let exported = durable::write_atomic(&folder.join(CARD), card(5).as_bytes());
    let is_hit = disarm();

    let has_folder = saved.iter().flatten().all(|(made, _)| made.is_promised());
    let saved = saved.map(|saved| saved.map(|(_, saved)| saved));
    let is_promised = |saved: &Saved| saved.durability.is_promised();
    let is_clean = |saved: &Saved| has_folder && is_promised(saved) && saved.warnings.is_empty();
    let is_card_promised = exported == Ok(Durability::Promised);
    for saved in saved.iter().flatten().filter(|saved| !is_promised(saved)) {
        assert!(saved.retired.is_empty(), "{fault:?}: removed before the new one was safe: {saved:?}");
    }
    let is_told = !saved.iter().all(|saved| saved.as_ref().is_ok_and(is_clean)) || !is_card_promised;
    fault.check_told(is_hit, is_told, &(&saved, &exported));
    saved.iter().for_each(|saved| fault.check_words(folder, saved));
    fault.check_words(folder, &exported);
    let failures = saved.iter().filter_map(|saved| saved.as_ref().err()).chain(exported.as_ref().err());
    failures.for_each(|error| assert_eq!(error.kind(), error::ErrorKind::System, "{fault:?}: {error}"));

    let temps = victim::clean_stale(folder).unwrap();
    assert!(temps.len() <= if fault.is_sticky { 3 } else { 1 }, "{fault:?}: {temps:?}");
    let text = fs::read_to_string(folder.join(CARD)).unwrap();
    assert!(text == card(5) || (text == card(3) && !is_card_promised), "{fault:?}: {text}");
    let committed = [4, 5].iter().zip(&saved).filter(|(_, saved)| saved.as_ref().is_ok_and(is_promised));
    let committed = committed.map(|(step, _)| *step).max().unwrap_or(3);
    // The card of a later step than the last generation would be none that the victim leaves.
    fs::write(folder.join(CARD), card(committed)).unwrap();
    check_leftovers(folder, Promised { committed, exported: committed }, BYTES);
    is_hit
}

/// Loads under a fault: the newest generation, or an older one with a warning, or an error; nothing changes on disk.
fn loading(folder: &Path, fault: &Fault) -> bool {
    let before = files(folder);
    arm(folder, fault);
    let checkpoints = folder.join(CHECKPOINTS);
    let loaded = Folder::open(&checkpoints).and_then(|checkpoints| generation::load_latest(&checkpoints));
    let is_hit = disarm();
    fault.check_told(is_hit, !loaded.as_ref().is_ok_and(|loaded| loaded.warnings.is_empty()), &loaded);
    fault.check_words(folder, &loaded);
    // What cannot even be listed has no older file to show.
    let is_unlisted = loaded.as_ref().is_err_and(|error| error.place().is_some_and(|place| place.file == checkpoints));
    if let Ok(Loaded { step, generation, warnings, .. }) = loaded {
        assert!(generation == sample(step, BYTES), "{fault:?}: a wrong read");
        assert!(step == 3 || !warnings.is_empty(), "{fault:?}: an older one without a word");
        assert!(step == 3 || fault.error == EIO, "{fault:?}: a passing trouble must not cost progress");
    } else {
        assert!(
            fault.error != EIO || fault.is_sticky || is_unlisted,
            "{fault:?}: a file that cannot be read back has an older one"
        );
    }
    assert_eq!(files(folder), before, "{fault:?}");
    is_hit
}

/// Saves one step and saves it anew, on a disk that lies once: what it does not give back is not taken for saved. False
/// when there are fewer writes.
fn lying(folder: &Path, nth: u64) -> bool {
    fs::remove_dir_all(folder).unwrap();
    fs::create_dir(folder).unwrap();
    work(folder, 1, 3, BYTES, |_| {});
    arm(folder, &Fault { nth, error: LIE, is_sticky: false });
    let saved = [4, 40].map(|content| victim::save(folder, 4, &sample(content, BYTES)));
    let is_hit = disarm();
    // Both times a write, then a rename. A lost write takes the older content of its step along, a lost rename does not.
    let (is_saved, expected) = match nth {
        1 | 2 => ([false, true], (4, 40)),
        3 => ([true, false], (3, 3)),
        4 => ([true, false], (4, 4)),
        _ => ([true, true], (4, 40)),
    };
    assert_eq!(saved.each_ref().map(|saved| saved.is_ok()), is_saved, "lie {nth}: {saved:?}");
    victim::clean_stale(folder).unwrap();
    let loaded = generation::load_latest(&Folder::open(&folder.join(CHECKPOINTS)).unwrap()).unwrap();
    assert!(loaded.warnings.is_empty(), "lie {nth}: something damaged stays: {:?}", loaded.warnings);
    assert_eq!(loaded.step, expected.0, "lie {nth}");
    assert!(loaded.generation == sample(expected.1, BYTES), "lie {nth}: a wrong read");
    is_hit
}

/// Does under a fault what a resumed run does first: removes leftovers and a future, and cuts its log.
fn tidying(folder: &Path, fault: &Fault) -> bool {
    let checkpoints = folder.join(CHECKPOINTS);
    fs::write(checkpoints.join(".000000000004.agon.tmp"), b"half").unwrap();
    arm(folder, fault);
    let open = || Folder::open(&checkpoints);
    let cleaned = open().and_then(|checkpoints| checkpoints.clean_stale());
    let rewound = open().and_then(|checkpoints| generation::rewind(&checkpoints, 2));
    let cut = Folder::open(folder).and_then(|folder| durable::truncate_log(&folder, LOG, log(2).len() as u64));
    let is_hit = disarm();
    let is_rewound = rewound.as_ref().is_ok_and(Vec::is_empty);
    fault.check_told(is_hit, cleaned.is_err() || !is_rewound || cut.is_err(), &(&cleaned, &rewound, &cut));
    fault.check_words(folder, &cleaned);
    fault.check_words(folder, &rewound);
    fault.check_words(folder, &cut);
    if rewound.is_ok() {
        assert_eq!(open().and_then(|checkpoints| generation::steps(&checkpoints)), Ok(vec![2]), "{fault:?}");
    }
    let kept = if rewound.is_ok() { 2 } else { generation::load_latest(&open().unwrap()).unwrap().step };
    let text = fs::read_to_string(folder.join(LOG)).unwrap();
    assert!(text == log(2) || (text == log(3) && cut.is_err()), "{fault:?}: {text}");
    fs::write(folder.join(LOG), log(3)).unwrap();
    fs::write(folder.join(CARD), card(kept)).unwrap();
    victim::clean_stale(folder).unwrap();
    check_leftovers(folder, Promised { committed: kept, exported: kept }, BYTES);
    is_hit
}

/// Every file below the folder with its content.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths =
        [folder.to_owned(), folder.join(CHECKPOINTS)].map(|folder| durable::files_in(&folder).unwrap()).concat();
    paths.into_iter().filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn arm(folder: &Path, Fault { nth, error, is_sticky }: &Fault) {
    let order = format!("/agon-faults/{nth}/{error}/{}{}", u8::from(*is_sticky), folder.display());
    assert!(File::open(order).is_err());
}

/// Whether a fault was put in since [`arm`].
fn disarm() -> bool {
    File::open("/agon-faults/off").is_err_and(|answer| answer.kind() == ErrorKind::AlreadyExists)
}
