//! Under which settings a run goes on.

use super::SessionState;
use crate::{
    error::{Error, Result},
    learn::{hyperparameters::Backend, nets::torch},
};

/// What a run's numbers depend on beyond the program itself.
///
/// # Errors
/// The backend cannot be used.
pub(super) fn settings(backend: Backend) -> Result<String> {
    match backend {
        Backend::Torch => torch::settings(),
        Backend::Fused => Ok("fused".to_owned()),
    }
}

/// A run continues bit for bit only under the settings it was started with; `ours` are those it would go on under.
pub(super) fn check_settings(ours: &str, state: &SessionState, warnings: &mut Vec<String>) -> Result<()> {
    if state.settings != ours {
        return Err(Error::input(format!(
            "the run was trained under `{}`, here it would go on under `{ours}`",
            state.settings
        ))
        .hint("resume it on the machine and with the libtorch it was started with"));
    }
    let version = env!("CARGO_PKG_VERSION");
    if state.agon != version {
        warnings.push(format!("the run was started by agon {}, this is {version}: its bits may differ", state.agon));
    }
    Ok(())
}
