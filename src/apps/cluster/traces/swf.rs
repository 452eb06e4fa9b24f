//! Standard Workload Format of logs of parallel computers (Chapin, Cirne, Feitelson et al., 1999).
//!
//! Eighteen numbers a line, -1 where something is not known; what stands behind `;` is a comment in whatever encoding.
//! Field 11 says what a line is: besides jobs that failed (0) and were completed (1) there are the parts in which a job was
//! executed (2, 3, 4), whose sum has a line of its own, and jobs that were cancelled (5), some of them before they ran. Parts
//! and jobs that never ran are skipped, as are those of which nobody knows how many processors they wanted.

use std::io::BufRead;

use super::{
    Read, Workload,
    lines::{Lines, as_text},
};
use crate::error::{Error, Result};

const NUM_FIELDS: usize = 18;
/// Places of the fields, from 0.
const SUBMIT_S: usize = 1;
const RUN_S: usize = 3;
const USED_PROCESSORS: usize = 4;
const USED_MEMORY_KIB: usize = 6;
const WANTED_PROCESSORS: usize = 7;
const WANTED_MEMORY_KIB: usize = 9;
const STATUS: usize = 10;
/// Values of the status.
const PARTS: [f64; 3] = [2.0, 3.0, 4.0];
const CANCELLED: f64 = 5.0;
const KIB_IN_GIB: f64 = 1.0 / (1024.0 * 1024.0);

pub(super) fn read<R: BufRead>(mut lines: Lines<R>, limit: usize) -> Result<Read> {
    let mut read = Read::default();
    while read.workloads.len() < limit
        && let Some((line, bytes)) = lines.next_bytes()?
    {
        let before_comment = bytes.split(|byte| *byte == b';').next().unwrap_or_default();
        if before_comment.trim_ascii().is_empty() {
            continue;
        }
        let fields = fields(line, as_text(line, before_comment)?)?;
        if PARTS.contains(&fields[STATUS]) {
            read.skip("parts of jobs whose whole has a line of its own");
            continue;
        }
        if fields[STATUS] == CANCELLED && fields[RUN_S] <= 0.0 {
            read.skip("jobs cancelled before they ran");
            continue;
        }
        let known =
            |wanted: usize, used: usize| [fields[wanted], fields[used]].into_iter().find(|number| *number > 0.0);
        let processors = known(WANTED_PROCESSORS, USED_PROCESSORS);
        let (Some(processors), true, true) = (processors, fields[RUN_S] >= 0.0, fields[SUBMIT_S] >= 0.0) else {
            read.skip("jobs of which the arrival, the running time or the processors are not known");
            continue;
        };
        let memory_kib = known(WANTED_MEMORY_KIB, USED_MEMORY_KIB).unwrap_or_default();
        let workload = Workload {
            arrival_s: fields[SUBMIT_S],
            duration_s: Some(fields[RUN_S]),
            // Memory is told per processor.
            demand: [processors, processors * memory_kib * KIB_IN_GIB, 0.0, 0.0],
            priority: 2,
        };
        read.push(workload).map_err(|error| error.at(line, 1))?;
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
