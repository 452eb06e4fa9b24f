//! The commands that need no choice to be made: palette, help and keys are made of this one list.

use bevy_egui::egui::{Key, KeyboardShortcut, Modifiers};

use super::{Command, WindowCommand};
use crate::{
    sim::LayerSpec,
    window::{
        desk::Pane,
        lab::{Lab, Speed},
    },
};

/// A command as it stands in the palette and in the help.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it does.
    pub command: Command,
    /// Heading it stands under.
    pub group: &'static str,
    /// What it is called.
    pub label: String,
    /// Its key.
    pub shortcut: Option<KeyboardShortcut>,
}

/// The commands that need no choice to be made, in the order of palette and help; `layers` are those of what is on show.
pub fn entries(layers: &[LayerSpec]) -> Vec<Entry> {
    use Command as C;
    use WindowCommand as W;
    let plain = |key| Some(KeyboardShortcut::new(Modifiers::NONE, key));
    let control = |key| Some(KeyboardShortcut::new(Modifiers::COMMAND, key));
    let shift = |key| Some(KeyboardShortcut::new(Modifiers::SHIFT, key));
    let panels = [
        (Pane::Policies, "Show policies", Key::P),
        (Pane::Compare, "Show comparison", Key::C),
        (Pane::Inspector, "Show inspector", Key::I),
        (Pane::Metrics, "Show metrics", Key::M),
        (Pane::Training, "Show training", Key::Num1),
        (Pane::Parameters, "Show parameters", Key::Num2),
        (Pane::Scenario, "Show scenario", Key::Num3),
        (Pane::Timeline, "Show timeline", Key::Num4),
        (Pane::Events, "Show events", Key::Num5),
    ];
    let mut entries = Vec::new();
    let mut add = |group, label: &str, shortcut, command| {
        entries.push(Entry { command, group, label: label.to_owned(), shortcut });
    };
    add("Time", "Play or pause the simulation", plain(Key::Space), C::TogglePlay);
    add("Time", "Step forward", plain(Key::Period), C::Step);
    add("Time", "Step back", plain(Key::Comma), C::StepBack);
    add("Time", "Faster", plain(Key::CloseBracket), C::Faster);
    add("Time", "Slower", plain(Key::OpenBracket), C::Slower);
    add("Time", "As fast as possible", None, C::SetSpeed(Speed::Max));
    add("Time", "Freeze the view, not the simulation", plain(Key::V), C::ToggleFreeze);
    add("Time", "Begin anew", control(Key::R), C::Reset);
    add("Time", "Begin anew with the next seed", None, C::ResetWithNewSeed);
    add("Time", "Repeat the last ticks", plain(Key::L), C::ToggleRepeat);
    add("Training", "Start or stop training", plain(Key::T), C::ToggleTraining);
    add("Training", "Look again which policies there are", plain(Key::F5), C::Refresh);
    add("Agents", "Inspect the next agent", plain(Key::N), C::SelectNext);
    add("Agents", "Drive the selected agent", plain(Key::D), C::ToggleDrive);
    add("Agents", "Follow the selected agent", plain(Key::F), C::ToggleFollow);
    add("Agents", "Inspect nothing", plain(Key::Escape), C::Select(None));
    add("Editor", "Edit where an episode begins", plain(Key::E), C::ToggleEditor);
    add("Editor", "Take the selected agent away", plain(Key::Delete), C::Remove);
    add("Editor", "Undo", control(Key::Z), C::Undo);
    add("Editor", "Redo", control(Key::Y), C::Redo);
    add("Recording", "Start or stop recording", plain(Key::R), C::ToggleRecording);
    add("Recording", "Bookmark this tick", plain(Key::B), C::Bookmark(String::new()));
    add("Recording", "Fork from this tick", None, C::Fork { policy: None });
    add("View", "Show all of the arena", plain(Key::Home), C::Fit);
    add("View", "Colour by the next quantity", plain(Key::G), C::NextColour);
    for layer in layers {
        add("View", &format!("Show or hide {}", layer.title), None, C::ToggleLayer(layer.name.to_owned()));
    }
    add("View", "Show one env", None, C::EndCompare);
    for (pane, label, key) in panels {
        add("Window", label, plain(key), C::Window(W::Show(pane)));
    }
    add("Window", "Gallery of scenarios", control(Key::O), C::Gallery);
    add("Window", "Put the panels back", None, C::Window(W::ResetLayout));
    add("Window", "Next theme", None, C::Window(W::NextTheme));
    add("Window", "Larger", control(Key::Equals), C::Window(W::Larger));
    add("Window", "Smaller", control(Key::Minus), C::Window(W::Smaller));
    add("Window", "Fill the screen", plain(Key::F11), C::Window(W::ToggleFullScreen));
    add("Window", "Save a picture of the window", plain(Key::F12), C::Window(W::Screenshot(None)));
    add("Window", "Commands", control(Key::P), C::Window(W::TogglePalette));
    add("Window", "Help", shift(Key::Questionmark), C::Window(W::ToggleHelp));
    add("Window", "Take the messages away", None, C::Window(W::DismissMessages));
    add("Window", "Close", control(Key::Q), C::Window(W::Close));
    entries
}

impl Command {
    /// Whether there is something now that it could be about: what is not, keys and palette leave out.
    pub fn is_available(&self, lab: &Lab) -> bool {
        let stage = lab.stage();
        match self {
            Self::Gallery
            | Self::Open { .. }
            | Self::OpenRecording(_)
            | Self::PauseTraining(_)
            | Self::ResumeTraining(_)
            | Self::SaveTraining(_)
            | Self::StopTraining(_)
            | Self::SetHyperparameter { .. }
            | Self::Refresh
            | Self::ToggleRun(_)
            | Self::Window(_) => true,
            Self::ToggleTraining => stage.is_some() || lab.is_training(),
            Self::ToggleEditor => stage.is_some_and(|stage| stage.editing.is_some() || stage.can_edit()),
            Self::Fork { .. } => stage.is_some_and(|stage| stage.is_recorded()),
            Self::EndCompare => stage.is_some_and(|stage| stage.plays.len() > 1),
            Self::Remove | Self::Undo | Self::Redo | Self::Place { .. } => {
                stage.is_some_and(|stage| stage.editing.is_some())
            }
            Self::Reset
            | Self::ResetWithNewSeed
            | Self::ToggleDrive
            | Self::ToggleRecording
            | Self::StartRecording(_)
            | Self::Compare { .. }
            | Self::Swap { .. } => stage.is_some_and(|stage| !stage.is_recorded()),
            _ => stage.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: [LayerSpec; 2] = [LayerSpec::new("sparks", "sparks that fly"), LayerSpec::TRAILS];

    #[test]
    fn no_key_means_two_things_and_no_two_commands_are_called_alike() {
        let entries = entries(&LAYERS);
        for (index, entry) in entries.iter().enumerate() {
            for other in &entries[..index] {
                assert_ne!(entry.label, other.label);
                assert!(
                    entry.shortcut.is_none() || entry.shortcut != other.shortcut,
                    "{} and {}",
                    entry.label,
                    other.label
                );
            }
        }
    }

    #[test]
    fn every_command_can_be_written_into_a_script_and_read_back() {
        for entry in entries(&LAYERS) {
            let text = ron::to_string(&entry.command).expect("a command is plain data");
            assert_eq!(ron::from_str(&text), Ok(entry.command), "{text}");
        }
    }

    #[test]
    fn the_layers_of_what_is_on_show_are_among_the_commands() {
        let found = |label: &str| entries(&LAYERS).into_iter().find(|entry| entry.label == label);
        let sparks = found("Show or hide sparks that fly").expect("a declared layer has its command");
        assert_eq!(sparks.command, Command::ToggleLayer("sparks".to_owned()));
        assert_eq!(entries(&[]).len() + LAYERS.len(), entries(&LAYERS).len());
    }

    #[test]
    fn a_layer_may_be_named_with_or_without_quotes() {
        for (text, name) in [
            (r#"ToggleLayer("sparks")"#, "sparks"),
            ("ToggleLayer(sparks)", "sparks"),
            ("ToggleLayer(Links)", "Links"),
            ("ToggleLayer( Trails ,)", "Trails"),
        ] {
            assert_eq!(ron::from_str(text), Ok(Command::ToggleLayer(name.to_owned())), "{text}");
        }
        for text in ["ToggleLayer(3)", "ToggleLayer()", "ToggleLayer(sparks, trails)", "ToggleLayer"] {
            assert!(ron::from_str::<Command>(text).is_err(), "{text}");
        }
    }
}
