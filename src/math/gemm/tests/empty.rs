//! Every dimension may be 0, and then the operands are empty: nothing is computed, or the call is refused before a kernel
//! takes an address in them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

const NONE: View<'_> = View { data: &[], stride: 0 };

/// Both kinds of left operand and both kinds of slope without a number in them.
fn empty_product((rows, inner, columns): (usize, usize, usize), is_turned: bool) -> Product<'static> {
    let left = if is_turned { Left::Transposed(NONE) } else { Left::Plain(NONE) };
    let finish = if is_turned { Finish::ReluSlope(NONE) } else { Finish::TanhSlope(NONE) };
    Product { rows, inner, columns, left, right: NONE, start: Start::Row(&[]), finish }
}

/// Whether a call panics, and with these words.
fn is_refused(words: &str, call: impl FnOnce()) -> bool {
    let Err(told) = catch_unwind(AssertUnwindSafe(call)) else { return false };
    let told = told.downcast_ref::<&str>().map(|text| (*text).to_owned()).or(told.downcast_ref::<String>().cloned());
    told.is_some_and(|told| told.contains(words))
}

#[test]
fn a_product_without_rows_or_columns_writes_nothing() {
    for isa in Isa::available() {
        for size in [(0, 3, 5), (3, 3, 0), (0, 0, 5), (3, 0, 0), (0, 3, 0), (0, 0, 0)] {
            for is_turned in [false, true] {
                let mut target = [7.0; LANES];
                empty_product(size, is_turned).store(isa, &mut target, LANES);
                empty_product(size, is_turned).store(isa, &mut [], 0);
                assert_eq!(target, [7.0; LANES], "{size:?} on {}", isa.name());
            }
        }
    }
}

#[test]
fn a_product_over_nothing_is_refused_whether_or_not_its_operands_are_empty() {
    let full = View { data: &[1.0; 4 * LANES], stride: LANES };
    for isa in Isa::available() {
        for (rows, columns) in [(1, 1), (4, LANES), (4, 5)] {
            for (left, right) in [(NONE, NONE), (NONE, full), (full, NONE), (full, full)] {
                for left in [Left::Plain(left), Left::Transposed(left)] {
                    let (start, finish) = (Start::Zero, Finish::Keep);
                    let product = Product { rows, inner: 0, columns, left, right, start, finish };
                    let mut target = [7.0; 4 * LANES];
                    assert!(is_refused("inner dimension is 0", || product.store(isa, &mut target, LANES)));
                    assert_eq!(target, [7.0; 4 * LANES]);
                }
            }
        }
    }
}

#[test]
fn an_empty_operand_is_refused_where_the_sizes_ask_for_one() {
    let full = View { data: &[1.0; 4 * LANES], stride: LANES };
    let whole = Product {
        rows: 2,
        inner: 2,
        columns: 3,
        left: Left::Plain(full),
        right: full,
        start: Start::Zero,
        finish: Finish::Keep,
    };
    for product in [
        Product { left: Left::Plain(NONE), ..whole },
        Product { left: Left::Transposed(NONE), ..whole },
        Product { right: NONE, ..whole },
        Product { start: Start::Row(&[]), ..whole },
        Product { finish: Finish::ReluSlope(NONE), ..whole },
        Product { finish: Finish::TanhSlope(NONE), ..whole },
    ] {
        assert!(is_refused("smaller than", || product.store(Isa::best(), &mut [0.0; 2 * LANES], LANES)), "{product:?}");
    }
    assert!(is_refused("smaller than", || whole.store(Isa::best(), &mut [], LANES)));
    whole.store(Isa::best(), &mut [0.0; 2 * LANES], LANES);
}

#[test]
fn sweeps_over_nothing_do_nothing() {
    for isa in Isa::available() {
        let adam = Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-5 };
        adam.apply(isa, 1, &[], 1.0, (&mut [], &mut [], &mut []));
        add(isa, &mut [], &[]);
        assert_eq!(sum_of_squares(isa, &[]), 0.0);
        for sizes in [(0, 3, 5), (3, 2, 0), (0, 2, 0)] {
            mean_of_groups(isa, sizes, NONE, &mut [], 0);
            for finish in [Finish::Keep, Finish::ReluSlope(NONE), Finish::TanhSlope(NONE)] {
                spread_to_groups(isa, sizes, NONE, finish, &mut [], 0);
            }
        }
    }
    transpose((0, 0), NONE, &mut [], 0);
    transpose((0, 5), NONE, &mut [], 0);
    transpose((5, 0), NONE, &mut [], 0);
}

#[test]
fn a_group_of_no_rows_has_no_mean() {
    let full = View { data: &[1.0; 2 * LANES], stride: LANES };
    for rows in [NONE, full] {
        let mut target = [7.0; 2 * LANES];
        assert!(is_refused("no rows", || mean_of_groups(Isa::best(), (2, 0, 5), rows, &mut target, LANES)));
        let spread = || spread_to_groups(Isa::best(), (2, 0, 5), full, Finish::Keep, &mut target, LANES);
        assert!(is_refused("no rows", spread));
        assert_eq!(target, [7.0; 2 * LANES]);
    }
}
