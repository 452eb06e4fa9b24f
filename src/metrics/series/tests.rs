//! What a series draws is held against all of its points, looked at one by one.

#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

mod run;
mod smoothed;

/// Bits, because a gap is no equal of itself.
pub(super) fn bits(points: &[[f64; 2]]) -> Vec<[u64; 2]> {
    points.iter().map(|point| point.map(f64::to_bits)).collect()
}

fn drawn(series: &Series, x: RangeInclusive<f64>, columns: usize) -> Vec<[f64; 2]> {
    let mut out = vec![[7.0; 2]; 3];
    series.visible(x, columns, &mut out);
    out
}

fn lowest_and_highest<'a>(points: impl IntoIterator<Item = &'a [f64; 2]>) -> (f64, f64) {
    let join = |(low, high): (f64, f64), &[_, y]: &[f64; 2]| (low.min(y), high.max(y));
    points.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), join)
}

/// Holds every block against the points beneath it, and the pyramid against its size.
#[track_caller]
fn assert_pyramid_tells_the_points(series: &Series) {
    let mut size = FANOUT;
    for level in &series.levels {
        let chunks = series.points.chunks_exact(size);
        assert!(!level.is_empty() && level.len() == chunks.len());
        for (block, chunk) in level.iter().zip(chunks) {
            let (low, high) = lowest_and_highest(chunk);
            assert_eq!((block.low[1], block.high[1]), (low, high));
            assert_eq!([block.first_x, block.last_x], [chunk[0][0], chunk[size - 1][0]]);
            if !block.is_gap() {
                assert!(chunk.contains(&block.low) && chunk.contains(&block.high));
            }
        }
        size *= FANOUT;
    }
    assert!(series.len() < size, "a level is missing");
}

/// Values with plateaus, spikes and gaps.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-3i32..3).prop_map(f64::from),
        4 => -1f64..1.0,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, -0.0]),
    ]
}

/// Points some of which stand close together and some far apart.
fn curve(len: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Series> {
    let advance = prop_oneof![6 => Just(1.0), 2 => 0.001f64..0.01, 1 => 10f64..500.0];
    prop::collection::vec((advance, value()), len).prop_map(|points| {
        let mut x = 0.0;
        let place = |(advance, y)| {
            x += advance;
            (x, y)
        };
        points.into_iter().map(place).collect()
    })
}

#[test]
fn a_series_without_points_has_nothing_to_show() {
    let series = Series::new();
    assert!(series.is_empty() && drawn(&series, 0.0..=1.0, 10).is_empty());
    assert_eq!((series.last(), series.nearest(0.0), series.x_range(), series.y_range()), (None, None, None, None));
}

#[test]
fn a_spike_among_a_million_points_is_drawn() {
    let spike = 700_123;
    let series: Series = (0..1_000_000).map(|i| (f64::from(i), if i == spike { -5.0 } else { 0.0 })).collect();
    let points = drawn(&series, 0.0..=1e6, 100);
    assert!(points.contains(&[f64::from(spike), -5.0]));
    assert!((100..=206).contains(&points.len()), "{}", points.len());
    assert_eq!(series.y_range(), Some(-5.0..=0.0));
}

#[test]
fn every_column_shows_its_lowest_and_its_highest_point() {
    // A sawtooth with 50 teeth to a column.
    let series: Series = (0..200_000).map(|i| (f64::from(i), f64::from(i % 40))).collect();
    let points = drawn(&series, 0.0..=199_999.0, 100);
    assert!(points.len() >= 200);
    for column in points.chunk_by(|a, b| (a[0] / 1_999.99).floor() == (b[0] / 1_999.99).floor()) {
        assert_eq!(lowest_and_highest(column), (0.0, 39.0), "{column:?}");
    }
}

#[test]
fn a_dense_stretch_does_not_blur_a_sparse_one() {
    let dense = (0..100_000).map(|i| (f64::from(i) * 1e-3, 0.0));
    let sparse = (0..90).map(|i| (110.0 + f64::from(i) * 10.0, f64::from(i % 7)));
    let series: Series = dense.chain(sparse).collect();
    let points = drawn(&series, 0.0..=1000.0, 1000);
    assert_eq!(points[points.len() - 90..], series.points()[100_000..]);
    assert!((100..300).contains(&points.len()), "{}", points.len());
}

#[test]
fn moving_the_range_does_not_move_the_points() {
    let series: Series = (0..100_000).map(|i| (f64::from(i), f64::from(i * 7919 % 1009))).collect();
    let inside = |points: Vec<[f64; 2]>| -> Vec<[f64; 2]> {
        points.into_iter().filter(|point| (30_000.0..40_000.0).contains(&point[0])).collect()
    };
    let here = inside(drawn(&series, 20_000.0..=60_000.0, 400));
    assert!(here.len() > 150);
    assert_eq!(here, inside(drawn(&series, 21_234.5..=61_234.5, 400)));
}

#[test]
fn what_is_not_finite_is_a_gap_and_shows_where_it_fills_a_column() {
    let y = |i: i32| if (40_000..60_000).contains(&i) || i % 10 == 0 { f64::INFINITY } else { 1.0 };
    let series: Series = (0..100_000).map(|i| (f64::from(i), y(i))).collect();
    assert!(series.points()[0][1].is_nan());
    let points = drawn(&series, 0.0..=99_999.0, 100);
    let gaps: Vec<f64> = points.iter().filter(|point| point[1].is_nan()).map(|point| point[0]).collect();
    assert!((19..=21).contains(&gaps.len()), "{gaps:?}");
    assert!(gaps.iter().all(|x| (39_000.0..=60_000.0).contains(x)), "{gaps:?}");
    assert_eq!(series.y_range(), Some(1.0..=1.0));
    assert_eq!(Series::from_iter([(0.0, f64::NAN)]).y_range(), None);
}

#[test]
fn a_place_that_is_not_finite_is_ignored() {
    let mut series = Series::from_iter([(1.0, 2.0)]);
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        series.push(x, 3.0);
    }
    assert_eq!(series.points(), [[1.0, 2.0]]);
}

#[test]
fn a_step_that_comes_again_replaces_all_from_there_on() {
    let mut series = Series::from_iter([(1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
    series.push(2.0, 5.0);
    assert_eq!(series.points(), [[1.0, 0.0], [2.0, 5.0]]);
    series.push(-1.0, 6.0);
    assert_eq!(series.points(), [[-1.0, 6.0]]);
    series.clear();
    assert!(series.is_empty() && series.y_range().is_none());
}

#[test]
fn a_range_that_is_none_or_has_no_end_is_no_trouble() {
    let series: Series = (0..1000).map(|i| (f64::from(i) * 1e305 - 5e307, f64::from(i))).collect();
    let (none, all) = (f64::NAN, f64::INFINITY);
    for range in [none..=1.0, 0.0..=none, none..=none, 5.0..=4.0] {
        assert!(drawn(&series, range, 10).is_empty());
    }
    for range in [-all..=all, f64::MIN..=f64::MAX] {
        let points = drawn(&series, range, 10);
        assert_eq!(lowest_and_highest(&points), (0.0, 999.0));
    }
    assert_eq!(drawn(&series, -all..=all, usize::MAX), series.points());
    assert_eq!(drawn(&series, all..=all, 10), [series.points()[999]]);
    let everything_in_one_column = drawn(&series, -all..=all, 0);
    assert!(everything_in_one_column.len() <= 8);
    assert_eq!(series.nearest(all), series.last());
    assert_eq!(series.nearest(-all).map(|point| point.1), Some(0.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn drawing_keeps_the_extremes_of_the_range(
        series in curve(0..3000),
        (from, to) in (-0.1f64..1.1, -0.1f64..1.1),
        columns in 1usize..200,
    ) {
        let end = series.last().map_or(1.0, |(x, _)| x);
        let (from, to) = (from.min(to) * end, from.max(to) * end);
        let points = drawn(&series, from..=to, columns);
        prop_assert!(points.len() <= 2 * columns + 6);
        prop_assert!(points.is_sorted_by(|a, b| a[0] < b[0]));
        let known = bits(series.points());
        prop_assert!(bits(&points).iter().all(|point| known.contains(point) || f64::from_bits(point[1]).is_nan()));
        let is_inside = |point: &&[f64; 2]| (from..=to).contains(&point[0]);
        let inside: Vec<&[f64; 2]> = series.points().iter().filter(is_inside).collect();
        prop_assert_eq!(
            lowest_and_highest(points.iter().filter(is_inside)),
            lowest_and_highest(inside.iter().copied())
        );
        let before = series.points().iter().rfind(|point| point[0] < from);
        let after = series.points().iter().find(|point| point[0] > to);
        prop_assert_eq!(points.first().filter(|point| point[0] < from).map(|p| p[0]), before.map(|p| p[0]));
        prop_assert_eq!(points.last().filter(|point| point[0] > to).map(|p| p[0]), after.map(|p| p[0]));
        if inside.len() <= 2 * columns {
            let all: Vec<[f64; 2]> = before.into_iter().chain(inside).chain(after).copied().collect();
            prop_assert_eq!(bits(&points), bits(&all));
        }
    }

    #[test]
    fn the_pyramid_tells_its_points_however_often_it_was_cut_back(
        runs in prop::collection::vec((0f64..1.0, prop::collection::vec(value(), 1..700)), 1..5),
    ) {
        let mut series = Series::new();
        let mut left: Vec<(f64, f64)> = Vec::new();
        for (back_to, values) in runs {
            let from = (left.len() as f64 * back_to).floor();
            left.truncate(from as usize);
            left.extend(values.iter().enumerate().map(|(i, &y)| (from + i as f64, y)));
            series.extend(values.iter().enumerate().map(|(i, &y)| (from + i as f64, y)));
        }
        assert_pyramid_tells_the_points(&series);
        let at_once: Series = left.into_iter().collect();
        prop_assert_eq!(bits(series.points()), bits(at_once.points()));
        prop_assert_eq!(&series.levels, &at_once.levels);
        let (low, high) = lowest_and_highest(series.points());
        prop_assert_eq!(series.y_range(), (low <= high).then_some(low..=high));
    }

    #[test]
    fn nearest_is_what_looking_at_every_point_finds(series in curve(1..60), share in -0.2f64..1.2) {
        let x = share * series.last().unwrap().0;
        let distance = |at: f64| (at - x).abs();
        let (found, y) = series.nearest(x).unwrap();
        prop_assert!(bits(series.points()).contains(&[found.to_bits(), y.to_bits()]));
        prop_assert!(series.points().iter().all(|point| distance(found) <= distance(point[0])));
    }
}
