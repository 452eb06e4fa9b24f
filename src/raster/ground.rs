//! Page, ground, grid and border: drawn once for all pictures of an arena.

use tiny_skia::{Color, FillRule, Mask, Pixmap, Transform};

use super::{
    Ground,
    canvas::{Canvas, Line, polyline, rectangle},
    layout::{Area, Layout},
    text::{Align, Fonts},
};
use crate::picture::{Arena, Dash, Theme, Token};

impl Ground {
    /// None for a size that no pixmap has.
    pub(super) fn new(arena: Arena, width: u32, height: u32, theme: &Theme, fonts: &mut Fonts) -> Option<Self> {
        let layout = Layout::new(arena, width, height);
        let mut pixels = Pixmap::new(width, height)?;
        let page = theme.token(Token::Page);
        pixels.fill(Color::from_rgba8(page.r, page.g, page.b, 255));
        let mut mask = Mask::new(width, height)?;
        let Area { left, top, right, bottom } = layout.arena;
        if let Some(inside) = rectangle(left, top, right, bottom) {
            mask.fill_path(&inside, FillRule::Winding, true, Transform::identity());
            let mut canvas = Canvas { pixels: &mut pixels, fonts, theme, unit: layout.unit };
            canvas.fill(&inside, canvas.token(Token::Ground));
            draw_grid(&mut canvas, arena, &layout);
            let border = Line { width: (1.2 * layout.unit).max(1.0), dash: Dash::Solid };
            canvas.stroke(&inside, border, canvas.token(Token::Border));
        }
        Some(Self { arena, layout, pixels, mask })
    }
}

fn draw_grid(canvas: &mut Canvas<'_>, arena: Arena, layout: &Layout) {
    let step = arena.grid_step_m();
    let line = Line { width: layout.unit.max(1.0), dash: Dash::Solid };
    let ink = canvas.token(Token::Grid);
    let words = canvas.theme.token(Token::Muted);
    let Area { left, top, right, bottom } = layout.arena;
    // Half a pixel off, so that a line of one pixel covers one.
    let sharp = |x: f32| x.floor() + 0.5;
    for (axis, low, high) in [(0, arena.low.x, arena.high.x), (1, arena.low.y, arena.high.y)] {
        let first = (low / step).ceil() as i64;
        for index in first..=(high / step * (1.0 + 1e-6)).floor() as i64 {
            let metres = index as f32 * step;
            let at = layout.pixel(glam::Vec2::splat(metres));
            let (from, to) = if axis == 0 {
                ((sharp(at.x), top).into(), (sharp(at.x), bottom).into())
            } else {
                ((left, sharp(at.y)).into(), (right, sharp(at.y)).into())
            };
            if let Some(path) = polyline([from, to]) {
                canvas.stroke(&path, line, ink);
            }
            if axis == 0 && layout.header.is_some() && arena.is_to_scale {
                let unit = if metres + step > high { " m" } else { "" };
                let align = if index == first { Align::Left } else { Align::Centre };
                canvas.write(at.x, bottom + 15.0 * layout.unit, &format!("{metres}{unit}"), 10.5, align, words);
            }
        }
    }
}
