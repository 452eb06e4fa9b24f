//! `agon verify`: is a recording what it says, and all of it there?

use std::fmt::Write;

use serde_json::json;

use super::{args::VerifyArgs, output};
use crate::{
    error::{Error, ErrorKind, Result},
    record::{Coverage, Edit, Ending, Outcome, Replay, Verdict, verify},
};

/// What the exit codes mean, for the help of the command.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  finished and identical: all that follows from states and actions is as it was recorded
  1  the machine failed
  2  the file cannot be used: it is not there, or nothing of it can be played
  3  different: something does not follow, or the file is damaged
  4  incomplete: identical as far as it goes, but it was cut or its recorder was stopped";

/// Edits that are told one by one.
const NAMED: usize = 5;

/// Simulates the recording again and says whether it comes out the same.
pub(super) fn run(args: &VerifyArgs) -> Result<()> {
    let mut replay = Replay::open(&args.file)?;
    let bar = output::progress(*replay.ticks().end(), "verifying");
    let verdict = verify(&mut replay, &|| bar.inc(1)).map_err(|error| error.in_file(&args.file));
    bar.finish_and_clear();
    let verdict = verdict?;
    if args.json {
        output::print_json(&to_json(&replay, &verdict))?;
    } else {
        output::print(describe(&replay, &verdict))?;
    }
    let kind = match verdict.outcome(&replay) {
        Outcome::Identical => return Ok(()),
        Outcome::Different => ErrorKind::Different,
        Outcome::Incomplete => ErrorKind::Incomplete,
    };
    Err(Error::new(kind, fault(&replay, &verdict)).in_file(&args.file))
}

/// Why this is not all of the recording that was written.
fn fault(replay: &Replay, verdict: &Verdict) -> String {
    if let Some(difference) = &verdict.difference {
        let agon = &replay.header().agon;
        return format!(
            "differs at tick {}: {}: recorded {}, found {} (recorded by agon {}, simulated by agon {})",
            difference.tick,
            difference.what,
            difference.expected,
            difference.found,
            agon.escape_debug(),
            env!("CARGO_PKG_VERSION")
        );
    }
    match replay.ending() {
        Ending::Damaged { at, why } => format!("damaged at byte {at}: {why}; {} before it", counted(verdict)),
        Ending::Cut { at } => format!("cut: good up to byte {at}, tick {}", verdict.ticks),
        Ending::Complete => format!("not finished: its recorder was stopped after tick {}", verdict.ticks),
    }
}

fn describe(replay: &Replay, verdict: &Verdict) -> String {
    let state = match (replay.ending(), verdict.outcome(replay)) {
        (_, Outcome::Identical) => "finished".to_owned(),
        _ => fault(replay, verdict),
    };
    let mut text = format!("{}\n{state}\n", counted(verdict));
    // Writing into a string cannot fail.
    let _ = writeln!(text, "compared: states, metrics, rewards, ends of episodes, times");
    if verdict.num_edits > 0 {
        let _ = writeln!(text, "edits by hand: {}", edited(verdict));
    }
    let _ = writeln!(text, "not checked: {}", not_checked(replay, verdict).join("; "));
    let uncovered = uncovered(replay.uncovered());
    if !uncovered.is_empty() {
        let _ = writeln!(text, "no checksum covers {}: whoever wrote the file gave none", uncovered.join(", "));
    }
    for what in lacks(replay, verdict) {
        let _ = writeln!(text, "lacks {what}: the file is of version {}", replay.header().version);
    }
    text
}

fn counted(verdict: &Verdict) -> String {
    let is_same = if verdict.difference.is_none() { "identical" } else { "different" };
    format!("{} keyframes, {} ticks, {is_same}", verdict.keyframes, verdict.ticks)
}

/// Which states were edited, and what the recording says of it.
fn edited(verdict: &Verdict) -> String {
    let named = verdict.edits.iter().take(NAMED).map(|Edit { tick, what }| {
        let what: Vec<String> = what.iter().map(|what| what.escape_debug().to_string()).collect();
        let what = if what.is_empty() { "no word of what it was".to_owned() } else { what.join(", ") };
        format!("tick {tick} ({what})")
    });
    let mut parts: Vec<String> = named.collect();
    let more = verdict.num_edits.saturating_sub(parts.len() as u64);
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    format!("{}, whose states are taken as they were recorded: {}", verdict.num_edits, parts.join(", "))
}

/// What nothing in the file says anything about.
fn not_checked(replay: &Replay, verdict: &Verdict) -> Vec<String> {
    let names: Vec<String> = replay.header().policies.iter().map(|name| name.escape_debug().to_string()).collect();
    let mut parts = vec![format!("whether {} chose the actions", names.join(", "))];
    if !verdict.begins_as_seeded {
        parts.push("the state it begins with, which is not the start of an episode of its seed".to_owned());
    }
    parts.push("titles and texts of the scenario".to_owned());
    let mut count = |number: u64, what: &str| {
        if number > 0 {
            parts.push(format!("{what}: {number}"));
        }
    };
    count(verdict.bookmarks, "bookmarks");
    count(verdict.policy_swaps, "swaps of policies");
    count(verdict.unknown_messages, "messages on unknown topics");
    parts.push("descriptions of channels and the index at the end of the file".to_owned());
    parts
}

/// What no checksum covers.
fn uncovered(coverage: Coverage) -> Vec<String> {
    let Coverage { chunks, between_chunks, summary } = coverage;
    let chunks = (chunks > 0).then(|| format!("{chunks} of the chunks"));
    let between = between_chunks.then(|| "what lies between the chunks".to_owned());
    chunks.into_iter().chain(between).chain(summary.then(|| "the summary".to_owned())).collect()
}

/// What files of earlier versions do not have.
fn lacks(replay: &Replay, verdict: &Verdict) -> Vec<String> {
    let mut lacks = Vec::new();
    if replay.header().version >= 2 || verdict.difference.is_some() {
        return lacks;
    }
    if verdict.last_keyframe < verdict.ticks {
        let from = verdict.last_keyframe + 1;
        lacks.push(format!("states of ticks {from} to {}, which metrics and rewards vouch for", verdict.ticks));
    }
    if verdict.num_edits > 0 {
        lacks.push("the states before its edits".to_owned());
    }
    lacks
}

fn to_json(replay: &Replay, verdict: &Verdict) -> serde_json::Value {
    let (good_bytes, damage) = match replay.ending() {
        Ending::Complete => (None, None),
        Ending::Cut { at } => (Some(*at), None),
        Ending::Damaged { at, why } => (Some(*at), Some(why)),
    };
    let difference = verdict.difference.as_ref().map(|difference| {
        json!({
            "tick": difference.tick,
            "what": difference.what,
            "expected": difference.expected,
            "found": difference.found,
        })
    });
    let edits: Vec<_> = verdict.edits.iter().map(|edit| json!({ "tick": edit.tick, "what": edit.what })).collect();
    let outcome = match verdict.outcome(replay) {
        Outcome::Identical => "identical",
        Outcome::Different => "different",
        Outcome::Incomplete => "incomplete",
    };
    json!({
        "scenario": replay.header().scenario.name,
        "policies": replay.header().policies,
        "version": replay.header().version,
        "outcome": outcome,
        "ticks": verdict.ticks,
        "keyframes": verdict.keyframes,
        "identical": verdict.difference.is_none(),
        "difference": difference,
        "num_edits": verdict.num_edits,
        "edits": edits,
        "not_checked": not_checked(replay, verdict),
        "no_checksum": uncovered(replay.uncovered()),
        "lacks": lacks(replay, verdict),
        "finished": replay.header().finished,
        "good_up_to_byte": good_bytes,
        "damage": damage,
    })
}
