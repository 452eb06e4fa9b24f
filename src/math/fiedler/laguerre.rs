//! Smallest eigenvalue of eight positive definite tridiagonal matrices at once, one in each lane.
//!
//! Laguerre's iteration climbs from zero to the smallest root of the characteristic polynomial (Wilkinson, The
//! Algebraic Eigenvalue Problem, section 7.52; Parlett, The Symmetric Eigenvalue Problem, section 7.5). It never passes
//! the smallest root of a polynomial whose roots are all real, so no bracketing is needed.

use crate::math::simd::{Lanes, Simd};

/// Relative error at which the iteration stops.
const TOLERANCE: f64 = 1e-11;
/// How far beyond the root rounding may carry a step, relative to the root.
const OVERSHOOT: f64 = 1e-5;
/// Steps after which a lane stops come what may. A simple root takes 5 to 8, an exactly double one about 20.
const MAX_STEPS: usize = 200;
/// Terms of the recurrence between two rescalings; a term grows by at most 2 n, so 16 stay far from overflow.
const RESCALE: usize = 16;

/// Laguerre's iteration from zero to the smallest root of det(T - x) for a positive definite tridiagonal T. A lane that
/// has converged is frozen, so it does not matter how long the others take.
#[inline(always)]
pub(super) fn smallest_root<S: Simd>(s: S, diagonal: &[Lanes], off_diagonal2: &[Lanes]) -> Lanes {
    let degree = diagonal.len() as f64;
    let zero = s.splat(0.0);
    let mut largest = zero;
    for d in diagonal {
        let d = s.load(d);
        largest = s.select(s.lt(largest, d), d, largest);
    }
    // Steps below the rounding error of T carry no information.
    let noise = s.mul(largest, s.splat(2.0 * f64::EPSILON));
    let mut root = zero;
    let mut previous = zero;
    let mut active = s.lt(zero, s.splat(1.0));
    for _ in 0..MAX_STEPS {
        let (p, q, h) = characteristic(s, diagonal, off_diagonal2, root);
        // With G = q / p and H = G^2 - 2 h / p: step = n / (G + sqrt((n - 1) (n H - G^2))).
        let radicand = s.neg_mul_add(
            s.mul(s.splat(2.0 * degree * (degree - 1.0)), h),
            p,
            s.mul(s.mul(s.splat((degree - 1.0) * (degree - 1.0)), q), q),
        );
        let radicand = s.select(s.lt(zero, radicand), radicand, zero);
        let step = s.div(s.mul(s.splat(degree), p), s.add(q, s.sqrt(radicand)));
        // Where all other roots are nearly equal, rounding in the radicand can carry a step a little beyond the root. A
        // small step back is then taken, and it is the last one. The comparison is false for NaN.
        let is_back = s.and(s.lt(step, zero), s.lt(s.mul(root, s.splat(-OVERSHOOT)), step));
        root = s.select(s.and(active, is_back), s.add(root, step), root);
        active = s.and(active, s.lt(noise, step));
        root = s.select(active, s.add(root, step), root);
        // Convergence is at least linear with the ratio of the last two steps, which bounds what is still missing.
        let missing = s.mul(step, step);
        let allowed = s.mul(s.mul(s.splat(TOLERANCE), root), s.sub(previous, step));
        active = s.and_not(active, s.lt(missing, allowed));
        if !s.any(active) {
            break;
        }
        previous = step;
    }
    let mut result = Lanes::default();
    s.store(&mut result, root);
    result
}

/// p = det(T - x), q = -p' and h = p'' / 2, all times one power of two, by the three-term recurrence.
#[inline(always)]
fn characteristic<S: Simd>(s: S, diagonal: &[Lanes], off_diagonal2: &[Lanes], x: S::F) -> (S::F, S::F, S::F) {
    let zero = s.splat(0.0);
    let (mut p, mut q, mut h) = (s.sub(s.load(&diagonal[0]), x), s.splat(1.0), zero);
    let (mut p_old, mut q_old, mut h_old) = (s.splat(1.0), zero, zero);
    for (block, (diagonal, off_diagonal2)) in
        diagonal[1..].chunks(RESCALE).zip(off_diagonal2.chunks(RESCALE)).enumerate()
    {
        if block > 0 {
            let scale = s.recip_exponent(q);
            (p, q, h) = (s.mul(p, scale), s.mul(q, scale), s.mul(h, scale));
            (p_old, q_old, h_old) = (s.mul(p_old, scale), s.mul(q_old, scale), s.mul(h_old, scale));
        }
        for (d, e2) in diagonal.iter().zip(off_diagonal2) {
            let (d, e2) = (s.sub(s.load(d), x), s.load(e2));
            let p_new = s.mul_add(d, p, s.neg_mul_add(e2, p_old, zero));
            let q_new = s.mul_add(d, q, s.neg_mul_add(e2, q_old, p));
            let h_new = s.mul_add(d, h, s.neg_mul_add(e2, h_old, q));
            (p_old, q_old, h_old) = (p, q, h);
            (p, q, h) = (p_new, q_new, h_new);
        }
    }
    (p, q, h)
}
