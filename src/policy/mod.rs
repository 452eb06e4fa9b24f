//! Policies that were learned: the acting network, the files they are shared in, and how a name on the command line
//! becomes something that acts. Scripted policies belong to their domain.

pub mod acting;
pub mod card;
pub mod cast;
pub mod distribution;
pub mod network;
pub mod shipped;
pub mod tensor;
pub mod tensors;
