//! `agon record` and `agon verify` as a user meets them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};

use agon::record::{Replay, messages::METRICS};

use crate::forgery::forged;

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
    ends_with(2, folder, args, because);
}

/// The command ends with this code and says why; what it wrote to stdout.
#[track_caller]
fn ends_with(code: i32, folder: &Path, args: &[&str], because: &str) -> String {
    let output = agon(folder, args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "agon {}: {told}", args.join(" "));
    assert!(told.starts_with("error: ") && told.contains(because), "expected `{because}` in: {told}");
    String::from_utf8(output.stdout).unwrap()
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
    let recorded = events.into_iter().find_map(|(_, event)| event.into_record(1)).unwrap().0.groups[0].episode_return;
    let first = replay_return(&house, "0");
    let eval = [
        "eval",
        "skirmish",
        "--policy",
        "greedy",
        "--set",
        "max_steps=12",
        "--episodes",
        "2",
        "--no-reference",
        "--json",
    ];
    let report: serde_json::Value = serde_json::from_str(&stdout(house.path(), &eval)).unwrap();
    let mean = report["policies"]["greedy"]["episode_return"]["mean"].as_f64().unwrap();
    assert!((mean - 0.5 * (first + recorded)).abs() < 1e-12, "{mean} of {first} and {recorded}");
}

fn replay_return(house: &tempfile::TempDir, env: &str) -> f64 {
    let path = stdout(house.path(), &[&SHORT[..], &["--env", env]].concat());
    let mut replay = Replay::open(house.path().join(path.trim_end())).unwrap();
    let events = replay.events(12..=12).unwrap();
    events.into_iter().find_map(|(_, event)| event.into_record(1)).unwrap().0.groups[0].episode_return
}

#[test]
fn verify_says_identical_different_or_incomplete_and_so_does_its_exit_code() {
    let house = house();
    let length = ["--ticks", "400", "--keyframes", "20", "--set", "max_steps=150"];
    let args = [&["record", "skirmish", "--policy", "random", "--out", "a.mcap"], &length[..]].concat();
    stdout(house.path(), &args);
    let told = stdout(house.path(), &["verify", "a.mcap"]);
    assert!(told.starts_with("22 keyframes, 400 ticks, identical\nfinished\n"), "{told}");
    assert!(told.contains("not checked: whether random chose the actions"), "{told}");
    let json: serde_json::Value = serde_json::from_str(&stdout(house.path(), &["verify", "a.mcap", "--json"])).unwrap();
    assert_eq!((&json["identical"], &json["finished"], &json["ticks"]), (&true.into(), &true.into(), &400.into()));

    let whole = fs::read(house.path().join("a.mcap")).unwrap();
    let mut bytes = whole.clone();
    fs::write(house.path().join("cut.mcap"), &bytes[..bytes.len() * 2 / 3]).unwrap();
    let told = ends_with(4, house.path(), &["verify", "cut.mcap"], "cut.mcap: cut: good up to byte ");
    assert!(told.contains("identical\ncut: good up to byte "), "{told}");
    let json = ends_with(4, house.path(), &["verify", "cut.mcap", "--json"], "cut.mcap: cut: good up to byte ");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["outcome"], &json["identical"]), (&"incomplete".into(), &true.into()));
    let at = bytes.len() * 2 / 3;
    bytes[at] ^= 1;
    fs::write(house.path().join("bad.mcap"), &bytes).unwrap();
    ends_with(3, house.path(), &["verify", "bad.mcap"], "bad.mcap: damaged at byte ");
    let unfinished = forged(&whole, |content| content.finished = None);
    fs::write(house.path().join("stopped.mcap"), unfinished).unwrap();
    ends_with(4, house.path(), &["verify", "stopped.mcap"], "not finished: its recorder was stopped after tick 400");
    let forged = forged(&whole, |content| content.replace(METRICS, 7, "{", "{ "));
    fs::write(house.path().join("forged.mcap"), forged).unwrap();
    let told = ends_with(3, house.path(), &["verify", "forged.mcap"], "forged.mcap: differs at tick 7: metrics");
    assert!(told.contains("7 ticks") || told.contains("6 ticks, different"), "{told}");
    refused(house.path(), &["verify", "nowhere.mcap"], "nowhere.mcap");
    fs::write(house.path().join("empty.mcap"), b"").unwrap();
    refused(house.path(), &["verify", "empty.mcap"], "agon record");
}

#[test]
fn the_help_of_verify_says_what_its_exit_codes_mean() {
    let help = stdout(Path::new("."), &["verify", "--help"]);
    for line in ["3  different", "4  incomplete", "2  the file cannot be used"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn verify_says_what_no_checksum_covers_and_what_an_earlier_version_lacks() {
    let house = house();
    let (old, new) = (include_bytes!("fixtures/version-1.mcap"), house.path().join("old.mcap"));
    fs::write(&new, old).unwrap();
    let told = stdout(house.path(), &["verify", "old.mcap"]);
    assert!(told.contains("identical\nfinished\n") && told.contains("lacks states of ticks 31 to 47"), "{told}");
    assert!(told.contains("version 1") && !told.contains("checksum"), "{told}");
    let data_end = old.windows(9).rposition(|window| *window == [0x0F, 4, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut without = old.to_vec();
    without[data_end + 9..data_end + 13].fill(0);
    fs::write(&new, without).unwrap();
    let told = stdout(house.path(), &["verify", "old.mcap"]);
    assert!(told.contains("no checksum covers what lies between the chunks"), "{told}");
}

#[test]
fn a_recording_goes_where_a_link_that_was_typed_points_and_never_over_a_file() {
    let house = house();
    let path = |name: &str| house.path().join(name);
    symlink("there.mcap", path("link.mcap")).unwrap();
    let to_link = [&SHORT[..], &["--ticks", "3", "--out", "link.mcap"]].concat();
    stdout(house.path(), &to_link);
    assert!(path("link.mcap").is_symlink() && Replay::open(path("there.mcap")).is_ok());
    refused(house.path(), &to_link, "there is such a file already");
    // The names that agon chooses itself are not typed: a link there is in the way.
    fs::create_dir(path("recordings")).unwrap();
    symlink("../elsewhere.mcap", path("recordings/skirmish-greedy-s1-e0.mcap")).unwrap();
    assert_eq!(stdout(house.path(), &SHORT), "recordings/skirmish-greedy-s1-e0-2.mcap\n");
    assert!(!path("elsewhere.mcap").exists());
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    let house = house();
    refused(house.path(), &["record", "skirmish", "--policy", "hold,hold"], "2 policies are named");
    refused(house.path(), &["record", "skirmish", "--policy", "all"], "many policies, and here one is wanted");
    refused(house.path(), &["record", "skirmish", "--policy", "greedi"], "did you mean `greedy`?");
    refused(house.path(), &["record", "skirmish"], "--policy");
    refused(house.path(), &["record", "skirmish", "--policy", "hold", "--ticks", "5", "--episodes", "5"], "--episodes");
    refused(house.path(), &["record", "skirmish", "--policy", "hold", "--keyframes", "0"], "--keyframes");
    assert!(!house.path().join("recordings").exists());
}
