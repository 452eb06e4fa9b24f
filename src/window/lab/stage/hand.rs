//! What a person does to the envs on show by hand: move, place, take away, drive, plot.

use std::sync::Arc;

use bevy::{
    ecs::{entity::Entity, world::World},
    math::Vec2,
};

use super::{Agent, Probe, Stage};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    metrics::series::Series,
    record::Event,
    sim::{Editor, Field},
    window::{
        command::{Selection, Subject},
        lab::{Editing, Play, Seat, seat::Drive},
    },
};

impl Stage {
    /// Puts `who` at `at`, in metres.
    ///
    /// # Errors
    /// Something that cannot be moved, or a recording.
    pub fn move_to(&mut self, play: usize, who: Entity, at: Vec2) -> Result<()> {
        let domain = Arc::clone(&self.scenario);
        let editor = editor_of(&domain)?;
        if let Some(editing) = &mut self.editing {
            let lane = self.plays.get(play).map(Play::lane).ok_or_else(no_such_env)?;
            let (kind, index) = index_of(editor, lane.world(), who)?;
            editing.move_to(lane, kind, index, at)?;
            return self.restart_edited();
        }
        let kind = self.plays.get(play).and_then(|play| editor.kind_of(play.lane().world(), who));
        let kind = kind.and_then(|kind| editor.kinds().get(kind)).map_or("something", |kind| kind.name);
        let what = format!("put a {kind} at {:.1} m, {:.1} m", at.x, at.y);
        let play = self.plays.get_mut(play).ok_or_else(no_such_env)?;
        play.edit(vec![Event::StateEdited { what }], |lane, _| {
            editor.move_to(lane.world_mut(), who, at)?;
            lane.refresh(0);
            Ok(())
        })?;
        self.is_stale = true;
        Ok(())
    }

    /// Opens the editor, in which episodes begin as the first env stands now, or closes it and plays what was edited.
    ///
    /// # Errors
    /// A domain whose entities cannot be placed, or a recording.
    pub fn toggle_editor(&mut self) -> Result<()> {
        if self.editing.take().is_some() {
            self.is_stale = true;
            return Ok(());
        }
        let play = self.plays.first().filter(|play| !play.is_recorded());
        let play = play.ok_or_else(|| Error::input("a recording cannot be edited").hint("fork from here first"))?;
        let scenario = self.pending.as_ref().unwrap_or(&self.scenario);
        self.editing = Some(Editing::begin(scenario, play.lane())?);
        self.transport.is_playing = false;
        self.restart_edited()
    }

    /// Shows the first tick of the scenario as it is edited now.
    ///
    /// # Errors
    /// A recording that cannot be ended.
    pub fn restart_edited(&mut self) -> Result<()> {
        let Some(editing) = &self.editing else { return Ok(()) };
        self.pending = Some(Arc::clone(editing.scenario()));
        let seed = self.plays.first().map_or(self.scenario.seed, Play::seed);
        let scenario = Arc::clone(&self.scenario);
        let editor = editor_of(&scenario)?;
        // An entity of another world is another entity: what stays the same is its place among its kind.
        let selected = self.selection().and_then(|Selection { play, subject }| match subject {
            Subject::Entity(who) => {
                index_of(editor, self.plays.get(play)?.lane().world(), who).ok().map(|at| (play, at))
            }
            Subject::Link(..) => None,
        });
        self.reset(seed)?;
        self.select(selected.and_then(|(play, (kind, index))| {
            let places = editor.places(self.plays.get(play)?.lane().world(), 0, kind);
            places.get(index).map(|(who, _)| Selection { play, subject: Subject::Entity(*who) })
        }));
        Ok(())
    }

    /// Places another entity, in the editor.
    ///
    /// # Errors
    /// No editor, or more entities than the scenario can have.
    pub fn place(&mut self, kind: usize, at: Vec2) -> Result<()> {
        let lane = self.plays.first().map(Play::lane).ok_or_else(no_such_env)?;
        self.editing.as_mut().ok_or_else(editor_is_closed)?.place(lane, kind, at)?;
        self.restart_edited()
    }

    /// Takes the selected entity away, in the editor.
    ///
    /// # Errors
    /// No editor, nothing selected, or fewer entities than the scenario must have.
    pub fn remove_selected(&mut self) -> Result<()> {
        let selected = self.selection().and_then(|selection| match selection.subject {
            Subject::Entity(who) => Some((selection.play, who)),
            Subject::Link(..) => None,
        });
        let (play, who) = selected.ok_or_else(|| Error::input("no agent is selected"))?;
        let scenario = Arc::clone(&self.scenario);
        let editor = editor_of(&scenario)?;
        let lane = self.plays.get(play).map(Play::lane).ok_or_else(no_such_env)?;
        let (kind, index) = index_of(editor, lane.world(), who)?;
        self.editing.as_mut().ok_or_else(editor_is_closed)?.remove(lane, kind, index)?;
        self.select(None);
        self.restart_edited()
    }

    /// Drives the selected agent by hand, or lets its policy act again.
    ///
    /// # Errors
    /// No agent is selected, or a recording.
    pub fn toggle_drive(&mut self) -> Result<()> {
        if self.driven().is_some() {
            for seat in self.plays.iter_mut().flat_map(Play::seats_mut) {
                seat.set_drive(None);
            }
            return Ok(());
        }
        let (play, agent) = self
            .selected_agent()
            .ok_or_else(|| Error::input("no agent is selected").hint("click one, or go through them with N"))?;
        let play = self.plays.get_mut(play).ok_or_else(no_such_env)?;
        let port = play.lane().ports().groups.get(agent.group);
        let space = &play.lane().spec().groups.get(agent.group).map(|group| group.action.clone());
        let (Some(port), Some(space)) = (port, space) else { return Err(no_such_env()) };
        let continuous = space.continuous.len();
        let action = port.actions.iter().skip(agent.row * port.action_width).take(port.action_width);
        let choices = action.skip(continuous).map(|choice| *choice as usize).collect();
        let drive = Drive { row: agent.row, axes: vec![0.0; continuous], choices };
        if play.is_recorded() {
            return Err(Error::input("a recording cannot be driven").hint("fork from here first"));
        }
        // Other orders, another future.
        play.leave_future();
        let seat = play.seats_mut().get_mut(agent.group);
        seat.ok_or_else(|| Error::input("nobody acts for this agent"))?.set_drive(Some(drive));
        Ok(())
    }

    /// Orders of the person who drives an agent.
    pub fn driven(&self) -> Option<&Drive> {
        self.plays.iter().flat_map(Play::seats).find_map(Seat::drive)
    }

    /// Gives the driven agent its orders: -1 to 1 on the first two axes, and steps through its choices.
    pub fn steer(&mut self, axes: Vec2, turn: i32) {
        for play in &mut self.plays {
            let spec = play.lane().spec().clone();
            let mut is_steered = false;
            for (seat, group) in play.seats_mut().iter_mut().zip(&spec.groups) {
                let Some(mut drive) = seat.drive().cloned() else { continue };
                drive.axes.iter_mut().zip(axes.to_array()).for_each(|(axis, order)| *axis = order);
                if let (Some(choice), Some(dimension)) = (drive.choices.first_mut(), group.action.discrete.first()) {
                    let last = dimension.choices.len().saturating_sub(1);
                    *choice = choice.saturating_add_signed(turn as isize).min(last);
                }
                seat.set_drive(Some(drive));
                is_steered = true;
            }
            if is_steered {
                play.leave_future();
            }
        }
    }

    /// Plots a number of the selected agent's observation, or no longer.
    ///
    /// # Errors
    /// No agent is selected, or there is no such number.
    pub fn toggle_probe(&mut self, field: usize) -> Result<()> {
        let (play, agent) = self.selected_agent().ok_or_else(|| Error::input("no agent is selected"))?;
        let Agent { group, row } = agent;
        let is_it = |p: &Probe| (p.play, p.group, p.row, p.field) == (play, group, row, field);
        if let Some(index) = self.probes.iter().position(is_it) {
            self.probes.remove(index);
            return Ok(());
        }
        let spec = self.plays.get(play).and_then(|play| play.lane().spec().groups.get(group));
        let named = spec.and_then(|spec| spec.observation.get(field).map(|found| (spec.name, found)));
        let (group_name, Field { name, .. }) = named.ok_or_else(|| Error::input("there is no such observation"))?;
        let name = format!("{name} of {group_name} {row}");
        self.probes.push(Probe { play, group, row, field, name, series: Series::default() });
        self.probe();
        Ok(())
    }
}

fn editor_of(scenario: &Scenario) -> Result<&dyn Editor> {
    let domain = scenario.domain.domain();
    domain.editor().ok_or_else(|| Error::input(format!("nothing can be moved in domain `{}`", domain.id())))
}

/// Kind of an entity and its place among its kind.
pub(super) fn index_of(editor: &dyn Editor, world: &World, who: Entity) -> Result<(usize, usize)> {
    let kind = editor.kind_of(world, who).ok_or_else(|| Error::input("this cannot be moved"))?;
    let index = editor.places(world, 0, kind).iter().position(|(other, _)| *other == who);
    index.map(|index| (kind, index)).ok_or_else(|| Error::input("this is not there any more"))
}

fn no_such_env() -> Error {
    Error::input("this env is not on show any more")
}

fn editor_is_closed() -> Error {
    Error::input("the editor is closed").hint("open it with E")
}
