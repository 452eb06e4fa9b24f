//! Applications: what belongs to one domain alone and is no simulation of it. Each domain that has one has a folder here, of its
//! name, and only that folder and the command line name the domain.

pub mod cluster;
pub mod jamming;
pub mod report;

use self::report::Wanted;
use crate::error::Result;

/// What measures and shows the tables of a domain.
pub type RunReport = fn(Wanted<'_>) -> Result<()>;

/// The domains that have a report, in the order of their names.
pub const REPORTS: [(&str, RunReport); 2] = [("cluster", cluster::report::run), ("jamming", jamming::report::run)];
