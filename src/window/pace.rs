//! How often a frame is drawn: as smoothly as the screen while something moves, hardly ever while nothing does.
//!
//! What draws in software takes the processor from whatever trains, so it draws at most thirty times a second.

use std::time::{Duration, Instant};

use bevy::{
    app::{App, PreUpdate, Update},
    ecs::{
        resource::Resource,
        schedule::IntoScheduleConfigs,
        system::{Local, Query, Res, ResMut},
    },
    render::renderer::RenderAdapterInfo,
    winit::{UpdateMode, WinitSettings},
};

use bevy_egui::{
    EguiInput, EguiPreUpdateSet,
    egui::{Event, Modifiers},
};

use super::{
    LabSystems,
    lab::{Lab, Severity},
    start::SOFTWARE,
};

/// Time between frames of what draws in software.
const SOFTWARE_FRAME: Duration = Duration::from_millis(33);
/// Time between frames while curves grow and nothing else moves, where a graphics card draws and where none does.
const TRAINING_FRAME: Duration = Duration::from_millis(500);
const SOFTWARE_TRAINING_FRAME: Duration = Duration::from_secs(2);
/// Time between frames while a message stands there that will go by itself.
const MESSAGE_FRAME: Duration = Duration::from_secs(1);
/// Time between frames while nothing changes by itself.
const IDLE_FRAME: Duration = Duration::from_secs(5);
/// Frames go on for so long after the last change, so that what it set off is seen.
const LINGER: Duration = Duration::from_millis(300);

/// When something last changed by itself.
#[derive(Resource)]
pub(super) struct Pace(Instant);

/// Who says how often a frame is drawn.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pacing {
    /// The window itself.
    #[default]
    Own,
    /// Nobody: the next frame follows the last.
    FlatOut,
    /// None is drawn for so long, unless somebody wants something of the window.
    Still(Duration),
}

impl Pace {
    /// Something has changed just now.
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    /// Something has changed that is seen.
    pub(super) fn stir(&mut self) {
        self.0 = Instant::now();
    }
}

pub(super) fn plugin(app: &mut App) {
    app.insert_resource(Pace::new())
        .insert_resource(WinitSettings::continuous())
        .init_resource::<Pacing>()
        .add_systems(Update, set_pace.in_set(LabSystems::Pace))
        .add_systems(
            PreUpdate,
            drop_old_news.after(EguiPreUpdateSet::ProcessInput).before(EguiPreUpdateSet::BeginPass),
        );
}

/// Panels are told in every frame which keys are held, and ask for another frame at every event: so they would never rest.
fn drop_old_news(mut inputs: Query<&mut EguiInput>, mut known: Local<Modifiers>) {
    for mut input in &mut inputs {
        input.events.retain(|event| match event {
            Event::ModifiersChanged(now) => std::mem::replace(&mut *known, *now) != *now,
            _ => true,
        });
    }
}

fn set_pace(
    lab: Res<Lab>,
    pace: Res<Pace>,
    adapter: Res<RenderAdapterInfo>,
    pacing: Res<Pacing>,
    mut winit: ResMut<WinitSettings>,
) {
    let is_software = adapter.device_type == SOFTWARE;
    let is_playing = lab.stage().is_some_and(|stage| stage.transport.is_playing || stage.driven().is_some());
    let is_drawing = lab.stage().is_none() && lab.gallery().is_drawing();
    let moves =
        is_playing || is_drawing || (pace.0.elapsed() < LINGER && !lab.is_training()) || !lab.exports().is_empty();
    let mode = match *pacing {
        Pacing::FlatOut => UpdateMode::Continuous,
        Pacing::Still(length) => UpdateMode::reactive(length),
        Pacing::Own if moves && is_software => UpdateMode::reactive(SOFTWARE_FRAME),
        Pacing::Own if moves => UpdateMode::Continuous,
        Pacing::Own if lab.is_training() => {
            UpdateMode::reactive(if is_software { SOFTWARE_TRAINING_FRAME } else { TRAINING_FRAME })
        }
        Pacing::Own if has_news(&lab) => UpdateMode::reactive(MESSAGE_FRAME),
        Pacing::Own => UpdateMode::reactive(IDLE_FRAME),
    };
    if winit.focused_mode != mode {
        *winit = WinitSettings { focused_mode: mode, unfocused_mode: mode };
    }
}

/// Whether a message stands there that will go by itself.
fn has_news(lab: &Lab) -> bool {
    lab.messages().iter().any(|message| message.severity == Severity::Info && message.is_fresh())
}
