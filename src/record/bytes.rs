//! Numbers and texts from the front of bytes that nobody vouches for: there or not, never beyond the end.

/// The first `len` bytes.
pub(super) fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

/// Bytes behind their length, a u32.
pub(super) fn take_u32<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32_le(rest)?;
    take(rest, usize::try_from(len).ok()?)
}

/// A text behind its length, a u32.
pub(super) fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_u32(rest)?).ok()
}

/// A little-endian number.
pub(super) fn u16_le(rest: &mut &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(take(rest, 2)?.try_into().ok()?))
}

/// A little-endian number.
pub(super) fn u32_le(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

/// A little-endian number.
pub(super) fn u64_le(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}
