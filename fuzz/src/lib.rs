//! What the fuzz targets call: each reader of agon, and what must hold of everything that it accepts.
//!
//! To add a target: include the reader's source file below, write a function for it, and give it a five-line file in
//! `fuzz_targets/`, a `[[bin]]` in `Cargo.toml` and a valid file in `seeds/<target>/`.

use std::path::Path;

#[path = "../../src/durable/mod.rs"]
pub mod durable;
#[path = "../../src/error.rs"]
pub mod error;
#[path = "."]
pub mod policy {
    //! The readers of policy files.
    #[path = "../../src/policy/tensor.rs"]
    pub mod tensor;
    #[path = "../../src/policy/tensors/mod.rs"]
    pub mod tensors;
}
#[path = "."]
pub mod record {
    //! The reader of recordings.
    #[path = "../../src/record/bytes.rs"]
    mod bytes;
    #[path = "../../src/record/packed.rs"]
    mod packed;
    #[path = "../../src/record/walker.rs"]
    pub mod walker;
}
#[path = "."]
pub mod session {
    //! The readers of checkpoints.
    #[path = "../../src/session/generation/mod.rs"]
    pub mod generation;
}

use policy::tensors::{from_safetensors, to_safetensors};
use record::walker::{Ending, Inner, MAX_CHUNK, Part, records, unpack, walk};
use session::generation::Generation;

/// A checkpoint, as a file and as what a right checksum would let through.
pub fn checkpoint(data: &[u8]) {
    if let Ok((step, generation)) = Generation::decode(data) {
        assert!(generation.encode(step).is_ok_and(|bytes| bytes == data), "read as something else");
    }
    // A mutation never has the right checksum: without it the fuzzer gets to the sections.
    let hashed = data.get(56..).unwrap_or(data);
    if let Ok((step, generation)) = Generation::decode_hashed(hashed) {
        let bytes = generation.encode(step).expect("what was read can be written");
        assert!(bytes.get(56..) == Some(hashed), "read as something else");
    }
}

/// A recording, checksums apart: what comes out lies within the file and comes out again, from a prefix as well.
pub fn recording(data: &[u8]) {
    let mut chunks = Vec::new();
    let ending = walk(data, &mut |part| {
        let Part::Chunk { record, content } = part else { return Ok(()) };
        assert!(content.len() <= MAX_CHUNK);
        let mut again = Vec::new();
        unpack(&data[record.clone()], &mut again)?;
        assert!(again == content, "unpacked as something else");
        for inner in records(content) {
            if let Inner::Message { data, .. } = inner? {
                assert!(content.get(data).is_some(), "a message outside its chunk");
            }
        }
        chunks.push(record.end);
        Ok(())
    });
    if let Ending::Cut { at } | Ending::Damaged { at, .. } = ending {
        assert!(at <= data.len() as u64 && chunks.iter().all(|end| *end as u64 <= at));
    }
    let Some((last, before)) = chunks.split_last() else { return };
    let mut found = 0;
    let _ = walk(&data[..last - 1], &mut |part| {
        found += usize::from(matches!(part, Part::Chunk { .. }));
        Ok(())
    });
    assert!(found == before.len(), "a cut file lost what was complete");
}

/// A policy file; those without a checksum get through.
pub fn safetensors(data: &[u8]) {
    let Ok(read) = from_safetensors(data, Path::new("fuzzed.safetensors")) else { return };
    assert!(read.tensors.iter().all(|tensor| tensor.data.iter().all(|number| number.is_finite())));
    assert!(read.tensors.iter().all(|tensor| tensor.shape.iter().product::<usize>() == tensor.data.len()));
    let Ok(bytes) = to_safetensors(&read.tensors, &read.metadata) else { return };
    let again = from_safetensors(&bytes, Path::new("written.safetensors")).expect("what was written can be read");
    assert!(again.tensors == read.tensors && again.metadata == read.metadata && again.is_verified);
}
