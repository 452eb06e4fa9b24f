//! Messages that are missing, doubled or out of place, every checksum right: the recording is played or refused, and nothing
//! worse.

use agon::record::{
    Replay, verify,
    walker::{Part, walk},
};
use proptest::{prelude::*, sample::Index};

use crate::{
    Game,
    bombs::{MESSAGE, file, honest, record},
};

/// What becomes of a message.
#[derive(Clone, Debug)]
enum Mishap {
    /// It is gone.
    Omit,
    /// It is there twice.
    Repeat,
    /// It changes places with the next record.
    Swap,
    /// It is on this channel.
    Move(u16),
    /// It is of this tick.
    Delay(u32),
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        Just(Mishap::Omit),
        Just(Mishap::Repeat),
        Just(Mishap::Swap),
        (0_u16..8).prop_map(Mishap::Move),
        prop_oneof![0_u32..20, Just(u32::MAX)].prop_map(Mishap::Delay),
    ]
}

/// Opcode and body of every record in the chunks of a recording.
pub(crate) fn inner_records(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut inner = Vec::new();
    walk(bytes, &mut |part| {
        let Part::Chunk { mut content, .. } = part else { return Ok(()) };
        while let Some((opcode, rest)) = content.split_first() {
            let (len, rest) = rest.split_first_chunk::<8>().unwrap();
            let (body, rest) = rest.split_at(u64::from_le_bytes(*len) as usize);
            inner.push((*opcode, body.to_vec()));
            content = rest;
        }
        Ok(())
    });
    inner
}

/// A recording of these records in one chunk.
fn recording(records: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let content: Vec<Vec<u8>> = records.iter().map(|(opcode, body)| record(*opcode, body)).collect();
    file(&[honest(&content.concat())])
}

/// Lets `mishap` happen to the record at place `at`, a message: two bytes of channel, four of tick, times, content.
fn befall(records: &mut Vec<(u8, Vec<u8>)>, at: usize, mishap: &Mishap) {
    let next = (at + 1).min(records.len() - 1);
    match mishap {
        Mishap::Omit => drop(records.remove(at)),
        Mishap::Repeat => records.insert(at, records[at].clone()),
        Mishap::Swap => records.swap(at, next),
        Mishap::Move(channel) => records[at].1[..2].copy_from_slice(&channel.to_le_bytes()),
        Mishap::Delay(tick) => records[at].1[2..6].copy_from_slice(&tick.to_le_bytes()),
    }
}

/// Does everything with a recording that can be done with one; whether it could be opened.
fn is_played(bytes: Vec<u8>) -> bool {
    let Ok(mut replay) = Replay::from_bytes(bytes) else { return false };
    let last = *replay.ticks().end();
    for tick in [last, 0, last / 2] {
        let _ = (replay.seek(tick), replay.metrics(), replay.fork());
    }
    while let Ok(true) = replay.step() {}
    let _ = (replay.events(0..=last), verify(&mut replay, &|| {}));
    true
}

fn short() -> Vec<u8> {
    Game { keyframe_ticks: 4, ..Game::new(&[("max_steps", "7")], 16) }.play().0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_disorder_of_messages_brings_the_replay_down(
        mishaps in prop::collection::vec((any::<Index>(), mishap()), 1..4),
    ) {
        let mut records = inner_records(&short());
        for (index, mishap) in &mishaps {
            let messages: Vec<usize> = (0..records.len()).filter(|at| records[*at].0 == MESSAGE).collect();
            befall(&mut records, *index.get(&messages), mishap);
        }
        is_played(recording(&records));
    }
}

#[test]
fn in_order_they_are_played() {
    assert!(is_played(recording(&inner_records(&short()))));
}
