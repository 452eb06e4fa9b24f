//! The small problem inside LOBPCG: the best approximations of the smallest eigenvalues in a search space.

use super::jacobi::{Small, symmetric_eigen};

/// Vectors iterated together. Only the first must converge; the second keeps a close third eigenvalue away from it.
pub(super) const BLOCK: usize = 2;
/// Vectors of a search space: the current ones, the last step, the preconditioned residuals.
pub(super) const SPACE: usize = 3 * BLOCK;
/// Where the last step starts in a search space.
pub(super) const STEP: usize = BLOCK;
/// Where the preconditioned residuals start.
pub(super) const RESIDUAL: usize = 2 * BLOCK;
/// Directions that are this much shorter than the others, squared, once those are taken out, are dropped.
const DEPENDENT: f64 = 1e-10;

/// Inner products of the vectors s_i that span a search space.
#[derive(Clone, Default)]
pub(super) struct Gram {
    /// (s_i, s_j)
    mass: Small<SPACE>,
    /// (s_i, L s_j)
    stiffness: Small<SPACE>,
}

/// The best approximations in a search space.
pub(super) struct Ritz {
    /// Approximate eigenvalues, ascending. As many as the space has independent directions, then infinity.
    pub(super) values: [f64; SPACE],
    /// Column b combines the vectors of the space to the b-th new vector.
    pub(super) coefficients: [[f64; BLOCK]; SPACE],
}

impl Gram {
    /// Sets the inner products of the vectors from `row` on with those from `column` on, and the other way round.
    pub(super) fn set(
        &mut self,
        row: usize,
        column: usize,
        mass: &[[f64; BLOCK]; BLOCK],
        stiffness: &[[f64; BLOCK]; BLOCK],
    ) {
        for (all, part) in [(&mut self.mass, mass), (&mut self.stiffness, stiffness)] {
            for i in 0..BLOCK {
                for j in 0..BLOCK {
                    all[row + i][column + j] = part[i][j];
                    all[column + j][row + i] = part[i][j];
                }
            }
        }
    }

    /// Rayleigh-Ritz approximations in the space of the first `len` vectors, which may be linearly dependent.
    pub(super) fn ritz(&self, len: usize) -> Ritz {
        let scale: [f64; SPACE] =
            std::array::from_fn(|i| if self.mass[i][i] > 0.0 { 1.0 / self.mass[i][i].sqrt() } else { 0.0 });
        let scaled: Small<SPACE> =
            std::array::from_fn(|i| std::array::from_fn(|j| scale[i] * self.mass[i][j] * scale[j]));
        let (lengths2, directions) = symmetric_eigen(scaled, len);
        // Column k of the basis is the k-th direction, made unit length.
        let mut basis = [[0.0; SPACE]; SPACE];
        let mut kept = 0;
        for k in (0..len).filter(|&k| lengths2[k] > DEPENDENT) {
            for i in 0..len {
                basis[i][kept] = scale[i] * directions[i][k] / lengths2[k].sqrt();
            }
            kept += 1;
        }
        let (values, vectors) = symmetric_eigen(congruent(&self.stiffness, &basis), kept);
        Ritz {
            values: std::array::from_fn(|k| if k < kept { values[k] } else { f64::INFINITY }),
            coefficients: std::array::from_fn(|i| {
                std::array::from_fn(
                    |b| if b < kept { (0..kept).map(|k| basis[i][k] * vectors[k][b]).sum() } else { 0.0 },
                )
            }),
        }
    }

    /// Inner products among the new vectors and the new last steps, which fill the leading rows and columns.
    pub(super) fn of_next(&self, ritz: &Ritz) -> Self {
        let next: Small<SPACE> = std::array::from_fn(|i| {
            std::array::from_fn(|j| match (i, j) {
                (_, 0..STEP) => ritz.coefficients[i][j],
                // A step is what a new vector has apart from the current ones.
                (STEP.., STEP..RESIDUAL) => ritz.coefficients[i][j - STEP],
                _ => 0.0,
            })
        });
        Self { mass: congruent(&self.mass, &next), stiffness: congruent(&self.stiffness, &next) }
    }
}

/// C' A C.
fn congruent(a: &Small<SPACE>, c: &Small<SPACE>) -> Small<SPACE> {
    let mut product = [[0.0; SPACE]; SPACE];
    for i in 0..SPACE {
        for k in 0..SPACE {
            for j in 0..SPACE {
                product[i][j] += a[i][k] * c[k][j];
            }
        }
    }
    let mut result = [[0.0; SPACE]; SPACE];
    for i in 0..SPACE {
        for k in 0..SPACE {
            for j in 0..SPACE {
                result[i][j] += c[k][i] * product[k][j];
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependent_vector_changes_nothing() {
        // Eigenvalues 1, 2, 3 on the axes; the fourth vector repeats the sum of the first two.
        let vectors: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.3, 2.0], [1.0, 1.0, 0.0]];
        let mut gram = Gram::default();
        for (i, a) in vectors.iter().enumerate() {
            for (j, b) in vectors.iter().enumerate() {
                gram.mass[i][j] = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
                gram.stiffness[i][j] = a[0] * b[0] + 2.0 * a[1] * b[1] + 3.0 * a[2] * b[2];
            }
        }
        let ritz = gram.ritz(4);
        for k in 0..3 {
            assert!((ritz.values[k] - (k + 1) as f64).abs() < 1e-12, "{:?}", ritz.values);
        }
        assert_eq!(ritz.values[3], f64::INFINITY);
        let first: Vec<f64> = (0..3).map(|k| (0..4).map(|i| ritz.coefficients[i][0] * vectors[i][k]).sum()).collect();
        assert!((first[0].abs() - 1.0).abs() < 1e-12 && first[1].abs() < 1e-12 && first[2].abs() < 1e-12);
    }
}
