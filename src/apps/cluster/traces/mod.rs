//! Traces of real clusters: readers, a generator, and the scenario that a trace becomes.
//!
//! A scenario configures its domain completely, so a trace is not read while it is replayed: it is read once, here, and
//! its nodes and workloads become part of a scenario, which then trains, evaluates and records like any other. Readers
//! stream, take no more rows than they are asked for, and name the line of whatever they cannot use. Rows that place no
//! workload are skipped and counted by their reason. Texts may be packed with gzip, and forgive what `text` forgives.
//!
//! | format | what it is | amounts |
//! |---|---|---|
//! | `plain` | CSV with a header: `arrival_s,duration_s,cpu,memory,third,storage`, and `priority` if there is one | as they are |
//! | `openb` | Alibaba GPU 2023, CSV: pods that ran, and nodes in a file of their own | cores, GiB, GPUs |
//! | `huawei` | Huawei East 1, CSV: `vmid,cpu,memory,time,type`, creations and deletions | cores, GiB |
//! | `swf` | Standard Workload Format of HPC logs: 18 fields, comments after `;` | processors, GiB |
//! | `azure` | Azure Packing 2020, SQLite (feature `sqlite`): `vm` and `vmType` | shares of a machine |

#[cfg(feature = "sqlite")]
mod azure;
mod csv;
mod generate;
mod huawei;
mod lines;
mod open;
mod openb;
mod plain;
mod scenario;
mod size;
mod swf;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io::BufRead, path::Path};

pub use self::{generate::generate, scenario::into_scenario, size::remarks};
use self::{lines::Lines, open::open};
use crate::{
    domains::cluster::{amounts, scenario::MAX_NODES},
    error::{Error, Result},
    sim::params::choices,
};

/// Resources of a workload and of a node: CPU, memory, bandwidth (or GPUs), storage.
const NUM_RESOURCES: usize = 4;

/// Longest time of a trace, in s: thirty thousand years.
const MAX_TIME_S: f64 = 1e12;

choices! {
    /// How a trace is written.
    pub enum Format {
        /// CSV with the columns arrival_s, duration_s, cpu, memory, third, storage and, optionally, priority.
        Plain = "plain",
        /// Alibaba GPU 2023 (openb).
        Openb = "openb",
        /// Huawei East 1.
        Huawei = "huawei",
        /// Standard Workload Format.
        Swf = "swf",
        /// Azure Packing 2020.
        Azure = "azure",
    }
}

/// One workload of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// When it arrives, in s; traces begin where they like.
    pub arrival_s: f64,
    /// How long it runs, in s; none if the trace ends before it does.
    pub duration_s: Option<f64>,
    /// What it asks for.
    pub demand: [f64; NUM_RESOURCES],
    /// Priority, 1 to 3.
    pub priority: u8,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// Workloads in the order of the file.
    pub workloads: Vec<Workload>,
    /// Why rows name no workload to be placed, and how many there are of each kind.
    pub skipped: BTreeMap<&'static str, usize>,
}

impl Read {
    /// Rows that name no workload to be placed.
    pub fn num_skipped(&self) -> usize {
        self.skipped.values().sum()
    }

    /// Counts a row that names no workload.
    fn skip(&mut self, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }

    /// Takes a workload whose numbers can be: all that follows calculates with them.
    fn push(&mut self, workload: Workload) -> Result<()> {
        let times = [("arrival", Some(workload.arrival_s)), ("running time", workload.duration_s)];
        if let Some((what, time_s)) =
            times.iter().find(|(_, time_s)| time_s.is_some_and(|s| !(-MAX_TIME_S..=MAX_TIME_S).contains(&s)))
        {
            let time_s = time_s.unwrap_or_default();
            return Err(Error::input(format!("the {what} is {time_s:e} s, and {MAX_TIME_S:e} s is the most")));
        }
        within(workload.demand)?;
        self.workloads.push(workload);
        Ok(())
    }
}

/// Refuses amounts that no node can have.
fn within(amounts: [f64; NUM_RESOURCES]) -> Result<[f64; NUM_RESOURCES]> {
    match amounts.iter().find(|amount| !(0.0..=amounts::MOST).contains(*amount)) {
        Some(amount) => {
            Err(Error::input(format!("an amount is {amount:e}, and amounts are from 0 to {:e}", amounts::MOST))
                .hint("count in larger units"))
        }
        None => Ok(amounts),
    }
}

/// Reads the first `limit` workloads of a file.
///
/// # Errors
/// What the file system reports, and rows that are not of this format, with their line.
pub fn read(format: Format, file: &Path, limit: usize) -> Result<Read> {
    let read = match format {
        Format::Azure => read_azure(file, limit),
        _ => read_text(format, open(file)?, limit),
    };
    read.map_err(|error| error.in_file(file))
}

/// Reads the first `limit` workloads of a text.
///
/// # Errors
/// Rows that are not of this format, with their line; a format that is no text.
pub fn read_text(format: Format, text: impl BufRead, limit: usize) -> Result<Read> {
    let lines = Lines::new(text);
    match format {
        Format::Plain => plain::read(lines, limit),
        Format::Openb => openb::read(lines, limit),
        Format::Huawei => huawei::read(lines, limit),
        Format::Swf => swf::read(lines, limit),
        Format::Azure => Err(Error::input("a trace in format `azure` is a database, not a text")),
    }
}

/// Reads the nodes of a cluster: in format `openb` its list of nodes, in all others CSV with the columns cpu, memory, third and
/// storage.
///
/// # Errors
/// As [`read`]; more nodes than a cluster has, or none.
pub fn read_nodes(format: Format, file: &Path) -> Result<Vec<[f64; NUM_RESOURCES]>> {
    read_nodes_text(format, open(file)?).map_err(|error| error.in_file(file))
}

fn read_nodes_text(format: Format, text: impl BufRead) -> Result<Vec<[f64; NUM_RESOURCES]>> {
    let lines = Lines::new(text);
    let nodes = if format == Format::Openb { openb::read_nodes(lines) } else { plain::read_nodes(lines) }?;
    match nodes.len() {
        0 => Err(Error::input("the file has no nodes").hint("leave out `--nodes` to have stand-ins")),
        1..=MAX_NODES => Ok(nodes),
        _ => Err(Error::input(format!("more than {MAX_NODES} nodes, which is the most that a cluster has"))
            .hint("leave some of them out of the file")),
    }
}

#[cfg(feature = "sqlite")]
fn read_azure(file: &Path, limit: usize) -> Result<Read> {
    azure::read(file, limit)
}

#[cfg(not(feature = "sqlite"))]
fn read_azure(_: &Path, _: usize) -> Result<Read> {
    Err(Error::input("this agon was built without SQLite").hint("build it with `--features sqlite`"))
}
