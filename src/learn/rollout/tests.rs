//! A rollout against the plainest way to collect one: env by env, each alone in its world.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::{collect::ACTION, *};
use crate::{
    domains::jamming::JammingParams,
    policy::{
        distribution::{HeadRows, Noise},
        network::{Activation, ActorShape, Network},
        tensor::NamedTensor,
    },
    sim::{ActionSpace, Domain, EpisodeRecord, Seeds},
};

const NUM_STEPS: usize = 9;
/// Episodes end in the middle of the rollout and once in its last tick.
const MAX_STEPS: u32 = 3;
const ENVS: u64 = 5;

fn domain() -> JammingParams {
    use crate::domains::jamming::scenario::{ObservationLayout, RewardMode};
    JammingParams {
        num_jammers: 3,
        observation: ObservationLayout::Seed5,
        reward: RewardMode::Individual,
        ..JammingParams::default()
    }
}

/// Some network for the domain, with a normaliser that is not the identity.
fn network() -> Network {
    let shape =
        ActorShape { observation: 5, hidden: 4, activation: Activation::Tanh, continuous: 2, discrete: vec![4] };
    let mut tensors = Vec::new();
    let mut tensor = |name: &str, shape: &[usize]| {
        let salt = name.bytes().map(usize::from).sum::<usize>();
        let data = (0..shape.iter().product()).map(|i| (((i + salt) * 7919) % 101) as f32 / 50.0 - 1.0).collect();
        tensors.push(NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data });
    };
    for (index, (inputs, outputs)) in shape.layers().into_iter().enumerate() {
        tensor(&format!("actor.{index}.weight"), &[inputs, outputs]);
        tensor(&format!("actor.{index}.bias"), &[outputs]);
    }
    tensor("actor.log_std", &[2]);
    tensors.push(NamedTensor {
        name: "normaliser.mean".to_owned(),
        shape: vec![5],
        data: vec![0.1, 0.0, -0.2, 0.0, 0.5],
    });
    tensors.push(NamedTensor {
        name: "normaliser.std".to_owned(),
        shape: vec![5],
        data: vec![0.5, 0.4, 1.0, 2.0, 0.3],
    });
    Network::from_tensors(shape, &tensors).unwrap()
}

fn head() -> HybridHead {
    let ActionSpace { continuous, discrete } = domain().spec(1).groups.remove(0).action;
    let bounds: Vec<_> = continuous.iter().map(|f| (*f.bounds.start(), *f.bounds.end())).collect();
    HybridHead::new(&bounds, &discrete.iter().map(|d| d.choices.len()).collect::<Vec<_>>()).unwrap()
}

fn actor<'a>(network: &'a Network, head: &'a HybridHead, teacher: Option<Teacher<'a>>) -> Actor<'a> {
    Actor { network, head, seeds: Seeds::new(4), teacher, stand_ins: Vec::new(), global: None }
}

fn play(
    batch: &mut Batch,
    rollout: &mut Rollout,
    actor: Actor<'_>,
    moments: &mut RunningMoments,
) -> Vec<EpisodeRecord> {
    collect(batch, &mut [Learning { rollout, actor, moments }], &[]).unwrap()
}

/// Envs in which some agents are told not to matter.
fn batch(envs_per_world: usize) -> Batch {
    let mut batch = Batch::new(&domain(), MAX_STEPS, Seeds::new(4), 0..ENVS, envs_per_world);
    for lane in batch.lanes_mut() {
        let first = lane.first_env();
        for (row, matters) in lane.ports_mut().groups[0].matters.iter_mut().enumerate() {
            *matters = is_told_to_matter(first as usize + row / 3, row % 3);
        }
    }
    batch
}

/// Two rollouts in a row, the second one of which is returned with the moments of both.
fn collected(envs_per_world: usize, is_shared: bool) -> (Rollout, RunningMoments, Vec<EpisodeRecord>) {
    let mut batch = batch(envs_per_world);
    let mut rollout = Rollout::new(Shape::of(&batch, 0, &head(), NUM_STEPS, is_shared));
    let (network, head) = (network(), head());
    let mut moments = RunningMoments::new(5);
    let mut records = Vec::new();
    for _ in 0..2 {
        let actor = actor(&network, &head, None);
        records = play(&mut batch, &mut rollout, actor, &mut moments);
    }
    (rollout, moments, records)
}

/// One agent of each env does not.
fn is_told_to_matter(env: usize, agent: usize) -> bool {
    env % 3 != agent
}

/// What one env went through, tick by tick.
#[derive(Default)]
struct Track {
    observations: Vec<Vec<f32>>,
    stored: Vec<Vec<f32>>,
    log_probs: Vec<Vec<f32>>,
    rewards: Vec<Vec<f32>>,
    truncated: Vec<bool>,
    /// After the tick, of the episode that the tick belongs to.
    ends: Vec<Vec<f32>>,
    last: Vec<f32>,
    records: Vec<EpisodeRecord>,
}

/// The second of two rollouts of the env `number`.
fn track(number: u64) -> Track {
    let (seeds, network, head) = (Seeds::new(4), network(), head());
    let mut lane = Lane::new(&domain(), MAX_STEPS, seeds, number..number + 1);
    let mut track = Track::default();
    for tick in 0..2 * NUM_STEPS {
        if tick == NUM_STEPS {
            track = Track::default();
        }
        let mut observations = vec![0.0; 15];
        network.normalise(&lane.ports().groups[0].observations, &mut observations);
        let mut stream = seeds.stream(ACTION, lane.addresses().next().unwrap());
        let (mut stored, mut actions, mut log_probs) = (vec![0.0; 9], vec![0.0; 9], vec![0.0; 3]);
        for agent in 0..3 {
            let mut row = vec![0.0; 6];
            // Nobody asks the network where it does not matter.
            if is_told_to_matter(number as usize, agent) {
                network.forward_normalised(
                    &observations[5 * agent..5 * (agent + 1)],
                    &mut row,
                    &mut Scratch::default(),
                );
            }
            let normals = [stream.normal(), stream.normal()];
            let uniforms = [stream.unit()];
            let three = 3 * agent..3 * (agent + 1);
            head.sample(
                HeadRows { head: &row, log_std: network.log_std(), masks: None },
                Noise { normals: &normals, uniforms: &uniforms },
                &mut stored[three.clone()],
                &mut actions[three],
                &mut log_probs[agent..=agent],
            );
        }
        lane.ports_mut().groups[0].actions.copy_from_slice(&actions);
        lane.step();
        let ports = lane.ports();
        let is_over = ports.truncated[0];
        let (now, end) = (&ports.groups[0].observations, &ports.groups[0].final_observations);
        let mut seen = vec![0.0; 15];
        network.normalise(if is_over { end } else { now }, &mut seen);
        track.last = vec![0.0; 15];
        network.normalise(now, &mut track.last);
        track.observations.push(observations);
        track.stored.push(stored);
        track.log_probs.push(log_probs);
        track.rewards.push(ports.groups[0].rewards.clone());
        track.truncated.push(is_over);
        track.ends.push(seen);
        track.records.extend_from_slice(&ports.finished);
    }
    track
}

/// The first step of each lane, and its envs.
fn lanes(envs_per_world: usize) -> Vec<(usize, std::ops::Range<usize>)> {
    let starts = (0..ENVS as usize).step_by(envs_per_world);
    starts.map(|start| (start * NUM_STEPS, start..(start + envs_per_world).min(ENVS as usize))).collect()
}

#[test]
fn steps_are_stored_lane_by_lane_then_tick_then_env() {
    let tracks: Vec<Track> = (0..ENVS).map(track).collect();
    for envs_per_world in [1, 2, 5] {
        for is_shared in [false, true] {
            let (rollout, _, records) = collected(envs_per_world, is_shared);
            let mut ends = rollout.end_steps.iter().zip(rollout.ends.observations.chunks_exact(15));
            let mut records = records.iter();
            for (first, envs) in lanes(envs_per_world) {
                for tick in 0..NUM_STEPS {
                    for env in envs.clone() {
                        let step = first + tick * envs.len() + env - envs.start;
                        let (what, track) =
                            (format!("env {env}, tick {tick} of {envs_per_world} a world"), &tracks[env]);
                        assert_eq!(
                            rollout.observations[15 * step..15 * (step + 1)],
                            track.observations[tick],
                            "{what}"
                        );
                        assert_eq!(rollout.stored[9 * step..9 * (step + 1)], track.stored[tick], "{what}");
                        assert_eq!(rollout.log_probs[3 * step..3 * (step + 1)], track.log_probs[tick], "{what}");
                        let matters = [0, 1, 2].map(|agent| is_told_to_matter(env, agent));
                        assert_eq!(rollout.matters[3 * step..3 * (step + 1)], matters, "{what}");
                        assert_eq!(rollout.truncated[step], track.truncated[tick], "{what}");
                        assert!(!rollout.terminated[step]);
                        if is_shared {
                            let mean = track.rewards[tick].iter().sum::<f32>() / 3.0;
                            assert_eq!(rollout.rewards[step], mean, "{what}");
                        } else {
                            assert_eq!(rollout.rewards[3 * step..3 * (step + 1)], track.rewards[tick], "{what}");
                        }
                        if track.truncated[tick] {
                            assert_eq!(ends.next(), Some((&step, &track.ends[tick][..])), "{what}");
                            assert_eq!(records.next().unwrap().env, env as u64, "{what}");
                        }
                    }
                }
                for env in envs {
                    let rows = 15 * env..15 * (env + 1);
                    assert_eq!(rollout.last.observations[rows], tracks[env].last, "env {env} after the last tick");
                }
            }
            assert!(ends.next().is_none() && records.next().is_none(), "nothing else has ended");
            assert_eq!(rollout.end_steps.len(), ENVS as usize * NUM_STEPS / MAX_STEPS as usize);
        }
    }
}

#[test]
fn records_are_those_of_this_rollout_only() {
    let (_, _, mut found) = collected(2, true);
    let mut expected: Vec<EpisodeRecord> = (0..ENVS).flat_map(|env| track(env).records).collect();
    let order = |record: &EpisodeRecord| (record.env, record.episode);
    expected.sort_by_key(order);
    found.sort_by_key(order);
    assert_eq!(found, expected);
    assert!(found.iter().all(|record| (3..6).contains(&record.episode)), "the first rollout had episodes 0 to 2");
}

/// The normaliser learns from what was seen, not from what it made of it.
#[test]
fn moments_are_those_of_the_raw_observations_acted_on() {
    let (_, moments, _) = collected(2, true);
    assert_eq!(moments.count(), 2 * ENVS * NUM_STEPS as u64 * 3);
    let mut batch = batch(1);
    let (network, head) = (network(), head());
    let mut rollout = Rollout::new(Shape::of(&batch, 0, &head, 1, true));
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for _ in 0..2 * NUM_STEPS {
        for lane in batch.lanes() {
            rows.extend(lane.ports().groups[0].observations.chunks_exact(5).map(<[f32]>::to_vec));
        }
        play(&mut batch, &mut rollout, actor(&network, &head, None), &mut RunningMoments::new(5));
    }
    for (column, (mean, variance)) in moments.mean().iter().zip(moments.variance()).enumerate() {
        let n = rows.len() as f64;
        let naive = rows.iter().map(|row| f64::from(row[column])).sum::<f64>() / n;
        let square = |row: &[f32]| (f64::from(row[column]) - naive) * (f64::from(row[column]) - naive);
        let spread = rows.iter().map(|row| square(row)).sum::<f64>() / n;
        assert!((mean - naive).abs() < 1e-9 && (variance - spread).abs() < 1e-9, "column {column}");
    }
}

/// Advantages of a rollout are those of its envs one by one, whichever lanes they share.
#[test]
fn advantages_do_not_mix_envs_or_lanes() {
    for envs_per_world in [1, 2, 5] {
        for is_shared in [false, true] {
            let (rollout, ..) = collected(envs_per_world, is_shared);
            let columns = if is_shared { 1 } else { 3 };
            let value = |kind: usize, at: usize| ((kind * 37 + at * 7919) % 199) as f32 / 50.0;
            let values: Vec<f32> = (0..rollout.rewards.len()).map(|at| value(0, at)).collect();
            let last: Vec<f32> = (0..ENVS as usize * columns).map(|at| value(1, at)).collect();
            let ends: Vec<f32> = (0..rollout.end_steps.len() * columns).map(|at| value(2, at)).collect();
            let (advantages, returns) = rollout.advantages((&values, &last, &ends), (0.9, 0.8)).unwrap();
            for (first, envs) in lanes(envs_per_world) {
                for env in envs.clone() {
                    for column in 0..columns {
                        let step = |tick: usize| first + tick * envs.len() + env - envs.start;
                        let mut next = 0.0;
                        for tick in (0..NUM_STEPS).rev() {
                            let at = step(tick) * columns + column;
                            let end = rollout.end_steps.iter().position(|ended| *ended == step(tick));
                            let after = match end {
                                Some(end) => ends[end * columns + column],
                                None if tick + 1 == NUM_STEPS => last[env * columns + column],
                                None => values[step(tick + 1) * columns + column],
                            };
                            let carried = if end.is_some() { 0.0 } else { next };
                            // Where nothing can be decided, lambda does not count.
                            let lambda = if is_shared || is_told_to_matter(env, column) { 0.8 } else { 1.0 };
                            next = rollout.rewards[at] + 0.9 * after - values[at] + 0.9 * lambda * carried;
                            assert!((advantages[at] - next).abs() < 1e-4, "env {env}, tick {tick}, column {column}");
                            assert!((returns[at] - next - values[at]).abs() < 1e-4);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_teacher_labels_every_step_and_plays_only_when_it_is_told_to() {
    let (network, head, seeds) = (network(), head(), Seeds::new(4));
    let collected = |plays: Option<bool>| {
        let mut batch = Batch::new(&domain(), MAX_STEPS, seeds, 0..ENVS, 2);
        let mut rollout = Rollout::new(Shape::of(&batch, 0, &head, NUM_STEPS, true));
        let policy = domain().baselines().into_iter().find(|baseline| baseline.name == "hold").unwrap().policy;
        let teacher = plays.map(|plays| Teacher { policy: &*policy, plays });
        let actor = actor(&network, &head, teacher);
        let records = play(&mut batch, &mut rollout, actor, &mut RunningMoments::new(5));
        (rollout, batch.hashes(), records)
    };
    let ((alone, alone_ends, _), (watched, watched_ends, watched_records), (played, played_ends, played_records)) =
        (collected(None), collected(Some(false)), collected(Some(true)));
    assert!(alone.labels.is_empty());
    assert_eq!((alone_ends, &alone.rewards, &alone.stored), (watched_ends.clone(), &watched.rewards, &watched.stored));
    // Every episode has ended, so the envs are where the next ones begin, whoever played.
    assert_eq!(watched_ends, played_ends);
    assert_ne!(watched.rewards, played.rewards);
    assert_eq!(watched.labels.len(), watched.stored.len());
    // `hold` orders no motion: the middle of both axes, which unsquashed is 0.
    for label in watched.labels.chunks_exact(3).chain(played.labels.chunks_exact(3)) {
        assert!(label[0].abs() < 1e-6 && label[1].abs() < 1e-6 && (0.0..4.0).contains(&label[2]), "{label:?}");
    }
    assert!(played_records.iter().all(|record| record.metrics[7] == 0.0), "a team that holds spends no energy");
    assert!(watched_records.iter().all(|record| record.metrics[7] > 0.0));
}
