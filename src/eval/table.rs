//! Plain aligned tables for terminals and files.

use std::fmt;

/// A table of texts; columns are as wide as their longest cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

/// The side on which the cells of a column are flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Blanks between two columns.
const GAP: usize = 2;

impl Table {
    /// A table with these columns and headings.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = (Align, S)>) -> Self {
        let (aligns, headings) = columns.into_iter().map(|(align, heading)| (align, heading.into())).unzip();
        Self { aligns, rows: vec![headings] }
    }

    /// Adds a row; what goes beyond the columns is dropped, what is missing stays blank.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.aligns.len(), String::new());
        self.rows.push(cells);
    }

    /// Rows below the headings.
    pub fn num_rows(&self) -> usize {
        self.rows.len() - 1
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        (0..self.aligns.len()).map(width).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, align), width) in row.iter().zip(&self.aligns).zip(&widths) {
                let blanks = " ".repeat(width - cell.chars().count());
                match align {
                    Align::Left => line.extend([cell, blanks.as_str()]),
                    Align::Right => line.extend([blanks.as_str(), cell]),
                }
                line.push_str(&" ".repeat(GAP));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters_and_lines_end_without_blanks() {
        let mut table = Table::new([(Align::Left, "what"), (Align::Right, "µs"), (Align::Left, "note")]);
        table.row(["n", "10.25", "ok"]);
        table.row(["länger", "7", ""]);
        table.row(["x"]);
        assert_eq!(table.to_string(), "what       µs  note\nn       10.25  ok\nlänger      7\nx\n");
        assert_eq!(table.num_rows(), 3);
    }
}
