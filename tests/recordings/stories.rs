//! Whatever is done while a recording runs comes back: orders of any bits, edits by hand, marks and ends of chunks, in any
//! order.

use agon::{
    domains::jamming::components::Position,
    record::{Event, Recorder, Replay, verify},
};
use proptest::prelude::*;

use crate::{Game, SLOT, Shown, scenario, shown};

/// Something that is done while a recording runs.
#[derive(Clone, Debug)]
enum Deed {
    /// So many ticks pass under these orders.
    Play(usize, Vec<f32>),
    /// Everybody is dragged towards the left border.
    Drag(f32),
    /// A parameter gets this value.
    Change(u32),
    /// Something is marked.
    Mark(Event),
    /// The chunk ends.
    Flush,
}

fn deed() -> impl Strategy<Value = Deed> {
    let orders = prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 12);
    let told = prop_oneof![
        any::<String>().prop_map(|label| Event::Bookmark { label }),
        any::<(String, String)>().prop_map(|(group, policy)| Event::PolicySwapped { group, policy }),
    ];
    prop_oneof![
        4 => (1_usize..15, orders).prop_map(|(ticks, orders)| Deed::Play(ticks, orders)),
        1 => (0.0_f32..1.0).prop_map(Deed::Drag),
        1 => (1_u32..20).prop_map(Deed::Change),
        1 => told.prop_map(Deed::Mark),
        1 => Just(Deed::Flush),
    ]
}

/// What a story leaves behind.
struct Told {
    bytes: Vec<u8>,
    /// Hash of the state at each tick; and everything that was shown, unless the state was edited since.
    moments: Vec<(u64, Option<Shown>)>,
    events: Vec<(u64, Event)>,
}

fn tell(mut game: Game, deeds: &[Deed]) -> Told {
    let mut lane = game.lane();
    let mut recorder = Recorder::start(Vec::new(), &game.opening(), lane.world(), SLOT).unwrap();
    let mut moments = vec![(lane.hash(SLOT), Some(shown(&lane, SLOT)))];
    let mut events = Vec::new();
    for deed in deeds {
        let edit = match deed {
            Deed::Play(ticks, orders) => {
                for _ in 0..*ticks {
                    let actions = &mut lane.ports_mut().groups[0].actions;
                    actions.iter_mut().zip(orders.iter().cycle()).for_each(|(action, order)| *action = *order);
                    lane.step();
                    recorder.tick(lane.world(), SLOT).unwrap();
                    let now = shown(&lane, SLOT);
                    let ended = now.finished.first().map(|record| Event::from((record, now.ends.1)));
                    events.extend(ended.map(|event| (recorder.ticks(), event)));
                    moments.push((now.state, Some(now)));
                }
                continue;
            }
            Deed::Mark(event) => {
                recorder.mark(event).unwrap();
                events.push((recorder.ticks(), event.clone()));
                continue;
            }
            Deed::Flush => {
                recorder.flush().unwrap();
                continue;
            }
            Deed::Drag(part) => {
                let world = lane.world_mut();
                world.query::<&mut Position>().iter_mut(world).for_each(|mut position| position.0.x *= part);
                Event::StateEdited { what: format!("{part} of the way") }
            }
            Deed::Change(speed_mps) => {
                let (name, value) = ("jammer_speed_mps".to_owned(), speed_mps.to_string());
                game.scenario.set(&name, &value).unwrap();
                let state = lane.snapshot(SLOT);
                lane = game.lane();
                lane.restore(SLOT, &state).unwrap();
                Event::ParameterChanged { name, value }
            }
        };
        recorder.edit(lane.world(), SLOT, &game.scenario, std::slice::from_ref(&edit)).unwrap();
        events.push((recorder.ticks(), edit));
        *moments.last_mut().unwrap() = (lane.hash(SLOT), None);
    }
    Told { bytes: recorder.finish().unwrap(), moments, events }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_comes_back(
        (seed, env) in (any::<u64>(), 2..u64::MAX - 3),
        (max_steps, keyframe_ticks) in (1_u32..40, 1_u32..40),
        deeds in prop::collection::vec(deed(), 0..24),
        seeks in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
    ) {
        let scenario = scenario("skirmish", &[("max_steps", &max_steps.to_string())]);
        let told = tell(Game { scenario, seed, env, ticks: 0, keyframe_ticks }, &deeds);
        let last = told.moments.len() as u64 - 1;
        let mut replay = Replay::from_bytes(told.bytes).unwrap();
        prop_assert_eq!(replay.ticks(), 0..=last);
        prop_assert_eq!(replay.events(0..=last).unwrap(), told.events);
        let verdict = verify(&mut replay, &|| {}).unwrap();
        prop_assert_eq!((verdict.ticks, verdict.difference), (last, None));
        let same = |replay: &Replay, tick: u64| {
            let (state, all) = &told.moments[tick as usize];
            prop_assert_eq!((replay.tick(), replay.lane().hash(0)), (tick, *state));
            all.iter().try_for_each(|all| {
                prop_assert_eq!(&shown(replay.lane(), 0), all, "at {}", tick);
                Ok(())
            })
        };
        for tick in seeks.iter().map(|seek| seek.index(told.moments.len()) as u64).chain([0]) {
            replay.seek(tick).unwrap();
            same(&replay, tick)?;
        }
        for tick in 1..=last {
            prop_assert!(replay.step().unwrap());
            same(&replay, tick)?;
        }
        prop_assert!(!replay.step().unwrap());
    }
}
