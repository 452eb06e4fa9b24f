//! Comma-separated values with named columns, quoted or not (RFC 4180).
//!
//! A field in quotes may hold commas, line breaks and, doubled, quotes. Space around fields is no part of them.

use std::io::BufRead;

use super::lines::{Lines, MAX_BYTES};
use crate::{
    error::{Error, Result},
    text::is_blank,
};

/// Rows below a header.
pub(super) struct Csv<R> {
    lines: Lines<R>,
    fields: Fields,
    /// Place of each wanted column; none for an optional one that is not there.
    places: Vec<Option<usize>>,
    names: Vec<&'static str>,
    num_columns: usize,
}

/// One row.
pub(super) struct Row<'a> {
    fields: &'a Fields,
    places: &'a [Option<usize>],
    names: &'a [&'static str],
}

impl<R: BufRead> Csv<R> {
    /// Reads the header, which must have the columns `needed` and may have `optional`, in any order, among others.
    pub(super) fn new(mut lines: Lines<R>, needed: &[&'static str], optional: &[&'static str]) -> Result<Self> {
        let mut header = Fields::default();
        if !header.read(&mut lines)? {
            return Err(Error::input("the file is empty").hint(format!("it begins with `{}`", needed.join(","))));
        }
        let columns: Vec<&str> = (0..header.fields.len()).map(|place| header.text(place)).collect();
        let place = |name: &&'static str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        if let Some(missing) = needed.iter().find(|name| place(name).is_none()) {
            let hint = match columns[..] {
                [one] if one.contains([';', '\t']) => "fields are separated by commas".to_owned(),
                _ => format!("columns of this format: {}", [needed, optional].concat().join(", ")),
            };
            let what = format!("the header has no column `{missing}`");
            return Err(Error::input(what).at(header.line, 1).hint(hint));
        }
        let names = [needed, optional].concat();
        let places = names.iter().map(place).collect();
        Ok(Self { places, num_columns: columns.len(), names, lines, fields: header })
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>> {
        if !self.fields.read(&mut self.lines)? {
            return Ok(None);
        }
        let (found, line) = (self.fields.fields.len(), self.fields.line);
        if found != self.num_columns {
            return Err(Error::input(format!("{found} fields, the header has {}", self.num_columns)).at(line, 1));
        }
        Ok(Some(Row { fields: &self.fields, places: &self.places, names: &self.names }))
    }
}

impl Row<'_> {
    /// Its line in the file, from 1.
    pub(super) fn line(&self) -> usize {
        self.fields.line
    }

    /// The text of a column, counted as in the call of [`Csv::new`]; empty if it is not there.
    pub(super) fn text(&self, column: usize) -> &str {
        self.place(column).map_or("", |place| self.fields.text(place))
    }

    /// Whether a column is not there or says nothing.
    pub(super) fn is_blank(&self, column: usize) -> bool {
        is_blank(self.text(column))
    }

    /// A number of at least 0; none where the field is blank.
    pub(super) fn amount(&self, column: usize) -> Result<Option<f64>> {
        if self.is_blank(column) { Ok(None) } else { self.needed(column).map(Some) }
    }

    /// The same where a number must be.
    pub(super) fn needed(&self, column: usize) -> Result<f64> {
        match self.text(column).parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
            _ => Err(self.refuse(column, "a number of at least 0")),
        }
    }

    /// Says what is wrong with a column.
    pub(super) fn refuse(&self, column: usize, expected: &str) -> Error {
        let name = self.names.get(column).copied().unwrap_or_default();
        let shown: String = self.text(column).chars().take(40).collect();
        let (line, at) = self.place(column).map_or((self.fields.line, 1), |place| self.fields.at(place));
        Error::input(format!("`{name}` must be {expected}, found `{}`", shown.escape_debug())).at(line, at)
    }

    fn place(&self, column: usize) -> Option<usize> {
        self.places.get(column).copied().flatten()
    }
}

/// The fields of a row, in memory that the next row uses again.
#[derive(Default)]
struct Fields {
    /// Line in which the row begins, from 1.
    line: usize,
    /// What the fields say, one after the other.
    text: String,
    fields: Vec<Field>,
}

/// Where a field begins in the file, and where it ends in the text of the row.
#[derive(Clone, Copy)]
struct Field {
    line: usize,
    column: usize,
    end: usize,
}

impl Fields {
    /// Reads a row, of as many lines as it has; false at the end.
    fn read<R: BufRead>(&mut self, lines: &mut Lines<R>) -> Result<bool> {
        self.text.clear();
        self.fields.clear();
        let Some((line, text)) = lines.next()? else { return Ok(false) };
        self.line = line;
        let mut is_open = self.take(line, text, false)?;
        while is_open {
            let Some((line, text)) = lines.next_even_blank()? else { return Err(self.never_closed()) };
            self.text.push('\n');
            if self.text.len() + text.len() > MAX_BYTES {
                return Err(self.never_closed());
            }
            is_open = self.take(line, text, true)?;
        }
        Ok(true)
    }

    /// Takes the fields of a line, the first of which may have begun before; whether the last goes on in the next line.
    fn take(&mut self, line: usize, text: &str, mut is_open: bool) -> Result<bool> {
        let mut rest = text;
        let mut columns = Columns { text, at: 0, column: 1 };
        loop {
            if !is_open {
                rest = rest.trim_start();
                self.fields.push(Field { line, column: columns.of(rest), end: self.text.len() });
                let Some(quoted) = rest.strip_prefix('"') else {
                    let (field, others) = split(rest);
                    self.text.push_str(field.trim_end());
                    self.end_field();
                    match others {
                        Some(others) => rest = others,
                        None => return Ok(false),
                    }
                    continue;
                };
                rest = quoted;
            }
            let Some(behind) = self.unquote(rest) else { return Ok(true) };
            self.end_field();
            is_open = false;
            let (field, others) = split(behind);
            if !field.trim().is_empty() {
                let what = "a field goes on behind its closing quote";
                return Err(Error::input(what).at(line, columns.of(behind)).hint("within quotes a quote is doubled"));
            }
            match others {
                Some(others) => rest = others,
                None => return Ok(false),
            }
        }
    }

    /// Takes what is in quotes; what stands behind the closing one, if that is in this line.
    fn unquote<'t>(&mut self, mut rest: &'t str) -> Option<&'t str> {
        loop {
            let Some((part, behind)) = rest.split_once('"') else {
                self.text.push_str(rest);
                return None;
            };
            self.text.push_str(part);
            match behind.strip_prefix('"') {
                Some(after) => {
                    self.text.push('"');
                    rest = after;
                }
                None => return Some(behind),
            }
        }
    }

    fn end_field(&mut self) {
        let end = self.text.len();
        if let Some(field) = self.fields.last_mut() {
            field.end = end;
        }
    }

    fn never_closed(&self) -> Error {
        let (line, column) = self.at(self.fields.len().saturating_sub(1));
        Error::input(format!("a quote that is not closed within {MAX_BYTES} bytes")).at(line, column)
    }

    fn text(&self, place: usize) -> &str {
        let begin = place.checked_sub(1).and_then(|before| self.fields.get(before)).map_or(0, |before| before.end);
        let end = self.fields.get(place).map_or(begin, |field| field.end);
        self.text.get(begin..end).unwrap_or_default().trim()
    }

    /// Line and column, from 1, at which a field begins.
    fn at(&self, place: usize) -> (usize, usize) {
        self.fields.get(place).map_or((self.line, 1), |field| (field.line, field.column))
    }
}

/// Counts characters of a line from left to right.
struct Columns<'t> {
    text: &'t str,
    /// Bytes that have been counted.
    at: usize,
    column: usize,
}

impl Columns<'_> {
    /// Column, from 1, at which the `rest` of the line begins.
    fn of(&mut self, rest: &str) -> usize {
        let until = self.text.len().saturating_sub(rest.len());
        self.column += self.text.get(self.at..until).map_or(0, |passed| passed.chars().count());
        self.at = until;
        self.column
    }
}

/// What stands before the next comma, and behind it if there is one.
fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once(',').map_or((text, None), |(field, others)| (field, Some(others)))
}
