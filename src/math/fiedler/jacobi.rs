//! Eigenvalues of very small symmetric matrices, by cyclic Jacobi rotations (Golub, Van Loan, Matrix Computations,
//! 8.5).

/// A square matrix of fixed capacity, of which the leading part is used.
pub(super) type Small<const N: usize> = [[f64; N]; N];

/// Eigenvalues, ascending, and eigenvectors, as columns, of the leading `len` rows and columns of the symmetric `a`.
/// Sweeps stop when nothing off the diagonal is left above rounding error, which takes 4 to 8 of them.
pub(super) fn symmetric_eigen<const N: usize>(mut a: Small<N>, len: usize) -> ([f64; N], Small<N>) {
    let mut q = [[0.0; N]; N];
    for (i, row) in q.iter_mut().enumerate() {
        row[i] = 1.0;
    }
    for _ in 0..30 {
        let mut rotated = false;
        for i in 0..len {
            for j in i + 1..len {
                if a[i][j].abs() > f64::EPSILON * 0.25 * (a[i][i] * a[j][j]).abs().sqrt() + f64::MIN_POSITIVE {
                    rotate(&mut a, &mut q, len, i, j);
                    rotated = true;
                }
            }
        }
        if !rotated {
            break;
        }
    }
    let mut order: [usize; N] = std::array::from_fn(|i| i);
    order[..len].sort_by(|&i, &j| a[i][i].total_cmp(&a[j][j]));
    let values = order.map(|i| a[i][i]);
    (values, q.map(|row| order.map(|i| row[i])))
}

/// Makes `a[i][j]` zero by a rotation of rows and columns i and j, and applies it to the columns of `q`.
fn rotate<const N: usize>(a: &mut Small<N>, q: &mut Small<N>, len: usize, i: usize, j: usize) {
    let ratio = (a[j][j] - a[i][i]) / (2.0 * a[i][j]);
    // The smaller root of t^2 + 2 ratio t - 1 = 0 is the tangent.
    let t = 1f64.copysign(ratio) / (ratio.abs() + (ratio * ratio + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    let shift = t * a[i][j];
    a[i][i] -= shift;
    a[j][j] += shift;
    a[i][j] = 0.0;
    a[j][i] = 0.0;
    for k in (0..len).filter(|&k| k != i && k != j) {
        let (x, y) = (a[k][i], a[k][j]);
        (a[k][i], a[k][j]) = (c * x - s * y, s * x + c * y);
        (a[i][k], a[j][k]) = (a[k][i], a[k][j]);
    }
    for row in &mut q[..len] {
        (row[i], row[j]) = (c * row[i] - s * row[j], s * row[i] + c * row[j]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_six_nodes_has_its_known_spectrum() {
        let mut a = [[0.0; 8]; 8];
        for i in 0..6 {
            a[i][i] = if i == 0 || i == 5 { 1.0 } else { 2.0 };
            if i > 0 {
                a[i][i - 1] = -1.0;
                a[i - 1][i] = -1.0;
            }
        }
        let (values, vectors) = symmetric_eigen(a, 6);
        for k in 0..6 {
            let expected = 2.0 - 2.0 * libm::cos(std::f64::consts::PI * k as f64 / 6.0);
            assert!((values[k] - expected).abs() < 1e-14, "{k}: {} for {expected}", values[k]);
            for i in 0..6 {
                let product: f64 = (0..6).map(|j| a[i][j] * vectors[j][k]).sum();
                assert!((product - values[k] * vectors[i][k]).abs() < 1e-14);
            }
        }
    }
}
