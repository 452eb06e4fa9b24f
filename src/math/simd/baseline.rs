//! Eight lanes as a plain array, for any CPU.

use super::{EXPONENT, Lanes, RECIP_EXPONENT, Simd};

/// The lanes as a plain array, for any target.
#[derive(Clone, Copy)]
pub(super) struct Baseline;

#[inline(always)]
fn map2(a: Lanes, b: Lanes, f: impl Fn(f64, f64) -> f64) -> Lanes {
    Lanes(std::array::from_fn(|lane| f(a.0[lane], b.0[lane])))
}

impl Simd for Baseline {
    type F = Lanes;
    type M = [bool; 8];

    #[inline(always)]
    fn splat(self, x: f64) -> Lanes {
        Lanes([x; 8])
    }
    #[inline(always)]
    fn load(self, from: &Lanes) -> Lanes {
        *from
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes, x: Lanes) {
        *to = x;
    }
    #[inline(always)]
    fn add(self, a: Lanes, b: Lanes) -> Lanes {
        map2(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Lanes, b: Lanes) -> Lanes {
        map2(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Lanes, b: Lanes) -> Lanes {
        map2(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Lanes, b: Lanes) -> Lanes {
        map2(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        Lanes(std::array::from_fn(|lane| a.0[lane].mul_add(b.0[lane], c.0[lane])))
    }
    #[inline(always)]
    fn neg_mul_add(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        Lanes(std::array::from_fn(|lane| (-a.0[lane]).mul_add(b.0[lane], c.0[lane])))
    }
    #[inline(always)]
    fn sqrt(self, x: Lanes) -> Lanes {
        Lanes(x.0.map(f64::sqrt))
    }
    #[inline(always)]
    fn sum_each(self, rows: [Lanes; 8]) -> Lanes {
        Lanes(rows.map(|Lanes(x)| ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]))))
    }
    #[inline(always)]
    fn abs(self, x: Lanes) -> Lanes {
        Lanes(x.0.map(f64::abs))
    }
    #[inline(always)]
    fn copysign(self, x: Lanes, y: Lanes) -> Lanes {
        map2(x, y, f64::copysign)
    }
    #[inline(always)]
    fn recip_exponent(self, x: Lanes) -> Lanes {
        Lanes(x.0.map(|x| f64::from_bits(RECIP_EXPONENT.wrapping_sub(x.to_bits() & EXPONENT))))
    }
    #[inline(always)]
    fn bit(self, words: &[u64; 8], bit: u32) -> Lanes {
        Lanes(words.map(|word| f64::from_bits(0u64.wrapping_sub((word >> bit) & 1) & 1f64.to_bits())))
    }
    #[inline(always)]
    fn lt(self, a: Lanes, b: Lanes) -> [bool; 8] {
        std::array::from_fn(|lane| a.0[lane] < b.0[lane])
    }
    #[inline(always)]
    fn and(self, a: [bool; 8], b: [bool; 8]) -> [bool; 8] {
        std::array::from_fn(|lane| a[lane] & b[lane])
    }
    #[inline(always)]
    fn and_not(self, a: [bool; 8], b: [bool; 8]) -> [bool; 8] {
        std::array::from_fn(|lane| a[lane] & !b[lane])
    }
    #[inline(always)]
    fn any(self, m: [bool; 8]) -> bool {
        m.contains(&true)
    }
    #[inline(always)]
    fn select(self, m: [bool; 8], yes: Lanes, no: Lanes) -> Lanes {
        Lanes(std::array::from_fn(|lane| if m[lane] { yes.0[lane] } else { no.0[lane] }))
    }
}
