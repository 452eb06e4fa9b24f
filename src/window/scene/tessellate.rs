//! A picture as triangles, in the order in which they are painted.
//!
//! Edges are softened by a rim of one pixel that fades to nothing, so that no multisampling is needed: on a software
//! renderer that would cost several times the picture itself.

use bevy::math::Vec2;

use super::Lens;
use crate::picture::{Arena, Colour, Form, Glyph, Level, Mark, Picture, Rgb, Stroke, Theme, Token};

/// Width of the rim that fades, in points.
const SOFT: f32 = 1.0;
/// Most strokes that a dashed line is cut into; a longer one is drawn without gaps, fainter.
const MOST_STROKES: f32 = 400.0;
/// Width of the outline of an agent in pixels of a picture whose shorter side is 600.
const OUTLINE_PX: f32 = 1.6;
/// Part of a donut that is its hole.
const HOLE: f32 = 0.5;

/// Triangles with a colour at each corner; places are points from the middle of the view, y upwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Triangles {
    /// `[corners]`: places; z is 0.
    pub positions: Vec<[f32; 3]>,
    /// `[corners]`: linear red, green, blue, and opacity.
    pub colours: Vec<[f32; 4]>,
    /// `[triangles * 3]`: corners.
    pub indices: Vec<u32>,
}

/// The triangles of `picture` as `lens` sees it; words are left to whoever has fonts.
pub fn tessellate(picture: &Picture, theme: &Theme, lens: &Lens, out: &mut Triangles) {
    out.clear();
    let mut painter = Painter { out, theme, lens, arena: picture.arena };
    painter.ground();
    let of = |level: Level| picture.marks.iter().filter(move |mark| mark.level == level);
    of(Level::Ground).for_each(|mark| painter.mark(mark));
    painter.surroundings();
    for level in Level::ALL.into_iter().filter(|level| *level != Level::Ground) {
        of(level).for_each(|mark| painter.mark(mark));
    }
}

impl Triangles {
    /// A triangle that is not seen: a graphics card has no place for nothing.
    pub(super) fn speck() -> Self {
        Self { positions: vec![[0.0; 3]; 3], colours: vec![[0.0; 4]; 3], indices: vec![0, 1, 2] }
    }

    fn clear(&mut self) {
        self.positions.clear();
        self.colours.clear();
        self.indices.clear();
    }

    fn corner(&mut self, at: Vec2, colour: [f32; 4]) -> u32 {
        let index = self.positions.len() as u32;
        self.positions.push([at.x, at.y, 0.0]);
        self.colours.push(colour);
        index
    }

    fn quad(&mut self, corners: [u32; 4]) {
        let [a, b, c, d] = corners;
        self.indices.extend([a, b, c, a, c, d]);
    }
}

struct Painter<'a> {
    out: &'a mut Triangles,
    theme: &'a Theme,
    lens: &'a Lens,
    arena: Arena,
}

impl Painter<'_> {
    /// A place as the mesh has it.
    fn at(&self, place_m: Vec2) -> Vec2 {
        (place_m - self.lens.centre_m(&self.arena)) * self.lens.points_per_m(&self.arena)
    }

    fn colour(&self, colour: Colour, opacity: f32) -> [f32; 4] {
        linear(self.theme.rgb(colour), opacity)
    }

    /// The arena with its grid.
    fn ground(&mut self) {
        let (low, high) = (self.at(self.arena.low), self.at(self.arena.high));
        let ground = self.colour(Colour::Token(Token::Ground), 1.0);
        self.rectangle(low, high, ground);
        let grid = self.colour(Colour::Token(Token::Grid), 1.0);
        let step = self.arena.grid_step_m();
        let lines = |from: f32, to: f32| {
            let first = (from / step).ceil() as i64;
            (first..).map(move |i| i as f32 * step).take_while(move |line| *line <= to)
        };
        for x in lines(self.arena.low.x, self.arena.high.x) {
            let x = self.at(Vec2::new(x, 0.0)).x;
            self.line(Vec2::new(x, low.y), Vec2::new(x, high.y), 1.0, grid);
        }
        for y in lines(self.arena.low.y, self.arena.high.y) {
            let y = self.at(Vec2::new(0.0, y)).y;
            self.line(Vec2::new(low.x, y), Vec2::new(high.x, y), 1.0, grid);
        }
    }

    /// What lies around the arena, over everything that reaches out of it, and the border.
    fn surroundings(&mut self) {
        let (low, high) = (self.at(self.arena.low), self.at(self.arena.high));
        let half = 0.5 * self.lens.area.size() + Vec2::ONE;
        let page = self.colour(Colour::Token(Token::Page), 1.0);
        self.rectangle(-half, Vec2::new(low.x, half.y), page);
        self.rectangle(Vec2::new(high.x, -half.y), half, page);
        self.rectangle(Vec2::new(low.x, -half.y), Vec2::new(high.x, low.y), page);
        self.rectangle(Vec2::new(low.x, high.y), Vec2::new(high.x, half.y), page);
        let border = self.colour(Colour::Token(Token::Border), 1.0);
        let corners = [low, Vec2::new(high.x, low.y), high, Vec2::new(low.x, high.y), low];
        for pair in corners.windows(2) {
            self.line(pair[0], pair[1], 1.5, border);
        }
    }

    fn mark(&mut self, mark: &Mark) {
        let colour = self.colour(mark.colour, mark.opacity);
        match &mark.form {
            Form::Disc { centre, radius } => {
                let radius = self.lens.length(&self.arena, *radius);
                self.disc(self.at(*centre), radius, colour);
            }
            Form::Ring { centre, radius, stroke } => {
                let radius = self.lens.length(&self.arena, *radius);
                let mut points = around(self.at(*centre), radius);
                points.extend(points.first().copied());
                self.stroke(&points, *stroke, colour);
            }
            Form::Segment { from, to, stroke } => {
                let points = [self.at(*from), self.at(*to)];
                self.stroke(&points, *stroke, colour);
            }
            Form::Polyline { points, stroke } => {
                let points: Vec<Vec2> = points.iter().map(|point| self.at(*point)).collect();
                self.stroke(&points, *stroke, colour);
            }
            Form::Arrow { from, to, stroke } => self.arrow(self.at(*from), self.at(*to), *stroke, colour),
            Form::Glyph { at, shape, radius, outlined } => {
                let radius = self.lens.length(&self.arena, *radius);
                let at = self.at(*at);
                if *outlined {
                    let outline = self.colour(Colour::Token(Token::Text), mark.opacity);
                    self.glyph(*shape, at, radius + OUTLINE_PX * self.lens.unit(), outline);
                }
                self.glyph(*shape, at, radius, colour);
            }
            Form::Label { .. } => {}
        }
    }

    fn glyph(&mut self, shape: Glyph, at: Vec2, radius: f32, colour: [f32; 4]) {
        match shape {
            Glyph::Disc => self.disc(at, radius, colour),
            Glyph::Donut => {
                let width = radius * (1.0 - HOLE);
                let mut points = around(at, radius - 0.5 * width);
                points.extend(points.first().copied());
                self.polyline(&points, width, colour);
            }
            _ => {
                let corners: Vec<Vec2> = shape.corners().into_iter().map(|corner| at + radius * corner).collect();
                self.polygon(at, &corners, colour);
            }
        }
    }

    fn disc(&mut self, centre: Vec2, radius: f32, colour: [f32; 4]) {
        let rim = around(centre, radius);
        self.polygon(centre, &rim, colour);
    }

    /// A shape all of whose border is seen from its centre, clockwise.
    fn polygon(&mut self, centre: Vec2, border: &[Vec2], colour: [f32; 4]) {
        let n = border.len();
        let middle = self.out.corner(centre, colour);
        let first = middle + 1;
        for i in 0..n {
            let (before, at, after) = (border[(i + n - 1) % n], border[i], border[(i + 1) % n]);
            let along = (after - before).normalize_or_zero();
            // Clockwise with y upwards: outwards is to the left of the way.
            let outwards = Vec2::new(-along.y, along.x);
            self.out.corner(at - 0.5 * SOFT * outwards, colour);
            self.out.corner(at + 0.5 * SOFT * outwards, clear(colour));
        }
        for i in 0..n as u32 {
            let (a, b) = (first + 2 * i, first + 2 * ((i + 1) % n as u32));
            self.out.indices.extend([middle, a, b]);
            self.out.quad([a, a + 1, b + 1, b]);
        }
    }

    fn stroke(&mut self, points: &[Vec2], stroke: Stroke, colour: [f32; 4]) {
        let width = self.lens.length(&self.arena, stroke.width).max(0.05);
        let Some(pattern) = stroke.dash.pattern() else { return self.polyline(points, width, colour) };
        let [on, off] = pattern.map(|part| part * width.max(1.0));
        let length: f32 = points.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
        if length / (on + off) > MOST_STROKES {
            let [r, g, b, opacity] = colour;
            return self.polyline(points, width, [r, g, b, opacity * on / (on + off)]);
        }
        let mut at = 0.0;
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let piece = from.distance(to);
            if piece <= 0.0 {
                continue;
            }
            // The pattern runs on around corners.
            let mut start = (at / (on + off)).floor() * (on + off);
            while start < at + piece {
                let (begin, end) = ((start - at).max(0.0), (start + on - at).min(piece));
                if begin < end {
                    self.line(from.lerp(to, begin / piece), from.lerp(to, end / piece), width, colour);
                }
                start += on + off;
            }
            at += piece;
        }
    }

    fn arrow(&mut self, from: Vec2, to: Vec2, stroke: Stroke, colour: [f32; 4]) {
        let width = self.lens.length(&self.arena, stroke.width);
        let along = (to - from).normalize_or_zero();
        let head = (4.5 * width).min(from.distance(to));
        let across = Vec2::new(-along.y, along.x) * 0.45 * head;
        let neck = to - head * along;
        self.stroke(&[from, neck], stroke, colour);
        self.polygon(to - 0.6 * head * along, &[to, neck - across, neck + across], colour);
    }

    fn line(&mut self, from: Vec2, to: Vec2, width: f32, colour: [f32; 4]) {
        self.polyline(&[from, to], width, colour);
    }

    /// A line through points: four corners across at each of them, the outer two faded.
    fn polyline(&mut self, points: &[Vec2], width: f32, colour: [f32; 4]) {
        if points.len() < 2 {
            return;
        }
        // A line thinner than a pixel is a fainter one.
        let [r, g, b, opacity] = colour;
        let colour = [r, g, b, opacity * width.min(1.0)];
        let core = (0.5 * (width.max(SOFT) - SOFT)).max(0.0);
        let reach = core + SOFT;
        let is_closed = points.first() == points.last();
        let last = points.len() - 1;
        let mut before = None;
        for (i, at) in points.iter().enumerate() {
            let back = if i > 0 { Some(points[i - 1]) } else { is_closed.then(|| points[last - 1]) };
            let ahead = if i < last { Some(points[i + 1]) } else { is_closed.then(|| points[1]) };
            let across = mitre(back, *at, ahead);
            let base = self.out.corner(*at - reach * across, clear(colour));
            self.out.corner(*at - core * across, colour);
            self.out.corner(*at + core * across, colour);
            self.out.corner(*at + reach * across, clear(colour));
            if let Some(before) = before {
                for strip in 0..3 {
                    self.out.quad([before + strip, before + strip + 1, base + strip + 1, base + strip]);
                }
            }
            before = Some(base);
        }
    }

    fn rectangle(&mut self, low: Vec2, high: Vec2, colour: [f32; 4]) {
        if low.x >= high.x || low.y >= high.y {
            return;
        }
        let corners = [low, Vec2::new(low.x, high.y), high, Vec2::new(high.x, low.y)];
        let corners = corners.map(|corner| self.out.corner(corner, colour));
        self.out.quad(corners);
    }
}

/// Across a line at a corner of it, so long that the width of both parts is kept, up to a limit.
fn mitre(back: Option<Vec2>, at: Vec2, ahead: Option<Vec2>) -> Vec2 {
    let normal = |from: Vec2, to: Vec2| {
        let along = (to - from).normalize_or_zero();
        Vec2::new(-along.y, along.x)
    };
    match (back.map(|back| normal(back, at)), ahead.map(|ahead| normal(at, ahead))) {
        (Some(a), Some(b)) => {
            let sum = (a + b).normalize_or(a);
            sum / sum.dot(a).max(0.5)
        }
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => Vec2::ZERO,
    }
}

/// Points around a circle, clockwise, so many that their edges are not seen.
fn around(centre: Vec2, radius: f32) -> Vec<Vec2> {
    // The edge is at most a tenth of a point inside the circle: r (1 - cos(π/n)) ≈ r π²/(2 n²).
    let n = (7.0 * radius.max(0.0).sqrt()).clamp(10.0, 160.0) as usize;
    let step = std::f32::consts::TAU / n as f32;
    let point = |i: usize| {
        let (sin, cos) = libm::sincosf(i as f32 * step);
        centre + radius * Vec2::new(sin, cos)
    };
    (0..n).map(point).collect()
}

fn linear(rgb: Rgb, opacity: f32) -> [f32; 4] {
    let [r, g, b] = rgb.linear().map(|part| part as f32);
    [r, g, b, opacity.clamp(0.0, 1.0)]
}

fn clear([r, g, b, _]: [f32; 4]) -> [f32; 4] {
    [r, g, b, 0.0]
}

#[cfg(test)]
mod tests {
    use bevy::math::Rect;

    use super::*;
    use crate::picture::{Dash, Length};

    fn lens() -> Lens {
        Lens::filled(Rect::new(0.0, 0.0, 600.0, 600.0))
    }

    fn triangles(marks: Vec<Mark>) -> Triangles {
        let mut out = Triangles::default();
        let picture = Picture { arena: Arena::square(100.0), marks, ..Picture::default() };
        tessellate(&picture, &Theme::default(), &lens(), &mut out);
        out
    }

    /// Area of the triangles weighted by their mean opacity, beyond that of an empty arena, in square points.
    fn covered(marks: Vec<Mark>) -> f32 {
        let area = |t: &Triangles| {
            let corner = |i: u32| {
                let [x, y, _] = t.positions[i as usize];
                (Vec2::new(x, y), t.colours[i as usize][3])
            };
            t.indices
                .chunks_exact(3)
                .map(|tri| {
                    let [(a, p), (b, q), (c, r)] = [corner(tri[0]), corner(tri[1]), corner(tri[2])];
                    0.5 * (b - a).perp_dot(c - a).abs() * (p + q + r) / 3.0
                })
                .sum::<f32>()
        };
        area(&triangles(marks)) - area(&triangles(Vec::new()))
    }

    fn mark(form: Form) -> Mark {
        Mark::new(Level::Agents, form, Colour::Token(Token::Text), 1.0)
    }

    #[track_caller]
    fn about(found: f32, expected: f32, share: f32) {
        assert!((found / expected - 1.0).abs() < share, "{found}, expected {expected}");
    }

    #[test]
    fn a_disc_covers_its_area() {
        // 6 points to the metre.
        let form = Form::Disc { centre: Vec2::splat(50.0), radius: Length::Metres(10.0) };
        about(covered(vec![mark(form)]), std::f32::consts::PI * 60.0 * 60.0, 0.02);
    }

    #[test]
    fn a_line_covers_its_length_times_its_width_however_thin() {
        for width in [0.3, 1.0, 4.0] {
            let stroke = Stroke::solid(width);
            let form = Form::Segment { from: Vec2::new(10.0, 50.0), to: Vec2::new(60.0, 50.0), stroke };
            about(covered(vec![mark(form)]), 300.0 * width * lens().unit(), 0.06);
        }
    }

    #[test]
    fn a_dashed_line_covers_the_strokes_alone() {
        let stroke = Stroke::solid(4.0).dashed(Dash::Dashed);
        let form = Form::Segment { from: Vec2::new(10.0, 50.0), to: Vec2::new(90.0, 50.0), stroke };
        about(covered(vec![mark(form)]), 480.0 * 4.0 * lens().unit() * 5.0 / 9.0, 0.1);
    }

    #[test]
    fn every_shape_covers_about_what_it_should() {
        let glyph = |shape| Form::Glyph { at: Vec2::splat(50.0), shape, radius: Length::Metres(5.0), outlined: false };
        // Area within a circle of radius 30 points.
        for (shape, area) in
            [(Glyph::Square, 2.0 * 900.0), (Glyph::Diamond, 2.0 * 900.0), (Glyph::Triangle, 1.3 * 900.0)]
        {
            about(covered(vec![mark(glyph(shape))]), area, 0.05);
        }
        about(covered(vec![mark(glyph(Glyph::Donut))]), std::f32::consts::PI * 900.0 * (1.0 - HOLE * HOLE), 0.05);
        for shape in [Glyph::Star, Glyph::Plus, Glyph::Wedge, Glyph::Pentagon, Glyph::Hexagon, Glyph::Disc] {
            assert!(covered(vec![mark(glyph(shape))]) > 500.0, "{shape:?}");
        }
    }

    #[test]
    fn corners_are_numbers_and_triangles_name_corners_that_are_there() {
        let here = Vec2::splat(10.0);
        let stroke = Stroke::solid(2.0).dashed(Dash::Dotted);
        let forms = [
            Form::Segment { from: here, to: here, stroke },
            Form::Polyline { points: vec![], stroke },
            Form::Polyline { points: vec![here, here, here], stroke: Stroke::solid(1.0) },
            Form::Arrow { from: here, to: here, stroke },
            Form::Ring { centre: here, radius: Length::Metres(0.0), stroke },
            Form::Ring { centre: here, radius: Length::Metres(1e6), stroke },
        ];
        let t = triangles(forms.into_iter().map(mark).collect());
        assert!(t.positions.iter().flatten().all(|x| x.is_finite()));
        assert!(t.indices.iter().all(|i| (*i as usize) < t.positions.len()));
        assert_eq!(t.positions.len(), t.colours.len());
    }
}
