//! Whatever error any file operation returns: it is reported, the process lives, and nothing promised is lost.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::Path,
    process::Command,
};

use agon::session::{
    durable::{self, Durability},
    generation,
};

use super::{
    CHECKPOINTS, FAULTS, KEEP, card, check_leftovers, export, is_installed, last_told, sample, save, say, skip, tell,
    victim_command,
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

#[test]
fn an_error_of_any_operation_is_reported_and_loses_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let Some(shim) = build_shim(temp.path()) else {
        return skip("an_error_of_any_operation_is_reported_and_loses_nothing", "cc");
    };
    let folder = temp.path().join("run");
    let sweep = attacked(&shim, &folder, "sweep");
    let (text, log) = (String::from_utf8_lossy(&sweep.stdout), String::from_utf8_lossy(&sweep.stderr));
    assert!(sweep.status.success(), "{text}\n{log}");
    let cases = last_told(&sweep, "faults put in: ");
    assert!(cases > 300, "only {cases} faults were put in: does the shim see every call?\n{text}");
    let mut deaths = 0;
    loop {
        let died = attacked(&shim, &folder, &(deaths + 1).to_string());
        check_leftovers(&folder, last_told(&died, "committed "), last_told(&died, "exported "), BYTES);
        if died.status.success() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 2, "no death inside a write");
    say(&format!("{cases} errors and {deaths} deaths inside a write, nothing lost"));
}

/// Runs the victim in a fresh folder under the shim.
fn attacked(shim: &Path, folder: &Path, fault: &str) -> std::process::Output {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    victim_command(&[], folder, 0, BYTES).env("LD_PRELOAD", shim).env(FAULTS, fault).output().unwrap()
}

fn build_shim(folder: &Path) -> Option<std::path::PathBuf> {
    let (source, shim) = (folder.join("shim.c"), folder.join("shim.so"));
    if !is_installed("cc") {
        return None;
    }
    fs::write(&source, include_str!("shim.c")).unwrap();
    let mut cc = Command::new("cc");
    let built = cc.args(["-shared", "-fPIC", "-O1", "-Wall"]).arg(&source).arg("-o").arg(&shim).arg("-ldl").output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(shim)
}

/// The victim's part, with the shim in place: every error at every operation, or (`fault` is a number) death in the
/// middle of that write.
pub(crate) fn attack(folder: &Path, fault: &str) {
    if let Ok(nth) = fault.parse() {
        arm(folder, nth, HALF_AND_DIE, false);
        for step in 1..=3 {
            save(folder, step, BYTES);
            tell(&format!("committed {step}"));
            export(folder, step);
            tell(&format!("exported {step}"));
        }
        disarm();
        return;
    }
    let mut cases = 0;
    for error in [HALF, EINTR, EIO, EACCES, EMFILE, ENOSPC, EDQUOT] {
        // An interruption that never ends is retried for ever, as it should be.
        for is_sticky in [false, true].into_iter().take(if error == EINTR { 1 } else { 2 }) {
            let mut nth = 1;
            while attack_once(folder, nth, error, is_sticky) {
                nth += 1;
            }
            cases += nth - 1;
        }
    }
    tell(&format!("faults put in: {cases}"));
}

/// Saves and exports with one fault, or all from one on; false when there are fewer operations than `nth`.
fn attack_once(folder: &Path, nth: u64, error: i32, is_sticky: bool) -> bool {
    let case = format!("operation {nth}, error {error}, sticky {is_sticky}");
    let checkpoints = folder.join(CHECKPOINTS);
    fs::remove_dir_all(folder).unwrap();
    fs::create_dir(folder).unwrap();
    (1..=3).for_each(|step| save(folder, step, BYTES));
    export(folder, 3);

    arm(folder, nth, error, is_sticky);
    let saved = [4, 5].map(|step| generation::save(&checkpoints, step, &sample(step, BYTES), KEEP));
    let exported = durable::write_atomic(&folder.join("card.ron"), card(5).as_bytes());
    let is_hit = disarm();

    let is_clean = |saved: &generation::Saved| saved.durability.is_promised() && saved.warnings.is_empty();
    let is_told = !saved.iter().all(|saved| saved.as_ref().is_ok_and(is_clean)) || exported != Ok(Durability::Promised);
    if error > 0 && error != EINTR {
        assert_eq!(is_told, is_hit, "{case}: {saved:?}, {exported:?}");
    } else if error == HALF {
        assert!(!is_told, "{case}: a short write is no error: {saved:?}, {exported:?}");
    }
    for failure in saved.iter().filter_map(|saved| saved.as_ref().err()).chain(exported.as_ref().err()) {
        let text = failure.to_string();
        assert!(text.starts_with(&folder.display().to_string()), "{case}: no place in {text}");
        let has_hint =
            ![ENOSPC, EDQUOT].contains(&error) || text.contains("free space") || text.contains("another disk");
        assert!(has_hint, "{case}: no advice in {text}");
    }
    let is_promised = |saved: &generation::Saved| saved.durability.is_promised();
    let promised = [4, 5].iter().zip(&saved).filter(|(_, saved)| saved.as_ref().is_ok_and(is_promised));
    let committed = promised.map(|(step, _)| *step).max().unwrap_or(3);
    let card_step = if exported == Ok(Durability::Promised) { 5 } else { 3 };
    let text = fs::read_to_string(folder.join("card.ron")).unwrap();
    assert!(text == card(5) || text == card(card_step), "{case}: {text}");
    let temps = [durable::clean_stale(folder).unwrap(), durable::clean_stale(&checkpoints).unwrap()].concat();
    assert!(temps.len() <= if is_sticky { 3 } else { 1 }, "{case}: {temps:?}");
    fs::write(folder.join("card.ron"), card(committed)).unwrap();
    check_leftovers(folder, committed, committed, BYTES);
    is_hit
}

fn arm(folder: &Path, nth: u64, error: i32, is_sticky: bool) {
    let order = format!("/agon-faults/{nth}/{error}/{}{}", u8::from(is_sticky), folder.display());
    assert!(File::open(order).is_err());
}

/// Whether a fault was put in since [`arm`].
fn disarm() -> bool {
    File::open("/agon-faults/off").is_err_and(|answer| answer.kind() == ErrorKind::AlreadyExists)
}
