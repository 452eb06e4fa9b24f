//! What is under the pointer.

use bevy::{ecs::entity::Entity, math::Vec2};

use super::Lens;
use crate::{
    picture::{Form, Level, Mark, Picture},
    window::command::Subject,
};

/// How far from an agent or a link a pointer still means it, in points.
const REACH: f32 = 6.0;

/// What `picture` shows at a point of the window: the nearest agent that covers it, or else the nearest link.
pub fn pick(picture: &Picture, lens: &Lens, point: Vec2) -> Option<Subject> {
    let agents = picture.marks.iter().filter(|mark| mark.level == Level::Agents);
    let agent = nearest(agents.filter_map(|mark| mark.who.zip(beside_agent(picture, lens, mark, point))));
    agent.map(Subject::Entity).or_else(|| {
        nearest(picture.marks.iter().filter_map(|mark| mark.pair.zip(beside_link(picture, lens, mark, point))))
            .map(|[one, other]| Subject::Link(one, other))
    })
}

/// Where the picture shows an agent, in metres.
pub fn place_of(picture: &Picture, who: Entity) -> Option<Vec2> {
    let is_it = |mark: &&Mark| mark.level == Level::Agents && mark.who == Some(who);
    picture.marks.iter().filter(is_it).find_map(|mark| centre(&mark.form))
}

fn nearest<T>(found: impl Iterator<Item = (T, f32)>) -> Option<T> {
    found.filter(|(_, beside)| *beside <= REACH).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(what, _)| what)
}

/// How far from the border of an agent's glyph a point is, below 0 inside.
fn beside_agent(picture: &Picture, lens: &Lens, mark: &Mark, point: Vec2) -> Option<f32> {
    let radius = match &mark.form {
        Form::Glyph { radius, .. } | Form::Disc { radius, .. } => lens.length(&picture.arena, *radius),
        Form::Polyline { points, .. } => {
            // A frame is meant wherever nothing in it is nearer.
            let at = lens.place(&picture.arena, point);
            let (low, high) = corners(points)?;
            return (at.clamp(low, high) == at).then_some(0.0);
        }
        _ => return None,
    };
    Some(lens.point(&picture.arena, centre(&mark.form)?).distance(point) - radius)
}

/// How far from a link a point is.
fn beside_link(picture: &Picture, lens: &Lens, mark: &Mark, point: Vec2) -> Option<f32> {
    let Form::Segment { from, to, .. } = mark.form else { return None };
    let (from, to) = (lens.point(&picture.arena, from), lens.point(&picture.arena, to));
    let along = to - from;
    let share = (point - from).dot(along) / along.length_squared().max(f32::MIN_POSITIVE);
    Some((from + share.clamp(0.0, 1.0) * along).distance(point))
}

fn centre(form: &Form) -> Option<Vec2> {
    match form {
        Form::Glyph { at, .. } => Some(*at),
        Form::Disc { centre, .. } => Some(*centre),
        Form::Polyline { points, .. } => corners(points).map(|(low, high)| 0.5 * (low + high)),
        _ => None,
    }
}

/// Lower left and upper right corner of what lies around some points.
fn corners(points: &[Vec2]) -> Option<(Vec2, Vec2)> {
    let all = points.iter().map(|point| (*point, *point));
    all.reduce(|(low, high), (point, _)| (low.min(point), high.max(point)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use bevy::math::Rect;

    use super::*;
    use crate::picture::{Arena, Colour, Glyph, Length, Stroke, Token};

    fn entity(number: u32) -> Entity {
        Entity::from_raw_u32(number).unwrap()
    }

    fn agent(number: u32, at: Vec2) -> Mark {
        let form = Form::Glyph { at, shape: Glyph::Disc, radius: Length::Pixels(5.0), outlined: false };
        Mark::new(Level::Agents, form, Colour::Token(Token::Text), 1.0).of(entity(number))
    }

    #[test]
    fn the_nearest_agent_is_meant_and_agents_lie_above_links() {
        let (a, b) = (Vec2::new(20.0, 50.0), Vec2::new(80.0, 50.0));
        let form = Form::Segment { from: a, to: b, stroke: Stroke::solid(1.0) };
        let link = Mark::new(Level::Beneath, form, Colour::Token(Token::Text), 1.0).between(entity(2), entity(1));
        let reach = Form::Disc { centre: Vec2::splat(50.0), radius: Length::Metres(40.0) };
        let area = Mark::new(Level::Ground, reach, Colour::Token(Token::Text), 1.0).of(entity(9));
        let marks = vec![area, link, agent(1, a), agent(2, b), agent(3, a + Vec2::new(1.0, 0.0))];
        let picture = Picture { arena: Arena::square(100.0), marks, ..Picture::default() };
        let lens = Lens::filled(Rect::new(0.0, 0.0, 600.0, 600.0));
        let at = |place: Vec2| pick(&picture, &lens, lens.point(&picture.arena, place));
        assert_eq!(at(a), Some(Subject::Entity(entity(1))));
        assert_eq!(at(a + Vec2::new(1.4, 0.0)), Some(Subject::Entity(entity(3))));
        let link = at(Vec2::new(50.0, 50.5));
        assert!(
            matches!(link, Some(Subject::Link(a, b)) if [a, b].contains(&entity(1)) && [a, b].contains(&entity(2)))
        );
        assert_eq!(at(Vec2::new(50.0, 70.0)), None, "reach is not in the way");
        assert_eq!(place_of(&picture, entity(2)), Some(b));
        assert_eq!(place_of(&picture, entity(9)), None);
    }
}
