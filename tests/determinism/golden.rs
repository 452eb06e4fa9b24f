//! Pinned hashes: one run of every scenario, whose bits may change only on purpose.
//!
//! `scripts/golden.sh` compares them under other optimisation levels, CPUs and C libraries.

use agon::sim::{Batch, Seeds};
use xxhash_rust::xxh3::Xxh3;

use super::{Dice, prints, shipped};

const ENVS: u64 = 4;
/// Several episodes of every scenario.
const TICKS: usize = 520;

/// Hash of the states, and of what the ports show, over all ticks and envs of the run; by scenario.
const GOLDEN: &[(&str, u64, u64)] = &[];

#[test]
fn every_scenario_comes_to_its_pinned_hash() {
    let found: Vec<(String, u64, u64)> = shipped()
        .into_iter()
        .map(|(name, scenario)| {
            let domain = scenario.domain.domain();
            let mut batch = Batch::new(domain, scenario.max_steps, Seeds::new(1), 0..ENVS, ENVS as usize);
            let dice = Dice::new(batch.spec(), 1);
            let (mut states, mut ports) = (Xxh3::new(), Xxh3::new());
            for _ in 0..TICKS {
                batch.lanes_mut().iter_mut().for_each(|lane| dice.roll(lane));
                batch.step();
                for print in batch.lanes().iter().flat_map(prints) {
                    states.update(&print.state.to_le_bytes());
                    ports.update(&print.ports.to_le_bytes());
                }
            }
            (name, states.digest(), ports.digest())
        })
        .collect();
    let is_golden =
        found.iter().map(|(name, states, ports)| (name.as_str(), *states, *ports)).eq(GOLDEN.iter().copied());
    let rows: String = found
        .iter()
        .map(|(name, states, ports)| format!("    (\"{name}\", {states:#018x}, {ports:#018x}),\n"))
        .collect();
    assert!(
        is_golden,
        "the simulation comes to other bits than the pinned ones.\n\
         If only this machine or this way of building says so, determinism is broken: find out which operation depends on \
         it.\nIf all do, behaviour has changed: the hashes may change only in a commit whose message says why (policies \
         trained and results measured before are then of another simulation). A scenario that is new or gone changes \
         only its own line. The first number of a line is that of the states, the second that of observations, rewards \
         and metrics; pinned:\n{GOLDEN:#018x?}\nfound:\n{rows}"
    );
}
