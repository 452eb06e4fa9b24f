//! What each command does to the laboratory.

use bevy::math::Vec2;

use super::{Draft, Lab, Play, Severity, nothing_on_show};
use crate::{error::Result, record::Event, session::background, window::command::Command};

impl Lab {
    /// The same, with the error.
    ///
    /// # Errors
    /// What keeps the command from being obeyed; the laboratory goes on as it was.
    pub fn obey(&mut self, command: &Command) -> Result<()> {
        let obeyed = self.obey_now(command);
        self.keep_left();
        obeyed
    }

    fn obey_now(&mut self, command: &Command) -> Result<()> {
        match command {
            Command::Gallery => self.close_stage()?,
            Command::Open { scenario, policy } => self.open(scenario, policy.as_deref())?,
            Command::OpenRecording(path) => self.open_recording(path)?,
            Command::Train { minutes, seed, set, from } => {
                let draft = Draft { minutes: *minutes, seed: *seed, set: set.clone(), from: from.clone() };
                self.train(&draft)?;
            }
            Command::ToggleTraining => self.toggle_training()?,
            Command::PauseTraining(id) => self.tell(*id, background::Command::Pause)?,
            Command::ResumeTraining(id) => self.tell(*id, background::Command::Resume)?,
            Command::SaveTraining(id) => self.tell(*id, background::Command::Save)?,
            Command::StopTraining(id) => self.tell(*id, background::Command::Stop)?,
            Command::SetHyperparameter { training, name, value } => {
                let (name, value) = (name.clone(), value.clone());
                self.tell(*training, background::Command::Set { name, value })?;
            }
            Command::Swap { play, group, policy } => self.swap(*play, *group, policy)?,
            Command::LoadCheckpoint { run, step } => self.load_checkpoint(run, *step)?,
            Command::Refresh => self.refresh_offers()?,
            Command::ToggleRun(path) => self.runs.toggle(path)?,
            Command::Compare { policy } => self.compare(policy)?,
            Command::StartRecording(path) => self.start_recording(path.clone())?,
            Command::StopRecording => self.stop_recording()?,
            Command::ToggleRecording => {
                if self.stage_or_error()?.plays.iter().any(|play| play.recording().is_some()) {
                    self.stop_recording()?;
                } else {
                    self.start_recording(None)?;
                }
            }
            Command::Fork { policy } => self.fork(policy.as_deref())?,
            Command::SwitchBranch(number) => {
                // A recording is of one seed, and of what followed from it.
                self.stop_recording()?;
                self.stage.as_mut().ok_or_else(nothing_on_show)?.switch_branch(*number)?;
            }
            Command::Export { to, from, until } => self.export(to, *from, *until)?,
            Command::SaveScenario { name, replace } => self.save_scenario(name, *replace)?,
            // Where to look from, and the window, are the scene's and the desk's.
            Command::Fit | Command::ToggleFollow | Command::Window(_) => {}
            _ => self.obey_on_stage(command)?,
        }
        Ok(())
    }

    /// Obeys the commands that concern what is on show alone.
    fn obey_on_stage(&mut self, command: &Command) -> Result<()> {
        let trainings = &self.trainings;
        let stage = self.stage.as_mut().ok_or_else(nothing_on_show)?;
        let transport = &mut stage.transport;
        match command {
            Command::TogglePlay => transport.is_playing = !transport.is_playing,
            Command::Play => transport.is_playing = true,
            Command::Pause => transport.is_playing = false,
            Command::Step => {
                transport.is_playing = false;
                stage.step(trainings)?;
            }
            Command::StepBack => {
                transport.is_playing = false;
                let (tick, (first, _)) = (stage.tick(), stage.ticks());
                if tick > first {
                    stage.seek(tick - 1)?;
                }
            }
            Command::Seek(tick) => stage.seek(*tick)?,
            Command::Faster => transport.speed = transport.speed.faster(),
            Command::Slower => transport.speed = transport.speed.slower(),
            Command::SetSpeed(speed) => transport.speed = speed.checked()?,
            Command::ToggleFreeze => transport.is_frozen = !transport.is_frozen,
            Command::Repeat(from, until) => stage.repeat(*from, *until)?,
            Command::ToggleRepeat => stage.toggle_repeat(),
            Command::Reset => stage.reset(stage.plays.first().map_or(0, Play::seed))?,
            Command::ResetWithNewSeed => stage.reset(stage.plays.first().map_or(0, Play::seed).wrapping_add(1))?,
            Command::SetParameter { name, value } => {
                if let Some(editing) = &mut stage.editing {
                    editing.change(|scenario| scenario.set(name, value))?;
                    stage.restart_edited()?;
                } else if !stage.set_parameter(name, value)? {
                    self.messages.push(Severity::Info, format!("`{name}` changes with the next episode"));
                }
            }
            Command::EndCompare => {
                stage.plays.truncate(1);
                stage.comparison = None;
                stage.select(stage.selection().filter(|selection| selection.play == 0));
                stage.probes.retain(|probe| probe.play == 0);
                stage.invalidate();
            }
            Command::Select(selection) => stage.select(*selection),
            Command::SelectNext => stage.select_next(),
            Command::MoveTo { play, who, at } => stage.move_to(*play, *who, Vec2::from_array(*at))?,
            Command::ToggleDrive => {
                stage.toggle_drive()?;
                if stage.driven().is_some() && !stage.transport.is_playing {
                    let text = "the simulation is paused: the agent moves once it plays (Space), or with each step (.)";
                    self.messages.push(Severity::Info, text);
                }
            }
            Command::Steer { axes, turn } => stage.steer(Vec2::from_array(*axes), *turn),
            Command::ToggleProbe { field } => stage.toggle_probe(*field)?,
            Command::ToggleEditor => stage.toggle_editor()?,
            Command::Place { kind, at } => stage.place(*kind, Vec2::from_array(*at))?,
            Command::Remove => stage.remove_selected()?,
            Command::Undo | Command::Redo => {
                let is_undo = *command == Command::Undo;
                if stage.editing.as_mut().is_some_and(|e| if is_undo { e.undo() } else { e.redo() }) {
                    stage.restart_edited()?;
                }
            }
            Command::Bookmark(label) => {
                let label = if label.is_empty() { format!("tick {}", stage.tick()) } else { label.clone() };
                for play in &mut stage.plays {
                    play.mark(Event::Bookmark { label: label.clone() })?;
                }
            }
            Command::NextColour => stage.next_colour(),
            Command::ColourBy(choice) => stage.colour_by(*choice)?,
            Command::ToggleLayer(name) => stage.toggle_layer(name)?,
            _ => {}
        }
        Ok(())
    }
}
