//! Algebraic connectivity (lambda-2) and Fiedler vectors of undirected graphs.
//!
//! The Laplacian of a graph is L = D - A, with the degrees D on the diagonal and the 0/1 adjacency A. Its smallest
//! eigenvalue is 0, with the constant vector; the second smallest, lambda-2, tells how well the graph hangs together: 0
//! if and only if it falls apart, n for the complete graph, never more than n / (n - 1) times the smallest degree
//! (Fiedler, Czechoslovak Math. J. 23, 1973). The eigenvector of lambda-2 is the Fiedler vector; its sign shows where
//! the graph is easiest to cut.
//!
//! | solver | for | method | error of lambda-2 |
//! |---|---|---|---|
//! | [`DenseSolver`] | many graphs as bit rows; the large and sparse ones among them go to the other | Householder and Laguerre, eight graphs at once | 1e-9 |
//! | [`SparseSolver`] | one large graph that changes from tick to tick, as [`CsrGraph`] | LOBPCG with multigrid, warm-started | chosen |
//!
//! Both decide connectivity by a search first, so 0 means disconnected and nothing else.

mod batch_kernel;
mod bits;
mod coarsen;
mod csr;
mod dense;
mod fiedler_vector;
mod iterates;
mod jacobi;
mod laguerre;
mod lobpcg;
mod multigrid;
mod ordered;
mod rayleigh_ritz;
pub mod samples;
mod single_kernel;
#[cfg(test)]
mod tests;

pub use csr::CsrGraph;
pub use dense::DenseSolver;
pub use lobpcg::SparseSolver;
