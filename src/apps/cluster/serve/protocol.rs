//! What can be said to the service and what it says: one JSON object per line.
//!
//! A line is read twice: first for its `op` and `id`, so that an error can carry the `id`, then as what `op` says, where
//! a field that nobody knows is an error. Neither reading builds a tree of whatever was sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    domains::cluster::{amounts, components::NUM_RESOURCES},
    text,
};

/// No time of a request is longer, in s.
const LONGEST_S: f64 = 1e9;

/// Longest name of a node or a workload, in bytes.
pub(super) const MAX_NAME: usize = 128;

/// Longest complaint, in characters: what was sent may be quoted in it.
const MAX_COMPLAINT: usize = 300;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Op {
    Observe,
    Place,
    Release,
    Fail,
    Repair,
    Report,
}

/// What a request is called by whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "`id` must be a whole number of 64 bits or a text")]
pub(super) enum Id {
    Number(i64),
    /// One beyond those of `i64`.
    Large(u64),
    Text(String),
}

#[derive(Deserialize)]
struct Head {
    op: Op,
    id: Option<Id>,
}

/// Amounts of resources; what is not named stays as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Amounts {
    cpu: Option<f64>,
    memory: Option<f64>,
    bandwidth: Option<f64>,
    gpu: Option<f64>,
    storage: Option<f64>,
}

/// A node as its keeper sees it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    pub name: String,
    pub capacity: Option<Amounts>,
    pub used: Option<Amounts>,
    pub up: Option<bool>,
    pub rtt_s: Option<f64>,
}

/// The state of the cluster, or of a part of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Observe {
    #[serde(rename = "op")]
    _op: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    #[serde(default)]
    pub nodes: Vec<Seen>,
    #[serde(default)]
    pub gone: Vec<String>,
}

/// A workload that wants a node.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    #[serde(rename = "op")]
    _op: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    pub workload: String,
    pub demand: Amounts,
    pub priority: Option<u8>,
    pub deadline_s: Option<f64>,
    #[serde(default)]
    pub declined: u16,
}

/// A workload that is done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    #[serde(rename = "op")]
    _op: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    pub workload: String,
}

/// A node that fails or is repaired.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    #[serde(rename = "op")]
    _op: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    pub node: String,
}

/// A question about what has been.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    #[serde(rename = "op")]
    _op: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    #[serde(default)]
    pub history: usize,
}

/// A line that was understood.
#[derive(Debug)]
pub(super) enum Request {
    Observe(Observe),
    Place(Place),
    Release(Release),
    Fail(Change),
    Repair(Change),
    Report(Report),
}

/// What went wrong with a line, for people.
pub(super) type Complaint = String;

/// Understands a line, as far as that goes.
pub(super) fn read(line: &[u8]) -> (Option<Id>, Result<Request, Complaint>) {
    let text = match text::utf8(line) {
        Ok(text) => text,
        Err(error) => return (None, Err(error.to_string())),
    };
    if text.trim_ascii().is_empty() {
        return (None, Err("an empty line".to_owned()));
    }
    match serde_json::from_str(text) {
        Ok(Head { op, id }) => (id, body(op, text).map_err(|error| complaint(&error))),
        Err(error) => (None, Err(complaint(&error))),
    }
}

fn body(op: Op, text: &str) -> serde_json::Result<Request> {
    Ok(match op {
        Op::Observe => Request::Observe(serde_json::from_str(text)?),
        Op::Place => Request::Place(serde_json::from_str(text)?),
        Op::Release => Request::Release(serde_json::from_str(text)?),
        Op::Fail => Request::Fail(serde_json::from_str(text)?),
        Op::Repair => Request::Repair(serde_json::from_str(text)?),
        Op::Report => Request::Report(serde_json::from_str(text)?),
    })
}

fn complaint(error: &serde_json::Error) -> Complaint {
    let told = error.to_string();
    let what = told.rsplit_once(" at line ").map_or(&*told, |(what, _)| what);
    let mut short = shortened(what, MAX_COMPLAINT).to_owned();
    if short.len() < what.len() {
        short.push('…');
    }
    if error.column() > 0 { format!("{short}, at column {}", error.column()) } else { short }
}

impl Amounts {
    /// These amounts, and those of `otherwise` where none is given. `what` they are is told where they cannot be.
    pub(super) fn over(
        self,
        otherwise: [Option<f64>; NUM_RESOURCES],
        resources: [&str; NUM_RESOURCES],
        what: &str,
    ) -> Result<[f64; NUM_RESOURCES], Complaint> {
        let given = [("cpu", self.cpu), ("memory", self.memory), ("bandwidth", self.bandwidth), ("gpu", self.gpu)];
        let given = given.into_iter().chain([("storage", self.storage)]);
        let mut found = otherwise;
        for (name, amount) in given.filter_map(|(name, amount)| Some((name, amount?))) {
            let Some(k) = resources.iter().position(|resource| *resource == name) else {
                return Err(format!("the nodes of this scenario have {}, no {name}", resources.join(", ")));
            };
            found[k] = Some(within(amount, amounts::MOST, &format!("{what} `{name}`"))?);
        }
        let mut all = [0.0; NUM_RESOURCES];
        for ((one, amount), name) in all.iter_mut().zip(found).zip(resources) {
            *one = amount.ok_or_else(|| format!("{what} has no `{name}`"))?;
        }
        Ok(all)
    }
}

/// A time that a cluster can have, in s.
pub(super) fn time_s(time_s: f64, what: &str) -> Result<f64, Complaint> {
    within(time_s, LONGEST_S, what)
}

fn within(number: f64, most: f64, what: &str) -> Result<f64, Complaint> {
    if (0.0..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{what} must be from 0 to {most:e}, not {number}"))
    }
}

/// A name that can be kept.
pub(super) fn named(name: &str, what: &str) -> Result<(), Complaint> {
    if (1..=MAX_NAME).contains(&name.len()) {
        Ok(())
    } else {
        Err(format!("the name of a {what} has from 1 to {MAX_NAME} bytes, not {}", name.len()))
    }
}

/// A name as a complaint tells it. One that is longer than names can be is cut, and says so.
pub(super) fn quoted(name: &str) -> String {
    let short = shortened(name, MAX_NAME);
    if short.len() < name.len() { format!("`{short}…` ({} bytes)", name.len()) } else { format!("`{name}`") }
}

fn shortened(text: &str, max_chars: usize) -> &str {
    text.char_indices().nth(max_chars).map_or(text, |(end, _)| &text[..end])
}

/// What is answered. Where a field has nothing to say it is left out.
#[derive(Serialize)]
pub(super) struct Answer<'a, Body> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a Id>,
    pub op: Op,
    #[serde(flatten)]
    pub body: Body,
}

/// The answer to a line that could not be obeyed.
#[derive(Serialize)]
pub(super) struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a Id>,
    pub error: &'a str,
    /// Number of the line, from 1.
    pub line: u64,
}

/// Answer to `place`.
#[derive(Serialize)]
pub(super) struct Placed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a Id>,
    pub op: Op,
    pub workload: &'a str,
    pub node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<BTreeMap<&'static str, u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'static str>,
    pub latency_us: f64,
}

/// Answer to `observe`.
#[derive(Serialize)]
pub(super) struct Observed {
    pub nodes: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Box<str>>,
}

/// Answer to `release`.
#[derive(Serialize)]
pub(super) struct Released<'a> {
    pub workload: &'a str,
    pub node: &'a str,
}

/// Answer to `fail` and `repair`.
#[derive(Serialize)]
pub(super) struct Changed<'a> {
    pub node: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Vec<Box<str>>>,
}

/// Answer to `report`.
#[derive(Serialize)]
pub(super) struct Reported<'a> {
    pub nodes: usize,
    pub nodes_up: usize,
    pub workloads: usize,
    pub counts: Counts,
    pub fallbacks: BTreeMap<&'static str, u64>,
    pub policy: PolicyState<'a>,
    pub latency_us: Percentiles,
    pub utilisation: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<&'a Past>,
}

/// What has been counted since the service began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// Lines.
    pub lines: u64,
    /// Lines that could not be obeyed.
    pub errors: u64,
    /// Answers that nobody took in time.
    pub dropped: u64,
    /// Workloads placed.
    pub placed: u64,
    /// Workloads that nodes could have taken and the policy did not want.
    pub declined: u64,
    /// Workloads that no node could take.
    pub rejected: u64,
    /// Workloads released.
    pub released: u64,
    /// Workloads lost with their node.
    pub lost: u64,
}

/// How the policy is.
#[derive(Serialize)]
pub(super) struct PolicyState<'a> {
    pub name: &'a str,
    /// `ready`, or why the fallback decides.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
    /// The rule that decides then.
    pub fallback: &'static str,
    /// How often it was read from its files.
    pub loads: u64,
}

/// Latencies of decisions, in µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Percentiles {
    pub count: u64,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

/// A decision that was made.
#[derive(Serialize)]
pub(super) struct Past {
    pub workload: Box<str>,
    pub node: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'static str>,
    pub latency_us: f64,
}
