//! A policy at work outside of any simulation: it decides for a cluster that somebody else runs.
//!
//! Requests come as lines, each one JSON object, and each line gets one line back, in order: an answer or an error. A line
//! that cannot be obeyed changes nothing. Fields that nobody knows are refused by name. `id`, a whole number of 64 bits or a
//! text, may stand in any request and comes back with its answer. A byte order mark before a line is passed over.
//!
//! | `op` | fields | what it does |
//! |---|---|---|
//! | `observe` | `nodes`: `name`, `capacity`, `used`, `up`, `rtt_s`; `gone`: names | takes over what the outside says of nodes |
//! | `place` | `workload`, `demand`, `priority`, `deadline_s`, `declined` | gives a workload a node, or none and the reasons |
//! | `release` | `workload` | it is done, and its node has back what it took |
//! | `fail`, `repair` | `node` | a node fails, and the workloads lost with it are listed; it works again, empty |
//! | `report` | `history`: how many decisions to list | counters, percentiles, how the policy is |
//!
//! **Amounts** are objects with the scenario's resources: `{"cpu":4,"memory":8}`. Their units are the sender's: cores or
//! thousandths, GiB or bytes, up to 1e15, the same for nodes and workloads. They are counted as the domain counts them, in
//! ten-thousandths. A new node needs all of its `capacity`; later observations may leave out whatever has not changed. What is in `used` replaces what the service has counted,
//! workloads that it placed included: the outside knows better.
//!
//! **A decision** is that of the domain: nodes without room, too far away for `deadline_s` (in s from now) or down are out;
//! the policy chooses among the others, or declines. Then nothing waits: whoever asked may ask again, with `declined` one
//! larger. `rejected` counts every node once, by the first cause that holds.
//!
//! **A reader who does not read** never holds up decisions: beyond 16 MiB of answers the oldest give way, since the state of
//! the cluster would go stale while an answer nobody reads is of use to nobody. The next line to be written is then
//! `{"dropped":n}`, and a report tells the sum and the last thousand decisions. Where requests come from a file, nobody
//! waits for the service, and it waits for its reader instead.

mod latency;
mod lines;
mod outbox;
mod protocol;
mod state;
#[cfg(test)]
mod tests;
mod weights;

use std::{
    io::{BufRead, Write},
    time::Instant,
};

use serde::Serialize;
use serde_json::ser::Formatter;

pub use self::weights::Decider;
use self::{
    lines::{Line, Lines, MAX_LINE},
    outbox::{MAX_WAITING, Outbox},
    protocol::{Answer, Complaint, Failure, Id, Op, Placed, Request},
    state::State,
};
use crate::{
    domains::cluster::ClusterParams,
    error::{Error, Result},
};

/// What an input buffer holds.
const BUFFER: usize = 64 << 10;

/// Answers requests, one line after the other.
pub struct Service {
    state: State,
}

impl Service {
    /// A service for a cluster without nodes, under the rules of a scenario. Chance has an address: the seed and the number
    /// of the request.
    pub fn new(params: &ClusterParams, seed: u64, decider: Decider) -> Self {
        Self { state: State::new(params, seed, decider) }
    }

    /// Why the fallback would decide now, if it would.
    pub fn trouble(&mut self) -> Option<String> {
        let (reason, detail) = self.state.trouble(Instant::now())?;
        Some(format!("{} ({})", detail, reason.label()))
    }

    /// Appends the answer to a line, its end included, to `answer`.
    pub fn answer(&mut self, line: &[u8], answer: &mut Vec<u8>) {
        let received = Instant::now();
        self.state.counts.lines += 1;
        let (id, request) = protocol::read(line);
        let id = id.as_ref();
        if let Err(complaint) = request.and_then(|request| self.obey(&request, id, received, answer)) {
            self.complain(id, &complaint, answer);
        }
    }

    fn obey(
        &mut self,
        request: &Request,
        id: Option<&Id>,
        received: Instant,
        to: &mut Vec<u8>,
    ) -> std::result::Result<(), Complaint> {
        let state = &mut self.state;
        match request {
            Request::Place(place) => write(to, &Placed { id, ..state.place(place, received)? }),
            Request::Observe(observe) => write(to, &Answer { id, op: Op::Observe, body: state.observe(observe)? }),
            Request::Release(release) => {
                write(to, &Answer { id, op: Op::Release, body: state.release(&release.workload)? });
            }
            Request::Fail(change) => write(to, &Answer { id, op: Op::Fail, body: state.change(&change.node, true)? }),
            Request::Repair(change) => {
                write(to, &Answer { id, op: Op::Repair, body: state.change(&change.node, false)? });
            }
            Request::Report(report) => {
                write(to, &Answer { id, op: Op::Report, body: state.report(report.history, received) });
            }
        }
        Ok(())
    }

    fn complain(&mut self, id: Option<&Id>, complaint: &str, to: &mut Vec<u8>) {
        self.state.counts.errors += 1;
        write(to, &Failure { id, error: complaint, line: self.state.counts.lines });
    }

    /// Answers a line that was too long to be kept.
    fn refuse(&mut self, to: &mut Vec<u8>) {
        self.state.counts.lines += 1;
        self.complain(None, &format!("longer than {MAX_LINE} bytes, which no request is"), to);
    }
}

/// JSON in which names cannot be taken for orders by a terminal: JSON itself lets delete and the controls from U+0080 on stand
/// as they are.
struct Legible;

impl Formatter for Legible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, text: &str) -> std::io::Result<()> {
        let mut rest = text;
        while let Some((at, control)) = rest.char_indices().find(|(_, c)| c.is_control()) {
            write!(to, "{}\\u{:04x}", &rest[..at], u32::from(control))?;
            rest = &rest[at + control.len_utf8()..];
        }
        to.write_all(rest.as_bytes())
    }
}

/// Writes a line. This cannot fail: a vector takes all bytes, and all keys of an answer's maps are text.
fn write(to: &mut Vec<u8>, answer: &impl Serialize) {
    let written = answer.serialize(&mut serde_json::Serializer::with_formatter(&mut *to, Legible));
    debug_assert!(written.is_ok(), "an answer that cannot be written");
    to.push(b'\n');
}

/// Answers what comes from `input` until it ends or nobody reads `output` any more. With `waits`, it waits for a slow reader
/// instead of letting answers go.
///
/// # Errors
/// What keeps `input` from being read or `output` from taking answers; a reader who has gone is no error.
pub fn serve(service: &mut Service, input: impl std::io::Read, output: impl Write + Send, waits: bool) -> Result<()> {
    let outbox = Outbox::new(MAX_WAITING, waits);
    let read = std::thread::scope(|scope| {
        scope.spawn(|| outbox.write(output));
        let mut lines = Lines::new(std::io::BufReader::with_capacity(BUFFER, input));
        let read = answer_all(service, &mut lines, &outbox);
        outbox.close();
        read
    });
    match outbox.end() {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::system(format!("cannot write to stdout: {error}"))),
        Ok(()) => read.map_err(|error| Error::system(format!("cannot read from stdin: {error}"))),
    }
}

fn answer_all(service: &mut Service, lines: &mut Lines<impl BufRead>, outbox: &Outbox) -> std::io::Result<()> {
    let mut answer = Vec::new();
    loop {
        answer.clear();
        // What one long answer took is not kept for all the short ones after it.
        answer.shrink_to(MAX_LINE);
        match lines.next()? {
            Line::Whole(line) => service.answer(line, &mut answer),
            Line::TooLong => service.refuse(&mut answer),
            Line::End => return Ok(()),
        }
        if !outbox.put(&answer) {
            return Ok(());
        }
        service.state.counts.dropped = outbox.dropped();
    }
}
