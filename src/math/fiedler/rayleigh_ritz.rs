//! The small problem inside LOBPCG: the best approximations of the smallest eigenvalues in a search space.

use super::jacobi::{Small, symmetric_eigen};

/// Most vectors that can be iterated together.
pub(super) const MAX_BLOCK: usize = 4;
/// Most vectors of a search space: the current ones, the last steps, the preconditioned residuals.
const MAX_SPACE: usize = 3 * MAX_BLOCK;
/// Directions that are this much shorter than the others, squared, once those are taken out, are dropped.
const DEPENDENT: f64 = 1e-10;

/// Inner products of the vectors s_i that span a search space: first the current vectors, then the last steps, then the
/// preconditioned residuals, of each kind as many as are iterated together.
#[derive(Clone)]
pub(super) struct Gram {
    block: usize,
    /// (s_i, s_j)
    mass: Small<MAX_SPACE>,
    /// (s_i, L s_j)
    stiffness: Small<MAX_SPACE>,
}

/// The vectors of one kind in a search space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The current ones.
    Current = 0,
    /// The last steps.
    Step = 1,
    /// The preconditioned residuals.
    Residual = 2,
}

/// The best approximations in a search space.
pub(super) struct Ritz {
    /// Approximate eigenvalues, ascending. As many as the space has independent directions, then infinity.
    pub(super) values: [f64; MAX_SPACE],
    /// Column b combines the vectors of the space to the b-th new vector.
    coefficients: Small<MAX_SPACE>,
}

impl Ritz {
    /// How much of each vector of a part goes into each new vector.
    pub(super) fn coefficients<const B: usize>(&self, part: Part) -> [[f64; B]; B] {
        std::array::from_fn(|k| std::array::from_fn(|b| self.coefficients[part as usize * B + k][b]))
    }
}

impl Gram {
    /// For `block` vectors iterated together, all inner products zero.
    pub(super) fn new(block: usize) -> Self {
        Self { block, mass: [[0.0; MAX_SPACE]; MAX_SPACE], stiffness: [[0.0; MAX_SPACE]; MAX_SPACE] }
    }

    /// Sets the inner products of one part with another, and the other way round.
    pub(super) fn set<const B: usize>(&mut self, a: Part, b: Part, mass: &[[f64; B]; B], stiffness: &[[f64; B]; B]) {
        let (row, column) = (a as usize * B, b as usize * B);
        for (all, part) in [(&mut self.mass, mass), (&mut self.stiffness, stiffness)] {
            for i in 0..B {
                for j in 0..B {
                    all[row + i][column + j] = part[i][j];
                    all[column + j][row + i] = part[i][j];
                }
            }
        }
    }

    /// Rayleigh-Ritz approximations in the space of all parts up to `last`; its vectors may be linearly dependent.
    pub(super) fn ritz(&self, last: Part) -> Ritz {
        let len = self.block * (last as usize + 1);
        let scale: [f64; MAX_SPACE] =
            std::array::from_fn(|i| if self.mass[i][i] > 0.0 { 1.0 / self.mass[i][i].sqrt() } else { 0.0 });
        let scaled: Small<MAX_SPACE> =
            std::array::from_fn(|i| std::array::from_fn(|j| scale[i] * self.mass[i][j] * scale[j]));
        let (lengths2, directions) = symmetric_eigen(scaled, len);
        // Column k of the basis is the k-th direction, made unit length.
        let mut basis = [[0.0; MAX_SPACE]; MAX_SPACE];
        let mut kept = 0;
        for k in (0..len).filter(|&k| lengths2[k] > DEPENDENT) {
            for i in 0..len {
                basis[i][kept] = scale[i] * directions[i][k] / lengths2[k].sqrt();
            }
            kept += 1;
        }
        let (values, vectors) = symmetric_eigen(congruent(&self.stiffness, &basis, len), kept);
        let mut coefficients = [[0.0; MAX_SPACE]; MAX_SPACE];
        for i in 0..len {
            for b in 0..self.block.min(kept) {
                coefficients[i][b] = (0..kept).map(|k| basis[i][k] * vectors[k][b]).sum();
            }
        }
        Ritz { values: std::array::from_fn(|k| if k < kept { values[k] } else { f64::INFINITY }), coefficients }
    }

    /// Inner products among the new vectors and the new last steps; those with new residuals are still zero.
    pub(super) fn of_next(&self, ritz: &Ritz) -> Self {
        let (block, len) = (self.block, 3 * self.block);
        let mut next = [[0.0; MAX_SPACE]; MAX_SPACE];
        for (i, (next, new)) in next.iter_mut().zip(&ritz.coefficients).enumerate().take(len) {
            for b in 0..block {
                next[b] = new[b];
                // A step is what a new vector has apart from the current ones.
                next[block + b] = if i < block { 0.0 } else { new[b] };
            }
        }
        Self { block, mass: congruent(&self.mass, &next, len), stiffness: congruent(&self.stiffness, &next, len) }
    }
}

/// C' A C for the leading `len` rows and columns.
fn congruent(a: &Small<MAX_SPACE>, c: &Small<MAX_SPACE>, len: usize) -> Small<MAX_SPACE> {
    let mut product = [[0.0; MAX_SPACE]; MAX_SPACE];
    let mut result = [[0.0; MAX_SPACE]; MAX_SPACE];
    for i in 0..len {
        for k in 0..len {
            for j in 0..len {
                product[i][j] += a[i][k] * c[k][j];
            }
        }
    }
    for k in 0..len {
        for i in 0..len {
            for j in 0..len {
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
        let mut gram = Gram::new(4);
        for (i, a) in vectors.iter().enumerate() {
            for (j, b) in vectors.iter().enumerate() {
                gram.mass[i][j] = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
                gram.stiffness[i][j] = a[0] * b[0] + 2.0 * a[1] * b[1] + 3.0 * a[2] * b[2];
            }
        }
        let ritz = gram.ritz(Part::Current);
        for k in 0..3 {
            assert!((ritz.values[k] - (k + 1) as f64).abs() < 1e-12, "{:?}", ritz.values);
        }
        assert_eq!(ritz.values[3], f64::INFINITY);
        let of_current = ritz.coefficients::<4>(Part::Current);
        let first: Vec<f64> = (0..3).map(|k| (0..4).map(|i| of_current[i][0] * vectors[i][k]).sum()).collect();
        assert!((first[0].abs() - 1.0).abs() < 1e-12 && first[1].abs() < 1e-12 && first[2].abs() < 1e-12);
    }
}
