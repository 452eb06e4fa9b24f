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
const GOLDEN: &[(&str, u64, u64)] = &[
    ("cluster/as-published", 0xd94d71c2286a2620, 0xa7cf62c975406aa1),
    ("cluster/default", 0xda68dc03211e81f6, 0xb349ee23b6e5e965),
    ("cluster/failures", 0x8f1845cc0340982b, 0x4c8b6670488420b9),
    ("cluster/heavy", 0xbebf23e365d61537, 0x2a8c9cd14fb1f57c),
    ("cluster/latency", 0xbd4e1355e5542f6d, 0x8fa5032e9ab72275),
    ("cluster/repaired", 0xa003da923edc985b, 0xdceaf8078e1f7717),
    ("cluster/scale-50", 0x856e074a6a60588b, 0x6aae88646d671a58),
    ("cluster/spikes", 0x40f75fe332edf1df, 0xd38793a7d777eef7),
    ("cluster/trace-small", 0xbbdf5da4c3703f3e, 0xaefd7d28065fcd4f),
    ("jamming/duel-10-25", 0xf948a7776f85f6e7, 0x6fe8c9ec68bf1f26),
    ("jamming/duel-4-10", 0xe2fbdc721788cd37, 0x44c9ccec5a532073),
    ("jamming/formation", 0xafc6baf836f025d0, 0x898890104ef1cfe4),
    ("jamming/hopping", 0x85c36109576cc61b, 0xac79cdf6dcb4f7e3),
    ("jamming/published", 0xa286c2b8412ec1e1, 0xf17504101daa1b7f),
    ("jamming/ratio-10-25", 0x2c4feec74117ba5b, 0xd7f731c4089ea7ca),
    ("jamming/ratio-20-50", 0x8204eb2d03d0b0cc, 0x9e8a7c02edb4f3ea),
    ("jamming/skirmish", 0xf93ade825fee435c, 0x5980dd69726bf620),
    ("jamming/swarm-40-100", 0x6284f3f76a594035, 0x1f7decb5b0b95855),
    ("jamming/swarm-40-300", 0x30c496a341f19bfb, 0x80c07e009610a55e),
    ("particles/spread", 0x3fbc6ab13c909328, 0xe707f0c8e6ac503b),
    ("particles/spread-vmas", 0xaa76ff0067c76163, 0x4be9283be0274fd7),
    ("particles/tag", 0x527cb563750a10e8, 0x33bd641c40e05f01),
];

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
    let row = |(name, states, ports): &(&str, u64, u64)| format!("    (\"{name}\", {states:#018x}, {ports:#018x}),\n");
    let found: String = found.iter().map(|(name, states, ports)| row(&(name, *states, *ports))).collect();
    let pinned: String = GOLDEN.iter().map(row).collect();
    assert!(
        found == pinned,
        "the simulation comes to other bits than the pinned ones.\n\
         If only this machine or this way of building says so, determinism is broken: find out which operation depends on \
         it.\nIf all do, behaviour has changed: the hashes may change only in a commit whose message says why (policies \
         trained and results measured before are then of another simulation). A scenario that is new or gone changes \
         only its own line. The first number of a line is that of the states, the second that of observations, rewards \
         and metrics.\npinned:\n{pinned}found:\n{found}"
    );
}
