//! fiedler
mod bits;
mod csr;
mod dense;
mod laguerre;
mod batch_kernel;
mod single_kernel;
mod jacobi;
mod multigrid;
mod lobpcg;
mod ordered;
pub mod samples;
pub use csr::CsrGraph;
pub use dense::DenseSolver;
pub use lobpcg::{cpu, SparseSolver};
