//! `agon` alone, where no window opens: what this program can do and how to begin.

use super::output;
use crate::error::Result;

/// What to try first.
const COMMANDS: [(&str, &str); 5] = [
    ("agon quickstart", "train a team for a minute and compare it with every baseline"),
    ("agon list", "scenarios, baselines, checkpoints and hyperparameters"),
    ("agon explain skirmish", "what agents see, do and are paid for in a scenario"),
    ("agon eval skirmish", "let policies play the same episodes and compare them"),
    ("agon export skirmish --policy greedy --to skirmish.gif", "draw a policy at play"),
];

/// Parts that a program may be built without, and what each of them is for.
const FEATURES: [(&str, bool, &str); 5] = [
    ("window", cfg!(feature = "window"), "watch and train in a window"),
    ("video", cfg!(feature = "video"), "clips as MP4"),
    ("torch", cfg!(feature = "torch"), "training through libtorch"),
    ("parquet", cfg!(feature = "parquet"), "tables as Parquet"),
    ("sqlite", cfg!(feature = "sqlite"), "traces in SQLite databases"),
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
    let without: Vec<_> = FEATURES.iter().filter(|(_, is_built_in, _)| !is_built_in).collect();
    if !without.is_empty() {
        page += "\nThis agon was built without these features:\n";
        without.iter().for_each(|(name, _, what)| page += &format!("  {name:8} {what}\n"));
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
