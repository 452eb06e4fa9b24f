//! Tables as text: comma-separated, one line of names first (RFC 4180).

use std::fmt::Write;

use super::table::Table;

/// The table as text. Numbers read back to the same value.
pub(super) fn text(table: &Table) -> String {
    let has_time = table.rows.iter().any(|row| row.time_s.is_some());
    let time = has_time.then_some("time [s]");
    let names = ["episode", "tick"].into_iter().chain(time).chain(table.columns.iter().map(String::as_str));
    let mut text = names.map(quoted).collect::<Vec<_>>().join(",");
    text.push('\n');
    for row in &table.rows {
        // Writing into a string cannot fail.
        let _ = write!(text, "{},{}", row.episode, row.tick);
        for value in has_time.then_some(row.time_s.unwrap_or(f64::NAN)).iter().chain(&row.values) {
            let _ = write!(text, ",{value}");
        }
        text.push('\n');
    }
    text
}

/// A name that the separators would tear apart stands in quotes.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::table::Row;

    #[test]
    fn names_are_quoted_where_they_must_be_and_numbers_keep_every_digit() {
        let rows = vec![Row { episode: 2, tick: 7, time_s: Some(3.5), values: vec![0.1 + 0.2, f64::NAN] }];
        let table = Table { columns: vec!["a,b [\"]".to_owned(), "energy [m²/s]".to_owned()], rows };
        assert_eq!(
            text(&table),
            "episode,tick,time [s],\"a,b [\"\"]\",energy [m²/s]\n2,7,3.5,0.30000000000000004,NaN\n"
        );
    }
}
