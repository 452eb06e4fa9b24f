//! `agon completions`: for the shell, made from the declarations of the flags.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{args::Cli, output};
use crate::error::Result;

/// Prints the completions for a shell.
pub(super) fn run(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "agon", &mut script);
    output::print(String::from_utf8_lossy(&script))
}
