//! Around domain `cluster`: decisions for a cluster that somebody else runs, traces of real ones, and the report.

pub mod report;
pub mod serve;
pub mod traces;
