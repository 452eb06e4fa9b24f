//! The desk: which panels lie where, under which theme; remembered from one time to the next.

mod layout;
mod settings;

use std::path::PathBuf;

use bevy::ecs::resource::Resource;
use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

pub(super) use self::layout::{is_unfolded, simplification, title_lone_panels};
pub use self::settings::settings_path;
use self::{layout::default_layout, settings::Settings};
use super::{
    command::{Command, WindowCommand},
    panels::PanelStates,
    scene::Lens,
};
use crate::{
    error::{Error, Result},
    picture::Theme,
};

/// Least and greatest size of everything that is written, and a step between them.
const SCALES: (f32, f32) = (0.75, 2.0);
const SCALE_STEP: f32 = 0.125;

/// Panels that can be moved about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pane {
    /// The envs on show.
    Scene,
    /// Runs under way and the one to start.
    Training,
    /// Who could act.
    Policies,
    /// Curves.
    Metrics,
    /// What is selected.
    Inspector,
    /// Parameters of the scenario.
    Parameters,
    /// Two envs side by side.
    Compare,
    /// What happened.
    Events,
    /// What the scenario is about, and the editor.
    Scenario,
    /// Where in time, and where to.
    Timeline,
}

impl Pane {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Scene,
        Self::Training,
        Self::Policies,
        Self::Metrics,
        Self::Inspector,
        Self::Parameters,
        Self::Compare,
        Self::Events,
        Self::Scenario,
        Self::Timeline,
    ];

    /// What its tab says.
    pub fn title(self) -> &'static str {
        match self {
            Self::Scene => "Scene",
            Self::Training => "Training",
            Self::Policies => "Policies",
            Self::Metrics => "Metrics",
            Self::Inspector => "Inspector",
            Self::Parameters => "Parameters",
            Self::Compare => "Compare",
            Self::Events => "Events",
            Self::Scenario => "Scenario",
            Self::Timeline => "Timeline",
        }
    }
}

/// The desk.
#[derive(Resource)]
pub struct Desk {
    /// Where the panels lie.
    pub layout: Tree<Pane>,
    /// What the panels keep between two frames: what is typed into them, and the like.
    pub states: PanelStates,
    /// Where the envs are looked at from.
    pub lenses: [Lens; 2],
    /// Whether the selected agent is kept in the middle.
    pub follows: bool,
    /// Whether the palette of commands is open.
    pub palette: bool,
    /// Whether the help is open.
    pub help: bool,
    /// Whether a question about closing is open.
    pub asks_to_close: bool,
    /// Pictures of the window that are to be saved, and whether a person is told when they are.
    pub screenshots: Vec<(PathBuf, bool)>,
    /// Whether the window fills the screen.
    pub is_full_screen: bool,
    /// How the window is to be closed, once it is.
    pub closing: Option<Closing>,
    /// What draws, for the status bar.
    pub adapter: String,
    theme_name: String,
    theme: Theme,
    scale: f32,
    size: (f32, f32),
    path: Option<PathBuf>,
}

/// How a window is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// Everything stops and is saved.
    Stop,
    /// Training goes on without it.
    KeepTraining,
}

impl Desk {
    /// A new desk, as it was left; `path` is where its settings are kept, none keeps nothing. What cannot be read is told
    /// and left alone.
    pub fn open(path: Option<PathBuf>) -> (Self, Option<Error>) {
        let read = path.as_deref().filter(|path| path.is_file()).map(settings::read);
        let (settings, error) = match read {
            Some(Ok(settings)) => (settings, None),
            Some(Err(error)) => (Settings::default(), Some(error)),
            None => (Settings::default(), None),
        };
        let theme = Theme::named(&settings.theme).unwrap_or_default();
        let desk = Self {
            layout: settings.layout,
            states: PanelStates::default(),
            lenses: [Lens::default(); 2],
            follows: false,
            palette: false,
            help: false,
            asks_to_close: false,
            screenshots: Vec::new(),
            is_full_screen: false,
            closing: None,
            adapter: String::new(),
            theme_name: settings.theme,
            theme,
            scale: settings.scale,
            size: settings.size,
            // What cannot be read is somebody's, and is not written over.
            path: path.filter(|_| error.is_none()),
        };
        (desk, error)
    }

    /// What colours look like.
    pub fn theme(&self) -> &Theme {
        &self.theme
    }

    /// Size of everything that is written; 1 is the usual one.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Size of the window when it was last closed.
    pub fn size(&self) -> (f32, f32) {
        self.size
    }

    /// Notes the size of the window.
    pub fn resized(&mut self, width: f32, height: f32) {
        self.size = (width, height);
    }

    /// Obeys what is about the window itself. `is_training` decides whether closing asks first.
    ///
    /// # Errors
    /// A theme that there is not.
    pub fn apply(&mut self, command: &Command, is_training: bool) -> Result<()> {
        match command {
            Command::Fit | Command::Open { .. } | Command::OpenRecording(_) => {
                self.lenses.iter_mut().for_each(Lens::fit);
                self.follows = false;
            }
            Command::ToggleFollow => self.follows = !self.follows,
            Command::Compare { .. } => {
                self.lenses.iter_mut().for_each(Lens::fit);
                self.reveal(Pane::Compare);
            }
            Command::EndCompare => self.lenses.iter_mut().for_each(Lens::fit),
            Command::SelectNext => self.reveal(Pane::Inspector),
            Command::Train { .. } => {
                self.reveal(Pane::Metrics);
                self.reveal(Pane::Training);
            }
            Command::ToggleTraining if !is_training => {
                self.reveal(Pane::Metrics);
                self.reveal(Pane::Training);
            }
            Command::Window(command) => self.apply_to_window(command, is_training)?,
            _ => {}
        }
        Ok(())
    }

    fn apply_to_window(&mut self, command: &WindowCommand, is_training: bool) -> Result<()> {
        match command {
            WindowCommand::TogglePalette => {
                self.palette = !self.palette;
                self.states.palette = Default::default();
            }
            WindowCommand::ToggleHelp => self.help = !self.help,
            WindowCommand::Show(pane) => self.show(*pane),
            WindowCommand::Fold(pane) => {
                if let Some(place) = layout::place_of(&self.layout, *pane) {
                    self.layout.set_visible(place, false);
                }
            }
            WindowCommand::ResetLayout => self.layout = default_layout(),
            WindowCommand::NextTheme => {
                let names: Vec<&str> = Theme::names().collect();
                let now = names.iter().position(|name| *name == self.theme_name).unwrap_or(0);
                self.set_theme(names[(now + 1) % names.len()])?;
            }
            WindowCommand::Theme(name) => self.set_theme(name)?,
            WindowCommand::Scale(scale) => {
                let (least, most) = SCALES;
                if !(least..=most).contains(scale) {
                    return Err(Error::input(format!("{scale} is no size: {least} to {most} are")));
                }
                self.scale = *scale;
            }
            WindowCommand::Larger => self.scale = (self.scale + SCALE_STEP).min(SCALES.1),
            WindowCommand::Smaller => self.scale = (self.scale - SCALE_STEP).max(SCALES.0),
            WindowCommand::ToggleFullScreen => self.is_full_screen = !self.is_full_screen,
            WindowCommand::Screenshot(path) => {
                self.screenshots.push((path.clone().unwrap_or_else(new_screenshot), true));
            }
            WindowCommand::Close if is_training => self.asks_to_close = true,
            WindowCommand::Close | WindowCommand::CloseAndStop => self.closing = Some(Closing::Stop),
            WindowCommand::CloseAndKeepTraining => self.closing = Some(Closing::KeepTraining),
            WindowCommand::CancelClose => self.asks_to_close = false,
            WindowCommand::DismissMessages | WindowCommand::DismissMessage(_) => {}
        }
        Ok(())
    }

    fn set_theme(&mut self, name: &str) -> Result<()> {
        self.theme = Theme::named(name)?;
        self.theme_name = name.to_owned();
        Ok(())
    }

    /// Brings a panel to the front; one that was closed comes back.
    fn show(&mut self, pane: Pane) {
        if self.layout.tiles.find_pane(&pane).is_none() {
            self.layout = default_layout();
        }
        if let Some(tile) = self.layout.tiles.find_pane(&pane) {
            layout::unfold(&mut self.layout, tile);
            self.layout.make_active(|id, _| id == tile);
        }
    }

    /// Shows a panel that there is something to see in now, unless its place is unfolded already: what a person has put to the
    /// front there stays.
    pub(super) fn reveal(&mut self, pane: Pane) {
        if !is_unfolded(&self.layout, pane) {
            self.show(pane);
        }
    }

    /// Remembers the desk.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn save(&self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let settings = Settings {
            version: settings::VERSION,
            theme: self.theme_name.clone(),
            scale: self.scale,
            size: self.size,
            layout: self.layout.clone(),
        };
        settings::write(path, &settings)
    }
}

/// A name for a picture that no file has.
fn new_screenshot() -> PathBuf {
    let numbered = |number: u32| PathBuf::from(format!("agon-{number}.png"));
    (1..).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_desk_is_found_as_it_was_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agon/window.ron");
        let (mut desk, error) = Desk::open(Some(path.clone()));
        assert_eq!(error, None);
        desk.apply(&Command::Window(WindowCommand::Theme("light".to_owned())), false).unwrap();
        desk.apply(&Command::Window(WindowCommand::Scale(1.5)), false).unwrap();
        let scene = desk.layout.tiles.find_pane(&Pane::Events).unwrap();
        desk.layout.set_visible(scene, false);
        desk.save().unwrap();
        let (again, error) = Desk::open(Some(path));
        assert_eq!(error, None);
        assert_eq!((again.scale(), again.theme()), (1.5, &Theme::named("light").unwrap()));
        assert!(again.layout == desk.layout);
    }

    #[test]
    fn damaged_settings_are_told_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("window.ron");
        for text in ["", "(", "(version: 9)", "(version: 1, theme: \"dark\", scale: NaN, size: (1, 1), layout: ())"] {
            std::fs::write(&path, text).unwrap();
            let (desk, error) = Desk::open(Some(path.clone()));
            assert!(error.unwrap().to_string().contains("settings"));
            assert!(desk.layout.tiles.find_pane(&Pane::Scene).is_some());
            desk.save().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn closing_asks_while_something_trains() {
        let (mut desk, _) = Desk::open(None);
        let close = Command::Window(WindowCommand::Close);
        desk.apply(&close, true).unwrap();
        assert!(desk.asks_to_close && desk.closing.is_none());
        desk.apply(&Command::Window(WindowCommand::CancelClose), true).unwrap();
        assert!(!desk.asks_to_close);
        desk.apply(&close, false).unwrap();
        assert_eq!(desk.closing, Some(Closing::Stop));
    }

    #[test]
    fn only_the_scene_and_time_are_seen_at_first_and_others_once_there_is_something_in_them() {
        let (mut desk, _) = Desk::open(None);
        let seen =
            |desk: &Desk| Pane::ALL.into_iter().filter(|pane| is_unfolded(&desk.layout, *pane)).collect::<Vec<_>>();
        assert_eq!(seen(&desk), [Pane::Scene, Pane::Timeline]);
        desk.apply(&Command::SelectNext, false).unwrap();
        assert_eq!(seen(&desk), [Pane::Scene, Pane::Training, Pane::Inspector, Pane::Timeline]);
        desk.apply(&Command::Window(WindowCommand::Fold(Pane::Inspector)), false).unwrap();
        assert_eq!(seen(&desk), [Pane::Scene, Pane::Timeline]);
        desk.apply(&Command::ToggleTraining, false).unwrap();
        let tile = desk.layout.tiles.find_pane(&Pane::Training).unwrap();
        assert!(desk.layout.active_tiles().contains(&tile));
    }

    #[test]
    fn a_size_beyond_its_range_is_refused_with_the_range() {
        let (mut desk, _) = Desk::open(None);
        for scale in [0.5, 3.0, f32::NAN] {
            let refused = desk.apply(&Command::Window(WindowCommand::Scale(scale)), false);
            assert!(refused.unwrap_err().to_string().contains("0.75 to 2"));
        }
        assert_eq!(desk.scale(), 1.0);
    }

    #[test]
    fn a_panel_that_is_asked_for_comes_to_the_front() {
        let (mut desk, _) = Desk::open(None);
        let tile = desk.layout.tiles.find_pane(&Pane::Compare).unwrap();
        assert!(!desk.layout.active_tiles().contains(&tile));
        desk.apply(&Command::Window(WindowCommand::Show(Pane::Compare)), false).unwrap();
        assert!(desk.layout.active_tiles().contains(&tile));
    }
}
