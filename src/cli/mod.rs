//! The command line: one file per subcommand, every flag declared in [`args`].
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0, 1 when the machine failed, 2 when something that was
//! given cannot be used, and those of signals (130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP) when a command was
//! interrupted. `verify` has two more for what it finds.

pub mod args;
mod bench;
mod completions;
mod decide;
mod doctor;
mod eval;
mod explain;
mod export;
mod interrupts;
mod list;
mod next;
pub mod output;
mod payoffs;
mod policies;
mod quickstart;
mod record;
mod report;
mod run;
mod share;
mod start;
mod trace;
mod train;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use self::{
    args::{Assignment, Cli, Command, ScenarioArgs},
    interrupts::Outcome,
};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    math::simd,
    places,
};

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version come this way too. A closed pipe is no reason to complain.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match simd::check_limit().and_then(|()| obey(cli.command)) {
        Ok(outcome) => outcome.end(),
        Err(error) => {
            output::complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn obey(command: Option<Command>) -> Result<Outcome> {
    let Some(command) = command else { return run::gallery() };
    match command {
        Command::Train(args) => return train::run(args),
        Command::Quickstart(args) => return quickstart::run(args),
        Command::Record(args) => return record::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Replay(args) => run::replay(&args),
        Command::Smoke(args) => run::smoke(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::List(args) => list::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Trace(command) => trace::run(&command),
        Command::Report(args) => report::run(&args),
        Command::Decide(args) => decide::run(&args),
        Command::Doctor => doctor::run(),
        Command::Completions { shell } => completions::run(shell),
        Command::Share(args) => share::run(&args),
        Command::Verify(args) => verify::run(&args),
    }?;
    Ok(Outcome::Done)
}

/// Reads a scenario and makes the changes asked for.
///
/// # Errors
/// Those of [`places::load_scenario`], and changes that the scenario refuses.
fn load_changed(args: &ScenarioArgs) -> Result<Scenario> {
    let mut scenario = places::load_scenario(&args.scenario)?;
    for Assignment { name, value } in &args.set {
        scenario.set(name, value)?;
    }
    scenario.check()?;
    Ok(scenario)
}

/// Runs `work` on `threads` threads, or on as many as there are cores.
///
/// # Errors
/// Those of `work`, and threads that the system does not give.
pub fn on_threads<T: Send>(threads: Option<usize>, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let Some(threads) = threads else { return work() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| Error::system(format!("cannot start {threads} threads: {error}")))?.install(work)
}
