//! What comes out of a recording is what was played.

use agon::record::{Ending, Event, Recorder, Replay, verify};
use proptest::prelude::*;

use crate::{Game, SLOT, policy, scenario, shown};

fn open(bytes: &[u8]) -> Replay {
    Replay::from_bytes(bytes.to_vec()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_tick_can_be_sought_and_shows_what_was_played(
        (seed, env) in (any::<u64>(), 2..u64::MAX - 3),
        (max_steps, ticks, keyframe_ticks) in (1_u32..40, 0_u64..90, 1_u32..40),
        seeks in prop::collection::vec(0_u64..90, 1..12),
    ) {
        let scenario = scenario("skirmish", &[("max_steps", &max_steps.to_string())]);
        let (bytes, played) = Game { scenario, seed, env, ticks, keyframe_ticks }.play();
        let mut replay = open(&bytes);
        prop_assert_eq!(replay.ticks(), 0..=ticks);
        for tick in seeks.into_iter().map(|tick| tick.min(ticks)) {
            replay.seek(tick).unwrap();
            prop_assert_eq!((replay.tick(), shown(replay.lane(), 0)), (tick, played[tick as usize].clone()));
            let more = replay.step().unwrap();
            prop_assert_eq!(more, tick < ticks);
            let now = (tick + u64::from(more)) as usize;
            prop_assert_eq!(shown(replay.lane(), 0), played[now].clone());
        }
    }
}

#[test]
fn stepping_from_any_tick_leads_to_the_same_end() {
    let (bytes, played) = Game::new(&[("max_steps", "23")], 60).play();
    for start in 0..=60 {
        let mut replay = open(&bytes);
        replay.seek(start).unwrap();
        let mut tick = start as usize;
        while replay.step().unwrap() {
            tick += 1;
            assert_eq!(shown(replay.lane(), 0), played[tick], "from {start} at {tick}");
        }
        assert_eq!(tick, 60);
    }
}

#[test]
fn every_shipped_scenario_plays_back() {
    for name in ["skirmish", "published", "swarm-40-100"] {
        let game = Game { scenario: scenario(name, &[]), ticks: 12, keyframe_ticks: 5, ..Game::new(&[], 0) };
        let (bytes, played) = game.play();
        let mut replay = open(&bytes);
        for tick in [11, 4, 12] {
            replay.seek(tick).unwrap();
            assert_eq!(shown(replay.lane(), 0), played[tick as usize], "{name} at {tick}");
        }
    }
}

#[test]
fn the_same_recording_has_the_same_bytes_and_another_seed_has_others() {
    let game = Game::new(&[("max_steps", "30")], 70);
    let (bytes, _) = game.play();
    assert_eq!(game.play().0, bytes);
    assert_ne!(Game { seed: 8, ..game }.play().0, bytes);
}

#[test]
fn a_fork_goes_on_as_live_play_would() {
    let game = Game::new(&[], 40);
    let (bytes, _) = game.play();
    let mut replay = open(&bytes);
    replay.seek(33).unwrap();
    let mut fork = replay.fork().unwrap();
    assert_eq!(fork.ports().groups[0].observations, replay.lane().ports().groups[0].observations);

    let (mut live, mut random) = (game.lane(), policy(&game.scenario, "random"));
    for _ in 0..33 {
        live.act(&mut *random, 0).unwrap();
        live.step();
    }
    let (mut of_fork, mut of_live) = (policy(&game.scenario, "greedy"), policy(&game.scenario, "greedy"));
    for _ in 0..20 {
        fork.act(&mut *of_fork, 0).unwrap();
        fork.step();
        live.act(&mut *of_live, 0).unwrap();
        live.step();
        assert_eq!(shown(&fork, 0), shown(&live, SLOT));
    }
    assert_eq!(replay.tick(), 33, "the replay stays where it was");
    assert!(replay.step().unwrap());
}

#[test]
fn metrics_and_events_come_back_without_simulating() {
    let (bytes, played) = Game::new(&[("max_steps", "25")], 60).play();
    let mut replay = open(&bytes);
    for tick in 1..=60 {
        let found: Vec<u64> = replay.metrics_at(tick).unwrap().iter().map(|value| value.to_bits()).collect();
        assert_eq!(found, played[tick as usize].metrics);
    }
    assert_eq!(replay.tick(), 0);
    assert!(replay.metrics_at(61).is_err());
    let events = replay.events(0..=60).unwrap();
    let ends: Vec<u64> = events.iter().map(|(tick, _)| *tick).collect();
    assert_eq!(ends, [25, 50]);
    assert!(matches!(events[1].1, Event::EpisodeEnded { episode: 1, length: 25, truncated: true, .. }));
    assert_eq!(replay.events(26..=60).unwrap().len(), 1);
}

#[test]
fn the_header_says_who_played_where() {
    let game = Game::new(&[], 3);
    let (bytes, _) = game.play();
    let replay = open(&bytes);
    let header = replay.header();
    assert_eq!((&header.scenario, header.seed, header.env), (&game.scenario, 7, 1 << 63));
    assert_eq!((header.policies.as_slice(), header.finished), (&["random".to_owned()][..], true));
    assert_eq!(*replay.ending(), Ending::Complete);
}

#[test]
fn marks_are_kept_at_their_ticks() {
    let game = Game::new(&[], 0);
    let mut lane = game.lane();
    let mut recorder = Recorder::start(Vec::new(), &game.opening(), lane.world(), SLOT).unwrap();
    let marks = [
        Event::Bookmark { label: "here \u{1F6F0} \"it\" began\n".to_owned() },
        Event::PolicySwapped { group: "jammers".to_owned(), policy: "hold".to_owned() },
    ];
    for mark in &marks {
        lane.step();
        recorder.tick(lane.world(), SLOT).unwrap();
        recorder.flush().unwrap();
        recorder.mark(mark).unwrap();
    }
    let mut replay = open(&recorder.finish().unwrap());
    let [first, second] = marks;
    assert_eq!(replay.events(0..=2).unwrap(), [(1, first), (2, second)]);
    assert_eq!(verify(&mut replay, &|| {}).unwrap().ticks, 2);
}

#[test]
fn verifying_compares_every_keyframe() {
    let (bytes, _) = Game::new(&[("max_steps", "25")], 60).play();
    let mut replay = open(&bytes);
    replay.seek(31).unwrap();
    let verdict = verify(&mut replay, &|| {}).unwrap();
    // At 0, then 10, 20, the new episode at 25, 35, 45, 50, 60.
    assert_eq!((verdict.ticks, verdict.keyframes, verdict.difference), (60, 8, None));
}
