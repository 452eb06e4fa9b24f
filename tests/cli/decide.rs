//! `agon decide` among programs that misbehave: who sends half lines or endless ones, who does not read, who is gone.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Read, Write},
    process::{Child, ChildStdout, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{needs, program, refused, stderr};

const NODES: &str = r#"{"op":"observe","nodes":[{"name":"a","capacity":{"cpu":64,"memory":256,"bandwidth":1000,"storage":500}},{"name":"b","capacity":{"cpu":32,"memory":256,"bandwidth":1000,"storage":500}}]}"#;

/// A service whose stdin and stdout are pipes.
fn service(args: &[&str]) -> Child {
    let args = [&["decide"], args].concat();
    program(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What the service says to all of `input`.
fn answers(input: &[u8]) -> Vec<Value> {
    let mut child = service(&[]);
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    parsed(&output)
}

#[track_caller]
fn parsed(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", stderr(output));
    output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

#[test]
fn the_example_of_the_help_is_what_happens() {
    let help = crate::stdout(&["decide", "--help"]);
    let example = help.split("Example:").nth(1).unwrap();
    let lines: Vec<&str> = example.lines().map(str::trim).filter(|line| line.starts_with('{')).collect();
    let [observe, observed, place, placed] = lines[..] else { panic!("{lines:?}") };
    let mut found = answers(format!("{observe}\n{place}\n").as_bytes());
    let mut expected: Vec<Value> = [observed, placed].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for placed in [&mut found[1], &mut expected[1]] {
        assert!(placed["latency_us"].take().is_number());
    }
    assert_eq!(found, expected);
}

#[test]
fn every_line_has_its_answer_whatever_it_is() {
    let mut input = format!("{NODES}\n").into_bytes();
    input.extend(vec![b'x'; 8 << 20]);
    input.extend(b"\n\xff\xfe\n");
    input.extend([b'['; 200]);
    input.extend(b"\n{\"op\":\"place\",\"workload\":\"w\",\"demand\":");
    input.extend(b"{\"cpu\":".repeat(200));
    input.extend(b"\n\n\0\0\n{\"op\":\"place\",\"id\":5,\"workload\":\"w\",\"demand\":{\"cpu\":1}}\n{\"op\":\"pla");
    let found = answers(&input);
    let errors: Vec<_> = found.iter().map(|answer| answer["error"].as_str()).collect();
    let [None, Some(long), Some(text), Some(_), Some(_), Some(empty), Some(_), None, Some(half)] = errors[..] else {
        panic!("{errors:#?}")
    };
    assert!(long.contains("longer than 1048576 bytes") && text.contains("UTF-8"), "{long}, {text}");
    assert!(empty.contains("empty") && half.contains("EOF"), "{empty}, {half}");
    assert_eq!((&found[7]["node"], &found[7]["id"]), (&"a".into(), &5.into()));
    let lines: Vec<_> = found.iter().filter_map(|answer| answer["line"].as_u64()).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 9]);
}

#[test]
fn bytes_of_memory_large_numbers_and_a_byte_order_mark_are_understood() {
    let observe = r#"{"op":"observe","nodes":[{"name":"a","capacity":{"cpu":1,"memory":68719476736,"bandwidth":8,"storage":8}}]}"#;
    let place = |n: u64| {
        let id = u64::MAX - n;
        format!(r#"{{"op":"place","id":{id},"workload":"w{n}","demand":{{"cpu":0.2,"memory":13743895347}}}}"#)
    };
    let requests: Vec<String> = (0..6).map(place).collect();
    let found = answers(format!("\u{FEFF}{observe}\n{}\n", requests.join("\n")).as_bytes());
    assert_eq!(found[0]["nodes"], 1);
    let nodes: Vec<_> = found[1..].iter().map(|answer| answer["node"].as_str()).collect();
    assert_eq!(
        nodes,
        [Some("a"), Some("a"), Some("a"), Some("a"), Some("a"), None],
        "five fifths are one, six are not"
    );
    assert_eq!((&found[6]["id"], &found[6]["why"]), (&(u64::MAX - 5).into(), &"no node has room".into()));
}

#[test]
fn an_endless_line_costs_no_memory() {
    let mut child = service(&[]);
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    writeln!(stdin, "{NODES}").unwrap();
    assert!(answers.next().unwrap().unwrap().contains("observe"));
    // What the program itself takes depends on what it is linked with.
    let before = resident_kb(&child);
    let megabytes = std::env::var("AGON_ENDLESS_MB").map_or(8, |number| number.parse().unwrap());
    (0..megabytes).for_each(|_| stdin.write_all(&vec![b'{'; 1 << 20]).unwrap());
    let grown = resident_kb(&child).saturating_sub(before);
    drop(stdin);
    assert!(answers.next().unwrap().unwrap().contains("longer than"));
    assert!(answers.next().is_none() && child.wait().unwrap().success());
    assert!(grown < 4_000, "{grown} kB");
}

fn resident_kb(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_hundred_thousand_lines_from_a_file_have_as_many_answers_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("requests.jsonl");
    let pairs: usize = std::env::var("AGON_LINES").map_or(50_000, |lines| lines.parse::<usize>().unwrap() / 2);
    let mut file = BufWriter::new(File::create(&path).unwrap());
    writeln!(file, "{NODES}").unwrap();
    for n in 0..pairs {
        writeln!(file, r#"{{"op":"place","id":{n},"workload":"w{n}","demand":{{"cpu":4}}}}"#).unwrap();
        writeln!(file, r#"{{"op":"release","id":{n},"workload":"w{n}"}}"#).unwrap();
    }
    file.into_inner().unwrap();
    let output = program(&["decide"]).stdin(File::open(&path).unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let mut answers = output.stdout.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert_eq!(answers.next().unwrap()["nodes"], 2);
    for n in 0..pairs {
        let [placed, released] = [answers.next().unwrap(), answers.next().unwrap()];
        let is_pair = placed["id"] == n && released["id"] == n && placed["node"] == released["node"];
        assert!(is_pair && placed["node"].is_string(), "{placed}, {released}");
    }
    assert_eq!(answers.next(), None);
}

/// Sends `count` requests that have long answers.
fn flood(stdin: &mut impl Write, count: usize) {
    let place = format!("{{\"op\":\"release\",\"id\":\"{}\",\"workload\":\"w\"}}\n", "x".repeat(60_000));
    (0..count).for_each(|_| stdin.write_all(place.as_bytes()).unwrap());
}

/// Reads until the answer to `report`, which comes last.
fn until_report(stdout: ChildStdout) -> (Vec<u64>, Value) {
    let (mut dropped, mut lines) = (vec![], BufReader::new(stdout).lines());
    loop {
        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        dropped.extend(answer["dropped"].as_u64());
        if answer["op"] == "report" {
            return (dropped, answer);
        }
    }
}

#[test]
fn a_reader_who_stands_still_holds_up_no_decision_and_is_told_what_was_dropped() {
    let mut child = service(&[]);
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    writeln!(stdin, "{NODES}").unwrap();
    // More than twice what may wait would never get in if decisions waited for the reader.
    flood(&mut stdin, 600);
    let resident = resident_kb(&child);
    flood(&mut stdin, 600);
    assert!(resident_kb(&child) < resident + 20_000, "memory has stopped growing");
    writeln!(stdin, r#"{{"op":"report"}}"#).unwrap();
    let start = Instant::now();
    let (dropped, report) = until_report(stdout);
    assert!(start.elapsed() < Duration::from_secs(60));
    assert_eq!(report["counts"]["errors"], 1200);
    let all: u64 = dropped.iter().sum();
    assert!(all > 700 && all < 1200, "{dropped:?}");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn who_asks_to_wait_loses_nothing() {
    let mut child = service(&["--wait"]);
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sender = std::thread::spawn(move || {
        flood(&mut stdin, 400);
        writeln!(stdin, r#"{{"op":"report"}}"#).unwrap();
    });
    std::thread::sleep(Duration::from_millis(300));
    let (dropped, report) = until_report(stdout);
    assert_eq!((dropped, &report["counts"]["errors"]), (vec![], &400.into()));
    sender.join().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_who_has_gone_ends_it_quietly() {
    let mut child = service(&[]);
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    while writeln!(stdin, r#"{{"op":"report"}}"#).is_ok() {}
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success(), "{told}");
    assert_eq!(told, "");
}

#[test]
fn a_full_disk_ends_it_with_an_error() {
    if !needs::file("/dev/full") {
        return;
    }
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = program(&["decide"]).stdin(Stdio::piped()).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    while writeln!(stdin, r#"{{"op":"report"}}"#).is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot write to stdout"), "{}", stderr(&output));
}

#[test]
fn what_can_never_decide_is_refused_and_what_may_yet_come_is_waited_for() {
    refused(&["decide", "--policy", "least_loded"], &["did you mean `least_loaded`?"]);
    refused(&["decide", "--policy", "lookahead"], &["only a simulation can tell it"]);
    refused(&["decide", "--scenario", "skirmish"], &["not a scenario of domain `cluster`"]);
    refused(&["decide", "--set", "num_node=3"], &["did you mean `num_nodes`?"]);
    let output = program(&["decide", "--policy", "runs/nowhere"]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(stderr(&output).contains("runs/nowhere: there are no weights (missing)"), "{}", stderr(&output));
}
