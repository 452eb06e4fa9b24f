//! Branches: what was played before a play went on in another way.
//!
//! Whoever changes something in the past makes another future. The one that was known is kept with its bookmarks, and can be
//! gone back to.

use super::{messages::Severity, play::Line};
use crate::record::Event;

/// Branches that are kept beside the one that plays.
const MOST: usize = 8;

/// What the envs on show were before they went on in another way.
pub struct Branch {
    /// Counted from 1 as long as the scenario is open.
    pub number: u64,
    /// Where it was left.
    pub tick: u64,
    /// One for each env that was on show.
    lines: Vec<Line>,
}

/// The branches of what is on show.
pub struct Branches {
    kept: Vec<Branch>,
    /// Number of the branch that plays.
    now: u64,
    /// Branches so far.
    count: u64,
    /// What a person should know of them.
    told: Vec<(Severity, String)>,
}

impl Default for Branches {
    fn default() -> Self {
        Self { kept: Vec::new(), now: 1, count: 1, told: Vec::new() }
    }
}

impl Branch {
    /// First and last tick that can be sought.
    pub fn ticks(&self) -> (u64, u64) {
        let ticks = self.lines.iter().map(Line::ticks);
        ticks.reduce(|a, b| (a.0.max(b.0), a.1.min(b.1))).unwrap_or_default()
    }

    /// Bookmarks in it.
    pub fn num_bookmarks(&self) -> usize {
        let events = self.lines.first().map(Line::events).unwrap_or_default();
        events.iter().filter(|(_, event)| matches!(event, Event::Bookmark { .. })).count()
    }

    /// What it is, in words.
    pub fn text(&self) -> String {
        let (first, last) = self.ticks();
        let bookmarks = match self.num_bookmarks() {
            0 => String::new(),
            1 => ", 1 bookmark".to_owned(),
            more => format!(", {more} bookmarks"),
        };
        format!("branch {}: ticks {first} to {last}{bookmarks}", self.number)
    }

    /// What was known of each env.
    pub(super) fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

impl Branches {
    /// Those that can be gone back to, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Branch> {
        self.kept.iter()
    }

    /// Number of the one that plays.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Keeps what has played so far, which is left at `tick` for a new branch.
    pub(super) fn leave(&mut self, tick: u64, lines: Vec<Line>) {
        let branch = Branch { number: self.now, tick, lines };
        self.told.push((Severity::Info, format!("{} is kept; the timeline leads back to it", branch.text())));
        self.keep(branch);
        self.count += 1;
        self.now = self.count;
    }

    /// Takes the branch called `number` out, which plays from now on; `lines` have played so far and are kept unless there is
    /// nothing of them.
    pub(super) fn switch(&mut self, number: u64, tick: u64, lines: Vec<Line>) -> Option<Branch> {
        let index = self.kept.iter().position(|branch| branch.number == number)?;
        let taken = self.kept.remove(index);
        let left = Branch { number: self.now, tick, lines };
        let (first, last) = left.ticks();
        if last > first {
            self.keep(left);
        }
        self.now = number;
        Some(taken)
    }

    /// Whether there is one of this number to go back to.
    pub fn has(&self, number: u64) -> bool {
        self.kept.iter().any(|branch| branch.number == number)
    }

    /// What a person should know of them, once.
    pub(super) fn take_told(&mut self) -> Vec<(Severity, String)> {
        std::mem::take(&mut self.told)
    }

    fn keep(&mut self, branch: Branch) {
        self.kept.push(branch);
        if self.kept.len() > MOST {
            let oldest = self.kept.remove(0);
            let text = format!("{} is forgotten: {MOST} are kept at once", oldest.text());
            self.told.push((Severity::Warning, text));
        }
    }
}
