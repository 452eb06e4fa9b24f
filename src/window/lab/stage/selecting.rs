//! What is selected, and what the view says of it.

use std::sync::Arc;

use bevy::ecs::entity::Entity;

use super::{Agent, Stage, hand::index_of};
use crate::{
    sim::Description,
    window::command::{Selection, Subject},
};

/// What is selected, and what could be said of it when it was last there.
#[derive(Default)]
pub(super) struct Selected {
    selection: Option<Selection>,
    known: Option<Description>,
}

impl Stage {
    /// Selects something that is there, or nothing.
    pub fn select(&mut self, selection: Option<Selection>) {
        let known = selection.and_then(|Selection { play, subject }| match subject {
            Subject::Entity(who) => self.describe(play, who),
            Subject::Link(..) => None,
        });
        self.selected = Selected { selection, known };
    }

    /// What is selected, whether it is still there or not.
    pub fn selection(&self) -> Option<Selection> {
        self.selected.selection
    }

    /// What is selected, unless it is gone. Its entity may stand for something else by now.
    pub fn present_selection(&self) -> Option<Selection> {
        self.selection().filter(|selection| match selection.subject {
            Subject::Entity(_) => self.describe_selected().is_some(),
            Subject::Link(..) => true,
        })
    }

    /// What can be said of the selected entity now, or could be said when it was last there; and whether it is gone. None
    /// if no entity is selected.
    pub fn recall(&mut self) -> Option<(&Description, bool)> {
        let now = self.describe_selected();
        let is_gone = now.as_ref().is_none_or(|now| now.is_over);
        if now.is_some() {
            self.selected.known = now;
        }
        self.selected.known.as_ref().map(|known| (known, is_gone))
    }

    /// What can be said of an entity now.
    pub fn describe(&self, play: usize, who: Entity) -> Option<Description> {
        self.view()?.describe(self.plays.get(play)?.lane().world(), who)
    }

    /// What can be said of the link between two entities now; none where the domain says nothing of links.
    pub fn describe_link(&self, play: usize, ends: [Entity; 2]) -> Option<Description> {
        self.view()?.describe_link(self.plays.get(play)?.lane().world(), ends)
    }

    /// What can be said of the selected entity now; none if it stands for something else by now.
    fn describe_selected(&self) -> Option<Description> {
        let Selection { play, subject: Subject::Entity(who) } = self.selection()? else { return None };
        let life = self.selected.known.as_ref()?.life;
        self.describe(play, who).filter(|now| now.life == life)
    }

    /// What an entity is called: its kind and its number.
    pub fn name_of(&self, play: usize, who: Entity) -> Option<String> {
        self.describe(play, who).map(|description| description.title)
    }

    /// The agent that an entity is; none for what does not act.
    pub fn agent_of(&self, play: usize, who: Entity) -> Option<Agent> {
        let editor = self.scenario.domain.domain().editor()?;
        let (kind, row) = index_of(editor, self.plays.get(play)?.lane().world(), who).ok()?;
        editor.kinds().get(kind)?.group.map(|group| Agent { group, row })
    }

    /// What is selected, if it is an agent: in which env, and which one.
    pub fn selected_agent(&self) -> Option<(usize, Agent)> {
        let Selection { play, subject: Subject::Entity(who) } = self.selection()? else { return None };
        self.agent_of(play, who).map(|agent| (play, agent))
    }

    /// Selects the next agent, or the first one.
    pub fn select_next(&mut self) {
        let scenario = Arc::clone(&self.scenario);
        let Some(editor) = scenario.domain.domain().editor() else { return };
        let play = self.selection().map_or(0, |selection| selection.play);
        let Some(world) = self.plays.get(play).map(|play| play.lane().world()) else { return };
        let agents = editor.kinds().iter().enumerate().filter(|(_, kind)| kind.group.is_some());
        let all: Vec<Entity> = agents.flat_map(|(kind, _)| editor.places(world, 0, kind)).map(|(who, _)| who).collect();
        let now = self.selection().and_then(|selection| match selection.subject {
            Subject::Entity(who) => all.iter().position(|other| *other == who),
            Subject::Link(..) => None,
        });
        let next = all.get(now.map_or(0, |now| now + 1)).or(all.first());
        self.select(next.map(|who| Selection { play, subject: Subject::Entity(*who) }));
    }
}
