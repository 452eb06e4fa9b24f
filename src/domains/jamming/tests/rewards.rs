//! Rewards against the formula, computed from the state in f64.

use super::*;
use crate::{
    domains::jamming::{
        radio::{LinkBudgets, RadioKernel},
        reward::Terms as Declared,
        scenario::RewardMode,
    },
    math::fiedler::DenseSolver,
};

/// The terms of one jammer, weighted.
type Terms = [f64; Declared::SPECS.len()];

/// What each jammer's own terms are: the shared ones are the same for all.
fn by_definition(stage: &mut Stage) -> Vec<Terms> {
    let params = stage.params.clone();
    let (swarm, bands) = (stage.swarm(), stage.bands());
    let (places, velocities, assignments) = (stage.jammers(), stage.velocities(), stage.assignments());
    let m = places.len();
    let lambda2 = stage.metric("lambda2");
    let reduction = if swarm.lambda2_start > 0.0 { (1.0 - lambda2 / swarm.lambda2_start).clamp(0.0, 1.0) } else { 0.0 };
    let near = 2.0 * LinkBudgets::new(&params).band(swarm.band).jam_range_m;
    let pairs: Vec<(usize, usize)> = (0..m).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
    let overlapping = pairs.iter().filter(|(i, j)| places[*i].distance(places[*j]) < near).count();
    let overlap = if pairs.is_empty() { 0.0 } else { overlapping as f64 / pairs.len() as f64 };
    let drones: Vec<_> = stage.drones().into_iter().map(Position).collect();
    let lambda2_without = |k: usize| {
        let others = (0..m).filter(|other| *other != k && bands[*other] == swarm.band);
        let others: Vec<Vec2> = others.map(|other| places[other]).collect();
        let mut rows = vec![0; drones.len()];
        RadioKernel::default().graph(&LinkBudgets::new(&params), swarm.band, &drones, &others, &mut rows);
        DenseSolver::new().lambda2(drones.len(), &rows)
    };
    let own = |k: usize| {
        let distance = f64::from(places[k].distance(assignments[k].target));
        let speed = f64::from(velocities[k].length()) / params.jammer_speed_mps;
        let contribution =
            if swarm.lambda2_start > 0.0 { (lambda2_without(k) - lambda2) / swarm.lambda2_start } else { 0.0 };
        [
            params.w_lambda2 * reduction,
            if bands[k] == swarm.band { params.w_band } else { 0.0 },
            params.w_proximity * libm::exp(-params.proximity_decay_per_m * distance),
            -params.w_energy * speed * speed,
            -params.w_overlap * overlap,
            params.w_contribution * contribution.clamp(0.0, 1.0),
        ]
    };
    (0..m).map(own).collect()
}

fn mean(rows: &[Terms]) -> Terms {
    std::array::from_fn(|term| rows.iter().map(|row| row[term]).sum::<f64>() / rows.len() as f64)
}

#[track_caller]
fn assert_close(what: &str, found: f32, expected: f64) {
    assert!((f64::from(found) - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{what}: {found}, not {expected}");
}

/// Runs random jammers and compares every reward with the formula; returns the totals.
fn compare(params: &JammingParams, ticks: usize) -> Vec<f32> {
    let (mut stage, mut unit) = (Stage::new(params), noise(7));
    let mut totals = Vec::new();
    for tick in 0..ticks {
        stage.order(&random_orders(params, &mut unit));
        let own = by_definition(&mut stage);
        let expected = match params.reward {
            RewardMode::Team => vec![mean(&own); own.len()],
            RewardMode::Individual => own,
        };
        let port = &stage.lane.ports().groups[0];
        for (agent, expected) in expected.iter().enumerate() {
            let terms = &port.terms[agent * Declared::SPECS.len()..(agent + 1) * Declared::SPECS.len()];
            for (term, (found, expected)) in Declared::SPECS.iter().zip(terms.iter().zip(expected)) {
                assert_close(&format!("tick {tick}, agent {agent}, {}", term.name), *found, *expected);
            }
            let total: f64 = expected.iter().sum();
            let total = if params.reward == RewardMode::Team { total.clamp(-10.0, 10.0) } else { total };
            assert_close(&format!("tick {tick}, agent {agent}, total"), port.rewards[agent], total);
        }
        totals.extend_from_slice(&port.rewards);
    }
    totals
}

#[test]
fn rewards_are_the_formula() {
    for &reward in RewardMode::ALL {
        for num_jammers in [1, 2, 5] {
            let defaults = JammingParams { reward, num_jammers, ..JammingParams::default() };
            compare(&defaults, 120);
            let odd = JammingParams {
                w_lambda2: -3.0,
                w_band: 0.7,
                w_proximity: 2.0,
                w_energy: -0.4,
                w_overlap: 1.5,
                w_contribution: 4.0,
                enemy_bands: vec![Band::Mhz433, Band::Mhz915],
                proximity_decay_per_m: 0.01,
                ..defaults
            };
            compare(&odd, 60);
        }
    }
}

#[test]
fn a_team_is_paid_one_number_within_ten() {
    for weight in [1000.0, -1000.0] {
        let params = JammingParams { w_lambda2: weight, enemy_bands: vec![Band::Mhz433], ..JammingParams::default() };
        let totals = compare(&params, 60);
        let extremes = totals.iter().fold((0.0_f32, 0.0_f32), |(low, high), x| (low.min(*x), high.max(*x)));
        assert!(if weight > 0.0 { extremes.1 == 10.0 } else { extremes.0 == -10.0 }, "{extremes:?}");
        assert!(totals.chunks_exact(params.num_jammers).all(|team| team.iter().all(|reward| *reward == team[0])));
    }
}

#[test]
fn individuals_are_paid_their_own_and_not_clipped() {
    let params = JammingParams { reward: RewardMode::Individual, w_lambda2: 100.0, ..JammingParams::default() };
    let totals = compare(&params, 200);
    assert!(totals.iter().any(|reward| *reward > 10.0));
    assert!(totals.chunks_exact(params.num_jammers).any(|team| team.iter().any(|reward| *reward != team[0])));
}

#[test]
fn the_energy_term_counts_both_axes_and_reaches_two() {
    let params = JammingParams { reward: RewardMode::Individual, w_energy: 1.0, ..still(3, 2) };
    let mut stage = Stage::new(&params);
    stage.put_jammers(&[(50.0, 50.0), (50.0, 50.0)]);
    stage.order(&[(Vec2::splat(99.0), 0), (Vec2::ZERO, 0)]);
    let terms = &stage.lane.ports().groups[0].terms;
    assert_eq!((terms[3], terms[Declared::SPECS.len() + 3]), (-2.0, 0.0));
    assert_eq!(stage.metric("energy"), 0.5 * (25.0 + 25.0) / 2.0, "m²/s: speed squared times half a second, over two");
}

/// A difference reward: what the team would lose without the jammer, which is nothing for one that another covers.
#[test]
fn a_contribution_is_what_would_be_missing() {
    let params = JammingParams { reward: RewardMode::Individual, w_contribution: 1.0, ..still(2, 3) };
    let mut stage = Stage::new(&params);
    stage.put_drones(&[(20.0, 50.0), (80.0, 50.0)]);
    let contributions = |stage: &Stage| -> Vec<f32> {
        stage.lane.ports().groups[0].terms.chunks_exact(Declared::SPECS.len()).map(|terms| terms[5]).collect()
    };
    stage.put_jammers(&[(50.0, 50.0), (5.0, 5.0), (50.0, 50.0)]);
    stage.order(&[(Vec2::ZERO, 2), (Vec2::ZERO, 2), (Vec2::ZERO, 0)]);
    assert_eq!(contributions(&stage), [1.0, 0.0, 0.0], "one cuts the link, one is far away, one is on another band");
    stage.order(&[(Vec2::ZERO, 2); 3]);
    assert_eq!(contributions(&stage), [0.0; 3], "each of two that cut the same link could be missed");
}

/// Which jammer is called first must not matter to any of them.
#[test]
fn permuting_jammers_permutes_what_they_see_and_leaves_the_team_its_reward() {
    use crate::domains::jamming::scenario::ObservationLayout;
    for &observation in ObservationLayout::ALL {
        let params = JammingParams { observation, num_jammers: 5, ..JammingParams::default() };
        let (mut one, mut other) = (Stage::new(&params), Stage::new(&params));
        let order = [3, 0, 4, 1, 2];
        fn permuted<T: Copy>(rows: &[T], order: &[usize]) -> Vec<T> {
            order.iter().map(|i| rows[*i]).collect()
        }
        other.put::<_, With<Jammer>>(&permuted(&one.all::<Position, With<Jammer>>(), &order));
        other.put::<_, With<Jammer>>(&permuted(&one.all::<JamBand, With<Jammer>>(), &order));
        other.put::<_, With<Jammer>>(&permuted(&one.assignments(), &order));
        other.refresh();
        let mut unit = noise(1);
        // Up to the tick before the next clustering, which deals jammers by number.
        for tick in 0..params.cluster_interval {
            let width = one.lane.spec().groups[0].observation.len();
            for (to, from) in order.iter().enumerate() {
                let row = |stage: &Stage, agent: usize| {
                    stage.lane.ports().groups[0].observations[agent * width..(agent + 1) * width].to_vec()
                };
                let (found, expected) = (row(&other, to), row(&one, *from));
                let is_close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6);
                assert!(is_close, "{observation:?}, tick {tick}: {found:?}, not {expected:?}");
            }
            if tick + 1 == params.cluster_interval {
                break;
            }
            let orders = random_orders(&params, &mut unit);
            one.order(&orders);
            other.order(&permuted(&orders, &order));
            let (a, b) = (one.lane.ports().groups[0].rewards[0], other.lane.ports().groups[0].rewards[0]);
            assert!((a - b).abs() < 1e-6, "{observation:?}, tick {tick}: team rewards {a} and {b}");
            assert_eq!(one.metric("lambda2"), other.metric("lambda2"));
        }
    }
}
