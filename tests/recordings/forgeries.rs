//! Somebody changed a recording and made every checksum right again: what follows from states and actions gives it away.

use agon::{
    domains::jamming::components::Position,
    record::{
        Difference, Event, Outcome, Recorder, Replay,
        messages::{ACTIONS, Cause, EVENTS, KEYFRAMES, Keyframe, METRICS, RECORDING, REWARDS, SCENARIO},
        verify,
    },
};

use crate::{
    Game, SLOT,
    forgery::{Content, Said, forged},
};

/// Episodes of 25 ticks, keyframes every 10 and at starts of episodes; the last before the end is of tick 55.
fn recording() -> Vec<u8> {
    Game::new(&[("max_steps", "25")], 58).play().0
}

fn outcome(bytes: Vec<u8>) -> (Outcome, Option<Difference>) {
    let mut replay = Replay::from_bytes(bytes).unwrap();
    let verdict = verify(&mut replay, &|| {}).unwrap();
    (verdict.outcome(&replay), verdict.difference)
}

/// The change is found at its tick, and told as what it is.
#[track_caller]
fn found_out(tick: u64, what: &str, change: impl FnOnce(&mut Content)) {
    let (outcome, difference) = outcome(forged(&recording(), change));
    let difference = difference.expect("identical, it says");
    assert_eq!((outcome, difference.tick), (Outcome::Different, tick), "{difference:?}");
    assert!(difference.what.contains(what), "{difference:?}");
}

/// Value of the first number behind `key`, as it is written.
fn number_at(content: &mut Content, topic: &str, tick: u32, key: &str) -> String {
    let text = String::from_utf8(content.at(topic, tick).data.clone()).unwrap();
    let rest = text.split_once(&format!("\"{key}\":")).unwrap().1.trim_start_matches('[');
    rest.split([',', ']', '}']).next().unwrap().to_owned()
}

#[test]
fn unchanged_it_is_identical_whoever_wrote_the_file() {
    assert_eq!(outcome(recording()), (Outcome::Identical, None));
    assert_eq!(outcome(forged(&recording(), |_| {})), (Outcome::Identical, None));
}

#[test]
fn a_changed_metric_is_found() {
    for tick in [1, 33, 58] {
        found_out(u64::from(tick), "metrics `lambda2`", |content| {
            let old = number_at(content, METRICS, tick, "lambda2");
            content.replace(METRICS, tick, &format!("\"lambda2\":{old}"), "\"lambda2\":0.123");
        });
    }
    found_out(7, "metrics", |content| content.at(METRICS, 7).data = b"{}".to_vec());
    found_out(7, "metrics", |content| content.messages.retain(|said| said.topic != METRICS || said.tick != 7));
}

#[test]
fn a_changed_reward_is_found_total_or_term() {
    found_out(12, "rewards of jammers `total[0]`", |content| {
        let old = number_at(content, REWARDS, 12, "total");
        content.replace(REWARDS, 12, &old, "0.5");
    });
    found_out(58, "rewards of jammers `terms.energy[0]`", |content| {
        let old = number_at(content, REWARDS, 58, "energy");
        content.replace(REWARDS, 58, &format!("\"energy\":[{old}"), "\"energy\":[0.5");
    });
}

#[test]
fn the_same_numbers_written_in_another_way_are_found() {
    found_out(3, "metrics", |content| content.replace(METRICS, 3, "{", "{\"lambda2\":1.0,"));
    found_out(3, "metrics", |content| content.replace(METRICS, 3, "{", "{ "));
}

#[test]
fn an_end_of_an_episode_that_was_changed_left_out_or_made_up_is_found() {
    found_out(25, "end of an episode `episode_return`", |content| {
        let old = number_at(content, EVENTS, 25, "episode_return");
        content.replace(EVENTS, 25, &old, "99.0");
    });
    found_out(50, "end of an episode", |content| {
        content.messages.retain(|said| said.topic != EVENTS || said.tick != 50);
    });
    found_out(30, "end of an episode", |content| {
        let mut end = content.at(EVENTS, 25).clone();
        let at = content.messages.iter().rposition(|said| said.tick == 30).unwrap();
        (end.tick, end.time_ns) = (30, content.messages[at].time_ns);
        content.messages.insert(at + 1, end);
    });
}

#[test]
fn actions_changed_after_the_last_keyframe_are_found_at_the_end() {
    let (bytes, last) = (recording(), 58);
    let changed = forged(&bytes, |content| content.at(ACTIONS, last).data[3] ^= 0x80);
    let (outcome, difference) = outcome(changed);
    assert_eq!((outcome, difference.unwrap().tick), (Outcome::Different, 58));
    // The state at the end is there to be compared with.
    let content = Content::of(&bytes);
    let end = content.messages.iter().rfind(|said| said.topic == KEYFRAMES).unwrap();
    assert_eq!(end.tick, last);
}

#[test]
fn a_state_at_the_end_that_was_taken_away_is_missed() {
    found_out(58, "state at the end", |content| {
        content.messages.retain(|said| said.topic != KEYFRAMES || said.tick != 58);
    });
}

#[test]
fn keyframes_marked_as_edits_are_no_edits() {
    let mark = |content: &mut Content| {
        for said in content.messages.iter_mut().filter(|said| said.topic == KEYFRAMES && said.tick > 0) {
            said.data[0] = 2;
        }
    };
    found_out(10, "state", mark);
    // With actions that nobody took, the metrics give it away before.
    found_out(1, "", |content| {
        mark(content);
        content.messages.iter_mut().filter(|said| said.topic.starts_with(ACTIONS)).for_each(|said| said.data.fill(0));
    });
    // And with a scenario before each, as an edit has it, the state before the edit is missed.
    found_out(10, "state before an edit", |content| {
        mark(content);
        let scenario = content.at(SCENARIO, 0).data.clone();
        let with_scenario = |said: &Said| {
            let is_edit = said.topic == KEYFRAMES && said.tick > 0;
            let before = Said { topic: SCENARIO.to_owned(), data: scenario.clone(), ..said.clone() };
            is_edit.then_some(before).into_iter().chain([said.clone()])
        };
        content.messages = content.messages.iter().flat_map(with_scenario).collect();
    });
}

#[test]
fn an_edit_is_counted_and_named_and_taken_as_it_was_recorded() {
    let game = Game::new(&[], 0);
    let mut lane = game.lane();
    let mut recorder = Recorder::start(Vec::new(), &game.opening(), lane.world(), SLOT).unwrap();
    for tick in 1..=9 {
        lane.step();
        recorder.tick(lane.world(), SLOT).unwrap();
        if tick % 3 == 0 {
            let world = lane.world_mut();
            world.query::<&mut Position>().iter_mut(world).for_each(|mut position| position.0.x *= 0.5);
            let what = Event::StateEdited { what: format!("edit {tick}") };
            recorder.edit(lane.world(), SLOT, &game.scenario, &[what]).unwrap();
        }
    }
    let bytes = recorder.finish().unwrap();
    let mut replay = Replay::from_bytes(bytes.clone()).unwrap();
    let verdict = verify(&mut replay, &|| {}).unwrap();
    assert_eq!((verdict.outcome(&replay), verdict.num_edits), (Outcome::Identical, 3));
    let named: Vec<(u64, &str)> = verdict.edits.iter().map(|edit| (edit.tick, edit.what[0].as_str())).collect();
    assert_eq!(named, [(3, "edit 3"), (6, "edit 6"), (9, "edit 9")]);
    // What the actions led to before the edit is compared all the same.
    let (outcome, difference) = outcome(forged(&bytes, |content| content.at(ACTIONS, 5).data[3] ^= 0x40));
    assert_eq!(outcome, Outcome::Different);
    assert!((5..=6).contains(&difference.unwrap().tick));
}

#[test]
fn a_scenario_or_an_edit_without_the_state_it_leads_to_is_found() {
    let after = |content: &mut Content, tick: u32, said: &dyn Fn(&Said) -> Said| {
        let at = content.messages.iter().rposition(|said| said.tick == tick).unwrap();
        let said = said(&content.messages[at]);
        content.messages.insert(at + 1, said);
    };
    found_out(13, "edit", |content| {
        let scenario = content.at(SCENARIO, 0).data.clone();
        after(content, 13, &|at| Said { topic: SCENARIO.to_owned(), data: scenario.clone(), ..at.clone() });
    });
    found_out(13, "edit", |content| {
        let data = br#"{"kind":"state_edited","what":"nothing"}"#.to_vec();
        after(content, 13, &|at| Said { topic: EVENTS.to_owned(), data: data.clone(), ..at.clone() });
    });
    found_out(13, "beginning", |content| {
        let data = content.at(RECORDING, 0).data.clone();
        after(content, 13, &|at| Said { topic: RECORDING.to_owned(), data: data.clone(), ..at.clone() });
    });
}

#[test]
fn messages_told_twice_or_at_another_time_are_found() {
    for topic in [METRICS, REWARDS] {
        found_out(21, "", |content| {
            let at = content.messages.iter().position(|said| said.tick == 21 && said.topic.starts_with(topic)).unwrap();
            let mut twice = content.messages[at].clone();
            twice.data = b"{}".to_vec();
            content.messages.insert(at + 1, twice);
        });
    }
    found_out(21, "time of a message", |content| content.at(METRICS, 21).time_ns += 1);
}

#[test]
fn ticks_that_were_taken_away_at_the_end_are_missed() {
    found_out(55, "number of ticks", |content| content.messages.retain(|said| said.tick <= 55));
    found_out(58, "number of ticks", |content| content.finished = Some("9".to_owned()));
}

#[test]
fn a_state_with_the_right_hash_that_does_not_follow_is_found() {
    let other = Game { seed: 8, ..Game::new(&[("max_steps", "25")], 58) }.play().0;
    found_out(20, "state", |content| {
        content.at(KEYFRAMES, 20).data = Content::of(&other).at(KEYFRAMES, 20).data.clone();
    });
    let at = |content: &mut Content| Keyframe::decode(&content.at(KEYFRAMES, 20).data.clone()).unwrap().cause;
    assert_eq!(at(&mut Content::of(&recording())), Cause::Passing);
}

#[test]
fn inserted_and_doubled_bytes_are_damage_and_no_cut() {
    let bytes = recording();
    for at in (0..bytes.len()).step_by(1 + bytes.len() / 50) {
        let doubled = &bytes[at..bytes.len().min(at + 40)];
        for inserted in [&b"\x00"[..], &[0x05; 9], doubled] {
            let changed = [&bytes[..at], inserted, &bytes[at..]].concat();
            let Ok(mut replay) = Replay::from_bytes(changed) else { continue };
            let verdict = verify(&mut replay, &|| {}).unwrap();
            assert_eq!(verdict.outcome(&replay), Outcome::Different, "{} bytes at {at}", inserted.len());
        }
    }
}

#[test]
fn whether_it_begins_as_its_seed_says_is_told() {
    let begins_as_seeded = |bytes: Vec<u8>| {
        let mut replay = Replay::from_bytes(bytes).unwrap();
        verify(&mut replay, &|| {}).unwrap().begins_as_seeded
    };
    assert!(begins_as_seeded(recording()));
    let reseeded = forged(&recording(), |content| content.replace(RECORDING, 0, "\"seed\":\"7\"", "\"seed\":\"8\""));
    assert!(!begins_as_seeded(reseeded.clone()));
    // The next episode begins where its seed says.
    assert_eq!(outcome(reseeded).0, Outcome::Different);
}

#[test]
fn a_recording_of_version_1_is_verified_as_far_as_it_goes() {
    let bytes = include_bytes!("fixtures/version-1.mcap");
    let mut replay = Replay::from_bytes(bytes.to_vec()).unwrap();
    let verdict = verify(&mut replay, &|| {}).unwrap();
    assert_eq!((verdict.outcome(&replay), verdict.difference.clone()), (Outcome::Identical, None));
    assert_eq!((replay.header().version, verdict.ticks, verdict.last_keyframe), (1, 47, 30));
    // It has no state at its end; its metrics and rewards are compared.
    let changed = forged(bytes, |content| content.at(ACTIONS, 40).data[..4].copy_from_slice(&0.7_f32.to_le_bytes()));
    assert_eq!(outcome(changed).0, Outcome::Different);
}
