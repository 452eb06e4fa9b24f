//! What other programs make of a recording when they write it anew: it is the same recording.

use agon::record::{Coverage, Ending, Outcome, Replay, verify};
use mcap::{Compression, WriteOptions};

use crate::{
    Game,
    bombs::{MESSAGE, file, honest, record},
    disorder::inner_records,
    forgery::Content,
    shown,
};

fn game() -> Game {
    Game::new(&[("max_steps", "15")], 25)
}

/// Plays like the original, and is identical.
#[track_caller]
fn same(bytes: Vec<u8>, played: &[crate::Shown]) -> Replay {
    let mut replay = Replay::from_bytes(bytes).unwrap();
    for tick in [25, 0, 13, 7, 15, 16] {
        replay.seek(tick).unwrap();
        assert_eq!(shown(replay.lane(), 0), played[tick as usize], "at {tick}");
    }
    while replay.step().unwrap() {}
    let verdict = verify(&mut replay, &|| {}).unwrap();
    assert_eq!((verdict.difference.clone(), verdict.ticks), (None, 25));
    replay
}

#[test]
fn chunks_may_end_within_a_tick() {
    let (bytes, played) = game().play();
    for size in [1, 100, 500, 3000, 1 << 20] {
        for compression in [None, Some(Compression::Zstd)] {
            let options = WriteOptions::new().chunk_size(Some(size)).compression(compression);
            let mut replay = same(Content::of(&bytes).write(options), &played);
            let verdict = verify(&mut replay, &|| {}).unwrap();
            assert_eq!(verdict.outcome(&replay), Outcome::Identical, "chunks of {size} bytes");
        }
    }
}

#[test]
fn a_cut_within_a_tick_costs_that_tick_alone() {
    let (bytes, played) = game().play();
    let whole = Content::of(&bytes).write(WriteOptions::new().chunk_size(Some(1)).compression(None));
    let mut last_tick = 0;
    for cut in (0..whole.len()).step_by(233) {
        let Ok(mut replay) = Replay::from_bytes(whole[..cut].to_vec()) else { continue };
        let last = *replay.ticks().end();
        assert!(last >= last_tick, "cut at {cut}");
        last_tick = last;
        replay.seek(last).unwrap();
        assert_eq!(replay.lane().hash(0), played[last as usize].state, "cut at {cut}");
        let verdict = verify(&mut replay, &|| {}).unwrap();
        let is_whole = *replay.ending() == Ending::Complete;
        assert!(is_whole || verdict.outcome(&replay) == Outcome::Incomplete, "cut at {cut}: {verdict:?}");
    }
    assert!(last_tick >= 24, "{last_tick}");
}

#[test]
fn channels_may_be_declared_in_each_chunk_again() {
    let (bytes, played) = game().play();
    let records = inner_records(&bytes);
    let (messages, declared): (Vec<_>, Vec<_>) = records.into_iter().partition(|(opcode, _)| *opcode == MESSAGE);
    let written = |records: &[(u8, Vec<u8>)]| records.iter().flat_map(|(kind, body)| record(*kind, body)).collect();
    let declared: Vec<u8> = written(&declared);
    let chunk = |messages: &[(u8, Vec<u8>)]| honest(&[declared.clone(), written(messages)].concat());
    let chunks: Vec<Vec<u8>> = messages.chunks(10).map(chunk).collect();
    same(file(&chunks), &played);
}

#[test]
fn a_checksum_of_zero_means_that_there_is_none() {
    let (bytes, played) = game().play();
    let content = Content::of(&bytes);
    let coverage = |options: WriteOptions| {
        let mut replay = same(content.write(options), &played);
        let verdict = verify(&mut replay, &|| {}).unwrap();
        assert_eq!(verdict.outcome(&replay), Outcome::Identical, "{:?}", replay.ending());
        replay.uncovered()
    };
    let all = Coverage::default();
    let options = || WriteOptions::new().chunk_size(Some(4000));
    assert_eq!(coverage(options()), all);
    assert_eq!(coverage(options().calculate_data_section_crc(false)), Coverage { between_chunks: true, ..all });
    assert_eq!(coverage(options().calculate_summary_section_crc(false)), Coverage { summary: true, ..all });
    // Without checksums of chunks the crate's own checksum of the data leaves chunks out.
    let no_chunk = coverage(options().calculate_chunk_crcs(false).calculate_data_section_crc(false));
    assert!(no_chunk.chunks > 3 && no_chunk.between_chunks && !no_chunk.summary);
    // Without a summary the footer says that it begins at 0.
    coverage(options().emit_summary_records(false).emit_summary_offsets(false));
}

#[test]
fn a_checksum_that_is_given_has_to_be_right() {
    let (bytes, _) = game().play();
    let data_end = bytes.windows(9).rposition(|window| *window == [0x0F, 4, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let with_crc = |crc: [u8; 4]| {
        let mut changed = bytes.clone();
        changed[data_end + 9..data_end + 13].copy_from_slice(&crc);
        Replay::from_bytes(changed).unwrap()
    };
    assert!(with_crc([0; 4]).header().finished);
    let wrong = with_crc([1, 0, 0, 0]);
    assert!(matches!(wrong.ending(), Ending::Damaged { .. }) && !wrong.header().finished);
}
