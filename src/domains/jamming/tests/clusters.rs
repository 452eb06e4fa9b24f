//! Clusters, and which jammer goes for which.

use super::*;
use crate::domains::jamming::{components::Centroid, model::Model, systems::Sensing};

/// Clusters of these sizes, labelled in order; the last may be the pool of drones outside, labelled -1.
fn clusters(sizes: &[u32], has_pool: bool) -> Vec<Centroid> {
    let label = |i: usize| if has_pool && i + 1 == sizes.len() { -1 } else { i as i32 };
    let centroid =
        |(i, size): (usize, &u32)| Centroid { label: label(i), position: Vec2::splat(i as f32), size: *size };
    sizes.iter().enumerate().map(centroid).collect()
}

/// How many jammers go for each of the clusters.
fn dealt(num_jammers: usize, centroids: &[Centroid]) -> Vec<usize> {
    let mut team = vec![Assignment { label: 99, target: Vec2::NAN }; num_jammers];
    Sensing::default().assign(centroids, &mut team);
    let labels: Vec<i32> = team.iter().map(|assignment| assignment.label).collect();
    for assignment in &team {
        let centroid = centroids.iter().find(|centroid| centroid.label == assignment.label).unwrap();
        assert_eq!(assignment.target, centroid.position);
    }
    let order = |label: &i32| centroids.iter().position(|centroid| centroid.label == *label).unwrap();
    assert!(labels.is_sorted_by_key(order), "jammers are handed out one after the other: {labels:?}");
    centroids.iter().map(|centroid| labels.iter().filter(|label| **label == centroid.label).count()).collect()
}

/// count = min(max(1, floor(M size / total)), remaining), in order; the last takes the rest.
#[test]
fn jammers_are_dealt_in_proportion_to_cluster_size() {
    let table: [(usize, &[u32], &[usize]); 12] = [
        (4, &[10], &[4]),
        (4, &[5, 5], &[2, 2]),
        (4, &[6, 4], &[2, 2]),
        (4, &[8, 2], &[3, 1]),
        (4, &[2, 8], &[1, 3]),
        (5, &[5, 5], &[2, 3]),
        (7, &[10, 10, 10], &[2, 2, 3]),
        (4, &[8, 1, 1], &[3, 1, 0]),
        (4, &[1, 1, 8], &[1, 1, 2]),
        (2, &[3, 3, 3, 3], &[1, 1, 0, 0]),
        (1, &[1, 9], &[1, 0]),
        (40, &[33, 33, 34], &[13, 13, 14]),
    ];
    for (num_jammers, sizes, expected) in table {
        assert_eq!(dealt(num_jammers, &clusters(sizes, false)), expected, "{num_jammers} jammers for {sizes:?}");
    }
}

#[test]
fn drones_outside_all_clusters_get_jammers_only_when_there_is_no_cluster() {
    assert_eq!(dealt(4, &clusters(&[2, 6, 9], true)), [1, 3, 0], "shares are of the clustered drones");
    assert_eq!(dealt(4, &clusters(&[10], true)), [4]);
}

/// With two samples a cluster is a connected part of the graph of drones within 25 m, and a single drone is noise.
fn by_definition(drones: &[Vec2], eps: f32) -> Vec<Centroid> {
    let n = drones.len();
    let mut part: Vec<usize> = (0..n).collect();
    for _ in 0..n {
        for i in 0..n {
            for j in 0..n {
                if drones[i].distance(drones[j]) <= eps {
                    part[i] = part[i].min(part[j]);
                }
            }
        }
    }
    let members = |root: usize| (0..n).filter(|i| part[*i] == root).collect::<Vec<_>>();
    let (mut found, mut pool) = (Vec::new(), Vec::new());
    for root in 0..n {
        match members(root)[..] {
            [] => {}
            [single] => pool.push(single),
            ref several => found.push(several.to_vec()),
        }
    }
    if !pool.is_empty() {
        found.push(pool.clone());
    }
    let clusters = found.len() - usize::from(!pool.is_empty());
    let mean = |members: &[usize]| members.iter().map(|i| drones[*i]).sum::<Vec2>() / members.len() as f32;
    let centroid = |(i, members): (usize, &Vec<usize>)| Centroid {
        label: if i == clusters { -1 } else { i as i32 },
        position: mean(members),
        size: members.len() as u32,
    };
    found.iter().enumerate().map(centroid).collect()
}

#[test]
fn centroids_are_the_means_of_their_drones_and_the_rest_is_pooled() {
    let params = JammingParams { arena_m: 150.0, min_start_lambda2: 0.0, num_enemies: 14, ..JammingParams::default() };
    let (mut pools, mut several) = (0, 0);
    for seed in 0..60 {
        let mut stage = Stage::seeded(&params, seed);
        let expected = by_definition(&stage.drones(), params.cluster_eps_m as f32);
        let found = stage.clusters().0;
        assert_eq!(found.len(), expected.len(), "seed {seed}: {found:?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!((found.label, found.size), (expected.label, expected.size), "seed {seed}");
            assert!(found.position.distance(expected.position) < 1e-3, "seed {seed}");
        }
        pools += usize::from(expected.iter().any(|centroid| centroid.label == -1));
        several += usize::from(expected.len() > 2);
        assert_eq!(found.iter().map(|centroid| centroid.size).sum::<u32>(), 14, "every drone counts once");
    }
    assert!(pools > 10 && several > 10, "{pools} swarms with a pool, {several} with several clusters");
}

#[test]
fn a_swarm_without_any_cluster_is_one_centroid_for_all() {
    let params = JammingParams { cluster_eps_m: 0.5, ..still(3, 2) };
    let model = Model::new(&params);
    let drones = [(0.0, 0.0), (30.0, 0.0), (0.0, 60.0)].map(|place| Position(Vec2::from(place)));
    let mut found = Vec::new();
    Sensing::default().cluster(&model, &drones, &mut found);
    assert_eq!(found, [Centroid { label: -1, position: Vec2::new(10.0, 20.0), size: 3 }]);
    assert_eq!(dealt(2, &found), [2]);
}

#[test]
fn the_swarm_is_clustered_every_so_many_ticks_and_not_between() {
    let params = JammingParams { cluster_interval: 4, enemy_speed_mps: 10.0, ..JammingParams::default() };
    let mut stage = Stage::new(&params);
    for tick in 1..=40 {
        let before = (stage.clusters(), stage.assignments());
        stage.hover(Band::Mhz433);
        let has_moved = (stage.clusters(), stage.assignments()) != before;
        assert_eq!(has_moved, tick % 4 == 0, "tick {tick}");
        if has_moved {
            let expected = by_definition(&stage.drones(), params.cluster_eps_m as f32);
            assert_eq!(stage.clusters().0.len(), expected.len(), "tick {tick}");
        }
        for assignment in stage.assignments() {
            let centroid = stage.clusters().0.into_iter().find(|centroid| centroid.label == assignment.label);
            assert_eq!(centroid.unwrap().position, assignment.target, "a target is where its centroid was last seen");
        }
    }
}

/// As long as no centroid is new, gone or far from where it was, nobody changes sides.
#[test]
fn jammers_keep_their_cluster_until_the_picture_changes() {
    let params =
        JammingParams { cluster_interval: 1, reassign_distance_m: 30.0, min_start_lambda2: 0.0, ..still(8, 4) };
    let mut stage = Stage::new(&params);
    let (left, right) = ((10.0, 50.0), (90.0, 50.0));
    let mut labels = |left_drones: usize, left: (f32, f32), right: (f32, f32)| {
        let places: Vec<_> = (0..8).map(|i| if i < left_drones { left } else { right }).collect();
        stage.put_drones(&places);
        stage.hover(Band::Mhz433);
        (
            stage.assignments().iter().map(|assignment| assignment.label).collect::<Vec<_>>(),
            stage.assignments()[0].target,
        )
    };
    assert_eq!(labels(4, left, right).0, [0, 0, 1, 1]);
    assert_eq!(labels(6, left, right).0, [0, 0, 1, 1], "sizes alone change nothing, though three to one would be due");
    let (followed, target) = labels(6, (38.0, 50.0), right);
    assert_eq!((followed, target), (vec![0, 0, 1, 1], Vec2::new(38.0, 50.0)), "28 m are not far: they follow");
    assert_eq!(labels(6, (38.0, 81.0), right).0, [0, 0, 0, 1], "31 m are: they are dealt anew");
    assert_eq!(labels(7, (38.0, 81.0), right).0, [0, 0, 0, 0], "a cluster is gone, its last drone is outside");
    assert_eq!(labels(4, (38.0, 81.0), right).0, [0, 0, 1, 1], "a cluster is new");
}
