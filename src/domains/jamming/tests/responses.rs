//! A swarm that fights back does so when it has been jammed for long enough, and only then.

use super::*;
use crate::domains::jamming::scenario::Response;

/// Two drones that one jammer between them separates: a reduction of 100 %.
const DRONES: [(f32, f32); 2] = [(20.0, 50.0), (80.0, 50.0)];
const BETWEEN: (f32, f32) = (50.0, 50.0);

fn params(response: Response, bands: &[Band]) -> JammingParams {
    JammingParams { response, response_ticks: 3, enemy_bands: bands.to_vec(), arena_m: 100.0, ..still(2, 1) }
}

/// The swarm on 915 MHz with a jammer between its drones.
fn staged(params: &JammingParams) -> Stage {
    let mut stage = Stage::new(params);
    stage.put_band(Band::Mhz915);
    stage.put_drones(&DRONES);
    stage.put_jammers(&[BETWEEN]);
    stage
}

/// Bands of the swarm after each tick in which the jammer transmits on the band given.
fn bands_under(stage: &mut Stage, orders: &[Band]) -> Vec<Band> {
    let mut after = |band: &Band| {
        stage.hover(*band);
        Band::ALL[usize::from(stage.swarm().band)]
    };
    orders.iter().map(&mut after).collect()
}

const A: Band = Band::Mhz915;
const B: Band = Band::Ghz2_4;

#[test]
fn a_swarm_hops_after_three_jammed_ticks_without_a_break() {
    let mut stage = staged(&params(Response::Hop, &[A, B]));
    assert_eq!(bands_under(&mut stage, &[A; 6]), [A, A, A, B, B, B], "and stays where nobody jams it");
    assert_eq!(bands_under(&mut stage, &[B; 4]), [B, B, B, A], "until it is found again");
    assert_eq!(stage.swarm().first_band, index(A), "what the episode began with is remembered");
}

#[test]
fn a_break_starts_the_count_anew() {
    let mut stage = staged(&params(Response::Hop, &[A, B]));
    assert_eq!(bands_under(&mut stage, &[A, A, B, A, A, B, A, A, A, A]), [A, A, A, A, A, A, A, A, A, B]);
}

#[test]
fn a_swarm_that_is_hardly_jammed_does_not_hop() {
    // One drone of ten is cut off from four others at most: less than half is gone.
    let mut never = staged(&JammingParams { response_reduction: 1.0, ..params(Response::Hop, &[A, B]) });
    never.put_drones(&[(49.0, 50.0), (51.0, 50.0)]);
    never.put_jammers(&[(0.0, 0.0)]);
    assert!(bands_under(&mut never, &[A; 20]).iter().all(|band| *band == A), "the jammer reaches 32 m at 915 MHz");
    assert_eq!(never.metric("reduction"), 0.0);
    let mut exactly = staged(&JammingParams { response_reduction: 1.0, ..params(Response::Hop, &[A, B]) });
    assert_eq!(bands_under(&mut exactly, &[A; 4])[3], B, "a threshold that is just reached counts");
}

#[test]
fn without_a_response_or_another_band_nothing_happens() {
    for (response, bands) in [(Response::None, vec![A, B]), (Response::Hop, vec![A]), (Response::Spread, vec![A, B])] {
        let mut stage = staged(&params(response, &bands));
        assert!(bands_under(&mut stage, &[A; 12]).iter().all(|band| *band == A), "{response:?} among {bands:?}");
    }
}

#[test]
fn a_swarm_hops_to_each_of_its_other_bands_and_to_no_foreign_one() {
    let bands = [Band::Mhz433, A, B];
    let mut counts = [0; 4];
    for seed in 0..40 {
        let params = params(Response::Hop, &bands);
        let mut stage = Stage::seeded(&params, seed);
        stage.put_band(A);
        stage.put_drones(&DRONES);
        stage.put_jammers(&[BETWEEN]);
        bands_under(&mut stage, &[A; 4]);
        counts[usize::from(stage.swarm().band)] += 1;
    }
    let [mhz433, own, ghz2_4, foreign] = counts;
    assert_eq!((own, foreign), (0, 0));
    assert!(mhz433 > 8 && ghz2_4 > 8, "{counts:?}");
}

#[test]
fn a_swarm_spreads_while_it_is_jammed_and_stops_when_it_is_not() {
    let mut stage = staged(&params(Response::Spread, &[A]));
    let apart = |stage: &mut Stage| {
        let drones = stage.drones();
        drones[0].distance(drones[1])
    };
    // 2 m/s for half a second on both sides, from the fourth tick on.
    for expected in [60.0, 60.0, 60.0, 62.0, 64.0, 66.0] {
        stage.hover(A);
        assert!((apart(&mut stage) - expected).abs() < 1e-4, "{} m apart, not {expected}", apart(&mut stage));
    }
    // The order comes too late for the tick in which the jammer leaves.
    for expected in [68.0, 68.0, 68.0] {
        stage.hover(B);
        assert!((apart(&mut stage) - expected).abs() < 1e-4, "{} m apart, not {expected}", apart(&mut stage));
    }
}

#[test]
fn a_spreading_swarm_stays_in_the_arena() {
    let params = JammingParams { enemy_speed_mps: 9.0, sensitivity_dbm: -90.0, ..params(Response::Spread, &[A]) };
    let mut stage = staged(&params);
    for _ in 0..60 {
        stage.hover(A);
        let side = 0.0..=100.0;
        assert!(stage.drones().iter().all(|drone| side.contains(&drone.x) && side.contains(&drone.y)));
    }
    assert_eq!(stage.metric("lambda2"), 0.0, "they are jammed all the time");
}

#[test]
fn a_new_episode_forgets_the_jamming_of_the_last() {
    let params = params(Response::Hop, &[A, B]);
    let mut stage = Stage { lane: Lane::new(&params, 3, Seeds::new(1), 0..1), params: params.clone() };
    stage.put_drones(&DRONES);
    stage.put_jammers(&[BETWEEN]);
    let band = Band::ALL[usize::from(stage.swarm().band)];
    stage.hover(band);
    stage.hover(band);
    assert_eq!(stage.swarm().jammed_ticks, 2);
    stage.hover(band);
    let swarm = stage.swarm();
    assert_eq!((swarm.jammed_ticks, swarm.fragmented_at), (0, None));
}
