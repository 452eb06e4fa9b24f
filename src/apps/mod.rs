//! Applications: what belongs to one domain alone and is no simulation of it. Each domain that has one has a folder here, of its
//! name, and only that folder and the command line name the domain.

pub mod cluster;
pub mod jamming;
pub mod report;

use self::report::Wanted;
use crate::error::Result;

/// The domains that have a report, in the order of their names, and what measures and shows it.
pub const REPORTS: [(&str, fn(Wanted<'_>) -> Result<()>); 2] =
    [("cluster", cluster::report::run), ("jamming", jamming::report::run)];
