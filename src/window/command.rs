//! Everything that can be asked of the window, once: buttons, keys, the palette, the help, scripts and tests all speak it.

mod entries;

use std::path::PathBuf;

use bevy::ecs::entity::Entity;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::entries::{Entry, entries};
use super::{
    desk::Pane,
    lab::{Speed, TrainingId},
};

/// Something that is asked of the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Show the gallery of scenarios.
    Gallery,
    /// Open a scenario, under this cast or the one it opens with.
    Open {
        /// A name or a file.
        scenario: String,
        /// A policy, or one for each group, as on the command line.
        #[serde(default)]
        policy: Option<String>,
    },
    /// Open a recording.
    OpenRecording(PathBuf),
    /// Play if it stands still, stand still if it plays.
    TogglePlay,
    /// Play.
    Play,
    /// Stand still.
    Pause,
    /// One tick forward.
    Step,
    /// One tick back.
    StepBack,
    /// Go to a tick.
    Seek(u64),
    /// The next faster speed.
    Faster,
    /// The next slower speed.
    Slower,
    /// This speed.
    SetSpeed(Speed),
    /// Keep the view as it is, or let it follow again; the simulation goes on.
    ToggleFreeze,
    /// Begin anew with the same seed.
    Reset,
    /// Begin anew with the next seed.
    ResetWithNewSeed,
    /// Play these ticks over and over.
    Repeat(u64, u64),
    /// Play the last ticks over and over, or go on.
    ToggleRepeat,
    /// Train in the scenario on show.
    Train {
        /// Minutes of training.
        minutes: f64,
        /// Seed; without it, the scenario's.
        #[serde(default)]
        seed: Option<u64>,
        /// Hyperparameters other than those that the scenario recommends.
        #[serde(default)]
        set: Vec<(String, String)>,
        /// A policy to start from.
        #[serde(default)]
        from: Option<String>,
    },
    /// Train with what stands in the training panel, or stop what trains.
    ToggleTraining,
    /// Stop the clock of a run.
    PauseTraining(TrainingId),
    /// Go on with it.
    ResumeTraining(TrainingId),
    /// Save it now.
    SaveTraining(TrainingId),
    /// Save it and end it.
    StopTraining(TrainingId),
    /// Give one of its live hyperparameters another value.
    SetHyperparameter {
        /// Which run.
        training: TrainingId,
        /// Its name.
        name: String,
        /// Its value, as RON text.
        value: String,
    },
    /// Let another policy act.
    Swap {
        /// Which of the displayed envs.
        #[serde(default)]
        play: usize,
        /// For which group.
        #[serde(default)]
        group: usize,
        /// Its name or path.
        policy: String,
    },
    /// Act with a policy that a run has kept.
    LoadCheckpoint {
        /// The run's folder.
        run: PathBuf,
        /// Env-steps; the nearest one that is kept is taken.
        step: u64,
    },
    /// Look again which policies and runs there are.
    Refresh,
    /// Show or hide the curves of a run.
    ToggleRun(PathBuf),
    /// Give a parameter of the scenario another value.
    SetParameter {
        /// Its name.
        name: String,
        /// Its value, as RON text.
        value: String,
    },
    /// Show the same env under another policy beside this one.
    Compare {
        /// Its name or path.
        policy: String,
    },
    /// Show one env again.
    EndCompare,
    /// Inspect something.
    Select(Option<Selection>),
    /// Inspect the next agent.
    SelectNext,
    /// Put something somewhere else, in metres.
    MoveTo {
        /// Which of the displayed envs.
        play: usize,
        /// What.
        who: Entity,
        /// Where.
        at: [f32; 2],
    },
    /// Drive the selected agent by hand, or let its policy act again.
    ToggleDrive,
    /// Orders for the agent that is driven: -1 to 1 on its first two axes, and so many steps through its choices.
    Steer {
        /// The axes.
        axes: [f32; 2],
        /// The steps.
        #[serde(default)]
        turn: i32,
    },
    /// Plot a number of the selected agent's observation, or no longer.
    ToggleProbe {
        /// Index of the number within the observation.
        field: usize,
    },
    /// Change where an episode begins, or play again.
    ToggleEditor,
    /// Place another entity, in metres.
    Place {
        /// Index of its kind.
        kind: usize,
        /// Where.
        at: [f32; 2],
    },
    /// Take the selected entity away.
    Remove,
    /// Take back the last change in the editor.
    Undo,
    /// Make it again.
    Redo,
    /// Save the scenario.
    SaveScenario {
        /// Its name.
        name: String,
        /// Whether to replace one of that name.
        replace: bool,
    },
    /// Record into a file, or a new one below `recordings`.
    StartRecording(Option<PathBuf>),
    /// End the recording.
    StopRecording,
    /// Record if nothing is recorded, stop otherwise.
    ToggleRecording,
    /// Remember this tick.
    Bookmark(String),
    /// Go on from this tick of a recording under a policy.
    Fork {
        /// Its name or path; without it, what the scenario opens with.
        #[serde(default)]
        policy: Option<String>,
    },
    /// Go back to the branch of this number, where it was left.
    SwitchBranch(u64),
    /// Write a clip, a picture or a table of what was played.
    Export {
        /// File to write; its name says the format.
        to: PathBuf,
        /// First tick.
        #[serde(default)]
        from: Option<u64>,
        /// Last tick.
        #[serde(default)]
        until: Option<u64>,
    },
    /// Colour agents by the next quantity.
    NextColour,
    /// Colour agents by this quantity.
    ColourBy(usize),
    /// Show or hide a layer of the picture, called as the domain declares it. Its name may stand without quotes.
    ToggleLayer(#[serde(deserialize_with = "word")] String),
    /// Show all of the arena.
    Fit,
    /// Keep the selected agent in the middle, or no longer.
    ToggleFollow,
    /// What is about the window itself.
    Window(WindowCommand),
}

/// Something that is asked of the window itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WindowCommand {
    /// Show or hide the palette of commands.
    TogglePalette,
    /// Show or hide the help.
    ToggleHelp,
    /// Bring a panel to the front; one that is folded is unfolded.
    Show(Pane),
    /// Fold a panel and those it shares its place with; the scene has their room.
    Fold(Pane),
    /// Put the panels back in their places.
    ResetLayout,
    /// The next theme.
    NextTheme,
    /// This theme.
    Theme(String),
    /// Size of everything that is written, 0.75 to 2.
    Scale(f32),
    /// Everything a step larger.
    Larger,
    /// Everything a step smaller.
    Smaller,
    /// Fill the screen, or no longer.
    ToggleFullScreen,
    /// Save a picture of the window.
    Screenshot(Option<PathBuf>),
    /// Close the window; asks first while something trains.
    Close,
    /// Stop all training, save, and close.
    CloseAndStop,
    /// Close the window and let training go on without it.
    CloseAndKeepTraining,
    /// Do not close.
    CancelClose,
    /// Take the messages away.
    DismissMessages,
    /// Take the message of this number away.
    DismissMessage(u64),
}

/// What is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// In which of the displayed envs.
    pub play: usize,
    /// What.
    pub subject: Subject,
}

/// Something in an env that can be pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// An entity.
    Entity(Entity),
    /// What connects two entities.
    Link(Entity, Entity),
}

/// A text, or a word without quotes: RON takes that for the name of a value, which nothing but an untagged enum is told.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Word {
        Text(String),
    }
    Word::deserialize(from).map(|Word::Text(text)| text)
}
