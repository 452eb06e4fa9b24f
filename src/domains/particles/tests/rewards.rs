//! Who is paid what, and what is measured, where all distances are known.

use super::*;
use crate::domains::particles::reward::fine;

/// A stage of task `spread` whose agents rest at known places: the first two overlap, the third covers a landmark.
fn known(params: &ParticlesParams) -> Stage {
    let mut stage = Stage::new(params);
    stage.put_landmarks(&at([(1.0, 1.0), (0.0, -0.5), (-1.0, 0.05)]));
    stage.put_agents(&at([(0.0, 0.0), (0.25, 0.0), (-1.0, 0.0)]));
    // A tick moves by velocities, which are 0, and changes only these.
    stage.step(&[0.0; 3]);
    stage
}

/// What landmarks of [`known`] are away from the nearest agent, in all: (0.75, 1.0), 0.5 and 0.05.
const DISTANCE_M: f32 = 1.25 + 0.5 + 0.05;

#[test]
fn agents_of_spread_get_their_share_of_the_distances_and_their_own_collisions() {
    for local_ratio in [0.0, 0.5, 0.8, 1.0] {
        let stage = known(&ParticlesParams { local_ratio, ..spread() });
        for (agent, collisions) in [(0, 1.0), (1, 1.0), (2, 0.0)] {
            let local = local_ratio as f32;
            assert!((stage.term(0, agent, "distance") + (1.0 - local) * DISTANCE_M).abs() < 1e-6);
            assert_eq!(stage.term(0, agent, "collisions"), -local * collisions);
        }
    }
}

#[test]
fn what_is_shared_is_the_sum_over_all_agents() {
    let stage = known(&ParticlesParams { reward: RewardMode::Shared, ..spread() });
    for agent in 0..3 {
        assert!((stage.term(0, agent, "distance") + 3.0 * DISTANCE_M).abs() < 1e-5);
        assert_eq!(stage.term(0, agent, "collisions"), -2.0, "each of the two counts the other");
    }
}

#[test]
fn spread_measures_distances_collisions_and_covered_landmarks() {
    let stage = known(&spread());
    assert!((stage.metric("landmark_distance") - f64::from(DISTANCE_M) / 3.0).abs() < 1e-6);
    assert_eq!((stage.metric("collisions"), stage.metric("covered"), stage.metric("covered_final")), (1.0, 1.0, 1.0));
}

#[test]
fn adversaries_share_every_catch_and_good_agents_pay_for_their_own() {
    let mut stage = Stage::new(&ParticlesParams { num_good: 2, num_obstacles: 0, ..tag() });
    // Two adversaries at the first good agent, one at the second, which is beyond the bounds.
    stage.put_agents(&at([(0.1, 0.0), (-0.1, 0.0), (0.85, 0.95), (0.0, 0.0), (0.95, 0.95)]));
    stage.lane.step();
    assert_eq!([0, 1, 2].map(|agent| stage.term(0, agent, "catches")), [30.0; 3]);
    assert_eq!([0, 1].map(|agent| stage.term(1, agent, "caught")), [-20.0, -10.0]);
    assert_eq!(stage.term(1, 0, "bounds"), 0.0);
    assert!((stage.term(1, 1, "bounds") + 1.0).abs() < 1e-5, "half a point on each axis");
    assert_eq!(stage.metric("catches"), 3.0);
    assert!((stage.metric("adversary_distance") - 0.1).abs() < 1e-6);
    // Adversaries touch each other, and good agents do, without anybody being paid.
    stage.put_agents(&at([(0.5, 0.0), (0.55, 0.0), (0.6, 0.0), (-0.5, 0.0), (-0.55, 0.0)]));
    stage.put_velocities(&[Vec2::ZERO; 5]);
    stage.lane.step();
    assert!(stage.lane.ports().groups.iter().all(|group| group.rewards.iter().all(|reward| *reward == 0.0)));
}

#[test]
fn fines_grow_from_the_bounds_on() {
    for (x_m, expected) in [(0.0, 0.0), (0.89, 0.0), (0.95, 0.5), (1.0, 1.0), (1.5, std::f32::consts::E), (3.0, 10.0)] {
        for x_m in [x_m, -x_m] {
            assert!((fine(x_m) - expected).abs() < 1e-5, "{x_m}: {}", fine(x_m));
        }
    }
}
