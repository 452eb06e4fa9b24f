//! What jammers see, against the state by name.

use super::*;
use crate::{
    domains::jamming::{
        lookahead::STEPS,
        radio::{LinkBudgets, RadioKernel},
        scenario::ObservationLayout,
        systems::{RadioGraphs, overlap},
    },
    math::fiedler::DenseSolver,
};

fn seeing(observation: ObservationLayout) -> JammingParams {
    JammingParams { observation, ..JammingParams::default() }
}

/// Calls `check` after each of many ticks of random jammers.
fn watch(params: &JammingParams, mut check: impl FnMut(&mut Stage)) {
    for seed in 0..4 {
        let (mut stage, mut unit) = (Stage::seeded(params, seed), noise(seed));
        for _ in 0..40 {
            check(&mut stage);
            stage.order(&random_orders(params, &mut unit));
        }
    }
}

#[track_caller]
fn assert_sees(stage: &Stage, agent: usize, expected: &[(&str, f32)]) {
    for (name, expected) in expected {
        let found = stage.seen(0, agent, name);
        assert!((found - expected).abs() < 1e-5, "jammer {agent} sees {name} = {found}, not {expected}");
    }
}

#[test]
fn layout_published5_is_what_the_published_system_shows() {
    for num_jammers in [1, 4] {
        let params = JammingParams { num_jammers, ..seeing(ObservationLayout::Published5) };
        watch(&params, |stage| {
            let (swarm, team, bands, clusters) = (stage.swarm(), stage.jammers(), stage.bands(), stage.clusters().0);
            let range = LinkBudgets::new(&params).band(swarm.band).jam_range_m;
            let places: Vec<_> = team.iter().copied().map(Position).collect();
            for (k, own) in team.iter().enumerate() {
                let nearest =
                    clusters.iter().min_by(|a, b| a.position.distance(*own).total_cmp(&b.position.distance(*own)));
                let nearest = nearest.unwrap();
                let others: f32 = team.iter().map(|other| other.distance(*own)).sum();
                let to_others = if num_jammers == 1 { 0.5 } else { others / (num_jammers as f32 - 1.0) / 100.0 };
                assert_sees(
                    stage,
                    k,
                    &[
                        ("centroid_distance", (nearest.position.distance(*own) / 100.0).min(1.0)),
                        ("centroid_size", nearest.size as f32 / 10.0),
                        ("team_distance", to_others.min(1.0)),
                        ("overlap", overlap(&places, range) as f32),
                        ("is_on_band", if bands[k] == swarm.band { 1.0 } else { 0.0 }),
                    ],
                );
            }
        });
    }
}

#[test]
fn layout_seed5_is_the_way_to_the_assigned_centroid() {
    let params = seeing(ObservationLayout::Seed5);
    watch(&params, |stage| {
        let (swarm, team, velocities, assignments) =
            (stage.swarm(), stage.jammers(), stage.velocities(), stage.assignments());
        for k in 0..team.len() {
            let way = (assignments[k].target - team[k]) / 100.0;
            assert_sees(
                stage,
                k,
                &[
                    ("target_dx", way.x),
                    ("target_dy", way.y),
                    ("vx", velocities[k].x / 5.0),
                    ("vy", velocities[k].y / 5.0),
                    ("enemy_band", f32::from(swarm.band) / 3.0),
                ],
            );
        }
    });
}

/// Indices of `places` from near to far.
fn by_distance(places: &[Vec2], own: Vec2) -> Vec<usize> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].distance_squared(own).total_cmp(&places[*b].distance_squared(own)));
    order
}

#[test]
fn layout_local_shows_oneself_and_the_bands() {
    let params = seeing(ObservationLayout::Local);
    watch(&params, |stage| {
        let (swarm, team, velocities, bands) = (stage.swarm(), stage.jammers(), stage.velocities(), stage.bands());
        let range = LinkBudgets::new(&params).band(swarm.band).jam_range_m;
        for k in 0..team.len() {
            let place = team[k] / 50.0 - Vec2::ONE;
            let v = velocities[k] / 5.0;
            assert_sees(
                stage,
                k,
                &[("x", place.x), ("y", place.y), ("vx", v.x), ("vy", v.y), ("jam_range", (range / 100.0).min(1.0))],
            );
            for &band in Band::ALL {
                let is = |tuned: u8| if tuned == index(band) { 1.0 } else { 0.0 };
                let (own, enemy) = (format!("own_band_is_{}", band.label()), format!("enemy_band_is_{}", band.label()));
                assert_sees(stage, k, &[(&own, is(bands[k])), (&enemy, is(swarm.band))]);
            }
        }
    });
}

#[test]
fn layout_local_shows_the_nearest_drones_and_jammers_first() {
    for (num_enemies, num_jammers) in [(10, 5), (3, 2)] {
        let params = JammingParams { num_enemies, num_jammers, ..seeing(ObservationLayout::Local) };
        watch(&params, |stage| {
            let (drones, drone_velocities) = (stage.drones(), stage.drone_velocities());
            let (swarm, team, velocities, bands) = (stage.swarm(), stage.jammers(), stage.velocities(), stage.bands());
            let rows = stage.lane.world().resource::<RadioGraphs>().links(0).to_vec();
            for k in 0..num_jammers {
                let order = by_distance(&drones, team[k]);
                for slot in 0..8 {
                    let links = order.get(slot).map_or(0.0, |i| rows[*i].count_ones() as f32);
                    assert_sees(stage, k, &[(&format!("enemy{slot}_links"), links / (links + 8.0))]);
                    let (by, dv, exists) = order.get(slot).map_or((Vec2::ZERO, Vec2::ZERO, 0.0), |i| {
                        ((drones[*i] - team[k]) / 100.0, (drone_velocities[*i] - velocities[k]) / 5.0, 1.0)
                    });
                    for (name, expected) in
                        [("dx", by.x), ("dy", by.y), ("dvx", dv.x), ("dvy", dv.y), ("exists", exists)]
                    {
                        assert_sees(stage, k, &[(&format!("enemy{slot}_{name}"), expected)]);
                    }
                }
                let order: Vec<usize> = by_distance(&team, team[k]).into_iter().filter(|i| *i != k).collect();
                for slot in 0..3 {
                    let (by, is_on_band, exists) = order.get(slot).map_or((Vec2::ZERO, 0.0, 0.0), |i| {
                        ((team[*i] - team[k]) / 100.0, if bands[*i] == swarm.band { 1.0 } else { 0.0 }, 1.0)
                    });
                    for (name, expected) in [("dx", by.x), ("dy", by.y), ("is_on_band", is_on_band), ("exists", exists)]
                    {
                        assert_sees(stage, k, &[(&format!("jammer{slot}_{name}"), expected)]);
                    }
                }
            }
        });
    }
}

#[test]
fn layout_local_shows_the_nearest_live_links_and_counts_those_in_reach() {
    let params = JammingParams { num_enemies: 6, ..seeing(ObservationLayout::Local) };
    let mut seen_fewer_than_slots = false;
    watch(&params, |stage| {
        let (drones, team, swarm) = (stage.drones(), stage.jammers(), stage.swarm());
        let range = LinkBudgets::new(&params).band(swarm.band).jam_range_m;
        let rows = stage.lane.world().resource::<RadioGraphs>().links(0).to_vec();
        let mut midpoints = Vec::new();
        for i in 0..drones.len() {
            midpoints
                .extend((i + 1..drones.len()).filter(|j| rows[i] >> j & 1 == 1).map(|j| 0.5 * (drones[i] + drones[j])));
        }
        seen_fewer_than_slots |= midpoints.len() < 8;
        for (k, own) in team.iter().enumerate() {
            let order = by_distance(&midpoints, *own);
            for slot in 0..8 {
                let (by, exists) = order.get(slot).map_or((Vec2::ZERO, 0.0), |i| {
                    let by = midpoints[*i] - *own;
                    (by / (by.length() + range), 1.0)
                });
                for (name, expected) in [("dx", by.x), ("dy", by.y), ("exists", exists)] {
                    assert_sees(stage, k, &[(&format!("link{slot}_{name}"), expected)]);
                }
            }
            let within = |reach: f32| {
                let count = midpoints.iter().filter(|midpoint| midpoint.distance(*own) <= reach).count() as f32;
                count / (count + 8.0)
            };
            assert_sees(
                stage,
                k,
                &[("links_within_jam_range", within(range)), ("links_within_two_jam_ranges", within(2.0 * range))],
            );
        }
    });
    assert!(seen_fewer_than_slots, "empty slots are not tested");
}

/// For each of nine steps, of one tick and of four: how the eight nearest drones, flown straight on, would hold together.
/// Standing still is shown as it is, what another step leaves as the difference from that.
#[test]
fn layout_lookahead_shows_what_each_step_would_leave() {
    for (num_enemies, num_jammers, ticks) in [(10, 5, 1), (10, 5, 4), (3, 1, 1)] {
        let params = JammingParams { num_enemies, num_jammers, ..seeing(ObservationLayout::Lookahead) };
        let (budgets, arena, flight_s) = (LinkBudgets::new(&params), Vec2::splat(100.0), 0.5 * ticks as f32);
        let mut differs = 0;
        watch(&params, |stage| {
            let (drones, drone_velocities) = (stage.drones(), stage.drone_velocities());
            let (swarm, team, bands) = (stage.swarm(), stage.jammers(), stage.bands());
            for k in 0..num_jammers {
                let nearest = by_distance(&drones, team[k]).into_iter().take(8);
                let flown = nearest.map(|i| drones[i] + flight_s * drone_velocities[i]);
                let mirrored = flown.map(|at| at.abs()).map(|at| arena - (arena - at).abs());
                let seen: Vec<Position> = mirrored.map(Position).collect();
                let others = by_distance(&team, team[k]).into_iter().filter(|i| *i != k).take(3);
                let others: Vec<Vec2> = others.filter(|i| bands[*i] == swarm.band).map(|i| team[i]).collect();
                let left = |step: (f32, f32)| {
                    let there = (team[k] + 5.0 * flight_s * Vec2::from(step)).clamp(Vec2::ZERO, arena);
                    let jammers: Vec<Vec2> = others.iter().copied().chain([there]).collect();
                    let mut rows = vec![0; seen.len()];
                    RadioKernel::default().graph(&budgets, swarm.band, &seen, &jammers, &mut rows);
                    let links = rows.iter().map(|row| row.count_ones()).sum::<u32>() as f32 / 2.0;
                    let lambda2 = DenseSolver::new().lambda2(seen.len(), &rows) as f32;
                    (lambda2 / (lambda2 + 1.0), links / (links + 8.0))
                };
                let standing = left(STEPS[0]);
                for (i, step) in STEPS.iter().enumerate() {
                    let (lambda2, links) = left(*step);
                    let from = if i == 0 { (0.0, 0.0) } else { standing };
                    let expected = [
                        (&*format!("step{i}_lambda2_{ticks}"), lambda2 - from.0),
                        (&*format!("step{i}_links_{ticks}"), links - from.1),
                    ];
                    assert_sees(stage, k, &expected);
                    differs += usize::from(links != standing.1);
                }
            }
        });
        assert!(differs > 10, "{differs} choices between steps that differ");
    }
}

/// Every layout has as many numbers as fields, whatever the sizes of team and swarm.
#[test]
fn every_number_of_an_observation_is_written() {
    for &layout in ObservationLayout::ALL {
        for (num_jammers, num_enemies) in [(1, 2), (2, 3), (7, 20)] {
            let params = JammingParams { num_jammers, num_enemies, ..seeing(layout) };
            let mut stage = Stage::new(&params);
            stage.lane.ports_mut().groups[0].observations.fill(f32::NAN);
            stage.refresh();
            let seen = stage.lane.ports().groups[0].observations.clone();
            assert!(seen.iter().all(|number| number.is_finite()), "{layout:?} of {num_jammers} against {num_enemies}");
            stage.lane.ports_mut().groups[0].observations.fill(f32::NAN);
            stage.hover(Band::Mhz433);
            assert!(stage.lane.ports().groups[0].observations.iter().all(|number| number.is_finite()), "{layout:?}");
        }
    }
}
