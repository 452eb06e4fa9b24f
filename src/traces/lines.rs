//! Lines of a text with their numbers, none of them longer than a row of a trace can be.

use std::io::{BufRead, Read};

use crate::error::{Error, Result};

/// Longest line that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

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
        loop {
            self.line.clear();
            self.number += 1;
            let failed = |error| Error::system(format!("cannot be read: {error}")).at(self.number, 1);
            let read = (&mut self.source).take(MAX_BYTES + 1).read_until(b'\n', &mut self.line).map_err(failed)?;
            if read as u64 > MAX_BYTES {
                return Err(Error::input(format!("a line of more than {MAX_BYTES} bytes")).at(self.number, 1));
            }
            if read == 0 {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let text = std::str::from_utf8(&self.line)
            .map_err(|error| Error::input("not text in UTF-8").at(self.number, error.valid_up_to() + 1))?;
        Ok(Some((self.number, text.trim_end_matches(['\n', '\r']))))
    }
}
