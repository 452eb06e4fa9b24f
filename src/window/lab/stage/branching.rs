//! Going on in another way loses nothing: what was known becomes a branch, and any branch can be gone back to.

use std::sync::Arc;

use super::Stage;
use crate::{
    error::{Error, Result},
    window::lab::{Branches, Play, play::Line},
};

impl Stage {
    /// What was played in another way.
    pub fn branches(&self) -> &Branches {
        &self.branches
    }

    /// The same, for whoever tells of them.
    pub fn branches_mut(&mut self) -> &mut Branches {
        &mut self.branches
    }

    /// Keeps as a branch what envs were before they went on in another way, if one has since this was last called.
    pub fn keep_left(&mut self) {
        let left: Vec<Option<Line>> = self.plays.iter_mut().map(Play::take_left).collect();
        if left.iter().all(Option::is_none) {
            return;
        }
        // Two envs stay in lock-step: what one of them was is kept beside what the other is.
        let lines = self.plays.iter().zip(left).filter_map(|(play, left)| left.or_else(|| play.line())).collect();
        self.branches.leave(self.tick(), lines);
    }

    /// Keeps as a branch what other envs are about to replace, if it cannot be had again. `is_edit` says that a person goes on
    /// with this very moment in the editor.
    pub(super) fn keep_replaced(&mut self, is_edit: bool) {
        let is_worth_it = |play: &Play| play.is_marked() || (is_edit && play.ticks().1 > play.ticks().0);
        if self.plays.iter().any(is_worth_it) {
            let lines = self.plays.iter().filter_map(Play::line).collect();
            self.branches.leave(self.tick(), lines);
        }
    }

    /// Goes back to the branch of this number, at the tick where it was left. What plays now is kept in its place.
    ///
    /// # Errors
    /// No such branch, an open editor, or a state that cannot be restored.
    pub fn switch_branch(&mut self, number: u64) -> Result<()> {
        if self.editing.is_some() {
            return Err(Error::input("the editor is open").hint("close it with E first"));
        }
        if !self.branches.has(number) {
            return Err(Error::input(format!("there is no branch {number}")).hint("the timeline lists those there are"));
        }
        let lines = self.plays.iter().filter_map(Play::line).collect();
        let Some(branch) = self.branches.switch(number, self.tick(), lines) else { return Ok(()) };
        let ((first, last), tick) = (branch.ticks(), branch.tick);
        let tick = tick.clamp(first, last);
        let plays: Vec<Play> =
            branch.into_lines().into_iter().map(|line| Play::resumed(line, tick)).collect::<Result<_>>()?;
        if let Some(play) = plays.first() {
            self.scenario = Arc::new(play.scenario().clone());
        }
        self.pending = None;
        self.show(plays);
        Ok(())
    }
}
