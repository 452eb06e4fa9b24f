//! Links of the swarm: how strong they are, and which ones are cut.

use glam::Vec2;

use super::Scene;
use crate::{
    domains::jamming::systems::Model,
    math::grid::Grid,
    picture::{Colour, Dash, Form, Layer, Mark, Stroke, Token},
};

/// Margin in dB from which a link is drawn at its strongest.
const STRONG_DB: f32 = 12.0;
/// Links per drone up to which they are drawn at full opacity; more of them are fainter, so that agents stay visible.
const SPARSE: f32 = 5.0;

/// Draws every pair of drones in range: live links by their margin, cut ones dashed, as clearly as in the moment of the
/// cut; hosts let them fade.
///
/// `rows` are the live links as bit rows, `[drones, words]`.
pub(super) fn links(model: &Model, rows: &[u64], scene: &Scene, marks: &mut Vec<Mark>) {
    let words = scene.drones.len().div_ceil(64);
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
        let is_live = rows[i * words + j / 64] >> (j % 64) & 1 == 1;
        let (stroke, colour, opacity) = if is_live {
            let strength = strength(from, to, range_m);
            (Stroke::solid(0.8 + 1.4 * strength), live_colour, crowd * (0.3 + 0.5 * strength))
        } else {
            (Stroke::solid(1.2).dashed(Dash::Dashed), Colour::Token(Token::Broken), crowd * 0.9)
        };
        marks.push(Mark::new(Layer::Links, Form::Segment { from, to, stroke }, colour, opacity).between(drone, other));
    }
}

/// Link margin, 20 log10(range / distance) in dB, as a part of [`STRONG_DB`]; 0 at the end of the range, at most 1.
fn strength(from: Vec2, to: Vec2, range_m: f32) -> f32 {
    let distance_m = from.distance(to).max(f32::MIN_POSITIVE);
    (20.0 * libm::log10f(range_m / distance_m) / STRONG_DB).clamp(0.0, 1.0)
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
