//! The `agon` program: see `agon --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    agon::cli::main()
}
