//! Runs on disk, and the curves of those that a person wants to see.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{catalogue::run_folders, messages::Messages};
use crate::{error::Result, metrics::series::RunCurves, policy::card::load_card};

/// How often a run that another process may be writing is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs on disk.
#[derive(Default)]
pub struct Runs {
    runs: Vec<Run>,
    since_look: Duration,
}

/// A run on disk.
pub struct Run {
    /// Its folder.
    pub path: PathBuf,
    /// The scenario that it trains in, as its card says; empty until its curves are wanted, or where it has no card.
    scenario: String,
    /// Its curves, if a person wants to see them.
    curves: Option<RunCurves>,
}

impl Run {
    fn at(path: PathBuf) -> Self {
        Self { path, scenario: String::new(), curves: None }
    }

    /// Its curves, if a person wants to see them.
    pub fn curves(&self) -> Option<&RunCurves> {
        self.curves.as_ref()
    }

    /// The scenario that it trains in; empty where nothing says so.
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// Name of its folder.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Runs {
    /// The runs, newest name first.
    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    /// Looks again which runs there are.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn refresh(&mut self) -> Result<()> {
        let mut before = std::mem::take(&mut self.runs);
        for path in run_folders()? {
            let known = before.iter().position(|run| run.path == path).map(|index| before.swap_remove(index));
            self.runs.push(known.unwrap_or_else(|| Run::at(path)));
        }
        // What is shown stays, wherever it lies.
        self.runs.extend(before.into_iter().filter(|run| run.curves.is_some()));
        Ok(())
    }

    /// Shows the curves of the run in this folder, or no longer.
    ///
    /// # Errors
    /// A folder without curves, or what the file system reports.
    pub fn toggle(&mut self, path: &Path) -> Result<()> {
        let index = match self.runs.iter().position(|run| run.path == path) {
            Some(index) => index,
            None => {
                self.runs.push(Run::at(path.to_owned()));
                self.runs.len() - 1
            }
        };
        if let Some(run) = self.runs.get_mut(index) {
            run.curves = match run.curves.take() {
                Some(_) => None,
                None => Some(RunCurves::read(&path.join("metrics.jsonl"))?),
            };
            // A run that has no card yet has curves all the same.
            run.scenario = load_card(path).map(|card| card.scenario).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads what was added to the curves on show since; whether anything was.
    pub(super) fn poll(&mut self, elapsed: Duration, messages: &mut Messages) -> bool {
        self.since_look += elapsed;
        if self.since_look < LOOK_EVERY {
            return false;
        }
        self.since_look = Duration::ZERO;
        let mut any = false;
        for run in &mut self.runs {
            let Some(curves) = &mut run.curves else { continue };
            match curves.follow() {
                Ok(added) => any |= added,
                Err(error) => {
                    messages.error(&error);
                    run.curves = None;
                }
            }
        }
        any
    }
}
