//! Pure kernels without ECS: connectivity of graphs, spatial search, clustering, small matrices, statistics.

pub mod dbscan;
pub mod fiedler;
pub mod gemm;
pub mod grid;
pub mod moments;
pub mod simd;
pub mod statistics;
