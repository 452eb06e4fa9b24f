//! Scenario files and `--set NAME=VALUE`: what is accepted reads back equal, what is refused has a place.

use agon::{
    domains::{AnyDomain, Scenario, cluster::ClusterParams, jamming::JammingParams, particles::ParticlesParams},
    sim::{
        params::Params,
        scenario::{DomainConfig, MAX_BYTES},
    },
};

use super::check_words;

pub(crate) fn scenario(data: &[u8]) -> bool {
    let is_scenario = match Scenario::parse_bytes(data, "fuzzed.ron") {
        Ok(scenario) => {
            let text = scenario.to_ron().expect("what was read can be written");
            assert_eq!(Scenario::parse(&text, "written.ron"), Ok(scenario));
            true
        }
        Err(error) => {
            let has_place = error.place().is_some_and(|place| place.at.is_some());
            assert!(has_place || data.len() > MAX_BYTES, "{error}");
            check_words(&error);
            false
        }
    };
    let text = std::str::from_utf8(data).ok().and_then(|text| text.split_once('='));
    let Some((name, value)) = text else { return is_scenario };
    let domains = [
        AnyDomain::Cluster(ClusterParams::default()),
        AnyDomain::Jamming(JammingParams::default()),
        AnyDomain::Particles(ParticlesParams::default()),
    ];
    domains.into_iter().fold(is_scenario, |is_any, domain| set(domain, name, value) || is_any)
}

/// What a parameter was set to is what it is said to be.
fn set(mut domain: AnyDomain, name: &str, value: &str) -> bool {
    let mut copy = domain.clone();
    let params: &mut dyn Params = domain.params_mut();
    match params.set(name, value) {
        Ok(()) => {
            let same = params.get(name).expect("what was set can be got");
            assert!(copy.params_mut().set(name, &same).is_ok() && copy == domain, "{name}={value}");
            true
        }
        Err(error) => {
            check_words(&error);
            false
        }
    }
}
