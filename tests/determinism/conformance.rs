//! Every scenario keeps the laws that all domains keep, and so do its baselines.

use agon::{
    domains::{AnyDomain, Scenario, cluster::scenario::Mode},
    sim::{
        GroupSpec, Lane, Seeds,
        testing::{self, LAWS, Law, Subject},
    },
};

use super::{Dice, shipped, variants};

const TICKS: u32 = 1_000;

fn scenarios() -> Vec<(String, Scenario)> {
    let variants = variants().into_iter().map(|(name, scenario)| (name.to_owned(), scenario));
    shipped().into_iter().chain(variants).collect()
}

fn subject(scenario: &Scenario, ticks: u32) -> Subject<'_> {
    // Where a tick has more decisions than a set of actions can carry, the rules of `cluster` name themselves.
    let has_codes = match &scenario.domain {
        AnyDomain::Cluster(params) => params.mode != Mode::Full || params.decisions_per_tick > 1,
        AnyDomain::Jamming(_) | AnyDomain::Particles(_) => false,
    };
    let of_domain = Subject::new(scenario.domain.domain(), scenario.max_steps);
    Subject { ticks, seed: scenario.seed, has_codes, ..of_domain }
}

fn check(law: Law, ticks: u32) {
    for (name, scenario) in scenarios() {
        law(&subject(&scenario, ticks)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// A test for each law, with the ticks that it is checked for.
macro_rules! laws {
    ($($law:ident: $ticks:expr,)+) => {
        $(
            #[test]
            fn $law() {
                check(testing::$law, $ticks);
            }
        )+

        #[test]
        fn no_law_is_left_out() {
            let checked = [$(stringify!($law)),+];
            assert_eq!(LAWS.map(|(name, _)| name.replace(' ', "_")), checked);
        }
    };
}

laws! {
    declarations_fit: 0,
    views_only_read: 100,
    numbers_keep_their_bounds: TICKS,
    records_are_sums: TICKS,
    seeds_decide: TICKS,
    beginnings_follow_from_addresses: TICKS,
    snapshots_bring_back: TICKS,
    baselines_keep_to_the_rules: TICKS,
    forks_remember_nothing: TICKS,
}

/// Neither jammers nor nodes see who is who.
#[test]
fn agents_that_are_alike_can_change_places() {
    for (name, group) in [("jamming/skirmish", 0), ("jamming/duel-4-10", 0), ("cluster/heavy", 0)] {
        let (_, scenario) = shipped().into_iter().find(|(shipped, _)| shipped == name).unwrap();
        let found = testing::agents_are_exchangeable(&subject(&scenario, TICKS), group, 1e-5);
        found.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Bounds that are never come near to say nothing: every number has to use a twentieth of its range somewhere.
#[test]
fn declared_bounds_are_not_far_from_what_is_seen() {
    for (name, scenario) in shipped() {
        let mut lane = Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(scenario.seed), 0..2);
        let (spec, dice) = (lane.spec().clone(), Dice::new(lane.spec(), 1));
        let nothing = |group: &GroupSpec| vec![(f32::INFINITY, f32::NEG_INFINITY); group.observation.len()];
        let mut seen: Vec<Vec<(f32, f32)>> = spec.groups.iter().map(nothing).collect();
        for _ in 0..TICKS {
            for (seen, port) in seen.iter_mut().zip(&lane.ports().groups) {
                for row in port.observations.chunks_exact(port.observation_width) {
                    for ((low, high), number) in seen.iter_mut().zip(row) {
                        (*low, *high) = (low.min(*number), high.max(*number));
                    }
                }
            }
            dice.roll(&mut lane);
            lane.step();
        }
        let fields = spec.groups.iter().flat_map(|group| &group.observation).zip(seen.iter().flatten());
        for (field, (low, high)) in fields.filter(|(field, _)| field.name.ends_with("_dx")) {
            let share = (high - low) / (field.bounds.end() - field.bounds.start());
            assert!(share > 0.05, "{name}: `{}` stays within {low} to {high} of {:?}", field.name, field.bounds);
        }
    }
}
