//! Standard Workload Format of logs of parallel computers (Chapin, Cirne, Feitelson et al., 1999).
//!
//! Eighteen numbers a line, -1 where something is not known. A job that never ran, or of which nobody knows how many
//! processors it wanted, is skipped.

use std::io::BufRead;

use super::{Read, Workload, lines::Lines};
use crate::error::{Error, Result};

const NUM_FIELDS: usize = 18;
/// Places of the fields, from 0.
const SUBMIT_S: usize = 1;
const RUN_S: usize = 3;
const USED_PROCESSORS: usize = 4;
const USED_MEMORY_KIB: usize = 6;
const WANTED_PROCESSORS: usize = 7;
const WANTED_MEMORY_KIB: usize = 9;
const KIB_IN_GIB: f64 = 1.0 / (1024.0 * 1024.0);

pub(super) fn read<R: BufRead>(mut lines: Lines<R>, limit: usize) -> Result<Read> {
    let mut read = Read::default();
    while read.workloads.len() < limit
        && let Some((line, text)) = lines.next()?
    {
        let text = text.split(';').next().unwrap_or_default();
        if text.trim().is_empty() {
            continue;
        }
        let fields = fields(line, text)?;
        let known =
            |wanted: usize, used: usize| [fields[wanted], fields[used]].into_iter().find(|number| *number > 0.0);
        let processors = known(WANTED_PROCESSORS, USED_PROCESSORS);
        let (Some(processors), true, true) = (processors, fields[RUN_S] >= 0.0, fields[SUBMIT_S] >= 0.0) else {
            read.num_skipped += 1;
            continue;
        };
        let memory_kib = known(WANTED_MEMORY_KIB, USED_MEMORY_KIB).unwrap_or_default();
        read.workloads.push(Workload {
            arrival_s: fields[SUBMIT_S],
            duration_s: Some(fields[RUN_S]),
            // Memory is told per processor.
            demand: [processors, processors * memory_kib * KIB_IN_GIB, 0.0, 0.0],
            priority: 2,
        });
    }
    Ok(read)
}

fn fields(line: usize, text: &str) -> Result<[f64; NUM_FIELDS]> {
    let mut fields = [0.0; NUM_FIELDS];
    let mut found = 0;
    for word in text.split_ascii_whitespace() {
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        let Some(number) = number else {
            let shown: String = word.chars().take(40).collect();
            let what = format!("field {} must be a number, found `{}`", found + 1, shown.escape_debug());
            return Err(Error::input(what).at(line, 1));
        };
        if let Some(field) = fields.get_mut(found) {
            *field = number;
        }
        found += 1;
    }
    if found == NUM_FIELDS {
        return Ok(fields);
    }
    Err(Error::input(format!("{found} fields, a job has {NUM_FIELDS}")).at(line, 1))
}
