//! Fading: what has just been broken is seen clearly, what has long been broken hardly.
//!
//! A picture shows a moment and knows no past. Whoever shows one picture after the other keeps the fading.

use std::collections::BTreeMap;

use bevy_ecs::entity::Entity;

use super::{Colour, Mark, Picture, Token};

/// What is left of the opacity in the end.
const REMAINDER: f32 = 0.2;

/// Since when pairs have been broken.
#[derive(Clone, Debug)]
pub struct Fading {
    ticks: usize,
    since: BTreeMap<[Entity; 2], u32>,
    last_tick: Option<u32>,
}

impl Fading {
    /// Fading that takes `ticks` ticks.
    pub fn new(ticks: usize) -> Self {
        Self { ticks, since: BTreeMap::new(), last_tick: None }
    }

    /// Notes which pairs are broken in `picture` and lets those fade that have been so before. A tick before the last one
    /// seen begins a new episode: nothing has been broken before. The same tick again looks the same.
    pub fn follow(&mut self, picture: &mut Picture) {
        let tick = picture.captions.tick;
        if self.last_tick.replace(tick).is_some_and(|last| tick < last) {
            self.since.clear();
        }
        // Only what is broken now is kept: what is whole in between is broken anew.
        let before = std::mem::take(&mut self.since);
        for mark in &mut picture.marks {
            let Some(pair) = broken(mark) else { continue };
            let since = before.get(&pair).copied().unwrap_or(tick);
            self.since.insert(pair, since);
            mark.opacity *= self.part_left(tick - since);
        }
    }

    /// What is left of the opacity after so many ticks.
    fn part_left(&self, ticks: u32) -> f32 {
        let faded = ticks as f32 / self.ticks.max(1) as f32;
        1.0 - (1.0 - REMAINDER) * faded.min(1.0)
    }
}

/// The pair of a mark that shows something broken.
fn broken(mark: &Mark) -> Option<[Entity; 2]> {
    mark.pair.filter(|_| mark.colour == Colour::Token(Token::Broken))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use glam::Vec2;

    use super::*;
    use crate::picture::{Form, Level, Stroke};

    const TICKS: usize = 10;

    /// A picture with one link, broken or not, which has another direction in every other tick.
    fn picture(tick: u32, is_broken: bool) -> Picture {
        let form = Form::Segment { from: Vec2::ZERO, to: Vec2::ONE, stroke: Stroke::solid(1.0) };
        let colour = Colour::Token(if is_broken { Token::Broken } else { Token::Neutral });
        let [one, other] = [1 + tick % 2, 2 - tick % 2].map(|row| Entity::from_raw_u32(row).unwrap());
        let mut picture = Picture::default();
        picture.marks.push(Mark::new(Level::Beneath, form, colour, 1.0).between(one, other));
        picture.captions.tick = tick;
        picture
    }

    /// Opacity of the link in the picture that comes after it was broken, or not, at these ticks.
    fn opacity(seen: &[(u32, bool)]) -> f32 {
        let mut fading = Fading::new(TICKS);
        let mut last = Picture::default();
        for (tick, is_broken) in seen {
            last = picture(*tick, *is_broken);
            fading.follow(&mut last);
        }
        last.marks[0].opacity
    }

    #[test]
    fn what_is_broken_is_seen_clearly_at_first_and_less_at_every_tick_until_little_is_left() {
        let seen: Vec<(u32, bool)> = (0..40).map(|tick| (tick, tick >= 5)).collect();
        let opacities: Vec<f32> = (6..=40).map(|len| opacity(&seen[..len])).collect();
        assert_eq!(opacities[0], 1.0);
        assert!(opacities[..=TICKS].is_sorted_by(|a, b| a > b), "{opacities:?}");
        assert!((opacities[TICKS / 2] - 0.5 * (1.0 + REMAINDER)).abs() < 1e-6, "{opacities:?}");
        assert!(opacities[TICKS..].iter().all(|opacity| (opacity - REMAINDER).abs() < 1e-6), "{opacities:?}");
    }

    #[test]
    fn what_is_whole_does_not_fade_and_is_broken_anew_afterwards() {
        assert_eq!(opacity(&[(1, false), (30, false)]), 1.0);
        assert_eq!(opacity(&[(1, true), (8, true), (9, false), (10, true)]), 1.0);
    }

    #[test]
    fn ticks_that_were_not_seen_count() {
        let every: Vec<(u32, bool)> = (3..=9).map(|tick| (tick, true)).collect();
        assert!(opacity(&every) < 1.0);
        assert_eq!(opacity(&[(3, true), (9, true)]), opacity(&every));
    }

    #[test]
    fn the_same_tick_again_looks_the_same() {
        assert_eq!(opacity(&[(3, true), (5, true), (5, true), (5, true)]), opacity(&[(3, true), (5, true)]));
    }

    #[test]
    fn nothing_has_been_broken_before_a_new_episode() {
        assert_eq!(opacity(&[(3, true), (9, true), (0, true)]), 1.0);
        assert_eq!(opacity(&[(3, true), (9, true), (0, true), (4, true)]), opacity(&[(0, true), (4, true)]));
    }

    #[test]
    fn fading_in_no_time_leaves_the_first_moment() {
        let mut fading = Fading::new(0);
        let opacities = [3, 4].map(|tick| {
            let mut picture = picture(tick, true);
            fading.follow(&mut picture);
            picture.marks[0].opacity
        });
        assert!(opacities[0] == 1.0 && (opacities[1] - REMAINDER).abs() < 1e-6, "{opacities:?}");
    }
}
