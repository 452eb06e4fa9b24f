//! The plain format: one row per workload, amounts as they are.

use std::io::BufRead;

use super::{NUM_RESOURCES, Read, Workload, csv::Csv, lines::Lines};
use crate::error::Result;

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
            "" => MIDDLE,
            "1" => 1,
            "2" => 2,
            "3" => 3,
            _ => return Err(row.refuse(COLUMNS.len(), "1, 2 or 3")),
        };
        read.workloads.push(Workload {
            arrival_s: row.needed(0)?,
            duration_s: row.amount(1)?,
            demand: [row.needed(2)?, row.needed(3)?, row.needed(4)?, row.needed(5)?],
            priority,
        });
    }
    Ok(read)
}

pub(super) fn read_nodes<R: BufRead>(lines: Lines<R>, limit: usize) -> Result<Vec<[f64; NUM_RESOURCES]>> {
    let mut csv = Csv::new(lines, &NODE_COLUMNS, &[])?;
    let mut nodes = Vec::new();
    while nodes.len() < limit
        && let Some(row) = csv.next()?
    {
        nodes.push([row.needed(0)?, row.needed(1)?, row.needed(2)?, row.needed(3)?]);
    }
    Ok(nodes)
}
