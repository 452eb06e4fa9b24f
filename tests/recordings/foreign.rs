//! A recording written by somebody else, every checksum right: what it says is still not believed.

use std::collections::BTreeMap;

use agon::{
    record::{
        Replay,
        messages::{Cause, KEYFRAMES, Keyframe, RECORDING, SCENARIO},
        verify,
        walker::{Inner, Part, records, walk},
    },
    sim::snapshot::hash_of,
};
use mcap::{WriteOptions, records::MessageHeader};
use proptest::prelude::*;

use crate::Game;

/// Writes `bytes` anew with each message replaced by what `change` makes of its topic and content.
fn rewritten(bytes: &[u8], change: impl Fn(&str, u32, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let options = WriteOptions::new().compression_threads(0);
    let mut writer = options.create(std::io::Cursor::new(Vec::new())).unwrap();
    let mut topics: BTreeMap<u16, (String, u16)> = BTreeMap::new();
    walk(bytes, &mut |part| {
        let Part::Chunk { content, .. } = part else { return Ok(()) };
        for record in records(content) {
            match record? {
                Inner::Schema => {}
                Inner::Channel { id, topic } => {
                    let written = writer.add_channel(0, topic, "", &BTreeMap::new()).unwrap();
                    topics.insert(id, (topic.to_owned(), written));
                }
                Inner::Message { channel, sequence, log_time_ns, data } => {
                    let (topic, channel_id) = &topics[&channel];
                    let header = MessageHeader {
                        channel_id: *channel_id,
                        sequence,
                        log_time: log_time_ns,
                        publish_time: log_time_ns,
                    };
                    let data = change(topic, sequence, content[data].to_vec());
                    writer.write_to_known_channel(&header, &data).unwrap();
                }
            }
        }
        Ok(())
    });
    writer.finish().unwrap();
    writer.into_inner().into_inner()
}

/// Plays as much as can be played.
fn play(bytes: Vec<u8>) -> bool {
    let Ok(mut replay) = Replay::from_bytes(bytes) else { return false };
    for tick in [0, 9, 3, 25, 20] {
        let _ = replay.seek(tick);
        let _ = replay.step();
    }
    let _ = replay.events(0..=25);
    verify(&mut replay, &|| {}).is_ok()
}

fn short() -> Vec<u8> {
    Game::new(&[("max_steps", "15")], 25).play().0
}

#[test]
fn rewritten_by_another_program_it_is_the_same_recording() {
    assert!(play(rewritten(&short(), |_, _, data| data)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_state_of_a_keyframe_brings_the_simulation_down(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let state_of = |data: &[u8]| {
            let mut state = Keyframe::decode(data).unwrap().state.to_vec();
            edits.iter().for_each(|(at, byte)| { let at = at.index(state.len()); state[at] = *byte; });
            Keyframe { cause: Cause::Edit, hash: hash_of(&state), state: &state }.encode()
        };
        play(rewritten(&short(), |topic, _, data| if topic == KEYFRAMES { state_of(&data) } else { data }));
    }

    #[test]
    fn no_message_brings_the_replay_down(
        tick in 0_u32..26,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let edited = |mut data: Vec<u8>| {
            if !data.is_empty() {
                edits.iter().for_each(|(at, byte)| { let at = at.index(data.len()); data[at] = *byte; });
                cut.iter().for_each(|cut| data.truncate(cut.index(data.len())));
            }
            data
        };
        // A scenario is free to ask for a thousand drones; that takes its time, not more.
        play(rewritten(&short(), |topic, at, data| if at == tick && topic != SCENARIO { edited(data) } else { data }));
    }
}

#[test]
fn a_header_that_does_not_fit_is_refused() {
    let change = |from: &'static str, to: &'static str| {
        let changed = rewritten(&short(), |topic, _, data| match topic {
            RECORDING => String::from_utf8(data).unwrap().replace(from, to).into_bytes(),
            _ => data,
        });
        Replay::from_bytes(changed).err().map(|error| error.to_string())
    };
    assert_eq!(change("", ""), None);
    assert!(change("\"version\":2", "\"version\":3").unwrap().contains("newer"));
    assert!(change("9223372036854775808", "18446744073709551615").unwrap().contains("env"));
    assert!(change("9223372036854775808", "5").unwrap().contains("another env"));
    assert!(change("9223372036854775808", "-1").unwrap().contains("cannot be read"));
}
