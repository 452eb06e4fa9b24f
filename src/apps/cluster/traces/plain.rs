//! The plain format: one row per workload, amounts as they are.

use std::io::BufRead;

use super::{NUM_RESOURCES, Read, Workload, csv::Csv, lines::Lines, within};
use crate::{domains::cluster::scenario::MAX_NODES, error::Result};

/// Columns of workloads; a blank `duration_s` means that the trace ends first.
pub(super) const COLUMNS: [&str; 6] = ["arrival_s", "duration_s", "cpu", "memory", "third", "storage"];
/// Column that may be missing.
pub(super) const PRIORITY: &str = "priority";
/// Columns of nodes.
const NODE_COLUMNS: [&str; NUM_RESOURCES] = ["cpu", "memory", "third", "storage"];
/// Priority of a workload that has none.
const MIDDLE: u8 = 2;

pub(super) fn read<R: BufRead>(lines: Lines<R>, limit: usize) -> Result<Read> {
    let mut csv = Csv::new(lines, &COLUMNS, &[PRIORITY])?;
    let mut read = Read::default();
    while read.workloads.len() < limit
        && let Some(row) = csv.next()?
    {
        let priority = match row.text(COLUMNS.len()) {
            "1" => 1,
            "2" => 2,
            "3" => 3,
            _ if row.is_blank(COLUMNS.len()) => MIDDLE,
            _ => return Err(row.refuse(COLUMNS.len(), "1, 2 or 3")),
        };
        let demand = [row.needed(2)?, row.needed(3)?, row.needed(4)?, row.needed(5)?];
        let workload = Workload { arrival_s: row.needed(0)?, duration_s: row.amount(1)?, demand, priority };
        read.push(workload).map_err(|error| error.at(row.line(), 1))?;
    }
    Ok(read)
}

/// All nodes, or one more than a cluster can have.
pub(super) fn read_nodes<R: BufRead>(lines: Lines<R>) -> Result<Vec<[f64; NUM_RESOURCES]>> {
    let mut csv = Csv::new(lines, &NODE_COLUMNS, &[])?;
    let mut nodes = Vec::new();
    while nodes.len() <= MAX_NODES
        && let Some(row) = csv.next()?
    {
        let node = within([row.needed(0)?, row.needed(1)?, row.needed(2)?, row.needed(3)?]);
        nodes.push(node.map_err(|error| error.at(row.line(), 1))?);
    }
    Ok(nodes)
}
