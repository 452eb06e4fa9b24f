//! One run, cut into worlds and spread over threads in every way, in this process and in another: always the same bits.

use std::{ops::RangeInclusive, process::Command};

use agon::{
    domains::Scenario,
    sim::{Batch, Policy, Seeds},
};
use rayon::prelude::*;

use super::{Dice, Print, changed, first_difference, prints, shipped, skirmish, variants};

const THREADS: [usize; 6] = [1, 2, 3, 4, 8, 16];
const ENVS_PER_WORLD: [usize; 3] = [1, 7, 64];

/// How much of a run is compared: one more env than the largest world holds, and the beginning of a second episode.
const ENVS: u64 = 65;
const MAX_STEPS: u32 = 12;
const TICKS: usize = MAX_STEPS as usize + 2;

/// Who plays.
#[derive(Clone, Copy)]
enum Player<'a> {
    Dice,
    Baseline(&'a str),
}

/// How a run is carried out, which must not matter.
#[derive(Clone, Copy, Debug)]
struct Layout {
    envs_per_world: usize,
    threads: usize,
}

/// Prints of `envs` envs after each of `ticks` ticks.
fn run(scenario: &Scenario, seed: u64, envs: u64, ticks: usize, layout: Layout, player: Player<'_>) -> Vec<Vec<Print>> {
    let domain = scenario.domain.domain();
    let max_steps = scenario.max_steps.min(MAX_STEPS);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(layout.threads).build().unwrap();
    pool.install(|| {
        let mut batch = Batch::new(domain, max_steps, Seeds::new(seed), 0..envs, layout.envs_per_world);
        let dice = Dice::new(batch.spec(), seed);
        let baseline = |name| domain.baselines().into_iter().find(|baseline| baseline.name == name).unwrap().policy;
        let mut policies: Vec<Box<dyn Policy>> = match player {
            Player::Dice => Vec::new(),
            Player::Baseline(name) => batch.lanes().iter().map(|_| baseline(name)).collect(),
        };
        let mut ticked = || {
            match player {
                Player::Dice => batch.lanes_mut().par_iter_mut().for_each(|lane| dice.roll(lane)),
                Player::Baseline(_) => {
                    let lanes = batch.lanes_mut().par_iter_mut().zip(&mut policies);
                    lanes.for_each(|(lane, policy)| lane.act(&mut **policy, 0).unwrap());
                }
            }
            batch.step();
            batch.lanes().iter().flat_map(prints).collect()
        };
        (0..ticks).map(|_| ticked()).collect()
    })
}

/// Compares every layout with one env per world on one thread.
fn assert_layout_does_not_matter(name: &str, scenario: &Scenario, seeds: RangeInclusive<u64>, player: Player<'_>) {
    // Large swarms are slow; what could go wrong with them needs few envs.
    let is_large = scenario.domain.domain().spec(1).groups[0].agents > 6;
    let envs = if is_large { 9 } else { ENVS };
    for seed in seeds {
        let expected = run(scenario, seed, envs, TICKS, Layout { envs_per_world: 1, threads: 1 }, player);
        for envs_per_world in ENVS_PER_WORLD {
            for threads in THREADS {
                let layout = Layout { envs_per_world, threads };
                let found = run(scenario, seed, envs, TICKS, layout, player);
                if let Some(difference) = first_difference(&expected, &found) {
                    panic!("{name}, seed {seed}, {layout:?}: {difference}");
                }
            }
        }
    }
}

#[test]
fn worlds_and_threads_change_no_bit_for_twenty_seeds() {
    let skirmish = skirmish(&[("observation", "local")]);
    assert_layout_does_not_matter("skirmish", &skirmish, 1..=20, Player::Dice);
}

#[test]
fn worlds_and_threads_change_no_bit_of_any_scenario() {
    for (name, scenario) in shipped() {
        assert_layout_does_not_matter(&name, &scenario, 1..=1, Player::Dice);
    }
}

#[test]
fn worlds_and_threads_change_no_bit_of_what_no_scenario_uses() {
    for (name, scenario) in variants() {
        assert_layout_does_not_matter(name, &scenario, 1..=1, Player::Dice);
    }
}

#[test]
#[ignore = "make torture"]
fn worlds_and_threads_change_no_bit_for_twenty_seeds_of_anything() {
    for (name, scenario) in shipped() {
        assert_layout_does_not_matter(&name, &scenario, 1..=20, Player::Dice);
    }
    for (name, scenario) in variants() {
        assert_layout_does_not_matter(name, &scenario, 1..=20, Player::Dice);
    }
}

/// Baselines draw from the env's address and keep their memory per env.
#[test]
fn worlds_and_threads_change_no_bit_of_what_baselines_do() {
    let others = ["cluster/default", "cluster/repaired", "particles/spread", "particles/tag"];
    for scenario in others.map(|name| changed(name, &[])).into_iter().chain([skirmish(&[])]) {
        // Who plays is the first group.
        let rules = scenario.domain.domain().baselines().into_iter().filter(|baseline| baseline.name != "flee");
        for baseline in rules {
            let (envs, ticks) = if baseline.privileged { (9, 14) } else { (20, 14) };
            let player = Player::Baseline(baseline.name);
            let one = Layout { envs_per_world: 1, threads: 1 };
            let expected = run(&scenario, 5, envs, ticks, one, player);
            for layout in [Layout { envs_per_world: 7, threads: 3 }, Layout { envs_per_world: 64, threads: 2 }] {
                let found = run(&scenario, 5, envs, ticks, layout, player);
                if let Some(difference) = first_difference(&expected, &found) {
                    panic!("{}, {layout:?}: {difference}", baseline.name);
                }
            }
        }
    }
}

#[test]
fn another_seed_is_another_run() {
    let layout = Layout { envs_per_world: 7, threads: 2 };
    for (name, scenario) in shipped() {
        let (first, second) =
            (run(&scenario, 1, 3, 2, layout, Player::Dice), run(&scenario, 2, 3, 2, layout, Player::Dice));
        for (env, (a, b)) in first[0].iter().zip(&second[0]).enumerate() {
            assert_ne!(a.state, b.state, "{name}: env {env} is the same under seeds 1 and 2");
        }
        assert_ne!(first[0][0], first[0][1], "{name}: two envs of one run are the same");
    }
}

/// Marks the lines that [`second_process`] prints.
const MARK: &str = "print of tick";

/// What both processes run: some of everything, told as one line per tick.
fn lines(layout: Layout) -> Vec<String> {
    let mut scenarios: Vec<(String, Scenario)> = shipped();
    scenarios.extend(variants().into_iter().map(|(name, scenario)| (name.to_owned(), scenario)));
    let told = scenarios.iter().flat_map(|(name, scenario)| {
        let ticks = run(scenario, 3, 5, 20, layout, Player::Dice);
        ticks.into_iter().enumerate().map(move |(tick, prints)| format!("{MARK} {}, {name}: {prints:x?}", tick + 1))
    });
    told.collect()
}

#[test]
#[ignore = "the second process of another_process_comes_to_the_same_bits"]
fn second_process() {
    for line in lines(Layout { envs_per_world: 2, threads: 2 }) {
        println!("{line}");
    }
}

/// Once as this one is, and once with the C library kept from the instructions of newer CPUs.
#[test]
fn another_process_comes_to_the_same_bits() {
    let expected = lines(Layout { envs_per_world: 64, threads: 1 });
    for tunables in ["", "glibc.cpu.hwcaps=-FMA,-AVX2,-AVX512F,-ERMS"] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["matrix::second_process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("GLIBC_TUNABLES", tunables)
            .env("TZ", "Pacific/Auckland")
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let found: Vec<&str> = text.lines().filter_map(|line| line.find(MARK).map(|at| &line[at..])).collect();
        assert_eq!(found.len(), expected.len(), "lines of the second process:\n{text}");
        for (expected, found) in expected.iter().zip(found) {
            assert_eq!(expected, found, "tunables `{tunables}`");
        }
    }
}
