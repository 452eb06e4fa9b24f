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
    let at = Metrics::SPECS.iter().position(|metric| metric.name == name).unwrap();
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

/// Bands are left out at which jammers reach across the arena and everything works.
#[test]
fn rules_that_look_farther_reduce_more_than_greedy() {
    let reduction = |params: &JammingParams, name| mean(&play(params, &mut *baseline(name), 100, 24), "reduction");
    let crowd = JammingParams { num_jammers: 10, num_enemies: 25, arena_m: 158.0, ..on(Band::Ghz2_4) };
    let [greedy, extrapolate] = ["greedy", "extrapolate"].map(|name| reduction(&crowd, name));
    assert!(extrapolate > greedy + 3.0, "crowd: extrapolate {extrapolate} %, greedy {greedy} %");

    let complete = JammingParams {
        num_jammers: 6,
        num_enemies: 30,
        arena_m: 150.0,
        sensitivity_dbm: -90.0,
        jam_threshold_dbm: -35.0,
        ..on(Band::Ghz2_4)
    };
    let names = ["hold", "greedy", "two_horizon", "formation", "extrapolate"];
    let reductions = names.map(|name| reduction(&complete, name));
    let [hold, greedy, rivals @ ..] = reductions;
    assert!(greedy > hold && rivals.iter().all(|rival| *rival > greedy), "{names:?}: {reductions:?} %");
}

/// Skirmish on one band.
fn on(band: Band) -> JammingParams {
    JammingParams { enemy_bands: vec![band], ..skirmish() }
}

/// Whatever moves out of a jammer's sight, as long as layout `local` shows it the same drones, links of each of them and
/// jammers, changes nothing about its orders.
#[test]
fn rules_see_no_more_than_layout_local_shows() {
    // Itself, the bands, eight drones and three jammers; behind them come links.
    const SHOWN: usize = 5 + 8 + 8 * 6 + 3 * 4;
    let (drones, team) = (24, 6);
    let mut stage = Stage::new(&still(drones, team));
    let mut unit = noise(3);
    let mut compared = 0;
    for _ in 0..60 {
        let mut places: Vec<_> = (0..drones + team).map(|_| (100.0 * unit(), 100.0 * unit())).collect();
        let mut ask = |places: &[(f32, f32)]| {
            stage.put_drones(&places[..drones]);
            stage.put_jammers(&places[drones..]);
            let port = &stage.lane.ports().groups[0];
            let shown: Vec<_> = port.observations.chunks_exact(99).map(|row| row[..SHOWN].to_vec()).collect();
            let orders = |mut rule: crate::sim::Baseline| {
                stage.lane.act(&mut *rule.policy, 0).unwrap();
                (rule.name, stage.lane.ports().groups[0].actions.clone())
            };
            let rules = baselines::all().into_iter().filter(|rule| !rule.privileged);
            (shown, rules.map(orders).collect::<Vec<_>>())
        };
        let (shown, orders) = ask(&places);
        let moved = (unit() * (drones + team) as f32) as usize;
        places[moved] = (100.0 * unit(), 100.0 * unit());
        let (shown_after, orders_after) = ask(&places);
        for agent in (0..team).filter(|agent| shown[*agent] == shown_after[*agent]) {
            compared += 1;
            for ((name, before), (_, after)) in orders.iter().zip(&orders_after) {
                assert_eq!(before[3 * agent..][..3], after[3 * agent..][..3], "{name}, jammer {agent}");
            }
        }
    }
    assert!(compared >= 20, "{compared} jammers saw the same as before");
}

/// The same drones in another order are the same swarm.
#[test]
fn rules_do_not_care_in_which_order_drones_are_listed() {
    let mut stage = Stage::new(&still(12, 4));
    let mut unit = noise(5);
    let mut drones: Vec<_> = (0..12).map(|_| (100.0 * unit(), 100.0 * unit())).collect();
    stage.put_jammers(&[(20.0, 30.0), (70.0, 40.0), (50.0, 80.0), (35.0, 60.0)]);
    for name in ["greedy", "formation", "two_horizon", "extrapolate"] {
        let mut orders = |drones: &[(f32, f32)]| {
            stage.put_drones(drones);
            stage.lane.act(&mut *baseline(name), 0).unwrap();
            stage.lane.ports().groups[0].actions.clone()
        };
        let before = orders(&drones);
        drones.rotate_left(5);
        drones.swap(0, 7);
        assert_eq!(orders(&drones), before, "{name}");
    }
}

#[test]
fn places_of_a_formation_lie_apart_and_around_the_middle() {
    for team in 1..=12 {
        let mut stage = Stage::new(&still(2, team));
        let mut formation = baseline("formation");
        for _ in 0..100 {
            stage.lane.act(&mut *formation, 0).unwrap();
            stage.lane.step();
        }
        let places = stage.jammers();
        for (i, place) in places.iter().enumerate() {
            // 12 m are the reach at 2.4 GHz.
            assert!(places[..i].iter().all(|other| other.distance(*place) > 12.0), "{team}: {places:?}");
            assert!((*place - Vec2::splat(50.0)).abs().max_element() <= 25.1, "{team}: {places:?}");
        }
        let middle = places.iter().sum::<Vec2>() / team as f32;
        assert!(middle.distance(Vec2::splat(50.0)) < 12.0, "{team}: {places:?}");
    }
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
    for name in ["hold", "follow", "nearest", "greedy", "formation", "two_horizon", "extrapolate", "planner"] {
        assert_eq!(mean(&play(&calm, &mut *baseline(name), 10, 4), "band_match"), 1.0, "{name}");
    }
    let random = mean(&play(&calm, &mut *baseline("random"), 200, 8), "band_match");
    assert!((random - 0.25).abs() < 0.03, "random bands match in {random} of all cases");
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
