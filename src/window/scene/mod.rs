//! The envs on show, as meshes of the window's own world.
//!
//! A domain's view describes an env as a picture; here it becomes one mesh for each env, seen by a camera that has the part
//! of the window in which the scene lies. The entities that marks stand for live in the envs' worlds, and it is those that
//! the pointer finds.

mod lens;
mod pick;
mod tessellate;

use bevy::{
    asset::{Assets, Handle, RenderAssetUsages},
    camera::{
        Camera, Camera2d, CameraOutputMode, ClearColorConfig, Viewport,
        visibility::{NoFrustumCulling, RenderLayers, Visibility},
    },
    color::Color,
    ecs::{
        component::Component,
        query::With,
        system::{Commands, Local, Query, Res, ResMut, Single},
    },
    math::{UVec2, Vec2},
    mesh::{Indices, Mesh, Mesh2d, PrimitiveTopology},
    render::{render_resource::BlendState, view::Msaa},
    sprite_render::{AlphaMode2d, ColorMaterial, MeshMaterial2d},
    transform::components::Transform,
    window::{PrimaryWindow, Window},
};
use bevy_egui::PrimaryEguiContext;

pub use self::{
    lens::Lens,
    pick::{pick, place_of},
    tessellate::{Triangles, tessellate},
};
use super::{desk::Desk, lab::Lab};
use crate::picture::{Rgb, Token};

/// Envs that can be on show at once.
pub(super) const MOST_ENVS: usize = 2;

/// Order of the camera that panels are drawn by, above those of the envs.
const PANELS_ORDER: isize = 10;

/// Shows one env.
#[derive(Component)]
pub(super) struct Easel {
    play: usize,
    mesh: Handle<Mesh>,
}

/// Looks at one env.
#[derive(Component)]
pub(super) struct EaselCamera(usize);

/// What a mesh was made of, so that it is made only when something has changed.
#[derive(Clone, PartialEq)]
pub(super) struct Drawn {
    revision: u64,
    lens: Lens,
    text: Rgb,
}

/// A camera and a mesh for each env, and a camera for the panels.
pub(super) fn set_up(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<ColorMaterial>>,
) {
    let material = materials.add(ColorMaterial { alpha_mode: AlphaMode2d::Blend, ..ColorMaterial::default() });
    for play in 0..MOST_ENVS {
        let layer = RenderLayers::layer(play + 1);
        let mesh = meshes.add(mesh_of(&mut Triangles::speck()));
        commands.spawn((
            Easel { play, mesh: mesh.clone() },
            Mesh2d(mesh),
            MeshMaterial2d(material.clone()),
            Transform::default(),
            Visibility::Hidden,
            NoFrustumCulling,
            layer.clone(),
        ));
        // The first one clears the whole window, whatever its part of it is.
        let camera = Camera {
            order: play as isize,
            clear_color: ClearColorConfig::None,
            output_mode: CameraOutputMode::Skip,
            ..Camera::default()
        };
        commands.spawn((Camera2d, camera, Msaa::Off, EaselCamera(play), layer));
    }
    // What all cameras have drawn goes to the window in one go. Without this setting, the last camera would blend it
    // with what the window shows already.
    let output_mode =
        CameraOutputMode::Write { blend_state: Some(BlendState::REPLACE), clear_color: ClearColorConfig::Default };
    let camera = Camera { order: PANELS_ORDER, clear_color: ClearColorConfig::None, output_mode, ..Camera::default() };
    commands.spawn((Camera2d, camera, Msaa::Off, PrimaryEguiContext, RenderLayers::none()));
}

/// Gives each camera the part of the window that the scene has given its env.
pub(super) fn place_cameras(
    lab: Res<Lab>,
    desk: Res<Desk>,
    window: Single<&Window, With<PrimaryWindow>>,
    mut cameras: Query<(&EaselCamera, &mut Camera)>,
) {
    let (scale, size) = (window.scale_factor() * desk.scale(), window.physical_size());
    let shown = lab.stage().map_or(0, |stage| stage.plays.len());
    let page = desk.theme().token(Token::Page);
    for (EaselCamera(play), mut camera) in &mut cameras {
        if *play == 0 {
            camera.clear_color = ClearColorConfig::Custom(Color::srgb_u8(page.r, page.g, page.b));
        }
        let area = desk.lenses.get(*play).map(|lens| lens.area).unwrap_or_default();
        let viewport = (*play < shown).then(|| viewport_of(area.min * scale, area.size() * scale, size)).flatten();
        // A camera that shows nothing still has to clear the window.
        camera.is_active = viewport.is_some() || *play == 0;
        camera.viewport = viewport;
    }
}

/// A part of the window in whole pixels within it; none if there is nothing of it.
fn viewport_of(low: Vec2, size: Vec2, window: UVec2) -> Option<Viewport> {
    let low = low.max(Vec2::ZERO).round().as_uvec2().min(window);
    let size = size.max(Vec2::ZERO).round().as_uvec2().min(window - low);
    (size.x >= 2 && size.y >= 2).then(|| Viewport {
        physical_position: low,
        physical_size: size,
        ..Viewport::default()
    })
}

/// Makes the meshes anew that have changed.
pub(super) fn draw(
    lab: Res<Lab>,
    desk: Res<Desk>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut easels: Query<(&Easel, &mut Visibility, &mut Transform)>,
    mut drawn: Local<[Option<Drawn>; MOST_ENVS]>,
    mut triangles: Local<Triangles>,
) {
    let Some(stage) = lab.stage() else {
        easels.iter_mut().for_each(|(_, mut visibility, _)| *visibility = Visibility::Hidden);
        *drawn = [const { None }; MOST_ENVS];
        return;
    };
    let (revision, _) = stage.pictures();
    for (easel, mut visibility, mut transform) in &mut easels {
        let (Some(picture), Some(lens)) = (stage.picture(easel.play), desk.lenses.get(easel.play)) else {
            *visibility = Visibility::Hidden;
            continue;
        };
        *visibility = Visibility::Inherited;
        // Cameras count logical pixels of the window, panels points of a size of their own.
        transform.scale = bevy::math::Vec3::new(desk.scale(), desk.scale(), 1.0);
        let now = Drawn { revision, lens: *lens, text: desk.theme().token(Token::Text) };
        if drawn[easel.play].as_ref() == Some(&now) {
            continue;
        }
        tessellate(picture, desk.theme(), lens, &mut triangles);
        // The handle is that of a mesh which set_up has added.
        let _ = meshes.insert(easel.mesh.id(), mesh_of(&mut triangles));
        drawn[easel.play] = Some(now);
    }
}

/// The triangles as a mesh; what they were kept in is taken.
fn mesh_of(triangles: &mut Triangles) -> Mesh {
    let Triangles { positions, colours, indices } = std::mem::take(triangles);
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colours)
        .with_inserted_indices(Indices::U32(indices))
}
