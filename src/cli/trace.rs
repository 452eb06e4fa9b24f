//! `agon trace`: traces of real clusters become scenarios; made-up ones are written.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    args::{Assignment, GenerateArgs, ImportArgs, TraceCommand},
    output,
};
use crate::{
    domains::Scenario,
    durable::{self, Durability},
    error::{Error, Result},
    sim::scenario::MAX_BYTES,
    traces,
};

/// Runs the subcommand.
pub(super) fn run(command: &TraceCommand) -> Result<()> {
    match command {
        TraceCommand::Import(args) => import(args),
        TraceCommand::Generate(args) => generate(args),
    }
}

fn import(args: &ImportArgs) -> Result<()> {
    let lands_at = refuse_to_replace(&args.to, args.force)?;
    let limit = usize::try_from(args.rows).unwrap_or(usize::MAX);
    let read = traces::read(args.format, &args.file, limit)?;
    let nodes = args.nodes.as_deref().map(|file| traces::read_nodes(args.format, file, limit)).transpose()?;
    let name = args.to.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let num_workloads = read.workloads.len();
    let scenario = traces::into_scenario(&name, args.format, read.workloads, nodes.unwrap_or_default());
    let mut scenario = scenario.map_err(|error| error.in_file(&args.file))?;
    for Assignment { name, value } in &args.set {
        scenario.set(name, value)?;
    }
    let text = scenario.to_ron()?;
    if text.len() > MAX_BYTES {
        let what = format!("the scenario would have {} KiB, at most {} are read", text.len() / 1024, MAX_BYTES / 1024);
        return Err(Error::input(what).in_file(&args.to).hint("take fewer rows with `--rows`"));
    }
    // What cannot be read back is not written.
    Scenario::parse(&text, &args.to)?;
    tell(&durable::write_atomic(&lands_at, text.as_bytes())?);
    if read.num_skipped > 0 {
        output::note(format!("{} rows that place no workload were skipped", read.num_skipped));
    }
    output::print(format!("{}: {num_workloads} workloads\n", args.to.display()))
}

fn generate(args: &GenerateArgs) -> Result<()> {
    let lands_at = refuse_to_replace(&args.to, args.force)?;
    let mut refused = None;
    let written = durable::write_atomic_with(&lands_at, |out| {
        traces::generate(args.format, args.rows, args.seed, out).map_err(|error| {
            let told = io::Error::other(error.to_string());
            refused = Some(error);
            told
        })
    });
    // What the trace itself is refused for says more than that it could not be written.
    refused.map_or(Ok(()), Err)?;
    tell(&written?);
    output::print(format!("{}: {} workloads\n", args.to.display(), args.rows))
}

/// Says so if what was written may not survive a power cut.
fn tell(written: &Durability) {
    if let Durability::Uncertain(error) = written {
        output::note(error);
    }
}

/// Where a write to `file` lands, unless something is there that is not to be replaced.
fn refuse_to_replace(file: &Path, is_forced: bool) -> Result<PathBuf> {
    let lands_at = durable::landing(file)?;
    if lands_at.exists() && !is_forced {
        return Err(Error::input("the file is there already").in_file(file).hint("replace it with `--force`"));
    }
    Ok(lands_at)
}
