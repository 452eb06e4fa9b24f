//! How an env goes on follows from its state, its address and what is done, and from nothing else.

use super::{Dice, Subject, ensure, prints, shown};
use crate::{
    error::Result,
    sim::{Address, GroupPort, Lane, Purpose, Seeds},
};

const MOMENTS: Purpose = Purpose::new("test.moments");

/// Worlds of equal seeds agree to the last bit; those of different seeds differ in state and ports.
///
/// # Errors
/// The first tick at which it is otherwise.
pub fn seeds_decide(subject: &Subject<'_>) -> Result<()> {
    let mut lanes = [subject.lane(), subject.lane(), subject.seeded(subject.seed.wrapping_add(1))];
    let dice = Dice::new(lanes[0].spec(), 1);
    for tick in 0..subject.ticks / 4 {
        ensure!(prints(&lanes[0]) == prints(&lanes[1]), "tick {tick}: equal seeds differ");
        for (one, other) in prints(&lanes[0]).iter().zip(prints(&lanes[2])) {
            ensure!(one.state != other.state, "tick {tick}: different seeds have equal states");
            ensure!(one.ports != other.ports, "tick {tick}: different seeds show the same");
        }
        lanes.iter_mut().for_each(|lane| step(lane, &dice));
    }
    Ok(())
}

/// How an episode begins follows from its address, whatever was done in the one before; no two begin alike.
///
/// # Errors
/// The first episode that begins otherwise.
pub fn beginnings_follow_from_addresses(subject: &Subject<'_>) -> Result<()> {
    const LENGTH: u32 = 7;
    let short = Subject { max_steps: LENGTH, ..*subject };
    let mut lanes = [short.lane(), short.lane()];
    let dice = [Dice::new(lanes[0].spec(), 1), Dice::new(lanes[0].spec(), 2)];
    let mut firsts: Vec<Vec<u32>> = Vec::new();
    for tick in 1..=3 * LENGTH {
        lanes.iter_mut().zip(&dice).for_each(|(lane, dice)| step(lane, dice));
        let (one, other) = (seen(&lanes[0], 0), seen(&lanes[1], 0));
        if tick % LENGTH == 0 {
            ensure!(one == other, "the episode after tick {tick} begins otherwise after other actions");
            firsts.push(one);
        } else {
            ensure!(one != other, "tick {tick}: nobody sees what was done");
        }
    }
    let is_new = firsts.windows(2).all(|pair| pair[0] != pair[1]);
    ensure!(is_new, "an episode begins like the one before");
    Ok(())
}

/// A snapshot, restored at another slot of another world at another tick, goes on as the env that it was taken of, and leaves
/// the envs beside it alone.
///
/// # Errors
/// What is otherwise after a restore.
pub fn snapshots_bring_back(subject: &Subject<'_>) -> Result<()> {
    let short = Subject { max_steps: 13, ..*subject };
    let mut here = short.lane();
    let mut there = Lane::new(short.domain, short.max_steps, Seeds::new(short.seed), 100..103);
    let dice = Dice::new(here.spec(), 8);
    let mut moments = Seeds::new(short.seed).stream(MOMENTS, Address { env: 0, episode: 0, tick: 0 });
    for _ in 0..8 {
        (0..moments.below(16)).for_each(|_| step(&mut here, &dice));
        (0..moments.below(9)).for_each(|_| step(&mut there, &dice));
        let (from, into) = (moments.below(here.envs()), moments.below(there.envs()));
        let (saved, before) = (here.snapshot(from), prints(&there));
        there.restore(into, &saved)?;
        ensure!(there.snapshot(into) == saved, "a snapshot of what was restored is another");
        ensure!(seen(&here, from) == seen(&there, into), "what is seen after a restore is something else");
        let mut beside = before.iter().enumerate().filter(|(slot, _)| *slot != into);
        let is_left_alone =
            beside.all(|(slot, before)| (before.state, before.ports) == (there.hash(slot), shown(&there, slot)));
        ensure!(is_left_alone, "a restore changed an env beside the restored one");
        for tick in 1..=20 {
            step(&mut here, &dice);
            step(&mut there, &dice);
            let (expected, found) = (prints(&here)[from], prints(&there)[into]);
            ensure!(expected == found, "{tick} ticks after a restore the env has gone another way");
        }
    }
    Ok(())
}

fn step(lane: &mut Lane, dice: &Dice) {
    dice.roll(lane);
    lane.step();
}

/// Observations of the env at `slot`, as bits.
fn seen(lane: &Lane, slot: usize) -> Vec<u32> {
    let of_group = |port: &GroupPort| {
        let width = port.agents * port.observation_width;
        port.observations[slot * width..(slot + 1) * width].iter().map(|number| number.to_bits()).collect::<Vec<_>>()
    };
    lane.ports().groups.iter().flat_map(of_group).collect()
}
