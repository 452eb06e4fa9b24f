//! Links of the swarm: how strong they are, and which ones are cut.

use bevy::math::Vec2;

use super::Scene;
use crate::{
    domains::jamming::systems::Model,
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
    let n = scene.drones.len();
    let words = n.div_ceil(64);
    let range_m = model.budgets.band(scene.swarm.band).link_range_m;
    let place = |i: usize| scene.drones[i].1;
    let link = |i: usize, j: usize, form, colour, opacity| {
        Mark::new(Layer::Links, form, colour, opacity).between(scene.drones[i].0, scene.drones[j].0)
    };
    let pairs = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    let num_links = pairs().filter(|(i, j)| place(*i).distance(place(*j)) <= range_m).count();
    let crowd = (SPARSE * n as f32 / num_links.max(1) as f32).clamp(0.04, 1.0).sqrt();
    let live_colour = Scene::band_colour(scene.swarm.band);
    for (i, j) in pairs() {
        let (from, to) = (place(i), place(j));
        let is_live = rows[i * words + j / 64] >> (j % 64) & 1 == 1;
        if is_live {
            let strength = strength(from, to, range_m);
            let form = Form::Segment { from, to, stroke: Stroke::solid(0.8 + 1.4 * strength) };
            marks.push(link(i, j, form, live_colour, crowd * (0.3 + 0.5 * strength)));
        } else if from.distance(to) <= range_m {
            let form = Form::Segment { from, to, stroke: Stroke::solid(1.2).dashed(Dash::Dashed) };
            marks.push(link(i, j, form, Colour::Token(Token::Broken), crowd * 0.9));
        }
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
