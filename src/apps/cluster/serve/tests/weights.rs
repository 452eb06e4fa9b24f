//! Networks from files: which are taken, and who decides while none can be.

use std::{fs, path::Path};

use super::*;
use crate::{
    policy::{
        card::{self, Actions, Card, Shared},
        network::{Activation, Network, Team},
        tensor::NamedTensor,
    },
    sim::Domain,
};

/// Writes a policy whose weights are all `weight`.
fn write_policy(folder: &Path, weight: f32) {
    let params = ClusterParams::default();
    let group = params.spec(1).groups.remove(0);
    let card = Card {
        version: card::VERSION,
        name: "untrained".to_owned(),
        domain: "cluster".to_owned(),
        scenario: "default".to_owned(),
        group: group.name.to_owned(),
        layout: group.layout.to_owned(),
        observation: group.observation.len(),
        team: Team::Any,
        hidden: 8,
        activation: Activation::Relu,
        actions: Actions::of(&group.action),
        algorithm: "none".to_owned(),
        seed: 1,
        env_steps: 0,
        minutes: 0.0,
        results: vec![],
        agon: "0.1.0".to_owned(),
        sha256: String::new(),
    };
    let tensor = |name: &str, shape: &[usize], value| {
        let data = vec![value; shape.iter().product()];
        NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data }
    };
    let mut tensors = vec![
        tensor("actor.log_std", &[1], 0.0),
        tensor("normaliser.mean", &[card.observation], 0.0),
        tensor("normaliser.std", &[card.observation], 1.0),
    ];
    for (index, (inputs, outputs)) in card.shape().layers().into_iter().enumerate() {
        tensors.push(tensor(&format!("actor.{index}.weight"), &[inputs, outputs], weight));
        tensors.push(tensor(&format!("actor.{index}.bias"), &[outputs], 0.0));
    }
    let network = Network::from_tensors(card.shape(), &tensors).unwrap();
    assert!(card::save(folder, &network, &card).unwrap().is_promised());
}

/// Places a workload once the files have been looked at again; who decided, and why.
#[track_caller]
fn decided(service: &mut Service, by: &str, because: Option<&str>) {
    std::thread::sleep(Duration::from_millis(210));
    let answer = place(service, "w", 1.0);
    assert_eq!(answer["by"], by, "{answer}");
    assert_eq!(answer.get("because").and_then(Value::as_str), because, "{answer}");
    assert!(say(service, r#"{"op":"release","workload":"w"}"#).get("error").is_none());
}

#[test]
fn a_network_of_a_fixed_team_is_refused_as_nodes_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    write_policy(folder.path(), 0.1);
    let mut shared = card::load(folder.path()).unwrap();
    assert!(Decider::network(&ClusterParams::default(), shared.clone()).is_ok());
    shared.card.team = Team::Each(ClusterParams::default().num_nodes);
    let refused = Decider::network(&ClusterParams::default(), shared).err().unwrap().to_string();
    assert!(refused.contains("exactly 10 nodes") && refused.contains("parameter_sharing"), "{refused}");
}

#[test]
fn weights_may_come_change_break_and_go_and_something_always_decides() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("policy");
    let mut service = service(folder.to_str().unwrap(), None);
    assert!(service.trouble().unwrap().contains("missing"));
    decided(&mut service, "fallback", Some("missing"));
    write_policy(&folder, 0.1);
    decided(&mut service, "policy", None);
    write_policy(&folder, 3e38);
    decided(&mut service, "fallback", Some("not_a_number"));
    fs::write(folder.join(card::WEIGHTS_FILE), b"no weights").unwrap();
    decided(&mut service, "fallback", Some("unreadable"));
    write_policy(&folder, 0.2);
    decided(&mut service, "policy", None);
    fs::remove_dir_all(&folder).unwrap();
    decided(&mut service, "fallback", Some("missing"));
    let report = say(&mut service, r#"{"op":"report"}"#);
    let fallbacks = json!({ "missing": 2, "unreadable": 1, "stale": 0, "not_a_number": 1 });
    assert_eq!((&report["fallbacks"], &report["policy"]["loads"]), (&fallbacks, &json!(3)));
    assert_eq!(
        (&report["policy"]["state"], &report["policy"]["fallback"]),
        (&json!("missing"), &json!("least_loaded"))
    );
}

/// Lets several looks pass; how often the files were read in them.
fn reads_during(service: &mut Service, because: &str) -> u64 {
    // What was written a moment ago may still be being written, and is read again.
    std::thread::sleep(Duration::from_millis(210));
    let before = service.state.work().1;
    (0..4).for_each(|_| decided(service, "fallback", Some(because)));
    service.state.work().1 - before
}

#[test]
fn weights_that_cannot_be_used_are_read_once_and_those_that_are_too_long_never() {
    let dir = tempfile::tempdir().unwrap();
    write_policy(dir.path(), 0.1);
    let weights = dir.path().join(card::WEIGHTS_FILE);
    let mut service = service(dir.path().to_str().unwrap(), None);
    decided(&mut service, "policy", None);
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, vec![0; whole.len()]).unwrap();
    assert_eq!(reads_during(&mut service, "unreadable"), 1);
    fs::File::options().write(true).open(&weights).unwrap().set_len(200 << 20).unwrap();
    assert_eq!(reads_during(&mut service, "unreadable"), 0);
    let detail = say(&mut service, r#"{"op":"report"}"#)["policy"]["detail"].to_string();
    assert!(detail.contains("209715200 bytes of weights") && detail.contains("100663296"), "{detail}");
    // A file of the same length and the same time of writing is another one all the same.
    let written = fs::metadata(&weights).unwrap().modified().unwrap();
    fs::write(&weights, &whole).unwrap();
    fs::File::options().write(true).open(&weights).unwrap().set_modified(written).unwrap();
    decided(&mut service, "policy", None);
}

#[test]
fn weights_grow_stale_until_they_are_written_again() {
    let dir = tempfile::tempdir().unwrap();
    write_policy(dir.path(), 0.1);
    let old = std::time::SystemTime::now() - Duration::from_secs(100);
    let weights = dir.path().join(card::WEIGHTS_FILE);
    fs::File::options().write(true).open(&weights).unwrap().set_modified(old).unwrap();
    let mut service = service(dir.path().to_str().unwrap(), Some(Duration::from_secs(60)));
    decided(&mut service, "fallback", Some("stale"));
    write_policy(dir.path(), 0.1);
    decided(&mut service, "policy", None);
}

#[test]
fn a_network_of_another_scenario_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    write_policy(dir.path(), 0.1);
    let shared: Shared = card::load(dir.path()).unwrap();
    let mut params = ClusterParams::default();
    assert!(Decider::network(&params, shared.clone()).is_ok());
    params.observation = crate::domains::cluster::scenario::ObservationLayout::Published8;
    assert!(Decider::network(&params, shared).err().unwrap().to_string().contains("layout"));
}
