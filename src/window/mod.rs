//! The window: watch, train, pause, swap policies, compare, record and export, live.
//!
//! ```text
//!   panels, pointer, keys, scripts ──► Command ──► Lab (envs, training, curves)  ──► pictures ──► meshes
//!                                          └─────► Desk (layout, theme, lenses)  ──► panels
//! ```
//! [`lab`] is what the window is about and knows nothing of it; [`desk`] is how it is arranged; [`scene`] draws the envs and
//! the panels everything else. Each frame goes through `LabSystems`: time passes, commands are obeyed, panels ask for more,
//! and the scene is drawn. Training has threads of its own at a lower priority, and the window never waits for it.

pub mod command;
pub mod desk;
pub mod frames;
mod keys;
pub mod lab;
mod logs;
mod pace;
mod panels;
pub mod scene;
mod screenshots;
pub mod script;
mod start;
#[cfg(test)]
mod tests;
mod theme;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use bevy::{
    DefaultPlugins,
    app::{App, AppExit, PluginGroup, Startup, Update},
    ecs::{
        message::{MessageReader, MessageWriter},
        query::With,
        resource::Resource,
        schedule::{IntoScheduleConfigs, SystemSet},
        system::{Local, Res, ResMut, Single},
    },
    log::LogPlugin,
    render::renderer::RenderAdapterInfo,
    time::{Real, Time},
    window::{
        ExitCondition, MonitorSelection, PresentMode, PrimaryWindow, Window, WindowCloseRequested, WindowMode,
        WindowPlugin,
    },
};
use bevy_egui::{EguiContexts, EguiPlugin, EguiPrimaryContextPass, egui};

pub use self::start::Unavailable;
use self::{
    command::{Command, WindowCommand},
    desk::{Closing, Desk},
    lab::{Inspection, Lab, Severity, Training},
    script::{Script, ScriptReport},
};
use crate::error::{Error, Result};

/// What a window opens with.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// What is asked of it first.
    pub commands: Vec<Command>,
    /// What is asked of it then, step by step; the window closes at its end.
    pub script: Option<Script>,
    /// Where its settings are kept; none keeps nothing.
    pub settings: Option<PathBuf>,
}

/// How a window was closed.
pub enum Closed {
    /// Everything has stopped and is saved.
    Done,
    /// These runs go on.
    Training(Vec<Training>),
    /// Its script has come to an end.
    Script(ScriptReport),
}

/// The order in which a frame happens.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum LabSystems {
    /// What the script asks for, and what the desktop asks of a window.
    Ask,
    /// Commands are obeyed.
    Obey,
    /// Time passes in the envs, and what training has said is taken.
    Advance,
    /// The scene is drawn from what has changed.
    Draw,
    /// The window is closed, or sleeps until something happens.
    Pace,
}

/// What was asked for and was not obeyed yet.
#[derive(Resource, Default)]
struct Asked(Vec<Command>);

/// What can be said of the thing that is selected, as of this frame.
#[derive(Resource, Default)]
struct Inspected(Option<Inspection>);

/// When the window was asked for.
#[derive(Resource, Clone, Copy)]
struct Opened(Instant);

/// Whether a frame was shown.
#[derive(Resource, Clone, Default)]
struct Shown(Arc<AtomicBool>);

/// What outlives the window.
#[derive(Resource, Clone, Default)]
struct Remains(Arc<Mutex<Option<Closed>>>);

impl Remains {
    fn put(&self, closed: Closed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(closed);
    }

    fn take(&self) -> Option<Closed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Opens a window and returns when it is closed.
///
/// # Errors
/// [`Unavailable`] where there is no display or nothing that draws; whatever keeps a scenario from being opened is told in
/// the window.
pub fn open(opening: Opening) -> Result<Closed, Unavailable> {
    let opened = Opened(Instant::now());
    let adapter = start::check()?;
    let (mut desk, unread) = Desk::open(opening.settings);
    let mut lab = Lab::new(desk.theme()).map_err(Unavailable::from)?;
    if let Some(error) = unread {
        lab.messages_mut().error(&error);
    }
    desk.adapter = adapter;
    let remains = Remains::default();
    let mut app = app(desk, lab, opening.commands, opening.script, remains.clone());
    app.insert_resource(opened);
    let has_opened = app.world().resource::<Shown>().0.clone();
    start::guarded(move || app.run(), || has_opened.load(Ordering::Relaxed))?;
    Ok(remains.take().unwrap_or(Closed::Done))
}

fn app(desk: Desk, lab: Lab, commands: Vec<Command>, script: Option<Script>, remains: Remains) -> App {
    let (width, height) = desk.size();
    let window = Window {
        title: "agon".to_owned(),
        name: Some("agon".to_owned()),
        resolution: (width as u32, height as u32).into(),
        present_mode: if script.as_ref().is_some_and(Script::is_unpaced) {
            PresentMode::AutoNoVsync
        } else {
            PresentMode::AutoVsync
        },
        ..Window::default()
    };
    let windows = WindowPlugin {
        primary_window: Some(window),
        exit_condition: ExitCondition::DontExit,
        close_when_requested: false,
        ..WindowPlugin::default()
    };
    let logs = LogPlugin { filter: logs::FILTER.to_owned(), custom_layer: logs::layer, ..LogPlugin::default() };
    let mut app = App::new();
    app.add_plugins((DefaultPlugins.set(windows).set(logs), EguiPlugin::default()))
        .insert_resource(keys::settings())
        .set_error_handler(bevy::ecs::error::error)
        .insert_resource(Asked(commands))
        .insert_resource(desk)
        .insert_resource(lab)
        .insert_resource(remains)
        .init_resource::<Inspected>()
        .init_resource::<Shown>()
        .init_resource::<screenshots::Saved>()
        .configure_sets(
            Update,
            (LabSystems::Ask, LabSystems::Obey, LabSystems::Advance, LabSystems::Draw, LabSystems::Pace).chain(),
        )
        .add_systems(Startup, (scene::set_up, name_adapter))
        .add_systems(
            Update,
            (
                ask_to_close.in_set(LabSystems::Ask),
                obey.in_set(LabSystems::Obey),
                advance.in_set(LabSystems::Advance),
                (scene::place_cameras, scene::draw, screenshots::take).chain().in_set(LabSystems::Draw),
                (dress, close).chain().in_set(LabSystems::Pace),
            ),
        )
        .add_systems(EguiPrimaryContextPass, show_panels);
    panels::plugin(&mut app);
    keys::plugin(&mut app);
    logs::plugin(&mut app);
    pace::plugin(&mut app);
    frames::plugin(&mut app);
    if let Some(script) = script {
        script::plugin(&mut app, script);
    }
    app
}

/// Names what draws, as it says itself.
fn name_adapter(adapter: Res<RenderAdapterInfo>, mut desk: ResMut<Desk>) {
    desk.adapter = start::describe(&adapter.name, adapter.device_type == start::SOFTWARE);
}

fn ask_to_close(mut requests: MessageReader<WindowCloseRequested>, mut asked: ResMut<Asked>) {
    if requests.read().count() > 0 {
        asked.0.push(Command::Window(WindowCommand::Close));
    }
}

fn obey(mut asked: ResMut<Asked>, mut lab: ResMut<Lab>, mut desk: ResMut<Desk>) {
    for command in std::mem::take(&mut asked.0) {
        if let Command::Window(command) = &command {
            obey_messages(command, &mut lab);
        }
        if command == Command::ToggleTraining {
            match desk.states.draft() {
                Ok(draft) => lab.set_draft(draft),
                Err(error) => {
                    lab.messages_mut().error(&error);
                    continue;
                }
            }
        }
        let is_training = lab.is_training();
        if !lab.apply(&command) {
            // What was refused changes nothing, nor where things are looked at from.
            continue;
        }
        let arranged = desk.apply(&command, is_training).and_then(|()| lab.set_theme(desk.theme()));
        if let Err(error) = arranged {
            lab.messages_mut().error(&error);
        }
        if command == Command::ToggleEditor && lab.stage().is_some_and(|stage| stage.editing.is_some()) {
            desk.reveal(desk::Pane::Scenario);
        }
    }
}

/// Obeys what is about messages alone.
fn obey_messages(command: &WindowCommand, lab: &mut Lab) {
    match command {
        WindowCommand::DismissMessages => lab.messages_mut().clear(),
        WindowCommand::DismissMessage(number) => lab.messages_mut().dismiss(*number),
        _ => {}
    }
}

fn advance(
    time: Res<Time<Real>>,
    mut lab: ResMut<Lab>,
    mut inspected: ResMut<Inspected>,
    mut pace: ResMut<pace::Pace>,
) {
    if lab.advance(time.delta()) {
        pace.stir();
    }
    let inspection = lab.inspect();
    if inspected.0 != inspection {
        inspected.0 = inspection;
    }
}

fn show_panels(
    mut contexts: EguiContexts,
    lab: Res<Lab>,
    mut desk: ResMut<Desk>,
    inspected: Res<Inspected>,
    mut asked: ResMut<Asked>,
    shown: Res<Shown>,
    mut dressed: Local<Option<(crate::picture::Theme, f32)>>,
) -> bevy::ecs::error::Result {
    shown.0.store(true, Ordering::Relaxed);
    let ctx = contexts.ctx_mut()?.clone();
    let clothes = (desk.theme().clone(), desk.scale());
    if dressed.as_ref() != Some(&clothes) {
        theme::apply(&ctx, desk.theme());
        ctx.set_zoom_factor(desk.scale());
        // The size is a command like any other, and remembered.
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        *dressed = Some(clothes);
    }
    let builder = egui::UiBuilder::new().layer_id(egui::LayerId::background()).max_rect(ctx.viewport_rect());
    let mut ui = egui::Ui::new(ctx, "window".into(), builder);
    panels::show(&mut ui, &lab, &mut desk, inspected.0.as_ref(), &mut asked.0);
    Ok(())
}

/// Keeps the size of the window, and fills the screen or not.
fn dress(
    mut desk: ResMut<Desk>,
    mut window: Single<&mut Window, With<PrimaryWindow>>,
    mut pace: ResMut<pace::Pace>,
    mut drawn: Local<(f32, f32)>,
) {
    let mode = match desk.is_full_screen {
        true => WindowMode::BorderlessFullscreen(MonitorSelection::Current),
        false => WindowMode::Windowed,
    };
    if window.mode != mode {
        window.mode = mode;
    }
    let size = (window.width(), window.height());
    if std::mem::replace(&mut *drawn, size) != size {
        // Panels have their new places with this frame, and the scene follows them with the next.
        pace.touch();
    }
    if !desk.is_full_screen && desk.size() != size {
        desk.resized(size.0, size.1);
    }
}

/// Ends the program when the window is to be closed.
fn close(mut desk: ResMut<Desk>, mut lab: ResMut<Lab>, remains: Res<Remains>, mut exit: MessageWriter<AppExit>) {
    let Some(closing) = desk.closing.take() else { return };
    if let Err(error) = desk.save() {
        bevy::log::error!("{error}");
    }
    for error in finish(&mut lab) {
        bevy::log::error!("{error}");
    }
    match closing {
        Closing::Stop => {
            lab.stop_training();
            remains.put(Closed::Done);
        }
        Closing::KeepTraining => remains.put(Closed::Training(lab.take_trainings())),
    }
    exit.write(AppExit::Success);
}

/// Ends what is under way on show, and returns what goes wrong with it: nobody sees a message in a window that closes. What went
/// wrong before has been told.
fn finish(lab: &mut Lab) -> Vec<String> {
    let told = lab.messages().newest();
    // A recording that is under way is ended, not cut, and what is being written is written to its end.
    lab.apply(&Command::Gallery);
    lab.finish_exports();
    let new = lab.messages().iter().filter(|message| message.number > told);
    new.filter(|message| message.severity == Severity::Error).map(|message| message.text.clone()).collect()
}

impl From<Error> for Unavailable {
    fn from(error: Error) -> Self {
        Self { why: error, has_opened: false }
    }
}
