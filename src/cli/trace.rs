//! `agon trace`: traces of real clusters become scenarios; made-up ones are written.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::{
    args::{Assignment, GenerateArgs, ImportArgs, TraceCommand},
    output,
};
use crate::{
    apps::cluster::traces,
    domains::{Scenario, cluster::scenario::MAX_ROWS},
    durable::{self, Durability},
    error::{Error, Result},
    sim::scenario::MAX_BYTES,
    text::fit_name,
};

/// Runs the subcommand.
pub(super) fn run(command: &TraceCommand) -> Result<()> {
    match command {
        TraceCommand::Import(args) => import(args),
        TraceCommand::Generate(args) => generate(args),
    }
}

fn import(args: &ImportArgs) -> Result<()> {
    let lands_at = check_target(&args.to, args.force)?;
    let name = name_of(&args.to)?;
    let nodes = args.nodes.as_deref().map(|file| traces::read_nodes(args.format, file)).transpose()?;
    let read = traces::read(args.format, &args.file, wanted(args.rows))?;
    if args.rows.is_none() && read.workloads.len() > MAX_ROWS {
        return Err(Error::input(format!("more than {MAX_ROWS} workloads, which is the most that a scenario holds"))
            .in_file(&args.file)
            .hint(format!("take the first of them with `--rows {MAX_ROWS}`")));
    }
    let (num_workloads, num_skipped, skipped) = (read.workloads.len(), read.num_skipped(), told(&read.skipped));
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
    if num_skipped > 0 {
        output::note(format!("{num_skipped} rows that place no workload were skipped: {skipped}"));
    }
    traces::remarks(&scenario).iter().for_each(output::note);
    output::print(format!("{}: {num_workloads} workloads\n", args.to.display()))
}

/// How many workloads are read: as many as were asked for, or one more than fit, which tells that there are too many.
fn wanted(rows: Option<u64>) -> usize {
    rows.map_or(MAX_ROWS + 1, |rows| usize::try_from(rows).unwrap_or(usize::MAX))
}

/// Each reason and how many rows it explains.
fn told(skipped: &BTreeMap<&'static str, usize>) -> String {
    skipped.iter().map(|(why, count)| format!("{why} ({count})")).collect::<Vec<_>>().join(", ")
}

/// The scenario is called by the name of its file, made fit for commands and folders.
fn name_of(to: &Path) -> Result<String> {
    let stem = to.file_stem().unwrap_or_default().to_string_lossy();
    let Some(name) = fit_name(&stem) else {
        return Err(Error::input(
            "a scenario is called by its file, and this name has no letter from a to z and no digit",
        )
        .in_file(to)
        .hint("name `--to` like `trace-1.ron`"));
    };
    if *name != *stem {
        output::note(format!("the scenario is called `{name}`: names are lower-case letters, digits and `-`"));
    }
    Ok(name)
}

fn generate(args: &GenerateArgs) -> Result<()> {
    let lands_at = check_target(&args.to, args.force)?;
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

/// Where a write to `file` lands. Refuses, before anything is read, what could not be written in the end.
fn check_target(file: &Path, is_forced: bool) -> Result<PathBuf> {
    let lands_at = durable::landing(file)?;
    if lands_at.is_dir() {
        return Err(Error::input("this is a folder").in_file(file).hint("name a file in it"));
    }
    let folder = lands_at.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        return Err(Error::input("there is no such folder").in_file(folder).hint("make it, or name another one"));
    }
    if lands_at.exists() && !is_forced {
        return Err(Error::input("the file is there already").in_file(file).hint("replace it with `--force`"));
    }
    Ok(lands_at)
}
