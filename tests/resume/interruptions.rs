//! Stopped by hand, dead between two checkpoints, copied from a dead disk, on another number of threads: the same bits.

use std::fs;

use super::*;

/// Numbers that depend on the seed alone, for choosing when and how a run is interrupted.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    use agon::sim::{Address, Purpose, Seeds};
    let mut stream = Seeds::new(seed).stream(Purpose::new("test.dice"), Address { env: 0, episode: 0, tick: 0 });
    move |sides| stream.below(sides as usize) as u64
}

/// Interrupts a run `times` times, each time somewhere after the last and in any way, and compares what is left.
fn assert_interruptions_do_not_matter(plan: &Plan, iterations: u64, times: u64, dice: &mut impl FnMut(u64) -> u64) {
    let dir = tempfile::tempdir().unwrap();
    let whole = start(plan, &dir.path().join("whole"), &mut Watch::to_the_end());
    let expected = remains(&whole);
    assert_eq!(expected.metrics.len() as u64, iterations);

    let mut folder = dir.path().join("broken");
    let mut story = Vec::new();
    for time in 0..times {
        let what = match dice(3) {
            0 => Interruption::Stop,
            1 => Interruption::Die,
            _ => Interruption::Copy(dir.path().join(format!("copy-{time}"))),
        };
        // A run that died starts from its last checkpoint again, so what it had reached says nothing.
        let reached = if time == 0 { 0 } else { generation_of(&folder) };
        let at = reached + 1 + dice(iterations - reached - 1);
        story.push(format!("{what:?} after iteration {at}"));
        let mut watch = Watch::until(at, what);
        folder = if time == 0 { start(plan, &folder, &mut watch) } else { resume(&folder, &mut watch) };
        if reached + 1 >= iterations - 1 {
            break;
        }
    }
    let mut watch = Watch::to_the_end();
    let folder = resume(&folder, &mut watch);
    assert!(watch.warnings.is_empty(), "{:?}", watch.warnings);
    assert_same(&remains(&folder), &expected, &format!("seed {}, {story:?}", plan.seed));
}

/// Iterations that the newest checkpoint has seen.
fn generation_of(folder: &Path) -> u64 {
    newest(folder).step / STEPS_PER_ITERATION
}

#[test]
fn runs_that_learn_from_a_memory_come_to_the_same_bits() {
    for seed in 0..3 {
        for (algo, is_shared) in [(Algo::Maddpg, true), (Algo::Matd3, false), (Algo::Ddpg, false)] {
            let mut dice = dice(seed);
            assert_interruptions_do_not_matter(&remembering(seed, algo, is_shared), ITERATIONS, 3, &mut dice);
        }
    }
}

#[test]
fn twenty_seeds_interrupted_three_times_come_to_the_same_bits() {
    for seed in 0..20 {
        for algo in [Algo::Mappo, Algo::Ippo] {
            let mut dice = dice(seed);
            assert_interruptions_do_not_matter(&plan(seed, algo), ITERATIONS, 3, &mut dice);
        }
    }
}

#[test]
#[ignore = "make torture"]
fn two_hundred_seeds_interrupted_ten_times_come_to_the_same_bits() {
    for seed in 0..200 {
        for algo in [Algo::Mappo, Algo::Ippo] {
            let plan = Plan { goal: Goal::Steps(20 * STEPS_PER_ITERATION), ..plan(seed, algo) };
            assert_interruptions_do_not_matter(&plan, 20, 10, &mut dice(seed));
        }
    }
}

#[test]
fn a_curriculum_is_resumed_in_the_stage_it_was_in() {
    for seed in 0..4 {
        let stages = vec![scenario("skirmish"), scenario("hopping"), scenario("ratio-10-25")];
        let curriculum = Plan { stages, ..plan(seed, Algo::Mappo) };
        assert_interruptions_do_not_matter(&curriculum, ITERATIONS, 3, &mut dice(seed));
        // And at each place by itself: before, at and after both changes.
        let dir = tempfile::tempdir().unwrap();
        let expected = remains(&start(&curriculum, &dir.path().join("whole"), &mut Watch::to_the_end()));
        let stages: Vec<f64> = expected.metrics.iter().map(|line| line["charts/stage"].as_f64().unwrap()).collect();
        assert_eq!(stages, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
        for at in 1..ITERATIONS {
            let folder = dir.path().join(format!("at-{at}"));
            start(&curriculum, &folder, &mut Watch::until(at, Interruption::Stop));
            resume(&folder, &mut Watch::to_the_end());
            assert_same(&remains(&folder), &expected, &format!("stopped after iteration {at}"));
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_of_a_run() {
    let on = |threads: usize, work: &(dyn Fn() + Sync)| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work);
    };
    for algo in [Algo::Mappo, Algo::Ippo] {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(3, algo);
        on(1, &|| drop(start(&plan, &dir.path().join("1"), &mut Watch::to_the_end())));
        let expected = remains(&dir.path().join("1"));
        for threads in [2, 3, 8] {
            let folder = dir.path().join(threads.to_string());
            on(threads, &|| drop(start(&plan, &folder, &mut Watch::until(3, Interruption::Stop))));
            // Resumed on another number of threads than it was started on.
            on(9 - threads, &|| drop(resume(&folder, &mut Watch::to_the_end())));
            assert_same(&remains(&folder), &expected, &format!("{threads} threads, {algo:?}"));
        }
    }
}

#[test]
fn a_damaged_checkpoint_costs_the_work_since_the_one_before_and_no_bit() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(5, Algo::Mappo);
    let expected = remains(&start(&plan, &dir.path().join("whole"), &mut Watch::to_the_end()));
    let folder = dir.path().join("damaged");
    start(&plan, &folder, &mut Watch::until(2, Interruption::Stop));
    resume(&folder, &mut Watch::until(4, Interruption::Stop));
    let newest = folder.join(format!("checkpoints/{:012}.agon", 4 * STEPS_PER_ITERATION));
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    fs::write(&newest, bytes).unwrap();

    let mut watch = Watch::to_the_end();
    let session = Session::resume(&folder, None).unwrap();
    assert_eq!(session.counters().iterations, 2, "the newest good checkpoint");
    drive(session, &mut watch);
    assert!(watch.warnings.iter().any(|warning| warning.contains("checksum")), "{:?}", watch.warnings);
    assert_same(&remains(&folder), &expected, "resumed from the checkpoint before the damaged one");
}

/// With schedules that do not depend on the goal, a run that is made longer is the longer run.
#[test]
fn a_finished_run_can_be_made_longer() {
    let dir = tempfile::tempdir().unwrap();
    let mut long = plan(6, Algo::Ippo);
    (long.params.run.final_lr_fraction, long.params.ppo.final_ent_fraction) = (1.0, 1.0);
    let short = Plan { goal: Goal::Steps(2 * STEPS_PER_ITERATION), ..long.clone() };
    let expected = remains(&start(&long, &dir.path().join("long"), &mut Watch::to_the_end()));
    let folder = start(&short, &dir.path().join("short"), &mut Watch::to_the_end());
    assert_eq!(remains(&folder).metrics, expected.metrics[..2]);
    drive(Session::resume(&folder, Some(long.goal)).unwrap(), &mut Watch::to_the_end());
    assert_same(&remains(&folder), &expected, "made longer");
    // The new goal is the run's own from then on.
    let session = Session::resume(&folder, None).unwrap();
    assert_eq!(session.plan().goal, long.goal);
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = start(&plan(7, Algo::Mappo), &dir.path().join("run"), &mut Watch::to_the_end());
    let expected = remains(&folder);
    resume(&folder, &mut Watch::to_the_end());
    assert_same(&remains(&folder), &expected, "resumed after its end");
}

/// A teacher's memory must not outlive a rollout: nothing of it is saved.
#[test]
fn a_run_that_imitates_is_resumed_like_any_other() {
    for at in 1..ITERATIONS {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = plan(8, Algo::Mappo);
        plan.params.ppo.imitation = 0.5;
        let expected = remains(&start(&plan, &dir.path().join("whole"), &mut Watch::to_the_end()));
        let folder = dir.path().join("broken");
        start(&plan, &folder, &mut Watch::until(at, Interruption::Stop));
        resume(&folder, &mut Watch::to_the_end());
        assert_same(&remains(&folder), &expected, &format!("stopped after iteration {at}"));
    }
}
