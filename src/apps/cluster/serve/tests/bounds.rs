//! No line makes the service keep, tell or go through more than a bounded amount.

use super::*;

#[test]
fn one_line_goes_through_all_workloads_once_for_all_nodes_that_leave_and_once_for_all_that_fail() {
    let mut service = service("round_robin", None);
    let amounts = r#"{"cpu":9,"memory":9,"bandwidth":9,"storage":9}"#;
    let nodes: Vec<String> = (0..300).map(|n| format!(r#"{{"name":"n{n}","capacity":{amounts}}}"#)).collect();
    say(&mut service, &format!(r#"{{"op":"observe","gone":["a","b"],"nodes":[{}]}}"#, nodes.join(",")));
    for n in 0..300 {
        assert_eq!(place(&mut service, &format!("w{n:03}"), 1.0)["node"], format!("n{n}"));
    }
    let names = |range: std::ops::Range<usize>, prefix: &str| -> Vec<String> {
        range.map(|n| format!("{prefix}{n:03}")).collect()
    };
    let gone: Vec<String> = (0..100).map(|n| format!("n{n}")).collect();
    let down: Vec<Value> = (100..200).map(|n| json!({ "name": format!("n{n}"), "up": false })).collect();
    let before = service.state.work().0;
    let observed = say(&mut service, &json!({ "op": "observe", "gone": gone, "nodes": down }).to_string());
    assert_eq!(service.state.work().0 - before, 2);
    assert_eq!((&observed["nodes"], &observed["lost"]), (&json!(200), &json!(names(0..200, "w"))));
    for n in 200..300 {
        let released = say(&mut service, &json!({ "op": "release", "workload": format!("w{n}") }).to_string());
        assert_eq!(released["node"], format!("n{n}"), "those behind the nodes that have gone are still themselves");
    }
    assert_eq!(say(&mut service, r#"{"op":"report"}"#)["counts"]["lost"], 200);
}

#[test]
fn a_name_that_is_too_long_to_be_kept_is_too_long_to_be_told() {
    let mut service = service("least_loaded", None);
    let name = "é".repeat(100_000);
    for line in [
        json!({ "op": "fail", "node": name }),
        json!({ "op": "release", "workload": name }),
        json!({ "op": "observe", "gone": [name] }),
        json!({ "op": "observe", "gone": [name, name] }),
        json!({ "op": "observe", "nodes": [{ "name": name }] }),
        json!({ "op": "place", "workload": name, "demand": {} }),
    ] {
        let told = say(&mut service, &line.to_string())["error"].as_str().unwrap().to_owned();
        assert!(told.len() < 500 && told.contains("200000"), "{told}");
    }
}

#[test]
fn history_is_bounded() {
    let mut service = service("least_loaded", None);
    for n in 0..1500 {
        place(&mut service, &format!("w{n}"), 0.0);
    }
    let report = say(&mut service, r#"{"op":"report","history":100000}"#);
    let past = report["history"].as_array().unwrap();
    assert_eq!((past.len(), &past[999]["workload"]), (1000, &json!("w1499")));
}
