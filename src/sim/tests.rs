//! The contract of envs, on a domain so small that every number is known: walkers on a line who end their episode by
//! themselves once they have come far enough together.

#![allow(clippy::unwrap_used, reason = "tests")]

use bevy_app::App;
use bevy_ecs::{
    component::Component,
    entity::Entity,
    query::With,
    resource::Resource,
    schedule::IntoScheduleConfigs,
    system::{Query, Res, ResMut},
    world::World,
};
use serde::{Deserialize, Serialize};

use super::{kit::Populate, *};

/// Agents of the first group.
const WALKERS: usize = 2;

/// Configuration of the toy domain.
#[derive(Resource, Clone, Copy)]
struct Toy {
    /// Sum of the walkers' places at which an episode terminates.
    goal: f32,
    clip: Option<(f32, f32)>,
    guides: usize,
}

const TOY: Toy = Toy { goal: f32::INFINITY, clip: None, guides: 1 };

#[derive(Component, Clone)]
struct Walker;

/// A member of the second group: it has no part in anything but sees the walkers.
#[derive(Component, Clone)]
struct Guide;

#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place(f32);

/// What the systems of a tick did, in order.
#[derive(Resource, Default)]
struct Journal(Vec<&'static str>);

impl Domain for Toy {
    fn id(&self) -> &'static str {
        "toy"
    }

    fn spec(&self, max_steps: u32) -> Spec {
        let group = |name, agents| GroupSpec {
            name,
            agents,
            layout: "toy",
            observation: vec![field("place", "m", -1e6..=1e6)],
            action: ActionSpace { continuous: vec![field("step", "m", -1.0..=1.0)], discrete: Vec::new() },
            reward_terms: vec![RewardTerm { name: "place", doc: "where" }, RewardTerm { name: "time", doc: "-1" }],
            reward_clip: self.clip,
            is_masked: false,
            default: "",
            reference: None,
        };
        let metric =
            |name, aggregate| MetricSpec { name, unit: "m", doc: "sum of places", aggregate, better: Better::Neither };
        Spec {
            groups: vec![group("walkers", WALKERS), group("guides", self.guides)],
            metrics: vec![
                metric("mean", Aggregate::Mean),
                metric("last", Aggregate::Last),
                metric("sum", Aggregate::Sum),
            ],
            stratum: None,
            state: Vec::new(),
            max_steps,
        }
    }

    fn dt_s(&self) -> f64 {
        1.0
    }

    fn install(&self, app: &mut App, _envs: usize) {
        app.insert_resource(*self).init_resource::<Journal>().declare_state::<Place>("place");
        app.spawn_each(WALKERS, (Walker, Place::default())).spawn_each(self.guides, Guide);
        // Declared backwards: the phases alone decide.
        app.add_systems(
            Tick,
            (
                show.in_set(TickSystems::Observe),
                pay.in_set(TickSystems::Reward),
                judge.in_set(TickSystems::Measure),
                walk.in_set(TickSystems::Act),
            ),
        );
        app.add_systems(Reset, begin);
        app.add_systems(Refresh, show_due);
    }

    fn baselines(&self) -> Vec<Baseline> {
        Vec::new()
    }
}

fn walk(ports: Res<Ports>, mut journal: ResMut<Journal>, mut places: Query<&mut Place, With<Walker>>) {
    journal.0.push("act");
    for (place, step) in column_mut(&mut places).iter_mut().zip(&ports.groups[0].actions) {
        place.0 += step;
    }
}

fn judge(toy: Res<Toy>, mut ports: ResMut<Ports>, mut journal: ResMut<Journal>, places: Query<&Place, With<Walker>>) {
    journal.0.push("measure");
    for (slot, team) in column(&places).chunks_exact(WALKERS).enumerate() {
        let sum: f32 = team.iter().map(|place| place.0).sum();
        ports.terminated[slot] = sum >= toy.goal;
        ports.metrics[3 * slot..3 * (slot + 1)].fill(f64::from(sum));
    }
}

fn pay(mut ports: ResMut<Ports>, mut journal: ResMut<Journal>, places: Query<&Place, With<Walker>>) {
    journal.0.push("reward");
    for (place, terms) in column(&places).iter().zip(ports.groups[0].terms.chunks_exact_mut(2)) {
        terms.copy_from_slice(&[place.0, -1.0]);
    }
}

fn show(ports: ResMut<Ports>, mut journal: ResMut<Journal>, places: Query<&Place, With<Walker>>) {
    journal.0.push("observe");
    write(ports, column(&places), |_| true);
}

fn show_due(due: Res<Due>, ports: ResMut<Ports>, places: Query<&Place, With<Walker>>) {
    write(ports, column(&places), |slot| due.0[slot]);
}

fn write(mut ports: ResMut<Ports>, places: &[Place], is_due: impl Fn(usize) -> bool) {
    for (slot, team) in places.chunks_exact(WALKERS).enumerate().filter(|(slot, _)| is_due(*slot)) {
        let rows = slot * WALKERS..(slot + 1) * WALKERS;
        for (seen, place) in ports.groups[0].observations[rows].iter_mut().zip(team) {
            *seen = place.0;
        }
        for (matters, place) in ports.groups[0].matters[slot * WALKERS..].iter_mut().zip(team) {
            *matters = does_matter(place.0);
        }
        let guides = ports.groups[1].agents;
        ports.groups[1].observations[slot * guides..(slot + 1) * guides].fill(team[0].0);
    }
}

/// What a walker does matters at even places.
fn does_matter(place: f32) -> bool {
    place % 2.0 == 0.0
}

/// Walkers start at a number that names their env, episode and seat.
fn begin(due: Res<Due>, clocks: Query<&Clock>, mut places: Query<&mut Place, With<Walker>>) {
    let places = column_mut(&mut places);
    for (slot, clock) in clocks.iter().enumerate().filter(|(slot, _)| due.0[*slot]) {
        for (seat, place) in places[slot * WALKERS..(slot + 1) * WALKERS].iter_mut().enumerate() {
            place.0 = start(clock.env, clock.episode, seat);
        }
    }
}

fn start(env: u64, episode: u64, seat: usize) -> f32 {
    100.0 * env as f32 + 10.0 * episode as f32 + seat as f32
}

fn lane(toy: Toy, max_steps: u32, numbers: std::ops::Range<u64>) -> Lane {
    Lane::new(&toy, max_steps, Seeds::new(1), numbers)
}

/// A tick in which the walkers of each env take the steps given for it.
fn step(lane: &mut Lane, steps: &[[f32; WALKERS]]) {
    lane.ports_mut().groups[0].actions.copy_from_slice(steps.as_flattened());
    lane.step();
}

#[test]
fn a_tick_goes_through_its_phases_in_order() {
    let mut lane = lane(TOY, 9, 0..1);
    step(&mut lane, &[[1.0, 2.0]]);
    assert_eq!(lane.world().resource::<Journal>().0, ["act", "measure", "reward", "observe"]);
    assert_eq!(lane.ports().groups[0].observations, [1.0, 3.0], "actions count in the tick they are given for");
    let address = lane.addresses().next().unwrap();
    assert_eq!(address, Address { env: 0, episode: 0, tick: 1 });
}

#[test]
fn an_env_begins_anew_at_its_time_limit_and_no_earlier() {
    let mut lane = lane(TOY, 3, 5..7);
    for episode in 0..4 {
        for tick in 1..=3 {
            step(&mut lane, &[[1.0, 0.0], [0.0, 2.0]]);
            let is_over = tick == 3;
            assert_eq!(lane.ports().truncated, [is_over; 2]);
            assert_eq!(lane.ports().terminated, [false; 2]);
            assert_eq!(lane.ports().finished.len(), 2 * usize::from(is_over));
        }
        let ended = |env| [start(env, episode, 0), start(env, episode, 1)];
        let ([a, b], [c, d]) = (ended(5), ended(6));
        assert_eq!(lane.ports().groups[0].final_observations, [a + 3.0, b, c, d + 6.0]);
        assert_eq!(lane.ports().groups[0].final_matters, [a + 3.0, b, c, d + 6.0].map(does_matter));
        assert_eq!(lane.ports().groups[1].final_observations, [a + 3.0, c], "every group keeps what it saw");
        let begun: Vec<f32> = [(5, 0), (5, 1), (6, 0), (6, 1)].map(|(env, seat)| start(env, episode + 1, seat)).into();
        assert_eq!(lane.ports().groups[0].observations, begun);
    }
    assert!(lane.addresses().all(|address| address.episode == 4 && address.tick == 0));
}

#[test]
fn an_env_that_terminates_leaves_the_others_alone() {
    let mut lane = lane(Toy { goal: 250.0, ..TOY }, 100, 0..3);
    // Env 1 starts at 100 + 101 and gets to 250 in the third tick.
    for tick in 1..=4 {
        step(&mut lane, &[[1.0, 1.0], [10.0, 7.0], [-300.0, 0.0]]);
        let is_over = [false, tick == 3, false];
        assert_eq!((&lane.ports().terminated, &lane.ports().truncated), (&is_over.to_vec(), &vec![false; 3]));
    }
    let addresses: Vec<(u64, u32)> = lane.addresses().map(|address| (address.episode, address.tick)).collect();
    assert_eq!(addresses, [(0, 4), (1, 1), (0, 4)]);
    let seen = &lane.ports().groups[0].observations;
    assert_eq!(seen[..], [4.0, 5.0, 120.0, 118.0, -1000.0, 201.0]);
    assert_eq!(lane.ports().groups[0].final_observations[2..4], [130.0, 122.0]);
}

/// A task that ends in the very tick of the limit has ended: nothing may be bootstrapped.
#[test]
fn an_end_of_its_own_counts_before_the_time_limit() {
    let mut lane = lane(Toy { goal: 3.0, ..TOY }, 2, 0..1);
    step(&mut lane, &[[0.5, 0.5]]);
    assert_eq!((lane.ports().terminated[0], lane.ports().truncated[0]), (false, false));
    step(&mut lane, &[[0.5, 0.5]]);
    assert_eq!((lane.ports().terminated[0], lane.ports().truncated[0]), (true, false));
}

#[test]
fn a_record_is_what_happened_in_its_episode() {
    let mut lane = lane(Toy { goal: 211.0, ..TOY }, 4, 0..2);
    let mut records: Vec<EpisodeRecord> = Vec::new();
    for _ in 0..4 {
        step(&mut lane, &[[1.0, 2.0], [2.0, 3.0]]);
        records.extend_from_slice(&lane.ports().finished);
    }
    let first = |env| records.iter().find(|record| record.env == env).unwrap();
    let (quick, slow) = (first(1), first(0));
    // Env 1: sums 206 and 211. Env 0: sums 4, 7, 10 and 13.
    assert_eq!((quick.env, quick.episode, quick.length), (1, 0, 2));
    assert_eq!(quick.metrics, [208.5, 211.0, 417.0]);
    assert_eq!((slow.env, slow.episode, slow.length), (0, 0, 4));
    assert_eq!(slow.metrics, [8.5, 13.0, 34.0]);
    // Mean over the two walkers of place and of -1, summed over four ticks.
    assert_eq!(slow.groups[0], Pay { episode_return: 13.0, terms: vec![17.0, -4.0] });
    assert_eq!(slow.stratum, 0);
}

#[test]
fn rewards_are_clipped_as_totals_and_terms_are_not() {
    let mut lane = lane(Toy { clip: Some((-2.0, 2.0)), ..TOY }, 1, 0..1);
    step(&mut lane, &[[10.0, -10.0]]);
    let port = &lane.ports().groups[0];
    assert_eq!(port.terms, [10.0, -1.0, -9.0, -1.0]);
    assert_eq!(port.rewards, [2.0, -2.0]);
    let record = &lane.ports().finished[0];
    assert_eq!(record.groups[0], Pay { episode_return: 0.0, terms: vec![0.5, -1.0] });
}

#[test]
fn restore_brings_back_the_clock_the_tally_and_the_places() {
    let mut here = lane(TOY, 4, 3..4);
    step(&mut here, &[[1.0, 1.0]]);
    step(&mut here, &[[1.0, 1.0]]);
    let saved = here.snapshot(0);
    let mut there = lane(TOY, 4, 8..10);
    step(&mut there, &[[5.0, 5.0], [5.0, 5.0]]);
    there.restore(1, &saved).unwrap();
    assert_eq!(there.hash(1), here.hash(0));
    assert_eq!(there.ports().groups[0].observations, [805.0, 806.0, 302.0, 303.0]);
    assert_eq!(there.addresses().nth(1), Some(Address { env: 3, episode: 0, tick: 2 }));
    for _ in 0..2 {
        step(&mut here, &[[1.0, 1.0]]);
        step(&mut there, &[[0.0, 0.0], [1.0, 1.0]]);
    }
    assert_eq!(there.ports().finished, here.ports().finished, "env 8 has one tick to go");
}

#[test]
fn an_episode_can_begin_at_once_as_if_those_before_had_been_played() {
    let mut played = lane(TOY, 2, 5..7);
    for _ in 0..6 {
        step(&mut played, &[[1.0, 2.0]; 2]);
    }
    let mut jumped = lane(TOY, 2, 5..7);
    step(&mut jumped, &[[3.0, 3.0]; 2]);
    let other = (jumped.hash(1), jumped.ports().groups[0].observations[2..].to_vec());
    jumped.begin_episode(0, 3);
    assert_eq!(jumped.hash(0), played.hash(0));
    assert_eq!(jumped.ports().groups[0].observations[..2], [530.0, 531.0]);
    assert_eq!(jumped.addresses().next(), Some(Address { env: 5, episode: 3, tick: 0 }));
    assert_eq!((jumped.hash(1), jumped.ports().groups[0].observations[2..].to_vec()), other, "the env beside it");
    jumped.begin_episode(0, 0);
    assert_eq!(jumped.hash(0), lane(TOY, 2, 5..7).hash(0), "and back to the first");
}

#[test]
fn what_follows_from_a_state_that_was_changed_by_hand_is_derived_anew() {
    let mut lane = lane(TOY, 9, 0..2);
    let walkers: Vec<_> =
        lane.world_mut().query_filtered::<Entity, With<Walker>>().iter(lane.world()).step_by(WALKERS).collect();
    for walker in walkers {
        lane.world_mut().get_mut::<Place>(walker).unwrap().0 = 7.0;
    }
    assert_eq!(lane.ports().groups[0].observations, [0.0, 1.0, 100.0, 101.0]);
    lane.refresh(1);
    assert_eq!(lane.ports().groups[0].observations, [0.0, 1.0, 7.0, 101.0], "nobody asked for the other env");
}

#[test]
fn every_bit_of_the_state_changes_the_hash() {
    let mut lane = lane(TOY, 9, 0..2);
    let before = lane.hash(0);
    assert_ne!(before, lane.hash(1));
    let walker = lane.world_mut().query_filtered::<Entity, With<Walker>>().iter(lane.world()).next().unwrap();
    let mut place = lane.world_mut().get_mut::<Place>(walker).unwrap();
    place.0 = f32::from_bits(place.0.to_bits() ^ 1);
    assert_ne!(lane.hash(0), before);
}

#[test]
fn a_snapshot_of_another_domain_is_refused_with_a_reason() {
    let mut lane = lane(TOY, 9, 0..1);
    let saved = lane.snapshot(0);
    let error = lane.restore(0, &saved[..saved.len() - 1]).unwrap_err();
    assert!(error.to_string().contains("damaged at `place`"), "{error}");
    assert_eq!(error.exit_code(), 2);
    let error = lane.restore(0, &[&saved[..], &[0; 4]].concat()).unwrap_err();
    assert!(error.to_string().contains("4 bytes too many"), "{error}");
}

#[test]
fn envs_are_dealt_to_worlds_in_order_and_none_is_lost() {
    for (envs, envs_per_world, expected) in
        [(5, 2, vec![2, 2, 1]), (4, 4, vec![4]), (3, 100, vec![3]), (2, 0, vec![1, 1]), (0, 3, vec![])]
    {
        let mut batch = Batch::new(&TOY, 2, Seeds::new(1), 7..7 + envs, envs_per_world);
        assert_eq!(batch.lanes().iter().map(Lane::envs).collect::<Vec<_>>(), expected, "{envs} by {envs_per_world}");
        assert_eq!(batch.envs(), envs as usize);
        let numbers = |batch: &mut Batch| -> Vec<u64> {
            batch.lanes_mut().iter_mut().flat_map(|lane| lane.addresses().map(|a| a.env).collect::<Vec<_>>()).collect()
        };
        assert_eq!(numbers(&mut batch), (7..7 + envs).collect::<Vec<_>>());
        batch.step();
        batch.step();
        assert_eq!(batch.finished().map(|record| record.env).collect::<Vec<_>>(), (7..7 + envs).collect::<Vec<_>>());
    }
}

#[test]
fn evaluation_and_training_draw_from_different_addresses() {
    let training = lane(TOY, 9, 0..1).addresses().next().unwrap();
    let evaluation = lane(TOY, 9, EVALUATION_ENVS..EVALUATION_ENVS + 1).addresses().next().unwrap();
    let draw = |address| Seeds::new(1).stream(Purpose::new("test"), address).unit();
    assert_ne!(draw(training), draw(evaluation));
}

/// Trained policies and pinned hashes depend on these numbers.
#[test]
fn streams_are_pinned() {
    let address = Address { env: 3, episode: 5, tick: 7 };
    let mut stream = Seeds::new(11).stream(Purpose::new("pinned"), address);
    let drawn = [stream.unit().to_bits(), stream.normal().to_bits(), stream.uniform(-2.0, 5.0).to_bits()];
    assert_eq!((drawn, stream.below(1000)), PINNED);
}

const PINNED: ([u32; 3], usize) = ([1_062_742_460, 1_050_545_085, 1_076_836_744], 606);

#[test]
#[should_panic(expected = "entities of one kind share one table")]
fn entities_of_one_kind_in_two_tables_are_noticed() {
    #[derive(Component)]
    struct Odd;
    let mut world = World::new();
    world.spawn((Walker, Place(1.0)));
    world.spawn((Walker, Place(2.0), Odd));
    world.run_system_cached(|places: Query<&Place, With<Walker>>| column(&places).len()).unwrap();
}

#[test]
fn a_table_without_entities_is_an_empty_column() {
    let mut world = World::new();
    world.register_component::<Walker>();
    let lens = world.run_system_cached(|mut places: Query<&mut Place, With<Walker>>| column_mut(&mut places).len());
    assert_eq!(lens.unwrap(), 0);
}
