//! A decision of `agon decide` end to end: from the bytes of a line to those of its answer, by a network as `cluster/default` trains
//! it, for ten nodes, a third of each in use. The release of what was placed is included. What it cannot do without is that
//! network.

use super::{
    Figure, Meter, Unit,
    acting::{forward, network},
    training::Recipe,
};
use crate::{
    apps::cluster::serve::{Decider, Service},
    domains::cluster::ClusterParams,
    error::Result,
    policy::{
        card::{self, Actions, Card, Shared},
        network::{Activation, Team},
    },
    sim::Domain,
};

const NODES: usize = 10;

pub(super) fn figures() -> Vec<Figure> {
    let work = || Ok(forward(&shared(&ClusterParams::default())?.card.shape()) * NODES as f64);
    vec![Figure::new("decide_10_nodes_us", Unit::Micros, [0.055, 0.22], work, || Ok(1e6 * seconds()?))]
}

/// A workload of middling size.
const PLACE: &[u8] = br#"{"op":"place","id":7,"workload":"w","demand":{"cpu":17.5,"memory":9,"bandwidth":125,"storage":55},"priority":2,"deadline_s":1.5}"#;
const RELEASE: &[u8] = br#"{"op":"release","id":8,"workload":"w"}"#;

/// CPU seconds of a decision.
fn seconds() -> Result<f64> {
    let (mut service, mut answer) = (service()?, Vec::new());
    Ok(Meter::default().seconds(|| {
        answer.clear();
        service.answer(PLACE, &mut answer);
        service.answer(RELEASE, &mut answer);
        std::hint::black_box(&answer);
    }))
}

fn service() -> Result<Service> {
    let params = ClusterParams::default();
    let mut service = Service::new(&params, 1, Decider::network(&params, shared(&params)?)?);
    service.answer(observation().as_bytes(), &mut Vec::new());
    Ok(service)
}

fn observation() -> String {
    let node = |node: usize| {
        let size = 0.75 + 0.05 * node as f64;
        let [capacity, used] = [size, 0.33 * size].map(|share| {
            let [cpu, memory, bandwidth, storage] = [100.0, 57.0, 820.0, 370.0].map(|amount| amount * share);
            format!(r#"{{"cpu":{cpu},"memory":{memory},"bandwidth":{bandwidth},"storage":{storage}}}"#)
        });
        format!(r#"{{"name":"node-{node}","capacity":{capacity},"used":{used},"rtt_s":0.01}}"#)
    };
    let nodes: Vec<String> = (0..NODES).map(node).collect();
    format!(r#"{{"op":"observe","nodes":[{}]}}"#, nodes.join(","))
}

/// A network that nobody has trained.
fn shared(params: &ClusterParams) -> Result<Shared> {
    let group = params.spec(1).groups.remove(0);
    let hidden = Recipe::of("cluster/default")?.params.run.hidden;
    let card = Card {
        version: card::VERSION,
        name: "untrained".to_owned(),
        domain: params.id().to_owned(),
        scenario: "default".to_owned(),
        group: group.name.to_owned(),
        layout: group.layout.to_owned(),
        observation: group.observation.len(),
        team: Team::Any,
        hidden,
        activation: Activation::Tanh,
        actions: Actions::of(&group.action),
        algorithm: "none".to_owned(),
        seed: 1,
        env_steps: 0,
        minutes: 0.0,
        results: Vec::new(),
        agon: env!("CARGO_PKG_VERSION").to_owned(),
        sha256: String::new(),
    };
    let network = network(card.shape())?;
    Ok(Shared { card, network })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_a_placement_by_the_network() {
        let (mut service, mut answer) = (service().unwrap(), Vec::new());
        service.answer(PLACE, &mut answer);
        service.answer(RELEASE, &mut answer);
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains(r#""node":"node-"#) && answer.contains(r#""by":"policy""#), "{answer}");
        assert!(!answer.contains("error"), "{answer}");
    }
}
