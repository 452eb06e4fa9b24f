//! The two files of a shared policy.

use std::path::Path;

use agon::policy::{
    card::Card,
    tensors::{from_safetensors, to_safetensors},
};

use super::accepted;

/// What was read can be written, and reads back as the same.
pub(crate) fn card(data: &[u8]) -> bool {
    let Some(card) = accepted(Card::parse(data)) else { return false };
    let text = card.to_ron().expect("what was read can be written");
    let again = Card::parse(text.as_bytes()).expect("what was written can be read");
    // Texts are compared, as a number that is none equals nothing.
    assert_eq!(again.to_ron().as_ref(), Ok(&text));
    let _ = (card.shape().check(), card.actions.head());
    true
}

/// A policy file; those without a checksum get through.
pub(crate) fn safetensors(data: &[u8]) -> bool {
    let Some(read) = accepted(from_safetensors(data, Path::new("fuzzed.safetensors"))) else { return false };
    assert!(read.tensors.iter().all(|tensor| tensor.data.iter().all(|number| number.is_finite())));
    assert!(read.tensors.iter().all(|tensor| tensor.shape.iter().product::<usize>() == tensor.data.len()));
    let Ok(bytes) = to_safetensors(&read.tensors, &read.metadata) else { return true };
    let again = from_safetensors(&bytes, Path::new("written.safetensors")).expect("what was written can be read");
    assert!(again.tensors == read.tensors && again.metadata == read.metadata && again.is_verified);
    true
}
