//! The layout of a generation's file, and the checks that let nothing but a whole one through.
//!
//! ```text
//! offset  bytes  content (numbers are little-endian)
//!      0      8  magic
//!      8      4  format version, 1
//!     12      4  zero
//!     16      8  length of the whole file
//!     24     32  SHA-256 of everything after it
//!     56      8  step
//!     64      4  number of sections
//!     68         sections in the order of their names: u32 length of the name, u64 length of the content, name, content
//! ```
//!
//! A generation has exactly one encoding, and every bit of a file is either checked or covered by the checksum.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::Generation;
use crate::{
    durable::{Folder, read_failed},
    error::{Error, Result},
};

/// The longest file that is written or read.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

// A byte above 127, a line end of both kinds and an end-of-file mark show what a text transfer would do to the file.
const MAGIC: [u8; 8] = *b"\x8bAGON\r\n\x1a";
const VERSION: u32 = 1;
const HASHED_FROM: usize = 56;
/// Everything in front of the sections and their number.
pub(super) const PREFIX_LEN: usize = HASHED_FROM + 8;
const MAX_SECTIONS: u32 = 4096;
const MAX_NAME_LEN: usize = 255;

impl Generation {
    /// The content of the section `name`.
    ///
    /// # Errors
    /// There is no such section.
    pub fn section(&self, name: &str) -> Result<&[u8]> {
        self.sections.get(name).map(Vec::as_slice).ok_or_else(|| {
            Error::input(format!("this checkpoint has no section `{name}`"))
                .did_you_mean(name, self.sections.keys().map(String::as_str))
        })
    }

    /// The bytes of the file that holds this generation of `step`.
    ///
    /// # Errors
    /// A section without a usable name, or more content than a file may hold.
    pub fn encode(&self, step: u64) -> Result<Vec<u8>> {
        let (prefix, _) = self.prefix(step)?;
        let mut bytes = prefix.to_vec();
        self.write_sections(&mut bytes).expect("writing to memory cannot fail");
        Ok(bytes)
    }

    /// Step and content of the file whose bytes these are.
    ///
    /// # Errors
    /// Anything that differs from what [`encode`](Self::encode) puts out.
    pub fn decode(bytes: &[u8]) -> Result<(u64, Self)> {
        let (head, hashed) = bytes.split_at_checked(HASHED_FROM).ok_or_else(|| not_a_checkpoint(bytes))?;
        let expected = digest_in(head, bytes.len() as u64)?;
        if Sha256::digest(hashed)[..] != expected {
            return Err(damaged("its checksum does not match its content"));
        }
        Self::decode_hashed(hashed)
    }

    /// Step and content of what the checksum covers. Apart from [`decode`](Self::decode) so that a fuzzer gets past it.
    pub(crate) fn decode_hashed(bytes: &[u8]) -> Result<(u64, Self)> {
        let mut rest = Rest(bytes);
        let step = rest.u64()?;
        let num_sections = rest.u32()?;
        let mut generation = Self::default();
        if num_sections > MAX_SECTIONS {
            return Err(damaged("it claims too many sections"));
        }
        for _ in 0..num_sections {
            let (name_len, len) = (rest.u32()?, rest.u64()?);
            let name = std::str::from_utf8(rest.take(name_len.into())?).ok().filter(|name| is_name(name));
            let name = name.ok_or_else(|| damaged("a section has no usable name"))?;
            if generation.sections.last_key_value().is_some_and(|(last, _)| last.as_str() >= name) {
                return Err(damaged("its sections are out of order"));
            }
            let content = rest.take(len)?;
            let mut owned = Vec::new();
            owned.try_reserve_exact(content.len()).map_err(|_| out_of_memory(content.len()))?;
            owned.extend_from_slice(content);
            generation.sections.insert(name.to_owned(), owned);
        }
        if rest.0.is_empty() { Ok((step, generation)) } else { Err(damaged("bytes follow its last section")) }
    }

    /// The first bytes of the file, up to the number of sections, and the length of the whole file.
    pub(super) fn prefix(&self, step: u64) -> Result<([u8; PREFIX_LEN], u64)> {
        if let Some(name) = self.sections.keys().find(|name| !is_name(name)) {
            return Err(Error::input(format!(
                "{name:?} cannot be the name of a section: it needs 1 to {MAX_NAME_LEN} printable characters"
            )));
        }
        if self.sections.len() as u64 > MAX_SECTIONS.into() {
            return Err(Error::input(format!("a checkpoint holds no more than {MAX_SECTIONS} sections")));
        }
        let sections: u64 = self.sections.iter().map(|(name, content)| 12 + (name.len() + content.len()) as u64).sum();
        let total = PREFIX_LEN as u64 + 4 + sections;
        if total > MAX_FILE_BYTES {
            return Err(Error::input(format!(
                "a checkpoint of {total} bytes is over the limit of {MAX_FILE_BYTES} bytes"
            ))
            .hint("use fewer environments or a smaller network"));
        }
        let mut hasher = Sha256::new();
        hasher.update(step.to_le_bytes());
        self.write_sections(&mut hasher).expect("hashing cannot fail");
        let mut prefix = [0; PREFIX_LEN];
        let fields: [&[u8]; 6] =
            [&MAGIC, &VERSION.to_le_bytes(), &[0; 4], &total.to_le_bytes(), &hasher.finalize(), &step.to_le_bytes()];
        for (place, byte) in prefix.iter_mut().zip(fields.concat()) {
            *place = byte;
        }
        Ok((prefix, total))
    }

    /// Everything after the prefix.
    pub(super) fn write_sections(&self, out: &mut impl Write) -> io::Result<()> {
        // `prefix` has checked that this fits.
        out.write_all(&(self.sections.len() as u32).to_le_bytes())?;
        for (name, content) in &self.sections {
            out.write_all(&(name.len() as u32).to_le_bytes())?;
            out.write_all(&(content.len() as u64).to_le_bytes())?;
            out.write_all(name.as_bytes())?;
            out.write_all(content)?;
        }
        Ok(())
    }
}

/// The bytes of a file that were not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8]> {
        let split = usize::try_from(len).ok().and_then(|len| self.0.split_at_checked(len));
        let (taken, rest) = split.ok_or_else(|| damaged("it ends inside a section"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(|| damaged("it ends inside a number"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// Checks everything before the hashed part against the format and the length of the file; returns the checksum.
fn digest_in(head: &[u8], file_len: u64) -> Result<[u8; 32]> {
    let mut rest = Rest(head);
    if rest.array()? != MAGIC {
        return Err(not_a_checkpoint(head));
    }
    let version = rest.u32()?;
    if version > VERSION {
        return Err(Error::input(format!(
            "its format is version {version}, but this agon reads no further than version {VERSION}"
        ))
        .hint("use the agon that wrote it, or a newer one"));
    }
    if version != VERSION || rest.array()? != [0; 4] {
        return Err(damaged("its first bytes are wrong"));
    }
    let total = rest.u64()?;
    if total != file_len {
        return Err(damaged(&format!("it has {file_len} bytes instead of {total}")));
    }
    rest.array()
}

/// Verifies the generation of `step` called `name` without keeping it in memory, and returns its first bytes.
pub(super) fn verify(dir: &Folder, name: &str, step: u64) -> Result<[u8; PREFIX_LEN]> {
    let path = dir.path_of(name);
    let read = |error: io::Error| read_failed(&path, &error);
    let (mut file, file_len) = dir.open_file(name)?;
    let mut prefix = [0; PREFIX_LEN];
    file.read_exact(&mut prefix).map_err(read)?;
    let (head, step_bytes) = prefix.split_at(HASHED_FROM);
    let expected = digest_in(head, file_len).map_err(|error| error.in_file(&path))?;
    let mut hasher = Sha256::new();
    hasher.update(step_bytes);
    io::copy(&mut io::BufReader::with_capacity(256 * 1024, file), &mut hasher).map_err(read)?;
    if hasher.finalize()[..] != expected {
        return Err(damaged("its checksum does not match its content").in_file(&path));
    }
    match Rest(step_bytes).u64()? {
        told if told == step => Ok(prefix),
        told => Err(super::misnamed(&path, told)),
    }
}

/// Whether this version of agon, or an older one, began to write this file: others are not removed.
pub(super) fn is_ours(dir: &Folder, name: &str) -> Result<bool> {
    let (file, _) = dir.open_file(name)?;
    let mut head = Vec::new();
    file.take(12).read_to_end(&mut head).map_err(|error| read_failed(&dir.path_of(name), &error))?;
    let mut rest = Rest(&head);
    // Too short to tell: a file of the same name that nothing can be read from.
    Ok(rest.array().is_ok_and(|magic| magic == MAGIC) && rest.u32().is_ok_and(|version| version <= VERSION))
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_LEN).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn not_a_checkpoint(head: &[u8]) -> Error {
    match head.strip_prefix(&MAGIC) {
        Some(_) => damaged("it ends inside its first bytes"),
        None => {
            Error::input("this is not an agon checkpoint").hint("checkpoints end in `.agon` and are written by agon")
        }
    }
}

fn damaged(how: &str) -> Error {
    Error::input(format!("damaged: {how}")).hint("use an older checkpoint of this run")
}

fn out_of_memory(bytes: usize) -> Error {
    Error::system(format!("no memory for a section of {bytes} bytes")).hint("close other programs and try again")
}
