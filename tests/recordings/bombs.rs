//! Files made to harm: each is refused, at once and without much memory.

use agon::record::{
    Ending, Replay,
    walker::{Inner, MAGIC, MAX_CHUNK, Part, records, walk},
};

const HEADER: u8 = 0x01;
const SCHEMA: u8 = 0x03;
const CHANNEL: u8 = 0x04;
pub(crate) const MESSAGE: u8 = 0x05;
const CHUNK: u8 = 0x06;
const MESSAGE_INDEX: u8 = 0x07;
const METADATA: u8 = 0x0C;
const DATA_END: u8 = 0x0F;

/// A record that claims to be as long as it is.
pub(crate) fn record(opcode: u8, body: &[u8]) -> Vec<u8> {
    [&[opcode], &(body.len() as u64).to_le_bytes()[..], body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A chunk that claims to unpack to `size` bytes.
fn chunk(compression: &str, size: u64, crc: u32, packed: &[u8]) -> Vec<u8> {
    let body = [
        &[0; 16][..],
        &size.to_le_bytes(),
        &crc.to_le_bytes(),
        &text(compression),
        &(packed.len() as u64).to_le_bytes(),
        packed,
    ];
    record(CHUNK, &body.concat())
}

/// A chunk that is what it claims to be.
pub(crate) fn honest(content: &[u8]) -> Vec<u8> {
    chunk("", content.len() as u64, crc32fast::hash(content), content)
}

fn channel(id: u16, topic: &str) -> Vec<u8> {
    record(CHANNEL, &[&id.to_le_bytes()[..], &[0; 2], &text(topic), &text("json"), &[0; 4]].concat())
}

fn message(channel: u16, sequence: u32, data: &[u8]) -> Vec<u8> {
    record(MESSAGE, &[&channel.to_le_bytes()[..], &sequence.to_le_bytes(), &[0; 16], data].concat())
}

/// A file of these records.
pub(crate) fn file(records: &[Vec<u8>]) -> Vec<u8> {
    let header = record(HEADER, &[text("agon"), text("agon")].concat());
    [&MAGIC[..], &header, &records.concat()].concat()
}

/// Nothing of the file is taken for a message, and it is no recording.
#[track_caller]
fn refused(bytes: &[u8], because: &str) {
    let ending = walk(bytes, &mut |part| {
        let Part::Chunk { content, .. } = part else { return Ok(()) };
        for record in records(content) {
            assert!(!matches!(record?, Inner::Message { .. }), "a message came out");
        }
        Ok(())
    });
    let Ending::Damaged { why, .. } = ending else { panic!("{ending:?}") };
    assert!(why.contains(because), "{why}");
    assert!(Replay::from_bytes(bytes.to_vec()).is_err());
}

#[test]
fn sizes_that_cannot_be_are_not_believed() {
    for len in [1 << 32, 1 << 62, 1 << 63, u64::MAX - 8, u64::MAX] {
        for opcode in [HEADER, CHANNEL, CHUNK, METADATA, DATA_END, 0xFF] {
            refused(&file(&[[&[opcode], &u64::to_le_bytes(len)[..]].concat()]), "claims to be longer");
        }
        refused(&file(&[chunk("", len, 0, &[0; 40])]), "unpack to more");
        refused(&file(&[chunk("zstd", len, 0, &[0; 40])]), "unpack to more");
        let packed_len = [&[0; 28][..], &text(""), &len.to_le_bytes(), &[0; 40]].concat();
        refused(&file(&[record(CHUNK, &packed_len)]), "do not add up");
    }
    let topic = [&[1, 0, 0, 0][..], &u32::MAX.to_le_bytes(), b"/a"].concat();
    refused(&file(&[honest(&record(CHANNEL, &topic))]), "cannot be read");
    let compression = [&[0; 28][..], &u32::MAX.to_le_bytes(), &[0; 40]].concat();
    refused(&file(&[record(CHUNK, &compression)]), "do not add up");
    for len in [1 << 63, u64::MAX, 41] {
        let inner = [&[MESSAGE], &u64::to_le_bytes(len)[..], &[0; 40]].concat();
        refused(&file(&[honest(&inner)]), "cannot be read");
    }
}

#[test]
fn little_that_unpacks_to_much_is_refused() {
    let zeros = vec![0; 4 * MAX_CHUNK];
    let bomb = zstd::bulk::compress(&zeros, 19).unwrap();
    assert!(bomb.len() < 16 << 10);
    let crc = crc32fast::hash(&zeros);
    refused(&file(&[chunk("zstd", zeros.len() as u64, crc, &bomb)]), "unpack to more");
    for claimed in [0, 1, 1024, MAX_CHUNK as u64] {
        refused(&file(&[chunk("zstd", claimed, crc, &bomb)]), "does not unpack");
    }
    let little = zstd::bulk::compress(&[7; 100], 1).unwrap();
    refused(&file(&[chunk("zstd", 101, crc32fast::hash(&[7; 100]), &little)]), "another length");
    refused(&file(&[chunk("zstd", 40, 0, &[0; 40])]), "does not unpack");
    refused(&file(&[chunk("lz4", 40, 0, &[0; 40])]), "compression");
}

#[test]
fn many_chunks_that_unpack_to_much_are_refused_before_they_are() {
    // Each is as long as a chunk may be, and its one record is skipped: nothing else tells what this costs.
    let len = MAX_CHUNK - 9;
    let content = record(SCHEMA, &vec![0; len]);
    let packed = zstd::bulk::compress(&content, 19).unwrap();
    let bomb = chunk("zstd", content.len() as u64, crc32fast::hash(&content), &packed);
    let bytes = file(&vec![bomb; 300]);
    assert!(bytes.len() < 1 << 20);
    let mut unpacked = 0;
    walk(&bytes, &mut |part| {
        unpacked += if let Part::Chunk { content, .. } = part { content.len() } else { 0 };
        Ok(())
    });
    assert!(unpacked <= (64 << 20) + 1024 * bytes.len(), "{unpacked}");
    refused(&bytes, "the most for a file of");
}

#[test]
fn many_records_that_say_nothing_are_refused() {
    let content = record(SCHEMA, &[]).repeat(1 << 19);
    let packed = zstd::bulk::compress(&content, 19).unwrap();
    let bomb = chunk("zstd", content.len() as u64, crc32fast::hash(&content), &packed);
    let error = Replay::from_bytes(file(&vec![bomb; 4])).err().unwrap().to_string();
    assert!(error.contains("records, the most for a file"), "{error}");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    refused(&file(&[honest(&honest(&[]))]), "cannot be read");
    refused(&file(&[message(0, 0, b"{}")]), "does not belong");
    refused(&file(&[channel(1, "/events")]), "does not belong");
    refused(&file(&[chunk("", 2, 1, b"{}")]), "checksum");
    refused(&file(&[record(MESSAGE_INDEX, &[0; 7])]), "does not belong");
    refused(&file(&[record(METADATA, &[0xFF; 3])]), "metadata");
    refused(&file(&[record(DATA_END, &[0; 3])]), "cannot be read");
    refused(&file(&[record(DATA_END, &[1; 4])]), "checksum");
    refused(b"PK\x03\x04 something else", "no MCAP file");
    refused(&[&MAGIC[..], &record(METADATA, b"")].concat(), "no header");
}

#[test]
fn empty_things_are_no_recording() {
    for bytes in [vec![], MAGIC.to_vec(), file(&[]), file(&[honest(&[])]), file(&[vec![CHUNK], vec![]])] {
        assert!(Replay::from_bytes(bytes).is_err());
    }
    let content = [channel(1, "/recording"), message(1, 0, b"")].concat();
    let error = Replay::from_bytes(file(&[honest(&content)])).err().unwrap().to_string();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn ticks_come_in_order_and_channels_are_known() {
    let open = |content: Vec<u8>| Replay::from_bytes(file(&[honest(&content)])).err().unwrap().to_string();
    let channels = [channel(1, "/actions/a"), channel(2, "/metrics")].concat();
    for messages in [
        message(1, 2, b""),
        message(2, 1, b""),
        [message(1, 1, b""), message(1, 1, b"")].concat(),
        [message(1, 1, b""), message(2, 0, b"")].concat(),
        message(1, u32::MAX, b""),
    ] {
        let error = open([channels.clone(), messages].concat());
        assert!(error.contains("was the last"), "{error}");
    }
    assert!(open(message(3, 0, b"")).contains("never declared"));
    let many: Vec<Vec<u8>> = (0..100).map(|id| channel(id, "/x")).collect();
    assert!(open(many.concat()).contains("more channels"));
    assert!(open([channel(1, "/x"), channel(1, "/y")].concat()).contains("declared twice"));
    assert!(open(channel(1, &"/x".repeat(1000))).contains("a topic of 2000 bytes"));
}
