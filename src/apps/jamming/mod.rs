//! Around domain `jamming`: its report.

pub mod report;
