//! Pixels at known places.

#![allow(clippy::unwrap_used, reason = "tests")]

use glam::Vec2;

use super::*;
use crate::picture::{
    Captions, Colour, Dash, Form, Glyph, Legend, LegendItem, Length, Level, Mark, Quantity, Ramp, Rgb, Sign, Stroke,
    Token,
};

const WIDTH: u32 = 400;
const HEIGHT: u32 = 300;
const SIDE_M: f32 = 100.0;

fn picture(marks: Vec<Mark>) -> Picture {
    Picture { arena: Arena::square(SIDE_M), marks, ..Picture::default() }
}

fn disc(level: Level, at: (f32, f32), radius_m: f32, colour: Colour) -> Mark {
    let form = Form::Disc { centre: at.into(), radius: Length::Metres(radius_m) };
    Mark::new(level, form, colour, 1.0)
}

fn drawn(picture: &Picture) -> Vec<u8> {
    Rasteriser::new(Theme::default(), WIDTH, HEIGHT).unwrap().draw(picture).rgba.to_vec()
}

/// The colour at a place of the arena.
fn at(rgba: &[u8], place: (f32, f32)) -> Rgb {
    let pixel = Layout::new(Arena::square(SIDE_M), WIDTH, HEIGHT).pixel(place.into());
    let start = 4 * (pixel.y as usize * WIDTH as usize + pixel.x as usize);
    Rgb::new(rgba[start], rgba[start + 1], rgba[start + 2])
}

/// A picture with everything a picture can have.
fn full() -> Picture {
    let stroke = Stroke::solid(1.5);
    let colour = Colour::Category(2);
    let (from, to) = (Vec2::new(10.0, 20.0), Vec2::new(90.0, 60.0));
    let glyph = |shape, x| Form::Glyph { at: Vec2::new(x, 50.0), shape, radius: Length::Pixels(6.0), outlined: true };
    let forms = vec![
        Form::Ring { centre: from, radius: Length::Metres(8.0), stroke: stroke.dashed(Dash::Dashed) },
        Form::Segment { from, to, stroke: stroke.dashed(Dash::Dotted) },
        Form::Polyline { points: vec![from, to, Vec2::new(50.0, 90.0)], stroke },
        Form::Arrow { from, to, stroke },
        glyph(Glyph::Donut, 20.0),
        glyph(Glyph::Star, 60.0),
        Form::Label { at: to, text: "λ₂ = 0.31".to_owned(), size_px: 12.0 },
    ];
    let marks = forms.into_iter().map(|form| Mark::new(Level::Agents, form, colour, 0.9)).collect();
    let quantity = Quantity { name: "a_name_that_is_far_too_long_for_its_row".to_owned(), unit: "m", value: Some(2.5) };
    Picture {
        legend: Legend {
            items: vec![LegendItem { sign: Sign::Area { colour }, text: "reach".to_owned() }],
            ramp: Some(Ramp {
                title: "value".to_owned(),
                is_diverging: true,
                low: "–".to_owned(),
                high: "+".to_owned(),
            }),
        },
        captions: Captions { title: "A title".to_owned(), metrics: vec![quantity], ..Captions::default() },
        ..picture(marks)
    }
}

#[test]
fn a_disc_is_where_it_should_be_and_has_its_colour() {
    let theme = Theme::default();
    let colour = Colour::Category(1);
    let rgba = drawn(&picture(vec![disc(Level::Agents, (25.0, 75.0), 10.0, colour)]));
    let ground = theme.token(Token::Ground);
    assert_eq!(at(&rgba, (25.0, 75.0)), theme.rgb(colour));
    assert_eq!(at(&rgba, (33.0, 75.0)), theme.rgb(colour));
    for beside in [(37.0, 75.0), (25.0, 87.0), (75.0, 25.0), (25.0, 25.0)] {
        assert_eq!(at(&rgba, beside), ground, "{beside:?}");
    }
    assert_eq!(at(&rgba, (-5.0, 50.0)), theme.token(Token::Page));
    assert!(rgba.chunks_exact(4).all(|pixel| pixel[3] == 255));
}

#[test]
fn levels_decide_what_lies_above_not_the_order_of_marks() {
    let (agent, area) = (Colour::Category(0), Colour::Category(1));
    let here = (50.0, 51.0);
    let rgba = drawn(&picture(vec![disc(Level::Agents, here, 5.0, agent), disc(Level::Ground, here, 20.0, area)]));
    assert_eq!(at(&rgba, here), Theme::default().rgb(agent));
    assert_eq!(at(&rgba, (50.0, 65.0)), Theme::default().rgb(area));
}

#[test]
fn reach_ends_at_the_border_and_agents_do_not() {
    let colour = Colour::Category(1);
    let outside = (-3.0, 51.0);
    let of = |level| at(&drawn(&picture(vec![disc(level, (0.0, 51.0), 9.0, colour)])), outside);
    assert_eq!(of(Level::Ground), Theme::default().token(Token::Page));
    assert_eq!(of(Level::Agents), Theme::default().rgb(colour));
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    let mut used = Rasteriser::new(Theme::default(), WIDTH, HEIGHT).unwrap();
    let first = used.draw(&full()).rgba.to_vec();
    used.draw(&Picture { arena: Arena::square(7.0), ..full() });
    assert!(used.draw(&full()).rgba == first, "what was drawn before shows");
    assert!(drawn(&full()) == first);
    assert!(drawn(&picture(vec![])) != first);
}

#[test]
fn words_appear_where_there_is_room_for_them_and_only_there() {
    let text = |title: &str, width, height| {
        let captions = Captions { title: title.to_owned(), ..Captions::default() };
        let picture = Picture { captions, ..picture(vec![]) };
        Rasteriser::new(Theme::default(), width, height).unwrap().draw(&picture).rgba.to_vec()
    };
    assert!(text("one", 400, 300) != text("two", 400, 300));
    assert!(text("one", 120, 90) == text("two", 120, 90));
}

#[test]
fn places_that_are_no_places_are_not_drawn() {
    let empty = drawn(&picture(vec![]));
    let nowhere = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e12];
    for x in nowhere {
        let at = Vec2::new(x, 50.0);
        let (stroke, radius) = (Stroke::solid(2.0), Length::Metres(3.0));
        let forms = [
            Form::Disc { centre: at, radius },
            Form::Ring { centre: at, radius, stroke },
            Form::Segment { from: at, to: Vec2::ONE, stroke },
            Form::Polyline { points: vec![Vec2::ONE, at, Vec2::ZERO], stroke },
            Form::Arrow { from: Vec2::ONE, to: at, stroke },
            Form::Glyph { at, shape: Glyph::Star, radius, outlined: true },
            Form::Disc { centre: Vec2::ONE, radius: Length::Metres(x) },
        ];
        for form in forms {
            let mark = Mark::new(Level::Agents, form, Colour::Diverging(x), 1.0);
            assert!(drawn(&picture(vec![mark.clone()])) == empty, "{mark:?}");
        }
    }
}

#[test]
fn every_size_in_range_is_drawn_and_others_are_refused() {
    for (width, height) in [(16, 16), (17, 900), (900, 17), (200, 200), (1280, 720)] {
        let mut rasteriser = Rasteriser::new(Theme::named("light").unwrap(), width, height).unwrap();
        let frame = rasteriser.draw(&full());
        assert_eq!((frame.width, frame.height, frame.rgba.len()), (width, height, (4 * width * height) as usize));
    }
    for (width, height) in [(0, 100), (15, 100), (100, 8193), (u32::MAX, u32::MAX)] {
        let error = Rasteriser::new(Theme::default(), width, height).err().unwrap();
        assert!(error.to_string().contains("both sides go from 16 to 8192"), "{error}");
    }
}
