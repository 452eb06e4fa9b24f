//! Learning: from experience to better policies. Knows policies and the simulation's vocabulary, but no domain.
//!
//! An algorithm is one readable file ([`mappo`], [`maddpg`]) behind one door for sessions, [`learner`]; what it is made of stands beside
//! it: [`gae`], [`ppo_loss`], [`value_norm`] and rollouts for the one, [`replay`] with its [`sum_tree`], [`n_step`] and [`exploration`]
//! for the other. Networks are in [`nets`].

pub mod critic;
pub mod demand;
pub mod exploration;
pub mod gae;
pub mod hyperparameters;
pub mod imitation;
pub mod learner;
pub mod maddpg;
pub mod mappo;
pub mod n_step;
pub mod nets;
pub mod ppo_loss;
pub mod replay;
mod rollout;
pub mod schedule;
pub mod sum_tree;
pub mod value_norm;
