//! What jamming can and cannot do to the graph.

use proptest::prelude::*;

use super::*;
use crate::{
    domains::jamming::{
        radio::{LinkBudgets, RadioKernel},
        scenario::JamModel,
        systems::RadioGraphs,
    },
    math::fiedler::DenseSolver,
};

/// A sensitivity at which the graph of the published system is always complete.
const PUBLISHED_SENSITIVITY_DBM: f64 = -90.0;

fn lambda2(params: &JammingParams, band: u8, drones: &[Position], jammers: &[Vec2]) -> f64 {
    let mut rows = vec![0; drones.len() * drones.len().div_ceil(64)];
    RadioKernel::default().graph(&LinkBudgets::new(params), band, drones, jammers, &mut rows);
    DenseSolver::new().lambda2(drones.len(), &rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Not even one jammer more.
    #[test]
    fn jamming_never_raises_lambda2(
        drones in prop::collection::vec((0.0_f32..100.0, 0.0_f32..100.0), 2..40),
        jammers in prop::collection::vec((0.0_f32..100.0, 0.0_f32..100.0), 1..8),
        band in 0_u8..4,
        is_sinr in any::<bool>(),
    ) {
        let model = if is_sinr { JamModel::Sinr } else { JamModel::Midpoint };
        let params = JammingParams { jam_model: model, jam_power_dbm: 15.0, ..JammingParams::default() };
        let drones: Vec<Position> = drones.into_iter().map(|drone| Position(drone.into())).collect();
        let jammers: Vec<Vec2> = jammers.into_iter().map(Vec2::from).collect();
        let mut before = lambda2(&params, band, &drones, &[]);
        for count in 1..=jammers.len() {
            let now = lambda2(&params, band, &drones, &jammers[..count]);
            prop_assert!(now <= before * (1.0 + 1e-8), "{} jammers raise {} to {}", count, before, now);
            before = now;
        }
    }
}

#[test]
fn an_env_never_measures_more_than_its_unjammed_graph_has() {
    for &model in JamModel::ALL {
        let params = JammingParams { jam_model: model, enemy_bands: vec![Band::Mhz433], ..JammingParams::default() };
        let (mut stage, mut unit) = (Stage::new(&params), noise(2));
        let mut reduced = 0;
        for _ in 0..300 {
            stage.order(&random_orders(&params, &mut unit));
            let drones: Vec<Position> = stage.drones().into_iter().map(Position).collect();
            let unjammed = lambda2(&params, stage.swarm().band, &drones, &[]);
            assert!(stage.metric("lambda2") <= unjammed * (1.0 + 1e-8), "{model:?}");
            reduced += usize::from(stage.metric("lambda2") < 0.99 * unjammed);
        }
        assert!(reduced > 10, "{model:?}: random jammers reach nothing, the law is not tested");
    }
}

#[test]
fn jammers_on_another_band_have_no_effect() {
    for &model in JamModel::ALL {
        let params = JammingParams { jam_model: model, ..still(6, 3) };
        let mut stage = Stage::new(&params);
        let mut places = stage.drones();
        places.truncate(3);
        stage.put_jammers(&places.iter().map(|place| (place.x, place.y)).collect::<Vec<_>>());
        for band in [Band::Mhz433, Band::Mhz915, Band::Ghz5_8] {
            stage.hover(band);
            assert_eq!(stage.metric("lambda2"), stage.swarm().lambda2_start, "{model:?}, {band:?}");
            assert_eq!((stage.metric("reduction"), stage.metric("band_match")), (0.0, 0.0), "{model:?}, {band:?}");
            assert_eq!(stage.metric("jam_power"), -80.0, "what is shown when nobody jams");
        }
        stage.hover(Band::Ghz2_4);
        assert!(stage.metric("lambda2") < stage.swarm().lambda2_start, "{model:?}: the right band has an effect");
        assert_eq!(stage.metric("band_match"), 1.0);
    }
}

/// The published numbers carry links for 1.3 to 17 km, the arena's diagonal is 424 m.
#[test]
fn under_the_published_profile_the_unjammed_graph_is_complete() {
    for seed in 0..20 {
        for (num_enemies, arena_m) in [(10, 100.0), (30, 150.0), (70, 300.0)] {
            let params = JammingParams {
                num_enemies,
                arena_m,
                sensitivity_dbm: PUBLISHED_SENSITIVITY_DBM,
                ..JammingParams::default()
            };
            let mut stage = Stage::seeded(&params, seed);
            assert_eq!(stage.swarm().lambda2_start, num_enemies as f64, "band {}", stage.swarm().band);
        }
    }
}

#[test]
fn calibrated_links_carry_86_m_at_2_4_ghz() {
    let params = JammingParams { arena_m: 200.0, min_start_lambda2: 0.0, ..still(2, 1) };
    let mut stage = Stage::new(&params);
    for (apart, expected) in [(85.9, 2.0), (86.1, 0.0)] {
        stage.put_drones(&[(10.0, 10.0), (10.0 + apart, 10.0)]);
        stage.hover(Band::Mhz433);
        assert_eq!(stage.metric("lambda2"), expected, "{apart} m apart");
    }
}

/// 30 dBm against -31.63 dBm carry 12 m at 2.4 GHz.
#[test]
fn a_link_is_cut_at_its_midpoint_and_nowhere_else() {
    let mut stage = Stage::new(&still(2, 1));
    stage.put_drones(&[(10.0, 50.0), (70.0, 50.0)]);
    for (place, is_cut) in [
        ((40.0, 50.0), true),
        ((40.0, 61.9), true),
        ((40.0, 62.1), false),
        ((10.0, 50.0), false),
        ((70.0, 50.0), false),
    ] {
        stage.put_jammers(&[place]);
        stage.hover(Band::Ghz2_4);
        assert_eq!(stage.metric("lambda2") == 0.0, is_cut, "a jammer at {place:?}");
    }
}

/// Signal 20 dBm over 30 m against jammers of 30 dBm: one has to be within 300 m of a receiver for less than 10 dB.
#[test]
fn under_sinr_jammers_drown_receivers_together() {
    let params = JammingParams { jam_model: JamModel::Sinr, arena_m: 1000.0, jammer_speed_mps: 0.0, ..still(2, 2) };
    let mut stage = Stage::new(&params);
    stage.put_drones(&[(400.0, 500.0), (430.0, 500.0)]);
    // Near the receivers means at any of them: 299 m left of the first, 299 m right of the second.
    for place in [(101.0, 500.0), (729.0, 500.0)] {
        stage.put_jammers(&[place, (0.0, 0.0)]);
        stage.order(&[(Vec2::ZERO, 2), (Vec2::ZERO, 0)]);
        assert_eq!(stage.metric("lambda2"), 0.0, "a jammer at {place:?}");
    }
    // Two at 400 m are as strong as one at 283 m; each alone is too weak.
    stage.put_jammers(&[(415.0, 900.0), (415.0, 100.0)]);
    for (bands, expected) in [([2, 0], 2.0), ([0, 2], 2.0), ([2, 2], 0.0)] {
        stage.order(&[(Vec2::ZERO, bands[0]), (Vec2::ZERO, bands[1])]);
        assert_eq!(stage.metric("lambda2"), expected, "jammers on bands {bands:?}");
    }
    assert!((stage.metric("jam_power") - both_at_400_m_dbm()).abs() < 0.01, "{}", stage.metric("jam_power"));
}

/// Friis: two transmitters of 30 dBm, both about 400.3 m from both drones, at 2.4 GHz.
fn both_at_400_m_dbm() -> f64 {
    let loss_db = 20.0 * libm::log10(400.28) + 20.0 * libm::log10(2.4e9) - 147.558;
    30.0 - loss_db + 10.0 * libm::log10(2.0)
}

#[test]
fn the_graph_shown_is_the_graph_measured() {
    let params = JammingParams::default();
    let (mut stage, mut unit) = (Stage::new(&params), noise(3));
    for _ in 0..50 {
        stage.order(&random_orders(&params, &mut unit));
        let rows = stage.lane.world().resource::<RadioGraphs>().links(0).to_vec();
        assert_eq!(DenseSolver::new().lambda2(params.num_enemies, &rows), stage.metric("lambda2"));
    }
}
