//! What domains are built from, so that each of them says only what is its own.
//!
//! [`declare_metrics!`](crate::declare_metrics!) and [`declare_terms!`](crate::declare_terms!) declare numbers that are written
//! by name, [`Row`] writes what an agent sees under the names that were declared, [`Populate`] spawns entities, and
//! [`scripted`] makes a policy of a rule.

mod numbers;
mod populate;
mod row;
mod script;
#[cfg(test)]
mod stage;
mod uniform;

pub use populate::{Populate, rows_of};
pub use row::Row;
pub use script::{Script, scripted};
#[cfg(test)]
pub(crate) use stage::{Stage, noise};
pub use uniform::{draw, uniform};

pub use crate::{declare_metrics, declare_terms};
