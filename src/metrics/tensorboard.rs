//! Metrics as a TensorBoard event file.
//!
//! The file is a chain of records (TensorFlow's TFRecord): length as u64, masked CRC-32C of the length, the bytes of one
//! `Event` message, masked CRC-32C of these; integers are little-endian. The messages below are the part of TensorFlow's
//! `event.proto`, `summary.proto` and `tensor.proto` that is needed, under the same field numbers. Values become f32, as
//! scalars of TensorBoard are.
//!
//! A run that resumes either continues the file at the offset of its checkpoint or starts another one in the same folder;
//! a TensorBoard that is watching follows only the latter, since it cannot read a file that was cut. Either way
//! [`TensorBoard::resume_after`] makes readers forget the steps that are about to be written again.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use prost::Message;

use super::{
    Point, Sink,
    append::{AppendFile, failed},
};
use crate::{
    durable::Folder,
    error::{Error, Result},
};

/// An event file that points are appended to.
#[derive(Debug)]
pub struct TensorBoard {
    file: AppendFile,
    start_unix_s: f64,
    record: Vec<u8>,
}

/// Name for the event file of a session that starts at `unix_s` (seconds since 1970) on `host`. TensorBoard reads the
/// files of a folder in the order of their names and takes only names with `tfevents` in them.
pub fn file_name(unix_s: u64, host: &str, process: u32) -> String {
    let host: String = host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{PREFIX}{unix_s:010}.{host}.{process}")
}

/// Whether [`file_name`] could have given this name.
pub fn is_file_name(name: &str) -> bool {
    let parts: Option<Vec<&str>> = name.strip_prefix(PREFIX).map(|rest| rest.split('.').collect());
    let Some([unix_s, host, process]) = parts.as_deref() else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    name.len() <= 255 && unix_s.len() >= 10 && is_number(unix_s) && is_number(process) && is_host
}

impl TensorBoard {
    /// Starts a new file `name`. `start_unix_s` is the Unix time of [`Point::wall_s`] = 0.
    ///
    /// # Errors
    /// When the file exists or has a name that TensorBoard would pass over (input), or cannot be made (system).
    pub fn create(folder: &Folder, name: &str, start_unix_s: f64) -> Result<Self> {
        if !name.contains("tfevents") {
            return Err(Error::input("TensorBoard does not look into files of this name")
                .in_file(folder.path_of(name))
                .hint("the name has to contain `tfevents`"));
        }
        let mut sink = Self { file: AppendFile::create(folder, name)?, start_unix_s, record: Vec::new() };
        // From version 2 on, readers drop old steps where a session starts instead of guessing.
        let version = "brain.Event:2".to_owned();
        sink.append(&Event { wall_time: start_unix_s, file_version: Some(version), ..Event::default() })?;
        Ok(sink)
    }

    /// Goes on behind the first `offset` bytes of the file `name`, an [`offset`](Self::offset) from before; records beyond are cut
    /// off. `start_unix_s` as for [`create`](Self::create).
    ///
    /// # Errors
    /// When the file is missing, shorter than `offset`, or no record ends there: it is not the file that `offset` was
    /// taken from. Also when it is a link. Nothing has changed then.
    pub fn append_at(folder: &Folder, name: &str, offset: u64, start_unix_s: f64) -> Result<Self> {
        if let Ok((file, length)) = folder.open_file(name) {
            let path = folder.path_of(name);
            let end = if length < offset { offset } else { end_of_records(file, offset, &path)? };
            if end != offset {
                return Err(Error::input(format!("no record ends at byte {offset}, where the checkpoint left off"))
                    .in_file(path)
                    .hint("the file was replaced since; put the original back"));
            }
        }
        Ok(Self { file: AppendFile::open_at(folder, name, offset)?, start_unix_s, record: Vec::new() })
    }

    /// Marks the start of a session that continues after `step`: readers forget all later steps, from this file and
    /// from older ones of the folder. `wall_s` is that of [`Point::wall_s`].
    ///
    /// # Errors
    /// As for [`Sink::write`].
    pub fn resume_after(&mut self, step: u64, wall_s: f64) -> Result<()> {
        let session_log = Some(SessionLog { status: SESSION_START });
        let first = event_step(step.saturating_add(1));
        self.append(&Event { session_log, ..self.event(first, wall_s) })
    }

    /// Writes the hyperparameters as a table for the Text page, at step 0.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    pub fn hyperparameters(&mut self, pairs: &[(&str, String)]) -> Result<()> {
        let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
        let mut table = "| parameter | value |\n|---|---|\n".to_owned();
        for (name, value) in pairs {
            table.push_str(&format!("| {} | {} |\n", cell(name), cell(value)));
        }
        let plugin = PluginData { plugin_name: "text".to_owned() };
        let shape = TensorShape { dim: vec![Dim { size: 1 }] };
        let value = Value {
            tag: "hyperparameters".to_owned(),
            simple_value: None,
            tensor: Some(Tensor {
                dtype: TYPE_STRING,
                tensor_shape: Some(shape),
                string_val: vec![table.into_bytes()],
            }),
            metadata: Some(Metadata { plugin_data: Some(plugin), data_class: CLASS_TENSOR }),
        };
        self.append(&Event { summary: Some(Summary { value: vec![value] }), ..self.event(0, 0.0) })
    }

    /// Bytes that are durable: what the last [`flush`](Sink::flush) covered.
    pub fn offset(&self) -> u64 {
        self.file.offset()
    }

    fn event(&self, step: i64, wall_s: f64) -> Event {
        Event { wall_time: self.start_unix_s + wall_s, step, ..Event::default() }
    }

    fn append(&mut self, event: &Event) -> Result<()> {
        let length = (event.encoded_len() as u64).to_le_bytes();
        self.record.clear();
        self.record.extend(length);
        self.record.extend(masked_crc(&length).to_le_bytes());
        event.encode(&mut self.record).map_err(|error| Error::system(error.to_string()))?;
        let crc = masked_crc(&self.record[HEADER..]);
        self.record.extend(crc.to_le_bytes());
        self.file.append(&self.record)
    }
}

impl Sink for TensorBoard {
    fn write(&mut self, point: &Point<'_>) -> Result<()> {
        let scalar = |&(name, value): &(&str, f64)| Value {
            tag: name.to_owned(),
            simple_value: Some(value as f32),
            tensor: None,
            metadata: None,
        };
        let summary = Some(Summary { value: point.scalars.iter().map(scalar).collect() });
        self.append(&Event { summary, ..self.event(event_step(point.step), point.wall_s) })
    }

    fn flush(&mut self) -> Result<()> {
        self.file.sync()
    }
}

const PREFIX: &str = "events.out.tfevents.";

/// Length and its checksum.
const HEADER: usize = 12;

/// Checksum of the record format: rotated and offset, so that a checksum of data that holds checksums stays a good one.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn event_step(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// Follows the chain of records to the first end at or beyond `offset`.
fn end_of_records(file: File, offset: u64, path: &Path) -> Result<u64> {
    let mut reader = BufReader::new(file);
    let mut end = 0_u64;
    while end < offset {
        let mut header = [0; HEADER];
        reader.read_exact(&mut header).map_err(|error| failed("cannot be read", &error, path))?;
        let (length, crc) = header.split_at(8);
        if masked_crc(length).to_le_bytes() != crc {
            return Err(Error::input(format!("no event record begins at byte {end}"))
                .in_file(path)
                .hint("the file is damaged or none of TensorBoard's; put the original back"));
        }
        let length = length.iter().rev().fold(0, |length, &byte| length << 8 | u64::from(byte));
        end = end.saturating_add(length).saturating_add(HEADER as u64 + 4);
        if end <= offset {
            io::copy(&mut reader.by_ref().take(length.saturating_add(4)), &mut io::sink())
                .map_err(|error| failed("cannot be read", &error, path))?;
        }
    }
    Ok(end)
}

const SESSION_START: i32 = 1;
const TYPE_STRING: i32 = 7;
const CLASS_TENSOR: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
    #[prost(int32, tag = "4")]
    data_class: i32,
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    tensor_shape: Option<TensorShape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    string_val: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
struct Dim {
    #[prost(int64, tag = "1")]
    size: i64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_record_format() {
        // CRC-32C of 32 zero bytes is 8a9136aa (RFC 3720, B.4).
        assert_eq!(masked_crc(&[0; 32]), 0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8));
        // The header that every event file starts with: a record of 24 bytes, as TensorFlow writes it.
        assert_eq!(masked_crc(&24_u64.to_le_bytes()).to_le_bytes(), [0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn the_first_record_is_byte_for_byte_as_specified() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, name) = (Folder::open(dir.path()).unwrap(), file_name(1_700_000_000, "lab.example", 42));
        TensorBoard::create(&folder, &name, 1_700_000_000.0).unwrap();
        let bytes = fs::read(folder.path_of(name)).unwrap();
        // Field 1, a double; field 3, a string of 13 bytes.
        let mut event = vec![0x09];
        event.extend(1_700_000_000_f64.to_le_bytes());
        event.extend(b"\x1a\x0dbrain.Event:2");
        assert_eq!(bytes[HEADER..bytes.len() - 4], event);
        assert_eq!(bytes[..8], (event.len() as u64).to_le_bytes());
    }

    #[test]
    fn names_sort_by_time_and_hold_no_foreign_character() {
        assert_eq!(file_name(1_700_000_000, "lab.example/ü", 42), "events.out.tfevents.1700000000.lab_example__.42");
        assert!(file_name(999_999_999, "z", 9) < file_name(1_000_000_000, "a", 1));
        let folder = tempfile::tempdir().unwrap();
        let error = TensorBoard::create(&Folder::open(folder.path()).unwrap(), "metrics.bin", 0.0).unwrap_err();
        assert!(error.to_string().ends_with("the name has to contain `tfevents`"), "{error}");
    }

    #[test]
    fn only_names_that_this_agon_gives_are_its_own() {
        for (unix_s, host, process) in [(0, "agon", 1), (1_700_000_000, "lab.example/ü", 42), (u64::MAX, "", u32::MAX)]
        {
            assert!(is_file_name(&file_name(unix_s, host, process)), "{host}");
        }
        let name = file_name(1_700_000_000, "agon", 1);
        let bent =
            [format!("/{name}"), format!("../{name}"), format!("{name}/.."), format!("{name}\0"), name[..32].into()];
        for name in bent.iter().map(String::as_str).chain(["", "metrics.jsonl", "/etc/passwd", "events.out.tfevents.."])
        {
            assert!(!is_file_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_the_one_left_off_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, path) = (Folder::open(dir.path()).unwrap(), dir.path().join("a.tfevents"));
        let refusal = |offset| TensorBoard::append_at(&folder, "a.tfevents", offset, 0.0).unwrap_err().to_string();
        assert!(refusal(0).contains("a.tfevents: the log to be continued is missing"));
        let mut sink = TensorBoard::create(&folder, "a.tfevents", 0.0).unwrap();
        sink.write(&Point { step: 1, wall_s: 0.0, scalars: &[("a/b", 1.0)] }).unwrap();
        sink.flush().unwrap();
        let (whole, end) = (fs::read(&path).unwrap(), sink.offset());
        assert_eq!(end, whole.len() as u64);
        assert!(refusal(end - 1).contains("no record ends at byte"));
        assert!(refusal(end + 1).contains("the checkpoint knows of"));
        assert_eq!(fs::read(&path).unwrap(), whole);
        TensorBoard::append_at(&folder, "a.tfevents", end, 0.0).unwrap();
        TensorBoard::append_at(&folder, "a.tfevents", 0, 0.0).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        fs::write(&path, "{\"step\":1,\"wall_s\":0.5}\n").unwrap();
        assert!(refusal(24).contains("no event record begins at byte 0"));
        // A header that promises more bytes than there are numbers for.
        let mut huge = u64::MAX.to_le_bytes().to_vec();
        huge.extend(masked_crc(&huge).to_le_bytes());
        fs::write(&path, huge).unwrap();
        assert!(refusal(12).contains("no record ends at byte 12"));
    }
}
