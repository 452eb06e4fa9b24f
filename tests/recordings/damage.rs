//! A recording that was cut or damaged is good up to there, and says so.

use std::{cell::RefCell, io, rc::Rc};

use agon::record::{
    Ending, Recorder, Replay,
    walker::{Inner, Part, records, walk},
};

use crate::{Game, SLOT, shown};

/// Channel, tick, time and content of a message.
type Said = (u16, u32, u64, Vec<u8>);

/// Everything that a file says, and the end of the walk over it.
fn said(bytes: &[u8]) -> (Vec<Said>, Ending) {
    let mut said = Vec::new();
    let ending = walk(bytes, &mut |part| {
        let Part::Chunk { content, .. } = part else { return Ok(()) };
        for record in records(content) {
            if let Inner::Message { channel, sequence, log_time_ns, data } = record? {
                said.push((channel, sequence, log_time_ns, content[data].to_vec()));
            }
        }
        Ok(())
    });
    (said, ending)
}

/// Where the chunks of a file end.
fn chunk_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    walk(bytes, &mut |part| {
        if let Part::Chunk { record, .. } = part {
            ends.push(record.end);
        }
        Ok(())
    });
    ends
}

/// A recording of several chunks, with what was shown at each tick and the last tick of each chunk.
fn in_chunks() -> (Vec<u8>, Vec<crate::Shown>, Vec<u64>) {
    let game = Game::new(&[("max_steps", "17")], 0);
    let (mut lane, mut policy) = (game.lane(), crate::policy(&game.scenario, "random"));
    let mut recorder = Recorder::start(Vec::new(), &game.opening(), lane.world(), SLOT).unwrap();
    let (mut played, mut ends) = (vec![shown(&lane, SLOT)], Vec::new());
    for tick in 1..=40 {
        lane.act(&mut *policy, 0).unwrap();
        lane.step();
        recorder.tick(lane.world(), SLOT).unwrap();
        played.push(shown(&lane, SLOT));
        if tick % 7 == 0 {
            recorder.flush().unwrap();
            ends.push(tick);
        }
    }
    ends.push(40);
    (recorder.finish().unwrap(), played, ends)
}

#[test]
fn cut_after_a_chunk_it_plays_up_to_there() {
    let (bytes, played, last_ticks) = in_chunks();
    let ends = chunk_ends(&bytes);
    assert_eq!(ends.len(), last_ticks.len());
    for (end, last) in ends.into_iter().zip(last_ticks) {
        for cut in [end, end + 1, end + 30] {
            let mut replay = Replay::from_bytes(bytes[..cut].to_vec()).unwrap();
            assert_eq!((replay.ticks(), replay.header().finished), (0..=last, false));
            assert!(matches!(replay.ending(), Ending::Cut { at } if *at >= end as u64 && *at <= cut as u64));
            replay.seek(last).unwrap();
            assert_eq!(shown(replay.lane(), 0), played[last as usize]);
            assert!(!replay.step().unwrap());
            assert!(replay.seek(last + 1).is_err());
        }
    }
}

#[test]
fn cut_anywhere_it_says_all_that_was_complete_and_nothing_else() {
    let (bytes, ..) = in_chunks();
    let (whole, ends) = (said(&bytes).0, chunk_ends(&bytes));
    let complete: Vec<usize> = ends.iter().map(|end| said(&bytes[..*end]).0.len()).collect();
    for cut in (0..bytes.len()).step_by(1 + bytes.len() / 4000) {
        let (found, ending) = said(&bytes[..cut]);
        let chunks = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(found.len(), if chunks == 0 { 0 } else { complete[chunks - 1] }, "cut at {cut}");
        assert!(whole.starts_with(&found) && matches!(ending, Ending::Cut { .. }), "cut at {cut}: {ending:?}");
        assert_eq!(Replay::from_bytes(bytes[..cut].to_vec()).is_ok(), chunks > 0, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_is_noticed_and_nothing_before_it_is_lost() {
    let (mut bytes, ..) = in_chunks();
    let (whole, ends) = (said(&bytes).0, chunk_ends(&bytes));
    let complete: Vec<usize> = ends.iter().map(|end| said(&bytes[..*end]).0.len()).collect();
    let (mut unnoticed, step) = (0, 1 + bytes.len() * 8 / 30_000);
    for bit in (0..bytes.len() * 8).step_by(step) {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (found, ending) = said(&bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(whole.starts_with(&found), "bit {bit}: another message");
        let before = ends.iter().filter(|end| **end * 8 <= bit).count();
        assert!(
            found.len() >= if before == 0 { 0 } else { complete[before - 1] },
            "bit {bit}: lost what was before it"
        );
        unnoticed += usize::from(ending == Ending::Complete);
    }
    assert_eq!(unnoticed, 0, "every byte of the file is covered by a checksum");
}

#[test]
fn a_damaged_recording_plays_up_to_the_damage_or_is_refused() {
    let (mut bytes, played, last_ticks) = in_chunks();
    let ends = chunk_ends(&bytes);
    let mut opened = 0;
    for bit in (0..bytes.len() * 8).step_by(1 + bytes.len() * 8 / 300) {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(mut replay) = Replay::from_bytes(bytes.clone()) {
            let good = ends.iter().filter(|end| **end * 8 <= bit).count();
            let last = *replay.ticks().end();
            assert!(!replay.header().finished && last >= last_ticks[good.max(1) - 1], "bit {bit}");
            replay.seek(last).unwrap();
            assert_eq!(shown(replay.lane(), 0), played[last as usize], "bit {bit}");
            opened += 1;
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(opened > 100, "{opened}");
}

/// Opens `bytes`, which are wrong from byte `good` on, and compares all that is played with what was; how many ticks.
fn play_damaged(bytes: Vec<u8>, good: usize, whole: &(Vec<u8>, Vec<crate::Shown>, Vec<u64>)) -> Option<u64> {
    let (_, played, last_ticks) = whole;
    let complete = chunk_ends(&whole.0).iter().filter(|end| **end <= good).count();
    let Ok(mut replay) = Replay::from_bytes(bytes) else {
        // The first chunk holds the scenario.
        assert_eq!(complete, 0, "damage at {good}: nothing came of what was complete");
        return None;
    };
    let last = *replay.ticks().end();
    assert!(!replay.header().finished && last >= last_ticks[complete.max(1) - 1], "damage at {good}: {last}");
    for tick in 0..=last {
        replay.seek(tick).unwrap();
        assert_eq!(shown(replay.lane(), 0), played[tick as usize], "damage at {good}, tick {tick}");
    }
    Some(last)
}

#[test]
#[ignore = "make torture"]
fn no_prefix_and_no_flipped_bit_is_played_as_something_else() {
    use rayon::prelude::*;
    let whole = in_chunks();
    let bytes = &whole.0;
    let prefixes = (0..bytes.len()).into_par_iter().filter_map(|cut| play_damaged(bytes[..cut].to_vec(), cut, &whole));
    let flip = |bit: usize| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        play_damaged(bytes, bit / 8, &whole)
    };
    let flips = (0..8 * bytes.len()).into_par_iter().filter_map(flip);
    let (prefixes, flips) = (prefixes.count(), flips.count());
    println!("{prefixes} of {} prefixes and {flips} of {} flips played", bytes.len(), 8 * bytes.len());
    assert!(prefixes > bytes.len() / 2 && flips > 4 * bytes.len());
}

/// A sink that others can look into.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_was_flushed_can_be_read_while_the_recorder_runs_on() {
    let game = Game::new(&[], 0);
    let (sink, mut lane) = (Shared::default(), game.lane());
    let mut recorder = Recorder::start(sink.clone(), &game.opening(), lane.world(), SLOT).unwrap();
    for tick in 1..=12 {
        lane.step();
        recorder.tick(lane.world(), SLOT).unwrap();
        recorder.flush().unwrap();
        let replay = Replay::from_bytes(sink.0.borrow().clone()).unwrap();
        assert_eq!((replay.ticks(), replay.header().finished), (0..=tick, false));
    }
    drop(recorder);
    let dropped = Replay::from_bytes(sink.0.borrow().clone()).unwrap();
    assert_eq!((dropped.ending(), dropped.header().finished), (&Ending::Complete, false), "nobody said it was done");
}

/// A disk that is full after some bytes.
struct Full(usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_and_stays_told() {
    let game = Game::new(&[], 0);
    for room in [0, 50, 3000] {
        let mut lane = game.lane();
        let Ok(mut recorder) = Recorder::start(Full(room), &game.opening(), lane.world(), SLOT) else {
            assert!(room < 100);
            continue;
        };
        let mut told = None;
        for _ in 0..30 {
            lane.step();
            let done = recorder.tick(lane.world(), SLOT).and_then(|()| recorder.flush());
            told = told.or(done.err());
        }
        assert!(told.unwrap().to_string().contains("the disk is full"), "room for {room} bytes");
        assert!(recorder.finish().is_err());
    }
}
