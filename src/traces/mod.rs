//! Traces of real clusters: readers, a generator, and the scenario that a trace becomes.
//!
//! A scenario configures its domain completely, so a trace is not read while it is replayed: it is read once, here, and
//! its nodes and workloads become part of a scenario, which then trains, evaluates and records like any other. Readers
//! stream, take no more rows than they are asked for, and name the line of whatever they cannot use.
//!
//! | format | what it is | amounts |
//! |---|---|---|
//! | `plain` | CSV with a header: `arrival_s,duration_s,cpu,memory,third,storage`, and `priority` if there is one | as they are |
//! | `openb` | Alibaba GPU 2023, CSV: pods, and nodes in a file of their own | cores, GiB, GPUs |
//! | `huawei` | Huawei East 1, CSV: `vmid,cpu,memory,time,type`, creations and deletions | cores, GiB |
//! | `swf` | Standard Workload Format of HPC logs: 18 fields, comments after `;` | processors, GiB |
//! | `azure` | Azure Packing 2020, SQLite (feature `sqlite`): `vm` and `vmType` | shares of a machine |

#[cfg(feature = "sqlite")]
mod azure;
mod csv;
mod generate;
mod huawei;
mod lines;
mod openb;
mod plain;
mod scenario;
mod swf;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use self::lines::Lines;
pub use self::{generate::generate, scenario::into_scenario};
use crate::{
    error::{Error, Result},
    sim::params::choices,
};

/// Resources of a workload and of a node: CPU, memory, bandwidth (or GPUs), storage.
const NUM_RESOURCES: usize = 4;

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
    /// Rows that name no workload to be placed: jobs that never ran, machines of another type.
    pub num_skipped: usize,
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
/// As [`read`].
pub fn read_nodes(format: Format, file: &Path, limit: usize) -> Result<Vec<[f64; NUM_RESOURCES]>> {
    let lines = Lines::new(open(file)?);
    let read = if format == Format::Openb { openb::read_nodes(lines, limit) } else { plain::read_nodes(lines, limit) };
    read.map_err(|error| error.in_file(file))
}

fn open(file: &Path) -> Result<BufReader<File>> {
    let opened = File::open(file).map_err(|error| Error::input(format!("cannot be read: {error}")).in_file(file))?;
    Ok(BufReader::new(opened))
}

#[cfg(feature = "sqlite")]
fn read_azure(file: &Path, limit: usize) -> Result<Read> {
    azure::read(file, limit)
}

#[cfg(not(feature = "sqlite"))]
fn read_azure(_: &Path, _: usize) -> Result<Read> {
    Err(Error::input("this agon was built without SQLite").hint("build it with `--features sqlite`"))
}
