//! Everything that is measured, against a recomputation from the state by the plainest means.

use nalgebra::{DMatrix, SymmetricEigen};

use super::*;
use crate::domains::jamming::{
    radio::{LinkBudgets, dbm_to_watt, free_space_path_loss_db, watt_to_dbm},
    scenario::{JamModel, Reference},
};

/// Adjacency of the swarm under these jammers, from powers in dBm.
fn links(params: &JammingParams, band: Band, drones: &[Vec2], jammers: &[Vec2]) -> Vec<Vec<bool>> {
    let received_dbm = |power_dbm: f64, a: Vec2, b: Vec2| {
        power_dbm - free_space_path_loss_db(f64::from(a.distance(b)).max(1e-3), band.frequency_hz())
    };
    let interference_watt = |at: Vec2| -> f64 {
        jammers.iter().map(|jammer| dbm_to_watt(received_dbm(params.jam_power_dbm, *jammer, at))).sum()
    };
    let is_heard = |from: Vec2, to: Vec2| {
        let signal = received_dbm(params.enemy_power_dbm, from, to);
        let is_in_range = signal >= params.sensitivity_dbm;
        match params.jam_model {
            JamModel::Midpoint => {
                let middle = 0.5 * (from + to);
                let reaches =
                    |jammer: &Vec2| received_dbm(params.jam_power_dbm, *jammer, middle) >= params.jam_threshold_dbm;
                is_in_range && !jammers.iter().any(reaches)
            }
            JamModel::Sinr => {
                let noise = dbm_to_watt(params.noise_floor_dbm) + interference_watt(to);
                is_in_range && signal - watt_to_dbm(noise) >= params.sinr_threshold_db
            }
        }
    };
    let n = drones.len();
    let is_linked = |i: usize, j: usize| i != j && is_heard(drones[i], drones[j]) && is_heard(drones[j], drones[i]);
    (0..n).map(|i| (0..n).map(|j| is_linked(i, j)).collect()).collect()
}

/// Sizes of the connected components.
fn components(links: &[Vec<bool>]) -> Vec<usize> {
    let n = links.len();
    let mut seen = vec![false; n];
    let mut sizes = Vec::new();
    for start in 0..n {
        let (mut open, mut size) = (vec![start], 0);
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                size += 1;
                open.extend((0..n).filter(|other| links[node][*other]));
            }
        }
        sizes.extend((size > 0).then_some(size));
    }
    sizes
}

/// The second smallest eigenvalue of the Laplacian, by a general solver.
fn lambda2(links: &[Vec<bool>]) -> f64 {
    let n = links.len();
    let laplacian = DMatrix::from_fn(n, n, |i, j| match (i == j, links[i][j]) {
        (true, _) => links[i].iter().filter(|linked| **linked).count() as f64,
        (false, true) => -1.0,
        (false, false) => 0.0,
    });
    let mut values: Vec<f64> = SymmetricEigen::new(laplacian).eigenvalues.iter().copied().collect();
    values.sort_by(f64::total_cmp);
    values[1]
}

/// What the whole episode needs to be known.
#[derive(Default)]
struct History {
    ticks: u32,
    fragmented_at: Option<u32>,
}

/// All metrics of the last tick, in the order of their declarations.
fn by_definition(stage: &mut Stage, history: &mut History) -> Vec<(&'static str, f64)> {
    let params = stage.params.clone();
    let swarm = stage.swarm();
    let band = Band::ALL[usize::from(swarm.band)];
    let (drones, places, velocities) = (stage.drones(), stage.jammers(), stage.velocities());
    let (bands, assignments) = (stage.bands(), stage.assignments());
    let (n, m) = (drones.len(), places.len());
    let on_band: Vec<Vec2> = (0..m).filter(|k| bands[*k] == swarm.band).map(|k| places[k]).collect();
    let graph = links(&params, band, &drones, &on_band);
    let (sizes, lambda2_now) = (components(&graph), lambda2(&graph));
    let reference = match params.reference {
        Reference::EpisodeStart => swarm.lambda2_start,
        Reference::Unjammed => {
            let bare = links(&params, band, &drones, &[]);
            if components(&bare).len() > 1 { 0.0 } else { lambda2(&bare) }
        }
    };
    let reduction = if reference > 0.0 { 100.0 * (1.0 - lambda2_now / reference).clamp(0.0, 1.0) } else { 0.0 };
    history.ticks += 1;
    if sizes.len() > 1 {
        history.fragmented_at.get_or_insert(history.ticks);
    }
    let near = 2.0 * LinkBudgets::new(&params).band(swarm.band).jam_range_m;
    let pairs: Vec<(usize, usize)> = (0..m).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
    let overlapping = pairs.iter().filter(|(i, j)| places[*i].distance(places[*j]) < near).count();
    let mean = |of: &dyn Fn(usize) -> f64| (0..m).map(of).sum::<f64>() / m as f64;
    vec![
        ("reduction", reduction),
        ("reduction_final", reduction),
        ("lambda2", lambda2_now),
        ("components", sizes.len() as f64),
        ("largest_component", *sizes.iter().max().unwrap() as f64 / n as f64),
        ("reachability", sizes.iter().map(|size| size * (size - 1)).sum::<usize>() as f64 / (n * (n - 1)) as f64),
        ("band_match", on_band.len() as f64 / m as f64),
        ("energy", mean(&|k| f64::from(velocities[k].length_squared()) * params.dt_s)),
        ("fragmentation_time", f64::from(history.fragmented_at.unwrap_or(history.ticks)) * params.dt_s),
        ("fragmented", if history.fragmented_at.is_some() { 1.0 } else { 0.0 }),
        ("tracking_error", mean(&|k| f64::from(places[k].distance(assignments[k].target)))),
        ("overlap", overlapping as f64 / pairs.len().max(1) as f64),
        ("jam_power", jam_power_dbm(&params, band, &drones, &on_band)),
    ]
}

fn jam_power_dbm(params: &JammingParams, band: Band, drones: &[Vec2], on_band: &[Vec2]) -> f64 {
    if on_band.is_empty() {
        return -80.0;
    }
    let watt = |jammer: &Vec2, at: Vec2| {
        let distance = f64::from(jammer.distance(at)).max(1e-3);
        dbm_to_watt(params.jam_power_dbm - free_space_path_loss_db(distance, band.frequency_hz()))
    };
    let n = drones.len();
    let powers: Vec<f64> = match params.jam_model {
        JamModel::Midpoint => (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| 0.5 * (drones[i] + drones[j]))
            .map(|middle| on_band.iter().map(|jammer| watt(jammer, middle)).fold(0.0, f64::max))
            .collect(),
        JamModel::Sinr => drones.iter().map(|drone| on_band.iter().map(|jammer| watt(jammer, *drone)).sum()).collect(),
    };
    watt_to_dbm(powers.iter().sum::<f64>() / powers.len() as f64)
}

fn compare(params: &JammingParams, seed: u64, ticks: usize) -> History {
    let (mut stage, mut unit) = (Stage::seeded(params, seed), noise(seed));
    let mut history = History::default();
    for tick in 0..ticks {
        stage.order(&random_orders(params, &mut unit));
        let expected = by_definition(&mut stage, &mut history);
        assert_eq!(expected.len(), Metrics::SPECS.len());
        for ((name, expected), metric) in expected.into_iter().zip(Metrics::SPECS) {
            let found = stage.metric(metric.name);
            assert_eq!(name, metric.name, "order of the metrics");
            let is_close = (found - expected).abs() <= 1e-5 * expected.abs().max(1.0);
            assert!(is_close, "seed {seed}, tick {tick}, {name}: {found}, not {expected}, of {params:?}");
        }
    }
    history
}

#[test]
fn measures_are_what_they_say() {
    let mut fragmented = 0;
    for (seed, reference) in (0..24).zip(Reference::ALL.iter().copied().cycle()) {
        for &jam_model in JamModel::ALL {
            let params = JammingParams {
                jam_model,
                reference,
                jam_power_dbm: if jam_model == JamModel::Sinr { 0.0 } else { 30.0 },
                num_enemies: 5 + seed as usize,
                num_jammers: 1 + seed as usize % 6,
                arena_m: 80.0 + 5.0 * seed as f64,
                ..JammingParams::default()
            };
            let history = compare(&params, seed, 40);
            fragmented += usize::from(history.fragmented_at.is_some_and(|tick| tick > 1));
        }
    }
    assert!(fragmented > 3, "{fragmented} swarms fell apart on the way");
}

/// lambda-2 is 0 exactly when there is more than one component; one drone alone or all alone make the same 0.
#[test]
fn falling_apart_is_told_from_losing_one() {
    let params = JammingParams { min_start_lambda2: 0.0, ..still(5, 1) };
    let mut stage = Stage::new(&params);
    let centre = |i: usize| (50.0 + i as f32, 50.0);
    for (apart, components, largest, reachability) in [(0, 1.0, 1.0, 1.0), (1, 2.0, 0.8, 0.6), (2, 3.0, 0.6, 0.3)] {
        // Links carry 86 m: whoever sits in a corner is out of reach of the middle only on a larger arena.
        let corners = [(-500.0, -500.0), (600.0, 600.0)];
        let places: Vec<_> = (0..5).map(|i| if i < apart { corners[i] } else { centre(i) }).collect();
        stage.put_drones(&places);
        stage.hover(Band::Mhz433);
        assert_eq!(stage.metric("lambda2") == 0.0, components > 1.0);
        assert_eq!(stage.metric("components"), components);
        assert!((stage.metric("largest_component") - largest).abs() < 1e-12);
        assert!((stage.metric("reachability") - reachability).abs() < 1e-12);
    }
    assert_eq!(stage.metric("fragmentation_time"), 1.0, "it first fell apart in the second tick of half a second");
    stage.put_drones(&(0..5).map(centre).collect::<Vec<_>>());
    stage.hover(Band::Mhz433);
    assert_eq!((stage.metric("fragmented"), stage.metric("fragmentation_time")), (1.0, 1.0), "once is enough");
}

#[test]
fn a_swarm_that_begins_in_pieces_cannot_be_reduced() {
    let params = JammingParams { arena_m: 100_000.0, ..still(2, 1) };
    for &reference in Reference::ALL {
        let mut stage = Stage::seeded(&JammingParams { reference, ..params.clone() }, 3);
        assert_eq!(stage.swarm().lambda2_start, 0.0, "two drones somewhere in 80 km");
        stage.hover(Band::Ghz2_4);
        assert_eq!((stage.metric("reduction"), stage.metric("fragmented")), (0.0, 1.0), "{reference:?}");
    }
}

/// Drones that walk towards each other are better connected than at the start; jamming must still be told.
#[test]
fn references_differ_once_the_swarm_has_moved() {
    let at = |reference| {
        let params = JammingParams { reference, arena_m: 300.0, min_start_lambda2: 0.0, ..still(4, 1) };
        let mut stage = Stage::new(&params);
        let swarm = Swarm { lambda2_start: 4.0, ..stage.swarm() };
        stage.put::<_, ()>(&[swarm]);
        // A path of four: lambda-2 is 2 - sqrt(2).
        stage.put_drones(&[(10.0, 10.0), (90.0, 10.0), (170.0, 10.0), (250.0, 10.0)]);
        stage.hover(Band::Mhz433);
        stage.metric("reduction")
    };
    let expected = 100.0 * (1.0 - (2.0 - 2.0_f64.sqrt()) / 4.0);
    assert!((at(Reference::EpisodeStart) - expected).abs() < 1e-9, "{}", at(Reference::EpisodeStart));
    assert!(at(Reference::Unjammed).abs() < 1e-9, "nobody jams, so nothing is reduced");
}
