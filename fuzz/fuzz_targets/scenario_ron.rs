//! Scenario files and `--set NAME=VALUE`: what is accepted reads back equal, what is refused has a place.

#![no_main]
#![allow(dead_code, reason = "of the files that are included, the target calls only the readers")]

use serde::{Deserialize, Serialize};

use self::sim::{
    params::Params,
    scenario::{DomainConfig, MAX_BYTES, Scenario},
};

#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/sim"]
mod sim {
    pub mod params;
    pub mod scenario;
}

choices! {
    /// How the flock flies.
    pub enum Flight {
        /// Not at all.
        Hover = "hover",
        /// Wherever.
        RandomWalk = "random_walk",
    }
}

params! {
    /// What is paid for.
    pub struct Reward {
        /// Weight of the height.
        height: f64 = 1.0, range -10.0..=10.0, live;
    }
}

params! {
    /// One parameter of every kind.
    pub struct Flock {
        /// Birds in the flock.
        num_birds: usize = 10, range 1..=1000, next_reset;
        /// Top speed.
        speed_mps: f64 = 8.0, unit "m/s", range 0.0..=50.0, live;
        /// How the flock flies.
        flight: Flight = Flight::RandomWalk, choice, next_reset;
        /// How it may fly.
        flights: Vec<Flight> = vec![Flight::Hover], list 1..=4, choice, next_reset;
        /// When it turns.
        turns_s: Vec<f64> = Vec::new(), list 0..=3, unit "s", range 0.0..=600.0, next_reset;
        /// Whether it sings.
        sings: bool = false, flag, live;
        /// Height it may not pass.
        ceiling_m: Option<f64> = None, optional, unit "m", range 1.0..=9000.0, live;
        /// What is paid for.
        reward: Reward = Reward::default(), group, live;
        /// What was paid for before.
        rewards: Vec<Reward> = Vec::new(), list 0..=3, group, live;
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Domain {
    Flock(Flock),
}

impl DomainConfig for Domain {
    fn params(&self) -> &dyn Params {
        let Self::Flock(flock) = self;
        flock
    }

    fn params_mut(&mut self) -> &mut dyn Params {
        let Self::Flock(flock) = self;
        flock
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    match Scenario::<Domain>::parse_bytes(data, "fuzzed.ron") {
        Ok(scenario) => {
            let text = scenario.to_ron().expect("what was read can be written");
            assert_eq!(Scenario::parse(&text, "written.ron"), Ok(scenario));
        }
        Err(error) => {
            let has_place = error.place().is_some_and(|place| place.at.is_some());
            assert!(has_place || data.len() > MAX_BYTES, "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Some((name, value)) = text.split_once('=')
    {
        let mut flock = Flock::default();
        if flock.set(name, value).is_ok() {
            let same = flock.get(name).expect("what was set can be got");
            let mut copy = Flock::default();
            assert!(copy.set(name, &same).is_ok() && copy == flock && flock.check().is_ok(), "{name}={value}");
        }
    }
});
