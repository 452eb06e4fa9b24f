//! Saving an env at any tick and restoring it anywhere: it goes on as if nothing had happened.

use agon::{
    domains::Scenario,
    sim::{Batch, Lane, Seeds},
};
use proptest::prelude::*;

use super::{Dice, Print, prints, shipped, shown, skirmish, variants};

const MAX_STEPS: u32 = 13;

fn lane(scenario: &Scenario, numbers: std::ops::Range<u64>) -> Lane {
    Lane::new(scenario.domain.domain(), MAX_STEPS, Seeds::new(4), numbers)
}

/// Prints of the env at `slot` over the next `ticks` ticks.
fn go_on(lane: &mut Lane, slot: usize, ticks: usize) -> Vec<Print> {
    let dice = Dice::new(lane.spec(), 8);
    let mut ticked = || {
        dice.roll(lane);
        lane.step();
        prints(lane)[slot]
    };
    (0..ticks).map(|_| ticked()).collect()
}

/// Observations of the env at `slot`, as bits.
fn observations(lane: &Lane, slot: usize) -> Vec<u32> {
    let port = &lane.ports().groups[0];
    let width = port.agents * port.observation_width;
    port.observations[slot * width..(slot + 1) * width].iter().map(|number| number.to_bits()).collect()
}

fn all_small() -> Vec<Scenario> {
    let shipped = shipped().into_iter().map(|(_, scenario)| scenario);
    let variants = variants().into_iter().map(|(_, scenario)| scenario);
    shipped.chain(variants).filter(|scenario| scenario.domain.domain().spec(1).groups[0].agents <= 10).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Into the world it comes from or a fresh one, at another slot, among envs of other numbers, at another tick.
    #[test]
    fn restore_then_step_equals_step(
        which in any::<proptest::sample::Index>(),
        ticks in 0_usize..30,
        from in 0_usize..3,
        into in 0_usize..4,
        ticks_there in 0_usize..20,
        ahead in 1_usize..30,
    ) {
        let scenarios = all_small();
        let scenario = which.get(&scenarios);
        let mut here = lane(scenario, 0..3);
        go_on(&mut here, from, ticks);
        let (saved, seen, hash) = (here.snapshot(from), observations(&here, from), here.hash(from));

        let mut there = lane(scenario, 100..104);
        go_on(&mut there, into, ticks_there);
        let others: Vec<Print> = prints(&there);
        there.restore(into, &saved).unwrap();

        prop_assert_eq!(there.snapshot(into), saved, "a snapshot of what was restored");
        prop_assert_eq!(there.hash(into), hash);
        prop_assert_eq!(observations(&there, into), seen, "observations right after the restore");
        prop_assert_eq!(there.ports().stratum[into], here.ports().stratum[from]);
        for (slot, before) in others.iter().enumerate().filter(|(slot, _)| *slot != into) {
            prop_assert_eq!(shown(&there, slot), before.ports, "env {} beside the restored one", slot);
            prop_assert_eq!(there.hash(slot), before.state, "env {} beside the restored one", slot);
        }
        let (expected, found) = (go_on(&mut here, from, ahead), go_on(&mut there, into, ahead));
        prop_assert_eq!(expected, found, "the number of the env has to travel with the snapshot");
    }

    /// Going back in the same world.
    #[test]
    fn time_can_be_turned_back(which in any::<proptest::sample::Index>(), ticks in 0_usize..30, ahead in 1_usize..30) {
        let scenarios = all_small();
        let mut lane = lane(which.get(&scenarios), 7..9);
        go_on(&mut lane, 0, ticks);
        let saved = [lane.snapshot(0), lane.snapshot(1)];
        let expected = go_on(&mut lane, 1, ahead);
        lane.restore(0, &saved[0]).unwrap();
        lane.restore(1, &saved[1]).unwrap();
        prop_assert_eq!(go_on(&mut lane, 1, ahead), expected);
    }

    /// A snapshot that lacks its end, or has something behind it, is refused.
    #[test]
    fn a_snapshot_of_another_length_is_an_error(cut in 1_usize..200, extra in 1_usize..50) {
        let scenario = skirmish(&[]);
        let mut lane = lane(&scenario, 0..1);
        go_on(&mut lane, 0, 3);
        let saved = lane.snapshot(0);
        let short = saved.len() - cut.min(saved.len());
        prop_assert!(lane.restore(0, &saved[..short]).is_err());
        let long: Vec<u8> = saved.iter().copied().chain(vec![0; extra]).collect();
        prop_assert!(lane.restore(0, &long).is_err());
        lane.restore(0, &saved).unwrap();
        prop_assert_eq!(lane.snapshot(0), saved, "a good one mends what a bad one left");
    }
}

#[test]
fn a_batch_goes_back_as_a_whole_into_other_worlds() {
    for (name, scenario) in shipped() {
        let domain = scenario.domain.domain();
        let batch = |envs_per_world| Batch::new(domain, 6, Seeds::new(2), 0..5, envs_per_world);
        let step = |batch: &mut Batch| {
            let dice = Dice::new(batch.spec(), 3);
            batch.lanes_mut().iter_mut().for_each(|lane| dice.roll(lane));
            batch.step();
        };
        let (mut whole, mut resumed) = (batch(2), batch(3));
        (0..9).for_each(|_| step(&mut whole));
        resumed.restore(&whole.snapshots()).unwrap();
        for tick in 0..9 {
            assert_eq!(whole.hashes(), resumed.hashes(), "{name}, {tick} ticks after the restore");
            step(&mut whole);
            step(&mut resumed);
        }
        let mut small = Batch::new(domain, 6, Seeds::new(2), 0..4, 2);
        assert!(small.restore(&whole.snapshots()).unwrap_err().to_string().contains("5 snapshots for 4 envs"));
    }
}

/// Playing on until an episode begins and beginning it at once come to the same.
#[test]
fn an_episode_that_is_begun_at_once_is_the_one_that_would_have_come() {
    for scenario in all_small() {
        let (mut played, mut jumped) = (lane(&scenario, 3..5), lane(&scenario, 3..5));
        let mut ticks = 0;
        while played.addresses().next().is_some_and(|address| address.episode < 3) {
            go_on(&mut played, 0, 1);
            ticks += 1;
        }
        assert!(ticks >= 3, "{}", scenario.name);
        go_on(&mut jumped, 0, 5);
        let other = (jumped.hash(1), shown(&jumped, 1));
        jumped.begin_episode(0, 3);
        assert_eq!(jumped.hash(0), played.hash(0), "{}", scenario.name);
        assert_eq!(observations(&jumped, 0), observations(&played, 0), "{}", scenario.name);
        assert_eq!((jumped.hash(1), shown(&jumped, 1)), other, "{}: the env beside it", scenario.name);
        assert_eq!(go_on(&mut jumped, 0, 20), go_on(&mut played, 0, 20), "{}", scenario.name);
    }
}
