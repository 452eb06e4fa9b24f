//! `agon` alone, where no window opens: what this program can do and how to begin.

use super::{doctor::features, output};
use crate::error::Result;

/// What to try first.
const COMMANDS: [(&str, &str); 5] = [
    ("agon quickstart", "train a team for a minute and compare it with every baseline"),
    ("agon list", "scenarios, baselines, checkpoints and hyperparameters"),
    ("agon explain skirmish", "what agents see, do and are paid for in a scenario"),
    ("agon eval skirmish", "let policies play the same episodes and compare them"),
    ("agon export skirmish --policy greedy --to skirmish.gif", "draw a policy at play"),
];

/// Prints the start page.
pub(super) fn print() -> Result<()> {
    output::print(page())
}

fn page() -> String {
    let mut page = format!("agon {}: a live laboratory for multi-agent learning.\n\n", env!("CARGO_PKG_VERSION"));
    let width = COMMANDS.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    for (command, what) in COMMANDS {
        page += &format!("  {command:width$}  {what}\n");
    }
    page += "\n`agon --help` lists every command, `agon COMMAND --help` its options.\n";
    let lacking: Vec<_> = features::lacking().collect();
    if !lacking.is_empty() {
        page += "\nThis agon was built without these features:\n";
        lacking.iter().for_each(|(name, purpose)| page += &format!("  {name:8} {purpose}\n"));
        page += "Add one when building, for example: cargo run --release --features window\n";
    }
    page
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::Cli;

    #[test]
    fn every_command_of_the_page_is_one() {
        for (command, _) in COMMANDS {
            Cli::try_parse_from(command.split(' ')).unwrap();
            assert!(page().contains(command));
        }
    }
}
