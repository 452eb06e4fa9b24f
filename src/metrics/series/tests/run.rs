//! A run's file is followed while it is written, torn, cut back and damaged.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::PathBuf,
};

use tempfile::TempDir;

use super::*;
use crate::{
    durable::Folder,
    error::Result,
    metrics::{JsonLines, Point, Sink},
};

const LOSS: &str = "losses/value_loss";

struct Log {
    path: PathBuf,
    _folder: TempDir,
}

impl Log {
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, text).unwrap();
        Self { path, _folder: folder }
    }

    fn append(&self, text: &str) {
        OpenOptions::new().append(true).open(&self.path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn read(&self) -> Result<RunCurves> {
        RunCurves::read(&self.path)
    }
}

fn line(step: u64, loss: f64) -> String {
    format!("{{\"step\":{step},\"wall_s\":{},\"losses/value_loss\":{loss:?}}}\n", step as f64 / 4.0)
}

fn losses(curves: &RunCurves) -> Vec<[f64; 2]> {
    curves.get(LOSS).map_or_else(Vec::new, |series| series.points().to_vec())
}

#[test]
fn what_the_sink_wrote_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let mut sink = JsonLines::create(&Folder::open(folder.path()).unwrap(), "metrics.jsonl").unwrap();
    sink.write(&Point { step: 4096, wall_s: 1.25, scalars: &[(LOSS, f64::NAN), ("a/\"b\"\n", 0.1)] }).unwrap();
    sink.write(&Point { step: 8192, wall_s: 2.5, scalars: &[(LOSS, -3.0), ("env/lambda2", 1e300)] }).unwrap();
    let curves = RunCurves::read(&path).unwrap();
    assert_eq!(curves.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a/\"b\"\n", "env/lambda2", LOSS]);
    assert_eq!(bits(curves.get(LOSS).unwrap().points()), bits(&[[4096.0, f64::NAN], [8192.0, -3.0]]));
    assert_eq!(curves.get("a/\"b\"\n").unwrap().points(), [[4096.0, 0.1]]);
    assert_eq!(curves.get("env/lambda2").unwrap().points(), [[8192.0, 1e300]]);
    assert_eq!(curves.wall_s().points(), [[4096.0, 1.25], [8192.0, 2.5]]);
    assert_eq!([4096.0, 9e9].map(|step| curves.wall_s_at(step)), [Some(1.25), Some(2.5)]);
    assert!(curves.get("env/lambda3").is_none());
}

#[test]
fn a_torn_line_waits_for_its_end() {
    let log = Log::of("");
    let mut curves = log.read().unwrap();
    assert!(curves.wall_s_at(0.0).is_none());
    let text = line(1, 0.5);
    log.append(&text[..20]);
    assert!(!curves.follow().unwrap() && losses(&curves).is_empty());
    log.append(&text[20..]);
    log.append(&line(2, 0.25)[..9]);
    assert!(curves.follow().unwrap());
    assert_eq!(losses(&curves), [[1.0, 0.5]]);
    assert!(!curves.follow().unwrap());
}

#[test]
fn a_file_that_was_cut_back_is_read_anew() {
    let log = Log::of(&(1..=4).map(|step| line(step, 1.0)).collect::<String>());
    let mut curves = log.read().unwrap();
    let mut smoothed = Smoothed::new(0.5);
    smoothed.follow(curves.get(LOSS).unwrap());
    fs::write(&log.path, [line(1, 1.0), line(2, 1.0)].concat()).unwrap();
    assert!(curves.follow().unwrap());
    assert_eq!(losses(&curves), [[1.0, 1.0], [2.0, 1.0]]);
    smoothed.follow(curves.get(LOSS).unwrap());
    assert_eq!(smoothed.curve().points(), losses(&curves));
    // Grown beyond where it was read to before anyone looked.
    fs::write(&log.path, [line(1, 1.0), line(2, 2.0), line(3, 2.0)].concat()).unwrap();
    assert!(curves.follow().unwrap());
    assert_eq!(losses(&curves), [[1.0, 1.0], [2.0, 2.0], [3.0, 2.0]]);
    fs::write(&log.path, "").unwrap();
    assert!(curves.follow().unwrap());
    assert!(losses(&curves).is_empty() && curves.wall_s().is_empty() && curves.iter().count() == 1);
    assert!(!curves.follow().unwrap());
}

#[test]
fn keys_of_others_are_passed_over_in_any_order() {
    let log = Log::of(
        "{\"git\":{\"deep\":[1,null]},\"losses/value_loss\":2,\"note\":\"x\",\"step\":7}\n\n  \r\n\
         {\"wall_s\":null,\"step\":8,\"losses/value_loss\":-1e-3}\r\n",
    );
    let curves = log.read().unwrap();
    assert_eq!(losses(&curves), [[7.0, 2.0], [8.0, -0.001]]);
    assert!(curves.wall_s_at(7.0).is_none() && curves.wall_s().len() == 2);
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_the_lines_before_it_stay() {
    for (bad, told) in [
        ("{\"step\":2", ":2:9: this line cannot be read (EOF while parsing an object)"),
        ("{\"losses/value_loss\":1}", "(missing field `step`)"),
        ("{\"step\":-2}", "invalid value: integer `-2`, expected u64"),
        ("{\"step\":2,\"losses/value_loss\":\"a\\u0007b\"}", "invalid type: string"),
        ("{\"step\":2,\"losses/value_loss\":1e999}", "number out of range"),
        ("[2]", "expected an object with a step"),
        ("{\"step\":2} {}", ":2:12: this line cannot be read (trailing characters)"),
        ("\0\0\0", ":2:1: this line cannot be read (expected value)"),
    ] {
        let log = Log::of(&[&line(1, 0.5), bad, "\n", &line(3, 0.5)].concat());
        let mut curves = RunCurves::new(&log.path);
        for _ in 0..2 {
            let error = curves.follow().unwrap_err();
            let text = error.to_string();
            assert!(text.contains(told) && text.contains("metrics.jsonl:2:"), "{text}");
            assert!(!text.contains(char::is_control) && error.exit_code() == 2, "{text}");
            assert_eq!(losses(&curves), [[1.0, 0.5]]);
        }
        fs::write(&log.path, [line(1, 0.5), line(3, 0.75)].concat()).unwrap();
        assert!(curves.follow().unwrap());
        assert_eq!(losses(&curves), [[1.0, 0.5], [3.0, 0.75]]);
    }
}

#[test]
fn what_is_read_is_bounded() {
    let log = Log::of(&line(1, 0.5));
    log.append(&"x".repeat(MAX_LINE_BYTES));
    let error = log.read().unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl:2:1: this line is longer than 1048576 bytes"), "{error}");

    let names: String = (0..=MAX_CURVES).map(|name| format!("{{\"step\":1,\"a/{name}\":1}}\n")).collect();
    let error = Log::of(&names).read().unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl:10001:") && error.contains("more than 10000 names"), "{error}");

    let log = Log::of("");
    OpenOptions::new().write(true).open(&log.path).unwrap().set_len(MAX_BYTES + 1).unwrap();
    let error = log.read().unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl: longer than 1073741824 bytes"), "{error}");
}

#[test]
fn a_file_that_is_missing_or_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(RunCurves::read(&folder.path().join("missing")).unwrap_err().exit_code(), 2);
    let error = RunCurves::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("not an ordinary file"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn following_at_any_byte_ends_where_reading_at_once_does(
        steps in prop::collection::vec((0u64..40, value()), 1..30),
        looks in prop::collection::vec(0f64..1.0, 0..8),
    ) {
        let number = |y: f64| if y.is_finite() { format!("{y:?}") } else { "null".to_owned() };
        let text: String = steps
            .iter()
            .map(|&(step, y)| format!("{{\"step\":{step},\"wall_s\":{step}.5,\"a/b\":{}}}\n", number(y)))
            .collect();
        let mut looks: Vec<usize> = looks.iter().map(|share| (share * text.len() as f64) as usize).collect();
        looks.extend([0, text.len()]);
        looks.sort_unstable();
        let log = Log::of("");
        let mut curves = log.read().unwrap();
        for look in looks.windows(2) {
            log.append(&text[look[0]..look[1]]);
            curves.follow().unwrap();
        }
        let (followed, at_once) = (curves.get("a/b").unwrap(), log.read().unwrap());
        prop_assert_eq!(bits(followed.points()), bits(at_once.get("a/b").unwrap().points()));
        prop_assert_eq!(curves.wall_s().points(), at_once.wall_s().points());
        let last = steps.last().unwrap();
        prop_assert_eq!(followed.last().unwrap().0, last.0 as f64);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..40) {
        let log = Log::of("");
        let mut text = line(1, 0.5).into_bytes();
        text.splice(at..at, bytes);
        fs::write(&log.path, text).unwrap();
        let _ = log.read();
    }
}
