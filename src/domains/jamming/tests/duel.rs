//! The swarm as a group of agents.

use super::*;
use crate::{
    domains::jamming::scenario::SwarmControl,
    policy::cast::Casting,
    sim::{Domain, GroupPort},
};

fn duel(num_enemies: usize, num_jammers: usize) -> JammingParams {
    JammingParams { swarm: SwarmControl::Agents, enemy_bands: Band::ALL.to_vec(), ..still(num_enemies, num_jammers) }
}

fn swarm_port(stage: &Stage) -> &GroupPort {
    &stage.lane.ports().groups[1]
}

/// A tick in which drones fly and vote as ordered, and jammers hover on `band`.
fn fly(stage: &mut Stage, orders: &[(Vec2, u8)], band: Band) {
    let actions: Vec<f32> = orders.iter().flat_map(|(v, band)| [v.x, v.y, f32::from(*band)]).collect();
    stage.lane.ports_mut().groups[1].actions.copy_from_slice(&actions);
    stage.hover(band);
}

/// What a drone sees under this name.
fn heard(stage: &Stage, drone: usize, name: &str) -> f32 {
    let fields = &stage.lane.spec().groups[1].observation;
    let at = fields.iter().position(|field| field.name == name).unwrap_or_else(|| panic!("no field `{name}`"));
    swarm_port(stage).observations[drone * fields.len() + at]
}

#[test]
fn the_essay_tells_how_wide_the_observation_is() {
    let spec = duel(4, 1).spec(10);
    let row = format!("//! | `radio` | {} |", spec.groups[1].observation.len());
    assert!(include_str!("../swarm/mod.rs").contains(&row), "{row}");
}

#[test]
fn drones_fly_as_ordered_within_their_speed_and_are_reflected() {
    let mut stage = Stage::new(&duel(3, 1));
    stage.put_drones(&[(50.0, 50.0), (20.0, 20.0), (99.9, 50.0)]);
    let orders = [Vec2::new(1.0, -1.0), Vec2::new(f32::NAN, 1.0), Vec2::new(50.0, 0.0)].map(|v| (v, 0));
    fly(&mut stage, &orders, Band::Mhz433);
    let (dt, top) = (stage.params.dt_s as f32, stage.params.enemy_speed_mps as f32);
    let expected = [Vec2::new(50.0 + dt, 50.0 - dt), Vec2::new(20.0, 20.0), Vec2::new(200.0 - 99.9 - top * dt, 50.0)];
    for (found, expected) in stage.drones().iter().zip(expected) {
        assert!(found.distance(expected) < 1e-4, "{found}, not {expected}");
    }
    assert_eq!(stage.drone_velocities()[2], Vec2::new(-top, 0.0), "reflected");
}

#[test]
fn the_swarm_hops_where_more_than_half_vote_and_pays_for_it() {
    let mut stage = Stage::new(&duel(4, 1));
    stage.put_band(Band::Mhz433);
    let vote = |bands: [u8; 4]| bands.map(|band| (Vec2::ZERO, band));
    fly(&mut stage, &vote([3, 3, 0, 0]), Band::Mhz915);
    assert_eq!(stage.swarm().band, 0, "half of them are not enough");
    let hop = |stage: &Stage| swarm_port(stage).terms[2];
    assert_eq!(hop(&stage), 0.0);
    fly(&mut stage, &vote([3, 3, 3, 0]), Band::Mhz915);
    assert_eq!(stage.swarm().band, 3);
    assert_eq!(hop(&stage), -stage.params.w_swarm_hop as f32);
    fly(&mut stage, &vote([3; 4]), Band::Mhz915);
    assert_eq!(hop(&stage), 0.0, "who stays pays nothing");
}

#[test]
fn bands_without_a_radio_are_forbidden_and_never_hopped_to() {
    let mut stage = Stage::new(&JammingParams { enemy_bands: vec![Band::Mhz433, Band::Ghz2_4], ..duel(3, 1) });
    assert!(stage.lane.spec().groups[1].is_masked);
    assert!(swarm_port(&stage).masks.chunks(4).all(|mask| mask == [true, false, true, false]));
    let before = stage.swarm().band;
    fly(&mut stage, &[(Vec2::ZERO, 1); 3], Band::Mhz915);
    assert_eq!(stage.swarm().band, before);
    assert!(swarm_port(&Stage::new(&duel(3, 1))).masks.is_empty(), "where nothing is forbidden nothing is told");
}

#[test]
fn a_drone_hears_those_it_is_linked_to_and_how_loud_each_band_is() {
    let mut stage = Stage::new(&duel(3, 1));
    stage.put_band(Band::Ghz2_4);
    stage.put_jammers(&[(95.0, 95.0)]);
    // A link carries 86 m: the third is out of the first one's hearing.
    stage.put_drones(&[(0.0, 0.0), (30.0, 40.0), (0.0, 99.0)]);
    fly(&mut stage, &[(Vec2::ZERO, 2); 3], Band::Ghz5_8);
    assert_eq!((heard(&stage, 0, "drone0_dx"), heard(&stage, 0, "drone0_dy")), (0.3, 0.4));
    assert_eq!((heard(&stage, 0, "drone0_exists"), heard(&stage, 0, "drone1_exists")), (1.0, 0.0));
    assert_eq!(heard(&stage, 1, "drone1_exists"), 1.0);
    assert_eq!((heard(&stage, 0, "is_alone"), heard(&stage, 0, "links")), (0.0, 1.0 / 9.0));
    assert_eq!(heard(&stage, 0, "band_is_2.4 GHz"), 1.0);
    assert!(heard(&stage, 1, "power_at_5.8 GHz") > heard(&stage, 0, "power_at_5.8 GHz"), "it is nearer");
    assert_eq!(heard(&stage, 0, "power_at_433 MHz"), 0.0, "nobody is on that band");
}

#[test]
fn drones_are_paid_for_connectivity_and_spacing() {
    let mut stage = Stage::new(&duel(3, 1));
    stage.put_band(Band::Ghz2_4);
    stage.put_jammers(&[(95.0, 95.0)]);
    stage.put_drones(&[(10.0, 10.0), (30.0, 10.0), (10.0, 45.0)]);
    fly(&mut stage, &[(Vec2::ZERO, 2); 3], Band::Mhz433);
    let left = 1.0 - stage.metric("reduction") / 100.0;
    // 20 m apart is the spacing; the third is 35 m from the nearest other.
    for (terms, deviation) in swarm_port(&stage).terms.chunks(3).zip([0.0, 0.0, 0.75]) {
        assert!((f64::from(terms[0]) - stage.params.w_swarm_lambda2 * left).abs() < 1e-6, "{terms:?}");
        assert!((terms[1] + stage.params.w_swarm_formation as f32 * deviation).abs() < 1e-6, "{terms:?}");
    }
    assert_eq!(swarm_port(&stage).rewards[2], swarm_port(&stage).terms[6..9].iter().sum::<f32>());
}

/// Mean reduction of lambda-2 over some episodes under a cast.
fn reduction(cast: &str) -> f64 {
    let params = duel(10, 4);
    let casting = Casting::new(&params, "duel", params.spec(60));
    let mut cast = casting.cast(cast).unwrap();
    let mut lane = Lane::new(&params, 60, Seeds::new(5), 0..24);
    (0..60).for_each(|_| {
        cast.act(&mut lane).unwrap();
        lane.step();
    });
    let finished = &lane.ports().finished;
    finished.iter().map(|record| record.metrics[0]).sum::<f64>() / finished.len() as f64
}

/// A swarm of agents that does what a scripted one does comes to what that comes to.
#[test]
fn a_static_swarm_of_agents_is_a_static_swarm() {
    let scripted = JammingParams { swarm: SwarmControl::Scripted, ..duel(6, 2) };
    let mut stages = [Stage::new(&duel(6, 2)), Stage::new(&scripted)];
    let band = f32::from(stages[0].swarm().band);
    for _ in 0..10 {
        let orders = [0.0, 0.0, band].repeat(6);
        stages[0].lane.ports_mut().groups[1].actions.copy_from_slice(&orders);
        stages.iter_mut().for_each(|stage| stage.hover(Band::Ghz2_4));
    }
    let [agents, scripted] = stages;
    assert_eq!(agents.lane.ports().metrics, scripted.lane.ports().metrics);
    assert_eq!(agents.lane.ports().groups[0].observations, scripted.lane.ports().groups[0].observations);
}

#[test]
fn hopping_helps_against_who_holds_a_band_and_gathering_against_nobody_who_follows() {
    let (walk, hop) = (reduction("jammers=hold+enemies=random_walk"), reduction("jammers=hold+enemies=hop"));
    assert!(hop < 0.8 * walk, "against jammers who stay on one band: {walk} and, hopping, {hop}");
    let (spread, gather) = (reduction("jammers=follow+enemies=spread"), reduction("jammers=follow+enemies=gather"));
    assert!(spread != gather, "{spread} and {gather}");
}

/// Who follows is always one tick late against a swarm that hops each tick, and on one of three bands
/// every third time if that is left to chance.
#[test]
fn who_follows_meets_a_cycling_swarm_never_and_chance_every_third_time() {
    let params = duel(6, 2);
    let casting = Casting::new(&params, "duel", params.spec(50));
    let met = |swarm: &str| {
        let mut cast = casting.cast(&format!("jammers=greedy+enemies={swarm}")).unwrap();
        let mut lane = Lane::new(&params, 50, Seeds::new(5), 0..40);
        let (mut met, mut hops) = (0.0, 0.0);
        let place = lane.spec().metrics.iter().position(|metric| metric.name == "band_match").unwrap();
        for _ in 0..40 {
            cast.act(&mut lane).unwrap();
            lane.step();
            let ports = lane.ports();
            met += ports.metrics.iter().skip(place).step_by(lane.spec().metrics.len()).sum::<f64>() / 1600.0;
            hops -= ports.groups[1].terms.chunks(18).map(|terms| f64::from(terms[2])).sum::<f64>() / 1600.0;
        }
        (met, hops / params.w_swarm_hop)
    };
    let (cycling, hops) = met("cycle");
    assert!(cycling == 0.0 && (hops - 1.0).abs() < 1e-9, "{cycling}, {hops}");
    let (met, hops) = met("fhss");
    assert!((met - 1.0 / 3.0).abs() < 0.04 && (hops - 2.0 / 3.0).abs() < 0.04, "{met}, {hops}");
}

#[test]
fn drones_that_keep_their_spacing_deviate_less_than_those_that_hover() {
    let params = duel(6, 1);
    let casting = Casting::new(&params, "duel", params.spec(100));
    let formation = |swarm: &str| {
        let mut cast = casting.cast(&format!("jammers=hold+enemies={swarm}")).unwrap();
        let mut lane = Lane::new(&params, 100, Seeds::new(5), 0..20);
        (0..100).for_each(|_| {
            cast.act(&mut lane).unwrap();
            lane.step();
        });
        lane.ports().finished.iter().map(|record| record.groups[1].terms[1]).sum::<f64>()
    };
    let (cycle, hover) = (formation("cycle"), formation("static"));
    assert!(cycle > 0.5 * hover, "both are negative: {cycle} and {hover}");
}

#[test]
fn rules_stay_within_the_action_space_and_leave_no_trace() {
    let params = duel(5, 2);
    let spec = params.spec(50);
    let top = *spec.groups[1].action.continuous[0].bounds.end();
    for baseline in params.baselines().into_iter().filter(|baseline| baseline.group == "enemies") {
        let mut lanes = [Lane::new(&params, 50, Seeds::new(2), 0..3), Lane::new(&params, 50, Seeds::new(2), 0..3)];
        let mut policies = [baseline.policy.fork(), baseline.policy.fork()];
        for tick in 0..30 {
            for (lane, policy) in lanes.iter_mut().zip(&mut policies) {
                lane.act(&mut **policy, 1).unwrap();
                lane.step();
            }
            // A fork in the middle goes on as the policy that it was taken of.
            if tick == 15 {
                policies[1] = policies[0].fork();
            }
        }
        let port = &lanes[0].ports().groups[1];
        for action in port.actions.chunks(3) {
            let is_within =
                action[0].abs() <= top && action[1].abs() <= top && [0.0, 1.0, 2.0, 3.0].contains(&action[2]);
            assert!(is_within, "{}: {action:?}", baseline.name);
        }
        assert_eq!(port.actions, lanes[1].ports().groups[1].actions, "{}", baseline.name);
    }
}
