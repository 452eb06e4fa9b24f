//! Trails: where the agents of the last pictures have been.
//!
//! A picture shows a moment and knows no past. Whoever shows one picture after the other keeps the trails.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bevy_ecs::entity::Entity;
use glam::Vec2;

use super::{Colour, Form, Level, Mark, Picture, Stroke, Token};

/// Opacity of a trail where it is newest.
const NEWEST: f32 = 0.45;
/// Pieces of a trail, each fainter than the last.
const PIECES: usize = 4;
/// A step longer than this part of the arena is a jump (to the opposite border, say) and breaks the trail.
const JUMP: f32 = 0.25;

/// Where agents have been.
#[derive(Clone, Debug)]
pub struct Trails {
    length: usize,
    places: BTreeMap<Entity, VecDeque<Vec2>>,
    last_tick: Option<u32>,
}

impl Trails {
    /// Trails of the last `length` ticks.
    pub fn new(length: usize) -> Self {
        Self { length, places: BTreeMap::new(), last_tick: None }
    }

    /// Notes where the agents of `picture` are and adds their trails to it. A tick before the last one seen begins a new
    /// episode: all trails end. The same tick again adds nothing to them.
    pub fn follow(&mut self, picture: &mut Picture) {
        let tick = picture.captions.tick;
        if self.last_tick.is_some_and(|last| tick < last) {
            self.places.clear();
        }
        let is_new = self.last_tick.replace(tick) != Some(tick);
        if is_new {
            // What has left, has left its trail too.
            let shown: BTreeSet<Entity> = picture.marks.iter().filter_map(agent).map(|(who, _)| who).collect();
            self.places.retain(|who, _| shown.contains(who));
        }
        let jump_m = JUMP * picture.arena.size_m().max_element();
        for (who, at) in picture.marks.iter().filter(|_| is_new).filter_map(agent) {
            let places = self.places.entry(who).or_default();
            if places.back().is_some_and(|last| last.distance(at) > jump_m) {
                places.clear();
            }
            places.push_back(at);
            if places.len() > self.length + 1 {
                places.pop_front();
            }
        }
        let trails: Vec<Mark> = self.places.values().flat_map(|places| self.pieces(places)).collect();
        picture.marks.extend(trails);
    }

    fn pieces<'a>(&self, places: &'a VecDeque<Vec2>) -> impl Iterator<Item = Mark> + use<'a> {
        let points: Vec<Vec2> = places.iter().copied().collect();
        let piece_len = self.length.div_ceil(PIECES).max(1);
        (0..PIECES).filter_map(move |piece| {
            // Counted from the newest place backwards; a piece begins where the next newer one ended.
            let end = points.len().checked_sub(piece * piece_len).filter(|end| *end >= 2)?;
            let points = points[end.saturating_sub(piece_len + 1)..end].to_vec();
            let opacity = NEWEST * (1.0 - piece as f32 / PIECES as f32);
            let form = Form::Polyline { points, stroke: Stroke::solid(1.2) };
            Some(Mark::new(Level::Trails, form, Colour::Token(Token::Neutral), opacity))
        })
    }
}

/// The entity and the place of a mark that shows an agent.
fn agent(mark: &Mark) -> Option<(Entity, Vec2)> {
    let at = match mark.form {
        Form::Glyph { at, .. } => at,
        Form::Disc { centre, .. } => centre,
        _ => return None,
    };
    mark.who.filter(|_| mark.level == Level::Agents).map(|who| (who, at))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::picture::{Arena, Glyph, Length};

    fn picture(tick: u32, x: f32) -> Picture {
        let form =
            Form::Glyph { at: Vec2::new(x, 5.0), shape: Glyph::Disc, radius: Length::Pixels(4.0), outlined: false };
        let mark = Mark::new(Level::Agents, form, Colour::Token(Token::Text), 1.0);
        let mut picture = Picture { arena: Arena::square(100.0), ..Picture::default() };
        picture.marks.push(mark.of(Entity::from_raw_u32(1).unwrap()));
        picture.captions.tick = tick;
        picture
    }

    /// Length in metres of all trails in the picture that comes after one agent was at these places.
    fn trail_m(places: &[(u32, f32)]) -> f32 {
        let mut trails = Trails::new(8);
        let mut last = Picture::default();
        for (tick, x) in places {
            last = picture(*tick, *x);
            trails.follow(&mut last);
        }
        let length = |mark: &Mark| match &mark.form {
            Form::Polyline { points, .. } => points.windows(2).map(|pair| pair[0].distance(pair[1])).sum(),
            _ => 0.0,
        };
        last.marks.iter().map(length).sum()
    }

    #[test]
    fn a_trail_is_as_long_as_the_last_ticks_were() {
        let places: Vec<(u32, f32)> = (1..=30).map(|tick| (tick, tick as f32)).collect();
        assert_eq!(trail_m(&places[..1]), 0.0);
        assert_eq!(trail_m(&places[..4]), 3.0);
        assert_eq!(trail_m(&places), 8.0);
    }

    #[test]
    fn the_same_tick_again_adds_nothing_and_takes_nothing() {
        assert_eq!(trail_m(&[(1, 10.0), (2, 12.0), (2, 12.0), (2, 12.0)]), 2.0);
    }

    #[test]
    fn what_leaves_takes_its_trail_along() {
        let mut trails = Trails::new(8);
        [picture(1, 10.0), picture(2, 12.0)].iter_mut().for_each(|picture| trails.follow(picture));
        let mut empty = Picture { marks: Vec::new(), ..picture(3, 0.0) };
        trails.follow(&mut empty);
        assert_eq!(empty.marks, []);
    }

    #[test]
    fn a_jump_and_a_new_episode_end_a_trail() {
        assert_eq!(trail_m(&[(1, 97.0), (2, 99.0), (3, 1.0), (4, 3.0)]), 2.0);
        assert_eq!(trail_m(&[(7, 10.0), (8, 12.0), (0, 13.0), (1, 15.0)]), 2.0);
    }
}
