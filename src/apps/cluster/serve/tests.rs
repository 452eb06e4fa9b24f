//! Laws of the service: every line has its answer, what cannot be obeyed changes nothing, and something always decides.

#![allow(clippy::unwrap_used, reason = "tests")]

mod amounts;
mod bounds;
mod weights;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

const NODES: &str = r#"{"op":"observe","nodes":[
    {"name":"a","capacity":{"cpu":10,"memory":100,"bandwidth":100,"storage":100}},
    {"name":"b","capacity":{"cpu":20,"memory":100,"bandwidth":100,"storage":100},"rtt_s":0.2}]}"#;

fn service(policy: &str, max_age: Option<Duration>) -> Service {
    let params = ClusterParams::default();
    let decider = Decider::find(&params, policy, None, max_age).unwrap();
    let mut service = Service::new(&params, 1, decider);
    assert_eq!(say(&mut service, NODES)["nodes"], 2);
    service
}

fn say(service: &mut Service, line: &str) -> Value {
    let mut answer = Vec::new();
    service.answer(line.as_bytes(), &mut answer);
    assert_eq!((answer.pop(), answer.contains(&b'\n')), (Some(b'\n'), false));
    serde_json::from_slice(&answer).unwrap()
}

fn place(service: &mut Service, workload: &str, cpu: f64) -> Value {
    say(service, &json!({ "op": "place", "workload": workload, "demand": { "cpu": cpu } }).to_string())
}

/// A report without what time has to do with.
fn report(service: &mut Service) -> Value {
    let mut report = say(service, r#"{"op":"report"}"#);
    for field in ["latency_us", "counts"] {
        report[field].take();
    }
    report
}

#[test]
fn a_workload_is_placed_held_and_released() {
    let mut service = service("least_loaded", None);
    let answer = say(&mut service, r#"{"op":"place","id":"x","workload":"w1","demand":{"cpu":8,"memory":1}}"#);
    assert_eq!((&answer["id"], &answer["node"], &answer["by"]), (&json!("x"), &json!("b"), &json!("policy")));
    assert!(answer["latency_us"].as_f64().unwrap() > 0.0 && answer.get("why").is_none());
    assert_eq!(place(&mut service, "w2", 8.0)["node"], "a");
    assert_eq!(place(&mut service, "w3", 8.0)["node"], "b");
    let refused = place(&mut service, "w4", 8.0);
    assert_eq!((&refused["node"], &refused["why"]), (&Value::Null, &json!("no node has room")));
    assert_eq!((&refused["rejected"], refused.get("by")), (&json!({ "cpu": 2 }), None));
    let released = say(&mut service, r#"{"op":"release","id":-4,"workload":"w1"}"#);
    assert_eq!(released, json!({ "id": -4, "op": "release", "workload": "w1", "node": "b" }));
    assert_eq!(place(&mut service, "w4", 8.0)["node"], "b");
    let report = say(&mut service, r#"{"op":"report","history":2}"#);
    let counts = json!({
        "lines": 8, "errors": 0, "dropped": 0,
        "placed": 4, "declined": 0, "rejected": 1, "released": 1, "lost": 0
    });
    assert_eq!((&report["counts"], &report["workloads"]), (&counts, &json!(3)));
    assert_eq!((&report["utilisation"]["cpu"], &report["latency_us"]["count"]), (&json!(0.8), &json!(5)));
    let past = report["history"].as_array().unwrap();
    assert_eq!((past.len(), &past[0]["node"], &past[1]["workload"]), (2, &Value::Null, &json!("w4")));
}

#[test]
fn a_deadline_rules_out_nodes_that_are_too_far_away() {
    let mut service = service("least_loaded", None);
    let near = r#"{"op":"place","workload":"near","demand":{"cpu":9},"deadline_s":0.1}"#;
    assert_eq!(say(&mut service, near)["node"], "a");
    let second = say(&mut service, &near.replace("near", "second"));
    assert_eq!(second["rejected"], json!({ "cpu": 1, "too_far": 1 }));
    assert!(second["why"].as_str().unwrap().contains("too far"));
    assert_eq!(say(&mut service, &near.replace("near", "third").replace("0.1", "0.3"))["node"], "b");
}

#[test]
fn what_fails_loses_its_workloads_and_comes_back_empty() {
    let mut service = service("least_loaded", None);
    for workload in ["w1", "w2", "w3"] {
        place(&mut service, workload, 6.0);
    }
    let failed = say(&mut service, r#"{"op":"fail","node":"b"}"#);
    assert_eq!(failed, json!({ "op": "fail", "node": "b", "lost": ["w1", "w3"] }));
    assert_eq!(place(&mut service, "w4", 6.0)["rejected"], json!({ "down": 1, "cpu": 1 }));
    assert!(say(&mut service, r#"{"op":"fail","node":"b"}"#)["error"].as_str().unwrap().contains("is down already"));
    assert_eq!(say(&mut service, r#"{"op":"repair","node":"b"}"#), json!({ "op": "repair", "node": "b" }));
    assert_eq!(place(&mut service, "w1", 20.0)["node"], "b", "it is empty, and what was lost may come again");
}

#[test]
fn the_outside_knows_better() {
    let mut service = service("least_loaded", None);
    place(&mut service, "w1", 9.0);
    say(
        &mut service,
        r#"{"op":"observe","nodes":[{"name":"b","used":{"cpu":19}},{"name":"c","capacity":{"cpu":1,"memory":1,"bandwidth":1,"storage":1}}]}"#,
    );
    assert_eq!(place(&mut service, "w2", 2.0)["node"], "a");
    say(&mut service, r#"{"op":"observe","nodes":[{"name":"b","used":{"cpu":1}}]}"#);
    say(&mut service, r#"{"op":"release","workload":"w1"}"#);
    let report = say(&mut service, r#"{"op":"report"}"#);
    assert_eq!(report["utilisation"]["cpu"], 0.0667, "2 of 10, and not less than nothing of 20");
    let gone = say(&mut service, r#"{"op":"observe","gone":["a"],"nodes":[{"name":"b","up":false}]}"#);
    assert_eq!((&gone["nodes"], &gone["lost"]), (&json!(2), &json!(["w2"])));
    assert_eq!(place(&mut service, "w3", 1.0)["node"], "c", "those behind a node that has gone are still themselves");
    assert_eq!(say(&mut service, r#"{"op":"release","workload":"w3"}"#)["node"], "c");
}

#[test]
fn what_cannot_be_obeyed_is_told_and_changes_nothing() {
    let mut service = service("least_loaded", None);
    place(&mut service, "w1", 5.0);
    let before = report(&mut service);
    let long = format!(r#"{{"op":"release","workload":"{}"}}"#, "x".repeat(200));
    let nested = format!(r#"{{"op":"place","workload":"w","demand":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    for (line, because) in [
        ("", "an empty line"),
        ("nonsense", "expected"),
        (r#"{"op":"place""#, "EOF"),
        (r#"{"op":"sing"}"#, "unknown variant `sing`"),
        (r#"{"workload":"w"}"#, "missing field `op`"),
        (r#"{"op":"report","id":1.5}"#, "`id` must be a whole number of 64 bits or a text"),
        (r#"{"op":"place","workload":"w","demand":{"cpus":1}}"#, "unknown field `cpus`"),
        (r#"{"op":"place","workload":"w","demand":{},"prio":1}"#, "unknown field `prio`"),
        (r#"{"op":"place","workload":"w","demand":{"cpu":1,"cpu":2}}"#, "duplicate field `cpu`"),
        (r#"{"op":"place","workload":"w"}"#, "missing field `demand`"),
        (r#"{"op":"place","workload":"w1","demand":{}}"#, "placed already, on node `b`"),
        (r#"{"op":"place","workload":"","demand":{}}"#, "1 to 128 bytes"),
        (r#"{"op":"place","workload":"w","demand":{"cpu":-1}}"#, "`demand` `cpu` must be from 0 to 1e15, not -1"),
        (r#"{"op":"place","workload":"w","demand":{"memory":1e16}}"#, "`memory` must be from 0 to 1e15"),
        (r#"{"op":"place","workload":"w","demand":{"cpu":1e999}}"#, "number out of range"),
        (r#"{"op":"place","workload":"w","demand":{"cpu":NaN}}"#, "expected value"),
        (r#"{"op":"place","workload":"w","demand":{"gpu":1}}"#, "no gpu"),
        (r#"{"op":"place","workload":"w","demand":{},"priority":4}"#, "from 1 to 3"),
        (r#"{"op":"place","workload":"w","demand":{},"deadline_s":-2}"#, "`deadline_s`"),
        (r#"{"op":"release","workload":"w"}"#, "no workload `w` is placed"),
        (r#"{"op":"fail","node":"z"}"#, "no node `z`"),
        (r#"{"op":"repair","node":"a"}"#, "works already"),
        (r#"{"op":"observe","nodes":[{"name":"a","up":false},{"name":"n"}]}"#, "`capacity` of node `n` has no `cpu`"),
        (r#"{"op":"observe","nodes":[{"name":"a","up":false},{"name":"a"}]}"#, "named twice"),
        (r#"{"op":"observe","nodes":[{"name":"a","up":false}],"gone":["z"]}"#, "no node `z`"),
        (r#"{"op":"observe","nodes":[{"name":"a","used":{"cpu":-3}}]}"#, "`used` of node `a` `cpu`"),
        (&long, "no workload"),
        (&nested, "invalid type"),
    ] {
        let answer = say(&mut service, line);
        let told = answer["error"].as_str().unwrap_or_else(|| panic!("{line}: {answer}"));
        assert!(told.contains(because), "{line}: expected `{because}` in: {told}");
        assert_eq!(report(&mut service), before, "{line}");
    }
    let mut answer = Vec::new();
    service.answer(b"{\"op\":\"fail\",\"node\":\"\xff\"}", &mut answer);
    assert!(String::from_utf8(answer).unwrap().contains("not text in UTF-8 after 21 bytes"));
    let named = say(&mut service, r#"{"op":"fail","id":9,"node":"z"}"#);
    assert_eq!((&named["id"], named["line"].as_u64().unwrap() > 30), (&json!(9), true));
}

#[test]
fn chance_repeats_itself() {
    let play = || {
        let mut service = service("random_fit", None);
        let places = (0..40).map(|n| place(&mut service, &format!("w{n}"), 0.5)["node"].clone());
        places.collect::<Vec<_>>()
    };
    let nodes = play();
    assert!(nodes.contains(&json!("a")) && nodes.contains(&json!("b")));
    assert_eq!(nodes, play());
}

/// Whole numbers below `n` that depend on `seed` alone.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    use crate::sim::{Address, Purpose, Seeds};
    let mut stream = Seeds::new(seed).stream(Purpose::new("test"), Address { env: 0, episode: 0, tick: 0 });
    move |n| stream.below(n)
}

#[test]
fn whatever_happens_to_lines_on_their_way_each_has_one_answer() {
    let lines = [
        NODES.replace('\n', ""),
        r#"{"op":"place","id":1,"workload":"w1","demand":{"cpu":2.5,"memory":1e1},"priority":3,"deadline_s":0.5}"#
            .to_owned(),
        r#"{"op":"release","id":"x","workload":"w1"}"#.to_owned(),
        r#"{"op":"fail","node":"a"}"#.to_owned(),
        r#"{"op":"repair","node":"a"}"#.to_owned(),
        r#"{"op":"report","history":3}"#.to_owned(),
    ];
    let (mut below, mut service) = (numbers(1), service("best_fit", None));
    let (mut answer, mut understood) = (vec![], 0);
    for _ in 0..20_000 {
        let mut line = lines[below(lines.len())].clone().into_bytes();
        for _ in 0..below(4) {
            let at = below(line.len());
            match below(3) {
                0 => line[at] = below(256) as u8,
                1 => line.truncate(at + 1),
                _ => line.insert(at, b"0123456789-e.\"{}[],:"[below(20)]),
            }
        }
        answer.clear();
        service.answer(&line, &mut answer);
        assert_eq!(answer.iter().filter(|byte| **byte == b'\n').count(), 1);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["error"].is_string() != answer["op"].is_string(), "{answer}");
        understood += usize::from(answer["op"].is_string());
    }
    assert!((2_000..18_000).contains(&understood), "{understood} lines were understood");
}

#[test]
fn what_was_taken_is_given_back_to_the_last_bit() {
    let (mut below, mut service) = (numbers(2), service("worst_fit", None));
    let mut held = std::collections::BTreeSet::new();
    for n in 0..2000 {
        let name = if below(2) == 0 { "a" } else { "b" };
        match below(20) {
            0 => {
                let failed = say(&mut service, &json!({ "op": "fail", "node": name }).to_string());
                for lost in failed["lost"].as_array().into_iter().flatten() {
                    assert!(held.remove(lost.as_str().unwrap()), "{lost} was not held");
                }
            }
            1 | 2 => drop(say(&mut service, &json!({ "op": "repair", "node": name }).to_string())),
            3..12 => {
                let workload = format!("w{n}");
                if place(&mut service, &workload, 0.1 * below(40) as f64)["node"].is_string() {
                    held.insert(workload);
                }
            }
            _ => {
                let Some(workload) = held.iter().nth(below(held.len().max(1))).cloned() else { continue };
                held.remove(&workload);
                let released = say(&mut service, &json!({ "op": "release", "workload": workload }).to_string());
                assert!(released.get("error").is_none(), "{released}");
            }
        }
        assert_eq!(report(&mut service)["workloads"], held.len());
    }
    for workload in held {
        say(&mut service, &json!({ "op": "release", "workload": workload }).to_string());
    }
    assert_eq!(service.state.used(), [[0.0; 4]; 2]);
}
