//! Lines of a text with their numbers, none of them longer than a row of a trace can be.

use std::io::{BufRead, ErrorKind, Read};

use crate::{
    error::{Error, Result},
    text,
};

/// Longest line that is read, in bytes, and longest row of several lines.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// Reads one line after the other into the same memory.
pub(super) struct Lines<R> {
    source: R,
    line: Vec<u8>,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, line: Vec::new(), number: 0 }
    }

    /// Number, from 1, and text of the next line that is not blank; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<(usize, &str)>> {
        while let Some((number, bytes)) = self.next_bytes()? {
            if !bytes.trim_ascii().is_empty() {
                // Asked for again, as what a loop returns cannot be borrowed in its next round.
                return Ok(Some((number, as_text(number, ended(&self.line, number))?)));
            }
        }
        Ok(None)
    }

    /// The next line, blank or not.
    pub(super) fn next_even_blank(&mut self) -> Result<Option<(usize, &str)>> {
        self.next_bytes()?.map(|(number, bytes)| Ok((number, as_text(number, bytes)?))).transpose()
    }

    /// The bytes of the next line without its end, and without a byte order mark.
    pub(super) fn next_bytes(&mut self) -> Result<Option<(usize, &[u8])>> {
        self.line.clear();
        self.number += 1;
        let most = MAX_BYTES as u64 + 1;
        let read = (&mut self.source).take(most).read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| unreadable(&error).at(self.number, 1))?;
        if read > MAX_BYTES {
            return Err(Error::input(format!("a line of more than {MAX_BYTES} bytes")).at(self.number, 1));
        }
        Ok((read > 0).then_some((self.number, ended(&self.line, self.number))))
    }
}

/// A line without its end.
fn ended(line: &[u8], number: usize) -> &[u8] {
    let line = if number == 1 { text::without_mark(line) } else { line };
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The text of a line.
pub(super) fn as_text(number: usize, bytes: &[u8]) -> Result<&str> {
    text::utf8(bytes).map_err(|error| error.into_error().at(number, error.valid_up_to + 1))
}

/// What is packed and damaged is the file's fault; all else is the machine's.
fn unreadable(error: &std::io::Error) -> Error {
    let told = format!("cannot be read: {error}");
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => Error::input(told),
        _ => Error::system(told),
    }
}
