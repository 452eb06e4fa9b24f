//! What is changed by hand while a recording runs is played back, and what was changed behind its back is found.

use agon::{
    domains::{Scenario, jamming::components::Position},
    record::{Event, Recorder, Replay, verify},
    sim::{Lane, Seeds},
};

use crate::{Game, SLOT, Shown, policy, shown};

/// Plays `ticks` ticks into the recording.
fn go_on(
    lane: &mut Lane,
    scenario: &Scenario,
    recorder: &mut Recorder<Vec<u8>>,
    slot: usize,
    ticks: u64,
) -> Vec<Shown> {
    let mut policy = policy(scenario, "nearest");
    let mut played = Vec::new();
    for _ in 0..ticks {
        lane.act(&mut *policy, 0).unwrap();
        lane.step();
        recorder.tick(lane.world(), slot).unwrap();
        played.push(shown(lane, slot));
    }
    played
}

fn drag_everybody(lane: &mut Lane) {
    let world = lane.world_mut();
    for mut position in world.query::<&mut Position>().iter_mut(world) {
        position.0.x = 0.5 * position.0.x + 3.0;
    }
}

#[test]
fn a_dragged_agent_stays_where_it_was_put() {
    let game = Game::new(&[], 0);
    let mut lane = game.lane();
    let mut recorder = Recorder::start(Vec::new(), &game.opening(), lane.world(), SLOT).unwrap();
    let before = go_on(&mut lane, &game.scenario, &mut recorder, SLOT, 14);
    drag_everybody(&mut lane);
    let what = Event::StateEdited { what: "everybody to the left".to_owned() };
    recorder.edit(lane.world(), SLOT, &game.scenario, std::slice::from_ref(&what)).unwrap();
    let dragged = lane.hash(SLOT);
    let after = go_on(&mut lane, &game.scenario, &mut recorder, SLOT, 14);
    let mut replay = Replay::from_bytes(recorder.finish().unwrap()).unwrap();

    let verdict = verify(&mut replay, &|| {}).unwrap();
    // At 0, 10, before the edit at 14, then 24 and the end.
    assert_eq!((verdict.ticks, verdict.keyframes, verdict.difference), (28, 5, None));
    for tick in [28, 13, 14, 15, 20] {
        replay.seek(tick).unwrap();
        let expected = match tick {
            14 => dragged,
            1..14 => before[tick as usize - 1].state,
            _ => after[tick as usize - 15].state,
        };
        assert_eq!(replay.lane().hash(0), expected, "at {tick}");
    }
    replay.seek(12).unwrap();
    while replay.step().unwrap() {}
    assert_eq!(shown(replay.lane(), 0), after[13]);
    assert_eq!(replay.events(0..=28).unwrap(), [(14, what)]);
}

#[test]
fn a_changed_parameter_is_in_force_from_its_tick_on() {
    let game = Game::new(&[], 0);
    let mut lane = game.lane();
    let mut recorder = Recorder::start(Vec::new(), &game.opening(), lane.world(), SLOT).unwrap();
    let before = go_on(&mut lane, &game.scenario, &mut recorder, SLOT, 7);
    let mut changed = game.scenario.clone();
    changed.set("jammer_speed_mps", "1.5").unwrap();
    // What a host does: another world under the new parameters, in the same state.
    let state = lane.snapshot(SLOT);
    let mut lane = Lane::new(changed.domain.domain(), changed.max_steps, Seeds::new(game.seed), game.env..game.env + 1);
    lane.restore(0, &state).unwrap();
    let what = Event::ParameterChanged { name: "jammer_speed_mps".to_owned(), value: "1.5".to_owned() };
    recorder.edit(lane.world(), 0, &changed, &[what]).unwrap();
    let after = go_on(&mut lane, &changed, &mut recorder, 0, 30);

    let mut replay = Replay::from_bytes(recorder.finish().unwrap()).unwrap();
    assert_eq!(verify(&mut replay, &|| {}).unwrap().difference, None);
    assert_eq!(*replay.scenario(), changed);
    for tick in [37, 3, 8, 6] {
        replay.seek(tick).unwrap();
        let expected = if tick > 7 { &after[tick as usize - 8] } else { &before[tick as usize - 1] };
        assert_eq!(shown(replay.lane(), 0), *expected, "at {tick}");
        assert_eq!(*replay.scenario() == changed, tick >= 7);
    }
}

#[test]
fn a_team_that_grew_plays_back() {
    let game = Game::new(&[], 0);
    let mut lane = game.lane();
    let mut recorder = Recorder::start(Vec::new(), &game.opening(), lane.world(), SLOT).unwrap();
    go_on(&mut lane, &game.scenario, &mut recorder, SLOT, 5);
    let mut changed = game.scenario.clone();
    changed.set("num_jammers", "6").unwrap();
    let mut lane = Lane::new(changed.domain.domain(), changed.max_steps, Seeds::new(game.seed), game.env..game.env + 1);
    let what = Event::ParameterChanged { name: "num_jammers".to_owned(), value: "6".to_owned() };
    recorder.edit(lane.world(), 0, &changed, &[what]).unwrap();
    let after = go_on(&mut lane, &changed, &mut recorder, 0, 15);
    let mut replay = Replay::from_bytes(recorder.finish().unwrap()).unwrap();
    assert_eq!(verify(&mut replay, &|| {}).unwrap().difference, None);
    for tick in [20, 5, 6, 4, 12] {
        replay.seek(tick).unwrap();
        assert_eq!(replay.lane().ports().groups[0].agents, if tick >= 5 { 6 } else { 4 });
        if tick > 5 {
            assert_eq!(shown(replay.lane(), 0), after[tick as usize - 6], "at {tick}");
        }
    }
}

#[test]
fn what_was_changed_behind_its_back_is_found_at_once() {
    let game = Game::new(&[], 0);
    let mut lane = game.lane();
    let mut recorder = Recorder::start(Vec::new(), &game.opening(), lane.world(), SLOT).unwrap();
    go_on(&mut lane, &game.scenario, &mut recorder, SLOT, 14);
    drag_everybody(&mut lane);
    let after = go_on(&mut lane, &game.scenario, &mut recorder, SLOT, 20);
    let mut replay = Replay::from_bytes(recorder.finish().unwrap()).unwrap();
    let verdict = verify(&mut replay, &|| {}).unwrap();
    let difference = verdict.difference.unwrap();
    assert_eq!((difference.tick, verdict.keyframes), (15, 2));
    assert_ne!(difference.found, difference.expected);
    // Watching compares states only; it does not hide it, and goes on.
    replay.seek(19).unwrap();
    let error = replay.step().unwrap_err().to_string();
    assert!(error.contains("tick 20") && error.contains("agon verify"), "{error}");
    assert!(replay.step().unwrap());
    replay.seek(25).unwrap();
    assert_eq!(replay.lane().hash(0), after[10].state);
}
