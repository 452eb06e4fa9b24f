//! Times between frames, for whoever wants to know how smooth the window is.

use std::time::Instant;

use bevy::{
    app::{App, First},
    ecs::{resource::Resource, system::ResMut},
};

use crate::math::statistics::quantile;

/// Times between frames since somebody began to measure them.
#[derive(Resource, Default)]
pub(super) struct Frames {
    last: Option<Instant>,
    /// When the second frame began: the first was handed to what draws by then, which need not have shown it yet.
    first_shown: Option<Instant>,
    times_ms: Option<Vec<f64>>,
}

/// How smooth the window was for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Smoothness {
    /// Frames that were drawn.
    pub frames: usize,
    /// Frames per second.
    pub rate: f64,
    /// Half of the times between frames are at most this, in ms.
    pub p50_ms: f64,
    /// Of hundred times between frames one is longer than this, in ms.
    pub p99_ms: f64,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Frames>().add_systems(First, note);
}

fn note(mut frames: ResMut<Frames>) {
    let now = Instant::now();
    let last = frames.last.replace(now);
    if last.is_some() {
        frames.first_shown.get_or_insert(now);
    }
    if let (Some(last), Some(times)) = (last, &mut frames.times_ms) {
        times.push(1e3 * (now - last).as_secs_f64());
    }
}

impl Frames {
    /// Time from `opened` until the first frame was handed to what draws, in seconds.
    pub(super) fn first_after_s(&self, opened: Instant) -> Option<f64> {
        self.first_shown.map(|shown| (shown - opened).as_secs_f64())
    }

    /// When this frame began; none before the first.
    pub(super) fn begun(&self) -> Option<Instant> {
        self.last
    }

    /// Begins to measure.
    pub(super) fn begin(&mut self) {
        self.times_ms = Some(Vec::new());
    }

    /// Frames that were measured so far.
    pub(super) fn measured(&self) -> usize {
        self.times_ms.as_ref().map_or(0, Vec::len)
    }

    /// Ends measuring; returns the times between frames, in ms.
    pub(super) fn end(&mut self) -> Vec<f64> {
        self.times_ms.take().unwrap_or_default()
    }
}

impl Smoothness {
    /// That of some times between frames, in ms.
    pub fn of(times_ms: &[f64]) -> Self {
        if times_ms.is_empty() {
            return Self::default();
        }
        let total_ms: f64 = times_ms.iter().sum();
        Self {
            frames: times_ms.len(),
            rate: 1e3 * times_ms.len() as f64 / total_ms.max(f64::MIN_POSITIVE),
            p50_ms: quantile(times_ms, 0.5),
            p99_ms: quantile(times_ms, 0.99),
        }
    }
}
