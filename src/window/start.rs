//! Whether a window can be opened at all, asked before anything that would panic if it cannot.

use std::{
    os::unix::net::UnixStream,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bevy::app::AppExit;
use wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};

use crate::error::{Error, Result};

/// What draws on the processor calls itself so.
pub(super) const SOFTWARE: DeviceType = DeviceType::Cpu;

/// No window can be opened here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Why, and what to try.
    pub why: Error,
    /// Whether there was a window before something went wrong in it.
    pub has_opened: bool,
}

/// Looks for a display and for something that draws, and names the latter.
///
/// # Errors
/// One of them is missing.
pub(super) fn check() -> Result<String, Unavailable> {
    display().map_err(|why| Unavailable { why, has_opened: false })?;
    let instance = Instance::new(InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = bevy::tasks::block_on(instance.enumerate_adapters(Backends::all()));
    // What draws on the processor is the last resort.
    let best = adapters.iter().map(wgpu::Adapter::get_info).min_by_key(|info| info.device_type == SOFTWARE);
    let best = best.ok_or_else(|| Unavailable {
        has_opened: false,
        why: Error::system("there is no graphics adapter, not even a software one")
            .hint("install a Vulkan driver; on Debian, `mesa-vulkan-drivers` has one that draws on the processor"),
    })?;
    Ok(describe(&best.name, best.device_type == SOFTWARE))
}

/// Runs the window; a panic while it starts is told like anything else that is missing.
///
/// # Errors
/// It could not run.
pub(super) fn guarded(run: impl FnOnce() -> AppExit, has_opened: impl Fn() -> bool) -> Result<(), Unavailable> {
    let failed = |what: String| Unavailable {
        why: Error::system(format!("the window could not go on: {what}")),
        has_opened: has_opened(),
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(AppExit::Success) => Ok(()),
        Ok(AppExit::Error(code)) => Err(failed(format!("it ended with code {code}"))),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(failed(text.unwrap_or("something has panicked").to_owned()))
        }
    }
}

/// What draws, for the status bar.
pub(super) fn describe(name: &str, is_software: bool) -> String {
    if is_software { format!("drawn in software by {name}, slowly") } else { name.to_owned() }
}

/// Whether there is a display that answers.
fn display() -> Result<()> {
    let missing = |what: String| {
        Error::system(what).hint("start it on a desktop, or under `xvfb-run`; `agon train` needs no display")
    };
    let name = std::env::var("DISPLAY").unwrap_or_default();
    if name.is_empty() {
        return Err(missing("there is no display: DISPLAY is not set".to_owned()));
    }
    let Some(number) = local_display(&name) else { return Ok(()) };
    // X servers listen at a file and, on Linux, also at an abstract name without one.
    let path = format!("/tmp/.X11-unix/X{number}");
    UnixStream::connect(&path)
        .or_else(|error| abstract_socket(&path).ok_or(error))
        .map(drop)
        .map_err(|error| missing(format!("display {name} does not answer: {error}")))
}

/// The number of a display of this machine; none for one reached over the network, which only the attempt can tell.
fn local_display(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(':').or_else(|| name.strip_prefix("unix:"))?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(target_os = "linux")]
fn abstract_socket(path: &str) -> Option<UnixStream> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(path.as_bytes()).ok()?;
    UnixStream::connect_addr(&address).ok()
}

#[cfg(not(target_os = "linux"))]
fn abstract_socket(_path: &str) -> Option<UnixStream> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_of_this_machine_are_told_from_others() {
        assert_eq!([":0", ":99.0", "unix:7"].map(local_display), [Some(0), Some(99), Some(7)]);
        assert_eq!(["host:0", "", ":x"].map(local_display), [None, None, None]);
    }

    #[test]
    fn a_panic_becomes_a_sentence() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let unavailable = guarded(|| panic!("no GPU {}", 7), || false);
        std::panic::set_hook(hook);
        assert!(unavailable.is_err_and(|error| error.why.to_string().contains("no GPU 7")));
        assert_eq!(guarded(|| AppExit::Success, || false), Ok(()));
    }
}
