//! How drones and jammers move.

use super::*;

const TICKS: usize = 400;

fn moving(motion: Motion) -> JammingParams {
    JammingParams { motion, ..still(12, 2) }
}

#[track_caller]
fn assert_inside(params: &JammingParams, places: &[Vec2]) {
    let side = 0.0..=params.arena_m as f32;
    assert!(places.iter().all(|p| side.contains(&p.x) && side.contains(&p.y)), "{places:?}");
}

/// Where a mirror at 0 and at `side` puts a straight flight that has come to `x`.
fn folded(x: f64, side: f64) -> f64 {
    let phase = x.rem_euclid(2.0 * side);
    phase.min(2.0 * side - phase)
}

#[test]
fn a_random_walk_keeps_its_speed_and_stays_inside() {
    let params = moving(Motion::RandomWalk);
    let mut stage = Stage::new(&params);
    let (mut last, mut has_turned) = (stage.drone_velocities(), false);
    for _ in 0..TICKS {
        stage.hover(Band::Mhz433);
        assert_inside(&params, &stage.drones());
        let now = stage.drone_velocities();
        for (before, after) in last.iter().zip(&now) {
            assert!((after.length() - 2.0).abs() < 1e-5, "a speed of {} m/s", after.length());
            has_turned |= before.angle_to(*after).abs() > 0.01;
        }
        last = now;
    }
    assert!(has_turned, "a walk without a turn is not random");
}

#[test]
fn a_walk_is_reflected_at_the_border_like_light_at_a_mirror() {
    let params = JammingParams { walk_noise_mps: 0.0, ..moving(Motion::RandomWalk) };
    let mut stage = Stage::new(&params);
    let (starts, headings) = (stage.drones(), stage.drone_velocities());
    for tick in 1..=TICKS {
        stage.hover(Band::Mhz433);
        for ((start, heading), now) in starts.iter().zip(&headings).zip(stage.drones()) {
            let flown = |x: f32, v: f32| folded(f64::from(x) + f64::from(v) * 0.5 * tick as f64, params.arena_m);
            let expected = (flown(start.x, heading.x), flown(start.y, heading.y));
            let off = (f64::from(now.x) - expected.0).abs().max((f64::from(now.y) - expected.1).abs());
            assert!(off < 0.02, "tick {tick}: at {now}, not at {expected:?}");
        }
    }
}

/// Without noise a drone flies a circle of radius v/w; on the torus it can be followed without wrapping.
#[test]
fn a_coordinated_turn_is_a_circle_on_a_torus() {
    let params = JammingParams { turn_noise_radps: 0.0, ..moving(Motion::CoordinatedTurn) };
    let mut stage = Stage::new(&params);
    let side = params.arena_m;
    let (starts, headings, rates) = (stage.drones(), stage.drone_velocities(), stage.turn_rates());
    let mut has_wrapped = false;
    let mut last = starts.clone();
    for tick in 1..=TICKS {
        stage.hover(Band::Mhz433);
        let now = stage.drones();
        assert_inside(&params, &now);
        has_wrapped |= now.iter().zip(&last).any(|(a, b)| a.distance(*b) > 50.0);
        for (i, place) in now.iter().enumerate() {
            let (x0, v0, w) = (starts[i], headings[i], f64::from(rates[i]));
            let angle = w * 0.5 * tick as f64;
            let (sin, cos) = (libm::sin(angle), libm::cos(angle));
            let (vx, vy) = (f64::from(v0.x), f64::from(v0.y));
            let expected = [
                f64::from(x0.x) + (sin * vx - (1.0 - cos) * vy) / w,
                f64::from(x0.y) + ((1.0 - cos) * vx + sin * vy) / w,
            ];
            for (found, expected) in place.to_array().into_iter().zip(expected) {
                let off = (f64::from(found) - expected).rem_euclid(side);
                assert!(off.min(side - off) < 0.02, "tick {tick}, drone {i}: at {place}, not at {expected:?}");
            }
        }
        last = now;
    }
    assert!(has_wrapped, "no drone has left the arena, wrapping is not tested");
    assert_eq!(stage.turn_rates(), rates, "without noise the rate stays");
}

#[test]
fn a_turn_without_a_rate_is_a_straight_line() {
    let params = JammingParams { turn_noise_radps: 0.0, max_turn_radps: 0.0, ..moving(Motion::CoordinatedTurn) };
    let mut stage = Stage::new(&params);
    stage.put_drones(&[(50.0, 50.0); 12]);
    let headings = stage.drone_velocities();
    (0..4).for_each(|_| stage.hover(Band::Mhz433));
    for (place, heading) in stage.drones().iter().zip(headings) {
        assert!(place.distance(Vec2::splat(50.0) + heading * 2.0) < 1e-4);
    }
}

#[test]
fn turn_rates_stay_within_their_limit_and_speeds_do_not_drift() {
    let params = JammingParams { turn_noise_radps: 0.3, ..moving(Motion::CoordinatedTurn) };
    let mut stage = Stage::new(&params);
    let mut largest = 0.0_f32;
    for _ in 0..TICKS {
        stage.hover(Band::Mhz433);
        largest = stage.turn_rates().iter().fold(largest, |largest, rate| largest.max(rate.abs()));
        assert!(stage.drone_velocities().iter().all(|v| (v.length() - 2.0).abs() < 1e-3));
    }
    assert_eq!(largest, 0.5, "the limit is reached and kept");
}

#[test]
fn a_formation_keeps_its_shape_and_turns_back_as_a_whole() {
    for placement in
        [crate::domains::jamming::scenario::Placement::Vee, crate::domains::jamming::scenario::Placement::Grid]
    {
        let params = JammingParams { placement, enemy_speed_mps: 5.0, ..moving(Motion::Formation) };
        let mut stage = Stage::new(&params);
        let shape = |places: &[Vec2]| places.iter().map(|place| *place - places[0]).collect::<Vec<_>>();
        let (first, mut turns) = (shape(&stage.drones()), 0);
        let mut last = stage.drone_velocities()[0];
        for _ in 0..TICKS {
            stage.hover(Band::Mhz433);
            assert_inside(&params, &stage.drones());
            for (before, now) in first.iter().zip(shape(&stage.drones())) {
                assert!(before.distance(now) < 0.02, "{placement:?} has lost its shape: {before} became {now}");
            }
            let velocities = stage.drone_velocities();
            assert!(velocities.iter().all(|v| *v == velocities[0]), "one velocity for all");
            assert!((velocities[0].length() - 5.0).abs() < 1e-4);
            turns += usize::from(velocities[0] != last);
            last = velocities[0];
        }
        assert!(turns > 2, "{placement:?} has not met the border");
    }
}

#[test]
fn a_static_swarm_hovers() {
    let mut stage = Stage::new(&moving(Motion::Static));
    let before = stage.drones();
    (0..TICKS).for_each(|_| stage.hover(Band::Ghz2_4));
    assert_eq!(stage.drones(), before);
    assert!(stage.drone_velocities().iter().all(|v| *v == Vec2::ZERO));
}

#[test]
fn jammers_fly_at_most_their_top_speed_per_axis() {
    let mut stage = Stage::new(&still(3, 4));
    stage.put_jammers(&[(50.0, 50.0); 4]);
    stage.order(&[
        (Vec2::new(100.0, -100.0), 0),
        (Vec2::new(3.0, -1.0), 1),
        (Vec2::new(f32::NAN, 1.0), 2),
        (Vec2::new(0.0, f32::INFINITY), 3),
    ]);
    let (places, velocities) = (stage.jammers(), stage.velocities());
    assert_eq!(velocities[..2], [Vec2::new(5.0, -5.0), Vec2::new(3.0, -1.0)]);
    assert_eq!(places[..2], [Vec2::new(52.5, 47.5), Vec2::new(51.5, 49.5)]);
    assert_eq!(velocities[2..], [Vec2::ZERO; 2], "what is not a number is no order");
    assert_eq!(stage.bands(), [0, 1, 2, 3], "bands are set at once");
}

#[test]
fn jammers_stay_in_the_arena() {
    let params = still(3, 2);
    let mut stage = Stage::new(&params);
    stage.put_jammers(&[(1.0, 99.0), (99.0, 1.0)]);
    (0..3).for_each(|_| stage.order(&[(Vec2::new(-5.0, 5.0), 0), (Vec2::new(5.0, -5.0), 0)]));
    assert_eq!(stage.jammers(), [Vec2::new(0.0, 100.0), Vec2::new(100.0, 0.0)]);
}

#[test]
fn an_ordered_band_is_cut_to_one_that_exists() {
    let mut stage = Stage::new(&still(3, 5));
    for (slot, band) in [2.9, -1.0, 99.0, f32::NAN, f32::INFINITY].into_iter().enumerate() {
        stage.lane.ports_mut().groups[0].actions[3 * slot + 2] = band;
    }
    stage.lane.step();
    assert_eq!(stage.bands(), [2, 0, 3, 0, 3]);
}

#[test]
fn drones_do_not_care_what_jammers_do() {
    for &motion in Motion::ALL {
        let params = moving(motion);
        let (mut one, mut other) = (Stage::new(&params), Stage::new(&params));
        for _ in 0..30 {
            one.hover(Band::Ghz2_4);
            other.order(&[(Vec2::ONE, 1), (-Vec2::ONE, 3)]);
            assert_eq!(one.drones(), other.drones(), "{motion:?}: no response was configured");
        }
    }
}
