//! Alibaba GPU 2023 ("openb"): pods and nodes of a cluster of about 1,500 machines.
//!
//! A pod wants some thousandths of each of its GPUs; here the GPUs of a node are one amount, so that two halves on two
//! cards count as one card. Pods that wait for their scheduling ask at their creation and run until their deletion.

use std::io::BufRead;

use super::{NUM_RESOURCES, Read, Workload, csv::Csv, lines::Lines};
use crate::error::Result;

const PODS: [&str; 6] = ["cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "creation_time", "deletion_time"];
const QOS: &str = "qos";
const NODES: [&str; 3] = ["cpu_milli", "memory_mib", "gpu"];

const MILLI: f64 = 1e-3;
const MIB_IN_GIB: f64 = 1.0 / 1024.0;

pub(super) fn read<R: BufRead>(lines: Lines<R>, limit: usize) -> Result<Read> {
    let mut csv = Csv::new(lines, &PODS, &[QOS])?;
    let mut read = Read::default();
    while read.workloads.len() < limit
        && let Some(row) = csv.next()?
    {
        let created_s = row.needed(4)?;
        let deleted_s = row.amount(5)?;
        if deleted_s.is_some_and(|deleted_s| deleted_s < created_s) {
            return Err(row.refuse(5, "at or after `creation_time`"));
        }
        // Latency-sensitive before guaranteed and burstable before best effort.
        let priority = match row.text(PODS.len()) {
            "LS" => 3,
            "BE" => 1,
            _ => 2,
        };
        read.workloads.push(Workload {
            arrival_s: created_s,
            duration_s: deleted_s.map(|deleted_s| deleted_s - created_s),
            demand: [MILLI * row.needed(0)?, MIB_IN_GIB * row.needed(1)?, row.needed(2)? * MILLI * row.needed(3)?, 0.0],
            priority,
        });
    }
    Ok(read)
}

pub(super) fn read_nodes<R: BufRead>(lines: Lines<R>, limit: usize) -> Result<Vec<[f64; NUM_RESOURCES]>> {
    let mut csv = Csv::new(lines, &NODES, &[])?;
    let mut nodes = Vec::new();
    while nodes.len() < limit
        && let Some(row) = csv.next()?
    {
        nodes.push([MILLI * row.needed(0)?, MIB_IN_GIB * row.needed(1)?, row.needed(2)?, 0.0]);
    }
    Ok(nodes)
}
