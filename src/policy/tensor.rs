//! The one form in which parameters travel between networks, optimisers and files.

/// A named array of numbers, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Path of the parameter, such as `actor.0.weight`.
    pub name: String,
    /// Sizes, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers, as many as the product of `shape`.
    pub data: Vec<f32>,
}
