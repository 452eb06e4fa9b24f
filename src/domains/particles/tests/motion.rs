//! How discs move, by numbers that can be worked out by hand.

use super::*;

#[track_caller]
fn assert_near(found: &[Vec2], expected: &[Vec2]) {
    assert_eq!(found.len(), expected.len());
    let is_near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs().max_element() < 1e-6);
    assert!(is_near, "{found:?}, not {expected:?}");
}

fn alone(physics: Physics, actions: Actions) -> Stage {
    let mut stage = Stage::new(&ParticlesParams { num_agents: 1, physics, actions, ..spread() });
    stage.put_agents(&at([(0.0, 0.0)]));
    stage
}

#[test]
fn mpe2_moves_by_the_old_velocity_and_vmas_by_the_new_one() {
    let mut stage = alone(Physics::Mpe2, Actions::Discrete);
    let mut seen = Vec::new();
    for _ in 0..3 {
        stage.step(&[2.0]);
        seen.push((stage.agents()[0].x, stage.velocities()[0].x));
    }
    // Full thrust of 5 N gives 0.5 m/s a tick, of which a quarter is lost in the next.
    for ((x, v), expected) in seen.iter().zip([(0.0, 0.5), (0.05, 0.875), (0.1375, 1.15625)]) {
        assert!((x - expected.0).abs() < 1e-6 && (v - expected.1).abs() < 1e-6, "{x} {v}, not {expected:?}");
    }
    let mut stage = alone(Physics::Vmas, Actions::Force);
    stage.step(&[1.0, 0.0]);
    assert_near(&[stage.agents()[0], stage.velocities()[0]], &at([(0.01, 0.0), (0.1, 0.0)]));
    stage.step(&[0.0, -0.5]);
    assert_near(&[stage.agents()[0], stage.velocities()[0]], &at([(0.0175, -0.005), (0.075, -0.05)]));
}

#[test]
fn every_action_thrusts_where_its_name_says() {
    let pushes = |actions: Actions, orders: &[&[f32]]| -> Vec<Vec2> {
        let push = |order: &&[f32]| {
            let mut stage = alone(Physics::Mpe2, actions);
            stage.step(order);
            stage.velocities()[0] * 2.0
        };
        orders.iter().map(push).collect()
    };
    let ways = at([(0.0, 0.0), (-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)]);
    assert_near(&pushes(Actions::Discrete, &[&[0.0], &[1.0], &[2.0], &[3.0], &[4.0]]), &ways);
    let single: Vec<[f32; 5]> = (0..5).map(|way| std::array::from_fn(|i| if i == way { 1.0 } else { 0.0 })).collect();
    let single: Vec<&[f32]> = single.iter().map(|order| &order[..]).collect();
    assert_near(&pushes(Actions::Continuous, &single), &ways);
    let mixed: [&[f32]; 3] = [&[1.0, 0.25, 0.75, 0.5, 0.5], &[0.0, -1.0, 9.0, f32::NAN, 0.5], &[f32::NAN; 5]];
    assert_near(&pushes(Actions::Continuous, &mixed), &at([(0.5, 0.0), (1.0, 0.5), (0.0, 0.0)]));
    let forces: [&[f32]; 3] = [&[0.5, -0.25], &[7.0, -7.0], &[f32::NAN, 1.0]];
    assert_near(&pushes(Actions::Force, &forces), &at([(0.5, -0.25), (1.0, -1.0), (0.0, 1.0)]));
    // No action at all is worse than none of the five.
    assert_near(&pushes(Actions::Discrete, &[&[f32::NAN], &[-3.0], &[5.0], &[f32::INFINITY]]), &[Vec2::ZERO; 4]);
}

/// Velocities after a tick in which two agents do nothing, at this distance from each other.
fn pushed(physics: Physics, distance_m: f32) -> [Vec2; 2] {
    let mut stage = Stage::new(&ParticlesParams { num_agents: 2, physics, ..spread() });
    stage.put_agents(&at([(0.3, 0.1), (0.3, 0.1 + distance_m)]));
    stage.step(&[0.0, 0.0]);
    stage.velocities().try_into().unwrap()
}

#[test]
fn discs_push_each_other_apart_by_100_newtons_a_metre() {
    for physics in [Physics::Mpe2, Physics::Vmas] {
        for (distance_m, speed) in [(0.2, 1.0), (0.1, 2.0), (0.29, 0.1)] {
            let found = pushed(physics, distance_m);
            assert!(
                (found[1].y - speed).abs() < 1e-3 && found[0] == -found[1],
                "{physics:?}, {distance_m} m: {found:?}"
            );
        }
        assert_eq!(pushed(physics, 0.0), [Vec2::ZERO; 2], "who is at the same place has no direction to push in");
        assert_eq!(pushed(physics, 0.5), [Vec2::ZERO; 2]);
    }
}

/// Half a millimetre from touching, mpe2 still pushes by softplus(-1/2) of a millimetre.
#[test]
fn only_mpe2_pushes_before_discs_touch() {
    let expected = 0.474_077 * 1e-3 * 100.0 * 0.1;
    assert!((pushed(Physics::Mpe2, 0.3005)[1].y - expected).abs() < 1e-5);
    assert_eq!(pushed(Physics::Vmas, 0.3005), [Vec2::ZERO; 2]);
}

#[test]
fn agents_of_tag_have_their_own_thrust_and_top_speed() {
    let mut stage = Stage::new(&ParticlesParams { num_adversaries: 1, num_obstacles: 0, ..tag() });
    stage.put_agents(&at([(-5.0, 0.0), (5.0, 0.0)]));
    let mut top = [0.0_f32; 2];
    for tick in 0..40 {
        for group in &mut stage.lane.ports_mut().groups {
            group.actions.fill(if tick % 2 == 0 { 2.0 } else { 4.0 });
        }
        stage.lane.step();
        let velocities = stage.velocities();
        if tick == 0 {
            assert_near(&velocities, &at([(0.3, 0.0), (0.4, 0.0)]));
        }
        top = [0, 1].map(|agent| top[agent].max(velocities[agent].length()));
    }
    // Thrust along one axis at a time comes to 0.86 and 1.14 m/s; limits need more.
    stage.put_velocities(&at([(3.0, 4.0), (-3.0, 4.0)]));
    stage.lane.step();
    let [adversary, good] = stage.velocities()[..] else { panic!() };
    assert!((adversary.length() - 1.0).abs() < 1e-6 && (good.length() - 1.3).abs() < 1e-6, "{adversary} {good}");
    assert!(top[0] < 1.0 && top[1] < 1.3, "{top:?}");
}

#[test]
fn obstacles_push_and_are_not_pushed() {
    let params = ParticlesParams { num_adversaries: 1, num_obstacles: 1, ..tag() };
    let mut stage = Stage::new(&params);
    stage.put_landmarks(&at([(0.0, 0.0)]));
    // 0.275 m is where an adversary and an obstacle touch.
    stage.put_agents(&at([(0.25, 0.0), (3.0, 3.0)]));
    stage.lane.step();
    assert!((stage.velocities()[0] - Vec2::new(0.25, 0.0)).length() < 1e-3, "{:?}", stage.velocities());
    assert_eq!(stage.landmarks(), at([(0.0, 0.0)]));
    let mut stage = Stage::new(&spread());
    stage.put_landmarks(&at([(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)]));
    stage.put_agents(&at([(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)]));
    stage.lane.step();
    assert_eq!(stage.velocities(), [Vec2::ZERO; 3], "landmarks to cover push nobody");
}

/// Agents of a group are alike: in another order they do the same in that order.
#[test]
fn the_order_of_agents_does_not_matter() {
    let places = at([(0.0, 0.0), (0.2, 0.1), (-0.1, 0.22), (0.05, -0.2)]);
    let run = |order: [usize; 4]| {
        let mut stage = Stage::new(&ParticlesParams { num_agents: 4, ..spread() });
        stage.put_landmarks(&at([(0.1, 0.1), (-0.3, 0.0), (0.9, 0.9)]));
        stage.put_agents(&order.map(|agent| places[agent]));
        for tick in 0..4 {
            stage.step(&order.map(|agent| ((agent + tick) % 5) as f32));
        }
        let (agents, rewards) = (stage.agents(), stage.lane.ports().groups[0].rewards.clone());
        let mut by_agent = [(Vec2::ZERO, 0.0); 4];
        order.iter().enumerate().for_each(|(row, agent)| by_agent[*agent] = (agents[row], rewards[row]));
        by_agent
    };
    let expected = run([0, 1, 2, 3]);
    for order in [[3, 2, 1, 0], [1, 3, 0, 2]] {
        for ((place, reward), (expected_place, expected_reward)) in run(order).iter().zip(&expected) {
            assert!(place.distance(*expected_place) < 1e-4 && (reward - expected_reward).abs() < 1e-4);
        }
    }
}

/// Places and velocities along an axis are the same along the other.
#[test]
fn both_axes_are_alike() {
    let mut stages = [Stage::new(&spread()), Stage::new(&spread())];
    let (agents, landmarks) = (at([(0.0, 0.1), (0.2, 0.0), (-0.5, 0.3)]), at([(0.4, 0.1), (-0.2, 0.3), (0.0, 0.9)]));
    let turned = |places: [Vec2; 3]| places.map(|place| Vec2::new(place.y, place.x));
    stages[0].put_agents(&agents);
    stages[0].put_landmarks(&landmarks);
    stages[1].put_agents(&turned(agents));
    stages[1].put_landmarks(&turned(landmarks));
    for _ in 0..5 {
        stages[0].step(&[1.0, 4.0, 2.0]);
        stages[1].step(&[3.0, 2.0, 4.0]);
    }
    let turned: Vec<Vec2> = stages[1].agents().iter().map(|place| Vec2::new(place.y, place.x)).collect();
    assert_near(&stages[0].agents(), &turned);
    assert_eq!(stages[0].lane.ports().groups[0].rewards, stages[1].lane.ports().groups[0].rewards);
}
