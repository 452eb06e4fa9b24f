//! What requests count, and what they are called.

use super::*;

/// A service with one node that has this much of everything.
fn one_node(amount: &str) -> Service {
    let params = ClusterParams::default();
    let mut service = Service::new(&params, 1, Decider::find(&params, "least_loaded", None, None).unwrap());
    let all = ["cpu", "memory", "bandwidth", "storage"].map(|name| format!("\"{name}\":{amount}")).join(",");
    say(&mut service, &format!(r#"{{"op":"observe","nodes":[{{"name":"a","capacity":{{{all}}}}}]}}"#));
    service
}

#[test]
fn a_fifth_and_four_more_fill_one_node() {
    for (demand, capacity, count) in [
        ("0.2", "1", 5),
        ("0.1", "1", 10),
        ("0.3", "3", 10),
        ("0.4", "2", 5),
        ("0.6", "6", 10),
        ("1.1", "11", 10),
        ("22906492245", "68719476736", 3),
    ] {
        for resource in ["cpu", "memory", "storage"] {
            let mut service = one_node(capacity);
            let mut place = |n: usize| {
                say(&mut service, &format!(r#"{{"op":"place","workload":"w{n}","demand":{{"{resource}":{demand}}}}}"#))
            };
            for n in 0..count {
                assert_eq!(place(n)["node"], "a", "{n} of {count} times {demand} of {resource} in {capacity}");
            }
            assert_eq!(place(count)["rejected"], json!({ resource: 1 }), "one more than {count} times {demand}");
        }
    }
}

#[test]
fn what_is_in_use_leaves_the_decimals_that_are_left() {
    let mut service = one_node("1");
    say(&mut service, r#"{"op":"observe","nodes":[{"name":"a","used":{"cpu":0.9}}]}"#);
    assert_eq!(place(&mut service, "more", 0.1001)["node"], Value::Null);
    assert_eq!(place(&mut service, "w", 0.1)["node"], "a");
}

#[test]
fn memory_in_bytes_is_an_amount_like_any_other() {
    let mut service = one_node("68719476736");
    let half = r#"{"op":"place","workload":"w","demand":{"memory":34359738368}}"#;
    assert_eq!(say(&mut service, half)["node"], "a");
    assert_eq!(say(&mut service, &half.replace("\"w\"", "\"v\""))["node"], "a");
    let report = say(&mut service, r#"{"op":"report"}"#);
    assert_eq!(report["utilisation"]["memory"], 1.0);
    let more = say(&mut service, r#"{"op":"place","workload":"u","demand":{"memory":1048576}}"#);
    assert_eq!(more["rejected"], json!({ "memory": 1 }));
}

#[test]
fn ids_of_64_bits_come_back_as_they_were() {
    let mut service = service("least_loaded", None);
    for id in ["9007199254740993", "9223372036854775807", "18446744073709551615", "-9223372036854775808"] {
        let mut answer = Vec::new();
        service.answer(format!(r#"{{"op":"report","id":{id}}}"#).as_bytes(), &mut answer);
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(&format!(r#"{{"id":{id},"#)), "{answer}");
    }
    let refused = say(&mut service, r#"{"op":"report","id":18446744073709551616}"#);
    assert!(refused["error"].as_str().unwrap().contains("64 bits"), "{refused}");
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let mut service = service("least_loaded", None);
    assert_eq!(say(&mut service, "\u{FEFF}{\"op\":\"report\"}")["op"], "report");
    let mut answer = Vec::new();
    service.answer(b"\x1f\x8b\x08\0", &mut answer);
    assert!(String::from_utf8(answer).unwrap().contains("packed with gzip"));
}
