//! Storage on cache-line boundaries.

use std::ops::{Deref, DerefMut};

use super::LANES;

/// Numbers that start on a cache line, so that no vector straddles two; zero when made.
#[derive(Debug, Default)]
pub struct Aligned {
    storage: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let storage = vec![0.0; len + LANES];
        let start = storage.as_ptr().align_offset(LANES * size_of::<f32>()).min(LANES);
        Self { storage, start, len }
    }

    /// Makes room for at least `len` numbers; what they are afterwards is unspecified.
    pub fn reserve(&mut self, len: usize) {
        if self.len < len {
            *self = Self::zeros(len);
        }
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.storage[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.storage[self.start..self.start + self.len]
    }
}
