//! What the engine reports as an error is told in the window, and counted.

use std::{
    fmt::{Debug, Write},
    sync::{Mutex, PoisonError},
};

use bevy::{
    app::{App, Update},
    ecs::schedule::IntoScheduleConfigs,
    ecs::system::ResMut,
    log::{
        BoxedLayer, Level,
        tracing::{
            Event, Subscriber,
            field::{Field, Visit},
        },
        tracing_subscriber::{Layer, layer::Context},
    },
};

use super::{
    LabSystems,
    lab::{Lab, Severity},
};

/// What is written to the terminal: warnings of everything, but only errors of those who warn of what is not ours.
pub(super) const FILTER: &str = "warn,wgpu=error,naga=error,bevy_render=error,winit=error,offset_allocator=error";

/// Errors that wait to be told. A log has no other way to the window: it is set up before there is a world.
static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Most errors that wait at once.
const MOST: usize = 100;

/// Collects errors beside what is written to the terminal.
#[allow(clippy::unnecessary_wraps, reason = "the signature is the engine's")]
pub(super) fn layer(_app: &mut App) -> Option<BoxedLayer> {
    Some(Box::new(Errors))
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, tell.in_set(LabSystems::Ask));
}

fn tell(mut lab: ResMut<Lab>) {
    let errors = std::mem::take(&mut *ERRORS.lock().unwrap_or_else(PoisonError::into_inner));
    for error in errors {
        lab.messages_mut().push(Severity::Error, error);
    }
}

struct Errors;

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        let mut errors = ERRORS.lock().unwrap_or_else(PoisonError::into_inner);
        if errors.len() < MOST {
            errors.push(text.0);
        }
    }
}

/// The words of an event.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}
