//! Scripted agents: what they may do, what they look at, and which is better than which.

use super::*;
use crate::{
    domains::particles::baselines,
    sim::{Baseline, EVALUATION_ENVS, Policy},
};

fn baseline(params: &ParticlesParams, name: &str) -> Box<dyn Policy> {
    baselines::all(params.task).into_iter().find(|baseline| baseline.name == name).unwrap().policy
}

/// Mean returns of both groups over the first episodes of some envs, each group played by a baseline.
fn returns(params: &ParticlesParams, names: &[&str]) -> [f32; 2] {
    const EPISODES: u64 = 200;
    let mut lane = Lane::new(params, 25, Seeds::new(1), EVALUATION_ENVS..EVALUATION_ENVS + EPISODES);
    let mut policies: Vec<_> = names.iter().map(|name| baseline(params, name)).collect();
    let mut sums = [0.0; 2];
    for _ in 0..25 {
        for (group, policy) in policies.iter_mut().enumerate() {
            lane.act(&mut **policy, group).unwrap();
        }
        lane.step();
        for (sum, group) in sums.iter_mut().zip(&lane.ports().groups) {
            *sum += group.rewards.iter().sum::<f32>() / group.rewards.len() as f32;
        }
    }
    sums
}

fn vmas() -> ParticlesParams {
    ParticlesParams {
        physics: Physics::Vmas,
        actions: Actions::Force,
        observation: ObservationLayout::Vmas,
        reward: RewardMode::Shared,
        ..spread()
    }
}

#[test]
fn better_baselines_cover_landmarks_better() {
    for params in [spread(), ParticlesParams { actions: Actions::Continuous, ..spread() }, vmas()] {
        let names = ["random", "nearest", "assign", "planner"];
        let found = names.map(|name| returns(&params, &[name])[0]);
        let [random, nearest, assign, planner] = found;
        assert!(planner > assign && assign > nearest && nearest > random, "{names:?}: {found:?}");
        assert!(assign > 0.6 * random, "{names:?}: {found:?}");
    }
}

#[test]
fn better_adversaries_catch_more_and_better_prey_is_caught_less() {
    let caught =
        ["random", "flee"].map(|prey| ["random", "chase", "intercept"].map(|name| returns(&tag(), &[name, prey])));
    let [by_chance, fleeing] = caught.map(|row| row.map(|[adversaries, _]| adversaries));
    assert!(by_chance[2] > by_chance[1] && by_chance[1] > 10.0 * by_chance[0], "prey at random: {by_chance:?}");
    assert!(fleeing[2] > 5.0 * fleeing[1], "prey that flees: {fleeing:?}");
    for (by_chance, fleeing) in caught[0].iter().zip(&caught[1]) {
        assert!(fleeing[0] < 0.5 * by_chance[0] && fleeing[1] > by_chance[1], "{by_chance:?}, fleeing {fleeing:?}");
    }
}

/// Rules that are not privileged see what layout `mpe2` shows: of others in `spread`, and of adversaries, no velocities.
#[test]
fn rules_see_no_more_than_they_may() {
    for params in [spread(), tag()] {
        let (hunters, all) = (params.num_hunters(), params.num_movers());
        let mut stage = Stage::new(&params);
        for Baseline { name, mut policy, .. } in baselines::all(params.task).into_iter().filter(|rule| !rule.privileged)
        {
            let group = usize::from(name == "flee");
            let members = if group == 1 {
                hunters..all
            } else if hunters > 0 {
                0..hunters
            } else {
                0..all
            };
            for agent in members.clone() {
                let mut order = |others: f32| {
                    let velocity = |i: usize| {
                        if i == agent || (hunters > 0 && i >= hunters) { Vec2::X } else { Vec2::splat(others) }
                    };
                    stage.put_velocities(&(0..all).map(velocity).collect::<Vec<_>>());
                    stage.lane.act(&mut *policy, group).unwrap();
                    stage.lane.ports().groups[group].actions[agent - members.start]
                };
                assert_eq!(order(0.0), order(0.9), "{name}, agent {agent}");
            }
        }
    }
}
