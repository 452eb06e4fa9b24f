//! Plain aligned tables for terminals and files.
//!
//! In a terminal a table is made to fit: names are shortened in their middle, never numbers, and columns that find no place
//! beside the others come below them. Elsewhere nothing is shortened, for a program may read it.

use std::fmt;

/// Widest line of texts that are wrapped where there is no terminal.
pub(super) const WIDTH: usize = 120;

/// A table of texts. Columns are as wide as their longest cell, but for the last one if the table is
/// [`wrapped`](Self::wrapped).
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
    is_wrapped: bool,
    num_keys: usize,
}

/// What a column holds, which says on which side its cells are flush and whether they may be shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words, flush left.
    Left,
    /// Names, flush left; they are shortened where the terminal is too narrow.
    Name,
    /// Numbers, flush right.
    Right,
}

/// Blanks between two columns.
pub(super) const GAP: usize = 2;
/// Narrowest column that words are wrapped into.
const LEAST_ROOM: usize = 24;
/// Names keep this many characters, whatever the terminal.
const LEAST_NAME: usize = 16;

impl Table {
    /// A table with these columns and headings.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = (Align, S)>) -> Self {
        let (aligns, headings) = columns.into_iter().map(|(align, heading)| (align, heading.into())).unzip();
        Self { aligns, rows: vec![headings], is_wrapped: false, num_keys: 1 }
    }

    /// The same table with the last column broken between words, so that lines are no longer than the terminal is wide, or
    /// than 120 characters where there is none.
    pub fn wrapped(self) -> Self {
        Self { is_wrapped: true, ..self }
    }

    /// The same table where `num_keys` columns, not just the first, say what a row is about: they are repeated where the rest
    /// is broken.
    pub fn keyed(self, num_keys: usize) -> Self {
        Self { num_keys, ..self }
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

    /// The table in a terminal of so many columns, or where there is none. Lines are longer than that only where a single
    /// column beside the keys is.
    pub fn fit(&self, terminal: Option<usize>) -> String {
        let mut widths = self.widths();
        if self.is_wrapped {
            let (room, others) = (terminal.unwrap_or(WIDTH), widths.len().saturating_sub(1));
            if terminal.is_some() {
                self.shorten_names(&mut widths[..others], room.saturating_sub(LEAST_ROOM + GAP * others));
            }
            let indent: usize = widths[..others].iter().map(|width| width + GAP).sum();
            // Very wide other columns leave nothing to wrap into; then the table is as wide as it is.
            if let Some(last) = widths.last_mut()
                && indent + LEAST_ROOM <= room
            {
                *last = (*last).min(room - indent);
            }
            return self.render(&(0..widths.len()).collect::<Vec<_>>(), &widths);
        }
        let Some(room) = terminal else { return self.render(&(0..widths.len()).collect::<Vec<_>>(), &widths) };
        let whole = widths.clone();
        let columns = room.saturating_sub(GAP * self.aligns.len().saturating_sub(1));
        self.shorten_names(&mut widths, columns);
        if widths.iter().sum::<usize>() > columns {
            // The table is broken anyway, so names keep what leaves room for something beside them.
            widths = whole;
            let names = widths.iter_mut().zip(&self.aligns).filter(|(_, align)| **align == Align::Name);
            names.for_each(|(width, _)| *width = (*width).min(LEAST_NAME.max(room / 3)));
        }
        let parts = self.parts(&widths, room);
        parts.iter().map(|columns| self.render(columns, &widths)).collect::<Vec<_>>().join("\n")
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        (0..self.aligns.len()).map(width).collect()
    }

    /// Takes from the names, the widest first, until all columns together have no more than `room`.
    fn shorten_names(&self, widths: &mut [usize], room: usize) {
        while widths.iter().sum::<usize>() > room {
            let names = (0..widths.len()).filter(|&column| self.aligns[column] == Align::Name);
            match names.max_by_key(|&column| widths[column]).filter(|&column| widths[column] > LEAST_NAME) {
                Some(widest) => widths[widest] -= 1,
                None => break,
            }
        }
    }

    /// The columns of each part: the keys, and as many others as find a place beside them.
    fn parts(&self, widths: &[usize], room: usize) -> Vec<Vec<usize>> {
        let keys: Vec<usize> = (0..self.num_keys.min(widths.len())).collect();
        let indent: usize = keys.iter().map(|&column| widths[column] + GAP).sum();
        let (mut parts, mut used) = (vec![keys.clone()], indent);
        for (column, width) in widths.iter().enumerate().skip(keys.len()) {
            if used + width > room && used > indent {
                parts.push(keys.clone());
                used = indent;
            }
            used += width + GAP;
            parts.last_mut().expect("there is always a part").push(column);
        }
        parts
    }

    /// Some columns in these widths: names are shortened to them, and the last column is wrapped if the table is.
    fn render(&self, columns: &[usize], widths: &[usize]) -> String {
        let mut text = String::new();
        let indent: usize = columns.iter().rev().skip(1).map(|&column| widths[column] + GAP).sum();
        for row in &self.rows {
            let mut line = String::new();
            for (place, &column) in columns.iter().enumerate() {
                let (align, width) = (self.aligns[column], widths[column]);
                if self.is_wrapped && place + 1 == columns.len() {
                    line += &wrap(&row[column], width).join(&format!("\n{}", " ".repeat(indent)));
                    continue;
                }
                let cell = if align == Align::Name { shortened(&row[column], width) } else { row[column].clone() };
                let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
                match align {
                    Align::Left | Align::Name => line.extend([cell, blanks]),
                    Align::Right => line.extend([blanks, cell]),
                }
                line.push_str(&" ".repeat(GAP));
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// The table where there is no terminal.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fit(None))
    }
}

/// A name of at most `longest` characters: what is too much is left out of its middle, for the end tells runs apart.
pub(super) fn shortened(name: &str, longest: usize) -> String {
    let count = name.chars().count();
    if count <= longest {
        return name.to_owned();
    }
    let kept = longest.saturating_sub(1);
    let begin = kept / 3;
    name.chars().take(begin).chain(['…']).chain(name.chars().skip(count - (kept - begin))).collect()
}

/// A text on lines that a terminal of so many columns shows unbroken; as it is where there is none.
pub fn paragraph(text: &str, terminal: Option<usize>) -> String {
    terminal.map_or(text.to_owned(), |columns| wrap(text, columns).join("\n")) + "\n"
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

    fn longest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
    }

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
        assert!(longest(&text) <= WIDTH, "{text}");
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().skip(2).all(|line| line.starts_with("      word")), "{text}");
        assert_eq!(text.matches("word").count(), 60);
        assert!(longest(&table.fit(Some(80))) <= 80);
    }

    #[test]
    fn a_word_longer_than_the_line_stays_whole() {
        assert_eq!(wrap("a bbbbbb c", 4), ["a", "bbbbbb", "c"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn a_terminal_shortens_names_in_their_middle_and_a_pipe_gets_them_whole() {
        let name = "runs/2030-01-01-a-scenario-with-a-long-name/policy-7";
        let mut table = Table::new([(Align::Name, "policy"), (Align::Right, "score"), (Align::Right, "return")]);
        table.row([name, "123.456", "-1234567.125"]);
        let narrow = table.fit(Some(50));
        assert!(longest(&narrow) <= 50, "{narrow}");
        assert!(
            narrow.contains("runs/203") && narrow.contains('…') && narrow.contains("policy-7  123.456"),
            "{narrow}"
        );
        assert!(narrow.contains("-1234567.125"), "{narrow}");
        assert!(table.to_string().contains(name) && !table.to_string().contains('…'));
    }

    #[test]
    fn columns_without_a_place_come_below_with_their_keys() {
        let headings = [(Align::Right, "#"), (Align::Name, "policy"), (Align::Right, "one"), (Align::Right, "two")];
        let mut table = Table::new(headings).keyed(2);
        table.row(["1", "hold", "12345678", "87654321"]);
        assert_eq!(
            table.fit(Some(20)),
            "#  policy       one\n1  hold    12345678\n\n#  policy       two\n1  hold    87654321\n"
        );
        assert_eq!(table.fit(Some(40)), table.to_string());
    }
}
