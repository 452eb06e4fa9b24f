//! What is written beside the arena: title, time, measures, legend, scale bar.

use glam::Vec2;

use super::{
    canvas::{Canvas, Ink, Line, circle, polyline, rectangle},
    layout::{Area, GUTTER, Layout},
    text::Align,
};
use crate::picture::{Captions, Colour, Dash, LegendItem, Length, Picture, Quantity, Ramp, Sign, Token, round_at_most};

const TITLE: f32 = 21.0;
const BODY: f32 = 13.0;
/// Height of a row of measures, and of one of the legend.
const ROW: f32 = 20.0;
/// Steps in which the colours of a map are shown.
const RAMP_STEPS: usize = 48;

/// Draws everything outside the arena.
pub(super) fn draw(canvas: &mut Canvas<'_>, layout: &Layout, picture: &Picture) {
    let Some(header) = layout.header else { return };
    draw_header(canvas, header, &picture.captions);
    if picture.arena.is_to_scale {
        draw_scale_bar(canvas, layout);
    }
    let mut panel = Panel::new(layout);
    draw_time(canvas, &mut panel, &picture.captions);
    for metric in &picture.captions.metrics {
        draw_metric(canvas, &mut panel, metric);
    }
    panel.begin_part(16.0 * canvas.unit);
    for item in &picture.legend.items {
        draw_item(canvas, &mut panel, item);
    }
    if let Some(ramp) = &picture.legend.ramp {
        panel.skip(10.0 * canvas.unit);
        draw_ramp(canvas, &mut panel, ramp);
    }
}

/// Rows from the top, column after column.
struct Panel {
    area: Area,
    column: f32,
    gutter: f32,
    x: f32,
    y: f32,
}

impl Panel {
    fn new(layout: &Layout) -> Self {
        let (area, gutter) = (layout.panel, GUTTER * layout.unit);
        let column = (area.width() + gutter) / layout.num_columns as f32 - gutter;
        Self { area, column, gutter, x: area.left, y: area.top }
    }

    /// Left end and top of the next `height` pixels; none when there is no room left.
    fn take(&mut self, height: f32) -> Option<Vec2> {
        if self.y + height > self.area.bottom {
            self.begin_column();
        }
        // A column that ends where the panel does must not be lost to rounding.
        let fits = self.y + height <= self.area.bottom && self.x + self.column <= self.area.right + 1.0;
        let at = Vec2::new(self.x, self.y);
        self.y += height;
        fits.then_some(at)
    }

    /// Goes on in a column of its own if there is one, and else after a gap.
    fn begin_part(&mut self, gap: f32) {
        if self.x + 2.0 * self.column <= self.area.right {
            self.begin_column();
        } else {
            self.skip(gap);
        }
    }

    fn begin_column(&mut self) {
        self.x += self.column + self.gutter;
        self.y = self.area.top;
    }

    fn skip(&mut self, height: f32) {
        if self.y > self.area.top {
            self.y += height;
        }
    }

    /// Right end of the column that begins at `left`.
    fn right(&self, left: f32) -> f32 {
        left + self.column
    }
}

fn draw_header(canvas: &mut Canvas<'_>, area: Area, captions: &Captions) {
    let (text, muted) = (canvas.theme.token(Token::Text), canvas.theme.token(Token::Muted));
    let unit = canvas.unit;
    let title = canvas.fitting(&captions.title, TITLE, area.width());
    canvas.write(area.left, area.top + 17.0 * unit, &title, TITLE, Align::Left, text);
    let seed = captions.seed.map(|seed| format!("seed {seed}"));
    let policy = (!captions.policy.is_empty()).then(|| format!("policy {}", captions.policy));
    let parts: Vec<&str> =
        [Some(captions.scenario.as_str()), policy.as_deref(), seed.as_deref()].into_iter().flatten().collect();
    let line = canvas.fitting(&parts.join("  ·  "), BODY, area.width());
    canvas.write(area.left, area.top + 39.0 * unit, &line, BODY, Align::Left, muted);
}

fn draw_time(canvas: &mut Canvas<'_>, panel: &mut Panel, captions: &Captions) {
    let unit = canvas.unit;
    let Some(at) = panel.take(38.0 * unit) else { return };
    let (text, muted) = (canvas.theme.token(Token::Text), canvas.theme.token(Token::Muted));
    canvas.write(at.x, at.y + 17.0 * unit, &format!("{:.1} s", captions.time_s), TITLE, Align::Left, text);
    let right = panel.right(at.x);
    canvas.write(right, at.y + 17.0 * unit, &format!("tick {}", captions.tick), BODY, Align::Right, muted);
}

fn draw_metric(canvas: &mut Canvas<'_>, panel: &mut Panel, metric: &Quantity) {
    let unit = canvas.unit;
    let Some(at) = panel.take(ROW * unit) else { return };
    let (text, muted) = (canvas.theme.token(Token::Text), canvas.theme.token(Token::Muted));
    let base = at.y + 14.0 * unit;
    let value = metric.text();
    let right = panel.right(at.x);
    let value_width = canvas.fonts.width(&value, BODY * unit);
    let name = canvas.fitting(&metric.name.replace('_', " "), BODY, right - at.x - value_width - 6.0 * unit);
    canvas.write(at.x, base, &name, BODY, Align::Left, muted);
    canvas.write(right, base, &value, BODY, Align::Right, text);
}

fn draw_item(canvas: &mut Canvas<'_>, panel: &mut Panel, item: &LegendItem) {
    let unit = canvas.unit;
    let Some(at) = panel.take(ROW * unit) else { return };
    let centre = Vec2::new(at.x + 9.0 * unit, at.y + 10.0 * unit);
    match item.sign {
        Sign::Glyph { shape, colour, outlined } => {
            let radius = if outlined { 6.5 } else { 5.0 };
            canvas.glyph(centre, shape, radius * unit, outlined, canvas.ink(colour));
        }
        Sign::Line { colour, dash } => {
            let half = Vec2::new(9.0 * unit, 0.0);
            if let Some(path) = polyline([centre - half, centre + half]) {
                canvas.stroke(&path, Line { width: 1.6 * unit, dash }, canvas.ink(colour));
            }
        }
        Sign::Area { colour } => {
            if let Some(path) = circle(centre, 7.0 * unit) {
                let ink = canvas.ink(colour);
                canvas.fill(&path, Ink { opacity: 0.12, ..ink });
                canvas.stroke(&path, Line { width: 1.2 * unit, dash: Dash::Solid }, ink);
            }
        }
    }
    let room = panel.right(at.x) - at.x - 26.0 * unit;
    let text = canvas.fitting(&item.text, BODY - 0.5, room);
    let muted = canvas.theme.token(Token::Muted);
    canvas.write(at.x + 26.0 * unit, at.y + 14.5 * unit, &text, BODY - 0.5, Align::Left, muted);
}

fn draw_ramp(canvas: &mut Canvas<'_>, panel: &mut Panel, ramp: &Ramp) {
    let unit = canvas.unit;
    let Some(at) = panel.take(44.0 * unit) else { return };
    let muted = canvas.theme.token(Token::Muted);
    canvas.write(at.x, at.y + 12.0 * unit, &ramp.title, BODY - 0.5, Align::Left, muted);
    let (top, right) = ((at.y + 20.0 * unit).round(), panel.right(at.x));
    let step = (right - at.x) / RAMP_STEPS as f32;
    for i in 0..RAMP_STEPS {
        let place = i as f32 / (RAMP_STEPS - 1) as f32;
        let colour = if ramp.is_diverging { Colour::Diverging(2.0 * place - 1.0) } else { Colour::Sequential(place) };
        let left = at.x + i as f32 * step;
        // A pixel of overlap hides the seams of antialiasing.
        let end = if i + 1 == RAMP_STEPS { right } else { left + step + 1.0 };
        if let Some(path) = rectangle(left, top, end, top + (7.0 * unit).round()) {
            canvas.fill(&path, canvas.ink(colour));
        }
    }
    let base = top + 20.0 * unit;
    canvas.write(at.x, base, &ramp.low, BODY - 1.5, Align::Left, muted);
    canvas.write(right, base, &ramp.high, BODY - 1.5, Align::Right, muted);
}

/// A bar of a round length, about a fifth of the arena, below its right corner.
fn draw_scale_bar(canvas: &mut Canvas<'_>, layout: &Layout) {
    let unit = canvas.unit;
    let pixels_per_m = layout.pixels(Length::Metres(1.0));
    let metres = round_at_most(0.22 * layout.arena.width() / pixels_per_m);
    let (right, y) = (layout.arena.right, (layout.arena.bottom + 28.0 * unit).round() + 0.5);
    let left = right - metres * pixels_per_m;
    let tick = 3.5 * unit;
    let ends = [(left, y - tick), (left, y), (right, y), (right, y - tick)];
    let muted = canvas.token(Token::Muted);
    if let Some(path) = polyline(ends.map(Vec2::from)) {
        canvas.stroke(&path, Line { width: 1.2 * unit, dash: Dash::Solid }, muted);
    }
    canvas.write(left - 7.0 * unit, y + 4.0 * unit, &format!("{metres} m"), BODY - 1.5, Align::Right, muted.colour);
}
