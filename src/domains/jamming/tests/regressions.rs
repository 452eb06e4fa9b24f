//! Defects of the published system that concern its env, by their numbers in the list of them; none may come back.

use super::*;
use crate::{
    domains::{
        Scenario,
        jamming::{
            radio::{dbm_to_watt, range_m},
            scenario::{JammerStart, ObservationLayout},
            systems::RadioGraphs,
        },
    },
    math::fiedler::DenseSolver,
    sim::{Batch, Domain, EVALUATION_ENVS},
};

/// 995 m were taken for 18 m by mixing up dBm and watts, and the graph could not be anything but complete.
#[test]
fn regress_1_ranges_are_in_proportion_to_the_arena() {
    assert!((range_m(30.0 - -35.0, 2.4e9) - 17.7).abs() < 0.05);
    assert!((dbm_to_watt(30.0) - 1.0).abs() < 1e-12 && (dbm_to_watt(-90.0) / 1e-12 - 1.0).abs() < 1e-9);
    let params = JammingParams::default();
    let starts: Vec<f64> = (0..40).map(|seed| Stage::seeded(&params, seed).swarm().lambda2_start).collect();
    let complete = starts.iter().filter(|lambda2| **lambda2 == 10.0).count();
    assert!((5..30).contains(&complete), "{complete} of 40 graphs are complete: {starts:?}");
}

/// An evaluation used to leave the training env at its last step, with one bogus short episode after it.
#[test]
fn regress_4_evaluation_leaves_training_alone() {
    let params = JammingParams::default();
    let train = || Batch::new(&params, 10, Seeds::new(1), 0..3, 2);
    let (mut disturbed, mut alone) = (train(), train());
    let mut lengths = Vec::new();
    for tick in 0..30 {
        if tick % 7 == 3 {
            let mut evaluation = Batch::new(&params, 10, Seeds::new(1), EVALUATION_ENVS..EVALUATION_ENVS + 2, 2);
            (0..4).for_each(|_| evaluation.step());
        }
        disturbed.step();
        alone.step();
        assert_eq!(disturbed.hashes(), alone.hashes(), "tick {tick}");
        lengths.extend(disturbed.finished().map(|record| record.length));
    }
    assert_eq!(lengths, [10; 9]);
}

/// Agents saw neither a direction nor their band.
#[test]
fn regress_5_observations_tell_directions_and_bands() {
    for (layout, towards) in
        [(ObservationLayout::Local, ["enemy0_dx", "enemy0_dy"]), (ObservationLayout::Seed5, ["target_dx", "target_dy"])]
    {
        let params = JammingParams { observation: layout, cluster_interval: 1, ..still(2, 1) };
        let mut stage = Stage::new(&params);
        stage.put_jammers(&[(50.0, 50.0)]);
        for way in [(20.0, 0.0), (-20.0, 0.0), (0.0, 20.0), (0.0, -20.0)] {
            stage.put_drones(&[(50.0 + way.0, 50.0 + way.1); 2]);
            stage.hover(Band::Mhz433);
            let seen = towards.map(|name| stage.seen(0, 0, name));
            let off = (seen[0] - way.0 / 100.0).abs().max((seen[1] - way.1 / 100.0).abs());
            assert!(off < 1e-6, "{layout:?}: {seen:?} of {way:?}");
        }
    }
    let mut stage = Stage::new(&still(2, 1));
    for &band in Band::ALL {
        stage.hover(band);
        for other in Band::ALL {
            let expected = if *other == band { 1.0 } else { 0.0 };
            assert_eq!(stage.seen(0, 0, &format!("own_band_is_{}", other.label())), expected);
        }
        assert_eq!(stage.seen(0, 0, "enemy_band_is_2.4 GHz"), 1.0);
    }
}

/// A jammer at top speed crosses the arena in an episode.
#[test]
fn regress_6_jammers_can_get_anywhere_in_an_episode() {
    let mut stage = Stage::new(&still(2, 1));
    stage.put_jammers(&[(0.0, 0.0)]);
    (0..40).for_each(|_| stage.order(&[(Vec2::splat(5.0), 0)]));
    assert_eq!(stage.jammers(), [Vec2::splat(100.0)]);
}

/// Isolating one drone gave the same 100 % as shattering the swarm, and nothing told them apart.
#[test]
fn regress_8_connectivity_is_more_than_lambda2() {
    for name in ["components", "largest_component", "reachability", "fragmented"] {
        assert!(Metrics::SPECS.iter().any(|metric| metric.name == name), "{name}");
    }
}

/// The trainer passed no seed, and the default start drew from a global generator.
#[test]
fn regress_9_a_seed_decides_everything() {
    for &jammer_start in JammerStart::ALL {
        let params = JammingParams { jammer_start, ..JammingParams::default() };
        let episode = |seed| {
            let mut lane = Lane::new(&params, 20, Seeds::new(seed), 0..2);
            (0..25).for_each(|_| lane.step());
            (lane.hash(0), lane.hash(1))
        };
        assert_eq!(episode(5), episode(5), "{jammer_start:?}");
        assert_ne!(episode(5), episode(6), "{jammer_start:?}");
    }
}

/// config.json left out the jam threshold and the start, so the reloaded run was another.
#[test]
fn regress_10_a_saved_scenario_names_every_parameter() {
    use crate::sim::params::Params;
    let text = "(version: 1, name: \"x\", title: \"x\", about: \"x\", seed: 1, max_steps: 9, domain: Jamming(()))";
    let saved = Scenario::parse(text, "x.ron").unwrap().to_ron().unwrap();
    for param in JammingParams::declarations() {
        assert!(saved.contains(&format!("{}:", param.name)), "{} is missing in {saved}", param.name);
    }
    assert_eq!(Scenario::parse(&saved, "x.ron").unwrap().to_ron().unwrap(), saved);
}

/// Two of the motions crashed for want of state.
#[test]
fn regress_11_every_motion_flies() {
    for &motion in Motion::ALL {
        let params = JammingParams { motion, ..JammingParams::default() };
        let mut lane = Lane::new(&params, 50, Seeds::new(1), 0..2);
        (0..120).for_each(|_| lane.step());
        assert!(lane.ports().groups[0].observations.iter().all(|number| number.is_finite()), "{motion:?}");
    }
}

/// The share of jammers on the right band was always logged as 0.
#[test]
fn regress_12_band_matches_are_counted() {
    let mut stage = Stage::new(&still(3, 4));
    for (bands, expected) in [([2, 2, 2, 2], 1.0), ([2, 0, 2, 1], 0.5), ([0, 1, 3, 0], 0.0)] {
        stage.order(&bands.map(|band| (Vec2::ZERO, band)));
        assert_eq!(stage.metric("band_match"), expected);
    }
}

/// Jamming was ignored in "final edges", and a lambda-2 of 1e-16 did not count as disconnected.
#[test]
fn regress_13_disrupted_means_disrupted() {
    let params = JammingParams { num_enemies: 25, num_jammers: 10, arena_m: 158.0, ..JammingParams::default() };
    let (mut pieces, mut wholes) = (0, 0);
    for seed in 0..6 {
        let (mut stage, mut unit) = (Stage::seeded(&params, seed), noise(seed));
        let range = |stage: &mut Stage| {
            let budgets = super::super::radio::LinkBudgets::new(&params);
            budgets.band(stage.swarm().band).link_range_m
        };
        for _ in 0..40 {
            stage.order(&random_orders(&params, &mut unit));
            let rows = stage.lane.world().resource::<RadioGraphs>().links(0).to_vec();
            let (drones, range) = (stage.drones(), range(&mut stage));
            let left: u32 = rows.iter().map(|row| row.count_ones()).sum();
            let near = |a: &Vec2| drones.iter().filter(|b| a.distance(**b) <= range).count() as u32 - 1;
            let unjammed: u32 = drones.iter().map(near).sum();
            assert!(left <= unjammed, "seed {seed}: {left} links are left of {unjammed}");
            let is_whole = stage.metric("components") == 1.0;
            assert_eq!(stage.metric("lambda2") > 0.0, is_whole, "lambda-2 is 0 exactly when the swarm is in pieces");
            assert_eq!(is_whole, stage.metric("reachability") == 1.0);
            (pieces, wholes) = (pieces + u32::from(!is_whole), wholes + u32::from(is_whole));
        }
    }
    assert!(pieces > 20 && wholes > 20, "{pieces} swarms in pieces, {wholes} whole");
}

/// A Lanczos solver returned 0.0144 for a graph in two pieces.
#[test]
fn regress_17_a_graph_in_pieces_has_lambda2_exactly_zero() {
    for n in [10_usize, 64, 65, 130, 400] {
        let words = n.div_ceil(64);
        let mut rows = vec![0_u64; n * words];
        // Two paths, as hard for an iteration as it gets.
        for i in (0..n - 1).filter(|i| *i != n / 2) {
            rows[i * words + (i + 1) / 64] |= 1 << ((i + 1) % 64);
            rows[(i + 1) * words + i / 64] |= 1 << (i % 64);
        }
        assert_eq!(DenseSolver::new().lambda2(n, &rows), 0.0, "{n} nodes");
    }
    let params = JammingParams { num_enemies: 120, arena_m: 3000.0, ..still(120, 1) };
    assert_eq!(Stage::new(&params).swarm().lambda2_start, 0.0, "and so has the swarm");
    assert_eq!(params.spec(10).groups[0].agents, 1);
}
