//! Traces of any size that nobody ever recorded, in each format that is a text.
//!
//! Arrivals are Poisson, running times log-normal, demands uniform in the sizes that clouds sell. For tests, and for trying
//! how a reader and a scenario bear a size.

use std::{
    collections::BinaryHeap,
    io::{self, Write},
};

use super::Format;
use crate::{
    error::{Error, Result},
    sim::{Address, Purpose, Seeds, Stream},
};

const TRACE: Purpose = Purpose::new("traces.generate");

/// Mean time between arrivals and mean running time, in s.
const GAP_S: f64 = 10.0;
const RUN_S: f64 = 600.0;
/// Cores of the sizes on sale, and memory in GiB per core.
const CORES: [u32; 6] = [1, 2, 4, 8, 16, 32];
const GIB_PER_CORE: [u32; 3] = [2, 4, 8];

/// A generated workload; times in whole seconds, as most traces have them.
struct Drawn {
    arrival_s: u64,
    duration_s: u64,
    cores: u32,
    gib: u32,
    gpus: u32,
    priority: usize,
}

/// Writes a trace of `rows` workloads.
///
/// # Errors
/// What writing reports; a format that is no text.
pub fn generate(format: Format, rows: u64, seed: u64, into: &mut dyn Write) -> Result<()> {
    let mut stream = Seeds::new(seed).stream(TRACE, Address { env: 0, episode: 0, tick: 0 });
    let mut now_s = 0.0;
    let workloads = (0..rows).map(move |row| {
        now_s += if row == 0 { 0.0 } else { -GAP_S * libm::log(1.0 - f64::from(stream.unit())) };
        draw(&mut stream, now_s as u64)
    });
    let written = match format {
        Format::Plain => plain(workloads, into),
        Format::Openb => openb(workloads, into),
        Format::Huawei => huawei(workloads, into),
        Format::Swf => swf(workloads, into),
        Format::Azure => {
            return Err(Error::input("traces in format `azure` are not generated").hint("take another format"));
        }
    };
    written.map_err(|error| Error::system(format!("cannot write the trace: {error}")))
}

fn draw(stream: &mut Stream, arrival_s: u64) -> Drawn {
    let duration_s = RUN_S * f64::from(libm::expf(stream.normal() - 0.5));
    let cores = CORES[stream.below(CORES.len())];
    Drawn {
        arrival_s,
        duration_s: 1 + duration_s as u64,
        cores,
        gib: cores * GIB_PER_CORE[stream.below(GIB_PER_CORE.len())],
        gpus: u32::from(stream.below(4) == 0),
        priority: 1 + stream.below(3),
    }
}

fn plain(workloads: impl Iterator<Item = Drawn>, into: &mut dyn Write) -> io::Result<()> {
    writeln!(into, "{},{}", super::plain::COLUMNS.join(","), super::plain::PRIORITY)?;
    for w in workloads {
        let Drawn { arrival_s, duration_s, cores, gib, gpus, priority } = w;
        writeln!(into, "{arrival_s},{duration_s},{cores},{gib},{gpus},{},{priority}", 10 * cores)?;
    }
    Ok(())
}

fn openb(workloads: impl Iterator<Item = Drawn>, into: &mut dyn Write) -> io::Result<()> {
    writeln!(
        into,
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time"
    )?;
    for (row, w) in workloads.enumerate() {
        let (qos, ends_s) = (["BE", "Burstable", "LS"][w.priority - 1], w.arrival_s + w.duration_s);
        let (milli, mib, gpu_milli) = (1000 * w.cores, 1024 * w.gib, 1000 * w.gpus);
        let (gpus, starts_s) = (w.gpus, w.arrival_s);
        writeln!(into, "pod-{row:06},{milli},{mib},{gpus},{gpu_milli},,{qos},Running,{starts_s},{ends_s},{starts_s}")?;
    }
    Ok(())
}

/// Deletions stand between creations, in the order of time.
fn huawei(workloads: impl Iterator<Item = Drawn>, into: &mut dyn Write) -> io::Result<()> {
    writeln!(into, "vmid,cpu,memory,time,type")?;
    // The heap has its largest entry on top, so times are negated.
    let mut ends: BinaryHeap<(i64, usize, u32, u32)> = BinaryHeap::new();
    let delete = |into: &mut dyn Write, (time_s, vm, cores, gib): (i64, usize, u32, u32)| {
        writeln!(into, "{vm},{cores},{gib},{},1", -time_s)
    };
    for (vm, w) in workloads.enumerate() {
        while ends.peek().is_some_and(|end| -end.0 <= w.arrival_s as i64) {
            ends.pop().map_or(Ok(()), |end| delete(into, end))?;
        }
        writeln!(into, "{vm},{},{},{},0", w.cores, w.gib, w.arrival_s)?;
        ends.push((-((w.arrival_s + w.duration_s) as i64), vm, w.cores, w.gib));
    }
    while let Some(end) = ends.pop() {
        delete(into, end)?;
    }
    Ok(())
}

fn swf(workloads: impl Iterator<Item = Drawn>, into: &mut dyn Write) -> io::Result<()> {
    writeln!(into, "; Version: 2.2\n; Computer: none, generated")?;
    for (row, w) in workloads.enumerate() {
        let kib = u64::from(w.gib / w.cores) * 1024 * 1024;
        let (job, submit, run, procs) = (row + 1, w.arrival_s, w.duration_s, w.cores);
        writeln!(into, "{job} {submit} 0 {run} {procs} -1 {kib} {procs} {run} {kib} 1 1 1 -1 1 1 -1 -1")?;
    }
    Ok(())
}
