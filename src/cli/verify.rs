//! `agon verify`: is a recording what it says, and all of it there?

use serde_json::json;

use super::{args::VerifyArgs, output};
use crate::{
    error::{Error, Result},
    record::{Difference, Ending, Replay, Verdict, verify},
};

/// Simulates the recording again and says whether it comes out the same.
pub(super) fn run(args: &VerifyArgs) -> Result<()> {
    let mut replay = Replay::open(&args.file)?;
    let bar = output::progress(*replay.ticks().end(), "verifying");
    let verdict = verify(&mut replay, &|| bar.inc(1)).map_err(|error| error.in_file(&args.file));
    bar.finish_and_clear();
    let verdict = verdict?;
    if args.json {
        output::print_json(&to_json(&replay, &verdict))?;
    }
    let fault = fault(&replay, &verdict).map(|what| Error::input(what).in_file(&args.file));
    match fault {
        Some(error) => Err(error),
        None if args.json => Ok(()),
        None => output::print(describe(&replay, &verdict)),
    }
}

/// Why this is not the recording that was written.
fn fault(replay: &Replay, verdict: &Verdict) -> Option<String> {
    if let Some(Difference { tick, expected, found }) = verdict.difference {
        let agon = &replay.header().agon;
        return Some(format!(
            "differs at the keyframe of tick {tick}: expected state {expected:016x}, found {found:016x} \
             (recorded by agon {agon}, simulated by agon {})",
            env!("CARGO_PKG_VERSION")
        ));
    }
    let Ending::Damaged { at, why } = replay.ending() else { return None };
    Some(format!("damaged at byte {at}: {why}; {} before it", counted(verdict)))
}

fn describe(replay: &Replay, verdict: &Verdict) -> String {
    let rest = match replay.ending() {
        Ending::Cut { at } => format!("cut: good up to byte {at}, tick {}", replay.ticks().end()),
        _ if replay.header().finished => "finished".to_owned(),
        _ => "not finished: its recorder was stopped".to_owned(),
    };
    format!("{}\n{rest}", counted(verdict))
}

fn counted(verdict: &Verdict) -> String {
    format!("{} keyframes, {} ticks, identical", verdict.keyframes, verdict.ticks)
}

fn to_json(replay: &Replay, verdict: &Verdict) -> serde_json::Value {
    let (good_bytes, damage) = match replay.ending() {
        Ending::Complete => (None, None),
        Ending::Cut { at } => (Some(*at), None),
        Ending::Damaged { at, why } => (Some(*at), Some(why)),
    };
    let difference = verdict.difference.map(|Difference { tick, expected, found }| {
        json!({ "tick": tick, "expected": format!("{expected:016x}"), "found": format!("{found:016x}") })
    });
    json!({
        "scenario": replay.header().scenario.name,
        "policies": replay.header().policies,
        "ticks": verdict.ticks,
        "keyframes": verdict.keyframes,
        "identical": verdict.difference.is_none(),
        "difference": difference,
        "finished": replay.header().finished,
        "good_up_to_byte": good_bytes,
        "damage": damage,
    })
}
