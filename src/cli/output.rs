//! Where results and complaints go.

use std::{
    fmt,
    io::{self, ErrorKind, IsTerminal, Write},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    error::{Error, Result},
    eval::Table,
};

/// Writes a result to stdout. When nobody reads any more (`agon list | head -1`) that is the end of it, not an error.
///
/// # Errors
/// Anything else that keeps stdout from taking it.
pub fn print(result: impl fmt::Display) -> Result<()> {
    let text = result.to_string();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    let mut out = io::stdout().lock();
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(newline.as_bytes())).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::system(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value to stdout as indented JSON.
///
/// # Errors
/// As [`print()`].
pub fn print_json(value: &serde_json::Value) -> Result<()> {
    print(format_args!("{value:#}"))
}

/// Tells the user what went wrong. There is nobody left to tell when that fails.
pub fn complain(error: &Error) {
    let _ = writeln!(io::stderr(), "error: {error}");
}

/// Tells the user something that is not an error.
pub fn note(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "note: {text}");
}

/// A progress bar on stderr over `len` env-steps; nothing when stderr is not a terminal.
pub fn progress(len: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(len), ProgressDrawTarget::stderr_with_hz(5));
    let template = "{msg} [{wide_bar}] {percent:>3} %  {elapsed} of about {duration}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.set_message(what);
    bar
}

/// A table made to fit the terminal that stdout goes to; elsewhere nothing is shortened.
pub fn fitted(table: &Table) -> String {
    table.fit(columns())
}

/// Columns of the terminal that stdout goes to, as `COLUMNS` says or the terminal itself; none where it goes elsewhere.
pub fn columns() -> Option<usize> {
    if !is_terminal() {
        return None;
    }
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let measured = || rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    told.or_else(measured).filter(|columns| *columns > 0)
}

/// Whether somebody is looking at stdout.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
