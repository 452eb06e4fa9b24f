//! Lines of a stream that may send anything: of one that is too long no more is kept than the limit.

use std::io::{self, BufRead};

/// Longest line, in bytes.
pub(super) const MAX_LINE: usize = 1 << 20;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line without its end; the last one needs none.
    Whole(&'a [u8]),
    /// A line that was longer than [`MAX_LINE`] and has been skipped.
    TooLong,
    /// There are no more.
    End,
}

/// Reads lines; keeps one.
pub(super) struct Lines<Input> {
    input: Input,
    kept: Vec<u8>,
}

impl<Input: BufRead> Lines<Input> {
    pub(super) fn new(input: Input) -> Self {
        Self { input, kept: Vec::new() }
    }

    /// The next line.
    ///
    /// # Errors
    /// What keeps the stream from being read.
    pub(super) fn next(&mut self) -> io::Result<Line<'_>> {
        self.kept.clear();
        let (mut has_begun, mut is_too_long) = (false, false);
        loop {
            let bytes = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                filled => filled?,
            };
            if bytes.is_empty() {
                return Ok(if is_too_long {
                    Line::TooLong
                } else if has_begun {
                    Line::Whole(&self.kept)
                } else {
                    Line::End
                });
            }
            has_begun = true;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            is_too_long |= self.kept.len() + part.len() > MAX_LINE;
            if is_too_long {
                // What one long line took is not kept for all the short ones after it.
                self.kept = Vec::new();
            } else {
                self.kept.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(if is_too_long { Line::TooLong } else { Line::Whole(&self.kept) });
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    fn all(input: impl Read, buffer: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, input));
        let mut found = vec![];
        loop {
            match lines.next().unwrap() {
                Line::Whole(line) => found.push(Some(line.to_vec())),
                Line::TooLong => found.push(None),
                Line::End => return found,
            }
        }
    }

    #[test]
    fn lines_are_found_however_the_stream_is_cut() {
        for buffer in [1, 2, 3, 64] {
            let found = all(&b"one\n\ntwo\nhalf"[..], buffer);
            assert_eq!(found, ["one", "", "two", "half"].map(|line| Some(line.as_bytes().to_vec())));
            assert_eq!(all(&b"one\n"[..], buffer).len(), 1);
            assert!(all(&b""[..], buffer).is_empty());
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end() {
        let longest = vec![b'x'; MAX_LINE];
        let text = [&longest[..], b"\n", &longest, b"x\nnext\n", &longest, &longest].concat();
        assert_eq!(all(&text[..], 8192), [Some(longest), None, Some(b"next".to_vec()), None]);
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut lines = Lines::new(BufReader::new(io::repeat(b'x').take(64 << 20)));
        assert_eq!(lines.next().unwrap(), Line::TooLong);
        assert!(lines.kept.capacity() <= 2 * MAX_LINE);
    }
}
