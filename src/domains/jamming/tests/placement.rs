//! Where an episode begins.

use super::*;
use crate::domains::jamming::{
    radio::LinkBudgets,
    scenario::{JammerStart, Placement},
};

const SEEDS: std::ops::Range<u64> = 0..40;

fn placed(placement: Placement) -> JammingParams {
    JammingParams { placement, min_start_lambda2: 0.0, ..JammingParams::default() }
}

#[test]
fn everybody_starts_inside_the_arena() {
    for &placement in Placement::ALL {
        for (arena_m, num_enemies) in [(1.0, 2), (20.0, 7), (100.0, 10), (500.0, 90)] {
            for &jammer_start in JammerStart::ALL {
                let params = JammingParams { arena_m, num_enemies, jammer_start, ..placed(placement) };
                for seed in SEEDS {
                    let mut stage = Stage::seeded(&params, seed);
                    let side = 0.0..=arena_m as f32;
                    for place in stage.drones().into_iter().chain(stage.jammers()) {
                        let is_inside = side.contains(&place.x) && side.contains(&place.y);
                        assert!(is_inside, "{placement:?}, {arena_m} m, {num_enemies} drones, seed {seed}: {place}");
                    }
                }
            }
        }
    }
}

#[test]
fn uniform_is_the_inner_80_percent_of_the_sides_and_fills_them() {
    let (mut low, mut high) = (Vec2::INFINITY, Vec2::NEG_INFINITY);
    for seed in SEEDS {
        let mut stage = Stage::seeded(&placed(Placement::Uniform), seed);
        for place in stage.drones().into_iter().chain(stage.jammers()) {
            (low, high) = (low.min(place), high.max(place));
        }
    }
    assert!(low.min_element() >= 10.0 && high.max_element() <= 90.0, "{low} to {high}");
    assert!(low.max_element() < 12.0 && high.min_element() > 88.0, "{low} to {high}");
}

#[test]
fn neighbours_in_a_formation_are_one_spacing_apart() {
    for placement in [Placement::Grid, Placement::Line, Placement::Circle, Placement::Vee] {
        let params = JammingParams { arena_m: 400.0, num_enemies: 9, ..placed(placement) };
        for seed in SEEDS {
            let drones = Stage::seeded(&params, seed).drones();
            for (i, drone) in drones.iter().enumerate() {
                let others = drones.iter().enumerate().filter(|(j, _)| *j != i);
                let nearest = others.map(|(_, other)| other.distance(*drone)).fold(f32::INFINITY, f32::min);
                // 5 % of 20 m as noise per axis and drone: 5.7 m are four standard deviations of a distance.
                assert!((nearest - 20.0).abs() < 5.7, "{placement:?}, seed {seed}: nearest neighbour at {nearest} m");
            }
        }
    }
}

#[test]
fn a_formation_too_large_for_the_arena_is_shrunk() {
    let params = JammingParams { arena_m: 50.0, num_enemies: 16, ..placed(Placement::Line) };
    for seed in SEEDS {
        let drones = Stage::seeded(&params, seed).drones();
        let length = drones[0].distance(drones[15]);
        // 80 % of 50 m, give or take the noise of both ends.
        assert!((length - 40.0).abs() < 1.5, "{length} m");
    }
}

#[test]
fn clustered_drones_are_within_a_radius_of_as_many_centres_as_asked_for() {
    let params = JammingParams {
        arena_m: 400.0,
        num_enemies: 30,
        num_clusters: 3,
        cluster_radius_m: 15.0,
        ..placed(Placement::Clustered)
    };
    for seed in SEEDS {
        let drones = Stage::seeded(&params, seed).drones();
        for disc in 0..3 {
            let members: Vec<Vec2> = drones.iter().copied().skip(disc).step_by(3).collect();
            let diameter = members.iter().flat_map(|a| members.iter().map(|b| a.distance(*b))).fold(0.0, f32::max);
            assert!(diameter <= 30.0 + 1e-3, "seed {seed}: ten drones of one disc are up to {diameter} m apart");
        }
    }
}

#[test]
fn placements_are_drawn_until_the_swarm_is_connected_well_enough() {
    let floor = JammingParams {
        min_start_lambda2: 1.0,
        arena_m: 200.0,
        enemy_bands: vec![Band::Ghz2_4],
        ..placed(Placement::Uniform)
    };
    let free = JammingParams { min_start_lambda2: 0.0, ..floor.clone() };
    let start = |params: &JammingParams, seed| Stage::seeded(params, seed).swarm().lambda2_start;
    assert!(SEEDS.clone().all(|seed| start(&floor, seed) >= 1.0));
    assert!(SEEDS.clone().any(|seed| start(&free, seed) < 1.0), "the floor has nothing to do");
    for seed in SEEDS.filter(|seed| start(&free, *seed) >= 1.0) {
        assert_eq!(start(&free, seed), start(&floor, seed), "a placement that is good enough is kept");
    }
    // A floor that cannot be reached: the best of a hundred is kept, which is better than the first.
    let unreachable = JammingParams { min_start_lambda2: 1000.0, ..free.clone() };
    let (first, best): (Vec<f64>, Vec<f64>) =
        (0..5).map(|seed| (start(&free, seed), start(&unreachable, seed))).unzip();
    assert!(first.iter().zip(&best).all(|(first, best)| best >= first), "{first:?} and {best:?}");
    assert!(best.iter().sum::<f64>() > first.iter().sum::<f64>() + 5.0, "{first:?} and {best:?}");
}

#[test]
fn jammers_start_where_their_scenario_says() {
    let centroid = JammingParams { jammer_start: JammerStart::Centroid, ..placed(Placement::Uniform) };
    let mut farthest = 0.0_f32;
    for seed in SEEDS {
        let mut stage = Stage::seeded(&centroid, seed);
        for (place, assignment) in stage.jammers().into_iter().zip(stage.assignments()) {
            let off = (place - assignment.target).abs().max_element();
            assert!(off <= 10.0 + 1e-4, "{off} m from the centroid on one axis");
            farthest = farthest.max(off);
        }
        assert!(stage.velocities().iter().all(|v| *v == Vec2::ZERO), "jammers start at rest");
    }
    assert!(farthest > 8.0, "they are scattered over the whole square");
}

#[test]
fn the_swarm_talks_on_each_of_its_bands_and_on_no_other() {
    let params = JammingParams { enemy_bands: vec![Band::Mhz915, Band::Ghz5_8], ..placed(Placement::Uniform) };
    let mut counts = [0; 4];
    let mut jammer_bands = [0; 4];
    for seed in SEEDS {
        let mut stage = Stage::seeded(&params, seed);
        counts[usize::from(stage.swarm().band)] += 1;
        assert_eq!(stage.swarm().band, stage.swarm().first_band);
        stage.bands().into_iter().for_each(|band| jammer_bands[usize::from(band)] += 1);
    }
    assert_eq!((counts[0], counts[2]), (0, 0));
    assert!(counts[1] > 10 && counts[3] > 10, "{counts:?}");
    assert!(jammer_bands.iter().all(|count| *count > 20), "jammers start on any band: {jammer_bands:?}");
}

#[test]
fn drones_start_at_their_speed() {
    for motion in [Motion::RandomWalk, Motion::CoordinatedTurn, Motion::Formation] {
        let params = JammingParams { motion, enemy_speed_mps: 3.0, ..placed(Placement::Uniform) };
        let mut stage = Stage::new(&params);
        assert!(stage.drone_velocities().iter().all(|v| (v.length() - 3.0).abs() < 1e-5), "{motion:?}");
        assert!(stage.turn_rates().iter().all(|rate| rate.abs() <= 0.25), "half the largest rate");
    }
}

/// The range of the bands differs by thirteen, so the connectivity that a placement has depends on the band.
#[test]
fn the_floor_is_measured_on_the_band_of_the_episode() {
    let params = JammingParams { min_start_lambda2: 0.5, ..JammingParams::default() };
    for seed in SEEDS {
        let mut stage = Stage::seeded(&params, seed);
        let swarm = stage.swarm();
        let range = LinkBudgets::new(&params).band(swarm.band).link_range_m;
        let drones = stage.drones();
        let links = |drone: &Vec2| drones.iter().filter(|other| other.distance(*drone) <= range).count() - 1;
        let least = drones.iter().map(links).min().unwrap() as f64;
        // Fiedler: lambda-2 is at most n/(n - 1) times the least degree.
        assert!(swarm.lambda2_start <= least * 10.0 / 9.0 + 1e-9, "seed {seed}: {swarm:?}, least degree {least}");
    }
}
