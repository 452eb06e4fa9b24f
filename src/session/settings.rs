//! Under which settings a run goes on.

use super::{Plan, SessionState};
use crate::{
    error::{Error, Result},
    learn::hyperparameters::Backend,
};

/// What a run's numbers depend on beyond the program itself.
pub(super) fn settings(backend: Backend) -> String {
    match backend {
        #[cfg(feature = "torch")]
        Backend::Torch => crate::learn::nets::torch::settings(),
        _ => "fused".to_owned(),
    }
}

/// A run continues bit for bit only under the settings it was started with.
pub(super) fn check_settings(plan: &Plan, state: &SessionState, warnings: &mut Vec<String>) -> Result<()> {
    let ours = settings(plan.params.backend);
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
