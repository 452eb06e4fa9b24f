//! Smoothing is held against TensorBoard's own loop.

use super::*;

/// `resmoothDataset` of TensorBoard's line charts, with NaN for what is not finite.
fn as_tensorboard_does(values: &[f64], weight: f64) -> Vec<f64> {
    let (mut last, mut left) = (0.0, 1.0);
    let mut smooth = |y: f64| {
        if !y.is_finite() {
            return f64::NAN;
        }
        last = last * weight + (1.0 - weight) * y;
        left *= weight;
        last / (1.0 - left)
    };
    values.iter().map(|&y| smooth(y)).collect()
}

fn numbered(values: &[f64]) -> Series {
    values.iter().enumerate().map(|(i, &y)| (i as f64, y)).collect()
}

fn smoothed(series: &Series, weight: f64) -> Vec<[f64; 2]> {
    let mut smoothed = Smoothed::new(weight);
    smoothed.follow(series);
    smoothed.curve().points().to_vec()
}

#[test]
fn a_constant_stays_the_same_to_the_bit_and_a_weight_of_0_smooths_nothing() {
    let constant = numbered(&[0.1; 500]);
    let uneven = numbered(&[0.1, -7e30, f64::NAN, 1e-30, f64::MAX, f64::MIN, 3.0]);
    for weight in [0.3, 0.9, 0.999, 1.0] {
        assert_eq!(smoothed(&constant, weight), constant.points());
    }
    for weight in [0.0, -1.0, f64::NAN] {
        assert_eq!(bits(&smoothed(&uneven, weight)), bits(uneven.points()));
    }
}

#[test]
fn a_weight_of_1_is_the_mean_so_far() {
    assert_eq!(smoothed(&numbered(&[1.0, 3.0, 8.0]), 2.0), [[0.0, 1.0], [1.0, 2.0], [2.0, 4.0]]);
}

#[test]
fn numbers_too_far_apart_do_not_spoil_what_follows() {
    let points = smoothed(&numbered(&[f64::MAX, f64::MIN, f64::MIN, 1.0]), 0.5);
    assert!(points.iter().all(|point| point[1].is_finite()), "{points:?}");
}

#[test]
fn points_that_were_dropped_are_forgotten_even_when_as_many_came_anew() {
    let mut series = numbered(&[1.0, 2.0, 3.0, 4.0]);
    let mut smoothed = Smoothed::new(0.6);
    smoothed.follow(&series);
    series.extend([(1.0, 9.0), (2.0, 9.0), (3.0, 9.0)]);
    smoothed.follow(&series);
    let mut anew = Smoothed::new(0.6);
    anew.follow(&numbered(&[1.0, 9.0, 9.0, 9.0]));
    assert_eq!(smoothed.curve().points(), anew.curve().points());
}

proptest! {
    #[test]
    fn smoothing_is_that_of_tensorboard(values in prop::collection::vec(value(), 0..300), weight in 0f64..0.999) {
        let values: Vec<f64> = values.into_iter().filter(|y| y.abs() != f64::MAX).collect();
        let points = smoothed(&numbered(&values), weight);
        for (point, expected) in points.iter().zip(as_tensorboard_does(&values, weight)) {
            prop_assert_eq!(point[1].is_nan(), expected.is_nan());
            prop_assert!(expected.is_nan() || (point[1] - expected).abs() < 1e-11, "{} {}", point[1], expected);
        }
        prop_assert_eq!(points.len(), values.len());
    }

    #[test]
    fn following_bit_by_bit_and_changing_the_weight_ends_where_starting_so_does(
        values in prop::collection::vec(value(), 1..300),
        pieces in 1usize..50,
        (before, after) in (0f64..1.0, 0f64..1.0),
    ) {
        let (mut series, mut smoothed) = (Series::new(), Smoothed::new(before));
        for (i, &y) in values.iter().enumerate() {
            series.push(i as f64, y);
            if i.is_multiple_of(pieces) {
                smoothed.follow(&series);
            }
            if i == values.len() / 2 {
                smoothed.set_weight(after);
            }
        }
        smoothed.follow(&series);
        prop_assert_eq!(bits(smoothed.curve().points()), bits(&self::smoothed(&series, after)));
        prop_assert_eq!(smoothed.weight(), after);
    }
}
