//! Eight lanes in one AVX-512 register or two AVX2 registers.

#![allow(unsafe_code, reason = "vendor intrinsics; each token proves that its CPU features were detected")]

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
