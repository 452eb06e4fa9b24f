//! Reading traces, from memory: what the disk does is not ours.

use super::{Better, Figure, Meter};
use crate::{
    error::Result,
    traces::{Format, generate, read_text},
};

/// Workloads of the generated traces.
const ROWS: u64 = 20_000;

pub(super) fn figures() -> Vec<Figure> {
    [("openb", Format::Openb), ("huawei", Format::Huawei), ("swf", Format::Swf), ("plain", Format::Plain)]
        .map(|(name, format)| Figure {
            name: format!("trace_{name}_rows"),
            unit: "workloads/s",
            better: Better::Higher,
            must: 300_000.0,
            aim: 2_000_000.0,
            peer: None,
            measure: Box::new(move || rows_per_s(format)),
        })
        .into()
}

fn rows_per_s(format: Format) -> Result<f64> {
    let mut text = Vec::new();
    generate(format, ROWS, 1, &mut text)?;
    let num_read = read_text(format, &text[..], usize::MAX)?.workloads.len();
    let seconds = Meter::default().seconds(|| {
        std::hint::black_box(read_text(format, &text[..], usize::MAX).is_ok());
    });
    Ok(num_read as f64 / seconds)
}
