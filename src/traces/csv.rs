//! Comma-separated values with named columns. No trace that is read here quotes its fields.

use std::io::BufRead;

use super::lines::Lines;
use crate::error::{Error, Result};

/// Rows below a header.
pub(super) struct Csv<R> {
    lines: Lines<R>,
    /// Place of each wanted column; none for an optional one that is not there.
    places: Vec<Option<usize>>,
    names: Vec<&'static str>,
    num_columns: usize,
}

/// One row.
pub(super) struct Row<'a> {
    /// Its line in the file, from 1.
    pub line: usize,
    text: &'a str,
    places: &'a [Option<usize>],
    names: &'a [&'static str],
}

impl<R: BufRead> Csv<R> {
    /// Reads the header, which must have the columns `needed` and may have `optional`, in any order, among others.
    pub(super) fn new(mut lines: Lines<R>, needed: &[&'static str], optional: &[&'static str]) -> Result<Self> {
        let Some((line, header)) = lines.next()? else {
            return Err(Error::input("the file is empty").hint(format!("it begins with `{}`", needed.join(","))));
        };
        let header: Vec<&str> = header.trim_start_matches('\u{FEFF}').split(',').map(str::trim).collect();
        let place = |name: &&'static str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        if let Some(missing) = needed.iter().find(|name| place(name).is_none()) {
            return Err(Error::input(format!("the header has no column `{missing}`"))
                .at(line, 1)
                .hint(format!("columns of this format: {}", [needed, optional].concat().join(", "))));
        }
        let names = [needed, optional].concat();
        Ok(Self { places: names.iter().map(place).collect(), num_columns: header.len(), names, lines })
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>> {
        let Some((line, text)) = self.lines.next()? else { return Ok(None) };
        let found = text.split(',').count();
        if found != self.num_columns {
            return Err(Error::input(format!("{found} fields, the header has {}", self.num_columns)).at(line, 1));
        }
        Ok(Some(Row { line, text, places: &self.places, names: &self.names }))
    }
}

impl Row<'_> {
    /// The text of a column, counted as in the call of [`Csv::new`]; empty if it is not there.
    pub(super) fn text(&self, column: usize) -> &str {
        self.field(column).1
    }

    /// A number of at least 0; none where the field is blank.
    pub(super) fn amount(&self, column: usize) -> Result<Option<f64>> {
        let (at, text) = self.field(column);
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(Some(number)),
            _ => Err(self.unfit(at, column, "a number of at least 0", text)),
        }
    }

    /// The same where a number must be.
    pub(super) fn needed(&self, column: usize) -> Result<f64> {
        let (at, text) = self.field(column);
        self.amount(column)?.ok_or_else(|| self.unfit(at, column, "a number of at least 0", text))
    }

    /// Says what is wrong with a column.
    pub(super) fn refuse(&self, column: usize, expected: &str) -> Error {
        let (at, text) = self.field(column);
        self.unfit(at, column, expected, text)
    }

    fn unfit(&self, at: usize, column: usize, expected: &str, found: &str) -> Error {
        let name = self.names.get(column).copied().unwrap_or_default();
        let shown: String = found.chars().take(40).collect();
        Error::input(format!("`{name}` must be {expected}, found `{}`", shown.escape_debug())).at(self.line, at)
    }

    /// Column of its first character, from 1, and text of a field.
    fn field(&self, column: usize) -> (usize, &str) {
        let Some(place) = self.places.get(column).copied().flatten() else { return (1, "") };
        let mut at = 1;
        for (index, field) in self.text.split(',').enumerate() {
            if index == place {
                return (at, field.trim());
            }
            at += field.chars().count() + 1;
        }
        (at, "")
    }
}
