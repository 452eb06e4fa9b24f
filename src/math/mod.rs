//! Pure kernels without ECS: connectivity of graphs, spatial search, clustering, small matrices, statistics.

pub mod dbscan;
pub mod fiedler;
pub mod grid;
pub mod simd;
