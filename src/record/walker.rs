//! Reads MCAP files that nobody vouches for: cut, damaged or made to harm. Only what a recording is made of is accepted.
//!
//! Nothing is indexed without a bound, no size that a file claims is believed before it was compared with what is there
//! and with a cap, every checksum has to be right, and chunks are unpacked into a buffer whose size is known before. Messages
//! outside chunks are refused, as no checksum would cover them; indexes are skipped, as the walk does not need them.
//!
//! The format: <https://mcap.dev/spec>.

use std::ops::Range;

use crc32fast::Hasher;

/// Longest chunk, packed or unpacked, in bytes.
pub const MAX_CHUNK: usize = 16 << 20;

/// Longest record outside a chunk that is no chunk itself, in bytes.
pub const MAX_RECORD: usize = 64 << 20;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// To its last byte.
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
    /// A chunk, its checksum verified.
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
    },
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
    let mut walk = Walk { bytes, at: 0, crc: Hasher::new(), content: Vec::new() };
    let end = walk.run(visit);
    let at = walk.at as u64;
    match end {
        Ok(()) => Ending::Complete,
        Err(Fault::Short) => Ending::Cut { at },
        Err(Fault::Wrong(why)) => Ending::Damaged { at, why },
    }
}

/// Unpacks the chunk whose record is `record`, checksum verified, into `content`, which is replaced.
///
/// # Errors
/// What is wrong with it.
pub fn unpack(record: &[u8], content: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = record;
    let mut parse = || -> Option<(u64, u32, &[u8], &[u8])> {
        let _times = take(&mut rest, 16)?;
        let (size, crc) = (u64_le(&mut rest)?, u32_le(&mut rest)?);
        let compression = take_u32(&mut rest)?;
        let packed_len = usize::try_from(u64_le(&mut rest)?).ok()?;
        let packed = take(&mut rest, packed_len)?;
        rest.is_empty().then_some((size, crc, compression, packed))
    };
    let (size, crc, compression, packed) = parse().ok_or("a chunk whose parts do not add up")?;
    let size = usize::try_from(size).ok().filter(|size| *size <= MAX_CHUNK);
    let size = size.ok_or_else(|| format!("a chunk that claims to unpack to more than {MAX_CHUNK} bytes"))?;
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
        _ => return Err("a chunk in a compression that recordings do not use".to_owned()),
    }
    check_crc(crc, crc32fast::hash(content), "a chunk")
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
                op::CHUNK => {
                    unpack(body, &mut self.content)?;
                    visit(Part::Chunk { record: record.clone(), content: &self.content })?;
                }
                op::METADATA => {
                    let name = take_u32(&mut &*body).and_then(|name| std::str::from_utf8(name).ok());
                    visit(Part::Metadata { name: name.ok_or("metadata that cannot be read")? })?;
                }
                op::MESSAGE_INDEX if is_message_index(body) => {}
                op::DATA_END => {
                    let crc = u32_le(&mut &*body).filter(|_| body.len() == 4);
                    let found = self.crc.clone().finalize();
                    check_crc(crc.ok_or("an end that cannot be read")?, found, "something between the chunks")?;
                    self.accept(&record);
                    return self.summary();
                }
                _ => return Err(format!("a record of kind {opcode:#04x} that does not belong here").into()),
            }
            self.accept(&record);
        }
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
    fn summary(&mut self) -> Result<(), Fault> {
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
            if claimed != Some(start as u64) {
                return Err("a footer that does not know where its summary is".into());
            }
            let covered = self.slice(&(start..record.end - 4));
            check_crc(crc, crc32fast::hash(covered), "the summary")?;
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

/// A fuzzer cannot guess checksums; without them its mutations get further.
fn check_crc(claimed: u32, found: u32, what: &str) -> Result<(), String> {
    if claimed == found || cfg!(fuzzing) { Ok(()) } else { Err(format!("the checksum of {what} is wrong")) }
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
            let topic = std::str::from_utf8(take_u32(&mut body)?).ok()?;
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

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

/// Bytes behind their length.
fn take_u32<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32_le(rest)?;
    take(rest, usize::try_from(len).ok()?)
}

fn u16_le(rest: &mut &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(take(rest, 2)?.try_into().ok()?))
}

fn u32_le(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

fn u64_le(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}
