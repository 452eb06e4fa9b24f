//! Plain aligned tables for terminals and files.

use std::fmt;

/// Widest line that every terminal shows unbroken.
pub(super) const WIDTH: usize = 120;

/// A table of texts. Columns are as wide as their longest cell, but for the last one if the table is
/// [`wrapped`](Self::wrapped).
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
    is_wrapped: bool,
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
pub(super) const GAP: usize = 2;
/// Narrowest column that words are wrapped into.
const LEAST_ROOM: usize = 30;

impl Table {
    /// A table with these columns and headings.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = (Align, S)>) -> Self {
        let (aligns, headings) = columns.into_iter().map(|(align, heading)| (align, heading.into())).unzip();
        Self { aligns, rows: vec![headings], is_wrapped: false }
    }

    /// The same table with the last column broken between words so that lines are not longer than 120 characters.
    pub fn wrapped(self) -> Self {
        Self { is_wrapped: true, ..self }
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
        let indent: usize = widths.iter().rev().skip(1).map(|width| width + GAP).sum();
        // Very wide other columns leave nothing to wrap into; then the table is as wide as it is.
        let room = if self.is_wrapped && indent + LEAST_ROOM <= WIDTH { WIDTH - indent } else { usize::MAX };
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, align)) in row.iter().zip(&self.aligns).enumerate() {
                if column + 1 == row.len() && room < usize::MAX {
                    line += &wrap(cell, room).join(&format!("\n{}", " ".repeat(indent)));
                    continue;
                }
                let blanks = " ".repeat(widths[column] - cell.chars().count());
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

/// The words of a text on lines of at most `room` characters; a longer word has a line of its own.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            lines.push(String::new());
            used = 0;
        }
        let line = lines.last_mut().expect("there is always a line");
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines
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

    #[test]
    fn the_last_column_is_wrapped_under_itself() {
        let mut table = Table::new([(Align::Left, "name"), (Align::Left, "meaning")]).wrapped();
        table.row(["a".to_owned(), "word ".repeat(60)]);
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().skip(2).all(|line| line.starts_with("      word")), "{text}");
        assert_eq!(text.matches("word").count(), 60);
    }

    #[test]
    fn a_word_longer_than_the_line_stays_whole() {
        assert_eq!(wrap("a bbbbbb c", 4), ["a", "bbbbbb", "c"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
