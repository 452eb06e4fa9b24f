//! The command line: one file per subcommand, every flag declared in [`args`].
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0, 1 when the machine failed, 2 when something that was
//! given cannot be used.

pub mod args;
mod bench;
mod completions;
mod doctor;
mod eval;
mod explain;
mod export;
mod list;
pub mod output;
pub mod places;
mod quickstart;
mod record;
mod report;
mod share;
mod trace;
mod train;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Cli, Command};
use crate::error::{Error, Result};

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
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Train(args) => train::run(args),
        Command::Eval(args) => eval::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::List(args) => list::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Trace(command) => trace::run(&command),
        Command::Report(args) => report::run(&args),
        Command::Doctor => doctor::run(),
        Command::Completions { shell } => completions::run(shell),
        Command::Quickstart(args) => quickstart::run(args),
        Command::Share(args) => share::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Verify(args) => verify::run(&args),
    }
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
