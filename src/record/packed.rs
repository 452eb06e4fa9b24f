//! Chunks as they lie in a file: packed, with the length they unpack to and a checksum, none of which is believed.

use super::bytes::{take, take_u32, u32_le, u64_le};

/// Longest chunk, packed or unpacked, in bytes.
pub const MAX_CHUNK: usize = 16 << 20;

/// The checksum that says that there is none.
pub(super) const NO_CRC: u32 = 0;

/// What the record of a chunk says.
pub(super) struct Packed<'a> {
    /// Bytes that it claims to unpack to, at most [`MAX_CHUNK`].
    pub(super) size: usize,
    /// 0 if there is none.
    pub(super) crc: u32,
    compression: &'a [u8],
    packed: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of(mut record: &'a [u8]) -> Result<Self, String> {
        let rest = &mut record;
        let mut parse = || -> Option<(u64, u32, &[u8], &[u8])> {
            let _times = take(rest, 16)?;
            let (size, crc, compression) = (u64_le(rest)?, u32_le(rest)?, take_u32(rest)?);
            let packed_len = usize::try_from(u64_le(rest)?).ok()?;
            let packed = take(rest, packed_len)?;
            rest.is_empty().then_some((size, crc, compression, packed))
        };
        let (size, crc, compression, packed) = parse().ok_or("a chunk whose parts do not add up")?;
        let size = usize::try_from(size).ok().filter(|size| *size <= MAX_CHUNK);
        let size = size.ok_or_else(|| format!("a chunk that claims to unpack to more than {MAX_CHUNK} bytes"))?;
        Ok(Self { size, crc, compression, packed })
    }
}

/// Unpacks the chunk whose record is `record`, its checksum verified if it has one, into `content`, which is replaced.
///
/// # Errors
/// What is wrong with it.
pub fn unpack(record: &[u8], content: &mut Vec<u8>) -> Result<(), String> {
    let Packed { size, crc, compression, packed } = Packed::of(record)?;
    content.clear();
    match compression {
        b"" if packed.len() == size => content.extend_from_slice(packed),
        b"zstd" => {
            content.try_reserve_exact(size).map_err(|_| "a chunk for which there is no memory")?;
            content.resize(size, 0);
            let unpacked = zstd::bulk::decompress_to_buffer(packed, content.as_mut_slice());
            if unpacked.map_err(|_| "a chunk that does not unpack")? != size {
                return Err("a chunk that unpacks to another length than it claims".to_owned());
            }
        }
        b"" => return Err("a chunk of another length than it claims".to_owned()),
        _ => return Err("a chunk in a compression that agon does not read; it reads `zstd` and none".to_owned()),
    }
    check_crc(crc, crc32fast::hash(content), "a chunk")
}

/// A checksum that is given has to be right. A fuzzer cannot guess it; without it its mutations get further.
pub(super) fn check_crc(claimed: u32, found: u32, what: &str) -> Result<(), String> {
    if claimed == found || claimed == NO_CRC || cfg!(fuzzing) {
        Ok(())
    } else {
        Err(format!("the checksum of {what} is wrong"))
    }
}
