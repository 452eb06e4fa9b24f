//! The legend: each sign as the scene draws it, with its meaning.

use bevy::math::{Rect as Area, Vec2};
use bevy_egui::egui::{self, Rect, Rgba, Sense, Ui, epaint};

use crate::{
    picture::{Arena, Colour, Form, Legend, Length, Level, Mark, Picture, Sign, Stroke},
    window::{
        scene::{Lens, Triangles, tessellate},
        theme::Palette,
    },
};

/// Width and height of a sign in points.
const SIGN: egui::Vec2 = egui::vec2(26.0, 18.0);
/// Parts that a colour map is shown in.
const PARTS: usize = 24;

/// Shows what the signs mean.
pub(super) fn show(ui: &mut Ui, legend: &Legend, palette: &Palette) {
    for item in &legend.items {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(SIGN, Sense::hover());
            ui.painter().add(egui::Shape::mesh(mesh_of(item.sign, rect, palette)));
            ui.add(egui::Label::new(&item.text).wrap());
        });
    }
    let Some(ramp) = &legend.ramp else { return };
    ui.label(&ramp.title);
    ui.horizontal(|ui| {
        ui.weak(&ramp.low);
        let (rect, _) = ui.allocate_exact_size(egui::vec2(90.0, 10.0), Sense::hover());
        for part in 0..PARTS {
            let share = (part as f32 + 0.5) / PARTS as f32;
            let colour =
                if ramp.is_diverging { Colour::Diverging(2.0 * share - 1.0) } else { Colour::Sequential(share) };
            let width = rect.width() / PARTS as f32;
            let left = egui::pos2(rect.left() + part as f32 * width, rect.top());
            let colour = crate::window::theme::colour(palette.theme().rgb(colour));
            ui.painter().rect_filled(Rect::from_min_size(left, egui::vec2(width + 0.5, rect.height())), 0.0, colour);
        }
        ui.weak(&ramp.high);
    });
}

/// A sign as triangles within `rect`.
fn mesh_of(sign: Sign, rect: Rect, palette: &Palette) -> epaint::Mesh {
    let middle = Vec2::splat(0.5);
    let (form, colour, opacity) = match sign {
        Sign::Glyph { shape, colour, outlined } => {
            (Form::Glyph { at: middle, shape, radius: Length::Pixels(10.0), outlined }, colour, 1.0)
        }
        Sign::Line { colour, dash } => {
            let (from, to) = (Vec2::new(0.0, 0.5), Vec2::new(1.0, 0.5));
            (Form::Segment { from, to, stroke: Stroke::solid(2.5).dashed(dash) }, colour, 1.0)
        }
        Sign::Area { colour } => {
            (Form::Ring { centre: middle, radius: Length::Pixels(12.0), stroke: Stroke::solid(2.0) }, colour, 0.85)
        }
    };
    let mut marks = vec![Mark::new(Level::Agents, form, colour, opacity)];
    if matches!(sign, Sign::Area { .. }) {
        // A rim with little within, as the scene has it.
        let fill = Form::Disc { centre: middle, radius: Length::Pixels(12.0) };
        marks.insert(0, Mark::new(Level::Agents, fill, colour, 0.12));
    }
    let picture = Picture { arena: Arena::square(1.0), marks, ..Picture::default() };
    let lens =
        Lens::filled(Area { min: Vec2::new(rect.left(), rect.top()), max: Vec2::new(rect.right(), rect.bottom()) });
    let mut triangles = Triangles::default();
    tessellate(&picture, palette.theme(), &lens, &mut triangles);
    let centre = rect.center();
    let vertex = |([x, y, _], [r, g, b, a]): (&[f32; 3], &[f32; 4])| epaint::Vertex {
        pos: egui::pos2(centre.x + x, centre.y - y),
        uv: epaint::WHITE_UV,
        color: Rgba::from_rgba_unmultiplied(*r, *g, *b, *a).into(),
    };
    let vertices = triangles.positions.iter().zip(&triangles.colours).map(vertex).collect();
    epaint::Mesh { indices: triangles.indices, vertices, ..epaint::Mesh::default() }
}
