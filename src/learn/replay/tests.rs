//! What is kept, what is drawn and how often.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const GAMMA: f32 = 0.5;

fn shape(ticks: usize) -> ReplayShape {
    ReplayShape { ticks, envs: 2, observation: 1, action: 1, agents: 1, rewards: 1 }
}

/// A memory after `ticks` ticks of two envs whose numbers are 10 x tick + env, and which matter in even ticks; `ends` says (terminated, truncated) of a tick.
fn filled(replay: &mut Replay, ticks: std::ops::Range<usize>, ends: impl Fn(usize) -> (bool, bool)) {
    for tick in ticks {
        let numbers: Vec<f32> = (0..2).map(|env| (10 * tick + env) as f32).collect();
        let next: Vec<f32> = numbers.iter().map(|number| number + 10.0).collect();
        let (terminated, truncated) = ends(tick);
        let (matters, next_matters) = ([tick % 2 == 0; 2], [tick % 2 == 1; 2]);
        let whole = Taken {
            observations: &numbers,
            actions: &numbers,
            matters: &matters,
            rewards: &numbers,
            next_observations: &next,
            next_matters: &next_matters,
            terminated: &[terminated; 2],
            truncated: &[truncated; 2],
        };
        let half = |env: usize| Taken {
            observations: &whole.observations[env..env + 1],
            actions: &whole.actions[env..env + 1],
            matters: &whole.matters[env..env + 1],
            rewards: &whole.rewards[env..env + 1],
            next_observations: &whole.next_observations[env..env + 1],
            next_matters: &whole.next_matters[env..env + 1],
            terminated: &whole.terminated[env..env + 1],
            truncated: &whole.truncated[env..env + 1],
        };
        replay.store([half(0), half(1)].into_iter());
    }
}

/// Whether a number is of an even tick.
fn is_even(number: &f32) -> bool {
    (number / 10.0).floor() % 2.0 == 0.0
}

fn draw(replay: &Replay, batch: usize, n_step: usize, update: u64) -> Drawn {
    let mut drawn = Drawn::default();
    replay.draw(Draw { batch, n_step, gamma: GAMMA, beta: 1.0 }, Seeds::new(5), update, &mut drawn);
    drawn
}

#[test]
fn a_full_memory_forgets_its_oldest_tick_and_nothing_else() {
    let mut replay = Replay::new(shape(4), None).unwrap();
    filled(&mut replay, 0..6, |_| (false, false));
    assert_eq!(replay.len(), 8);
    let drawn = draw(&replay, 1000, 1, 0);
    let mut seen: Vec<f32> = drawn.observations.clone();
    seen.sort_by(f32::total_cmp);
    seen.dedup();
    assert_eq!(seen, [20.0, 21.0, 30.0, 31.0, 40.0, 41.0, 50.0, 51.0]);
    for (now, next) in drawn.observations.iter().zip(&drawn.next_observations) {
        assert_eq!(now + 10.0, *next);
    }
    assert_eq!(drawn.matters, drawn.observations.iter().map(is_even).collect::<Vec<bool>>());
    assert_eq!(drawn.next_matters, drawn.next_observations.iter().map(is_even).collect::<Vec<bool>>());
    assert!(drawn.discounts.iter().all(|discount| *discount == GAMMA) && drawn.weights.iter().all(|w| *w == 1.0));
}

#[test]
fn every_step_is_drawn_equally_often_at_an_address_of_its_own() {
    let mut replay = Replay::new(shape(4), None).unwrap();
    filled(&mut replay, 0..4, |_| (false, false));
    let drawn = draw(&replay, 80_000, 1, 0);
    for step in 0..8 {
        let count = drawn.steps.iter().filter(|found| **found == step).count();
        assert!((9_600..10_400).contains(&count), "{step}: {count}");
    }
    assert_eq!(draw(&replay, 100, 1, 7), draw(&replay, 100, 1, 7));
    assert_ne!(draw(&replay, 100, 1, 7), draw(&replay, 100, 1, 8));
}

/// Ticks 2 to 5 of a ring of four; the third ends an episode.
#[test]
fn returns_over_several_steps_end_where_an_episode_or_the_memory_does() {
    for (ends, rest) in [((true, false), 0.0), ((false, true), GAMMA)] {
        let mut replay = Replay::new(shape(4), None).unwrap();
        filled(&mut replay, 0..6, |tick| if tick == 3 { ends } else { (false, false) });
        let drawn = draw(&replay, 200, 3, 0);
        for (entry, start) in drawn.observations.iter().enumerate() {
            let (reward, next, discount) = match *start as usize / 10 {
                2 => (start + 0.5 * (start + 10.0), start + 20.0, rest * GAMMA),
                3 => (*start, start + 10.0, rest),
                4 => (start + 0.5 * (start + 10.0), start + 20.0, GAMMA * GAMMA),
                5 => (*start, start + 10.0, GAMMA),
                other => panic!("tick {other} is forgotten"),
            };
            let found = (drawn.rewards[entry], drawn.next_observations[entry], drawn.discounts[entry]);
            assert_eq!(found, (reward, next, discount), "from {start}");
            assert_eq!(drawn.next_matters[entry], is_even(&next), "from {start}");
        }
    }
}

#[test]
fn what_was_wrong_is_drawn_more_often_and_weighs_less() {
    let mut replay = Replay::new(shape(2), Some(1.0)).unwrap();
    filled(&mut replay, 0..2, |_| (false, false));
    assert!(draw(&replay, 4, 1, 0).steps.is_sorted(), "at first all are alike: one from each quarter of the sum");
    replay.learned(&[0, 1, 2, 3], &[3.0, -1.0, 0.0, f32::NAN]);
    let drawn = draw(&replay, 6000, 1, 0);
    let share = |step: usize| drawn.steps.iter().filter(|found| **found == step).count() as f64 / 6000.0;
    let total = 3.001 + 1.001 + 0.001 + 1.0;
    for (step, priority) in [3.001, 1.001, 0.001, 1.0].into_iter().enumerate() {
        assert!((share(step) - priority / total).abs() < 0.01, "{step}: {}", share(step));
    }
    for (step, weight) in drawn.steps.iter().zip(&drawn.weights) {
        let expected = [0.001 / 3.001, 0.001 / 1.001, 1.0, 0.001][*step];
        assert!((f64::from(*weight) - expected).abs() < 1e-6 * expected.max(1.0));
    }
}

#[test]
fn a_saved_memory_goes_on_like_the_one_it_was() {
    for alpha in [None, Some(0.6)] {
        for ticks in [3, 6] {
            let mut replay = Replay::new(shape(4), alpha).unwrap();
            filled(&mut replay, 0..ticks, |tick| (tick == 1, false));
            replay.learned(&[1, 3], &[2.0, 0.25]);
            let mut restored = Replay::new(shape(4), alpha).unwrap();
            restored.load(&replay.save().unwrap()).unwrap();
            for replay in [&mut replay, &mut restored] {
                filled(replay, ticks..ticks + 2, |_| (false, false));
            }
            assert_eq!(draw(&replay, 50, 2, 3), draw(&restored, 50, 2, 3), "{alpha:?}, {ticks}");
            assert_eq!(replay.save().unwrap(), restored.save().unwrap());
        }
    }
}

#[test]
fn a_foreign_or_damaged_memory_is_refused_and_changes_nothing() {
    let mut replay = Replay::new(shape(4), Some(0.6)).unwrap();
    filled(&mut replay, 0..3, |_| (false, false));
    let good = replay.save().unwrap();
    let others = [Replay::new(shape(5), Some(0.6)).unwrap(), Replay::new(shape(4), None).unwrap()];
    for other in others {
        assert!(replay.load(&other.save().unwrap()).is_err());
    }
    for len in 0..good.len() {
        assert!(replay.load(&good[..len]).is_err(), "{len}");
    }
    assert_eq!(replay.save().unwrap(), good);
    assert!(Replay::new(ReplayShape { ticks: usize::MAX, ..shape(1) }, None).is_err());
}
