//! Pictures of the window as files.

use std::path::{Path, PathBuf};

use bevy::{
    ecs::{
        observer::On,
        resource::Resource,
        system::{Commands, ResMut},
    },
    image::Image,
    render::view::screenshot::{Screenshot, ScreenshotCaptured},
};

use super::{
    desk::Desk,
    lab::{Lab, Severity},
};
use crate::{
    durable::write_atomic,
    error::{Error, Result},
};

/// Pictures that were saved, and how many colours each has: one that is empty has few.
#[derive(Resource, Default)]
pub(super) struct Saved(pub(super) Vec<(PathBuf, usize)>);

/// Takes the pictures that were asked for.
pub(super) fn take(mut commands: Commands, mut desk: ResMut<Desk>) {
    if desk.screenshots.is_empty() {
        return;
    }
    for (path, is_told) in std::mem::take(&mut desk.screenshots) {
        commands.spawn(Screenshot::primary_window()).observe(
            move |captured: On<ScreenshotCaptured>, mut lab: ResMut<Lab>, mut saved: ResMut<Saved>| match save(
                &captured.image,
                &path,
            ) {
                Ok(colours) => {
                    if is_told {
                        lab.messages_mut().push(Severity::Info, format!("saved as {}", path.display()));
                    }
                    saved.0.push((path.clone(), colours));
                }
                Err(error) => lab.messages_mut().error(&error),
            },
        );
    }
}

/// Saves a picture and counts its colours.
fn save(image: &Image, path: &Path) -> Result<usize> {
    let failed = |what: &dyn std::fmt::Display| Error::system(format!("cannot save the picture: {what}")).in_file(path);
    let image = image.clone().try_into_dynamic().map_err(|error| failed(&error))?.to_rgb8();
    let (width, height) = image.dimensions();
    let pixels = image.into_raw();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
    writer.write_image_data(&pixels).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let _ = crate::durable::create_dir(folder)?;
    }
    let _ = write_atomic(path, &bytes)?;
    let mut colours: Vec<&[u8]> = pixels.chunks_exact(3).collect();
    colours.sort_unstable();
    colours.dedup();
    Ok(colours.len())
}
