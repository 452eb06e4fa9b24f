//! What the window does on the processor for each frame in which an env has changed, whatever draws it.

use bevy::math::Rect;

use super::{Figure, Meter};
use crate::{
    domains::{AnyDomain, jamming::JammingParams},
    error::{Error, Result},
    picture::{Fading, Theme, Trails},
    sim::{Lane, Seeds, ViewOptions, params::Params, picture_of},
    window::scene::{Lens, Triangles, tessellate},
};

/// A thousand agents and about five thousand links, in an arena of a square kilometre.
const CROWD: [(&str, &str); 6] = [
    ("num_jammers", "40"),
    ("num_enemies", "960"),
    ("arena_m", "1000.0"),
    ("sensitivity_dbm", "-55.2"),
    ("enemy_bands", "[ghz2_4]"),
    ("observation", "local"),
];

/// The figures of the scene.
pub(super) fn figures() -> Vec<Figure> {
    // A frame at 60 Hz lasts 16.7 ms, and drawing wants its part of it.
    vec![Figure::millis("scene_1000_5000_ms", 8.0, 4.0, scene)]
}

/// Milliseconds from a world to the triangles of its picture, with trails and fading links.
fn scene() -> Result<f64> {
    let mut params = JammingParams::default();
    CROWD.iter().try_for_each(|(name, value)| params.set(name, value))?;
    let domain = AnyDomain::Jamming(params);
    let mut lane = Lane::new(domain.domain(), 1000, Seeds::new(1), 0..1);
    let view = domain.domain().view().ok_or_else(|| Error::input("this domain has nothing to look at"))?;
    let (mut trails, mut fading, mut triangles) = (Trails::new(16), Fading::new(10), Triangles::default());
    let (theme, lens) = (Theme::default(), Lens::filled(Rect::new(0.0, 0.0, 700.0, 420.0)));
    let seconds = Meter::default().seconds(|| {
        lane.step();
        let mut picture = picture_of(view, lane.world(), 0, &ViewOptions::default());
        fading.follow(&mut picture);
        trails.follow(&mut picture);
        tessellate(&picture, &theme, &lens, &mut triangles);
        std::hint::black_box(&triangles);
    });
    let stepping = Meter::default().seconds(|| lane.step());
    Ok(1e3 * (seconds - stepping))
}
