//! The append-only logs of a run: begun, and gone on with where a checkpoint left them.
//!
//! A log is worth less than the run. One that is gone or is not the one left off is kept as it is, told of, and followed by
//! a fresh one. A link is something else: nothing is written through it.

use super::{Plan, SessionState, folder::METRICS_FILE, hyperparameters, unix_s};
use crate::{
    durable::Folder,
    error::{Error, ErrorKind, Result},
    metrics::{JsonLines, TensorBoard, tensorboard},
};

/// The open logs.
pub(super) struct Logs {
    pub(super) jsonl: JsonLines,
    pub(super) events: TensorBoard,
    pub(super) events_file: String,
}

impl Logs {
    /// Those of a new run; `events_file` must be free.
    pub(super) fn create(folder: &Folder, events_file: &str, start_unix_s: f64, plan: &Plan) -> Result<Self> {
        let mut events = TensorBoard::create(folder, events_file, start_unix_s)?;
        events.hyperparameters(&hyperparameters(plan))?;
        Ok(Self { jsonl: JsonLines::create(folder, METRICS_FILE)?, events, events_file: events_file.to_owned() })
    }

    /// Goes on where the checkpoint of `step` left off, with a line for each log that had to be begun anew.
    pub(super) fn go_on(folder: &Folder, state: &SessionState, step: u64) -> Result<(Self, Vec<String>)> {
        let mut lost = Vec::new();
        let jsonl = go_on_with_jsonl(folder, state.jsonl_offset, &mut lost)?;
        let continued = match folder.open_to_change(&state.events_file)? {
            None => Err(Error::input("this log is missing").in_file(folder.path_of(&state.events_file))),
            Some(_) => TensorBoard::append_at(folder, &state.events_file, state.events_offset, state.start_unix_s),
        };
        let (events, events_file) = match continued {
            Ok(events) => (events, state.events_file.clone()),
            Err(error) if error.kind() == ErrorKind::Input => {
                let name = free_events_file(folder)?;
                lost.push(format!("{error}; TensorBoard finds what follows in `{name}`"));
                let mut events = TensorBoard::create(folder, &name, state.start_unix_s)?;
                events.resume_after(step, state.wall_s)?;
                (events, name)
            }
            Err(error) => return Err(error),
        };
        Ok((Self { jsonl, events, events_file }, lost))
    }
}

fn go_on_with_jsonl(folder: &Folder, offset: u64, lost: &mut Vec<String>) -> Result<JsonLines> {
    let path = folder.path_of(METRICS_FILE);
    if folder.open_to_change(METRICS_FILE)?.is_none() {
        lost.push(format!("{}: this log is missing; a fresh one was begun", path.display()));
        return JsonLines::create(folder, METRICS_FILE);
    }
    match JsonLines::append_at(folder, METRICS_FILE, offset) {
        Err(error) if error.kind() == ErrorKind::Input => {
            let kept = set_aside(folder)?;
            lost.push(format!("{error}; what was there is now `{kept}`, and a fresh log was begun"));
            JsonLines::create(folder, METRICS_FILE)
        }
        opened => opened,
    }
}

/// Gives the measurements another name, which is returned.
fn set_aside(folder: &Folder) -> Result<String> {
    for attempt in 1_u64.. {
        let name = format!("metrics.{attempt}.jsonl");
        if folder.kind(&name)?.is_none() {
            folder.rename(METRICS_FILE, &name)?;
            return Ok(name);
        }
    }
    Err(Error::system("no name is left for this log").in_file(folder.path_of(METRICS_FILE)))
}

/// A name for an event file that no file has yet.
pub(super) fn free_events_file(folder: &Folder) -> Result<String> {
    for unix_s in unix_s() as u64.. {
        let name = tensorboard::file_name(unix_s, "agon", std::process::id());
        if folder.kind(&name)?.is_none() {
            return Ok(name);
        }
    }
    Err(Error::system("no name is left for an event file").in_file(folder.path()))
}
