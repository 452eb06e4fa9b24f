//! Learning: from experience to better policies. Knows policies and the simulation's vocabulary, but no domain.
//!
//! An algorithm is one readable file ([`mappo`]); what it is made of stands beside it: [`gae`], [`ppo_loss`],
//! [`value_norm`], schedules, rollouts. Networks are behind a narrow door, [`nets`].

pub mod critic;
pub mod gae;
pub mod hyperparameters;
pub mod imitation;
pub mod mappo;
pub mod nets;
pub mod ppo_loss;
mod rollout;
pub mod schedule;
pub mod value_norm;
