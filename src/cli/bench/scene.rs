//! What the window does on the processor for each frame in which an env has changed, whatever draws it.

use bevy::math::Rect;

use super::{Figure, Meter, Unit, Work};
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
    let work = || Ok(Work { bytes: len_bytes(Crowd::new()?.draw()?), ..Work::default() });
    vec![Figure::new("scene_1000_5000_ms", Unit::Millis, [0.03, 0.08], work, || Crowd::new()?.millis())]
}

/// The crowd, and what a window keeps of it from frame to frame.
struct Crowd {
    domain: AnyDomain,
    lane: Lane,
    trails: Trails,
    fading: Fading,
    triangles: Triangles,
}

impl Crowd {
    fn new() -> Result<Self> {
        let mut params = JammingParams::default();
        CROWD.iter().try_for_each(|(name, value)| params.set(name, value))?;
        let domain = AnyDomain::Jamming(params);
        let lane = Lane::new(domain.domain(), 1000, Seeds::new(1), 0..1);
        Ok(Self { domain, lane, trails: Trails::new(16), fading: Fading::new(10), triangles: Triangles::default() })
    }

    /// Steps once and draws, with trails and fading links.
    fn draw(&mut self) -> Result<&Triangles> {
        let Self { domain, lane, trails, fading, triangles } = self;
        let view = domain.domain().view().ok_or_else(|| Error::input("this domain has nothing to look at"))?;
        lane.step();
        let mut picture = picture_of(view, lane.world(), 0, &ViewOptions::default());
        fading.follow(&mut picture);
        trails.follow(&mut picture);
        let (theme, lens) = (Theme::default(), Lens::filled(Rect::new(0.0, 0.0, 700.0, 420.0)));
        tessellate(&picture, &theme, &lens, triangles);
        Ok(triangles)
    }

    /// Milliseconds from a world to the triangles of its picture.
    fn millis(&mut self) -> Result<f64> {
        let mut outcome = Ok(());
        let seconds = Meter::default().seconds(|| match self.draw() {
            Ok(triangles) => {
                std::hint::black_box(triangles);
            }
            Err(error) => outcome = Err(error),
        });
        outcome?;
        let stepping = Meter::default().seconds(|| self.lane.step());
        Ok(1e3 * (seconds - stepping))
    }
}

/// Bytes of corners and indices, which somebody has to write.
fn len_bytes(triangles: &Triangles) -> f64 {
    let corners = size_of_val(&triangles.positions[..]) + size_of_val(&triangles.colours[..]);
    (corners + size_of_val(&triangles.indices[..])) as f64
}
