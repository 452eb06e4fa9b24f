//! The one form in which parameters travel between networks, optimisers and files.

use crate::error::{Error, Result};

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

/// The numbers of the one tensor called `name`, if it has this shape and only finite numbers.
///
/// # Errors
/// Whatever is wrong with it.
pub fn find_tensor<'a>(tensors: &'a [NamedTensor], name: &str, shape: &[usize]) -> Result<&'a [f32]> {
    let data = find_shaped(tensors, name, shape)?;
    match data.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::input(format!("tensor `{name}` is {} at {index}", data[index]))
            .hint("the weights are damaged or their training diverged; use an earlier checkpoint")),
        None => Ok(data),
    }
}

/// The numbers of the one tensor called `name`, if it has this shape, finite or not.
pub(super) fn find_shaped<'a>(tensors: &'a [NamedTensor], name: &str, shape: &[usize]) -> Result<&'a [f32]> {
    let mut found = tensors.iter().filter(|tensor| tensor.name == name);
    let tensor = found.next().ok_or_else(|| Error::input(format!("tensor `{name}` is missing")))?;
    if found.next().is_some() {
        return Err(Error::input(format!("tensor `{name}` is there more than once")));
    }
    if tensor.shape != shape {
        return Err(Error::input(format!("tensor `{name}` has shape {:?}, expected {shape:?}", tensor.shape))
            .hint("was it made for another observation layout, action space or network size?"));
    }
    if Some(tensor.data.len()) != shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size)) {
        return Err(Error::input(format!("tensor `{name}` has {} numbers for shape {shape:?}", tensor.data.len())));
    }
    Ok(&tensor.data)
}
