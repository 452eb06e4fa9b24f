//! How often a frame is drawn: as smoothly as the screen while something moves, hardly ever while nothing does.
//!
//! What draws in software takes the processor from whatever trains, so it draws at most thirty times a second; and as it needs
//! the processor for that, whatever trains gives way while it draws.

use std::time::{Duration, Instant};

use bevy::{
    app::{App, PreUpdate, Update},
    ecs::{
        resource::Resource,
        schedule::IntoScheduleConfigs,
        system::{Local, Query, Res, ResMut},
    },
    render::{
        RenderApp,
        extract_resource::{ExtractResource, ExtractResourcePlugin},
        renderer::{RenderAdapterInfo, RenderGraph, RenderGraphSystems},
    },
    winit::{UpdateMode, WinitSettings},
};

use bevy_egui::{
    EguiInput, EguiPreUpdateSet,
    egui::{Event, Modifiers},
};

use super::{
    LabSystems,
    frames::Frames,
    lab::{Lab, Severity},
    start::SOFTWARE,
};
use crate::priority::RightOfWay;

/// Time between frames of what draws in software.
const SOFTWARE_FRAME: Duration = Duration::from_millis(33);
/// Training gives way so long before a frame begins: the piece of work that it is at has to come to an end.
const LEAD: Duration = Duration::from_millis(2);
/// Time between frames while curves grow and nothing else moves, where a graphics card draws and where none does.
const TRAINING_FRAME: Duration = Duration::from_millis(500);
const SOFTWARE_TRAINING_FRAME: Duration = Duration::from_secs(2);
/// Time between frames while a message stands there that will go by itself.
const MESSAGE_FRAME: Duration = Duration::from_secs(1);
/// Time between frames while nothing changes by itself.
const IDLE_FRAME: Duration = Duration::from_secs(5);
/// Frames go on for so long after the last change, so that what it set off is seen.
const LINGER: Duration = Duration::from_millis(300);

/// When something last changed.
#[derive(Resource)]
pub(super) struct Pace {
    /// By itself.
    stirred: Instant,
    /// Because somebody did something to the window.
    touched: Instant,
}

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

/// The time that the frame after this one wants.
#[derive(Resource, ExtractResource, Clone, Default)]
struct Claim {
    right_of_way: RightOfWay,
    from: Option<Instant>,
}

impl Pace {
    /// Something has changed just now.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { stirred: now, touched: now }
    }

    /// Something has changed that is seen.
    pub(super) fn stir(&mut self) {
        self.stirred = Instant::now();
    }

    /// Somebody has done something to the window that is seen at once, whatever else goes on.
    pub(super) fn touch(&mut self) {
        self.touched = Instant::now();
    }

    /// Whether frames follow each other because of a change, while something trains or not.
    fn lingers(&self, is_training: bool) -> bool {
        self.touched.elapsed() < LINGER || (!is_training && self.stirred.elapsed() < LINGER)
    }
}

pub(super) fn plugin(app: &mut App) {
    app.insert_resource(Pace::new())
        .insert_resource(WinitSettings::continuous())
        .init_resource::<Pacing>()
        .init_resource::<Claim>()
        .add_plugins(ExtractResourcePlugin::<Claim>::default())
        .add_systems(Update, (set_pace, foresee).chain().after(super::dress).in_set(LabSystems::Pace))
        .add_systems(
            PreUpdate,
            drop_old_news.after(EguiPreUpdateSet::ProcessInput).before(EguiPreUpdateSet::BeginPass),
        );
    if let Some(render) = app.get_sub_app_mut(RenderApp) {
        // What is left of a frame is for the driver's own threads, and may take a little longer.
        let claim_next = |claim: Res<Claim>| claim.right_of_way.claim(claim.from);
        render.add_systems(RenderGraph, claim_next.in_set(RenderGraphSystems::Finish));
    }
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
    let moves = is_playing || is_drawing || pace.lingers(lab.is_training()) || !lab.exports().is_empty();
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

/// Where the processor draws in even time, foresees when the next frame begins.
fn foresee(
    lab: Res<Lab>,
    frames: Res<Frames>,
    winit: Res<WinitSettings>,
    mut claim: ResMut<Claim>,
    mut due: Local<Option<Instant>>,
) {
    let is_even = winit.focused_mode == UpdateMode::reactive(SOFTWARE_FRAME);
    *due = frames.begun().filter(|_| is_even).map(|begun| next_frame(*due, begun));
    *claim = Claim { right_of_way: lab.right_of_way().clone(), from: due.map(|due| due - LEAD) };
}

/// When the frame begins that follows the one which was `due` and has `begun`. One that is late does not make the next one late; but
/// where all are, the clock is another than was thought, and is followed.
fn next_frame(due: Option<Instant>, begun: Instant) -> Instant {
    match due {
        Some(due) if due < begun && begun < due + SOFTWARE_FRAME => due + SOFTWARE_FRAME + (begun - due) / 4,
        _ => begun + SOFTWARE_FRAME,
    }
}

/// Whether a message stands there that will go by itself.
fn has_news(lab: &Lab) -> bool {
    lab.messages().iter().any(|message| message.severity == Severity::Info && message.is_fresh())
}

#[cfg(test)]
mod tests {
    use bevy::window::{PrimaryWindow, Window};

    use super::*;
    use crate::window::desk::Desk;

    /// A window that rests draws once a second at most; what its size sets off is seen at once, and beside training too.
    #[test]
    fn a_window_that_rests_is_drawn_when_its_size_changes() {
        let mut app = App::new();
        let long_ago = Instant::now().checked_sub(Duration::from_secs(9));
        let rested =
            Pace { stirred: long_ago.unwrap_or_else(Instant::now), touched: long_ago.unwrap_or_else(Instant::now) };
        let (desk, _) = Desk::open(None);
        app.insert_resource(desk).insert_resource(rested).add_systems(Update, super::super::dress);
        let window = app.world_mut().spawn((Window::default(), PrimaryWindow)).id();
        app.update();
        let rests = |app: &mut App| {
            let mut pace = app.world_mut().resource_mut::<Pace>();
            pace.touched = long_ago.unwrap_or_else(Instant::now);
            [pace.lingers(false), pace.lingers(true)]
        };
        assert_eq!(rests(&mut app), [false, false]);
        app.update();
        assert!(!app.world().resource::<Pace>().lingers(true), "its size is as it was");
        if let Some(mut window) = app.world_mut().get_mut::<Window>(window) {
            window.resolution.set(900.0, 600.0);
        }
        app.update();
        assert!(app.world().resource::<Pace>().lingers(true));
    }

    #[test]
    fn frames_are_due_in_even_time() {
        let begun = Instant::now();
        let ms = |ms| begun + Duration::from_millis(ms);
        assert_eq!(next_frame(None, begun), ms(33));
        // Late by a little, before its time, and late by more than a frame.
        assert_eq!(next_frame(Some(ms(33)), ms(37)), ms(67));
        assert_eq!(next_frame(Some(ms(66)), ms(50)), ms(83));
        assert_eq!(next_frame(Some(ms(66)), ms(99)), ms(132));
        // Out of step at first.
        let mut due = ms(10);
        for frame in 1..20 {
            due = next_frame(Some(due), ms(33 * frame));
        }
        assert!(due.max(ms(33 * 20)) - due.min(ms(33 * 20)) < Duration::from_millis(1));
    }
}
