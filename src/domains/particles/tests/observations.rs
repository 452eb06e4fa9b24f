//! What agents see, against the state by name.

use super::*;
use crate::sim::Domain;

/// Calls `check` after some ticks in which everybody does something else.
fn watch(params: &ParticlesParams, mut check: impl FnMut(&mut Stage)) {
    let mut stage = Stage::new(params);
    for tick in 0..6 {
        check(&mut stage);
        for port in &mut stage.lane.ports_mut().groups {
            port.actions.iter_mut().enumerate().for_each(|(row, action)| *action = ((row + tick) % 5) as f32);
        }
        stage.lane.step();
    }
}

#[track_caller]
fn assert_sees(stage: &Stage, (group, agent): (usize, usize), name: &str, expected: Vec2) {
    let found = ["x", "y"].map(|axis| stage.seen(group, agent, &format!("{name}{axis}")));
    assert_eq!(Vec2::from(found), expected, "{name} of agent {agent} of group {group}");
}

#[test]
fn agents_of_spread_see_themselves_landmarks_and_each_other() {
    for observation in [ObservationLayout::Mpe2, ObservationLayout::Vmas] {
        for (num_agents, num_landmarks) in [(3, 3), (5, 2), (1, 4)] {
            watch(&ParticlesParams { num_agents, num_landmarks, observation, ..spread() }, |stage| {
                let (agents, velocities, landmarks) = (stage.agents(), stage.velocities(), stage.landmarks());
                for (agent, own) in agents.iter().enumerate() {
                    assert_sees(stage, (0, agent), "", *own);
                    assert_sees(stage, (0, agent), "v", velocities[agent]);
                    for (i, landmark) in landmarks.iter().enumerate() {
                        assert_sees(stage, (0, agent), &format!("landmark{i}_d"), landmark - own);
                    }
                    let others = agents.iter().enumerate().filter(|(other, _)| *other != agent);
                    for (i, (_, other)) in others.enumerate() {
                        assert_sees(stage, (0, agent), &format!("agent{i}_d"), other - own);
                    }
                }
            });
        }
    }
}

#[test]
fn everybody_in_tag_sees_obstacles_others_and_how_good_agents_move() {
    for (num_adversaries, num_good, num_obstacles) in [(3, 1, 2), (2, 3, 0), (1, 2, 3)] {
        watch(&ParticlesParams { num_adversaries, num_good, num_obstacles, ..tag() }, |stage| {
            let (agents, velocities, obstacles) = (stage.agents(), stage.velocities(), stage.landmarks());
            for (row, own) in agents.iter().enumerate() {
                let who = if row < num_adversaries { (0, row) } else { (1, row - num_adversaries) };
                assert_sees(stage, who, "", *own);
                assert_sees(stage, who, "v", velocities[row]);
                for (i, obstacle) in obstacles.iter().enumerate() {
                    assert_sees(stage, who, &format!("landmark{i}_d"), obstacle - own);
                }
                let others = |range: std::ops::Range<usize>| range.filter(|other| *other != row).enumerate();
                for (i, other) in others(0..num_adversaries) {
                    assert_sees(stage, who, &format!("adversary{i}_d"), agents[other] - own);
                }
                for (i, other) in others(num_adversaries..agents.len()) {
                    assert_sees(stage, who, &format!("good{i}_d"), agents[other] - own);
                    assert_sees(stage, who, &format!("good{i}_v"), velocities[other]);
                }
            }
        });
    }
}

#[test]
fn widths_are_those_of_the_peers() {
    let widths = |params: &ParticlesParams| -> Vec<usize> {
        params.spec(25).groups.iter().map(|group| group.observation.len()).collect()
    };
    assert_eq!(widths(&spread()), [18]);
    assert_eq!(widths(&ParticlesParams { observation: ObservationLayout::Vmas, ..spread() }), [14]);
    assert_eq!(widths(&tag()), [16, 14]);
    assert_eq!(widths(&ParticlesParams { observation: ObservationLayout::Vmas, ..tag() }), [16, 14]);
}

/// All agents, on top of each other, fly the same way for a whole episode.
#[test]
fn nobody_gets_beyond_the_declared_bounds() {
    const TICKS: u32 = 25;
    for params in [spread(), ParticlesParams { num_agents: 6, ..spread() }, tag()] {
        let fields: Vec<_> = params.spec(TICKS).groups.into_iter().map(|group| group.observation).collect();
        for way in 1..5 {
            let mut stage = Stage::sized(&params, TICKS, 1);
            let places: Vec<Vec2> = (0..params.num_movers()).map(|i| Vec2::splat(1.0 - 1e-3 * i as f32)).collect();
            stage.put_agents(&places);
            for tick in 0..TICKS {
                // One of them turns back halfway and runs into the others.
                for port in &mut stage.lane.ports_mut().groups {
                    port.actions.fill(way as f32);
                    port.actions[0] = if tick > 3 { (5 - way) as f32 } else { way as f32 };
                }
                stage.lane.step();
                for (fields, port) in fields.iter().zip(&stage.lane.ports().groups) {
                    for (field, number) in fields.iter().cycle().zip(&port.observations) {
                        assert!(field.bounds.contains(number), "{} is {number}, not in {:?}", field.name, field.bounds);
                    }
                }
            }
        }
    }
}
