//! Links of the swarm: how strong they are, and which ones are cut.

use glam::Vec2;

use super::{Colouring, Scene};
use crate::{
    domains::jamming::{structure::Links, systems::Model},
    math::grid::Grid,
    picture::{Colour, Dash, Form, Level, Mark, Stroke, Token},
};

/// Margin in dB from which a link is drawn at its strongest.
const STRONG_DB: f32 = 12.0;
/// Links per drone up to which they are drawn at full opacity; more of them are fainter, so that agents stay visible.
const SPARSE: f32 = 5.0;

/// Distance in m below which a margin grows no more.
const NEAREST_M: f32 = 1e-3;

/// Draws every pair of drones in range: live links by their margin, or as the colouring has it, cut ones dashed, as
/// clearly as in the moment of the cut; hosts let them fade.
///
/// `rows` are the live links as bit rows, `[drones, words]`.
pub(super) fn links(model: &Model, rows: &[u64], scene: &Scene, colouring: &Colouring, marks: &mut Vec<Mark>) {
    let live = Links::new(scene.drones.len(), rows);
    let range_m = model.budgets.band(scene.swarm.band).link_range_m;
    let places: Vec<[f32; 2]> = scene.drones.iter().map(|(_, place, _)| place.to_array()).collect();
    let (mut grid, mut pairs) = (Grid::new(), Vec::new());
    grid.rebuild(&places, range_m);
    // Jamming only cuts links, so every live one is among the pairs in range.
    grid.pairs(range_m, &mut pairs);
    let crowd = (SPARSE * places.len() as f32 / pairs.len().max(1) as f32).clamp(0.04, 1.0).sqrt();
    let live_colour = Scene::band_colour(scene.swarm.band);
    for [i, j] in pairs.into_iter().map(|pair| pair.map(|drone| drone as usize)) {
        let ((drone, from, _), (other, to, _)) = (scene.drones[i], scene.drones[j]);
        let (stroke, colour, opacity) = if !live.has(i, j) {
            (Stroke::solid(1.2).dashed(Dash::Dashed), Colour::Token(Token::Broken), crowd * 0.9)
        } else if let Some(colour) = colouring.link_colour([i.min(j), i.max(j)]) {
            (Stroke::solid(3.0), colour, 1.0)
        } else {
            let strength = strength(from, to, range_m);
            (Stroke::solid(0.8 + 1.4 * strength), live_colour, crowd * (0.3 + 0.5 * strength))
        };
        marks
            .push(Mark::new(Level::Beneath, Form::Segment { from, to, stroke }, colour, opacity).between(drone, other));
    }
}

/// The link margin as a part of [`STRONG_DB`]; 0 at the end of the range, at most 1.
fn strength(from: Vec2, to: Vec2, range_m: f32) -> f32 {
    (margin_db(from.distance(to), range_m) / STRONG_DB).clamp(0.0, 1.0)
}

/// Link margin in dB, 20 log10(range / distance): by how much the signal is stronger than what can just be received.
///
/// Drones nearer than 1 mm count as that far apart.
pub(super) fn margin_db(distance_m: f32, range_m: f32) -> f32 {
    20.0 * libm::log10f(range_m / distance_m.max(NEAREST_M))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fades_towards_the_end_of_its_range() {
        let at = |x: f32| strength(Vec2::ZERO, Vec2::new(x, 0.0), 100.0);
        assert_eq!((at(100.0), at(0.0)), (0.0, 1.0));
        assert!((at(50.0) - 6.02 / 12.0).abs() < 1e-3);
        assert!(at(30.0) > at(60.0));
    }
}
