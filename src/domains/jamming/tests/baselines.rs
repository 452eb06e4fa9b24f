//! Scripted jammers: what they may do, what they remember, and which is better than which.

use super::*;
use crate::{
    domains::jamming::{baselines, scenario::JamModel},
    sim::{EVALUATION_ENVS, EpisodeRecord, Policy},
};

/// Skirmish: four against ten in 100 m.
fn skirmish() -> JammingParams {
    JammingParams { w_band: 0.1, w_proximity: 0.0, w_energy: 0.0, w_overlap: 0.0, ..JammingParams::default() }
}

fn baseline(name: &str) -> Box<dyn Policy> {
    baselines::all().into_iter().find(|baseline| baseline.name == name).unwrap().policy
}

fn evaluation(params: &JammingParams, max_steps: u32, episodes: u64) -> Lane {
    Lane::new(params, max_steps, Seeds::new(1), EVALUATION_ENVS..EVALUATION_ENVS + episodes)
}

/// The first episodes of these envs.
fn play(params: &JammingParams, policy: &mut dyn Policy, max_steps: u32, episodes: u64) -> Vec<EpisodeRecord> {
    let mut lane = evaluation(params, max_steps, episodes);
    for _ in 0..max_steps {
        lane.act(policy, 0).unwrap();
        lane.step();
    }
    lane.ports().finished.clone()
}

/// Mean over episodes of a metric.
fn mean(records: &[EpisodeRecord], name: &str) -> f64 {
    let at = METRICS.iter().position(|metric| metric.name == name).unwrap();
    records.iter().map(|record| record.metrics[at]).sum::<f64>() / records.len() as f64
}

#[test]
fn better_baselines_reduce_more() {
    let params = skirmish();
    let names = ["random", "hold", "greedy", "planner"];
    let reductions = names.map(|name| mean(&play(&params, &mut *baseline(name), 120, 16), "reduction"));
    let [random, hold, greedy, planner] = reductions;
    assert!(planner >= greedy && greedy >= hold && hold >= random, "{names:?}: {reductions:?} %");
    assert!(planner > random + 10.0, "{names:?}: {reductions:?} %");
}

/// Planned on the model in force, a team does at least as well as jammers that each look one tick ahead.
#[test]
fn a_planner_reduces_more_than_greedy_where_interference_adds_up() {
    let params = JammingParams { jam_model: JamModel::Sinr, jam_power_dbm: -20.0, ..skirmish() };
    let [greedy, planner] =
        ["greedy", "planner"].map(|name| mean(&play(&params, &mut *baseline(name), 60, 8), "reduction"));
    assert!(planner > greedy, "planner {planner} %, greedy {greedy} %");
}

/// `hold` has the right band until the swarm hops, `follow` always.
#[test]
fn only_those_that_follow_stay_on_a_hopping_band() {
    use crate::domains::jamming::scenario::{Reference, Response};
    let params = JammingParams {
        response: Response::Hop,
        response_reduction: 0.2,
        response_ticks: 2,
        reference: Reference::Unjammed,
        ..skirmish()
    };
    let band_match = |name| mean(&play(&params, &mut *baseline(name), 100, 8), "band_match");
    assert!(band_match("hold") < 0.95, "{}", band_match("hold"));
    // In the tick of a hop nobody can know.
    assert!(band_match("follow") > band_match("hold"));
    let calm = JammingParams { response: Response::None, ..params };
    for name in ["hold", "follow", "nearest", "greedy", "planner"] {
        assert_eq!(mean(&play(&calm, &mut *baseline(name), 10, 4), "band_match"), 1.0, "{name}");
    }
    let random = mean(&play(&calm, &mut *baseline("random"), 200, 8), "band_match");
    assert!((random - 0.25).abs() < 0.03, "random bands match in {random} of all cases");
}

#[test]
fn actions_of_baselines_lie_in_the_action_space() {
    for params in [skirmish(), JammingParams { num_jammers: 1, num_enemies: 2, arena_m: 20.0, ..skirmish() }] {
        for mut baseline in baselines::all() {
            let mut lane = evaluation(&params, 30, 3);
            let space = lane.spec().groups[0].action.clone();
            for _ in 0..40 {
                lane.ports_mut().groups[0].actions.fill(f32::NAN);
                lane.act(&mut *baseline.policy, 0).unwrap();
                for action in lane.ports().groups[0].actions.chunks_exact(space.width()) {
                    for (number, field) in action.iter().zip(&space.continuous) {
                        assert!(field.bounds.contains(number), "{}: {} = {number}", baseline.name, field.name);
                    }
                    let band = action[2];
                    assert!(band.fract() == 0.0 && (0.0..4.0).contains(&band), "{}: band {band}", baseline.name);
                }
                lane.step();
            }
        }
    }
}

#[test]
fn a_baseline_moves_as_it_says() {
    let params = skirmish();
    for name in ["hold", "follow"] {
        assert_eq!(mean(&play(&params, &mut *baseline(name), 20, 3), "energy"), 0.0, "{name}");
    }
    // `nearest` gets to its centroid and stays with it.
    let error = |name| mean(&play(&params, &mut *baseline(name), 200, 6), "tracking_error");
    assert!(error("nearest") < 0.6 * error("hold"), "{} and {} m", error("nearest"), error("hold"));
}

/// A fork has no memory, so in a world it has never seen it does what a new one does.
#[test]
fn a_fork_acts_like_a_policy_that_has_seen_nothing() {
    let params = skirmish();
    for mut used in baselines::all() {
        let mut lane = evaluation(&params, 50, 3);
        for _ in 0..20 {
            lane.act(&mut *used.policy, 0).unwrap();
            lane.step();
        }
        let mut acts = |policy: &mut dyn Policy| {
            lane.ports_mut().groups[0].actions.fill(f32::NAN);
            lane.act(policy, 0).unwrap();
            lane.ports().groups[0].actions.clone()
        };
        let expected = acts(&mut *baseline(used.name));
        assert_eq!(acts(&mut *used.policy.fork()), expected, "{}", used.name);
        assert_eq!(acts(&mut *used.policy.fork().fork()), expected, "{}", used.name);
        if used.name != "planner" {
            assert_eq!(acts(&mut *used.policy), expected, "{} has no memory", used.name);
        }
    }
}

/// The best plan of a planner depends on the plan before; on nothing else.
#[test]
fn a_planner_keeps_the_plans_of_envs_apart() {
    let params = skirmish();
    let mut together = evaluation(&params, 25, 3);
    let mut planner = baseline("planner");
    let mut alone: Vec<(Lane, Box<dyn Policy>)> = (0..3)
        .map(|env| EVALUATION_ENVS + env)
        .map(|env| (Lane::new(&params, 25, Seeds::new(1), env..env + 1), baseline("planner")))
        .collect();
    for tick in 0..30 {
        together.act(&mut *planner, 0).unwrap();
        together.step();
        for (slot, (lane, policy)) in alone.iter_mut().enumerate() {
            lane.act(&mut **policy, 0).unwrap();
            lane.step();
            assert_eq!(lane.hash(0), together.hash(slot), "env {slot}, tick {tick}");
        }
    }
}

#[test]
fn greedy_flies_to_a_link_that_it_can_cut() {
    let mut stage = Stage::new(&still(2, 1));
    stage.put_drones(&[(20.0, 50.0), (60.0, 50.0)]);
    // 12 m are the reach at 2.4 GHz; 14 m away, a step of 2.5 m is enough.
    stage.put_jammers(&[(40.0, 64.0)]);
    let mut greedy = baseline("greedy");
    stage.lane.act(&mut *greedy, 0).unwrap();
    stage.lane.step();
    assert_eq!(stage.metric("lambda2"), 0.0);
    assert_eq!(stage.jammers()[0].y, 61.5);
    stage.lane.act(&mut *greedy, 0).unwrap();
    stage.lane.step();
    assert_eq!(stage.jammers()[0].y, 61.5, "a jammer that gains nothing by moving stays");
}
