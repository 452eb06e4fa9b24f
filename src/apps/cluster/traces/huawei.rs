//! Huawei East 1: creations and deletions of virtual machines in the order of time.
//!
//! A machine's running time is known when its deletion comes; those that are never deleted outlive the trace. Behind the
//! last creation that is wanted, the rest of the file is read for deletions only.

use std::{collections::BTreeMap, io::BufRead};

use super::{Read, Workload, csv::Csv, lines::Lines};
use crate::error::Result;

const COLUMNS: [&str; 5] = ["vmid", "cpu", "memory", "time", "type"];

pub(super) fn read<R: BufRead>(lines: Lines<R>, limit: usize) -> Result<Read> {
    let mut csv = Csv::new(lines, &COLUMNS, &[])?;
    let mut read = Read::default();
    let mut running: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(row) = csv.next()? {
        let time_s = row.needed(3)?;
        match row.text(4) {
            "0" if read.workloads.len() < limit => {
                if running.insert(row.text(0).to_owned(), read.workloads.len()).is_some() {
                    return Err(row.refuse(0, "the name of a machine that does not run yet"));
                }
                let demand = [row.needed(1)?, row.needed(2)?, 0.0, 0.0];
                let workload = Workload { arrival_s: time_s, duration_s: None, demand, priority: 2 };
                read.push(workload).map_err(|error| error.at(row.line(), 1))?;
            }
            "0" => {}
            "1" => match running.remove(row.text(0)) {
                Some(index) => {
                    let workload = &mut read.workloads[index];
                    if time_s < workload.arrival_s {
                        return Err(row.refuse(3, "at or after the machine's creation"));
                    }
                    workload.duration_s = Some(time_s - workload.arrival_s);
                }
                // Behind the last creation that is wanted, deletions of others are not told apart from these.
                None if read.workloads.len() < limit => {
                    read.skip("deletions of machines that were there before the trace began");
                }
                None => {}
            },
            _ => return Err(row.refuse(4, "0 for a creation or 1 for a deletion")),
        }
        if read.workloads.len() >= limit && running.is_empty() {
            break;
        }
    }
    Ok(read)
}
