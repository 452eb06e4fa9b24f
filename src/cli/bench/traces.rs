//! Reading traces, from memory: what the disk does is not ours.
//!
//! A trace is text, so nobody reads one without finding its lines, its fields and the numbers in them. A program that does only
//! that is the limit.

use std::hint::black_box;

use super::{Figure, Limit, Meter, Unit};
use crate::{
    apps::cluster::traces::{Format, generate, read_text},
    error::Result,
};

/// Workloads of the generated traces.
const ROWS: u64 = 20_000;

pub(super) fn figures() -> Vec<Figure> {
    [("openb", Format::Openb), ("huawei", Format::Huawei), ("swf", Format::Swf), ("plain", Format::Plain)]
        .map(|(name, format)| {
            let split = Limit::Program("fields split, numbers parsed", Box::new(move || split_per_s(format)));
            let unit = Unit::PerSecond("workloads/s");
            Figure::limited(format!("trace_{name}_rows"), unit, [0.15, 0.50], split, move || rows_per_s(format))
        })
        .into()
}

fn text(format: Format) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    generate(format, ROWS, 1, &mut text)?;
    Ok(text)
}

fn rows_per_s(format: Format) -> Result<f64> {
    let text = text(format)?;
    let num_read = read_text(format, &text[..], usize::MAX)?.workloads.len();
    let seconds = Meter::default().seconds(|| {
        black_box(read_text(format, &text[..], usize::MAX).is_ok());
    });
    Ok(num_read as f64 / seconds)
}

fn split_per_s(format: Format) -> Result<f64> {
    let text = text(format)?;
    let seconds = Meter::default().seconds(|| {
        black_box(sum_of_fields(&text));
    });
    Ok(ROWS as f64 / seconds)
}

/// The sum of all numbers in the fields of `text`.
fn sum_of_fields(text: &[u8]) -> f64 {
    let text = str::from_utf8(text).unwrap_or_default();
    let fields = text.lines().flat_map(|line| line.split([',', ' ']));
    fields.filter_map(|field| field.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_numbers_between_commas_or_blanks() {
        assert_eq!(sum_of_fields(b"a,1,2.5\n  3 4\n"), 10.5);
    }
}
