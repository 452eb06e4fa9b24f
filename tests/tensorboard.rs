//! The event file is read back by two strangers: a reader written here from the format's description, which shares no
//! code with the writer, and TensorBoard itself, when a Python that has it is at hand (`AGON_PYTHON`, default `python3`).
#![allow(clippy::unwrap_used, reason = "tests")]

mod needs;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use agon::{
    durable::Folder,
    metrics::{Point, Sink, TensorBoard, tensorboard::file_name},
};
use serde_json::{Value, json};
use tempfile::TempDir;

const START_UNIX_S: f64 = 1_700_000_000.25;

/// One field of a protobuf message, as it is on the wire.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Varint(u64),
    Fixed64(u64),
    Bytes(Vec<u8>),
    Fixed32(u32),
}

/// Events that the tests tell apart.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Version { wall_s: f64, version: String },
    Scalars { wall_s: f64, step: i64, values: Vec<(String, u32)> },
    Text { tag: String, text: String },
    Start { step: i64 },
}

/// The checksum by its definition, bit by bit (polynomial 1EDC6F41, reflected).
fn crc32c(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| shift(crc)))
}

fn is_masked_crc(stored: &[u8], bytes: &[u8]) -> bool {
    let crc = crc32c(bytes);
    u32::from_le_bytes(stored.try_into().unwrap()) == crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn records(file: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(file).unwrap();
    let mut rest = &bytes[..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_at(8);
        assert!(is_masked_crc(&after[..4], length), "checksum of length {}", records.len());
        let end = 4 + usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
        assert!(is_masked_crc(&after[end..end + 4], &after[4..end]), "checksum of record {}", records.len());
        records.push(after[4..end].to_vec());
        rest = &after[end + 4..];
    }
    records
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut bytes)),
            1 => Field::Fixed64(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut bytes) as usize;
                Field::Bytes(take(&mut bytes, length).to_vec())
            }
            5 => Field::Fixed32(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap())),
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn field(message: &[u8], number: u64) -> Option<Field> {
    fields(message).into_iter().find(|(other, _)| *other == number).map(|(_, field)| field)
}

fn bytes(message: &[u8], number: u64) -> Option<Vec<u8>> {
    match field(message, number)? {
        Field::Bytes(bytes) => Some(bytes),
        other => panic!("field {number} is {other:?}"),
    }
}

fn text(message: &[u8], number: u64) -> Option<String> {
    bytes(message, number).map(|bytes| String::from_utf8(bytes).unwrap())
}

/// Reads an event by the field numbers of TensorFlow's event.proto, summary.proto and tensor.proto.
fn understand(event: &[u8]) -> Seen {
    let Some(Field::Fixed64(wall)) = field(event, 1) else { panic!("no wall time") };
    let wall_s = f64::from_bits(wall);
    let step = match field(event, 2) {
        Some(Field::Varint(step)) => step as i64,
        other => {
            assert_eq!(other, None);
            0
        }
    };
    if let Some(version) = text(event, 3) {
        return Seen::Version { wall_s, version };
    }
    if let Some(session) = bytes(event, 7) {
        assert_eq!(fields(&session), [(1, Field::Varint(1))], "SessionLog.status is START");
        return Seen::Start { step };
    }
    let summary = bytes(event, 5).unwrap();
    let mut values = Vec::new();
    for (number, value) in fields(&summary) {
        let (1, Field::Bytes(value)) = (number, value) else { panic!("Summary has field {number}") };
        let tag = text(&value, 1).unwrap();
        match field(&value, 2) {
            Some(Field::Fixed32(bits)) => values.push((tag, bits)),
            _ => {
                let tensor = bytes(&value, 8).unwrap();
                assert_eq!(field(&tensor, 1), Some(Field::Varint(7)), "TensorProto.dtype is DT_STRING");
                assert_eq!(text(&bytes(&bytes(&value, 9).unwrap(), 1).unwrap(), 1).unwrap(), "text");
                return Seen::Text { tag, text: text(&tensor, 8).unwrap() };
            }
        }
    }
    Seen::Scalars { wall_s, step, values }
}

fn read(file: &Path) -> Vec<Seen> {
    records(file).iter().map(|record| understand(record)).collect()
}

/// Values that are easily lost: no number, no end, no sign, no size, no zero, more digits than f32 has.
const VALUES: [f64; 8] = [0.0, -0.0, 12.345, f64::NAN, f64::INFINITY, 1e-40, -1e300, 0.1];

fn write_points(sink: &mut TensorBoard, steps: &[u64]) {
    for &step in steps {
        let value = VALUES[(step % 8) as usize];
        let scalars = [("charts/episodic_return", value), ("losses/value_loss", step as f64)];
        sink.write(&Point { step, wall_s: step as f64 / 8.0, scalars: &scalars }).unwrap();
    }
}

fn expected_point(step: u64) -> Seen {
    let value = VALUES[(step % 8) as usize] as f32;
    let values = vec![
        ("charts/episodic_return".to_owned(), value.to_bits()),
        ("losses/value_loss".to_owned(), (step as f32).to_bits()),
    ];
    Seen::Scalars { wall_s: START_UNIX_S + step as f64 / 8.0, step: step as i64, values }
}

/// A run of two sessions: five points, a checkpoint after three of them, a kill, and the second session in its own file.
fn run_in_two_files() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let held = Folder::open(folder.path()).unwrap();
    let [first, second] = [(1_700_000_000, 41), (1_700_000_009, 42)].map(|(at, process)| file_name(at, "lab", process));
    let mut sink = TensorBoard::create(&held, &first, START_UNIX_S).unwrap();
    sink.hyperparameters(&[("learning_rate", "3e-4".to_owned()), ("layout", "a|b\nc".to_owned())]).unwrap();
    write_points(&mut sink, &[0, 1, 2, 3, 4]);
    let mut sink = TensorBoard::create(&held, &second, START_UNIX_S).unwrap();
    sink.resume_after(2, 0.25).unwrap();
    write_points(&mut sink, &[3, 11, 5_000_000_006]);
    (folder, held.path_of(first), held.path_of(second))
}

#[test]
fn every_record_reads_back_with_its_checksums() {
    let (_folder, first, second) = run_in_two_files();
    let version = Seen::Version { wall_s: START_UNIX_S, version: "brain.Event:2".to_owned() };
    let table = "| parameter | value |\n|---|---|\n| learning_rate | 3e-4 |\n| layout | a\\|b c |\n".to_owned();
    let mut expected = vec![version.clone(), Seen::Text { tag: "hyperparameters".to_owned(), text: table }];
    expected.extend([0, 1, 2, 3, 4].map(expected_point));
    assert_eq!(read(&first), expected);
    let mut expected = vec![version, Seen::Start { step: 3 }];
    expected.extend([3, 11, 5_000_000_006].map(expected_point));
    assert_eq!(read(&second), expected);
}

#[test]
fn a_file_continued_at_an_offset_equals_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let held = Folder::open(folder.path()).unwrap();
    let mut whole = TensorBoard::create(&held, "whole.tfevents", START_UNIX_S).unwrap();
    write_points(&mut whole, &[1, 2, 3, 4]);
    let mut sink = TensorBoard::create(&held, "cut.tfevents", START_UNIX_S).unwrap();
    write_points(&mut sink, &[1, 2]);
    sink.flush().unwrap();
    let offset = sink.offset();
    write_points(&mut sink, &[7, 8, 9]);
    drop(sink);
    let mut sink = TensorBoard::append_at(&held, "cut.tfevents", offset, START_UNIX_S).unwrap();
    assert_eq!(sink.offset(), offset);
    write_points(&mut sink, &[3, 4]);
    assert_eq!(fs::read(held.path_of("cut.tfevents")).unwrap(), fs::read(held.path_of("whole.tfevents")).unwrap());
}

#[test]
fn tensorboard_reads_the_same_values_and_forgets_rewritten_steps() {
    let module = "tensorboard.backend.event_processing.event_file_loader";
    let Some(python) = needs::python(module, "tensorboard") else { return };
    let (folder, first, second) = run_in_two_files();
    let output = Command::new(python).arg("-c").arg(READER).args([folder.path(), &first, &second]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();

    let points = |steps: &[u64]| -> Vec<Value> {
        let rows = steps.iter().map(|&step| match expected_point(step) {
            Seen::Scalars { wall_s, step, values } => {
                values.into_iter().map(|(tag, bits)| json!([wall_s, step, tag, bits])).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        });
        rows.flatten().collect()
    };
    assert_eq!(found["files"][0], json!(points(&[0, 1, 2, 3, 4])));
    assert_eq!(found["files"][1], json!(points(&[3, 11, 5_000_000_006])));

    // Steps 3 and 4 of the first session are gone, step 3 of the second has taken the place.
    let mut kept = points(&[0, 1, 2, 3, 11, 5_000_000_006]);
    kept.sort_by_key(|row| row[2].as_str().unwrap().to_owned());
    assert_eq!(found["run"], json!(kept));
    assert_eq!(
        found["text"],
        json!(["| parameter | value |\n|---|---|\n| learning_rate | 3e-4 |\n| layout | a\\|b c |\n"])
    );
}

/// Prints what TensorBoard makes of a run: each file by its loader, the folder by its accumulator, f32 as bits.
const READER: &str = r#"
import json, struct, sys
from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.util import tensor_util
bits = lambda value: struct.unpack("<I", struct.pack("<f", value))[0]
folder, files = sys.argv[1], sys.argv[2:]
rows = []
for file in files:
    rows.append([])
    for event in event_file_loader.EventFileLoader(file).Load():
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                number = float(tensor_util.make_ndarray(value.tensor))
                rows[-1].append([event.wall_time, event.step, value.tag, bits(number)])
run = event_accumulator.EventAccumulator(folder, size_guidance={"tensors": 0, "scalars": 0}).Reload()
kept, text = [], []
for tag in sorted(run.Tags()["tensors"]):
    for event in run.Tensors(tag):
        array = tensor_util.make_ndarray(event.tensor_proto)
        if run.SummaryMetadata(tag).plugin_data.plugin_name == "text":
            text.extend(cell.decode() for cell in array)
        else:
            kept.append([event.wall_time, event.step, tag, bits(float(array))])
for tag in sorted(run.Tags()["scalars"]):
    kept.extend([event.wall_time, event.step, tag, bits(event.value)] for event in run.Scalars(tag))
print(json.dumps({"files": rows, "run": kept, "text": text}))
"#;
