//! Eight `f64` lanes that give the same bits on every CPU.
//!
//! A kernel is written once against [`Simd`] and compiled three times: AVX-512, AVX2 with FMA, and whatever the target
//! has by default. The lane count is fixed at eight, every fused multiply-add is asked for by name, and all other
//! operations are correctly rounded by IEEE 754, so the choice made by [`dispatch`] changes speed and never a result.

#![allow(unsafe_code, reason = "vendor intrinsics; each token below proves that its CPU features were detected")]

/// Eight lanes in memory: one cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Lanes(pub [f64; 8]);

/// Lane-wise arithmetic on eight `f64` values. A value of the implementing type proves that the CPU can do it.
pub trait Simd: Copy {
    /// Eight lanes in registers.
    type F: Copy;
    /// Eight truth values.
    type M: Copy;

    /// All lanes the same.
    fn splat(self, x: f64) -> Self::F;
    /// From memory.
    fn load(self, from: &Lanes) -> Self::F;
    /// To memory.
    fn store(self, to: &mut Lanes, x: Self::F);
    /// `a + b`.
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`.
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`.
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`.
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `c - a * b`, rounded once.
    fn neg_mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// Square root.
    fn sqrt(self, x: Self::F) -> Self::F;
    /// Lane l of the result is the sum of the lanes of `rows[l]`: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)).
    fn sum_each(self, rows: [Self::F; 8]) -> Self::F;
    /// `x` with its sign cleared.
    fn abs(self, x: Self::F) -> Self::F;
    /// `x` with the sign of `y`.
    fn copysign(self, x: Self::F, y: Self::F) -> Self::F;
    /// For normal `x`, the power of two `s` with `1 <= |s * x| < 2`.
    fn recip_exponent(self, x: Self::F) -> Self::F;
    /// 1.0 in each lane whose word has bit `bit` set, else 0.0. `bit < 64`.
    fn bit(self, words: &[u64; 8], bit: u32) -> Self::F;
    /// `a < b`, false where either is not a number.
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    /// True where both are.
    fn and(self, a: Self::M, b: Self::M) -> Self::M;
    /// True where `a` is and `b` is not.
    fn and_not(self, a: Self::M, b: Self::M) -> Self::M;
    /// Whether any lane is true.
    fn any(self, m: Self::M) -> bool;
    /// `yes` where true, `no` elsewhere.
    fn select(self, m: Self::M, yes: Self::F, no: Self::F) -> Self::F;
}

/// Work to be compiled once for each instruction set. Mark `run` and what it calls `#[inline(always)]`: only code that is
/// inlined into the dispatching function is compiled for the detected features.
pub trait Kernel {
    /// What the work gives back.
    type Output;
    /// Does the work with `simd`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the compilation target guarantees.
    Baseline,
    /// AVX2 and FMA, x86-64.
    Avx2,
    /// AVX-512 F and DQ, x86-64.
    Avx512,
}

impl Level {
    /// The best level of this CPU.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if x86::Avx512::detect().is_some() {
                return Self::Avx512;
            }
            if x86::Avx2::detect().is_some() {
                return Self::Avx2;
            }
        }
        Self::Baseline
    }
}

/// Runs `kernel` with the best instruction set of this CPU.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(Level::Avx512, kernel)
}

/// Runs `kernel` with the best instruction set of this CPU that is not above `highest`.
#[inline]
pub fn dispatch_at<K: Kernel>(highest: Level, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if highest >= Level::Avx512
            && let Some(simd) = x86::Avx512::detect()
        {
            return simd.run(kernel);
        }
        if highest >= Level::Avx2
            && let Some(simd) = x86::Avx2::detect()
        {
            return simd.run(kernel);
        }
    }
    let _ = highest;
    kernel.run(Baseline)
}

/// The lanes as a plain array, for any target.
#[derive(Clone, Copy)]
struct Baseline;

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

/// Exponent bits of an `f64`.
const EXPONENT: u64 = 0x7ff << 52;
/// Twice the exponent bias in place: subtracting an exponent from it negates the power of two.
const RECIP_EXPONENT: u64 = 2046 << 52;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{EXPONENT, Kernel, Lanes, RECIP_EXPONENT, Simd};
    use std::arch::x86_64::*;

    /// Proof that AVX-512 F and DQ, AVX2 and FMA were detected.
    #[derive(Clone, Copy)]
    pub(super) struct Avx512(());

    impl Avx512 {
        #[inline]
        pub(super) fn detect() -> Option<Self> {
            (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && Avx2::detect().is_some())
                .then_some(Self(()))
        }

        #[inline]
        pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
            #[target_feature(enable = "avx512f,avx512dq,avx2,fma,popcnt,bmi1")]
            fn compiled<K: Kernel>(simd: Avx512, kernel: K) -> K::Output {
                kernel.run(simd)
            }
            // SAFETY: `self` exists only after all features of `compiled` were detected.
            unsafe { compiled(self, kernel) }
        }
    }

    /// Proof that AVX2 and FMA were detected.
    #[derive(Clone, Copy)]
    pub(super) struct Avx2(());

    impl Avx2 {
        #[inline]
        pub(super) fn detect() -> Option<Self> {
            (is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("bmi1"))
            .then_some(Self(()))
        }

        #[inline]
        pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
            #[target_feature(enable = "avx2,fma,popcnt,bmi1")]
            fn compiled<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
                kernel.run(simd)
            }
            // SAFETY: `self` exists only after all features of `compiled` were detected.
            unsafe { compiled(self, kernel) }
        }
    }

    /// Wraps intrinsics; sound because the token `self` proves the features.
    macro_rules! lanes {
        ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $body:expr;)*) => {$(
            #[inline(always)]
            fn $name(self, $($arg: $ty),*) -> $ret {
                // SAFETY: the token proves the CPU features; pointers come from references to 64 valid bytes.
                unsafe { $body }
            }
        )*};
    }

    impl Simd for Avx512 {
        type F = __m512d;
        type M = __mmask8;

        lanes! {
            splat(x: f64) -> __m512d = _mm512_set1_pd(x);
            load(from: &Lanes) -> __m512d = _mm512_load_pd(from.0.as_ptr());
            store(to: &mut Lanes, x: __m512d) -> () = _mm512_store_pd(to.0.as_mut_ptr(), x);
            add(a: __m512d, b: __m512d) -> __m512d = _mm512_add_pd(a, b);
            sub(a: __m512d, b: __m512d) -> __m512d = _mm512_sub_pd(a, b);
            mul(a: __m512d, b: __m512d) -> __m512d = _mm512_mul_pd(a, b);
            div(a: __m512d, b: __m512d) -> __m512d = _mm512_div_pd(a, b);
            mul_add(a: __m512d, b: __m512d, c: __m512d) -> __m512d = _mm512_fmadd_pd(a, b, c);
            neg_mul_add(a: __m512d, b: __m512d, c: __m512d) -> __m512d = _mm512_fnmadd_pd(a, b, c);
            sqrt(x: __m512d) -> __m512d = _mm512_sqrt_pd(x);
            sum_each(rows: [__m512d; 8]) -> __m512d = {
                // Pairs of neighbours, then pairs of pairs within a half, then the halves; 01 stands for rows 0 and 1.
                let pairs = |a, b| _mm512_add_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
                let quads = |a, b| {
                    let even = _mm512_shuffle_f64x2::<0b10_00_10_00>(a, b);
                    let odd = _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b);
                    _mm512_add_pd(even, odd)
                };
                let s01 = pairs(rows[0], rows[1]);
                let s23 = pairs(rows[2], rows[3]);
                let s45 = pairs(rows[4], rows[5]);
                let s67 = pairs(rows[6], rows[7]);
                quads(quads(s01, s23), quads(s45, s67))
            };
            abs(x: __m512d) -> __m512d = _mm512_abs_pd(x);
            copysign(x: __m512d, y: __m512d) -> __m512d =
                _mm512_or_pd(_mm512_abs_pd(x), _mm512_and_pd(y, _mm512_set1_pd(-0.0)));
            recip_exponent(x: __m512d) -> __m512d = _mm512_castsi512_pd(_mm512_sub_epi64(
                _mm512_set1_epi64(RECIP_EXPONENT.cast_signed()),
                _mm512_and_si512(_mm512_castpd_si512(x), _mm512_set1_epi64(EXPONENT.cast_signed())),
            ));
            bit(words: &[u64; 8], bit: u32) -> __m512d = {
                let words = _mm512_loadu_si512(words.as_ptr().cast());
                let set = _mm512_test_epi64_mask(words, _mm512_set1_epi64((1u64 << (bit & 63)).cast_signed()));
                _mm512_maskz_mov_pd(set, _mm512_set1_pd(1.0))
            };
            lt(a: __m512d, b: __m512d) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b);
            select(m: __mmask8, yes: __m512d, no: __m512d) -> __m512d = _mm512_mask_blend_pd(m, no, yes);
        }

        #[inline(always)]
        fn and(self, a: __mmask8, b: __mmask8) -> __mmask8 {
            a & b
        }
        #[inline(always)]
        fn and_not(self, a: __mmask8, b: __mmask8) -> __mmask8 {
            a & !b
        }
        #[inline(always)]
        fn any(self, m: __mmask8) -> bool {
            m != 0
        }
    }

    type Pair = [__m256d; 2];

    impl Simd for Avx2 {
        type F = Pair;
        type M = Pair;

        lanes! {
            splat(x: f64) -> Pair = [_mm256_set1_pd(x); 2];
            load(from: &Lanes) -> Pair = {
                let from = from.0.as_ptr();
                [_mm256_load_pd(from), _mm256_load_pd(from.add(4))]
            };
            store(to: &mut Lanes, x: Pair) -> () = {
                let to = to.0.as_mut_ptr();
                _mm256_store_pd(to, x[0]);
                _mm256_store_pd(to.add(4), x[1]);
            };
            add(a: Pair, b: Pair) -> Pair = [_mm256_add_pd(a[0], b[0]), _mm256_add_pd(a[1], b[1])];
            sub(a: Pair, b: Pair) -> Pair = [_mm256_sub_pd(a[0], b[0]), _mm256_sub_pd(a[1], b[1])];
            mul(a: Pair, b: Pair) -> Pair = [_mm256_mul_pd(a[0], b[0]), _mm256_mul_pd(a[1], b[1])];
            div(a: Pair, b: Pair) -> Pair = [_mm256_div_pd(a[0], b[0]), _mm256_div_pd(a[1], b[1])];
            mul_add(a: Pair, b: Pair, c: Pair) -> Pair =
                [_mm256_fmadd_pd(a[0], b[0], c[0]), _mm256_fmadd_pd(a[1], b[1], c[1])];
            neg_mul_add(a: Pair, b: Pair, c: Pair) -> Pair =
                [_mm256_fnmadd_pd(a[0], b[0], c[0]), _mm256_fnmadd_pd(a[1], b[1], c[1])];
            sqrt(x: Pair) -> Pair = [_mm256_sqrt_pd(x[0]), _mm256_sqrt_pd(x[1])];
            sum_each(rows: [Pair; 8]) -> Pair = {
                // `hadd` adds neighbours; the halves of a lane pair hold lanes 0 to 3 and 4 to 7 of a row.
                let quads = |half: usize, first: usize| {
                    let s01 = _mm256_hadd_pd(rows[first][half], rows[first + 1][half]);
                    let s23 = _mm256_hadd_pd(rows[first + 2][half], rows[first + 3][half]);
                    let low = _mm256_permute2f128_pd::<0x20>(s01, s23);
                    let high = _mm256_permute2f128_pd::<0x31>(s01, s23);
                    _mm256_add_pd(low, high)
                };
                [_mm256_add_pd(quads(0, 0), quads(1, 0)), _mm256_add_pd(quads(0, 4), quads(1, 4))]
            };
            abs(x: Pair) -> Pair = {
                let sign = _mm256_set1_pd(-0.0);
                [_mm256_andnot_pd(sign, x[0]), _mm256_andnot_pd(sign, x[1])]
            };
            copysign(x: Pair, y: Pair) -> Pair = {
                let sign = _mm256_set1_pd(-0.0);
                [
                    _mm256_or_pd(_mm256_andnot_pd(sign, x[0]), _mm256_and_pd(sign, y[0])),
                    _mm256_or_pd(_mm256_andnot_pd(sign, x[1]), _mm256_and_pd(sign, y[1])),
                ]
            };
            recip_exponent(x: Pair) -> Pair = {
                let all = _mm256_set1_epi64x(RECIP_EXPONENT.cast_signed());
                let mask = _mm256_set1_epi64x(EXPONENT.cast_signed());
                x.map(|x| {
                    _mm256_castsi256_pd(_mm256_sub_epi64(all, _mm256_and_si256(_mm256_castpd_si256(x), mask)))
                })
            };
            bit(words: &[u64; 8], bit: u32) -> Pair = {
                let one = _mm256_set1_epi64x(1);
                let shift = _mm_cvtsi32_si128((bit & 63).cast_signed());
                let from = words.as_ptr().cast::<__m256i>();
                [_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1))].map(|words| {
                    let set = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_srl_epi64(words, shift), one), one);
                    _mm256_and_pd(_mm256_castsi256_pd(set), _mm256_set1_pd(1.0))
                })
            };
            lt(a: Pair, b: Pair) -> Pair =
                [_mm256_cmp_pd::<_CMP_LT_OQ>(a[0], b[0]), _mm256_cmp_pd::<_CMP_LT_OQ>(a[1], b[1])];
            and(a: Pair, b: Pair) -> Pair = [_mm256_and_pd(a[0], b[0]), _mm256_and_pd(a[1], b[1])];
            and_not(a: Pair, b: Pair) -> Pair = [_mm256_andnot_pd(b[0], a[0]), _mm256_andnot_pd(b[1], a[1])];
            any(m: Pair) -> bool = _mm256_movemask_pd(_mm256_or_pd(m[0], m[1])) != 0;
            select(m: Pair, yes: Pair, no: Pair) -> Pair =
                [_mm256_blendv_pd(no[0], yes[0], m[0]), _mm256_blendv_pd(no[1], yes[1], m[1])];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation once, on lanes chosen to show rounding, signs, zeros and not-a-numbers.
    struct Everything<'a> {
        a: &'a Lanes,
        b: &'a Lanes,
        c: &'a Lanes,
    }

    impl Kernel for Everything<'_> {
        type Output = Vec<u64>;

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<u64> {
            let (a, b, c) = (s.load(self.a), s.load(self.b), s.load(self.c));
            let words = [0, 1, 2, u64::MAX, 1 << 63, 0xaaaa, 0x5555, 7];
            let below = s.lt(a, b);
            let results = [
                s.splat(0.1),
                s.add(a, b),
                s.sub(a, b),
                s.mul(a, b),
                s.div(a, b),
                s.mul_add(a, b, c),
                s.neg_mul_add(a, b, c),
                s.sqrt(s.abs(a)),
                s.sum_each([s.splat(0.1), b, c, s.mul(b, c), s.add(b, c), s.sub(c, b), s.sub(b, c), s.abs(c)]),
                s.copysign(a, b),
                s.recip_exponent(c),
                s.bit(&words, 0),
                s.bit(&words, 63),
                s.select(below, a, b),
                s.select(s.and(below, s.lt(b, c)), a, b),
                s.select(s.and_not(below, s.lt(b, c)), a, b),
                s.splat(f64::from(u8::from(s.any(below)))),
            ];
            let mut memory = Lanes::default();
            let mut bits = Vec::new();
            for result in results {
                s.store(&mut memory, result);
                // The payload of a not-a-number is not promised, its being one is.
                bits.extend(memory.0.map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }));
            }
            bits
        }
    }

    #[test]
    fn every_operation_gives_the_same_bits_at_every_level() {
        let a = Lanes([0.1, -0.0, 3.0, f64::NAN, 1e300, -7.7, 1e-310, f64::INFINITY]);
        let b = Lanes([0.3, 0.0, -3.0, 1.0, 1e300, -7.6, 3.0, 2.0]);
        let c = Lanes([1.0, 2.0, 3.5, -0.75, 1e-200, 1e200, 1023.0, 4.0]);
        let at = |level| dispatch_at(level, Everything { a: &a, b: &b, c: &c });
        assert_eq!(at(Level::Baseline), at(Level::Avx2));
        assert_eq!(at(Level::Baseline), at(Level::Avx512));
    }

    #[test]
    fn recip_exponent_brings_a_number_between_one_and_two() {
        for x in [1.0, 1.999, 2.0, 3.0e77, 5.0e-77, -12.5] {
            let scaled = (Baseline.recip_exponent(Lanes([x; 8])).0[0] * x).abs();
            assert!((1.0..2.0).contains(&scaled), "{x} became {scaled}");
        }
    }
}
