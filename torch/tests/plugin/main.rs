//! libtorch as agon uses it: through the plugin, which this program opens and does not link.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod network;
mod parity;
mod rollout;
mod runs;
