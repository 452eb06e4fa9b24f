//! `agon record` and `agon verify` as a user meets them.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use agon::record::Replay;

fn agon(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agon")).args(args).current_dir(folder).output().unwrap()
}

#[track_caller]
fn stdout(folder: &Path, args: &[&str]) -> String {
    let output = agon(folder, args);
    assert!(output.status.success(), "agon {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(folder: &Path, args: &[&str], because: &str) {
    let output = agon(folder, args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "agon {}: {told}", args.join(" "));
    assert!(told.starts_with("error: ") && told.contains(because), "expected `{because}` in: {told}");
}

/// A folder with the shipped scenarios in it.
fn house() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/jamming/skirmish.ron");
    let folder = dir.path().join("scenarios/jamming");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(shipped, folder.join("skirmish.ron")).unwrap();
    dir
}

const SHORT: [&str; 6] = ["record", "skirmish", "--policy", "greedy", "--set", "max_steps=12"];

#[test]
fn a_recording_is_written_below_recordings_and_never_over_another() {
    let house = house();
    let path = stdout(house.path(), &SHORT);
    assert_eq!(path, "recordings/skirmish-greedy-s1-e0.mcap\n");
    let second = stdout(house.path(), &SHORT);
    assert_eq!(second, "recordings/skirmish-greedy-s1-e0-2.mcap\n");
    let bytes = |path: &str| fs::read(house.path().join(path.trim_end())).unwrap();
    assert_eq!(bytes(&path), bytes(&second), "the same recording has the same bytes");
    refused(house.path(), &[&SHORT[..], &["--out", path.trim_end()]].concat(), "there is such a file already");
    assert_eq!(bytes(&path), bytes(&second));
}

#[test]
fn it_is_as_long_as_was_asked_for() {
    let house = house();
    for (more, ticks) in [(&[][..], 12), (&["--episodes", "2"], 24), (&["--ticks", "7", "--keyframes", "2"], 7)] {
        let path = stdout(house.path(), &[&SHORT[..], more].concat());
        let replay = Replay::open(house.path().join(path.trim_end())).unwrap();
        assert_eq!((replay.ticks(), replay.header().finished), (0..=ticks, true));
    }
    stdout(house.path(), &[&SHORT[..], &["--seed", "5", "--env", "3", "--out", "new/deep/a.mcap"]].concat());
    let replay = Replay::open(house.path().join("new/deep/a.mcap")).unwrap();
    assert_eq!((replay.header().seed, replay.header().env), (5, (1 << 63) + 3));
    assert_eq!(replay.header().policies, ["greedy"]);
}

#[test]
fn it_is_the_episode_that_eval_plays() {
    let house = house();
    let path = stdout(house.path(), &[&SHORT[..], &["--env", "1"]].concat());
    let mut replay = Replay::open(house.path().join(path.trim_end())).unwrap();
    let events = replay.events(12..=12).unwrap();
    let recorded = events.into_iter().find_map(|(_, event)| event.into_record(1)).unwrap().0.episode_return;
    let first = replay_return(&house, "0");
    let eval = ["eval", "skirmish", "--policy", "greedy", "--set", "max_steps=12", "--episodes", "2", "--no-planner", "--json"];
    let report: serde_json::Value = serde_json::from_str(&stdout(house.path(), &eval)).unwrap();
    let mean = report["policies"]["greedy"]["episode_return"]["mean"].as_f64().unwrap();
    assert!((mean - 0.5 * (first + recorded)).abs() < 1e-12, "{mean} of {first} and {recorded}");
}

fn replay_return(house: &tempfile::TempDir, env: &str) -> f64 {
    let path = stdout(house.path(), &[&SHORT[..], &["--env", env]].concat());
    let mut replay = Replay::open(house.path().join(path.trim_end())).unwrap();
    let events = replay.events(12..=12).unwrap();
    events.into_iter().find_map(|(_, event)| event.into_record(1)).unwrap().0.episode_return
}

#[test]
fn verify_says_identical_cut_or_damaged() {
    let house = house();
    let args = ["record", "skirmish", "--policy", "random", "--ticks", "400", "--keyframes", "20", "--out", "a.mcap"];
    stdout(house.path(), &args);
    assert_eq!(stdout(house.path(), &["verify", "a.mcap"]), "22 keyframes, 400 ticks, identical\nfinished\n");
    let json: serde_json::Value =
        serde_json::from_str(&stdout(house.path(), &["verify", "a.mcap", "--json"])).unwrap();
    assert_eq!((&json["identical"], &json["finished"], &json["ticks"]), (&true.into(), &true.into(), &400.into()));

    let mut bytes = fs::read(house.path().join("a.mcap")).unwrap();
    fs::write(house.path().join("cut.mcap"), &bytes[..bytes.len() * 2 / 3]).unwrap();
    let told = stdout(house.path(), &["verify", "cut.mcap"]);
    assert!(told.contains("identical\ncut: good up to byte "), "{told}");
    let at = bytes.len() * 2 / 3;
    bytes[at] ^= 1;
    fs::write(house.path().join("bad.mcap"), &bytes).unwrap();
    refused(house.path(), &["verify", "bad.mcap"], "bad.mcap: damaged at byte ");
    refused(house.path(), &["verify", "nowhere.mcap"], "nowhere.mcap");
    fs::write(house.path().join("empty.mcap"), b"").unwrap();
    refused(house.path(), &["verify", "empty.mcap"], "agon record");
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    let house = house();
    refused(house.path(), &["record", "skirmish", "--policy", "hold,hold"], "2 policies for the groups: jammers");
    refused(house.path(), &["record", "skirmish", "--policy", "all"], "one for each group");
    refused(house.path(), &["record", "skirmish", "--policy", "greedi"], "did you mean `greedy`?");
    refused(house.path(), &["record", "skirmish"], "--policy");
    refused(house.path(), &["record", "skirmish", "--policy", "hold", "--ticks", "5", "--episodes", "5"], "--episodes");
    refused(house.path(), &["record", "skirmish", "--policy", "hold", "--keyframes", "0"], "--keyframes");
    assert!(!house.path().join("recordings").exists());
}
