//! Laws of the kernels: against f64, across instruction sets, across batch sizes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod empty;

use super::*;

/// Numbers in [-1, 1] without pattern: the fractional parts of multiples of an irrational.
fn noise(len: usize, seed: usize) -> Aligned {
    let mut numbers = Aligned::zeros(len);
    for (i, x) in numbers.iter_mut().enumerate() {
        *x = (((i + 1) as f64 * 0.754_877_666 + seed as f64 * 0.569_840_29).fract() * 2.0 - 1.0) as f32;
    }
    numbers
}

/// Operands of every kind for a product of one size.
struct Case {
    rows: usize,
    inner: usize,
    columns: usize,
    left: Aligned,
    turned: Aligned,
    right: Aligned,
    bias: Aligned,
    outputs: Aligned,
    target: Aligned,
}

impl Case {
    fn new((rows, inner, columns): (usize, usize, usize)) -> Self {
        let left = noise(rows * inner, 1);
        let mut turned = Aligned::zeros(rows * inner);
        transpose((rows, inner), View { data: &left, stride: inner }, &mut turned, rows);
        let right = noise(inner * stride(columns), 2);
        let outputs = noise(rows * stride(columns), 4);
        let (bias, target) = (noise(padded(columns), 3), noise(rows * stride(columns), 5));
        Self { rows, inner, columns, left, turned, right, bias, outputs, target }
    }

    fn starts(&self) -> [Start<'_>; 3] {
        [Start::Zero, Start::Row(&self.bias), Start::Target]
    }

    fn finishes(&self) -> [Finish<'_>; 5] {
        let outputs = View { data: &self.outputs, stride: stride(self.columns) };
        [Finish::Keep, Finish::Relu, Finish::Tanh, Finish::ReluSlope(outputs), Finish::TanhSlope(outputs)]
    }

    fn lefts(&self) -> [Left<'_>; 2] {
        [
            Left::Plain(View { data: &self.left, stride: self.inner }),
            Left::Transposed(View { data: &self.turned, stride: self.rows }),
        ]
    }

    fn product<'a>(&'a self, left: Left<'a>, start: Start<'a>, finish: Finish<'a>) -> Product<'a> {
        let Self { rows, inner, columns, .. } = *self;
        Product {
            rows,
            inner,
            columns,
            left,
            right: View { data: &self.right, stride: stride(columns) },
            start,
            finish,
        }
    }

    fn stored(&self, isa: Isa, product: Product<'_>) -> Aligned {
        let mut target = self.target.clone();
        product.store(isa, &mut target, stride(self.columns));
        target
    }

    fn in_f64(&self, product: Product<'_>, i: usize, j: usize) -> f64 {
        let place = i * stride(self.columns) + j;
        let term =
            |p: usize| f64::from(self.left[i * self.inner + p]) * f64::from(self.right[p * stride(self.columns) + j]);
        let start = match product.start {
            Start::Zero => 0.0,
            Start::Row(row) => f64::from(row[j]),
            Start::Target => f64::from(self.target[place]),
        };
        let sum = start + (0..self.inner).map(term).sum::<f64>();
        let y = f64::from(self.outputs[place]);
        match product.finish {
            Finish::Keep => sum,
            Finish::Relu => sum.max(0.0),
            Finish::Tanh => libm::tanh(sum),
            Finish::ReluSlope(_) => sum * f64::from(u8::from(y > 0.0)),
            Finish::TanhSlope(_) => sum * (1.0 - y * y),
        }
    }
}

/// Sizes that meet every tile shape: full and partial, one vector wide and many.
const SIZES: [(usize, usize, usize); 12] = [
    (1, 5, 128),
    (1, 128, 6),
    (8, 80, 128),
    (13, 7, 33),
    (15, 128, 6),
    (7, 3, 16),
    (3, 1, 17),
    (23, 20, 64),
    (6, 33, 144),
    (2, 9, 90),
    (5, 2, 20),
    (9, 64, 1),
];

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn products_agree_with_f64() {
    for size in SIZES {
        let case = Case::new(size);
        for (left, start) in case.lefts().into_iter().flat_map(|left| case.starts().map(|start| (left, start))) {
            for finish in case.finishes() {
                let product = case.product(left, start, finish);
                let stored = case.stored(Isa::best(), product);
                for (i, j) in (0..case.rows).flat_map(|i| (0..case.columns).map(move |j| (i, j))) {
                    let expected = case.in_f64(product, i, j);
                    let found = f64::from(stored[i * stride(case.columns) + j]);
                    assert!((found - expected).abs() < 1e-5, "{size:?} ({i}, {j}): {found} for {expected}");
                }
            }
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for size in SIZES {
        let case = Case::new(size);
        for (left, start) in case.lefts().into_iter().flat_map(|left| case.starts().map(|start| (left, start))) {
            for finish in case.finishes() {
                let product = case.product(left, start, finish);
                let of = |isa| bits(&case.stored(isa, product));
                let expected = of(Isa::best());
                assert!(Isa::available().all(|isa| of(isa) == expected), "{size:?} {start:?} {finish:?}");
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_any_batch() {
    for size @ (rows, inner, columns) in SIZES {
        let case = Case::new(size);
        let whole = case.product(case.lefts()[0], Start::Row(&case.bias), Finish::Tanh);
        let stored = case.stored(Isa::best(), whole);
        for first in 0..rows {
            for last in first + 1..=rows {
                let left = Left::Plain(View { data: &case.left[first * inner..], stride: inner });
                let part = Product { rows: last - first, left, ..whole };
                let mut target = Aligned::zeros((last - first) * stride(columns));
                part.store(Isa::best(), &mut target, stride(columns));
                for (row, expected) in
                    target.chunks(stride(columns)).zip(stored[first * stride(columns)..].chunks(stride(columns)))
                {
                    assert_eq!(bits(&row[..columns]), bits(&expected[..columns]), "{size:?} rows {first}..{last}");
                }
            }
        }
    }
}

#[test]
fn padding_stays_zero_when_the_operands_have_it_zero() {
    let (rows, inner, columns) = (9, 5, 20);
    let left = noise(rows * inner, 1);
    let mut right = noise(inner * stride(columns), 2);
    right.chunks_mut(stride(columns)).for_each(|row| row[columns..].fill(0.0));
    let bias = Aligned::zeros(padded(columns));
    for finish in [Finish::Keep, Finish::Relu, Finish::Tanh] {
        let mut target = noise(rows * stride(columns), 3);
        let left = Left::Plain(View { data: &left, stride: inner });
        let right = View { data: &right, stride: stride(columns) };
        let product = Product { rows, inner, columns, left, right, start: Start::Row(&bias), finish };
        product.store(Isa::best(), &mut target, stride(columns));
        assert!(target.chunks(stride(columns)).all(|row| row[columns..].iter().all(|&x| x == 0.0)));
    }
}

fn tanh_of(isa: Isa, numbers: &[f32]) -> Vec<f32> {
    let one = [1.0];
    let mut right = Aligned::zeros(numbers.len().next_multiple_of(LANES));
    right[..numbers.len()].copy_from_slice(numbers);
    let mut target = Aligned::zeros(right.len());
    let columns = right.len();
    let left = Left::Plain(View { data: &one, stride: 1 });
    let right = View { data: &right, stride: columns };
    let product = Product { rows: 1, inner: 1, columns, left, right, start: Start::Zero, finish: Finish::Tanh };
    product.store(isa, &mut target, columns);
    target[..numbers.len()].to_vec()
}

#[test]
fn tanh_is_right_to_a_millionth_and_stays_within_one() {
    let numbers: Vec<f32> = (-200_000..=200_000).map(|i| i as f32 * 6e-5).collect();
    let worst = numbers
        .iter()
        .zip(tanh_of(Isa::best(), &numbers))
        .map(|(&x, y)| {
            assert!(y.abs() <= 1.0);
            (f64::from(y) - libm::tanh(f64::from(x))).abs()
        })
        .fold(0.0, f64::max);
    assert!(worst < 4e-7, "{worst}");
}

#[test]
fn tanh_is_odd_and_handles_the_ends_of_the_range() {
    for isa in Isa::available() {
        let ends = tanh_of(isa, &[0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-30, f32::NAN]);
        assert_eq!(ends[..6], [0.0, 1.0, -1.0, 1.0, -1.0, 1e-30 * 0.999_999_94], "{}", isa.name());
        assert!(ends[6].is_nan(), "a NaN is not hidden");
        let (plus, minus) = (tanh_of(isa, &noise(64, 1)), noise(64, 1).iter().map(|x| -x).collect::<Vec<_>>());
        assert_eq!(plus, tanh_of(isa, &minus).iter().map(|y| -y).collect::<Vec<_>>());
    }
}

#[test]
fn the_rectifier_does_not_hide_a_nan() {
    for isa in Isa::available() {
        let left = [f32::NAN, -1.0, 1.0];
        let right = [1.0; LANES];
        let mut target = [0.0; 3 * LANES];
        let left = Left::Plain(View { data: &left, stride: 1 });
        let right = View { data: &right, stride: LANES };
        let (start, finish) = (Start::Zero, Finish::Relu);
        Product { rows: 3, inner: 1, columns: LANES, left, right, start, finish }.store(isa, &mut target, LANES);
        assert!(target[0].is_nan());
        assert_eq!([target[LANES], target[2 * LANES]], [0.0, 1.0]);
    }
}

#[test]
fn sweeps_give_the_same_bits_on_every_instruction_set() {
    let len = 70 * LANES;
    let results = |isa: Isa| {
        let adam = Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-5 };
        let (mut weights, mut m, mut v) = (noise(len, 1), Aligned::zeros(len), Aligned::zeros(len));
        for step in 1..4 {
            adam.apply(isa, step, &noise(len, step as usize), 0.7, (&mut weights, &mut m, &mut v));
        }
        add(isa, &mut m, &v);
        let mut means = Aligned::zeros(7 * 2 * LANES);
        let sizes = (7, 5, 20);
        mean_of_groups(isa, sizes, View { data: &weights, stride: 2 * LANES }, &mut means, 2 * LANES);
        let mut spread = Aligned::zeros(len);
        let outputs = noise(len, 9);
        let slope = Finish::TanhSlope(View { data: &outputs, stride: 2 * LANES });
        spread_to_groups(isa, sizes, View { data: &means, stride: 2 * LANES }, slope, &mut spread, 2 * LANES);
        let all = [&weights, &m, &v, &means, &spread].map(|numbers| bits(numbers));
        (all, sum_of_squares(isa, &weights).to_bits())
    };
    let expected = results(Isa::best());
    assert!(Isa::available().all(|isa| results(isa) == expected));
}

#[test]
fn sums_of_squares_agree_with_f64() {
    let numbers = noise(1000 * LANES, 1);
    let expected: f64 = numbers.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    assert!((sum_of_squares(Isa::best(), &numbers) / expected - 1.0).abs() < 1e-6);
}

#[test]
fn spreading_is_the_gradient_of_the_mean() {
    let (groups, group, columns) = (3, 4, 20);
    let stride = stride(columns);
    let rows = noise(groups * group * stride, 1);
    let mut means = Aligned::zeros(groups * stride);
    mean_of_groups(Isa::best(), (groups, group, columns), View { data: &rows, stride }, &mut means, stride);
    let upstream = noise(groups * stride, 2);
    let mut spread = Aligned::zeros(rows.len());
    let slope = Finish::ReluSlope(View { data: &rows, stride });
    let sizes = (groups, group, columns);
    spread_to_groups(Isa::best(), sizes, View { data: &upstream, stride }, slope, &mut spread, stride);
    for (g, j) in (0..groups).flat_map(|g| (0..columns).map(move |j| (g, j))) {
        let members = (g * group..(g + 1) * group).map(|row| row * stride + j);
        let mean = members.clone().map(|place| rows[place]).sum::<f32>() / group as f32;
        assert!((means[g * stride + j] - mean).abs() < 1e-6);
        for place in members {
            let slope = f32::from(u8::from(rows[place] > 0.0));
            assert!((spread[place] - upstream[g * stride + j] / group as f32 * slope).abs() < 1e-7);
        }
    }
}

#[test]
fn moments_that_no_gradient_feeds_end_at_zero_not_in_denormal_numbers() {
    let adam = Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-5 };
    let (mut weights, mut m, mut v) = (noise(LANES, 1), noise(LANES, 2), Aligned::zeros(LANES));
    for step in 1..1000 {
        adam.apply(Isa::best(), step, &[0.0; LANES], 1.0, (&mut weights, &mut m, &mut v));
    }
    assert!(m.iter().all(|&x| x == 0.0));
}

#[test]
fn numbers_start_on_a_cache_line() {
    for len in [1, 5, 100, 10_000] {
        let numbers = noise(len, 1);
        assert_eq!(numbers.as_ptr() as usize % 64, 0);
        assert_eq!(bits(&numbers.clone()), bits(&numbers));
        assert_eq!(numbers.clone().as_ptr() as usize % 64, 0);
    }
}

#[test]
#[should_panic(expected = "an operand is smaller")]
fn an_operand_that_is_too_small_is_refused() {
    let left = Left::Plain(View { data: &[0.0; 7], stride: 4 });
    let right = View { data: &[0.0; 4 * LANES], stride: LANES };
    let (start, finish) = (Start::Zero, Finish::Keep);
    let product = Product { rows: 2, inner: 4, columns: 3, left, right, start, finish };
    product.store(Isa::best(), &mut [0.0; 2 * LANES], LANES);
}

#[test]
#[should_panic(expected = "the target is smaller")]
fn a_target_whose_rows_run_into_each_other_is_refused() {
    let left = Left::Plain(View { data: &[0.0; 8], stride: 4 });
    let right = View { data: &[0.0; 4 * LANES], stride: LANES };
    let (start, finish) = (Start::Zero, Finish::Keep);
    let product = Product { rows: 2, inner: 4, columns: 3, left, right, start, finish };
    product.store(Isa::best(), &mut [0.0; 2 * LANES], 8);
}
