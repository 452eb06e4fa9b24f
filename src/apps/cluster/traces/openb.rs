//! Alibaba GPU 2023 ("openb"): pods and nodes of a cluster of about 1,500 machines.
//!
//! A pod wants some thousandths of each of its GPUs; here the GPUs of a node are one amount, so that two halves on two
//! cards count as one card. Pods ask at their creation and run from their scheduling, where that is told, to their deletion.
//! What became of a pod is its phase: one that failed has run, one that was still pending has not, and nobody knows for how
//! long it would have.

use std::io::BufRead;

use super::{NUM_RESOURCES, Read, Workload, csv::Csv, lines::Lines, within};
use crate::{domains::cluster::scenario::MAX_NODES, error::Result};

const PODS: [&str; 6] = ["cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "creation_time", "deletion_time"];
const OPTIONAL: [&str; 3] = ["qos", "pod_phase", "scheduled_time"];
/// Places of the columns, from 0.
const CREATED: usize = 4;
const DELETED: usize = 5;
const QOS: usize = PODS.len();
const PHASE: usize = QOS + 1;
const SCHEDULED: usize = QOS + 2;
const NODES: [&str; 3] = ["cpu_milli", "memory_mib", "gpu"];

const MILLI: f64 = 1e-3;
const MIB_IN_GIB: f64 = 1.0 / 1024.0;

pub(super) fn read<R: BufRead>(lines: Lines<R>, limit: usize) -> Result<Read> {
    let mut csv = Csv::new(lines, &PODS, &OPTIONAL)?;
    let mut read = Read::default();
    while read.workloads.len() < limit
        && let Some(row) = csv.next()?
    {
        let created_s = row.needed(CREATED)?;
        let scheduled_s = row.amount(SCHEDULED)?;
        let deleted_s = row.amount(DELETED)?;
        let starts_s = scheduled_s.unwrap_or(created_s);
        if starts_s < created_s {
            return Err(row.refuse(SCHEDULED, "at or after `creation_time`"));
        }
        if deleted_s.is_some_and(|deleted_s| deleted_s < starts_s) {
            let after = if scheduled_s.is_some() { "scheduled_time" } else { "creation_time" };
            return Err(row.refuse(DELETED, &format!("at or after `{after}`")));
        }
        if row.text(PHASE).eq_ignore_ascii_case("Pending") && scheduled_s.is_none() {
            read.skip("pods that were never scheduled");
            continue;
        }
        // Latency-sensitive before guaranteed and burstable before best effort.
        let priority = match row.text(QOS) {
            "LS" => 3,
            "BE" => 1,
            _ => 2,
        };
        let gpus = row.needed(2)? * MILLI * row.needed(3)?;
        let workload = Workload {
            arrival_s: created_s,
            duration_s: deleted_s.map(|deleted_s| deleted_s - starts_s),
            demand: [MILLI * row.needed(0)?, MIB_IN_GIB * row.needed(1)?, gpus, 0.0],
            priority,
        };
        read.push(workload).map_err(|error| error.at(row.line(), 1))?;
    }
    Ok(read)
}

/// All nodes, or one more than a cluster can have.
pub(super) fn read_nodes<R: BufRead>(lines: Lines<R>) -> Result<Vec<[f64; NUM_RESOURCES]>> {
    let mut csv = Csv::new(lines, &NODES, &[])?;
    let mut nodes = Vec::new();
    while nodes.len() <= MAX_NODES
        && let Some(row) = csv.next()?
    {
        let node = within([MILLI * row.needed(0)?, MIB_IN_GIB * row.needed(1)?, row.needed(2)?, 0.0]);
        nodes.push(node.map_err(|error| error.at(row.line(), 1))?);
    }
    Ok(nodes)
}
