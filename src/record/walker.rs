//! Reads MCAP files that nobody vouches for: cut, damaged or made to harm. Only what a recording is made of is accepted.
//!
//! Nothing is indexed without a bound, no size that a file claims is believed before it was compared with what is there
//! and with a cap, every checksum that is given has to be right, and chunks are unpacked into a buffer whose size is known
//! before. What all chunks together unpack to is bounded before it is unpacked. A checksum of 0 means that there is none; the
//! walk says so. Messages outside chunks are refused; indexes are skipped, as the walk does not need them.
//!
//! The format: <https://mcap.dev/spec>.

use std::ops::Range;

use crc32fast::Hasher;

pub use super::packed::{MAX_CHUNK, unpack};
use super::{
    bytes::{take, take_u32, text, u16_le, u32_le, u64_le},
    packed::{NO_CRC, Packed, check_crc},
};

/// Longest record outside a chunk that is no chunk itself, in bytes.
pub const MAX_RECORD: usize = 64 << 20;

/// Bytes that the chunks of any file may unpack to, all together.
const UNPACKED: u64 = 64 << 20;
/// Bytes more for each byte of the file. Rewards of a thousand agents that get nothing pack to about a thousandth.
const UNPACKED_PER_BYTE: u64 = 1024;
/// Whatever its length, no file may unpack to more bytes than this, in all.
const MAX_UNPACKED: u64 = 16 << 30;

/// First and last bytes of a file.
pub const MAGIC: [u8; 8] = *b"\x89MCAP0\r\n";

mod op {
    pub(super) const HEADER: u8 = 0x01;
    pub(super) const FOOTER: u8 = 0x02;
    pub(super) const SCHEMA: u8 = 0x03;
    pub(super) const CHANNEL: u8 = 0x04;
    pub(super) const MESSAGE: u8 = 0x05;
    pub(super) const CHUNK: u8 = 0x06;
    pub(super) const MESSAGE_INDEX: u8 = 0x07;
    pub(super) const METADATA: u8 = 0x0C;
    pub(super) const DATA_END: u8 = 0x0F;
}

/// Opcode and length of a record.
const PREFIX: usize = 9;
/// Start of the summary, start of the offsets, checksum.
const FOOTER: usize = 20;

/// How far a file can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// To its last byte.
    #[default]
    Complete,
    /// It stops in the middle: its writer was killed, or it was copied in part. Good up to byte `at`.
    Cut {
        /// Bytes that are good.
        at: u64,
    },
    /// Good up to byte `at`, where something is wrong.
    Damaged {
        /// Bytes that are good.
        at: u64,
        /// What is wrong there.
        why: String,
    },
}

/// A good part of a file.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// A chunk, its checksum verified if it has one.
    Chunk {
        /// Where its record lies in the file, without opcode and length; [`unpack`] takes it.
        record: Range<usize>,
        /// Its content, for [`records`].
        content: &'a [u8],
    },
    /// A metadata record. No checksum covers it before the end of a complete file is reached.
    Metadata {
        /// Its name.
        name: &'a str,
        /// Its keys and values, for [`value_of`].
        entries: &'a [u8],
    },
    /// The writer gave no checksum for this.
    Uncovered(Uncovered),
}

/// What a writer may give no checksum for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncovered {
    /// The chunk that follows.
    Chunk,
    /// What lies between the chunks, and metadata.
    BetweenChunks,
    /// The summary at the end.
    Summary,
}

/// A record inside a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inner<'a> {
    /// Describes the content of messages.
    Schema,
    /// Says what the messages with its number are.
    Channel {
        /// The number.
        id: u16,
        /// Its topic.
        topic: &'a str,
    },
    /// A message.
    Message {
        /// Number of its channel.
        channel: u16,
        /// Its number within the channel.
        sequence: u32,
        /// When it was logged, in ns.
        log_time_ns: u64,
        /// Where in the content of the chunk is what it says.
        data: Range<usize>,
    },
}

/// Walks over a file and hands its good parts to `visit`, in order, until the file ends, stops or is damaged.
///
/// `visit` may find a part wrong, too: the walk ends there as at any other damage.
pub fn walk(bytes: &[u8], visit: &mut dyn FnMut(Part<'_>) -> Result<(), String>) -> Ending {
    let allowed = UNPACKED.saturating_add(UNPACKED_PER_BYTE.saturating_mul(bytes.len() as u64)).min(MAX_UNPACKED);
    let mut walk = Walk { bytes, at: 0, crc: Hasher::new(), content: Vec::new(), unpacked: 0, allowed };
    let end = walk.run(visit);
    let at = walk.at as u64;
    // A file that was cut lacks its last bytes.
    let has_end = bytes.len() >= walk.at + MAGIC.len() && bytes.ends_with(&MAGIC);
    match end {
        Ok(()) => Ending::Complete,
        Err(Fault::Short) if has_end => {
            Ending::Damaged { at, why: "a record that goes beyond the end, which is there".to_owned() }
        }
        Err(Fault::Short) => Ending::Cut { at },
        Err(Fault::Wrong(why)) => Ending::Damaged { at, why },
    }
}

/// The records of an unpacked chunk, until the first that is wrong.
pub fn records(content: &[u8]) -> impl Iterator<Item = Result<Inner<'_>, String>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = inner(&mut rest, content.len());
        if record.is_none() {
            rest = &[];
        }
        Some(record.ok_or_else(|| "a chunk with a record that cannot be read".to_owned()))
    })
}

/// The value of `key` in the entries of a metadata record.
pub fn value_of<'a>(mut entries: &'a [u8], key: &str) -> Option<&'a str> {
    while !entries.is_empty() {
        let (found, value) = (text(&mut entries)?, text(&mut entries)?);
        if found == key {
            return Some(value);
        }
    }
    None
}

enum Fault {
    /// The file stops here.
    Short,
    Wrong(String),
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

impl From<&str> for Fault {
    fn from(why: &str) -> Self {
        Self::Wrong(why.to_owned())
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    /// Everything before is good.
    at: usize,
    crc: Hasher,
    content: Vec<u8>,
    /// Bytes that the chunks so far unpacked to, and most that all may.
    unpacked: u64,
    allowed: u64,
}

impl<'a> Walk<'a> {
    fn run(&mut self, visit: &mut dyn FnMut(Part<'_>) -> Result<(), String>) -> Result<(), Fault> {
        self.magic()?;
        let (opcode, header) = self.record()?;
        if opcode != op::HEADER || !is_header(self.slice(&header)) {
            return Err("no header where a file begins".into());
        }
        self.accept(&header);
        loop {
            let (opcode, record) = self.record()?;
            let body = self.slice(&record);
            match opcode {
                op::CHUNK => self.chunk(&record, visit)?,
                op::METADATA => {
                    let mut rest = body;
                    let parts = text(&mut rest).zip(take_u32(&mut rest));
                    let (name, entries) = parts.ok_or("metadata that cannot be read")?;
                    visit(Part::Metadata { name, entries })?;
                }
                op::MESSAGE_INDEX if is_message_index(body) => {}
                op::DATA_END => {
                    let crc = u32_le(&mut &*body).filter(|_| body.len() == 4).ok_or("an end that cannot be read")?;
                    check_crc(crc, self.crc.clone().finalize(), "something between the chunks")?;
                    self.accept(&record);
                    if crc == NO_CRC {
                        visit(Part::Uncovered(Uncovered::BetweenChunks))?;
                    }
                    return self.summary(visit);
                }
                op::SCHEMA | op::CHANNEL | op::MESSAGE => {
                    let what = format!("a record of kind {opcode:#04x} that does not belong here: agon reads messages");
                    return Err(format!("{what} in chunks").into());
                }
                _ => return Err(format!("a record of kind {opcode:#04x} that does not belong here").into()),
            }
            self.accept(&record);
        }
    }

    fn chunk(
        &mut self,
        record: &Range<usize>,
        visit: &mut dyn FnMut(Part<'_>) -> Result<(), String>,
    ) -> Result<(), Fault> {
        let body = self.slice(record);
        let Packed { size, crc, .. } = Packed::of(body)?;
        self.unpacked = self.unpacked.saturating_add(size as u64);
        if self.unpacked > self.allowed {
            let (allowed, len) = (self.allowed, self.bytes.len());
            return Err(format!("chunks that unpack to more than {allowed} bytes, the most for a file of {len}").into());
        }
        unpack(body, &mut self.content)?;
        if crc == NO_CRC {
            visit(Part::Uncovered(Uncovered::Chunk))?;
        }
        Ok(visit(Part::Chunk { record: record.clone(), content: &self.content })?)
    }

    fn magic(&mut self) -> Result<(), Fault> {
        let found = &self.bytes[..self.bytes.len().min(MAGIC.len())];
        if !MAGIC.starts_with(found) {
            return Err("the file is no MCAP file".into());
        }
        if found.len() < MAGIC.len() {
            return Err(Fault::Short);
        }
        self.accept(&(0..MAGIC.len()));
        Ok(())
    }

    /// Opcode and place of the record that begins here; nothing is accepted yet.
    fn record(&self) -> Result<(u8, Range<usize>), Fault> {
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        let opcode = take(&mut rest, 1).ok_or(Fault::Short)?[0];
        let len = u64_le(&mut rest).ok_or(Fault::Short)?;
        // A chunk is its content and some 60 bytes more.
        let cap = if opcode == op::CHUNK { MAX_CHUNK + 1024 } else { MAX_RECORD };
        let len = usize::try_from(len).ok().filter(|len| *len <= cap);
        let len = len.ok_or_else(|| format!("a record that claims to be longer than {cap} bytes"))?;
        if rest.len() < len {
            return Err(Fault::Short);
        }
        let start = self.at + PREFIX;
        Ok((opcode, start..start + len))
    }

    fn slice(&self, record: &Range<usize>) -> &'a [u8] {
        self.bytes.get(record.clone()).unwrap_or_default()
    }

    /// Everything up to the end of `record` is good.
    fn accept(&mut self, record: &Range<usize>) {
        self.crc.update(self.slice(&(self.at..record.end)));
        self.at = record.end;
    }

    /// What follows the data: records that repeat what was said before, a footer with their checksum, the magic.
    fn summary(&mut self, visit: &mut dyn FnMut(Part<'_>) -> Result<(), String>) -> Result<(), Fault> {
        let start = self.at;
        loop {
            let (opcode, record) = self.record()?;
            if opcode != op::FOOTER {
                self.accept(&record);
                continue;
            }
            let mut footer = self.slice(&record);
            let (claimed, _offsets) = (u64_le(&mut footer), u64_le(&mut footer));
            let crc = u32_le(&mut footer).filter(|_| record.len() == FOOTER).ok_or("a footer that cannot be read")?;
            // Without a summary the footer says 0.
            if claimed != Some(start as u64) && (claimed != Some(0) || self.at != start) {
                return Err("a footer that does not know where its summary is".into());
            }
            let covered = self.slice(&(start..record.end - 4));
            check_crc(crc, crc32fast::hash(covered), "the summary")?;
            if crc == NO_CRC {
                visit(Part::Uncovered(Uncovered::Summary))?;
            }
            let tail = self.bytes.get(record.end..).unwrap_or_default();
            if tail.len() < MAGIC.len() && MAGIC.starts_with(tail) {
                return Err(Fault::Short);
            }
            if tail != MAGIC {
                return Err("something after the footer".into());
            }
            self.at = self.bytes.len();
            return Ok(());
        }
    }
}

/// The next record; `rest` is what is left of `total` bytes.
fn inner<'a>(rest: &mut &'a [u8], total: usize) -> Option<Inner<'a>> {
    let opcode = take(rest, 1)?[0];
    let len = usize::try_from(u64_le(rest)?).ok()?;
    let mut body = take(rest, len)?;
    match opcode {
        op::SCHEMA => Some(Inner::Schema),
        op::CHANNEL => {
            let (id, _schema) = (u16_le(&mut body)?, u16_le(&mut body)?);
            let topic = text(&mut body)?;
            Some(Inner::Channel { id, topic })
        }
        op::MESSAGE => {
            let (channel, sequence) = (u16_le(&mut body)?, u32_le(&mut body)?);
            let (log_time_ns, _publish_time) = (u64_le(&mut body)?, u64_le(&mut body)?);
            let end = total - rest.len();
            Some(Inner::Message { channel, sequence, log_time_ns, data: end - body.len()..end })
        }
        _ => None,
    }
}

/// Two texts and nothing more: profile and library.
fn is_header(mut body: &[u8]) -> bool {
    let (profile, library) = (take_u32(&mut body), take_u32(&mut body));
    profile.is_some() && library.is_some() && body.is_empty()
}

fn is_message_index(mut body: &[u8]) -> bool {
    const ENTRY: usize = 16;
    let entries = u16_le(&mut body).and_then(|_channel| take_u32(&mut body));
    entries.is_some_and(|entries| entries.len() % ENTRY == 0) && body.is_empty()
}
